//! Call-ID and In-Reply-To (RFC 3261 §20.8, §20.21), and the headers that name a dialog by one:
//! Replaces (RFC 3891), Join (RFC 3911), Target-Dialog (RFC 4538). Dialogs themselves are
//! core/dialog's.

use crate::error::HeaderError;
use crate::header::wraps::wraps;
use crate::params::Params;
use crate::scan::{Scanner, class};

/// Takes a `callid`: a word, or two with an `@` between.
// rfc3261 §25.1
pub(crate) fn callid<'a>(scanner: &mut Scanner<'a>) -> Result<&'a [u8], HeaderError> {
    let start = scanner.at();
    if scanner.run(class::WORD).is_empty() {
        return Err(scanner.expected("a Call-ID"));
    }
    if scanner.eat(b'@') && scanner.run(class::WORD).is_empty() {
        return Err(scanner.expected("a word after the @"));
    }
    Ok(scanner.since(start))
}

/// A Call-ID as it stands alone; compares octet by octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallIdText<'a> {
    /// As written.
    pub text: &'a [u8],
}

impl<'a> CallIdText<'a> {
    /// Reads one that fills `value`.
    ///
    /// # Errors
    /// If it is none.
    pub fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        let mut scanner = Scanner::new(value);
        scanner.skip_lws();
        let text = callid(&mut scanner)?;
        scanner.end()?;
        Ok(CallIdText { text })
    }

    /// Appends it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.text);
    }
}

wraps! { CallIdText:
    /// Names a call, or the registrations of a client (RFC 3261 §20.8).
    CallId,
    /// A call that this one returns (RFC 3261 §20.21); one element of its list.
    InReplyTo,
}

/// A Call-ID and two tags: `425928@bobster.example.org;to-tag=7743;from-tag=6472`.
#[derive(Clone, Copy, Debug)]
pub struct DialogName<'a> {
    /// The Call-ID.
    pub call_id: &'a [u8],
    /// The parameters, the tags among them.
    pub params: Params<'a>,
}

impl<'a> DialogName<'a> {
    fn decode_with(value: &'a [u8], tags: [&str; 2]) -> Result<Self, HeaderError> {
        let mut scanner = Scanner::new(value);
        scanner.skip_lws();
        let call_id = callid(&mut scanner)?;
        let start = scanner.at();
        let params = Params::scan(&mut scanner)?;
        scanner.end()?;
        // Without both it names no dialog; with one of them twice, nobody knows which.
        for tag in tags {
            let mut same = params.iter().filter(|param| param.name.eq_ignore_ascii_case(tag.as_bytes()));
            if same.next().and_then(|param| param.value).is_none() || same.next().is_some() {
                return Err(HeaderError::new(start, "each of the two tags once"));
            }
        }
        Ok(DialogName { call_id, params })
    }

    /// Appends it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.call_id);
        out.extend(self.params.as_bytes());
    }

    fn tag(&self, name: &str) -> &'a [u8] {
        self.params.get(name).flatten().unwrap_or_default()
    }
}

/// A name with `to-tag` and `from-tag`, seen from who receives it.
#[derive(Clone, Copy, Debug)]
pub struct TaggedDialog<'a>(DialogName<'a>);

impl<'a> TaggedDialog<'a> {
    /// Reads one that fills `value`.
    ///
    /// # Errors
    /// If it has not exactly one `to-tag` and one `from-tag`.
    // rfc3891 §6.1, rfc3911 §7.1
    pub fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        DialogName::decode_with(value, ["to-tag", "from-tag"]).map(TaggedDialog)
    }

    /// Appends it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }

    /// The Call-ID of the dialog.
    pub const fn call_id(&self) -> &'a [u8] {
        self.0.call_id
    }

    /// The tag of who receives this: its local tag. `0` also stands for none (RFC 3891 §3).
    pub fn to_tag(&self) -> &'a [u8] {
        self.0.tag("to-tag")
    }

    /// The tag of the other side: the remote tag of who receives this.
    pub fn from_tag(&self) -> &'a [u8] {
        self.0.tag("from-tag")
    }

    /// Only if the dialog is not yet confirmed (RFC 3891 §6.1).
    pub fn is_early_only(&self) -> bool {
        self.0.params.contains("early-only")
    }

    /// All parameters.
    pub const fn params(&self) -> Params<'a> {
        self.0.params
    }
}

wraps! { TaggedDialog:
    /// A dialog that the new one takes the place of (RFC 3891 §6.1).
    Replaces,
    /// A dialog that the new one joins (RFC 3911 §7.1).
    Join,
}

/// A name with `local-tag` and `remote-tag`, seen from who sends it.
#[derive(Clone, Copy, Debug)]
pub struct KnownDialog<'a>(DialogName<'a>);

impl<'a> KnownDialog<'a> {
    /// Reads one that fills `value`.
    ///
    /// # Errors
    /// If it has not exactly one `local-tag` and one `remote-tag`.
    // rfc4538 §7
    pub fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        DialogName::decode_with(value, ["local-tag", "remote-tag"]).map(KnownDialog)
    }

    /// Appends it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }

    /// The Call-ID of the dialog.
    pub const fn call_id(&self) -> &'a [u8] {
        self.0.call_id
    }

    /// The tag of the sender.
    pub fn local_tag(&self) -> &'a [u8] {
        self.0.tag("local-tag")
    }

    /// The tag of the receiver.
    pub fn remote_tag(&self) -> &'a [u8] {
        self.0.tag("remote-tag")
    }

    /// All parameters.
    pub const fn params(&self) -> Params<'a> {
        self.0.params
    }
}

wraps! { KnownDialog:
    /// A dialog between the same two, that the sender knows of (RFC 4538 §7).
    TargetDialog,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::Header;

    #[test]
    fn a_call_id_is_a_word_or_two() {
        // tests rfc3261 §20.8, §20.21, §25.1
        for good in [
            "f81d4fae-7dec-11d0-a765-00a0c91e6bf6@biloxi.com",
            "a",
            "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{",
        ] {
            assert_eq!(CallId::decode(good.as_bytes()).unwrap().text, good.as_bytes());
        }
        for (bad, at) in [("", 0), ("@a", 0), ("a@", 2), ("a@b@c", 3), ("a b", 2), ("a;b", 1)] {
            assert_eq!(InReplyTo::decode(bad.as_bytes()).unwrap_err().at(), at, "{bad}");
        }
    }

    #[test]
    fn a_dialog_to_replace_has_both_tags() {
        // tests rfc3891 §6.1
        let replaces = Replaces::decode(b"12adf2f34456gs5;to-tag=12345;from-tag=54321;early-only").unwrap();
        assert_eq!(
            (replaces.call_id(), replaces.to_tag(), replaces.from_tag()),
            (&b"12adf2f34456gs5"[..], &b"12345"[..], &b"54321"[..])
        );
        assert!(replaces.is_early_only());
        assert_eq!(replaces.to_value(), b"12adf2f34456gs5;to-tag=12345;from-tag=54321;early-only");
        let folded =
            Replaces::decode(b"98732@sip.example.com\r\n ;from-tag=r33th4x0r\r\n ;to-tag=ff87ff").unwrap();
        assert_eq!((folded.to_tag(), folded.is_early_only()), (&b"ff87ff"[..], false));
        for bad in [
            "a@b",
            "a@b;to-tag=1",
            "a@b;to-tag=1;from-tag",
            "a@b;to-tag=1;from-tag=2;To-Tag=3",
            ";to-tag=1;from-tag=2",
        ] {
            assert!(Replaces::decode(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_dialog_to_join_has_both_tags() {
        // tests rfc3911 §7.1
        let join = Join::decode(b"7@c.example.org;to-tag=xyz;from-tag=pdq").unwrap();
        assert_eq!(
            (join.call_id(), join.to_tag(), join.from_tag()),
            (&b"7@c.example.org"[..], &b"xyz"[..], &b"pdq"[..])
        );
        assert!(Join::decode(b"7@c.example.org").is_err());
    }

    #[test]
    fn a_known_dialog_is_seen_from_its_sender() {
        // tests rfc4538 §7
        let target =
            TargetDialog::decode(b"fa77as7dad8-sd98ajzz@host.example.com ;local-tag=kkaz- ;remote-tag=6544")
                .unwrap();
        assert_eq!((target.local_tag(), target.remote_tag()), (&b"kkaz-"[..], &b"6544"[..]));
        assert!(TargetDialog::decode(b"a;to-tag=1;from-tag=2").is_err());
    }
}
