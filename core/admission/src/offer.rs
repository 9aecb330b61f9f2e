//! Which algorithms a challenge offers, and to whom MD5 alone.
//!
//! **Decision.** RFC 8760 §2.3 has a server put one challenge per algorithm into a 401 or 407, the best
//! first, and has a client take the topmost that it knows. Real phones do not:
//!
//! - baresip before 3.11 (libre before 3.11) gives up when *any* challenge names another algorithm than
//!   MD5, wherever it stands;
//! - SIPp 3.6 reads only the first challenge, and ends the whole run when that is not MD5;
//! - an unknown number of others will do one or the other.
//!
//! There is no order of SHA-256 and MD5 that serves baresip, and putting MD5 first would have every good
//! phone use it. So the list is offered as configured (SHA-256, MD5), and MD5 alone to whom we know to
//! fail on it:
//!
//! 1. **By User-Agent**, a table of a few rows ([`FAILS_ON_SHA`]). It is for phones whose fault is known.
//! 2. **By memory.** A client that was offered SHA-256 for a method, and then sends a request of the same
//!    method from the same source for the same account, again without credentials and not as a
//!    retransmission (another Call-ID or CSeq), without having answered in between, gets MD5 alone from
//!    then on, as long as it keeps coming back within an hour. One failed attempt, and the next succeeds;
//!    a phone registers again by itself. A client that answers with SHA-256 is forgotten here, so that a
//!    good phone, which asks first without credentials for every call, stays on SHA-256.
//!
//! Credentials with a nonce that is stale, or with a wrong password, make nobody look like that; but the
//! request is remembered like a bare one, so that after a restart, when old phones come with MD5 and an old
//! nonce, they too fail once at most.
//!
//! What follows: SIPp 3.6 with a `User-Agent` that names it, or with `--digest MD5`, works at once;
//! without either, its first run against an account ends at the first challenge, and the second works.
//! A request without any User-Agent is offered the whole list: silence is no proof of a fault.
//!
//! The price: who can send from a phone's address can have it asked for MD5. So can who sits on the path,
//! by removing a challenge, as long as MD5 is in the list at all (RFC 8760 §3); who minds takes it out of
//! the list (`--digest SHA-256`), and then nobody is offered it. Two calls begun at the same instant may
//! also look like a client that came back; the phone then uses MD5 for a while, and nothing fails.

use crate::bounded::Bounded;
use crate::failures::Pair;
use crate::limits::Limits;
use ruf_auth::Algorithm;
use ruf_message::{Method, Tick};

/// Products that fail when anything but MD5 is offered, up to the version that no longer does.
const FAILS_ON_SHA: &[(&str, (u32, u32))] = &[("baresip", (3, 11)), ("SIPp", (3, 7))];

/// MD5 and nothing else.
const MD5_ALONE: &[Algorithm] = &[Algorithm::Md5];

/// Remembers who was asked for more than MD5 and did not answer.
#[derive(Debug)]
pub(crate) struct Offers {
    challenged: Bounded<(Pair, Method), Challenged>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Challenged {
    /// With the whole list, for the request of this number.
    Once(u64),
    /// And it came back without an answer.
    InVain,
}

impl Offers {
    pub(crate) fn new(limits: &Limits) -> Self {
        Offers { challenged: Bounded::new(limits.challenged_max, limits.challenged_lifetime) }
    }

    /// What to offer of `list` to a request. `request` is a number made of its Call-ID and CSeq, which a
    /// retransmission shares; `answers` says that it has credentials, if of no use.
    pub(crate) fn choose<'a>(
        &mut self,
        now: Tick,
        (pair, method): (Pair, Method),
        (request, answers): (u64, bool),
        user_agent: Option<&[u8]>,
        list: &'a [Algorithm],
    ) -> &'a [Algorithm] {
        if !is_choice(list) {
            return list;
        }
        if user_agent.is_some_and(fails_on_sha) {
            return MD5_ALONE;
        }
        let state = match self.challenged.get(now, &(pair, method)) {
            None => Challenged::Once(request),
            Some(Challenged::Once(before)) if answers || *before == request => Challenged::Once(request),
            Some(Challenged::Once(_) | Challenged::InVain) => Challenged::InVain,
        };
        self.challenged.put(now, (pair, method), state);
        if state == Challenged::InVain { MD5_ALONE } else { list }
    }

    /// A client answered, and proved its password. If with MD5, it may be one of those that can do no
    /// better, and what we know of it is kept fresh.
    pub(crate) fn answered(&mut self, now: Tick, pair: Pair, method: Method, algorithm: Algorithm) {
        let key = (pair, method);
        match (algorithm, self.challenged.get(now, &key)) {
            (Algorithm::Md5, Some(Challenged::InVain)) => self.challenged.put(now, key, Challenged::InVain),
            (Algorithm::Md5 | Algorithm::Sha256 | Algorithm::Sha512_256, _) => self.challenged.remove(&key),
        }
    }

    pub(crate) fn expire(&mut self, now: Tick) {
        self.challenged.expire(now);
    }

    pub(crate) fn deadline(&self) -> Option<Tick> {
        self.challenged.deadline()
    }

    pub(crate) fn len(&self) -> usize {
        self.challenged.len()
    }
}

/// Whether there is anything to choose.
pub(crate) fn is_choice(list: &[Algorithm]) -> bool {
    list.contains(&Algorithm::Md5) && list != MD5_ALONE
}

/// Whether the table has this User-Agent: `baresip v1.0.0 (x86_64/linux)`, `SIPp/3.6`. A product of the
/// table without a version is an old one.
fn fails_on_sha(user_agent: &[u8]) -> bool {
    FAILS_ON_SHA.iter().any(|(product, mended)| {
        let Some((name, rest)) = user_agent.split_at_checked(product.len()) else { return false };
        let ends = rest.first().is_none_or(|octet| !octet.is_ascii_alphanumeric());
        name.eq_ignore_ascii_case(product.as_bytes())
            && ends
            && version(rest).is_none_or(|version| version < *mended)
    })
}

/// The first two numbers in ` v1.0.0 ...`, `/3.6`, `-3.11.1`.
fn version(text: &[u8]) -> Option<(u32, u32)> {
    let text = str::from_utf8(text).ok()?.trim_start_matches([' ', '/', '-', 'v', 'V']);
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next().and_then(Result::ok).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    const LIST: &[Algorithm] = &Algorithm::DEFAULT;
    const ALICE: Pair = (IpAddr::V4(Ipv4Addr::LOCALHOST), 1);
    const BOB: Pair = (IpAddr::V4(Ipv4Addr::LOCALHOST), 2);

    fn at(secs: u64) -> Tick {
        Tick::from_micros(secs * 1_000_000)
    }

    fn offers() -> Offers {
        Offers::new(&Limits::default())
    }

    #[test]
    fn a_challenge_is_remembered_for_its_time() {
        let mut offers = offers();
        assert_eq!((offers.len(), offers.deadline()), (0, None));
        offers.choose(at(0), (ALICE, Method::Register), (1, false), None, LIST);
        assert_eq!(offers.len(), 1);
        let ends = offers.deadline().unwrap();
        offers.expire(ends);
        assert_eq!((offers.len(), offers.deadline()), (0, None));
    }

    #[test]
    fn phones_known_to_fail_get_md5_alone() {
        let offered = |agent: &str| {
            offers()
                .choose(at(0), (ALICE, Method::Register), (1, false), Some(agent.as_bytes()), LIST)
                .to_vec()
        };
        for old in [
            "baresip v1.0.0 (x86_64/linux)",
            "baresip v3.10.1 (x86_64/Linux)",
            "Baresip",
            "SIPp",
            "sipp/3.6.1",
            "SIPp v2",
        ] {
            assert_eq!(offered(old), MD5_ALONE, "{old}");
        }
        for good in [
            "baresip v3.11.0 (x86_64/Linux)",
            "baresip v4.0",
            "SIPp 3.7",
            "baresipper 1",
            "Linphone/5.1",
            "bench/1.0",
            "",
        ] {
            assert_eq!(offered(good), LIST, "{good}");
        }
    }

    #[test]
    fn a_client_that_comes_back_without_an_answer_gets_md5_alone() {
        let mut offers = offers();
        let mut ask = |secs, pair, method, request| {
            offers.choose(at(secs), (pair, method), (request, false), None, LIST).to_vec()
        };
        assert_eq!(ask(0, ALICE, Method::Register, 1), LIST);
        assert_eq!(ask(1, ALICE, Method::Register, 1), LIST, "a retransmission");
        assert_eq!(ask(2, BOB, Method::Register, 2), LIST, "another account");
        assert_eq!(ask(3, ALICE, Method::Invite, 3), LIST, "another method");
        assert_eq!(ask(4, ALICE, Method::Register, 4), MD5_ALONE);
        assert_eq!(ask(5, ALICE, Method::Register, 4), MD5_ALONE);
        assert_eq!(ask(3_500, ALICE, Method::Register, 5), MD5_ALONE);
        assert_eq!(ask(7_000, ALICE, Method::Register, 6), MD5_ALONE);
        assert_eq!(ask(10_700, ALICE, Method::Register, 7), LIST, "gone for more than an hour");
    }

    #[test]
    fn a_client_that_answers_is_asked_for_the_best_again() {
        let mut offers = offers();
        let key = (ALICE, Method::Invite);
        for request in 0..10 {
            assert_eq!(offers.choose(at(0), key, (request, false), None, LIST), LIST);
            offers.answered(at(0), ALICE, Method::Invite, Algorithm::Sha256);
        }
        assert_eq!(offers.len(), 0);
        offers.choose(at(0), key, (10, false), None, LIST);
        assert_eq!(offers.choose(at(0), key, (11, false), None, LIST), MD5_ALONE);
        offers.answered(at(3_000), ALICE, Method::Invite, Algorithm::Md5);
        assert_eq!(offers.choose(at(6_000), key, (12, false), None, LIST), MD5_ALONE);
    }

    #[test]
    fn a_wrong_or_late_answer_makes_nobody_fall_back_to_md5() {
        let mut offers = offers();
        let key = (ALICE, Method::Register);
        for (request, answers) in [(1, false), (2, true), (3, true), (3, false)] {
            assert_eq!(offers.choose(at(0), key, (request, answers), None, LIST), LIST);
        }
        assert_eq!(offers.choose(at(0), key, (4, false), None, LIST), MD5_ALONE);
        assert_eq!(offers.choose(at(0), key, (5, true), None, LIST), MD5_ALONE);
    }

    #[test]
    fn nobody_is_offered_what_is_not_in_the_list() {
        let mut offers = offers();
        for list in [&[Algorithm::Sha256][..], &[Algorithm::Md5]] {
            for request in 0..3 {
                assert_eq!(
                    offers.choose(at(0), (ALICE, Method::Invite), (request, false), Some(b"baresip"), list),
                    list
                );
            }
        }
        assert_eq!(offers.len(), 0);
    }
}
