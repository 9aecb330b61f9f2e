//! [`Checks`]: the checklist of one session of ICE: which pairs there are, which is checked when, what an answer and a
//! question of the far side's say of them (RFC 8445 §6.1, §7). Which pair is the one is in `conclude`.
//!
//! We have one address of each kind, so a pair is a way ([`Path`]): that its local candidate is seen elsewhere as
//! something else (§7.2.5.3.2) changes nothing in what is sent by it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use crate::agent::{Bases, Outgoing, Remote};
use crate::attribute::{
    ICE_CONTROLLED, ICE_CONTROLLING, PRIORITY, ROLE_CONFLICT, USE_CANDIDATE, USERNAME, XOR_MAPPED_ADDRESS,
};
use crate::candidate::{Both, Candidate, Component, Kind};
use crate::consent::Consent;
use crate::credentials::Credentials;
use crate::message::{Class, Draft, Message, Method, Transaction};
use crate::pair::{Check, Pair, Path, State, Via, rto};
use crate::random::Random;
use crate::retry::{Due, Retry};

/// Candidates of the far side's, at most, those counted that were learned: by two ways of ours that is a hundred pairs.
// rfc8445 §6.1.2.5
const REMOTE_MAX: usize = 50;
/// Between two checks, unless the far side wants it slower.
// rfc8445 §14.2
pub(crate) const PACE: Duration = Duration::from_millis(50);
/// However slow the far side wants it.
const PACE_MAX: Duration = Duration::from_secs(1);

/// One session of ICE for one stream.
#[derive(Clone, Debug)]
pub(crate) struct Checks {
    pub(crate) local: Credentials,
    pub(crate) remote: Credentials,
    pub(crate) is_controlling: bool,
    tiebreaker: u64,
    pub(crate) has_rtcp: bool,
    known: Vec<Candidate>,
    /// The best first.
    pub(crate) pairs: Vec<Pair>,
    pub(crate) triggered: VecDeque<(Component, Path)>,
    pace: Duration,
    next_check: Duration,
    pub(crate) started: Duration,
    pub(crate) first_valid: Both<Option<Duration>>,
    pub(crate) consent: Both<Option<Consent>>,
    pub(crate) is_completed: bool,
    pub(crate) is_failed: bool,
}

/// A question of the far side's, which was proved to be for us.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question {
    pub(crate) component: Component,
    pub(crate) path: Path,
    pub(crate) transaction: Transaction,
    pub(crate) priority: u32,
    pub(crate) nominates: bool,
    pub(crate) controlling: Option<u64>,
    pub(crate) controlled: Option<u64>,
}

impl Question {
    /// What a signed request asks; `None`: it is no check.
    // rfc8445 §7.1
    pub(crate) fn of(component: Component, path: Path, request: &Message<'_>) -> Option<Question> {
        let number = |name| Some(u64::from_be_bytes(request.attribute(name)?.try_into().ok()?));
        Some(Question {
            component,
            path,
            transaction: request.transaction,
            priority: request.number(PRIORITY)?,
            nominates: request.attribute(USE_CANDIDATE).is_some(),
            controlling: number(ICE_CONTROLLING),
            controlled: number(ICE_CONTROLLED),
        })
    }

    /// That it arrived, and from where.
    // rfc8445 §7.3, §7.3.1.2
    pub(crate) fn reply(&self, local: &Credentials) -> Outgoing {
        let draft = Draft::new(Method::Binding, Class::Success, self.transaction)
            .put_address(XOR_MAPPED_ADDRESS, self.path.remote);
        self.outgoing(draft.sign(local.pwd.as_bytes()).finish())
    }

    // rfc8445 §7.3.1.1
    fn refuse(&self, local: &Credentials) -> Outgoing {
        let draft = Draft::new(Method::Binding, Class::Error, self.transaction).put_error(ROLE_CONFLICT);
        self.outgoing(draft.sign(local.pwd.as_bytes()).finish())
    }

    fn outgoing(&self, datagram: Vec<u8>) -> Outgoing {
        Outgoing { component: self.component, path: self.path, datagram }
    }
}

impl Checks {
    pub(crate) fn new(
        now: Duration,
        local: Credentials,
        remote: &Remote,
        is_controlling: bool,
        bases: &Bases,
        random: &mut Random,
    ) -> Checks {
        let mut checks = Checks {
            local,
            remote: remote.credentials.clone(),
            is_controlling,
            tiebreaker: random.u64(),
            has_rtcp: remote.has_rtcp,
            known: Vec::new(),
            pairs: Vec::new(),
            triggered: VecDeque::new(),
            pace: remote.pace.unwrap_or(PACE).clamp(PACE, PACE_MAX),
            next_check: now,
            started: now,
            first_valid: Both::default(),
            consent: Both::default(),
            is_completed: false,
            is_failed: false,
        };
        checks.learn(remote, bases);
        checks
    }

    /// The far side says what its candidates are, maybe again.
    // rfc8445 §6.1.2.2, §6.1.2.4, §6.1.2.5
    pub(crate) fn learn(&mut self, remote: &Remote, bases: &Bases) {
        for candidate in &remote.candidates {
            let is_known = |known: &Candidate| {
                known.component == candidate.component && known.address == candidate.address
            };
            if self.known.iter().any(is_known) || self.known.len() >= REMOTE_MAX || !self.uses(candidate) {
                continue;
            }
            self.known.push(candidate.clone());
            for via in [Via::Direct, Via::Relay] {
                let base = bases.of(candidate.component, via);
                if base.is_some_and(|base| base.is_ipv4() == candidate.address.is_ipv4()) {
                    self.insert(Pair::new(via, candidate));
                }
            }
        }
        self.thaw();
    }

    /// Whether this component is had, and something may be sent there.
    fn uses(&self, candidate: &Candidate) -> bool {
        let address = candidate.address;
        (candidate.component == Component::Rtp || self.has_rtcp)
            && address.port() != 0
            && !address.ip().is_unspecified()
            && !address.ip().is_multicast()
    }

    fn insert(&mut self, pair: Pair) {
        let priority = pair.priority(self.is_controlling);
        let place = self.pairs.partition_point(|other| other.priority(self.is_controlling) >= priority);
        self.pairs.insert(place, pair);
    }

    /// Of each foundation the first pair may be checked; the others wait for it.
    // rfc8445 §6.1.2.6
    fn thaw(&mut self) {
        for at in 0..self.pairs.len() {
            let Some(pair) = self.pairs.get(at).filter(|pair| pair.state == State::Frozen) else { continue };
            let is_before = |other: &Pair| {
                other.foundation() == pair.foundation()
                    && (other.component < pair.component || other.state != State::Frozen)
            };
            let waits = self.pairs.iter().enumerate().any(|(place, other)| place != at && is_before(other));
            if !waits && let Some(pair) = self.pairs.get_mut(at) {
                pair.state = State::Waiting;
            }
        }
    }

    /// The far side asks; the answer.
    // rfc8445 §7.3
    pub(crate) fn asked(&mut self, question: &Question, random: &mut Random) -> Outgoing {
        // rfc8445 §7.3.1.1
        match (self.is_controlling, question.controlling, question.controlled) {
            (true, Some(theirs), _) if self.tiebreaker >= theirs => return question.refuse(&self.local),
            (false, _, Some(theirs)) if self.tiebreaker < theirs => return question.refuse(&self.local),
            (true, Some(_), _) | (false, _, Some(_)) => self.switch(!self.is_controlling, random),
            (true, None, _) | (false, _, None) => {}
        }
        self.trigger(question);
        question.reply(&self.local)
    }

    /// What follows from a question that was answered.
    // rfc8445 §7.3.1.3, §7.3.1.4, §7.3.1.5
    pub(crate) fn trigger(&mut self, question: &Question) {
        let Question { component, path, priority, .. } = *question;
        if component == Component::Rtcp && !self.has_rtcp {
            return;
        }
        let nominates = question.nominates && !self.is_controlling;
        if self.is_concluded(component) && !nominates {
            return;
        }
        if !self.pairs.iter().any(|pair| pair.is(component, path)) {
            let Some(remote) = self.remote_candidate(component, path, priority) else { return };
            self.insert(Pair::new(path.via, &remote));
        }
        let Some(pair) = self.pairs.iter_mut().find(|pair| pair.is(component, path)) else { return };
        match pair.state {
            State::Succeeded => pair.is_nominated |= nominates,
            State::InProgress | State::Waiting | State::Frozen | State::Failed => {
                pair.cancel();
                pair.state = State::Waiting;
                pair.is_to_be_nominated |= nominates;
                if !self.triggered.contains(&(component, path)) {
                    self.triggered.push_back((component, path));
                }
            }
        }
    }

    /// The candidate that a question came from: one that we know, or one that we learn from it.
    // rfc8445 §7.3.1.3
    fn remote_candidate(&mut self, component: Component, path: Path, priority: u32) -> Option<Candidate> {
        let is_it = |known: &&Candidate| known.component == component && known.address == path.remote;
        if let Some(known) = self.known.iter().find(is_it) {
            return Some(known.clone());
        }
        if self.known.len() >= REMOTE_MAX {
            return None;
        }
        let foundation = format!("learned{}", self.known.len());
        let (address, kind) = (path.remote, Kind::PeerReflexive);
        let learned = Candidate { foundation, component, priority, address, kind, related: None };
        self.known.push(learned.clone());
        Some(learned)
    }

    /// The far side answers a check; `false`: it is no check of ours.
    // rfc8445 §7.2.5
    pub(crate) fn answered(
        &mut self,
        now: Duration,
        (component, path): (Component, Path),
        response: &Message<'_>,
        random: &mut Random,
    ) -> bool {
        let transaction = response.transaction;
        let consent = self.consent.of_mut(component).as_mut();
        if let Some(consent) = consent.filter(|consent| consent.has_asked(transaction)) {
            let is_given = response.class == Class::Success && consent.path == path;
            // rfc7675 §5.1: what is over stays so
            if is_given && !consent.is_over(now) && response.is_signed_with(self.remote.pwd.as_bytes()) {
                consent.given(now);
            }
            return true;
        }
        let mut sent = self.pairs.iter_mut().filter_map(|pair| Some((pair.role_of(transaction)?, pair)));
        let Some((was_controlling, pair)) = sent.next() else { return false };
        if !response.is_signed_with(self.remote.pwd.as_bytes()) {
            return true; // rfc8489 §9.1.4: as if it had never come
        }
        let nominates = pair.check.as_ref().is_some_and(|check| check.nominates);
        if response.error_code() == Some(ROLE_CONFLICT) {
            // rfc8445 §7.2.5.1
            let place = (pair.component, pair.path);
            let is_former = pair.former.iter().any(|former| former.0 == transaction);
            pair.former.retain(|former| former.0 != transaction);
            // Of a former one the next is sent already, or about to be.
            if !is_former {
                (pair.check, pair.state) = (None, State::Waiting);
                self.triggered.push_back(place);
            }
            if self.is_controlling == was_controlling {
                self.switch(!was_controlling, random);
            }
            return true;
        }
        pair.check = None;
        pair.former.clear();
        if response.class == Class::Success && pair.is(component, path) {
            // rfc8445 §7.2.5.3
            (pair.state, pair.is_valid) = (State::Succeeded, true);
            let is_chosen = if self.is_controlling { nominates } else { pair.is_to_be_nominated };
            pair.is_nominated |= is_chosen;
            if self.is_controlling && pair.is_to_be_nominated && !nominates {
                // An earlier check of it was answered: the one that chooses it is still to come.
                pair.state = State::Waiting;
                self.triggered.push_back((component, path));
            }
            let foundation = pair.foundation();
            let foundation = (foundation.0, foundation.1.to_owned());
            for other in &mut self.pairs {
                if other.state == State::Frozen && other.foundation() == (foundation.0, &foundation.1) {
                    other.state = State::Waiting; // rfc8445 §7.2.5.3.3
                }
            }
        } else {
            fail(pair); // rfc8445 §7.2.5.2.1, §7.2.5.2.4
        }
        true
    }

    /// The other role from now on.
    // rfc8445 §7.2.5.1, §7.3.1.1
    fn switch(&mut self, is_controlling: bool, random: &mut Random) {
        self.is_controlling = is_controlling;
        self.tiebreaker = random.u64();
        for pair in &mut self.pairs {
            pair.is_to_be_nominated = false;
        }
        self.pairs.sort_by_key(|pair| std::cmp::Reverse(pair.priority(is_controlling)));
    }

    /// Time went by: what is to be sent.
    pub(crate) fn tick(&mut self, now: Duration, random: &mut Random, out: &mut Vec<Outgoing>) {
        for pair in &mut self.pairs {
            let Some(check) = &mut pair.check else { continue };
            match check.retry.due(now) {
                Due::Nothing => {}
                Due::Again => out.push(Outgoing {
                    component: pair.component,
                    path: pair.path,
                    datagram: check.datagram.clone(),
                }),
                Due::Over => fail(pair), // rfc8445 §7.2.5.2.3
            }
        }
        self.conclude(now, random, out);
        if now >= self.next_check
            && let Some(at) = self.next_pair()
        {
            self.next_check = now + self.pace;
            out.extend(self.check(now, at, random));
        }
    }

    /// Whose turn it is: one that the far side asked for, else the best that waits.
    // rfc8445 §6.1.4.2
    fn next_pair(&mut self) -> Option<usize> {
        while let Some((component, path)) = self.triggered.pop_front() {
            let is_it = |pair: &Pair| pair.is(component, path) && pair.state == State::Waiting;
            if let Some(at) = self.pairs.iter().position(is_it) {
                return Some(at);
            }
        }
        let concluded =
            Both { rtp: self.is_concluded(Component::Rtp), rtcp: self.is_concluded(Component::Rtcp) };
        let is_to_do = |pair: &Pair, state| pair.state == state && !concluded.of(pair.component);
        let waits = self.pairs.iter().position(|pair| is_to_do(pair, State::Waiting));
        waits.or_else(|| {
            let is_busy = |of: &Pair| {
                let busy = |other: &Pair| matches!(other.state, State::Waiting | State::InProgress);
                self.pairs.iter().any(|other| other.foundation() == of.foundation() && busy(other))
            };
            self.pairs.iter().position(|pair| is_to_do(pair, State::Frozen) && !is_busy(pair))
        })
    }

    /// Sends a check.
    // rfc8445 §7.2.4
    fn check(&mut self, now: Duration, at: usize, random: &mut Random) -> Option<Outgoing> {
        let open = self.pairs.iter().filter(|pair| pair.is_open() && pair.state != State::Frozen).count();
        let transaction = random.transaction();
        let is_controlling = self.is_controlling;
        let pair = self.pairs.get(at)?;
        let nominates = is_controlling && pair.is_to_be_nominated;
        let datagram = self.request(transaction, pair.component, nominates);
        let retry = Retry::new(now, rto(self.pace, open));
        let pair = self.pairs.get_mut(at)?;
        pair.state = State::InProgress;
        pair.check =
            Some(Check { transaction, datagram: datagram.clone(), retry, nominates, is_controlling });
        Some(Outgoing { component: pair.component, path: pair.path, datagram })
    }

    // rfc8445 §7.1.1, §7.1.2, §7.1.3, §7.2.2
    pub(crate) fn request(&self, transaction: Transaction, component: Component, nominates: bool) -> Vec<u8> {
        let username = format!("{}:{}", self.remote.ufrag, self.local.ufrag);
        let role = if self.is_controlling { ICE_CONTROLLING } else { ICE_CONTROLLED };
        let mut draft = Draft::new(Method::Binding, Class::Request, transaction)
            .put(USERNAME, username.as_bytes())
            .put(PRIORITY, &Kind::PeerReflexive.priority(component).to_be_bytes())
            .put(role, &self.tiebreaker.to_be_bytes());
        if nominates {
            draft = draft.put(USE_CANDIDATE, &[]);
        }
        draft.sign(self.remote.pwd.as_bytes()).finish()
    }

    /// Whether that is an address which a server lends to the far side.
    pub(crate) fn is_relay(&self, component: Component, address: SocketAddr) -> bool {
        let is_it = |known: &Candidate| known.component == component && known.address == address;
        self.known.iter().any(|known| is_it(known) && known.kind == Kind::Relayed)
    }

    /// Whether that is a way which the far side answered by.
    pub(crate) fn is_valid(&self, component: Component, path: Path) -> bool {
        self.pairs.iter().any(|pair| pair.is_valid && pair.is(component, path))
    }
}

/// Its check came to nothing.
// rfc8445 §7.2.5.2, §7.2.5.3.4
fn fail(pair: &mut Pair) {
    if pair.is_to_be_nominated {
        (pair.is_valid, pair.is_to_be_nominated) = (false, false);
    }
    pair.check = None;
    pair.state = State::Failed;
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: &str = "203.0.113.2:4000";

    struct Stage {
        checks: Checks,
        random: Random,
        now: Duration,
    }

    impl Stage {
        fn new(is_controlling: bool) -> Stage {
            let at = |text: &str| text.parse().unwrap();
            let mut random = Random::from_seed([5; 32]);
            let candidate = Candidate::ours(Kind::Host, Component::Rtp, at(PEER), None);
            let remote = Remote {
                credentials: Credentials::new([2; 32]),
                is_lite: false,
                has_rtcp: false,
                pace: None,
                candidates: vec![candidate],
            };
            let bases = Bases::direct(Both { rtp: at("192.0.2.1:4000"), rtcp: at("192.0.2.1:4001") });
            let local = Credentials::new([1; 32]);
            let checks = Checks::new(Duration::ZERO, local, &remote, is_controlling, &bases, &mut random);
            Stage { checks, random, now: Duration::ZERO }
        }

        /// What is sent in the next second.
        fn sends(&mut self) -> Vec<Outgoing> {
            let mut out = Vec::new();
            for _ in 0..50 {
                self.now += Duration::from_millis(20);
                self.checks.tick(self.now, &mut self.random, &mut out);
            }
            out
        }

        /// The next check.
        fn check(&mut self) -> Outgoing {
            self.sends().into_iter().next().expect("a check")
        }

        /// An answer to it, from there, signed so.
        fn answer(&mut self, check: &Outgoing, from: &str, key: Option<&str>) {
            let transaction = Message::parse(&check.datagram).unwrap().transaction;
            let draft = Draft::new(Method::Binding, Class::Success, transaction);
            let octets = match key {
                Some(key) => draft.sign(key.as_bytes()).finish(),
                None => draft.finish(),
            };
            let path = Path { via: Via::Direct, remote: from.parse().unwrap() };
            let answer = Message::parse(&octets).unwrap();
            assert!(self.checks.answered(self.now, (Component::Rtp, path), &answer, &mut self.random));
        }

        fn question(&self, controlling: Option<u64>, controlled: Option<u64>) -> Question {
            let path = Path { via: Via::Direct, remote: PEER.parse().unwrap() };
            let (component, transaction) = (Component::Rtp, [3; 12]);
            Question { component, path, transaction, priority: 1, nominates: false, controlling, controlled }
        }

        fn state(&self) -> (State, bool) {
            let pair = self.checks.pairs.first().unwrap();
            (pair.state, pair.is_valid)
        }
    }

    #[test]
    fn of_two_in_one_role_the_larger_number_has_it() {
        // tests rfc8445 §7.3.1.1
        for is_controlling in [true, false] {
            for (difference, is_larger) in [(-1_i64, true), (0, true), (1, false)] {
                let mut stage = Stage::new(is_controlling);
                let theirs = stage.checks.tiebreaker.checked_add_signed(difference);
                let question = match is_controlling {
                    true => stage.question(theirs, None),
                    false => stage.question(None, theirs),
                };
                let reply = stage.checks.asked(&question, &mut stage.random).datagram;
                let code = Message::parse(&reply).unwrap().error_code();
                // Who has the larger number controls.
                let is_refused = is_larger == is_controlling;
                assert_eq!(code, is_refused.then_some(ROLE_CONFLICT), "{is_controlling} {difference}");
                assert_eq!(stage.checks.is_controlling, is_larger);
            }
        }
    }

    #[test]
    fn an_answer_counts_that_is_signed_and_comes_from_where_it_was_asked() {
        // tests rfc8445 §7.2.5.2.1; rfc8489 §9.1.4
        let mut stage = Stage::new(true);
        let (check, pwd) = (stage.check(), stage.checks.remote.pwd.clone());
        for key in [None, Some("another")] {
            stage.answer(&check, PEER, key);
            assert_eq!(stage.state(), (State::InProgress, false), "as if it had never come");
        }
        stage.answer(&check, PEER, Some(&pwd));
        assert_eq!(stage.state(), (State::Succeeded, true));
        let mut stage = Stage::new(false);
        let check = stage.check();
        stage.answer(&check, "203.0.113.3:4000", Some(&pwd));
        assert_eq!(stage.state(), (State::Failed, false));
    }

    #[test]
    fn a_role_that_was_given_up_is_not_taken_again_for_a_check_of_before() {
        // tests rfc8445 §7.2.5.1
        for is_replaced in [false, true] {
            let mut stage = Stage::new(true);
            let check = stage.check();
            // Who asks has the larger number, and controls from now on.
            let theirs = stage.checks.tiebreaker.checked_add(1);
            let question = stage.question(theirs, None);
            stage.checks.asked(&question, &mut stage.random);
            if is_replaced {
                stage.check();
            }
            let transaction = Message::parse(&check.datagram).unwrap().transaction;
            let refusal = Draft::new(Method::Binding, Class::Error, transaction).put_error(ROLE_CONFLICT);
            let octets = refusal.sign(stage.checks.remote.pwd.as_bytes()).finish();
            let answer = Message::parse(&octets).unwrap();
            assert!(stage.checks.answered(
                stage.now,
                (question.component, question.path),
                &answer,
                &mut stage.random
            ));
            assert!(!stage.checks.is_controlling, "{is_replaced}");
        }
    }

    #[test]
    fn an_answer_counts_to_whichever_check_of_several() {
        // tests rfc8445 §7.3.1.4
        for answered in 0..4 {
            let mut stage = Stage::new(true);
            let mut sent = vec![stage.check()];
            for _ in 0..3 {
                let question = stage.question(None, Some(0));
                stage.checks.trigger(&question);
                sent.push(stage.check());
            }
            let pwd = stage.checks.remote.pwd.clone();
            stage.answer(&sent[answered], PEER, Some(&pwd));
            assert_eq!(stage.state(), (State::Succeeded, true), "{answered}");
        }
    }

    #[test]
    fn consent_that_is_over_is_not_given_again_by_an_answer_that_comes_late() {
        // tests rfc7675 §5.1
        for is_late in [false, true] {
            let mut stage = Stage::new(true);
            let pwd = stage.checks.remote.pwd.clone();
            for _ in 0..2 {
                let check = stage.check();
                stage.answer(&check, PEER, Some(&pwd));
            }
            let mut asked = Vec::new();
            while !stage.checks.is_lost(stage.now) && (is_late || asked.is_empty()) {
                asked.extend(stage.sends());
            }
            let last = asked.last().expect("it was asked");
            stage.answer(last, PEER, Some(&pwd));
            assert_eq!(stage.checks.is_lost(stage.now), is_late);
            while stage.now < Duration::from_secs(34) {
                stage.sends();
            }
            assert_eq!(
                stage.checks.is_lost(stage.now),
                is_late,
                "the answer in time counts for half a minute"
            );
        }
    }

    #[test]
    fn a_nomination_that_a_question_came_in_the_way_of_is_made_again() {
        // tests rfc8445 §7.3.1.4, §8.1.1
        let mut stage = Stage::new(true);
        let (check, pwd) = (stage.check(), stage.checks.remote.pwd.clone());
        stage.answer(&check, PEER, Some(&pwd));
        let nominates =
            |check: &Outgoing| Message::parse(&check.datagram).unwrap().attribute(USE_CANDIDATE).is_some();
        let nomination = stage.check();
        assert!(nominates(&nomination));
        let question = stage.question(None, Some(0));
        stage.checks.trigger(&question);
        stage.answer(&nomination, PEER, Some(&pwd));
        assert!(!stage.checks.is_concluded(Component::Rtp));
        let again = stage.check();
        assert!(nominates(&again));
        stage.answer(&again, PEER, Some(&pwd));
        assert!(stage.checks.is_concluded(Component::Rtp));
    }
}
