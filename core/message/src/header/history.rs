//! Where a request has been: History-Info (RFC 7044 §5), and what is added to it as the request goes on
//! ([`History`]). A [`HistoryInfo`] is one element of the list.
//!
//! Not here: Diversion, which says less of the same ([`diversion`](crate::header::diversion)); who sends a request
//! on, and why (core/agent, core/session, core/proxy).

use crate::fields::Fields;
use crate::header::Header;
use crate::header::address::{Contact, address_header};
use crate::name::HeaderName;
use crate::request::Request;
use crate::response::Response;
use crate::status::StatusCode;
use crate::uri::{Scheme, Uri, UriRef, escape_header};
use std::fmt;

address_header! {
    /// A URI that the request was sent to: `<sip:bob@h>;index=1.1;rc=1` (RFC 7044 §5).
    HistoryInfo = HistoryInfo,
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

impl<'a> Derived<'a> {
    /// What is said by the value of each parameter.
    // rfc7044 §5
    fn read(param: impl Fn(&str) -> Option<Index<'a>>) -> Option<Self> {
        param("rc")
            .map(Derived::Registered)
            .or_else(|| param("mp").map(Derived::Mapped))
            .or_else(|| param("np").map(Derived::Unchanged))
    }

    /// What a Contact of a redirection says of itself; `np` is none of it.
    // rfc7044 §10.4
    pub fn of_contact(contact: &Contact<'a>) -> Option<Self> {
        let params = contact.address()?.params();
        Derived::read(|name| Index::parse(params.get(name).flatten().filter(|_| name != "np")?))
    }
}

impl fmt::Display for Derived<'_> {
    /// As a parameter.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Derived::Registered(from) => write!(f, "rc={}", from.as_str()),
            Derived::Mapped(from) => write!(f, "mp={}", from.as_str()),
            Derived::Unchanged(from) => write!(f, "np={}", from.as_str()),
        }
    }
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

    /// What it is ordered by: parents before children, children in the order of their numbers.
    // rfc7044 §9.2: the preorder of the tree
    fn order(&self) -> Vec<u64> {
        self.0.split('.').map(|part| part.parse().unwrap_or(u64::MAX)).collect()
    }
}

impl<'a> HistoryInfo<'a> {
    /// Where in the tree this URI stands.
    pub fn index(&self) -> Option<Index<'a>> {
        self.index_in("index")
    }

    /// Which URI it came from, and how; `None` if not said.
    pub fn derived(&self) -> Option<Derived<'a>> {
        Derived::read(|name| self.index_in(name))
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

    /// It may be told who this is.
    // rfc7044 §10.1.1
    fn is_open(&self) -> bool {
        let privacy = self.uri_header("Privacy");
        !self.uri().is_anonymous() && privacy.is_none_or(|asked| asked.eq_ignore_ascii_case(b"none"))
    }
}

/// Most entries that are kept; those beyond are left out.
const ENTRIES_MAX: usize = 64;
/// Most octets of an entry that is copied out of a response; a longer one is left out.
const ENTRY_OCTETS_MAX: usize = 512;
/// Most values of Reason that are copied out of one response, and most octets of each; a longer one is left out.
const REASONS_MAX: usize = 4;
const REASON_OCTETS_MAX: usize = 256;

/// Where a request has been, in the order of the tree: what RFC 7044 calls the cache. What cannot be read is left
/// out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    index: String,
    /// As an element of History-Info.
    value: Vec<u8>,
    /// Nobody said so before us.
    is_added: bool,
}

impl History {
    /// What a message says.
    pub fn of(fields: &Fields) -> Self {
        let mut history = History::default();
        for info in fields.headers_of::<HistoryInfo<'_>>().filter_map(Result::ok) {
            history.insert(&info);
        }
        history
    }

    /// What is known of a request as it was received: what it says, and where whoever sent it, and wrote nothing,
    /// has sent it.
    // rfc7044 §9.1
    pub fn received(request: &Request) -> Self {
        let mut history = History::of(request);
        let is_missing = match request.headers_of::<HistoryInfo<'_>>().filter_map(Result::ok).last() {
            Some(last) => !last.uri().is_anonymous() && last.uri().without_headers() != request.uri(),
            None => true,
        };
        if is_missing {
            // rfc7044 §10.3: 0 for the gap
            let index = history.last().map_or_else(|| "1".to_owned(), |last| format!("{last}.0"));
            history.push(index, request.uri(), None);
        }
        history
    }

    /// The index of the last entry: where the request is.
    pub fn last(&self) -> Option<&str> {
        self.entries.last().map(|entry| entry.index.as_str())
    }

    /// It goes on from here to `uri`, for the same user, by this branch, the first of which is 1.
    // rfc7044 §9.2, §10.3: another level, and a number for each branch
    pub fn forward(&mut self, branch: usize, uri: UriRef<'_>) {
        let Some(last) = self.last().map(str::to_owned) else { return };
        let is_same = self.entry(&last).is_some_and(|info| info.uri().without_headers() == uri);
        // rfc7044 §10.4
        let derived =
            if is_same { Derived::Unchanged(Index(&last)) } else { Derived::Registered(Index(&last)) };
        self.push(format!("{last}.{branch}"), uri, Some(derived));
    }

    /// It begins here, with `uri`; or it begins anew, after it was refused or sent on.
    // rfc7044 §6.1: 1, and for each further try the next number
    pub fn begin(&mut self, uri: UriRef<'_>, derived: Option<Derived<'_>>) {
        let firsts = self.entries.iter().filter_map(|entry| Index(&entry.index).order().first().copied());
        let next = firsts.max().unwrap_or(0).saturating_add(1);
        self.push(next.to_string(), uri, derived);
    }

    /// The request to `uri` was refused so, or nobody answered (408): its entry is the last, if there was room for it.
    // rfc7044 §9.3, §10.2
    pub fn refused(&mut self, uri: UriRef<'_>, status: StatusCode, response: Option<&Response>) {
        if let Some(last) = self.entries.last_mut()
            && let Ok(info) = HistoryInfo::decode(&last.value)
            && info.uri().without_headers() == uri.without_headers()
        {
            let mut reasons = vec![format!("SIP;cause={}", status.as_u16()).into_bytes()];
            let said = response.into_iter().flat_map(|response| response.values(HeaderName::Reason));
            let said = said.filter(|reason| reason.len() <= REASON_OCTETS_MAX);
            reasons.extend(said.take(REASONS_MAX).map(<[u8]>::to_vec));
            last.value = with_reasons(&info, &reasons);
        }
        for info in response.into_iter().flat_map(|r| r.headers_of::<HistoryInfo<'_>>()).flatten() {
            let is_known = info.index().is_none_or(|index| self.entry(index.as_str()).is_some());
            if !is_known && info.to_value().len() <= ENTRY_OCTETS_MAX {
                self.insert(&info);
            }
        }
    }

    /// Writes it into a message, in place of what is said there.
    pub fn write(&self, fields: &mut Fields) {
        fields.remove(HeaderName::HistoryInfo);
        for entry in &self.entries {
            fields.add(HeaderName::HistoryInfo, &entry.value);
        }
    }

    /// Of what was added nothing is said but that it went on.
    // rfc7044 §10.1.2
    pub fn hide_added(&mut self) {
        for entry in self.entries.iter_mut().filter(|entry| entry.is_added) {
            if let Ok(info) = HistoryInfo::decode(&entry.value) {
                let params = info.params();
                entry.value = [b"<sip:anonymous@anonymous.invalid>", params.as_bytes()].concat();
            }
        }
    }

    /// For whom it was before somebody first sent it to another user, if that may be told.
    // rfc7044 §11: the entry that the first "mp" names, and its address-of-record
    pub fn first_mapped(&self) -> Option<Uri> {
        let infos = || self.entries.iter().filter_map(|entry| HistoryInfo::decode(&entry.value).ok());
        let mapped = infos().find_map(|info| match info.derived() {
            Some(Derived::Mapped(from)) => Some(from),
            Some(Derived::Registered(_) | Derived::Unchanged(_)) | None => None,
        });
        let mut from = self.entry(mapped?.as_str())?;
        if let Some(Derived::Registered(user)) = from.derived() {
            from = self.entry(user.as_str()).unwrap_or(from);
        }
        Some(from.uri().without_headers().to_owned()).filter(|_| from.is_open())
    }

    fn entry(&self, index: &str) -> Option<HistoryInfo<'_>> {
        let entry = self.entries.iter().find(|entry| entry.index == index)?;
        HistoryInfo::decode(&entry.value).ok()
    }

    fn push(&mut self, index: String, uri: UriRef<'_>, derived: Option<Derived<'_>>) {
        if self.entries.len() < ENTRIES_MAX {
            let derived = derived.map_or_else(String::new, |derived| format!(";{derived}"));
            let uri = uri.without_headers().as_bytes();
            let value = [b"<", uri, b">;index=", index.as_bytes(), derived.as_bytes()].concat();
            self.entries.push(Entry { index, value, is_added: true });
        }
    }

    /// Puts an element where its index belongs.
    // rfc7044 §9.3: in ascending order
    fn insert(&mut self, info: &HistoryInfo<'_>) {
        let Some(index) = info.index().filter(|_| self.entries.len() < ENTRIES_MAX) else { return };
        let order = index.order();
        let at = self.entries.partition_point(|entry| Index(&entry.index).order() <= order);
        let index = index.as_str().to_owned();
        self.entries.insert(at, Entry { index, value: info.to_value(), is_added: false });
    }
}

/// The element with these values of Reason, unless it has some, or its URI can have none.
// rfc7044 §10.2
fn with_reasons(info: &HistoryInfo<'_>, reasons: &[Vec<u8>]) -> Vec<u8> {
    let uri = info.uri();
    if uri.scheme() == Scheme::Tel || info.uri_header("Reason").is_some() {
        return info.to_value();
    }
    let mut value = [b"<", uri.as_bytes()].concat();
    let mut sign = if uri.has_headers() { b'&' } else { b'?' };
    for reason in reasons {
        value.push(sign);
        value.extend(b"Reason=");
        escape_header(reason, &mut value);
        sign = b'&';
    }
    value.push(b'>');
    value.extend(info.params().as_bytes());
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::Method;

    fn request(uri: &str, history: &[&str]) -> Request {
        let mut request = Request::build(Method::Invite, &uri.parse().unwrap())
            .from("<sip:a@h>;tag=a")
            .to("<sip:b@h>")
            .call_id("1")
            .cseq(1)
            .finish()
            .unwrap();
        for value in history {
            request.add(HeaderName::HistoryInfo, value);
        }
        request
    }

    fn written(history: &History) -> Vec<String> {
        let mut request = request("sip:x@h", &[]);
        history.write(&mut request);
        request
            .raw(HeaderName::HistoryInfo)
            .map(|value| String::from_utf8_lossy(value).into_owned())
            .collect()
    }

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    #[test]
    fn a_history_is_a_tree() {
        // tests rfc7044 §5
        let info =
            HistoryInfo::decode(b"<sip:bob@192.0.2.3?Reason=SIP%3Bcause%3D302>;index=1.1.2;mp=1.1").unwrap();
        let index = info.index().unwrap();
        assert_eq!(index.as_str(), "1.1.2");
        assert!(matches!(info.derived(), Some(Derived::Mapped(from)) if from.as_str() == "1.1"));
        assert_eq!(info.uri_header("reason"), Some(&b"SIP%3Bcause%3D302"[..]));
        let index = |index: &str| {
            let value = format!("<sip:a@h>;index={index}");
            HistoryInfo::decode(value.as_bytes()).unwrap().index().map(|index| index.as_str().to_owned())
        };
        for good in ["1", "0.10"] {
            assert_eq!(index(good).as_deref(), Some(good));
        }
        for bad in ["1.", ".1", "01", "1.01", "1..2", "1.a", "a.1", "\"\""] {
            assert_eq!(index(bad), None, "{bad}");
        }
    }

    #[test]
    fn each_hop_adds_a_level_and_each_branch_a_number() {
        // tests rfc7044 §5.1, §9.1, §9.2, §10.3
        let bob = "sip:bob@biloxi.example.com;p=x";
        let mut first = History::default();
        first.begin(uri(bob).as_ref(), None);
        assert_eq!(written(&first), ["<sip:bob@biloxi.example.com;p=x>;index=1"]);
        let mut second = History::received(&request(bob, &[&written(&first)[0]]));
        second.forward(1, uri(bob).as_ref());
        let said = written(&second);
        assert_eq!(said[1], "<sip:bob@biloxi.example.com;p=x>;index=1.1;np=1");
        let received = request(bob, &[&said.join(", ")]);
        for (branch, contact, entry) in [
            (1, "sip:bob@192.0.2.3", "<sip:bob@192.0.2.3>;index=1.1.1;rc=1.1"),
            (2, "sip:bob@192.0.2.7", "<sip:bob@192.0.2.7>;index=1.1.2;rc=1.1"),
        ] {
            let mut third = History::received(&received);
            third.forward(branch, uri(contact).as_ref());
            assert_eq!(written(&third)[2], entry);
        }
    }

    #[test]
    fn who_wrote_nothing_is_spoken_for() {
        // tests rfc7044 §9.1, §10.3
        let mut silent = History::received(&request("sip:bob@h", &[]));
        assert_eq!(written(&silent), ["<sip:bob@h>;index=1"]);
        silent = History::received(&request(
            "sip:bob@elsewhere",
            &["<sip:b@h?Reason=x>;index=1, <sip:b@g>;index=1.2"],
        ));
        silent.forward(1, uri("sip:bob@1.2.3.4").as_ref());
        let expected = ["<sip:bob@elsewhere>;index=1.2.0", "<sip:bob@1.2.3.4>;index=1.2.0.1;rc=1.2.0"];
        assert_eq!(written(&silent)[2..], expected);
        // Whoever hid it need not be spoken for.
        let hidden = request("sip:bob@h", &["<sip:anonymous@anonymous.invalid>;index=1"]);
        assert_eq!(History::received(&hidden).last(), Some("1"));
    }

    #[test]
    fn a_refusal_leaves_its_reason_and_what_it_tells() {
        // tests rfc7044 §6.1, §9.3, §10.2
        let sent = request("sip:bob@h", &["<sip:bob@h>;index=1"]);
        let mut answer = sent.reply(StatusCode::MOVED_TEMPORARILY);
        answer.add(HeaderName::HistoryInfo, "<sip:bob@h>;index=1, <sip:bob@1.2.3.4>;index=1.10;rc=1");
        answer.add(HeaderName::HistoryInfo, "<sip:bob@5.6.7.8>;index=1.2;rc=1, <nonsense, <sip:none@h>");
        answer.add(HeaderName::Reason, "Q.850;cause=17");
        let mut history = History::of(&sent);
        history.refused(sent.uri(), answer.status(), Some(&answer));
        history.begin(uri("sip:carol@h?Subject=x").as_ref(), Some(Derived::Mapped(Index("1.10"))));
        history.refused(uri("sip:carol@h").as_ref(), StatusCode::REQUEST_TIMEOUT, None);
        let expected = [
            "<sip:bob@h?Reason=SIP%3Bcause%3D302&Reason=Q.850%3Bcause%3D17>;index=1",
            "<sip:bob@5.6.7.8>;index=1.2;rc=1",
            "<sip:bob@1.2.3.4>;index=1.10;rc=1",
            "<sip:carol@h?Reason=SIP%3Bcause%3D408>;index=2;mp=1.10",
        ];
        assert_eq!(written(&history), expected);
        assert_eq!(history.first_mapped(), Some(uri("sip:bob@h")));
    }

    #[test]
    fn what_is_hidden_is_not_told() {
        // tests rfc7044 §10.1.2
        let mut history = History::received(&request("sip:bob@h", &[]));
        history.forward(1, uri("sip:bob@1.2.3.4").as_ref());
        history.hide_added();
        let both =
            ["<sip:anonymous@anonymous.invalid>;index=1", "<sip:anonymous@anonymous.invalid>;index=1.1;rc=1"];
        assert_eq!(written(&history), both);
        // What others said is theirs to hide; what was in a gap is not.
        history = History::received(&request("sip:bob@h", &["<sip:b@h>;index=1"]));
        history.forward(1, uri("sip:bob@h").as_ref());
        history.hide_added();
        let gap = [
            "<sip:anonymous@anonymous.invalid>;index=1.0",
            "<sip:anonymous@anonymous.invalid>;index=1.0.1;np=1.0",
        ];
        assert_eq!(
            (written(&history)[0].as_str(), &written(&history)[1..]),
            ("<sip:b@h>;index=1", &gap.map(str::to_owned)[..])
        );
        let hidden =
            request("sip:c@h", &["<sip:anonymous@anonymous.invalid>;index=1, <sip:c@h>;index=2;mp=1"]);
        assert_eq!(History::of(&hidden).first_mapped(), None);
    }

    #[test]
    fn who_does_not_want_to_be_named_is_not() {
        // tests rfc7044 §10.1.1, §11
        let first = |headers: &str| {
            let history = format!("<sip:b@h{headers}>;index=1, <sip:c@h>;index=2;mp=1");
            History::of(&request("sip:c@h", &[&history])).first_mapped()
        };
        for hidden in
            ["?Privacy=history", "?Reason=SIP%3Bcause%3D302&privacy=History", "?Privacy=id%3Bhistory"]
        {
            assert_eq!(first(hidden), None, "{hidden}");
        }
        for open in ["", "?Reason=SIP%3Bcause%3D302", "?Privacy=none"] {
            assert_eq!(first(open), Some(uri("sip:b@h")), "{open}");
        }
        // A place of theirs is hidden, they themselves are not.
        let of_bob = "<sip:b@h>;index=1, <sip:b@g?Privacy=history>;index=1.1;rc=1, <sip:c@h>;index=2;mp=1.1";
        assert_eq!(History::of(&request("sip:c@h", &[of_bob])).first_mapped(), Some(uri("sip:b@h")));
    }

    #[test]
    fn a_history_has_an_end() {
        let many: Vec<String> = (1..=100).map(|number| format!("<sip:{number}@h>;index={number}")).collect();
        let received = request("sip:x@h", &[&many.join(", ")]);
        let mut history = History::received(&received);
        assert_eq!(written(&history), many[..ENTRIES_MAX]);
        // What had no room is neither hidden nor refused in place of another.
        history.forward(1, uri("sip:x@1.2.3.4").as_ref());
        history.hide_added();
        history.refused(received.uri(), StatusCode::BUSY_HERE, None);
        assert_eq!(written(&history), many[..ENTRIES_MAX]);
    }

    #[test]
    fn a_contact_says_how_it_was_found() {
        // tests rfc7044 §10.4
        let derived = |contact: &str| {
            let contact = Contact::decode(contact.as_bytes()).unwrap();
            Derived::of_contact(&contact).map(|derived| derived.to_string())
        };
        assert_eq!(derived("<sip:c@h>;mp=1.1"), Some("mp=1.1".to_owned()));
        assert_eq!(derived("<sip:c@h>;rc=1"), Some("rc=1".to_owned()));
        assert_eq!((derived("<sip:c@h>;np=1"), derived("<sip:c@h>;mp=x")), (None, None));
    }
}
