//! [`Paths`]: from a hop to a flow (RFC 3263): first its places, then the first of them that is reached.
//!
//! Questions to the DNS and places to reach go out through io/net, which owns the sockets; the search
//! itself is core/locate's. Not here: what is sent over a flow, and what its silence means.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use ruf_agent::WayQuestion;
use ruf_locate::{Answer, Limits, Locator, Out, Query, Ways};
use ruf_message::{Entropy, Flow, Hop, Place, Tick};
use ruf_net::Unreachable;

/// Why no flow was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The name has no address, or the DNS did not say.
    Nowhere,
    /// None of its addresses could be reached; why not the last.
    Unreached(Unreachable),
}

/// The end of a search: the flow and where it leads.
pub(crate) type Found = Result<(Flow, Place), Lost>;

/// Searches that are going on, each under a number that is never used again.
#[derive(Debug)]
pub(crate) struct Paths {
    locator: Locator,
    located: Out,
    /// The questions that they are to answer.
    asked: HashMap<u64, WayQuestion>,
    /// The places that are left to try; the first is being tried.
    trying: HashMap<u64, VecDeque<Place>>,
    reaches: VecDeque<(u64, Place)>,
    found: VecDeque<(u64, Found)>,
    next: u64,
}

impl Paths {
    pub(crate) fn new(ways: Ways, entropy: Entropy) -> Self {
        Paths {
            locator: Locator::new(Limits::default(), ways, entropy),
            located: Out::default(),
            asked: HashMap::new(),
            trying: HashMap::new(),
            reaches: VecDeque::new(),
            found: VecDeque::new(),
            next: 1,
        }
    }

    /// Begins a search; [`Paths::poll_found`] tells its end, once. Who asks this and was somewhere in vain is not led
    /// there again, however long ago that was.
    // rfc3263 §4, §4.3
    pub(crate) fn seek(&mut self, now: Tick, hop: Hop, question: Option<WayQuestion>) -> u64 {
        let number = self.next;
        self.next += 1;
        self.asked.extend(question.map(|question| (number, question)));
        self.locator.locate(now, number, hop, &mut self.located);
        self.go_on();
        number
    }

    /// The DNS answered.
    pub(crate) fn resolved(&mut self, now: Tick, number: u64, answer: Answer) {
        self.locator.answer(now, number, answer, &mut self.located);
        self.go_on();
    }

    /// A place was reached, or not; then the next one is tried.
    // rfc3263 §4.3
    pub(crate) fn reached(&mut self, now: Tick, number: u64, flow: Result<Flow, Unreachable>) {
        let Some(mut places) = self.trying.remove(&number) else { return };
        let Some(place) = places.pop_front() else { return };
        match flow {
            Ok(flow) => {
                self.locator.works(&place);
                self.found.push_back((number, Ok((flow, place))));
            }
            Err(why) => {
                self.locator.failed(now, &place);
                self.attempt(number, places, Lost::Unreached(why));
            }
        }
    }

    /// What was sent to this place found nobody: for a while others come first.
    pub(crate) fn failed(&mut self, now: Tick, place: &Place) {
        self.locator.failed(now, place);
    }

    /// It says that it serves nobody for so long.
    // rfc3261 §21.5.4
    pub(crate) fn refused(&mut self, now: Tick, place: &Place, retry_after_secs: u32) {
        self.locator.avoid(now, place, now + Duration::from_secs(retry_after_secs.into()));
    }

    pub(crate) fn tick(&mut self, now: Tick) {
        self.locator.tick(now, &mut self.located);
        self.go_on();
    }

    pub(crate) fn deadline(&self) -> Option<Tick> {
        self.locator.deadline()
    }

    pub(crate) fn poll_query(&mut self) -> Option<(u64, Query)> {
        self.located.queries.pop_front()
    }

    pub(crate) fn poll_reach(&mut self) -> Option<(u64, Place)> {
        self.reaches.pop_front()
    }

    pub(crate) fn poll_found(&mut self) -> Option<(u64, Found)> {
        self.found.pop_front()
    }

    fn go_on(&mut self) {
        while let Some(found) = self.located.found.pop_front() {
            let mut places: VecDeque<Place> = found.places.into();
            if let Some(question) = self.asked.remove(&found.user) {
                places.retain(|place| !question.rules_out(place.transport, place.address));
            }
            self.attempt(found.user, places, Lost::Nowhere);
        }
    }

    fn attempt(&mut self, number: u64, places: VecDeque<Place>, otherwise: Lost) {
        match places.front() {
            Some(place) => {
                self.reaches.push_back((number, place.clone()));
                self.trying.insert(number, places);
            }
            None => self.found.push_back((number, Err(otherwise))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruf_locate::Record;
    use ruf_message::Transport;

    fn paths() -> Paths {
        let ways = Ways::new([(Transport::Udp, "0.0.0.0".parse().unwrap())]);
        Paths::new(ways, Entropy::from_seed([3; 32]))
    }

    fn hop(uri: &str) -> Hop {
        uri.parse::<ruf_message::Uri>().unwrap().as_ref().hop().unwrap()
    }

    fn flow(place: &Place) -> Flow {
        let local = "192.0.2.1:5060".parse().unwrap();
        Flow { transport: place.transport, listener: 0, local, remote: place.address, connection: 0 }
    }

    #[test]
    fn a_number_is_reached_without_a_question() {
        let mut paths = paths();
        let number = paths.seek(Tick::ZERO, hop("sip:192.0.2.9:5070"), None);
        let (token, place) = paths.poll_reach().unwrap();
        assert_eq!((token, place.address), (number, "192.0.2.9:5070".parse().unwrap()));
        assert_eq!(paths.poll_found(), None);
        paths.reached(Tick::ZERO, token, Ok(flow(&place)));
        assert_eq!(paths.poll_found(), Some((number, Ok((flow(&place), place)))));
        assert_eq!(paths.poll_query(), None);
    }

    #[test]
    fn a_place_that_is_not_reached_gives_way_to_the_next() {
        // tests rfc3263 §4.3
        let mut paths = paths();
        let number = paths.seek(Tick::ZERO, hop("sip:example.org:5060"), None);
        let (question, _) = paths.poll_query().unwrap();
        let records = ["192.0.2.9", "192.0.2.10"].map(|at| Record::Address(at.parse().unwrap())).to_vec();
        paths.resolved(Tick::ZERO, question, Answer::Records { records, ttl_secs: 60 });
        let (_, first) = paths.poll_reach().unwrap();
        paths.reached(Tick::ZERO, number, Err(Unreachable::Refused));
        let (_, second) = paths.poll_reach().unwrap();
        assert_ne!(first.address, second.address);
        paths.reached(Tick::ZERO, number, Err(Unreachable::Silent));
        assert_eq!(paths.poll_found(), Some((number, Err(Lost::Unreached(Unreachable::Silent)))));
        // A second answer means nothing.
        paths.reached(Tick::ZERO, number, Ok(flow(&second)));
        assert_eq!(paths.poll_found(), None);
    }

    #[test]
    fn a_name_that_the_dns_does_not_answer_for_leads_nowhere_in_time() {
        let mut paths = paths();
        let number = paths.seek(Tick::ZERO, hop("sip:example.org:5060"), None);
        assert!(paths.poll_query().is_some());
        let deadline = paths.deadline().unwrap();
        paths.tick(deadline);
        assert_eq!(paths.poll_found(), Some((number, Err(Lost::Nowhere))));
    }
}
