//! A client that registers one contact and does nothing else: all that a REGISTER may say of it, sent
//! again over UDP until it is answered.
//!
//! Not here: passwords, calls (a phone of core/agent), what an answer should say (`kept.rs`).

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use ruf_message::{Flow, Message, Tick, Transmit};

/// The estimate of a round trip (RFC 3261 section 17.1.2).
const T1: Duration = Duration::from_millis(500);
/// The longest time between two retransmissions.
const T2: Duration = Duration::from_secs(4);
/// When it gives up.
const TIMER_F: Duration = Duration::from_millis(64 * 500);

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Its contact is bound for so many seconds.
    Bind {
        /// What it asks for.
        secs: u32,
    },
    /// Its contact is removed.
    Remove,
    /// All contacts of its user are removed.
    Star,
    /// Which there are.
    Ask,
}

/// The client.
#[derive(Debug, Clone)]
pub struct Registrant {
    /// Whose contact it is.
    pub user: &'static str,
    /// Its contact.
    pub contact: String,
    /// The Path that it sends along.
    pub path: Option<String>,
    /// Which device it says it is.
    pub instance: Option<String>,
    flow: Flow,
    cseq: u32,
    waiting: Option<Waiting>,
}

#[derive(Debug, Clone)]
struct Waiting {
    bytes: Bytes,
    interval: Duration,
    again: Tick,
    ends: Tick,
}

impl Registrant {
    /// A client of `user` whose way to the server is `flow`.
    pub fn new(user: &'static str, flow: Flow) -> Self {
        let contact = format!("sip:{user}@{}", flow.local);
        Registrant { user, contact, path: None, instance: None, flow, cseq: 0, waiting: None }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.flow.local
    }

    /// Whether it has an answer to wait for.
    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Sends a REGISTER; gives its branch. There must be none that it waits for (RFC 3261 section 10.2).
    pub fn register(&mut self, now: Tick, wish: Wish) -> String {
        self.cseq += 1;
        let (local, cseq, user) = (self.flow.local, self.cseq, self.user);
        let branch = format!("z9hG4bK{}-{cseq}", local.to_string().replace([':', '.'], "-"));
        let text = format!(
            "REGISTER sip:example.org SIP/2.0\r\nVia: SIP/2.0/UDP {local};rport;branch={branch}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@example.org>;tag=r\r\nTo: <sip:{user}@example.org>\r\n\
             Call-ID: of-{local}\r\nCSeq: {cseq} REGISTER\r\n{}Content-Length: 0\r\n\r\n",
            self.lines(wish)
        );
        let (again, ends) = (now, now + TIMER_F);
        self.waiting = Some(Waiting { bytes: text.into(), interval: T1, again, ends });
        branch
    }

    fn lines(&self, wish: Wish) -> String {
        let contact = &self.contact;
        let instance = self.instance.as_ref().map(|urn| format!(";+sip.instance=\"<{urn}>\""));
        let instance = instance.unwrap_or_default();
        let path = self.path.as_ref().map(|path| format!("Supported: path\r\nPath: {path}\r\n"));
        match wish {
            Wish::Bind { secs } => {
                let path = path.unwrap_or_default();
                format!("Contact: <{contact}>;expires={secs}{instance}\r\n{path}")
            }
            Wish::Remove => format!("Contact: <{contact}>;expires=0{instance}\r\n"),
            Wish::Star => "Contact: *\r\nExpires: 0\r\n".to_owned(),
            Wish::Ask => String::new(),
        }
    }

    pub(crate) fn receive(&mut self, bytes: Bytes) {
        if let Ok(Message::Response(response)) = Message::parse(bytes)
            && response.status().is_final()
            && response.cseq().number == self.cseq
        {
            self.waiting = None;
        }
    }

    pub(crate) fn tick(&mut self, now: Tick) {
        self.waiting.take_if(|waiting| waiting.ends <= now);
    }

    pub(crate) fn deadline(&self) -> Option<Tick> {
        self.waiting.as_ref().map(|waiting| waiting.again.min(waiting.ends))
    }

    pub(crate) fn transmit(&mut self, now: Tick) -> Option<Transmit> {
        let waiting = self.waiting.as_mut().filter(|waiting| waiting.again <= now)?;
        waiting.again = now + waiting.interval;
        waiting.interval = T2.min(waiting.interval * 2);
        Some(Transmit { flow: self.flow, bytes: waiting.bytes.clone() })
    }
}
