//! Why the gate refuses a request, and the response that says so (RFC 3261 §21.4, §21.5, §22).

use ruf_message::{HeaderName, Request, Response, StatusCode};
use smallvec::SmallVec;

/// Why a request is refused. The peer is to blame, or our store; each knows its own response.
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
    /// The response, still without a To tag.
    pub fn into_response(self, request: &Request) -> Response {
        match self {
            // rfc3261 §22.1: a registrar or another server asks with 401, a proxy only with 407
            // rfc3261 §22.2 and §22.3: with the field that belongs to it
            // rfc8760 §2.3: the preferred algorithm on top
            Reject::Unauthenticated { by_proxy, challenges } => {
                let (status, name) = match by_proxy {
                    true => (StatusCode::PROXY_AUTHENTICATION_REQUIRED, HeaderName::ProxyAuthenticate),
                    false => (StatusCode::UNAUTHORIZED, HeaderName::WwwAuthenticate),
                };
                let mut response = request.reply(status);
                for challenge in challenges {
                    response.add(name, challenge);
                }
                response
            }
            // rfc7616 §3.4: a 4xx
            Reject::ImproperCredentials(what) => {
                because(request, StatusCode::BAD_REQUEST, &format!("Improper Credentials: {what}"))
            }
            // rfc3261 §22.1: a server may repeat its challenge, or answer 403
            Reject::WrongPassword => because(request, StatusCode::FORBIDDEN, "Wrong User Name or Password"),
            // rfc3261 §10.3 step 4
            Reject::NotYours(header) => because(
                request,
                StatusCode::FORBIDDEN,
                &format!("{header} Is Not an Address of This Account"),
            ),
            Reject::ForeignDomain => {
                because(request, StatusCode::FORBIDDEN, "This Domain Is Not Served Here")
            }
            // rfc3261 §10.2: the address-of-record MUST be a SIP URI or SIPS URI
            Reject::NotSip => because(request, StatusCode::BAD_REQUEST, "To Is No SIP URI"),
            // rfc3261 §10.3 step 5
            Reject::UnknownAddress => request.reply(StatusCode::NOT_FOUND),
            Reject::Slowed { retry_after_secs } => {
                later(request, "Too Many Wrong Passwords", retry_after_secs)
            }
            Reject::Unavailable => later(request, "Accounts Unavailable", UNAVAILABLE_SECS),
        }
    }
}

fn because(request: &Request, status: StatusCode, reason: &str) -> Response {
    let mut response = request.reply(status);
    response.set_status(status, reason);
    response
}

// rfc3261 §21.5.1: Retry-After may say when it will work again
fn later(request: &Request, reason: &str, secs: u32) -> Response {
    let mut response = because(request, StatusCode::SERVER_INTERNAL_ERROR, reason);
    response.set(HeaderName::RetryAfter, secs.to_string());
    response
}
