//! What a REFER refers to (RFC 3515 §2.1, RFC 3892 §2.2, RFC 3891 §4).

use ruf_dialog::{Dialog, DialogId, RouteSet};
use ruf_message::header::call_id::Replaces;
use ruf_message::header::refer::{ReferTo, ReferredBy};
use ruf_message::{Header, HeaderName, Request, Scheme, StatusCode, Uri, escape_header, unescape};

/// Whom to call, and what that call says.
#[derive(Clone, Debug)]
pub struct Reference {
    /// The reference among those of its dialog.
    pub id: u32,
    /// Whom to call.
    pub to: Uri,
    /// What that INVITE carries: who referred us, which dialog it replaces.
    pub fields: Vec<(HeaderName, Vec<u8>)>,
}

/// What Refer-To says so that whoever is referred takes our place in this dialog.
///
/// The peer is named by its Contact if that is a GRUU, and so leads there from anywhere, or if we reach everybody
/// directly (`without_server`), and so will whoever is referred; otherwise by its address, and of several phones that
/// ring for it only the right one takes the call.
// rfc5589 §7.3
pub fn attended(dialog: &Dialog, without_server: bool) -> Uri {
    let by_contact = without_server || dialog.remote_target().as_ref().param("gr").is_some();
    let uri = if by_contact { dialog.remote_target().clone() } else { dialog.remote_uri() };
    let (bare, _) = RouteSet::default().apply(&uri);
    let DialogId { call_id, local_tag, remote_tag } = dialog.id();
    // rfc3891 §4: as the peer names it
    let replaces = [call_id, &b";to-tag="[..], &tag(remote_tag), b";from-tag=", &tag(local_tag)].concat();
    let mut text = [bare.as_bytes(), b"?Replaces="].concat();
    escape_header(&replaces, &mut text);
    text.extend(b"&Require=replaces");
    Uri::parse(text).unwrap_or(bare)
}

/// A tag as Replaces bears it.
// rfc3891 §6.1: 0 stands for none
fn tag(tag: &[u8]) -> Vec<u8> {
    if tag.is_empty() { b"0".to_vec() } else { tag.to_vec() }
}

impl Reference {
    /// Reads that of a REFER.
    ///
    /// # Errors
    /// What the REFER is answered with.
    pub(crate) fn read(refer: &Request) -> Result<Self, StatusCode> {
        // rfc3515 §2.4.2: 400 unless there is exactly one
        let mut values = refer.raw(HeaderName::ReferTo);
        let (Some(value), None) = (values.next(), values.next()) else { return Err(StatusCode::BAD_REQUEST) };
        let to = ReferTo::decode(value).map_err(|_| StatusCode::BAD_REQUEST)?.uri();
        match to.scheme() {
            Scheme::Sip | Scheme::Sips | Scheme::Tel => {}
            // rfc3515 §2.4.2: what we cannot reach is not accepted
            Scheme::Other => return Err(StatusCode::UNSUPPORTED_URI_SCHEME),
        }
        // rfc3515 §2.4.3: a SIP URI says INVITE, or nothing, which means the same
        if to.param("method").is_some_and(|method| method != Some(b"INVITE")) {
            return Err(StatusCode::NOT_IMPLEMENTED);
        }
        let mut fields = Vec::new();
        // rfc3261 §19.1.5: of the headers in a URI, only those that are known to do no harm
        for (name, value) in to.headers() {
            let value = unescape(value).into_owned();
            match HeaderName::from_text(&unescape(name)) {
                HeaderName::Replaces => {
                    Replaces::decode(&value).map_err(|_| StatusCode::BAD_REQUEST)?;
                    fields.push((HeaderName::Replaces, value));
                }
                HeaderName::Require if value.trim_ascii().eq_ignore_ascii_case(b"replaces") => {
                    fields.push((HeaderName::Require, value));
                }
                _ => {}
            }
        }
        // rfc3892 §2.1: at most one
        let mut values = refer.raw(HeaderName::ReferredBy);
        if let Some(value) = values.next() {
            if values.next().is_some() || ReferredBy::decode(value).is_err() {
                return Err(StatusCode::BAD_REQUEST);
            }
            // rfc3892 §2.2: copied as it is
            fields.push((HeaderName::ReferredBy, value.to_vec()));
        }
        Ok(Reference { id: refer.cseq().number, to: to.to_owned(), fields })
    }

    /// The dialog that the call is to take the place of, as the far end names it.
    // rfc3891 §3: to-tag is its local tag
    pub(crate) fn replaces(&self) -> Option<DialogId> {
        let replaces = Replaces::decode(self.field(HeaderName::Replaces)?).ok()?;
        Some(DialogId {
            call_id: replaces.call_id().into(),
            local_tag: replaces.to_tag().into(),
            remote_tag: replaces.from_tag().into(),
        })
    }

    /// Who says that they refer us.
    pub(crate) fn referred_by(&self) -> Option<Uri> {
        Some(ReferredBy::decode(self.field(HeaderName::ReferredBy)?).ok()?.uri().to_owned())
    }

    fn field(&self, name: HeaderName) -> Option<&[u8]> {
        self.fields.iter().find(|(of, _)| *of == name).map(|(_, value)| value.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruf_message::Method;

    fn refer(fields: &[(HeaderName, &str)]) -> Result<Reference, StatusCode> {
        let uri = "sip:a@h".parse().unwrap();
        let mut builder = Request::build(Method::Refer, &uri).from("<sip:b@h>;tag=b").to("<sip:a@h>;tag=a");
        for (name, value) in fields {
            builder = builder.header(*name, value);
        }
        Reference::read(&builder.call_id("1").cseq(7).finish().unwrap())
    }

    #[test]
    fn a_reference_is_one_and_to_where_we_can_call() {
        // tests rfc3515 §2.4.2, §2.4.3
        let to = |value| refer(&[(HeaderName::ReferTo, value)]).map(|found| found.to.to_string());
        assert_eq!(to("Carol <sip:carol@example.org>"), Ok("sip:carol@example.org".into()));
        assert_eq!(to("<tel:+12015550123>"), Ok("tel:+12015550123".into()));
        assert_eq!(to("<sip:c@h;method=INVITE>"), Ok("sip:c@h;method=INVITE".into()));
        assert_eq!(to("<sip:c@h;method=BYE>"), Err(StatusCode::NOT_IMPLEMENTED));
        assert_eq!(to("<http://www.ietf.org>"), Err(StatusCode::UNSUPPORTED_URI_SCHEME));
        assert_eq!(to("<sip:a@h>, <sip:b@h>"), Err(StatusCode::BAD_REQUEST));
        assert_eq!(refer(&[]).unwrap_err(), StatusCode::BAD_REQUEST);
        let two = [(HeaderName::ReferTo, "<sip:a@h>"), (HeaderName::ReferTo, "<sip:b@h>")];
        assert_eq!(refer(&two).unwrap_err(), StatusCode::BAD_REQUEST);
    }

    #[test]
    fn the_call_carries_what_the_reference_says_and_no_more() {
        // tests rfc3261 §19.1.5, rfc3891 §3, rfc3892 §2.1, §2.2
        let to =
            "<sip:dave@h?Replaces=12345%40192.0.2.3%3Bto-tag%3D12%3Bfrom-tag%3D5FFE&Require=replaces&From=x>";
        let by = "Bob <sip:bob@h>;cid=\"1@h\"";
        let found = refer(&[(HeaderName::ReferTo, to), (HeaderName::ReferredBy, by)]).unwrap();
        let fields: Vec<_> = found.fields.iter().map(|(name, value)| (*name, value.as_slice())).collect();
        assert_eq!(
            fields,
            [
                (HeaderName::Replaces, &b"12345@192.0.2.3;to-tag=12;from-tag=5FFE"[..]),
                (HeaderName::Require, b"replaces"),
                (HeaderName::ReferredBy, by.as_bytes()),
            ]
        );
        let replaced = found.replaces().unwrap();
        assert_eq!((&*replaced.local_tag, &*replaced.remote_tag), (&b"12"[..], &b"5FFE"[..]));
        assert_eq!((found.id, found.referred_by().unwrap().to_string()), (7, "sip:bob@h".to_owned()));
    }

    fn dialog(from: &str, contact: &str) -> Dialog {
        let uri = "sip:a@h".parse().unwrap();
        let builder = Request::build(Method::Invite, &uri).from(from).to("<sip:a@h>");
        let invite = builder.call_id("1@x").cseq(1).header(HeaderName::Contact, contact).finish().unwrap();
        Dialog::callee(&invite, "ours", false).unwrap()
    }

    #[test]
    fn whoever_takes_our_place_calls_the_address_or_the_gruu() {
        // tests rfc5589 §7.3, rfc3891 §4, §6.1
        let to = |from, contact| attended(&dialog(from, contact), false).to_string();
        let replaces = "?Replaces=1%40x%3Bto-tag%3Dtheirs%3Bfrom-tag%3Dours&Require=replaces";
        assert_eq!(
            to("Bob <sip:bob@h;method=BYE?Subject=x>;tag=theirs", "<sip:bob@192.0.2.2>"),
            format!("sip:bob@h{replaces}")
        );
        assert_eq!(to("<sip:bob@h>;tag=theirs", "<sip:bob@h;gr=x>"), format!("sip:bob@h;gr=x{replaces}"));
        assert!(to("<sip:bob@h>", "<sip:bob@192.0.2.2>").contains("to-tag%3D0%3B"));
        // Nobody between us knows where the address leads.
        let direct = attended(&dialog("<sip:bob@192.0.2.2>;tag=t", "<sip:bob@192.0.2.2:5070>"), true);
        assert!(direct.to_string().starts_with("sip:bob@192.0.2.2:5070?Replaces="), "{direct}");
    }

    #[test]
    fn what_cannot_be_read_is_not_followed() {
        // tests rfc3892 §2.1
        let to = (HeaderName::ReferTo, "<sip:c@h>");
        let twice = [to, (HeaderName::ReferredBy, "<sip:b@h>"), (HeaderName::ReferredBy, "<sip:c@h>")];
        assert_eq!(refer(&twice).unwrap_err(), StatusCode::BAD_REQUEST);
        assert_eq!(refer(&[to, (HeaderName::ReferredBy, "x")]).unwrap_err(), StatusCode::BAD_REQUEST);
        let broken = [(HeaderName::ReferTo, "<sip:c@h?Replaces=1>")];
        assert_eq!(refer(&broken).unwrap_err(), StatusCode::BAD_REQUEST);
    }
}
