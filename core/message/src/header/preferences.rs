//! What a contact can do, and which contacts a caller wants: feature parameters (RFC 3840 §9),
//! Accept-Contact, Reject-Contact, Request-Disposition (RFC 3841 §9, §10). Choosing by them is
//! core/proxy's.

use crate::error::HeaderError;
use crate::header::Header;
use crate::header::options::{token, tokens};
use crate::header::wraps::wraps;
use crate::name::HeaderName;
use crate::params::{Param, Params};
use crate::scan::{Scanner, trim};

/// `*;audio;require` (RFC 3841 §9.2).
#[derive(Clone, Copy, Debug)]
pub struct FeatureSet<'a> {
    /// The parameters, features among them.
    pub params: Params<'a>,
}

impl<'a> FeatureSet<'a> {
    /// Reads one that fills `value`.
    ///
    /// # Errors
    /// If it is not `*` and parameters.
    pub fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        let mut scanner = Scanner::new(value);
        scanner.skip_lws();
        if !scanner.eat(b'*') {
            return Err(scanner.expected("*"));
        }
        let params = Params::scan(&mut scanner)?;
        scanner.end()?;
        Ok(FeatureSet { params })
    }

    /// Appends it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(b'*');
        out.extend(self.params.as_bytes());
    }

    /// A contact that does not match is not called at all (RFC 3841 §7.2.4).
    pub fn is_require(&self) -> bool {
        self.params.contains("require")
    }

    /// A contact that does not say it matches does not match (RFC 3841 §7.2.4).
    pub fn is_explicit(&self) -> bool {
        self.params.contains("explicit")
    }

    /// The features.
    pub fn features(&self) -> impl Iterator<Item = Feature<'a>> + use<'a> {
        features(&self.params)
    }
}

wraps! { FeatureSet:
    /// Contacts that the caller wants (RFC 3841 §9.2); one element of its list.
    AcceptContact,
    /// Contacts that the caller does not want (RFC 3841 §9.2); one element of its list.
    RejectContact,
}

/// The feature tags that stand without a `+` (RFC 3840 §9).
const BASE_TAGS: [&str; 20] = [
    "actor",
    "application",
    "audio",
    "automata",
    "class",
    "control",
    "data",
    "description",
    "duplex",
    "events",
    "extensions",
    "isfocus",
    "language",
    "methods",
    "mobility",
    "priority",
    "schemes",
    "text",
    "type",
    "video",
];

/// A feature and its values: `+sip.rendering="no"`, `audio`, `methods="INVITE,BYE"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feature<'a> {
    /// The tag as written, with its `+`; compare without case.
    pub tag: &'a [u8],
    /// The values as written, without quotes; `None` stands for TRUE.
    values: Option<&'a [u8]>,
}

/// One value of a feature (RFC 3840 §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureValue<'a> {
    /// It has any value but this.
    pub negated: bool,
    /// The value.
    pub kind: FeatureKind<'a>,
}

/// What kind of value a feature has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeatureKind<'a> {
    /// `TRUE` or `FALSE`.
    Boolean(bool),
    /// A word; compares without case.
    Token(&'a [u8]),
    /// `#=4`, `#>=4`, `#<=4`, `#1:4`: the relation and the numbers, as written after the `#`.
    Numeric(&'a [u8]),
    /// `<text>`, without its angle brackets; compares with case.
    Text(&'a [u8]),
}

/// The features among the parameters of a Contact, or of an [`AcceptContact`].
// rfc3840 §9
pub fn features<'a>(params: &Params<'a>) -> impl Iterator<Item = Feature<'a>> + use<'a> {
    params.iter().filter_map(|Param { name, value }| {
        let text = str::from_utf8(name).ok()?;
        let is_feature = name.starts_with(b"+") || BASE_TAGS.iter().any(|tag| text.eq_ignore_ascii_case(tag));
        // Escapes have no place in a value that means something here.
        let values = value.map(|value| {
            value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value)
        });
        is_feature.then_some(Feature { tag: name, values })
    })
}

impl<'a> Feature<'a> {
    /// Its values, any of which it may have.
    pub fn values(&self) -> impl Iterator<Item = FeatureValue<'a>> + use<'a> {
        let values = self.values.unwrap_or(b"TRUE");
        // A text may hold commas, and is the only value.
        let is_text = values.starts_with(b"<");
        values.split(move |octet| *octet == b',' && !is_text).map(feature_value)
    }
}

fn feature_value(value: &[u8]) -> FeatureValue<'_> {
    let value = trim(value);
    let (negated, value) = match value.strip_prefix(b"!") {
        Some(value) => (true, value),
        None => (false, value),
    };
    let kind = match value {
        [b'<', text @ .., b'>'] => FeatureKind::Text(text),
        [b'#', number @ ..] => FeatureKind::Numeric(number),
        word if word.eq_ignore_ascii_case(b"TRUE") => FeatureKind::Boolean(true),
        word if word.eq_ignore_ascii_case(b"FALSE") => FeatureKind::Boolean(false),
        word => FeatureKind::Token(word),
    };
    FeatureValue { negated, kind }
}

tokens! {
    /// How a proxy should treat the request: `no-fork` (RFC 3841 §9.1); one element of its list.
    RequestDisposition,
}

/// What a caller wishes of proxies (RFC 3841 §9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directive {
    /// Send the request on, rather than redirect it: `proxy`.
    Proxy,
    /// Redirect it: `redirect`.
    Redirect,
    /// Cancel the others when one answers: `cancel`.
    Cancel,
    /// Leave them: `no-cancel`.
    NoCancel,
    /// Ring several: `fork`.
    Fork,
    /// Ring one: `no-fork`.
    NoFork,
    /// Follow redirections: `recurse`.
    Recurse,
    /// Pass them up: `no-recurse`.
    NoRecurse,
    /// Ring all at once: `parallel`.
    Parallel,
    /// Ring one after the other: `sequential`.
    Sequential,
    /// Wait if the callee is busy: `queue`.
    Queue,
    /// Do not wait: `no-queue`.
    NoQueue,
}

const DIRECTIVES: [(&str, Directive); 12] = [
    ("proxy", Directive::Proxy),
    ("redirect", Directive::Redirect),
    ("cancel", Directive::Cancel),
    ("no-cancel", Directive::NoCancel),
    ("fork", Directive::Fork),
    ("no-fork", Directive::NoFork),
    ("recurse", Directive::Recurse),
    ("no-recurse", Directive::NoRecurse),
    ("parallel", Directive::Parallel),
    ("sequential", Directive::Sequential),
    ("queue", Directive::Queue),
    ("no-queue", Directive::NoQueue),
];

impl RequestDisposition<'_> {
    /// The directive, if it is one of RFC 3841.
    pub fn directive(&self) -> Option<Directive> {
        DIRECTIVES
            .iter()
            .find(|(text, _)| self.as_str().eq_ignore_ascii_case(text))
            .map(|(_, directive)| *directive)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::address::NameAddr;

    #[test]
    fn a_contact_lists_its_features() {
        // tests rfc3840 §9
        let contact = NameAddr::decode(
            b"<sip:u1@h>;q=0.5;audio;video=\"FALSE\";methods=\"INVITE,!BYE\";+sip.x=\"#>=4\";+sip.instance=\"<urn:a,b>\";mobility=\"fixed\";Actor",
        )
        .unwrap();
        let read: Vec<_> = features(&contact.params())
            .map(|feature| (feature.tag, feature.values().collect::<Vec<_>>()))
            .collect();
        let value = |negated, kind| FeatureValue { negated, kind };
        assert_eq!(
            read,
            [
                (&b"audio"[..], vec![value(false, FeatureKind::Boolean(true))]),
                (b"video", vec![value(false, FeatureKind::Boolean(false))]),
                (
                    b"methods",
                    vec![
                        value(false, FeatureKind::Token(b"INVITE")),
                        value(true, FeatureKind::Token(b"BYE"))
                    ]
                ),
                (b"+sip.x", vec![value(false, FeatureKind::Numeric(b">=4"))]),
                (b"+sip.instance", vec![value(false, FeatureKind::Text(b"urn:a,b"))]),
                (b"mobility", vec![value(false, FeatureKind::Token(b"fixed"))]),
                (b"Actor", vec![value(false, FeatureKind::Boolean(true))]),
            ]
        );
    }

    #[test]
    fn features_are_the_base_tags_and_what_has_a_plus() {
        // tests rfc3840 §9
        let all = "audio automata class duplex data control mobility description events priority methods schemes application video language type isfocus actor text extensions +x";
        let params: String = all.split(' ').map(|tag| format!(";{tag}")).collect();
        let contact = format!("<sip:u1@h>;q=0.5;expires=1;reg-id=1;x{params}");
        let contact = NameAddr::decode(contact.as_bytes()).unwrap();
        let tags: Vec<_> =
            features(&contact.params()).map(|feature| String::from_utf8_lossy(feature.tag)).collect();
        assert_eq!(tags.join(" "), all);
    }

    #[test]
    fn a_caller_wants_contacts_and_does_not_want_others() {
        // tests rfc3841 §9.2
        let accept = AcceptContact::decode(b"*;audio;require").unwrap();
        assert!(accept.is_require() && !accept.is_explicit());
        assert_eq!(accept.features().count(), 1);
        assert_eq!(
            RejectContact::decode(b"* ;actor=\"msg-taker\";video").unwrap().to_value(),
            b"* ;actor=\"msg-taker\";video"
        );
        for bad in [&b""[..], b"audio", b"*audio", b"*;"] {
            assert!(AcceptContact::decode(bad).is_err());
        }
    }

    #[test]
    fn directives_are_words() {
        // tests rfc3841 §9.1
        for (text, directive) in DIRECTIVES {
            assert_eq!(RequestDisposition::decode(text.as_bytes()).unwrap().directive(), Some(directive));
        }
        let all = "proxy redirect cancel no-cancel fork no-fork recurse no-recurse parallel sequential queue no-queue";
        assert_eq!(DIRECTIVES.map(|(text, _)| text).join(" "), all);
        assert_eq!(RequestDisposition::decode(b"No-Fork").unwrap().directive(), Some(Directive::NoFork));
        assert_eq!(RequestDisposition::decode(b"x").unwrap().directive(), None);
    }
}
