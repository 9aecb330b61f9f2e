//! What becomes of changes within a call that meet: what its user wants, and another way for its sound. A desk and the
//! agent of a far side, hand to hand: no network, no clock.

use std::net::SocketAddr;

use ruf_agent::{Agent, AgentEvent, Body, CallKey, Settings};
use ruf_media::WayEvent;
use ruf_message::{Entropy, Flow, StatusCode, Tick, Transport};
use ruf_net::Node;
use tokio::sync::mpsc;

use super::{Desk, LineKey, Opened, Opening};
use crate::account::Account;
use crate::event::{CallEvent, Ended};
use crate::talk::{Change, Media};

pub(super) const ANSWER: &str =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n";

fn flow(local: SocketAddr, remote: SocketAddr) -> Flow {
    Flow { transport: Transport::Udp, listener: 0, local, remote, connection: 0 }
}

/// A call that is up.
struct Stage {
    desk: Desk,
    line: Opened,
    foreign: Agent,
    /// The call, as the far side knows it.
    call: CallKey,
    /// From us to there, and from there to us.
    flows: [Flow; 2],
}

impl Stage {
    fn up() -> Stage {
        let (here, there) = (([127, 0, 0, 1], 5062).into(), ([127, 0, 0, 1], 5064).into());
        let mut entropy = Entropy::from_seed([3; 32]);
        let account = Account::direct("alice");
        // Nobody drives it but the test.
        let (_, commands) = ruf_net::Berth::of_all(1, ruf_net::Clock::start()).pop().expect("one");
        let media = Media::start(&account, commands, entropy.fork()).expect("a thread");
        let (told, _) = mpsc::channel(16);
        let aor = account.aor_at(here).expect("an address");
        let ways = ruf_locate::Ways::new([(Transport::Udp, here.ip())]);
        let mut desk = Desk::new(Opening { account, aor, address: here, ways, told, media, entropy });
        let to: ruf_message::Uri = "sip:bob@127.0.0.1:5064".parse().expect("an address");
        let line = desk.with(Tick::ZERO, |desk, now| desk.call(now, to.clone(), false)).expect("a line");
        let flows = [flow(here, there), flow(there, here)];
        while let Some((token, _)) = desk.poll_reach() {
            desk.reached(Tick::ZERO, token, Ok(flows[0]));
        }
        let settings = Settings { answer_reinvites: false, ..Settings::new(to, flows[1]) };
        let mut foreign = Agent::new(settings, Entropy::from_seed([4; 32]));
        let sent = desk.poll_transmit().expect("an INVITE");
        foreign.receive(Tick::ZERO, flows[1], sent.bytes);
        let call = std::iter::from_fn(|| foreign.poll_event()).find_map(|event| event.call());
        let mut stage = Stage { desk, line, foreign, call: call.expect("a call"), flows };
        stage.answer();
        assert_eq!(stage.told(), [CallEvent::Answered]);
        stage
    }

    /// Both hear all that the other says; what the far side is offered within the call.
    fn carry(&mut self) -> Option<String> {
        loop {
            let to = self
                .desk
                .poll_transmit()
                .map(|sent| self.foreign.receive(Tick::ZERO, self.flows[1], sent.bytes));
            let back = self
                .foreign
                .poll_transmit()
                .map(|sent| self.desk.receive(Tick::ZERO, self.flows[0], sent.bytes));
            if to.or(back).is_none() {
                break;
            }
        }
        let offer = |event| match event {
            AgentEvent::Reinvited { body: Some(body), answer_due: true, .. } => Some(body.content),
            _ => None,
        };
        let offers = std::iter::from_fn(|| self.foreign.poll_event()).filter_map(offer);
        offers.last().map(|offer| String::from_utf8(offer.to_vec()).expect("text"))
    }

    /// The far side takes it; what it is offered next.
    fn answer(&mut self) -> Option<String> {
        self.foreign.answer(Tick::ZERO, self.call, Some(Body::sdp(ANSWER)));
        self.carry()
    }

    /// The far side refuses it; what it is offered next.
    fn refuse(&mut self) -> Option<String> {
        self.foreign.reject(Tick::ZERO, self.call, StatusCode::NOT_ACCEPTABLE_HERE);
        self.carry()
    }

    fn change(&mut self, change: Change) -> Option<String> {
        let line: LineKey = self.line.line;
        self.desk.with(Tick::ZERO, |desk, now| desk.change(now, line, change));
        self.carry()
    }

    fn loses_way(&mut self) -> Option<String> {
        let line = self.line.line;
        self.desk.with(Tick::ZERO, |desk, now| desk.way(now, line, WayEvent::Lost));
        self.carry()
    }

    /// What the user was told since.
    fn told(&mut self) -> Vec<CallEvent> {
        std::iter::from_fn(|| self.line.events.try_recv().ok()).collect()
    }

    fn ended(&self) -> Option<&Ended> {
        self.line.end.get().map(|end| &end.why)
    }
}

fn is_restart(offer: Option<&String>) -> bool {
    offer.is_some_and(|offer| offer.contains("a=ice-ufrag:"))
}

#[tokio::test]
async fn a_way_and_a_wish_that_wait_are_both_offered_the_way_first() {
    // tests rfc8839 §4.4.1.1.1
    for is_lost_first in [true, false] {
        let mut stage = Stage::up();
        assert!(stage.change(Change::Hold).is_some());
        // Whichever comes first, both wait for the answer to the hold.
        if is_lost_first {
            assert_eq!(stage.loses_way(), None);
        }
        assert_eq!(stage.change(Change::Resume), None);
        if !is_lost_first {
            assert_eq!(stage.loses_way(), None);
        }
        let restart = stage.answer();
        assert_eq!(stage.told(), [CallEvent::Holding]);
        assert!(is_restart(restart.as_ref()), "{restart:?}");
        let resume = stage.answer().expect("what the user wanted");
        assert!(!resume.contains("a=sendonly"), "{resume}");
        assert_eq!(stage.answer(), None);
        assert_eq!((stage.told(), stage.ended()), (vec![CallEvent::Released], None));
    }
}

#[tokio::test]
async fn a_wish_that_is_refused_while_a_way_is_sought_does_not_end_the_call() {
    let mut stage = Stage::up();
    stage.change(Change::Hold);
    stage.loses_way();
    let restart = stage.refuse();
    assert_eq!(stage.told(), [CallEvent::NotChanged(StatusCode::NOT_ACCEPTABLE_HERE)]);
    assert!(is_restart(restart.as_ref()), "{restart:?}");
    assert_eq!(stage.ended(), None);
    stage.refuse();
    assert_eq!(stage.ended(), Some(&Ended::SoundLost));
}

#[tokio::test]
async fn an_answer_of_no_use_to_another_way_ends_the_call() {
    let mut stage = Stage::up();
    assert!(is_restart(stage.loses_way().as_ref()));
    stage.foreign.answer(Tick::ZERO, stage.call, None);
    stage.carry();
    assert_eq!((stage.told(), stage.ended()), (vec![], Some(&Ended::SoundLost)));
    // To a wish, none.
    let mut stage = Stage::up();
    stage.change(Change::Hold);
    stage.foreign.answer(Tick::ZERO, stage.call, None);
    stage.carry();
    let not_changed = CallEvent::NotChanged(StatusCode::NOT_ACCEPTABLE_HERE);
    assert_eq!((stage.told(), stage.ended()), (vec![not_changed], None));
}

#[tokio::test]
async fn a_way_that_was_offered_when_the_far_side_offered_too_is_offered_again() {
    // tests rfc3261 §14.1
    let mut stage = Stage::up();
    let line = stage.line.line;
    let done = stage.desk.sound(line, |talk| {
        assert!(talk.change(Change::Restart).is_some());
        assert!(talk.change(Change::Hold).is_none());
        let theirs = Body::sdp(ANSWER.replace("- 1 1", "- 1 2"));
        assert!(talk.reoffered(&stage.flows[0], Some(&theirs)).is_ok());
        for change in [Change::Restart, Change::Hold] {
            assert!(talk.next_change().is_some());
            assert_eq!(talk.offered_change(), Some(change));
            assert!(talk.answered(&theirs).is_ok());
        }
        assert!(talk.next_change().is_none());
    });
    assert_eq!(done, Some(()));
}
