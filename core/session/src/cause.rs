//! Why somebody ends a call: the Reason of BYE, CANCEL and refusals (RFC 3326, RFC 6432).

use ruf_message::header::reason::Reason;
use ruf_message::{Fields, StatusCode};
use std::fmt;

/// What a Reason says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// `SIP` or `Q.850`, mostly.
    pub protocol: String,
    /// A status code of SIP, a cause value of Q.850.
    pub code: Option<u16>,
    /// For humans; may be empty.
    pub text: String,
}

impl Cause {
    /// In the words of SIP: 200 with "Call completed elsewhere" keeps a call from being a missed one.
    // rfc3326 §2
    pub fn sip(status: StatusCode, text: &str) -> Self {
        Cause { protocol: "SIP".to_owned(), code: Some(status.as_u16()), text: text.to_owned() }
    }

    /// Somebody else took the call.
    // rfc3326 §2
    pub fn is_elsewhere(&self) -> bool {
        self.protocol.eq_ignore_ascii_case("SIP") && self.code == Some(StatusCode::OK.as_u16())
    }

    /// The first that a message states.
    // rfc3326 §2
    pub(crate) fn of(message: &Fields) -> Option<Self> {
        let reason: Reason<'_> = message.header().ok().flatten()?;
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        Some(Cause {
            protocol: text(reason.protocol),
            code: reason.cause(),
            text: reason.text().map_or_else(String::new, |said| text(&said)),
        })
    }
}

impl fmt::Display for Cause {
    /// As the value of Reason.
    // rfc3326 §2
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.protocol)?;
        if let Some(code) = self.code {
            write!(f, ";cause={code}")?;
        }
        if self.text.is_empty() {
            return Ok(());
        }
        f.write_str(";text=\"")?;
        for letter in self.text.chars().filter(|letter| !letter.is_control()) {
            if matches!(letter, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{letter}")?;
        }
        f.write_str("\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruf_message::{HeaderName, Method, Request};

    fn bye(reason: &str) -> Request {
        let uri = "sip:a@h".parse().unwrap();
        let builder = Request::build(Method::Bye, &uri).from("<sip:b@h>;tag=b").to("<sip:a@h>;tag=a");
        builder.call_id("1").cseq(1).header(HeaderName::Reason, reason).finish().unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        // tests rfc3326 §2
        let cause = Cause::sip(StatusCode::OK, "Call \"completed\" else\\where\r\n");
        assert_eq!(cause.to_string(), "SIP;cause=200;text=\"Call \\\"completed\\\" else\\\\where\"");
        let read = Cause::of(&bye(&cause.to_string())).unwrap();
        assert_eq!((read.code, read.text.as_str()), (Some(200), "Call \"completed\" else\\where"));
        let bare = Cause { protocol: "Q.850".into(), code: None, text: String::new() };
        assert_eq!((bare.to_string().as_str(), Cause::of(&bye("Q.850")).as_ref()), ("Q.850", Some(&bare)));
        let several = Cause::of(&bye("Q.850;cause=16;text=\"Terminated\", SIP;cause=600")).unwrap();
        assert_eq!((several.protocol.as_str(), several.code), ("Q.850", Some(16)));
        assert_eq!(Cause::of(&bye(";")), None);
    }
}
