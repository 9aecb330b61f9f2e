//! The way through NAT to a server over UDP is kept open, and watched (RFC 5626 §4.4.2): a server that said that it
//! knows how is asked every half minute, by STUN, from where it sees us. Another answer than before, or none where
//! there were some, and the way leads nowhere any more.
//!
//! ```text
//!          registered           no answer, and never one
//!    Idle ----------> Asked ------------------------------> Silent: empty lines instead
//!                      | ^
//!               answer | | 24 to 29 s
//!                      v |
//!                     Known --- another address: Moved; asked in vain: Lost
//! ```
//!
//! A server that did not say so gets empty lines from the start, which open the way as well and tell nothing. Not here: connections (io/net keeps
//! them open, RFC 5626 §4.4.1), and what follows from Moved and Lost (`home`).

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use ruf_message::{Entropy, Flow, Tick, Transmit};
use ruf_net::stun;

/// The least time between two questions, and by how much it may be longer.
// rfc5626 §4.4.2: a random number between 24 and 29 seconds
const EVERY: Duration = Duration::from_secs(24);
const SPREAD: Duration = Duration::from_secs(5);
/// First wait for an answer; doubled for each repetition.
// rfc8489 §6.2.1
const RTO: Duration = Duration::from_millis(500);
/// How often a server is asked that has answered before; its answer is waited for a little longer after the last.
// rfc8489 §6.2.1: Rc, Rm
const TRIES: u32 = 7;
const LAST_WAIT: u32 = 16;
/// The same for one of which we do not know whether it answers at all.
const FIRST_TRIES: u32 = 3;
/// Neither STUN nor SIP: it is dropped wherever it comes to.
const EMPTY_LINES: &[u8] = b"\r\n\r\n";

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// Send this.
    Send(Transmit),
    /// The server sees us at another address than before.
    Moved,
    /// It does not answer any more.
    Lost,
}

/// Keeps one flow open.
#[derive(Debug)]
pub(super) struct Keepalive {
    entropy: Entropy,
    kept: Option<Watch>,
}

#[derive(Debug)]
struct Watch {
    flow: Flow,
    at: Tick,
    asking: Option<Asking>,
    seen: Seen,
}

/// A question that is open.
#[derive(Debug)]
struct Asking {
    transaction: [u8; 12],
    tries: u32,
}

/// Where the server sees us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// It was not asked yet, or has not answered.
    Unknown,
    At(SocketAddr),
    /// It does not say.
    Silent,
}

impl Keepalive {
    pub(super) fn new(entropy: Entropy) -> Keepalive {
        Keepalive { entropy, kept: None }
    }

    /// From now on this flow is kept open; `answers`: its server said that it answers. To say so again changes nothing.
    // rfc5626 §8: no STUN to whom did not say so
    pub(super) fn keep(&mut self, now: Tick, flow: Flow, answers: bool) {
        if self.kept.as_ref().is_none_or(|kept| kept.flow != flow) {
            let seen = if answers { Seen::Unknown } else { Seen::Silent };
            self.kept = Some(Watch { flow, at: now, asking: None, seen });
        }
    }

    /// None is.
    pub(super) fn leave(&mut self) {
        self.kept = None;
    }

    pub(super) fn deadline(&self) -> Option<Tick> {
        self.kept.as_ref().map(|kept| kept.at)
    }

    pub(super) fn tick(&mut self, now: Tick) -> Option<Kept> {
        let Keepalive { entropy, kept } = self;
        let watch = kept.as_mut().filter(|kept| kept.at <= now)?;
        let flow = watch.flow;
        if watch.seen == Seen::Silent {
            watch.at = now + pause(entropy);
            return Some(Kept::Send(Transmit { flow, bytes: Bytes::from_static(EMPTY_LINES) }));
        }
        let tries_max = if watch.seen == Seen::Unknown { FIRST_TRIES } else { TRIES };
        let asking =
            watch.asking.get_or_insert_with(|| Asking { transaction: transaction(entropy), tries: 0 });
        if asking.tries >= tries_max {
            watch.asking = None;
            if watch.seen == Seen::Unknown {
                watch.seen = Seen::Silent;
                watch.at = now;
                return None;
            }
            *kept = None;
            return Some(Kept::Lost);
        }
        asking.tries += 1;
        let is_last = asking.tries == TRIES;
        watch.at = now + if is_last { RTO * LAST_WAIT } else { RTO * (1 << (asking.tries - 1)) };
        Some(Kept::Send(Transmit { flow, bytes: stun::question(asking.transaction) }))
    }

    /// The far side of a flow answered.
    // rfc5626 §4.4.2: another address is a failure of the flow
    pub(super) fn mapped(
        &mut self,
        now: Tick,
        flow: Flow,
        transaction: [u8; 12],
        mapped: SocketAddr,
    ) -> Option<Kept> {
        let Keepalive { entropy, kept } = self;
        let watch = kept.as_mut().filter(|kept| kept.flow == flow)?;
        watch.asking.take_if(|asking| asking.transaction == transaction)?;
        watch.at = now + pause(entropy);
        let before = std::mem::replace(&mut watch.seen, Seen::At(mapped));
        matches!(before, Seen::At(before) if before != mapped).then_some(Kept::Moved)
    }
}

fn pause(entropy: &mut Entropy) -> Duration {
    EVERY + entropy.up_to(SPREAD)
}

// rfc8489 §5: 96 bits that nobody guesses
fn transaction(entropy: &mut Entropy) -> [u8; 12] {
    let mut octets = [0; 12];
    entropy.fill(&mut octets);
    octets
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruf_message::Transport;

    fn flow(port: u16) -> Flow {
        let local = SocketAddr::from(([192, 0, 2, 1], 5060));
        let remote = SocketAddr::from(([192, 0, 2, 9], port));
        Flow { transport: Transport::Udp, listener: 0, local, remote, connection: 0 }
    }

    /// Runs until something is said, and says when.
    fn next(keepalive: &mut Keepalive) -> (Tick, Kept) {
        for _ in 0..10 {
            let now = keepalive.deadline().expect("it waits for something");
            if let Some(kept) = keepalive.tick(now) {
                return (now, kept);
            }
        }
        panic!("nothing is said")
    }

    fn transaction_of(kept: Kept) -> [u8; 12] {
        match kept {
            Kept::Send(transmit) if stun::is_stun(&transmit.bytes) => {
                transmit.bytes[8..20].try_into().unwrap()
            }
            other => panic!("{other:?}"),
        }
    }

    fn kept() -> Keepalive {
        let mut keepalive = Keepalive::new(Entropy::from_seed([7; 32]));
        assert_eq!((keepalive.deadline(), keepalive.tick(Tick::ZERO)), (None, None));
        keepalive.keep(Tick::ZERO, flow(5060), true);
        keepalive
    }

    #[test]
    fn it_asks_every_half_minute_and_not_all_phones_at_once() {
        // tests rfc5626 §4.4.2
        let mut keepalive = kept();
        let mut gaps = Vec::new();
        let (mut before, mut question) = next(&mut keepalive);
        for _ in 0..20 {
            assert_eq!(keepalive.mapped(before, flow(5060), transaction_of(question), flow(1).local), None);
            let (now, asked) = next(&mut keepalive);
            gaps.push(now.saturating_sub(before));
            (before, question) = (now, asked);
        }
        assert!(gaps.iter().all(|gap| (EVERY..=EVERY + SPREAD).contains(gap)), "{gaps:?}");
        assert!(gaps.iter().any(|gap| *gap != gaps[0]));
    }

    #[test]
    fn another_address_is_told_once() {
        let mut keepalive = kept();
        for (seen, told) in [(1, None), (1, None), (2, Some(Kept::Moved)), (2, None)] {
            let (now, question) = next(&mut keepalive);
            let address = SocketAddr::from(([198, 51, 100, 1], seen));
            assert_eq!(keepalive.mapped(now, flow(5060), transaction_of(question), address), told);
        }
    }

    #[test]
    fn who_has_answered_and_does_so_no_more_is_lost_after_seven_questions() {
        // tests rfc8489 §6.2.1
        let mut keepalive = kept();
        let (now, question) = next(&mut keepalive);
        keepalive.mapped(now, flow(5060), transaction_of(question), flow(1).local);
        let (first, question) = next(&mut keepalive);
        let same = transaction_of(question);
        let mut offsets = Vec::new();
        let end = loop {
            let (now, said) = next(&mut keepalive);
            if said == Kept::Lost {
                break now;
            }
            assert_eq!(transaction_of(said), same, "a repetition");
            offsets.push(now.saturating_sub(first).as_millis());
        };
        assert_eq!(offsets, [500, 1_500, 3_500, 7_500, 15_500, 31_500]);
        assert_eq!(end.saturating_sub(first).as_millis(), 39_500);
        assert_eq!(keepalive.deadline(), None);
    }

    #[test]
    fn who_never_answers_gets_empty_lines() {
        let mut keepalive = kept();
        for _ in 0..FIRST_TRIES {
            transaction_of(next(&mut keepalive).1);
        }
        let (first, said) = next(&mut keepalive);
        let lines = Kept::Send(Transmit { flow: flow(5060), bytes: Bytes::from_static(b"\r\n\r\n") });
        assert_eq!((first.saturating_sub(Tick::ZERO).as_millis(), &said), (3_500, &lines));
        let (then, said) = next(&mut keepalive);
        assert!(said == lines && then.saturating_sub(first) >= EVERY);
        // tests rfc5626 §8
        let mut keepalive = Keepalive::new(Entropy::from_seed([7; 32]));
        keepalive.keep(then, flow(5060), false);
        assert_eq!(next(&mut keepalive), (then, lines), "it did not say that it knows STUN");
    }

    #[test]
    fn what_a_stranger_says_is_no_answer() {
        let mut keepalive = kept();
        let (now, question) = next(&mut keepalive);
        let transaction = transaction_of(question);
        let elsewhere = SocketAddr::from(([203, 0, 113, 1], 1));
        assert_eq!(keepalive.mapped(now, flow(5061), transaction, elsewhere), None, "another flow");
        assert_eq!(keepalive.mapped(now, flow(5060), [0; 12], elsewhere), None, "another question");
        assert_eq!(keepalive.mapped(now, flow(5060), transaction, flow(1).local), None);
        assert_eq!(keepalive.mapped(now, flow(5060), transaction, elsewhere), None, "a second answer");
        let (now, question) = next(&mut keepalive);
        let told = keepalive.mapped(now, flow(5060), transaction_of(question), flow(1).local);
        assert_eq!(told, None, "it was never seen elsewhere");
        keepalive.keep(now, flow(5060), false);
        assert!(keepalive.deadline().is_some_and(|at| at > now), "kept already");
        keepalive.leave();
        assert_eq!(keepalive.deadline(), None);
    }
}
