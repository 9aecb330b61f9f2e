//! [`Desk`]: what runs on a phone's thread: its agent, its way to the server, its calls, its watches. io/net drives it.
//!
//! Pure but for the channels by which it tells the user, and those never wait: a user who reads nothing
//! loses events, and no call loses its end.
//!
//! Not here: sockets and the clock (io/net), SIP itself (core/agent), from a name to a flow (`paths`), the
//! way to the server (`home`), what a call's descriptions say and its sound (`talk`).

mod calls;
#[cfg(test)]
mod changes;
mod home;
mod inquiry;
mod keepalive;
mod node;
mod watches;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use ruf_agent::{Agent, AgentEvent, CallKey, RequestKey, Settings, WayKey, WayQuestion};
use ruf_locate::Ways;
use ruf_message::{Entropy, Flow, Hop, Place, Tick, Transport, Uri};
use tokio::sync::mpsc;

pub(crate) use calls::{End, LineKey, Opened};
pub use inquiry::Answered;
pub(crate) use inquiry::{Asked, Inquiry};
pub(crate) use watches::WatchKey;

use crate::account::Account;
use crate::error::Error;
use crate::event::{Message, PhoneEvent};
use crate::paths::{Found, Lost, Paths};
use crate::phone::Told;
use crate::talk::Media;
use calls::Line;
use home::{Home, Way};
use inquiry::Waiting;
use ruf_message::body::Body;
use tokio::sync::oneshot;
use watches::Watches;

/// A phone has one flow to its server; over the next one, it is still that (RFC 5626 §4.2.1).
const REG_ID: u32 = 1;

/// What a desk is opened with.
pub(crate) struct Opening {
    pub(crate) account: Account,
    pub(crate) aor: Uri,
    /// Where others reach us.
    pub(crate) address: SocketAddr,
    pub(crate) ways: Ways,
    pub(crate) told: mpsc::Sender<Told>,
    pub(crate) media: Media,
    pub(crate) entropy: Entropy,
}

/// A phone's machines, and who waits for them.
pub(crate) struct Desk {
    agent: Agent,
    aor: Uri,
    media: Media,
    /// From us to us: where no way is known.
    nobody: Flow,
    paths: Paths,
    home: Home,
    /// What is done when a search ends, by its number.
    seeking: HashMap<u64, Then>,
    lines: BTreeMap<LineKey, Line>,
    line_of: HashMap<CallKey, LineKey>,
    next_line: u64,
    inquiries: HashMap<RequestKey, Waiting>,
    watches: Watches,
    told: mpsc::Sender<Told>,
    has_password: bool,
    is_closed: bool,
}

/// What waits for a flow.
pub(crate) enum Then {
    Home,
    Call(LineKey),
    /// A call that the far side of another one asked for.
    Follow {
        line: LineKey,
        of: LineKey,
    },
    Inquire(Inquiry),
    Watch(WatchKey),
    Publish {
        document: Body,
        /// `None`: it was told already that there was no way.
        answer: Option<oneshot::Sender<Result<(), Error>>>,
    },
    /// What the agent asked.
    Way(WayKey),
    /// The same, of another place of our server.
    Elsewhere(WayQuestion),
}

impl Desk {
    pub(crate) fn new(opening: Opening) -> Desk {
        let Opening { account, aor, address, ways, told, media, mut entropy } = opening;
        let nobody =
            Flow { transport: Transport::Udp, listener: 0, local: address, remote: address, connection: 0 };
        let mut settings = Settings {
            display: account.display.clone(),
            keyring: account.keyring.clone(),
            user_agent: account.user_agent.clone(),
            answer_reinvites: false,
            has_server: account.server.is_some(),
            any_user: account.server.is_none(),
            // Without a server of ours anybody might assert anything.
            trusts_asserted: account.server.is_some(),
            joins: account.mixes,
            asks_consent: account.asks_consent,
            instance: account.instance.clone(),
            reg_id: account.instance.as_ref().map(|_| REG_ID),
            ..Settings::new(aor.clone(), nobody)
        };
        if account.server.is_some() {
            // What nobody guesses: strangers call through the server.
            settings.contact_user = entropy.token(12);
        }
        Desk {
            paths: Paths::new(ways, entropy.fork()),
            home: Home::new(&account, entropy.fork()),
            agent: Agent::new(settings, entropy),
            aor,
            media,
            nobody,
            seeking: HashMap::new(),
            lines: BTreeMap::new(),
            line_of: HashMap::new(),
            next_line: 1,
            inquiries: HashMap::new(),
            watches: Watches::default(),
            told,
            has_password: !account.keyring.is_empty(),
            is_closed: false,
        }
    }

    /// Does something, and all that follows from it.
    pub(crate) fn with<R>(&mut self, now: Tick, what: impl FnOnce(&mut Desk, Tick) -> R) -> R {
        let result = what(self, now);
        self.settle(now);
        result
    }

    /// Hangs up, unregisters, and takes nothing new.
    pub(crate) fn close(&mut self, now: Tick) {
        if std::mem::replace(&mut self.is_closed, true) {
            return;
        }
        let lines: Vec<LineKey> = self.lines.keys().copied().collect();
        for line in lines {
            self.hang_up(now, line, None);
        }
        self.close_watches(now);
        self.unregister(now);
    }

    /// Hears what agent and searches have to say, until they say nothing more.
    fn settle(&mut self, now: Tick) {
        loop {
            if let Some((number, found)) = self.paths.poll_found() {
                self.found(now, number, found);
            } else if let Some(question) = self.agent.poll_question() {
                self.lead(now, question);
            } else if let Some(event) = self.agent.poll_event() {
                self.hear(now, event);
            } else {
                return;
            }
        }
    }

    fn found(&mut self, now: Tick, number: u64, found: Found) {
        match self.seeking.remove(&number) {
            Some(Then::Home) => self.home_found(now, found),
            Some(Then::Elsewhere(question)) => self.home_elsewhere(now, &question, found),
            Some(then) => self.go(now, then, found.map(|(flow, _)| flow).map_err(no_way)),
            // Whoever sought it has given up.
            None => {}
        }
    }

    /// Finds a flow for this: the one to the server, or, without a server, one to where `to` says.
    fn seek(&mut self, now: Tick, to: &Uri, then: Then) {
        match (self.home.way(), to.as_ref().hop()) {
            (Way::None, Some(hop)) => self.seek_hop(now, hop, None, then),
            (Way::None, None) => self.go(now, then, Err(Error::Address(format!("{to} names no host")))),
            (Way::Open(_) | Way::Sought | Way::Needed, _) => self.go_home(now, then),
        }
    }

    /// By the flow to the server, as soon as there is one.
    fn go_home(&mut self, now: Tick, then: Then) {
        match self.home.way() {
            Way::Open(flow) => self.go(now, then, Ok(flow)),
            way @ (Way::Sought | Way::Needed | Way::None) => {
                if let Err(then) = self.home.wait(then) {
                    self.go(now, then, Err(Error::Full));
                } else if matches!(way, Way::Needed) {
                    self.seek_home(now);
                }
            }
        }
    }

    /// Finds a flow for what the agent sends to this hop: the one to the server, if it is that.
    // rfc3261 §12.2.1.1
    fn lead(&mut self, now: Tick, question: WayQuestion) {
        let elsewhere = question.hop.clone().filter(|hop| !self.home.is_at(hop));
        let Some(hop) = elsewhere else { return self.lead_home(now, question) };
        // rfc3263 §4.3: others come first
        let place =
            |flow: &Flow| Place { transport: flow.transport, address: flow.remote, host: hop.host.clone() };
        for flow in &question.failed {
            self.paths.failed(now, &place(flow));
        }
        if let (Some(last), Some(secs)) = (question.failed.last(), question.retry_after_secs) {
            self.paths.refused(now, &place(last), secs);
        }
        let then = Then::Way(question.key);
        self.seek_hop(now, hop, Some(question), then);
    }

    fn seek_hop(&mut self, now: Tick, hop: Hop, question: Option<WayQuestion>, then: Then) {
        let number = self.paths.seek(now, hop, question);
        self.seeking.insert(number, then);
    }

    /// The flow is there, or there will be none.
    fn go(&mut self, now: Tick, then: Then, flow: Result<Flow, Error>) {
        match then {
            Then::Home | Then::Elsewhere(..) => {}
            Then::Call(line) => self.place(now, line, None, flow),
            Then::Follow { line, of } => self.place(now, line, Some(of), flow),
            Then::Inquire(inquiry) => self.send(now, inquiry, flow),
            Then::Watch(key) => self.watch_by(now, key, flow),
            Then::Publish { document, answer } => self.publish_by(now, document, answer, flow),
            Then::Way(question) => self.agent.found(now, question, flow.ok()),
        }
    }

    fn hear(&mut self, now: Tick, event: AgentEvent) {
        match event {
            AgentEvent::Registered { expires_secs } => self.registered(now, expires_secs),
            AgentEvent::RegistrationFailed { failure, retry_in } => {
                self.registration_failed(now, failure, retry_in);
            }
            AgentEvent::Unregistered => {
                self.tell(Told::Event(PhoneEvent::Unregistered));
            }
            AgentEvent::OptionsAnswered { request, answer }
            | AgentEvent::MessageAnswered { request, answer } => {
                self.answered(request, answer);
            }
            AgentEvent::Message { call: None, from, body } => {
                self.tell(Told::Event(PhoneEvent::Message(message(&from, &body))));
            }
            event => {
                if let Some(event) = self.hear_watch(now, event) {
                    self.hear_call(now, event);
                }
            }
        }
    }

    /// A user who does not read loses what is told.
    fn tell(&self, told: Told) -> bool {
        self.told.try_send(told).is_ok()
    }
}

fn message(from: &Uri, body: &ruf_agent::Body) -> Message {
    Message {
        from: from.to_string(),
        text: String::from_utf8_lossy(&body.content).into_owned(),
        content_type: body.content_type.clone(),
    }
}

fn no_way(lost: Lost) -> Error {
    match lost {
        Lost::Nowhere => Error::NoWay("the name has no address".to_owned()),
        Lost::Unreached(ruf_net::Unreachable::NoListener) => {
            Error::NoWay("that transport is not open here".to_owned())
        }
        Lost::Unreached(ruf_net::Unreachable::NoRoute) => Error::NoWay("no way leads there".to_owned()),
        Lost::Unreached(ruf_net::Unreachable::Refused) => Error::NoWay(
            "nobody accepts connections there, or shows a certificate that is trusted".to_owned(),
        ),
        Lost::Unreached(ruf_net::Unreachable::Silent) => Error::Silence,
        Lost::Unreached(ruf_net::Unreachable::Full) => Error::Full,
    }
}
