//! [`Error`]: why a phone could not be opened, registered, or made to ask something.

use std::fmt;

use ruf_agent::Failure;
use ruf_message::StatusCode;

/// Why something could not be done; each is one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// An address is none, or cannot be used.
    Address(String),
    /// The system gives no thread, no port, or no certificate.
    System(String),
    /// No way leads there.
    NoWay(String),
    /// A server, or the far side, refused.
    Refused(StatusCode),
    /// A server, or the far side, asks for a password, and the account has none.
    NoPassword,
    /// The server took our registration, and keeps it for no time at all.
    NotKept,
    /// Nobody answered in time.
    Silence,
    /// The way there broke.
    Unreachable,
    /// As much is going on as may.
    Full,
    /// The text is longer than a message may be.
    TooLong,
    /// The phone is closed.
    Closed,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Address(why) | Error::System(why) | Error::NoWay(why) => f.write_str(why),
            Error::Refused(StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED) => {
                f.write_str("the name or the password is wrong")
            }
            Error::NoPassword => f.write_str("a password is asked for, and none was given"),
            Error::NotKept => f.write_str("the server accepts the registration, but for 0 seconds"),
            Error::Refused(status) => write!(f, "refused with {status} {}", status.reason()),
            Error::Silence => f.write_str("nobody answered in time"),
            Error::Unreachable => f.write_str("nobody listens there"),
            Error::Full => f.write_str("there is as much going on as there may be"),
            Error::TooLong => f.write_str("the text is too long for a message"),
            Error::Closed => f.write_str("the phone is closed"),
        }
    }
}

impl std::error::Error for Error {}

impl Error {
    /// What it is for an account that has a password, or none: none cannot be wrong.
    pub(crate) fn of(self, has_password: bool) -> Error {
        match self {
            Error::Refused(StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED)
                if !has_password =>
            {
                Error::NoPassword
            }
            other => other,
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        match failure {
            Failure::Refused(status) => Error::Refused(status),
            Failure::Silence => Error::Silence,
            Failure::Unreachable => Error::Unreachable,
            Failure::NotKept => Error::NotKept,
        }
    }
}
