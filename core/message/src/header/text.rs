//! Words for humans: Subject, Organization, Server, User-Agent, Priority (RFC 3261 §20.25, §20.26,
//! §20.35, §20.36, §20.41). Comments on other values are in [`expires`](super::expires) and
//! [`reason`](super::reason).

use crate::error::HeaderError;
use crate::header::Header;
use crate::header::expires::comment;
use crate::header::options::{token, tokens};
use crate::header::wraps::wraps;
use crate::name::HeaderName;
use crate::scan::{Scanner, class, is, trim, unfold};
use std::borrow::Cow;

/// A line of text, in UTF-8 or what the sender took for it; never judged.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    /// As written, folds and all.
    pub raw: &'a [u8],
}

impl<'a> Text<'a> {
    /// The text that `value` is. The grammar lets it be empty.
    ///
    /// # Errors
    /// If it holds a control that no header may hold.
    pub fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        let control = |octet: &u8| (*octet < b' ' && !is(*octet, class::LWS)) || *octet == 0x7f;
        match value.iter().position(control) {
            Some(at) => Err(HeaderError::new(at, "text without controls")),
            None => Ok(Text { raw: trim(value) }),
        }
    }

    /// Appends it, on one line.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend(&*self.octets());
    }

    /// The text on one line, octet for octet.
    pub fn octets(&self) -> Cow<'a, [u8]> {
        unfold(self.raw)
    }

    /// The text on one line, what is no UTF-8 replaced.
    pub fn as_text(&self) -> String {
        String::from_utf8_lossy(&self.octets()).into_owned()
    }
}

wraps! { Text:
    /// What the call is about (RFC 3261 §20.36).
    Subject,
    /// Whom the sender belongs to (RFC 3261 §20.25).
    Organization,
}

/// A piece of `Server` or `User-Agent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product<'a> {
    /// `HomeServer/v2`.
    Named {
        /// Its name.
        name: &'a [u8],
        /// Its version.
        version: Option<&'a [u8]>,
    },
    /// `(build 7)`, as written.
    Comment(&'a [u8]),
}

/// Software, named by itself: `HomeServer/v2 (build 7)`.
#[derive(Clone, Copy, Debug)]
pub struct Software<'a> {
    /// As written.
    pub text: Text<'a>,
}

impl<'a> Software<'a> {
    /// The software that `value` names. What it writes is never judged: phones write anything.
    ///
    /// # Errors
    /// If it holds a control that no header may hold.
    pub fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        Text::decode(value).map(|text| Software { text })
    }

    /// Appends it, on one line.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.text.encode(out);
    }

    /// Its products and comments, up to what is neither.
    pub fn products(&self) -> impl Iterator<Item = Product<'a>> + use<'a> {
        let mut scanner = Scanner::new(self.text.raw);
        std::iter::from_fn(move || {
            scanner.skip_lws();
            if scanner.peek()? == b'(' {
                return comment(&mut scanner).ok().map(Product::Comment);
            }
            let name = scanner.token().ok()?;
            let version = if scanner.eat_around(b'/') { Some(scanner.token().ok()?) } else { None };
            Some(Product::Named { name, version })
        })
    }
}

wraps! { Software:
    /// What answered (RFC 3261 §20.35).
    Server,
    /// What the user's agent is (RFC 3261 §20.41).
    UserAgent,
}

tokens! {
    /// How urgent the caller finds it (RFC 3261 §20.26).
    Priority,
}

impl Priority<'_> {
    /// Life or limb is in danger, says the caller.
    pub fn is_emergency(&self) -> bool {
        self.as_str().eq_ignore_ascii_case("emergency")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_unfolded_and_may_be_empty() {
        // tests rfc3261 §20.25, §20.36
        let subject = Subject::decode(b" I know you're there,\r\n   pick up ").unwrap();
        assert_eq!(subject.as_text(), "I know you're there, pick up");
        assert_eq!(subject.to_value(), b"I know you're there, pick up");
        assert_eq!(Organization::decode(b"").unwrap().as_text(), "");
        assert_eq!(Organization::decode(b"J\xf6rg").unwrap().octets().len(), 4);
        assert_eq!(Subject::decode(b"a\0b").unwrap_err().at(), 1);
    }

    #[test]
    fn software_is_products_and_comments() {
        // tests rfc3261 §20.35, §20.41
        let agent = UserAgent::decode(b"Softphone Beta1.5 / 2 (linux (x86)) ???").unwrap();
        let products: Vec<_> = agent.products().collect();
        assert_eq!(
            products,
            [
                Product::Named { name: b"Softphone", version: None },
                Product::Named { name: b"Beta1.5", version: Some(b"2") },
                Product::Comment(b"(linux (x86))"),
            ]
        );
        assert_eq!(Server::decode(b"HomeServer v2 [x]").unwrap().to_value(), b"HomeServer v2 [x]");
    }

    #[test]
    fn priorities_are_tokens() {
        // tests rfc3261 §20.26
        assert!(Priority::decode(b"Emergency").unwrap().is_emergency());
        assert!(!Priority::decode(b"non-urgent").unwrap().is_emergency());
        assert!(Priority::decode(b"very urgent").is_err());
    }
}
