//! `message/sipfrag`: what a report of a reference says (RFC 3515 §2.4.5, RFC 3420).

use ruf_message::body::Body;
use ruf_message::{HeaderName, Request, StatusCode};

/// Its media type.
const CONTENT_TYPE: &str = "message/sipfrag";

/// A report that it stands so.
// rfc3515 §2.4.5: it begins with a status line, and need hold no more
pub(super) fn of(status: StatusCode) -> Body {
    let content = format!("SIP/2.0 {status} {}\r\n", status.reason());
    Body { content_type: format!("{CONTENT_TYPE};version=2.0"), content: content.into() }
}

/// How it stands, as this NOTIFY reports.
pub(super) fn status(notify: &Request) -> Option<StatusCode> {
    let given = notify.raw(HeaderName::ContentType).next()?;
    let bare = given.split(|&octet| octet == b';').next()?.trim_ascii();
    if !bare.eq_ignore_ascii_case(CONTENT_TYPE.as_bytes()) {
        return None;
    }
    let line = str::from_utf8(notify.body().split(|&octet| octet == b'\r' || octet == b'\n').next()?).ok()?;
    let (version, rest) = line.split_once(' ')?;
    let code = rest.split(' ').next()?;
    if !version.eq_ignore_ascii_case("SIP/2.0") || code.len() != 3 {
        return None;
    }
    StatusCode::new(code.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruf_message::Method;

    fn notify(content_type: &str, body: &str) -> Request {
        let uri = "sip:a@h".parse().unwrap();
        let builder = Request::build(Method::Notify, &uri).from("<sip:b@h>;tag=b").to("<sip:a@h>;tag=a");
        builder.call_id("1").cseq(1).body(content_type, body.to_owned()).finish().unwrap()
    }

    #[test]
    fn what_is_reported_is_read() {
        // tests rfc3515 §2.4.5
        for code in [100, 180, 200, 486, 603] {
            let code = StatusCode::new(code).unwrap();
            let Body { content_type, content } = of(code);
            let text = std::str::from_utf8(&content).unwrap();
            assert_eq!(status(&notify(&content_type, text)), Some(code), "{text}");
        }
        assert_eq!(status(&notify("Message/SipFrag", "SIP/2.0 180\nVia: x")), StatusCode::new(180));
        for (content_type, body) in [
            ("text/plain", "SIP/2.0 200 OK\r\n"),
            ("message/sipfrag", "INVITE sip:a@h SIP/2.0\r\n"),
            ("message/sipfrag", "SIP/3.0 200 OK"),
            ("message/sipfrag", "SIP/2.0 2000 OK"),
            ("message/sipfrag", "SIP/2.0 +20 OK"),
            ("message/sipfrag", "SIP/2.0"),
            ("message/sipfrag", ""),
        ] {
            assert_eq!(status(&notify(content_type, body)), None, "{content_type} {body}");
        }
    }
}
