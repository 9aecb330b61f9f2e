//! One agent before a peer that the test plays: it hands messages in and takes messages out.

use crate::pair::{flow, sdp};
use bytes::Bytes;
use ruf_agent::{Agent, AgentEvent, CallKey, Settings};
use ruf_auth::{Algorithm, Asking, Credentials, Ha1};
use ruf_message::{Entropy, HeaderName, Message, Request, Response, StatusCode, Tick};
use std::time::Duration;

pub(crate) struct Stage {
    pub(crate) now: Tick,
    pub(crate) agent: Agent,
}

/// A call of alice with bob that is up, as bob sees it.
pub(crate) struct Talk {
    pub(crate) call: CallKey,
    tag: String,
    call_id: String,
}

impl Talk {
    /// The dialog with this tag of the peer, as Replaces names it.
    pub(crate) fn name(&self, remote_tag: &str) -> String {
        format!("{};to-tag={};from-tag={remote_tag}", self.call_id, self.tag)
    }

    /// A request of bob within it, with further header lines, each ended.
    pub(crate) fn request(&self, method: &str, cseq: u32, more: &str) -> String {
        let Talk { tag, call_id, .. } = self;
        format!(
            "{method} sip:alice@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK{method}{cseq}
From: <sip:bob@example.org>;tag=bob
To: <sip:alice@example.org>;tag={tag}
Call-ID: {call_id}
CSeq: {cseq} {method}
Contact: <sip:bob@192.0.2.2>
{more}"
        )
    }
}

impl Stage {
    /// Alice at 192.0.2.1, whose password is `secret`, before a server at 192.0.2.9.
    pub(crate) fn new() -> Self {
        Stage::with(|_| ())
    }

    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let flow = flow("192.0.2.1:5060", "192.0.2.9:5060");
        let mut settings =
            Settings::new("sip:alice@example.org".parse().unwrap(), flow).with_password("alice", "secret");
        change(&mut settings);
        Stage { now: Tick::ZERO, agent: Agent::new(settings, Entropy::from_seed([9; 32])) }
    }

    /// Alice calls bob, who answers. Both the sent and the told are forgotten.
    pub(crate) fn talk(&mut self) -> Talk {
        self.talk_with(&[]).0
    }

    /// The same, answered with these header fields, too; and the INVITE.
    pub(crate) fn talk_with(&mut self, fields: &[(HeaderName, &str)]) -> (Talk, Request) {
        let call = self.agent.call(self.now, &"sip:bob@example.org".parse().unwrap(), sdp("offer")).unwrap();
        let invite = self.request();
        let contact = (HeaderName::Contact, "<sip:bob@192.0.2.2>");
        self.answer(&invite, StatusCode::OK, "bob", &[&[contact], fields].concat());
        self.sent();
        self.events();
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let talk = Talk { call, tag: text(invite.from_tag().unwrap()), call_id: text(invite.call_id()) };
        (talk, invite)
    }

    /// Whatever the agent asks for is reached through the server.
    fn lead(&mut self) {
        while let Some(question) = self.agent.poll_question() {
            self.agent.found(self.now, question.key, Some(flow("192.0.2.1:5060", "192.0.2.9:5060")));
        }
    }

    /// What the agent sent since it was last asked.
    pub(crate) fn sent(&mut self) -> Vec<Message> {
        self.lead();
        std::iter::from_fn(|| self.agent.poll_transmit())
            .map(|transmit| Message::parse(transmit.bytes).expect("we send what we can read"))
            .collect()
    }

    /// What it sent, but for echoes of what was broken in a request: those are 4xx and 5xx.
    pub(crate) fn sent_readable(&mut self) -> Vec<Message> {
        self.lead();
        let read = |bytes: Bytes| match Message::parse(bytes.clone()) {
            Ok(message) => Some(message),
            Err(error) => {
                let echo = bytes.starts_with(b"SIP/2.0 4") || bytes.starts_with(b"SIP/2.0 5");
                assert!(echo, "{error}: {}", String::from_utf8_lossy(&bytes));
                None
            }
        };
        std::iter::from_fn(|| self.agent.poll_transmit())
            .filter_map(|transmit| read(transmit.bytes))
            .collect()
    }

    /// The only request it sent.
    #[track_caller]
    pub(crate) fn request(&mut self) -> Request {
        match <[Message; 1]>::try_from(self.sent()) {
            Ok([Message::Request(request)]) => request,
            other => panic!("not one request: {other:?}"),
        }
    }

    /// The only response it sent.
    #[track_caller]
    pub(crate) fn response(&mut self) -> Response {
        match <[Message; 1]>::try_from(self.sent()) {
            Ok([Message::Response(response)]) => response,
            other => panic!("not one response: {other:?}"),
        }
    }

    /// The server sends it octets.
    pub(crate) fn give(&mut self, bytes: impl Into<Bytes>) {
        self.agent.receive(self.now, flow("192.0.2.1:5060", "192.0.2.9:5060"), bytes.into());
    }

    /// The server sends it a request in text, with lines ended by `\n`.
    pub(crate) fn give_text(&mut self, text: &str) {
        let (head, body) = text.split_once("\n\n").unwrap_or((text.trim_end(), ""));
        let head = head.replace('\n', "\r\n");
        self.give(format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes());
    }

    /// The server asks for the password of alice.
    pub(crate) fn challenge(&mut self, request: &Request, status: StatusCode, nonce: &str, stale: bool) {
        let (realm, algorithm) = ("example.org", Algorithm::Sha256);
        let value = String::from_utf8(Asking { realm, nonce, algorithm, stale }.to_value()).unwrap();
        let name = match status {
            StatusCode::UNAUTHORIZED => HeaderName::WwwAuthenticate,
            _ => HeaderName::ProxyAuthenticate,
        };
        self.answer(request, status, "server", &[(name, &value)]);
    }

    /// The server answers, with further header fields.
    pub(crate) fn answer(
        &mut self,
        request: &Request,
        status: StatusCode,
        tag: &str,
        fields: &[(HeaderName, &str)],
    ) {
        let mut response = request.reply(status);
        if !tag.is_empty() {
            response.set_to_tag(tag);
        }
        for (name, value) in fields {
            response.add(*name, value);
        }
        self.give(response.to_bytes());
    }

    pub(crate) fn events(&mut self) -> Vec<AgentEvent> {
        self.lead();
        std::iter::from_fn(|| self.agent.poll_event()).collect()
    }

    /// Lets time pass, deadline by deadline.
    pub(crate) fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        self.lead();
        while let Some(deadline) = self.agent.poll_deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            self.agent.tick(self.now);
            self.lead();
        }
        self.now = end;
    }
}

/// The credentials in this header prove that alice's password is `secret`: their nonce and count.
#[track_caller]
pub(crate) fn proved(request: &Request, name: HeaderName) -> (String, Option<u32>) {
    let values: Vec<&[u8]> = request.raw(name).collect();
    assert_eq!(values.len(), 1, "{request}");
    let credentials = Credentials::read(values[0]).unwrap();
    let ha1 = Ha1::new("alice", "example.org", "secret");
    let ha1 = ha1.get(Algorithm::Sha256).unwrap();
    assert!(credentials.prove(&ha1, request.method_bytes(), request.body()), "{request}");
    (String::from_utf8_lossy(credentials.nonce).into_owned(), credentials.count())
}

/// A call of carol's to alice, with these further header lines.
pub(crate) fn invite(branch: &str, more: &str) -> String {
    format!(
        "INVITE sip:alice@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK{branch}
From: <sip:carol@example.org>;tag=c
To: <sip:alice@example.org>
Call-ID: {branch}
CSeq: 1 INVITE
Contact: <sip:carol@192.0.2.3>
{more}"
    )
}

/// A request of bob, whom alice has not called: with this parameter of To, and further header lines, each ended.
pub(crate) fn from_bob(method: &str, cseq: u32, tag: &str, more: &str) -> String {
    format!(
        "{method} sip:alice@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK{method}{cseq}
From: <sip:bob@example.org>;tag=b
To: <sip:alice@example.org>{tag}
Call-ID: 1@example.org
CSeq: {cseq} {method}
Contact: <sip:bob@192.0.2.9>
{more}"
    )
}
