//! A registrar behind its gate, with accounts and a clock.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use ruf_admission::{
    Account, AddressOfRecord, Domain, Gate, Keys, Limits as GateLimits, Listener, Ourselves, Policy, Verdict,
};
use ruf_message::{Entropy, Flow, HeaderName, Message, Reply, Request, Response, Tick, Transport};
use ruf_registrar::{Gruus, Limits, Registrar, Ticket};

pub struct Desk {
    pub gate: Gate,
    pub accounts: Vec<Account>,
    pub registrar: Registrar,
    pub now: Tick,
    pub flow: Flow,
    /// Of the last REGISTER.
    pub ticket: Option<Ticket>,
}

impl Desk {
    /// Serves `a.example` to alice, bob and carol, who are believed without a password.
    pub fn new(limits: Limits) -> Self {
        Self::serving(Domain::open("a.example"), &["alice", "bob", "carol"], limits)
    }

    pub fn serving(domain: Domain, users: &[&str], limits: Limits) -> Self {
        let account = |user: &&str| Account::with_password(user, &domain.name, "secret");
        let accounts = users.iter().map(account).collect();
        let local = "192.0.2.1:5060".parse().unwrap();
        let listeners = vec![Listener::new(Transport::Udp, local)];
        let ourselves = Ourselves { domains: vec![domain], listeners };
        let entropy = || Entropy::from_seed([7; 32]);
        let keys = Keys::new(&mut entropy());
        let gate = Gate::new(ourselves, Policy::default(), &GateLimits::default(), &keys, entropy());
        let flow = Flow {
            transport: Transport::Udp,
            listener: 0,
            local,
            remote: "203.0.113.9:40000".parse().unwrap(),
            connection: 0,
        };
        let registrar = Registrar::new(limits, Gruus::new(&[7; 32]), entropy());
        Self { gate, accounts, registrar, now: Tick::from_micros(1_000_000), flow, ticket: None }
    }

    /// What a REGISTER in full is answered, by the gate or behind it.
    pub fn take(&mut self, text: &str) -> Response {
        let request = parse(text);
        match self.gate.admit(self.now, self.flow, request, &self.accounts) {
            Verdict::Admitted(admitted) => {
                let registered = self.registrar.register(self.now, &admitted, self.gate.ourselves(), "ours");
                self.ticket = registered.ticket;
                let response = response(admitted.request(), &registered.reply);
                let listed = response.contacts().filter_map(|contact| contact.expires_secs());
                let longest = listed.max().filter(|_| response.status().is_success());
                assert_eq!(registered.lasts_secs, longest.map(u64::from));
                response
            }
            Verdict::Reply(request, reply) => response(&request, &reply),
            Verdict::Drop => panic!("dropped\n{text}"),
        }
    }

    /// What a REGISTER of this user, Call-ID and CSeq with further header lines is answered.
    pub fn register(&mut self, user: &str, call_id: &str, cseq: u32, lines: &str) -> Response {
        let lines: String = lines.lines().map(|line| format!("{line}\r\n")).collect();
        self.take(&format!(
            "REGISTER sip:a.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7:5070;branch=z9hG4bK{call_id}{cseq}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{user}@a.example>;tag=1\r\nTo: <sip:{user}@a.example>\r\n\
             Call-ID: {call_id}\r\nCSeq: {cseq} REGISTER\r\n{lines}Content-Length: 0\r\n\r\n"
        ))
    }

    pub fn after(&mut self, secs: u64) {
        self.now = self.now + Duration::from_secs(secs);
    }

    /// The contacts at which a user is found.
    pub fn located(&self, user: &str) -> Vec<String> {
        let address = AddressOfRecord::new(user, "a.example");
        self.registrar.locate(self.now, &address, |binding| binding.contact().to_string())
    }
}

pub fn parse(text: &str) -> Request {
    match Message::parse(text.as_bytes().to_vec().into()) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}\n{text}"),
    }
}

fn response(request: &Request, reply: &Reply) -> Response {
    let mut octets = Vec::new();
    reply.write_to(request, &mut octets);
    match Message::parse(octets.into()) {
        Ok(Message::Response(response)) => response,
        other => panic!("{other:?}\n{reply:?}"),
    }
}

pub fn status(response: &Response) -> u16 {
    response.status().as_u16()
}

/// The Contact lines of a response.
pub fn listed(response: &Response) -> Vec<String> {
    response.raw(HeaderName::Contact).map(|value| String::from_utf8(value.to_vec()).unwrap()).collect()
}

pub fn header(response: &Response, name: HeaderName) -> Option<String> {
    Some(String::from_utf8(response.raw(name).next()?.to_vec()).unwrap())
}
