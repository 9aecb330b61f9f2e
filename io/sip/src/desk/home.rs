//! The way to the server of an account: found, lost, found again; and the registration over it.
//!
//! ```text
//!              needed              reached
//!     Unsought -------> Sought ---------------> Open
//!                        ^  |                     |
//!                   time |  | no way              | connection gone, nobody listens, silence, 503
//!                        |  v                     |
//!                        Lost <-------------------+
//! ```

use std::net::SocketAddr;
use std::time::Duration;

use ruf_agent::Failure;
use ruf_message::{Entropy, Flow, Hop, Place, StatusCode, Tick, Transmit, Transport};
use tokio::sync::oneshot;

use super::keepalive::{Keepalive, Kept};
use super::{Desk, Then, no_way};
use crate::account::Account;
use crate::error::Error;
use crate::event::PhoneEvent;
use crate::paths::Found;
use crate::phone::Told;

/// First and longest wait before a way that was lost is sought again; doubled in between.
const SEEK_AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// What may wait for the way.
const WAITING_MAX: usize = 256;

/// The way to the server.
pub(super) struct Home {
    /// `None`: there is no server.
    hop: Option<Hop>,
    state: State,
    expires_secs: u32,
    /// We want to be registered.
    wanted: bool,
    waiting: Vec<Then>,
    registering: Vec<oneshot::Sender<Result<(), Error>>>,
    failures: u32,
    keepalive: Keepalive,
    /// What keeps the way open, to be sent.
    empty: Option<Transmit>,
}

enum State {
    Unsought,
    Sought,
    Open { flow: Flow, place: Place },
    Lost { seek_at: Tick },
}

/// Whether there is a way.
pub(super) enum Way {
    Open(Flow),
    Sought,
    Needed,
    /// There is no server.
    None,
}

impl Home {
    pub(super) fn new(account: &Account, entropy: Entropy) -> Home {
        Home {
            hop: account.server.as_ref().and_then(|server| server.as_ref().hop()),
            state: State::Unsought,
            expires_secs: account.expires_secs,
            wanted: false,
            waiting: Vec::new(),
            registering: Vec::new(),
            failures: 0,
            keepalive: Keepalive::new(entropy),
            empty: None,
        }
    }

    /// What keeps the way open.
    pub(super) fn poll_transmit(&mut self) -> Option<Transmit> {
        self.empty.take()
    }

    /// There is a server.
    pub(super) fn is_there(&self) -> bool {
        self.hop.is_some()
    }

    pub(super) fn way(&self) -> Way {
        match (&self.hop, &self.state) {
            (None, _) => Way::None,
            (Some(_), State::Open { flow, .. }) => Way::Open(*flow),
            (Some(_), State::Sought) => Way::Sought,
            (Some(_), State::Unsought | State::Lost { .. }) => Way::Needed,
        }
    }

    /// This hop is our server.
    pub(super) fn is_at(&self, hop: &Hop) -> bool {
        self.hop.as_ref() == Some(hop)
    }

    /// This goes when there is a way.
    ///
    /// # Errors
    /// As much is waiting as may: it comes back.
    pub(super) fn wait(&mut self, then: Then) -> Result<(), Then> {
        if self.waiting.len() >= WAITING_MAX {
            return Err(then);
        }
        self.waiting.push(then);
        Ok(())
    }

    pub(super) fn deadline(&self) -> Option<Tick> {
        match self.state {
            State::Lost { seek_at } if self.wanted => Some(seek_at),
            State::Open { .. } => self.keepalive.deadline(),
            State::Lost { .. } | State::Unsought | State::Sought => None,
        }
    }

    fn lose(&mut self, now: Tick) -> Duration {
        let wait = seek_again_after(self.failures);
        self.failures += 1;
        self.keepalive.leave();
        self.state = State::Lost { seek_at: now + wait };
        wait
    }

    fn register_answered(&mut self, answer: &Result<(), Error>) {
        for waiting in self.registering.drain(..) {
            let _ = waiting.send(answer.clone());
        }
    }
}

/// How long a way that was lost is not sought, after so many failures before.
pub(super) fn seek_again_after(failures: u32) -> Duration {
    SEEK_AGAIN.0.saturating_mul(1 << failures.min(6)).min(SEEK_AGAIN.1)
}

impl Desk {
    /// Registers, and stays registered; `answer` hears how the first attempt went.
    pub(crate) fn register(&mut self, now: Tick, answer: oneshot::Sender<Result<(), Error>>) {
        if self.is_closed {
            return drop(answer.send(Err(Error::Closed)));
        }
        self.home.wanted = true;
        self.home.registering.push(answer);
        match self.home.way() {
            Way::Open(_) => self.agent.register(now, self.home.expires_secs),
            Way::Sought => {}
            Way::Needed => self.seek_home(now),
            Way::None => {
                let error = Error::Address("a phone without a server has nobody to register with".to_owned());
                self.home.register_answered(&Err(error));
            }
        }
    }

    pub(super) fn unregister(&mut self, now: Tick) {
        self.home.wanted = false;
        self.home.keepalive.leave();
        self.home.register_answered(&Err(Error::Closed));
        self.agent.unregister(now);
    }

    pub(super) fn seek_home(&mut self, now: Tick) {
        if let Some(hop) = self.home.hop.clone() {
            self.home.state = State::Sought;
            self.seek_hop(now, hop, Then::Home);
        }
    }

    pub(super) fn home_found(&mut self, now: Tick, found: Found) {
        let waiting = std::mem::take(&mut self.home.waiting);
        match found {
            Ok((flow, place)) => {
                self.home.state = State::Open { flow, place };
                self.agent.move_to(flow);
                if self.home.wanted {
                    self.agent.register(now, self.home.expires_secs);
                }
                for then in waiting {
                    self.go(now, then, Ok(flow));
                }
            }
            Err(lost) => {
                let (error, wait) = (no_way(lost), self.home.lose(now));
                if self.home.wanted {
                    self.home.register_answered(&Err(error.clone()));
                    let failed =
                        PhoneEvent::RegistrationFailed { error: error.clone(), retry_in: Some(wait) };
                    self.tell(Told::Event(failed));
                }
                for then in waiting {
                    self.go(now, then, Err(error.clone()));
                }
            }
        }
    }

    /// A flow is gone; if it was the way to the server, another is sought.
    // rfc5626 §4.5
    pub(super) fn lost(&mut self, now: Tick, gone: Flow) {
        if let State::Open { flow, place } = &self.home.state
            && *flow == gone
        {
            self.paths.failed(now, &place.clone());
            self.home.lose(now);
        }
    }

    pub(super) fn home_tick(&mut self, now: Tick) {
        if self.home.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        match self.home.state {
            State::Lost { .. } => self.seek_home(now),
            State::Open { .. } => {
                let kept = self.home.keepalive.tick(now);
                self.keep(now, kept);
            }
            State::Unsought | State::Sought => {}
        }
    }

    /// The server said where it sees us.
    pub(super) fn mapped(&mut self, now: Tick, flow: Flow, transaction: [u8; 12], mapped: SocketAddr) {
        let kept = self.home.keepalive.mapped(now, flow, transaction, mapped);
        self.keep(now, kept);
    }

    // rfc5626 §4.4.2
    fn keep(&mut self, now: Tick, kept: Option<Kept>) {
        match kept {
            Some(Kept::Send(transmit)) => self.home.empty = Some(transmit),
            // The binding is for where we were seen before.
            Some(Kept::Moved) => self.agent.register(now, self.home.expires_secs),
            Some(Kept::Lost) => {
                if let State::Open { flow, .. } = self.home.state {
                    self.lost(now, flow);
                }
            }
            None => {}
        }
    }

    pub(super) fn registered(&mut self, now: Tick, expires_secs: u32) {
        if let State::Open { flow, .. } = self.home.state
            && flow.transport == Transport::Udp
            && self.home.wanted
        {
            self.home.keepalive.keep(now, flow, self.agent.keeps_flow());
        }
        self.home.failures = 0;
        self.home.register_answered(&Ok(()));
        self.tell(Told::Event(PhoneEvent::Registered { expires_secs }));
    }

    pub(super) fn registration_failed(&mut self, now: Tick, failure: Failure, retry_in: Option<Duration>) {
        let error = Error::from(failure).of(self.has_password);
        self.home.register_answered(&Err(error.clone()));
        let mut retry_in = retry_in;
        let elsewhere = match failure {
            Failure::Silence | Failure::Unreachable => true,
            Failure::NotKept => false,
            Failure::Refused(status) => status == StatusCode::SERVICE_UNAVAILABLE,
        };
        // rfc3263 §4.3: another server may serve
        if let State::Open { place, .. } = &self.home.state
            && elsewhere
        {
            self.paths.failed(now, &place.clone());
            let wait = self.home.lose(now);
            retry_in = Some(wait);
        }
        if !self.is_closed {
            self.tell(Told::Event(PhoneEvent::RegistrationFailed { error, retry_in }));
        }
    }

    /// Requests out of dialog that follow go over this flow.
    pub(super) fn aim(&mut self, flow: Flow) {
        if self.home.hop.is_none() {
            self.agent.aim(flow);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::Opening;
    use crate::talk::Media;
    use ruf_locate::Ways;
    use ruf_message::{HeaderName, Message, Method, Request, Response};
    use ruf_net::{Node, stun};
    use tokio::sync::mpsc;

    /// A desk that is registered over UDP, its flow, and what it is told.
    struct Stage {
        desk: Desk,
        flow: Flow,
        now: Tick,
        told: mpsc::Receiver<Told>,
    }

    impl Stage {
        fn registered(account: Account) -> Stage {
            let (told, events) = mpsc::channel(16);
            let address = SocketAddr::from(([192, 0, 2, 1], 5062));
            let mut entropy = Entropy::from_seed([3; 32]);
            // Nobody drives it but the test.
            let (_, commands) = ruf_net::Berth::of_all(1, ruf_net::Clock::start()).pop().expect("one");
            let media = Media::start(&account, commands, entropy.fork()).expect("a thread");
            let aor = account.aor_at(address).expect("an address");
            let ways = Ways::new([(Transport::Udp, address.ip())]);
            let mut desk = Desk::new(Opening { account, aor, address, ways, told, media, entropy });
            let (answer, _) = oneshot::channel();
            desk.with(Tick::ZERO, |desk, now| desk.register(now, answer));
            let (token, place) = desk.poll_reach().expect("the way is sought");
            let flow = Flow {
                transport: Transport::Udp,
                listener: 0,
                local: address,
                remote: place.address,
                connection: 0,
            };
            desk.reached(Tick::ZERO, token, Ok(flow));
            let mut stage = Stage { desk, flow, now: Tick::ZERO, told: events };
            stage.grants();
            stage
        }

        /// A REGISTER is sent, and granted.
        fn grants(&mut self) -> Request {
            let sent = self.desk.poll_transmit().expect("something is sent");
            let Ok(Message::Request(request)) = Message::parse(sent.bytes) else { panic!("no request") };
            assert_eq!(request.method(), Method::Register);
            let mut granted: Response = request.reply(StatusCode::OK);
            let contact = request.raw(HeaderName::Contact).next().expect("a Contact").to_vec();
            granted.set(HeaderName::Contact, contact);
            if request.raw(HeaderName::Supported).any(|value| value.ends_with(b"outbound, path")) {
                granted.set(HeaderName::Require, "outbound");
            }
            self.desk.receive(self.now, self.flow, granted.to_bytes());
            request
        }

        /// Time passes until something is sent; a question of STUN gets this answer.
        fn is_asked(&mut self, seen: Option<SocketAddr>) {
            for _ in 0..10 {
                self.now = self.desk.poll_deadline().expect("it waits for something");
                self.desk.tick(self.now);
                let Some(sent) = self.desk.poll_transmit() else { continue };
                assert!(stun::is_stun(&sent.bytes) && sent.flow == self.flow);
                if let Some(seen) = seen {
                    let transaction = sent.bytes[8..20].try_into().expect("twelve octets");
                    self.desk.mapped(self.now, self.flow, transaction, seen);
                }
                return;
            }
            panic!("nothing is sent");
        }
    }

    const URN: &str = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";

    fn alice() -> Account {
        Account::new("sip:alice@192.0.2.9").expect("an account").expires_secs(3_600)
    }

    #[tokio::test]
    async fn a_phone_whose_address_outside_changes_registers_again() {
        // tests rfc5626 §4.4.2
        let mut stage = Stage::registered(alice().device(URN).expect("a URN"));
        let outside = |port| Some(SocketAddr::from(([198, 51, 100, 1], port)));
        stage.is_asked(outside(1));
        stage.is_asked(outside(1));
        assert!(stage.desk.poll_transmit().is_none());
        stage.is_asked(outside(2));
        stage.grants();
        stage.is_asked(outside(2));
        assert!(stage.desk.poll_transmit().is_none());
    }

    #[tokio::test]
    async fn a_server_that_answers_no_more_is_sought_again() {
        let mut stage = Stage::registered(alice().device(URN).expect("a URN"));
        stage.is_asked(Some(stage.flow.local));
        for _ in 0..7 {
            stage.is_asked(None);
        }
        let sought = std::iter::from_fn(|| {
            let now = stage.desk.poll_deadline()?;
            stage.desk.tick(now);
            stage.desk.poll_transmit().is_none().then(|| stage.desk.poll_reach())
        });
        assert!(sought.take(5).flatten().next().is_some(), "the way is sought");
    }

    #[tokio::test]
    async fn a_device_is_known_by_its_urn_and_a_closed_phone_keeps_nothing_open() {
        // tests rfc5626 §4.2.1
        let mut stage = Stage::registered(alice().device(URN).expect("a URN"));
        stage.desk.with(stage.now, |desk, now| {
            let (answer, _) = oneshot::channel();
            desk.register(now, answer);
        });
        let request = stage.grants();
        let contact =
            String::from_utf8_lossy(request.raw(HeaderName::Contact).next().expect("one")).into_owned();
        assert!(contact.contains(&format!(";+sip.instance=\"<{URN}>\";reg-id=1")), "{contact}");
        assert!(matches!(stage.told.try_recv(), Ok(Told::Event(PhoneEvent::Registered { .. }))));
        stage.desk.with(stage.now, Desk::close);
        stage.grants();
        assert_eq!(stage.desk.home.deadline(), None);
    }
}
