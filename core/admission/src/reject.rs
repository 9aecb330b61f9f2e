//! Why the gate refuses a request, and the reply that says so (RFC 3261 §21.4, §21.5, §22).

use ruf_message::{HeaderName, Reply, StatusCode};
use smallvec::SmallVec;

/// Why a request is refused. The peer is to blame, or our store; each knows its own reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reject {
    /// Nobody knows who sent it: 401 where we are the server, 407 where we are the proxy, with one
    /// challenge per algorithm, the best first.
    Unauthenticated {
        /// 407.
        by_proxy: bool,
        /// Values of WWW-Authenticate or Proxy-Authenticate.
        challenges: SmallVec<[Vec<u8>; 2]>,
    },
    /// Credentials for us that break the rules: 400, naming the parameter.
    ImproperCredentials(&'static str),
    /// A wrong password, or an unknown user, and not for the first time in a row: 403.
    WrongPassword,
    /// The header named does not belong to the account that proved itself: 403.
    NotYours(&'static str),
    /// A REGISTER for a domain that is not served: 403.
    ForeignDomain,
    /// A REGISTER for what is no SIP or SIPS URI: 400.
    NotSip,
    /// A REGISTER for an address that cannot be in the domain: 404.
    UnknownAddress,
    /// Too many wrong passwords for one account from one source: 500.
    Slowed {
        /// When to try again.
        retry_after_secs: u32,
    },
    /// The accounts cannot be read just now: 500.
    Unavailable,
}

/// When to ask again after [`Reject::Unavailable`].
const UNAVAILABLE_SECS: u32 = 5;

impl Reject {
    /// The reply, with this To tag.
    pub fn into_reply(self, to_tag: &str) -> Reply {
        let saying = |status, reason: &str| Reply::saying(status, reason, to_tag);
        match self {
            // rfc3261 §22.1: a registrar or another server asks with 401, a proxy only with 407
            // rfc3261 §22.2 and §22.3: with the field that belongs to it
            // rfc8760 §2.3: the preferred algorithm on top
            Reject::Unauthenticated { by_proxy, challenges } => {
                let (status, name) = match by_proxy {
                    true => (StatusCode::PROXY_AUTHENTICATION_REQUIRED, HeaderName::ProxyAuthenticate),
                    false => (StatusCode::UNAUTHORIZED, HeaderName::WwwAuthenticate),
                };
                let mut reply = Reply::new(status, to_tag);
                for challenge in challenges {
                    reply.add(name, challenge);
                }
                reply
            }
            // rfc7616 §3.4: a 4xx
            Reject::ImproperCredentials(what) => {
                saying(StatusCode::BAD_REQUEST, &format!("Improper Credentials: {what}"))
            }
            // rfc3261 §22.1: a server may repeat its challenge, or answer 403
            Reject::WrongPassword => saying(StatusCode::FORBIDDEN, "Wrong User Name or Password"),
            // rfc3261 §10.3 step 4
            Reject::NotYours(header) => {
                saying(StatusCode::FORBIDDEN, &format!("{header} Is Not an Address of This Account"))
            }
            Reject::ForeignDomain => saying(StatusCode::FORBIDDEN, "This Domain Is Not Served Here"),
            // rfc3261 §10.2: the address-of-record MUST be a SIP URI or SIPS URI
            Reject::NotSip => saying(StatusCode::BAD_REQUEST, "To Is No SIP URI"),
            // rfc3261 §10.3 step 5
            Reject::UnknownAddress => Reply::new(StatusCode::NOT_FOUND, to_tag),
            Reject::Slowed { retry_after_secs } => {
                later("Too Many Wrong Passwords", retry_after_secs, to_tag)
            }
            Reject::Unavailable => later("Accounts Unavailable", UNAVAILABLE_SECS, to_tag),
        }
    }
}

// rfc3261 §21.5.1: Retry-After may say when it will work again
fn later(reason: &str, secs: u32, to_tag: &str) -> Reply {
    let mut reply = Reply::saying(StatusCode::SERVER_INTERNAL_ERROR, reason, to_tag);
    reply.add(HeaderName::RetryAfter, secs.to_string());
    reply
}
