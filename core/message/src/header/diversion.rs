//! Where a request has been sent before: Diversion (RFC 5806), History-Info (RFC 7044). A type here
//! is one element of its list. Who adds an entry is core/proxy's.

use crate::header::address::address_header;
use crate::header::expires::delta_seconds_of;
use std::borrow::Cow;

address_header! {
    /// Who sent the call on: `<sip:bob@h>;reason=user-busy;counter=1` (RFC 5806 §4).
    Diversion = Diversion,
    /// A URI that the request was sent to: `<sip:bob@h>;index=1.1;rc=1` (RFC 7044 §5).
    HistoryInfo = HistoryInfo,
}

impl<'a> Diversion<'a> {
    /// Why: `user-busy`, `no-answer`, `unconditional`, ...
    pub fn reason(&self) -> Option<Cow<'a, [u8]>> {
        self.0.params.unquoted("reason")
    }

    /// How many times the call was sent on here.
    pub fn counter(&self) -> Option<u32> {
        delta_seconds_of(self.0.params.get("counter").flatten()?)
    }

    /// How many times the call may be sent on.
    pub fn limit(&self) -> Option<u32> {
        delta_seconds_of(self.0.params.get("limit").flatten()?)
    }

    /// What of the address is to be hidden: `full`, `name`, `uri`, `off`.
    pub fn privacy(&self) -> Option<Cow<'a, [u8]>> {
        self.0.params.unquoted("privacy")
    }
}

/// How a URI of [`HistoryInfo`] came from the one that `index` names (RFC 7044 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Derived<'a> {
    /// A contact of the same user: `rc`.
    Registered(Index<'a>),
    /// Another user: `mp`.
    Mapped(Index<'a>),
    /// The same, sent on unchanged: `np`.
    Unchanged(Index<'a>),
}

/// A place in the tree of [`HistoryInfo`]: `1.2.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Index<'a>(&'a str);

impl<'a> Index<'a> {
    // rfc7044 §5
    fn parse(text: &'a [u8]) -> Option<Self> {
        let text = str::from_utf8(text).ok()?;
        let is_number = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|octet| octet.is_ascii_digit())
                && (part.len() == 1 || !part.starts_with('0'))
        };
        text.split('.').all(is_number).then_some(Index(text))
    }

    /// As written.
    pub const fn as_str(&self) -> &'a str {
        self.0
    }

    /// Hops from the first URI, which is at 1.
    pub fn depth(&self) -> usize {
        self.0.split('.').count()
    }
}

impl<'a> HistoryInfo<'a> {
    /// Where in the tree this URI stands.
    pub fn index(&self) -> Option<Index<'a>> {
        self.index_in("index")
    }

    /// Which URI it came from, and how; `None` if not said.
    pub fn derived(&self) -> Option<Derived<'a>> {
        self.index_in("rc")
            .map(Derived::Registered)
            .or_else(|| self.index_in("mp").map(Derived::Mapped))
            .or_else(|| self.index_in("np").map(Derived::Unchanged))
    }

    fn index_in(&self, param: &str) -> Option<Index<'a>> {
        Index::parse(self.0.params.get(param).flatten()?)
    }

    /// The value of a header of the URI, as escaped there: `Reason` or `Privacy` (RFC 7044 §5).
    pub fn uri_header(&self, name: &str) -> Option<&'a [u8]> {
        self.0
            .uri
            .headers()
            .find(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::Header;

    #[test]
    fn a_diversion_says_why_and_how_often() {
        // tests rfc5806 §4
        let diversion = Diversion::decode(
            b"\"Bob\" <sip:Bob@uas1.isp.com> ;reason=\"user-busy\";counter=2;limit=5;privacy=off",
        )
        .unwrap();
        assert_eq!(&*diversion.reason().unwrap(), b"user-busy");
        assert_eq!((diversion.counter(), diversion.limit()), (Some(2), Some(5)));
        assert_eq!(&*diversion.privacy().unwrap(), b"off");
        assert_eq!(Diversion::decode(b"<tel:+1>;counter=x").unwrap().counter(), None);
    }

    #[test]
    fn a_history_is_a_tree() {
        // tests rfc7044 §5
        let info =
            HistoryInfo::decode(b"<sip:bob@192.0.2.3?Reason=SIP%3Bcause%3D302>;index=1.1.2;mp=1.1").unwrap();
        let index = info.index().unwrap();
        assert_eq!((index.as_str(), index.depth()), ("1.1.2", 3));
        assert!(matches!(info.derived(), Some(Derived::Mapped(from)) if from.as_str() == "1.1"));
        assert_eq!(info.uri_header("reason"), Some(&b"SIP%3Bcause%3D302"[..]));
        let index = |index: &str| {
            let value = format!("<sip:a@h>;index={index}");
            HistoryInfo::decode(value.as_bytes()).unwrap().index().map(|index| index.depth())
        };
        assert_eq!([index("1"), index("0.10")], [Some(1), Some(2)]);
        for bad in ["1.", ".1", "01", "1.01", "1..2", "1.a", "a.1", "\"\""] {
            assert_eq!(index(bad), None, "{bad}");
        }
    }
}
