//! What may go wrong between an offer and its answer, and who is to blame.

use std::fmt;

use crate::ParseError;

/// Why there is no offer, or no answer. The session stays what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OfferAnswerError {
    /// The peer's offer met an open one of ours. SIP: 491 to its request, ours goes on (RFC 3261 §14.2).
    Glare,
    /// An offer came while the one before is not answered. SIP: 500 with Retry-After (RFC 3261 §14.2).
    OfferBeforeAnswer,
    /// We would offer while our offer is open. Ours: wait for the answer.
    OfferOpen,
    /// We would offer while the peer's offer is open. Ours: answer first.
    AnswerOwed,
    /// An answer, the peer's or ours, to no offer.
    NoOffer,
    /// There is no session to hold, resume or offer again.
    NoSession,
    /// What the peer sent is no description. SIP: 400 or 488.
    Malformed(ParseError),
    /// An answer with another number of media than the offer, or an offer with fewer than the session has.
    /// SIP: 488 to an offer; BYE after an answer.
    MediaCount {
        /// What the session has.
        expected: usize,
        /// What the peer sent.
        found: usize,
    },
    /// No stream of the offer can be had: why the first of them cannot. SIP: 488 to an offer; BYE after an answer.
    NothingInCommon(Mismatch),
}

/// Why a stream cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mismatch {
    /// We have no such kind of media to give, or not so many, or it is wanted by nobody.
    Kind,
    /// The transport is not ours, or not as safe as must be.
    Transport,
    /// There is no codec in common.
    Codec,
    /// There are no keys for a suite that both have.
    Keys,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mismatch::Kind => "no such stream is wanted",
            Mismatch::Transport => "no transport in common",
            Mismatch::Codec => "no codec in common",
            Mismatch::Keys => "no usable keys for SRTP",
        })
    }
}

impl fmt::Display for OfferAnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OfferAnswerError::Glare => f.write_str("both sides offer at once"),
            OfferAnswerError::OfferBeforeAnswer => {
                f.write_str("an offer came before the last one was answered")
            }
            OfferAnswerError::OfferOpen => f.write_str("our offer is not answered yet"),
            OfferAnswerError::AnswerOwed => f.write_str("the peer's offer is not answered yet"),
            OfferAnswerError::NoOffer => f.write_str("an answer to no offer"),
            OfferAnswerError::NoSession => f.write_str("nothing was negotiated yet"),
            OfferAnswerError::Malformed(error) => write!(f, "{error}"),
            OfferAnswerError::MediaCount { expected, found } => {
                write!(f, "{found} media where the session has {expected}")
            }
            OfferAnswerError::NothingInCommon(mismatch) => write!(f, "{mismatch}"),
        }
    }
}

impl std::error::Error for OfferAnswerError {}

impl From<ParseError> for OfferAnswerError {
    fn from(error: ParseError) -> OfferAnswerError {
        OfferAnswerError::Malformed(error)
    }
}
