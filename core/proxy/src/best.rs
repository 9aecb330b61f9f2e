//! Choosing the best final response, and what is added to it (RFC 3261 section 16.7, items 6 and 7).
//!
//! Not here: when the choice is made (`response.rs`).

use ruf_message::{HeaderName, Response, StatusClass, StatusCode};

/// The end of a branch that was not a success.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A final response, without our Via.
    Answered(Response),
    /// No answer in time: as if a 408 had come (16.6 item 7, 16.8).
    TimedOut,
    /// The request could not be sent: as if a 503 had come (16.9).
    Unreachable,
    /// The connection that is the only way to it is gone: as if a 430 had come (RFC 5626 section 5.3.1).
    FlowGone,
    /// Our own table of transactions is full.
    Overloaded,
    /// The target cannot be reached in the way that `sips:` asks (RFC 5630 section 5.3).
    Insecure,
}

impl Failure {
    /// The status that it stands for.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Failure::Answered(response) => response.status(),
            Failure::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Failure::Unreachable | Failure::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
            Failure::FlowGone => StatusCode::FLOW_FAILED,
            Failure::Insecure => StatusCode::TEMPORARILY_UNAVAILABLE,
        }
    }

    /// The request could not be sent: nobody has heard it.
    pub(crate) fn is_unreachable(&self) -> bool {
        matches!(self, Failure::Unreachable)
    }

    /// It was heard by nobody, or by somebody who is silent.
    pub(crate) fn is_timeout(&self) -> bool {
        matches!(self, Failure::TimedOut)
    }

    /// It says that this place cannot serve, and nothing about the others.
    // rfc3263 §4.3: a 503, a transport failure, a timeout
    pub(crate) fn is_of_the_place(&self) -> bool {
        match self {
            Failure::Answered(response) => response.status() == StatusCode::SERVICE_UNAVAILABLE,
            Failure::TimedOut | Failure::Unreachable => true,
            Failure::FlowGone | Failure::Overloaded | Failure::Insecure => false,
        }
    }

    /// The instance has not given its response: another flow may reach it.
    // rfc5626 §7: only a 408 or a 430 is no response of the instance
    pub(crate) fn is_of_the_flow(&self) -> bool {
        match self {
            Failure::Answered(response) => {
                matches!(response.status(), StatusCode::REQUEST_TIMEOUT | StatusCode::FLOW_FAILED)
            }
            Failure::TimedOut | Failure::Unreachable | Failure::FlowGone | Failure::Insecure => true,
            Failure::Overloaded => false,
        }
    }
}

/// Takes the best failure out of the list; of equals the first. `None` if there is none.
pub(crate) fn choose(failures: &mut smallvec::SmallVec<[Failure; 1]>) -> Option<Failure> {
    let best =
        (0..failures.len()).min_by_key(|&at| failures.get(at).map(|failure| rank(failure.status())))?;
    Some(failures.remove(best))
}

/// Lower is better.
// rfc3261 §16.7: a 6xx if there is one, otherwise of the lowest class; among 4xx those that tell how
// to try again come first
fn rank(status: StatusCode) -> (u8, u8) {
    let class = match status.class() {
        StatusClass::GlobalFailure => 0,
        StatusClass::Provisional | StatusClass::Success => 1, // never a failure
        StatusClass::Redirection => 2,
        StatusClass::ClientError => 3,
        StatusClass::ServerError => 4,
    };
    let within = match status {
        StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED => 0,
        StatusCode::UNSUPPORTED_MEDIA_TYPE | StatusCode::BAD_EXTENSION | StatusCode::ADDRESS_INCOMPLETE => 1,
        // They say nothing about the callee.
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::REQUEST_TERMINATED
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::FLOW_FAILED => 3,
        _ => 2,
    };
    (class, within)
}

fn is_challenge(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED)
}

/// Adds the challenges of all other 401 and 407 to the chosen one, so that the sender can answer
/// every one of them at once.
// rfc3261 §16.7 step 7, without modification
pub(crate) fn aggregate(chosen: &mut Response, others: &[Failure]) {
    if !is_challenge(chosen.status()) {
        return;
    }
    for other in others {
        let Failure::Answered(other) = other else {
            continue;
        };
        if !is_challenge(other.status()) {
            continue;
        }
        for name in [HeaderName::WwwAuthenticate, HeaderName::ProxyAuthenticate] {
            for challenge in other.raw(name) {
                chosen.add(name, challenge);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use smallvec::SmallVec;

    fn answered(status: u16, header: &str) -> Failure {
        Failure::Answered(sample::response(status, header))
    }

    fn best_of(statuses: &[u16]) -> Option<u16> {
        let mut failures: SmallVec<[Failure; 1]> =
            statuses.iter().map(|&status| answered(status, "")).collect();
        choose(&mut failures).map(|failure| failure.status().as_u16())
    }

    #[test]
    fn a_6xx_wins_then_the_lowest_class() {
        // tests rfc3261 §16.7 step 6
        assert_eq!(best_of(&[404, 603, 302]), Some(603));
        assert_eq!(best_of(&[500, 404, 302]), Some(302));
        assert_eq!(best_of(&[503, 480]), Some(480));
        assert_eq!(best_of(&[]), None);
    }

    #[test]
    fn what_tells_how_to_try_again_wins_in_its_class() {
        // tests rfc3261 §16.7 step 6
        assert_eq!(best_of(&[503, 407, 501, 404]), Some(407)); // the example of the RFC
        for helpful in [401, 407, 415, 420, 484] {
            assert_eq!(best_of(&[486, helpful, 404]), Some(helpful));
        }
    }

    #[test]
    fn what_says_nothing_about_the_callee_comes_last_in_its_class() {
        assert_eq!(best_of(&[408, 430, 487, 486]), Some(486));
        assert_eq!(best_of(&[503, 501]), Some(501));
        assert_eq!(best_of(&[486, 480]), Some(486));
    }

    #[test]
    fn challenges_of_all_branches_are_collected_unchanged_into_the_chosen_one() {
        // tests rfc3261 §16.7 step 7
        let mut chosen = sample::response(407, "Proxy-Authenticate: Digest realm=\"a\", nonce=\"1\"\r\n");
        let others = [
            answered(401, "WWW-Authenticate: Digest realm=\"b\"\r\nWWW-Authenticate: Digest realm=\"c\"\r\n"),
            answered(404, "WWW-Authenticate: Digest realm=\"no\"\r\n"),
            answered(407, "Proxy-Authenticate: Digest realm=\"d\"\r\n"),
            Failure::TimedOut,
        ];
        aggregate(&mut chosen, &others);
        let all = |name| -> Vec<String> {
            chosen.raw(name).map(|value| String::from_utf8_lossy(value).into_owned()).collect()
        };
        assert_eq!(
            all(HeaderName::ProxyAuthenticate),
            ["Digest realm=\"a\", nonce=\"1\"", "Digest realm=\"d\""]
        );
        assert_eq!(all(HeaderName::WwwAuthenticate), ["Digest realm=\"b\"", "Digest realm=\"c\""]);
        let mut busy = sample::response(486, "");
        aggregate(&mut busy, &others);
        assert!(!busy.contains(HeaderName::WwwAuthenticate));
    }
}
