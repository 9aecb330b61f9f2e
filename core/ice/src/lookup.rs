//! [`Lookup`]: what a port of ours looks like to a STUN server (RFC 8489 §3, RFC 8445 §5.1.1.2). It asks again as long as
//! it lives, which keeps the NAT on the way open (§5.1.1.4).

use std::net::SocketAddr;
use std::time::Duration;

use crate::attribute::XOR_MAPPED_ADDRESS;
use crate::message::{Class, Draft, Message, Method, Transaction};
use crate::random::Random;
use crate::retry::{Due, RTO, Retry};

/// Between two questions: what is the least that keeps a NAT open.
// rfc8445 §11
const AGAIN: Duration = Duration::from_secs(15);
/// Until a server is asked again that did not answer.
const AGAIN_IF_SILENT: Duration = Duration::from_secs(60);

/// The questions to one server.
#[derive(Clone, Debug)]
pub(crate) struct Lookup {
    pub(crate) server: SocketAddr,
    /// What the server saw.
    pub(crate) mapped: Option<SocketAddr>,
    asked: Option<(Transaction, Retry)>,
    next: Duration,
}

impl Lookup {
    pub(crate) fn new(now: Duration, server: SocketAddr) -> Lookup {
        Lookup { server, mapped: None, asked: None, next: now }
    }

    /// What is to be sent now.
    pub(crate) fn tick(&mut self, now: Duration, random: &mut Random) -> Option<Vec<u8>> {
        let transaction = match &mut self.asked {
            Some((transaction, retry)) => match retry.due(now) {
                Due::Nothing => return None,
                Due::Again => *transaction,
                Due::Over => {
                    (self.asked, self.mapped) = (None, None);
                    self.next = now + AGAIN_IF_SILENT;
                    return None;
                }
            },
            None if now < self.next => return None,
            None => {
                let transaction = random.transaction();
                self.asked = Some((transaction, Retry::new(now, RTO)));
                transaction
            }
        };
        Some(Draft::new(Method::Binding, Class::Request, transaction).plain())
    }

    /// A server answers; `false`: not this question.
    pub(crate) fn answered(&mut self, now: Duration, from: SocketAddr, response: &Message<'_>) -> bool {
        let is_it = |(transaction, _): &(Transaction, Retry)| *transaction == response.transaction;
        if from != self.server || !self.asked.as_ref().is_some_and(is_it) {
            return false;
        }
        self.asked = None;
        let mapped = response.address(XOR_MAPPED_ADDRESS).filter(|_| response.class == Class::Success);
        self.next = now + if mapped.is_some() { AGAIN } else { AGAIN_IF_SILENT };
        self.mapped = mapped;
        true
    }

    /// Whether an answer is waited for.
    pub(crate) fn is_open(&self) -> bool {
        self.asked.is_some()
    }

    /// When something is due next.
    pub(crate) fn next(&self) -> Duration {
        self.asked.as_ref().map_or(self.next, |(_, retry)| retry.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_server_that_was_asked_says_what_it_saw_and_it_is_asked_again() {
        // tests rfc8489 §6.3.3; rfc8445 §5.1.1.4
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (server, mapped) = (at("198.51.100.1:3478"), at("192.0.2.1:5000"));
        let mut random = Random::from_seed([1; 32]);
        let mut lookup = Lookup::new(Duration::ZERO, server);
        let question = lookup.tick(Duration::ZERO, &mut random).unwrap();
        let transaction = Message::parse(&question).unwrap().transaction;
        let answer = |transaction| {
            let draft = Draft::new(Method::Binding, Class::Success, transaction);
            draft.put_address(XOR_MAPPED_ADDRESS, mapped).finish()
        };
        let (right, wrong) = (answer(transaction), answer([0; 12]));
        for (from, octets) in [(at("198.51.100.9:3478"), &right), (server, &wrong)] {
            assert!(!lookup.answered(Duration::ZERO, from, &Message::parse(octets).unwrap()));
            assert_eq!(lookup.mapped, None);
        }
        assert!(lookup.answered(Duration::ZERO, server, &Message::parse(&right).unwrap()));
        assert_eq!(lookup.mapped, Some(mapped));
        assert_eq!(lookup.tick(AGAIN - Duration::from_millis(1), &mut random), None);
        assert!(lookup.tick(AGAIN, &mut random).is_some());
        // A server that goes silent knows nothing any more.
        for secs in 16..60 {
            lookup.tick(Duration::from_secs(secs), &mut random);
        }
        assert_eq!(lookup.mapped, None);
    }
}
