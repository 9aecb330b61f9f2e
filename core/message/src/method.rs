//! Request methods (RFC 3261 §7.1 and the RFCs that added one).

use std::fmt;

macro_rules! methods {
    ($($(#[$doc:meta])* $variant:ident = $text:literal),* $(,)?) => {
        /// A request method. Case matters: `invite` is [`Method::Other`]. The text of `Other` is the
        /// message's ([`Request::method_bytes`](crate::Request::method_bytes)).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Method {
            $($(#[$doc])* $variant,)*
            /// A method not known here.
            Other,
        }

        impl Method {
            /// Every known method.
            pub const KNOWN: &[Method] = &[$(Method::$variant),*];

            /// The method of this token.
            pub fn from_token(token: &[u8]) -> Self {
                $(if token == $text.as_bytes() { return Method::$variant; })*
                Method::Other
            }

            /// The token; empty for [`Method::Other`].
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Method::$variant => $text,)*
                    Method::Other => "",
                }
            }
        }
    };
}

methods! {
    /// Opens or changes a session (RFC 3261 §13, §14).
    Invite = "INVITE",
    /// Confirms a final answer to INVITE (RFC 3261 §13.2.2.4).
    Ack = "ACK",
    /// Ends a session (RFC 3261 §15).
    Bye = "BYE",
    /// Withdraws a pending request (RFC 3261 §9).
    Cancel = "CANCEL",
    /// Binds a contact to an address-of-record (RFC 3261 §10).
    Register = "REGISTER",
    /// Asks for capabilities (RFC 3261 §11).
    Options = "OPTIONS",
    /// A page-mode message (RFC 3428).
    Message = "MESSAGE",
    /// Application data inside a session (RFC 6086).
    Info = "INFO",
    /// Confirms a reliable provisional answer (RFC 3262).
    Prack = "PRACK",
    /// Changes a session before it is answered (RFC 3311).
    Update = "UPDATE",
    /// Asks for events (RFC 6665).
    Subscribe = "SUBSCRIBE",
    /// Brings an event (RFC 6665).
    Notify = "NOTIFY",
    /// Asks the peer to contact somebody (RFC 3515).
    Refer = "REFER",
    /// Publishes event state (RFC 3903).
    Publish = "PUBLISH",
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_matters() {
        // tests rfc3261 §7.1
        for &method in Method::KNOWN {
            assert_eq!(Method::from_token(method.as_str().as_bytes()), method);
        }
        assert_eq!(Method::from_token(b"invite"), Method::Other);
        assert_eq!(Method::from_token(b""), Method::Other);
    }
}
