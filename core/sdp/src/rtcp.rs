//! `a=rtcp`: where RTCP is received if not at the next port (RFC 3605 §2.1), and `a=rtcp-fb`: the feedback
//! that is wanted (RFC 4585 §4.2). `a=rtcp-mux` (RFC 5761) has no value; [`Media::rtcp_mux`](crate::Media::rtcp_mux).

use std::fmt;

use crate::host::{Family, Host};
use crate::section::Attribute;
use crate::word::number;

/// `a=rtcp`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rtcp {
    /// The port.
    pub port: u16,
    /// The address, if it is not that of the media.
    pub host: Option<(Family, Host)>,
}

impl Attribute for Rtcp {
    const NAME: &'static str = "rtcp";
    const EXPECTED: &'static str = "`a=rtcp:<port> [IN <addrtype> <address>]`";

    fn parse(value: &str) -> Option<Rtcp> {
        // rfc3605 §2.1
        let mut words = value.split_ascii_whitespace();
        let port = number(words.next()?)?;
        let host = match words.next() {
            None => None,
            Some("IN") => Some((Family::parse(words.next()?)?, Host::parse(words.next()?)?)),
            Some(_) => return None,
        };
        words.next().is_none().then_some(Rtcp { port, host })
    }
}

impl fmt::Display for Rtcp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Some((family, host)) => write!(f, "{} IN {family} {host}", self.port),
            None => write!(f, "{}", self.port),
        }
    }
}

/// `a=rtcp-fb`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Feedback {
    /// The payload type; `None` for `*`, all of them.
    pub payload_type: Option<u8>,
    /// `nack`, `nack pli`, `ccm fir`, as it is written.
    pub kind: String,
}

impl Attribute for Feedback {
    const NAME: &'static str = "rtcp-fb";
    const EXPECTED: &'static str = "`a=rtcp-fb:<payload type or *> <kind>`";

    fn parse(value: &str) -> Option<Feedback> {
        // rfc4585 §4.2
        let (payload_type, kind) = value.trim().split_once(' ')?;
        let payload_type = match payload_type {
            "*" => None,
            word => Some(number(word).filter(|number| *number < 128)?),
        };
        Some(Feedback { payload_type, kind: kind.trim_start().to_owned() })
    }
}

impl fmt::Display for Feedback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.payload_type {
            Some(payload_type) => write!(f, "{payload_type} {}", self.kind),
            None => write!(f, "* {}", self.kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rtcp_is_read_and_printed() {
        // tests rfc3605 §2.1
        for value in ["53020", "53020 IN IP4 126.16.64.4", "53020 IN IP6 2001:2345:6789::1"] {
            assert_eq!(Rtcp::parse(value).unwrap().to_string(), value);
        }
        for wrong in ["", "x", "1 IN", "1 IN IP7 X", "1 OUT IP4 h", "1 IN IP4 h more"] {
            assert_eq!(Rtcp::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn feedback_is_read_and_printed() {
        // tests rfc4585 §4.2
        for value in ["96 nack pli", "* ccm fir", "100 goog-remb"] {
            assert_eq!(Feedback::parse(value).unwrap().to_string(), value);
        }
        assert_eq!(Feedback::parse("128 nack"), None);
        assert_eq!(Feedback::parse("*"), None);
    }
}
