//! A gate with two domains and two accounts, and requests to bring before it.
#![allow(dead_code, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, unreachable_pub)]

use ruf_admission::{
    Account, Admitted, Domain, Gate, Identity, Keys, Limits, Listener, Ourselves, Policy, Verdict,
};
use ruf_auth::Keyring;
use ruf_message::{Entropy, Flow, HeaderName, Message, Method, Request, Response, Tick, Transport};
use std::time::Duration;

pub const US: &str = "192.0.2.1:5060";
pub const HERE: &str = "203.0.113.7:5060";
pub const THERE: &str = "203.0.113.8:5060";

pub struct House {
    pub gate: Gate,
    pub accounts: Vec<Account>,
    pub now: Tick,
    pub entropy: Entropy,
}

/// Two domains that ask for passwords, `alice` and `bob` in the first.
pub fn house() -> House {
    house_with(Policy::default(), |_| {})
}

pub fn house_with(policy: Policy, change: impl Fn(&mut Ourselves)) -> House {
    let mut accounts: Vec<Account> =
        ["alice", "bob"].map(|user| Account::with_password(user, "example.org", user)).into();
    accounts[0].aliases = vec!["100".into(), "+49301234".into()];
    House { gate: gate(policy, change, 1), accounts, now: Tick::ZERO, entropy: Entropy::from_seed([9; 32]) }
}

/// The gate of the server's n-th start: with the same dialog key, and a nonce key of its own.
pub fn gate(policy: Policy, change: impl Fn(&mut Ourselves), start: u8) -> Gate {
    let mut ourselves = Ourselves {
        domains: vec![Domain::new("example.org"), Domain::new("example.net")],
        listeners: vec![Listener::new(Transport::Udp, US.parse().unwrap())],
    };
    change(&mut ourselves);
    let keys = Keys { nonce: [start; 32], dialog: [77; 32] };
    Gate::new(ourselves, policy, &Limits::default(), &keys, Entropy::from_seed([start; 32]))
}

pub fn flow(remote: &str) -> Flow {
    let (local, remote) = (US.parse().unwrap(), remote.parse().unwrap());
    Flow { transport: Transport::Udp, listener: 0, local, remote, connection: 0 }
}

/// A request as text: `sip:` is put before the addresses.
pub fn request(method: &str, uri: &str, from: &str, to: &str) -> Request {
    parse(&format!(
        "{method} sip:{uri} SIP/2.0
Via: SIP/2.0/UDP 203.0.113.7;branch=z9hG4bK-1
Max-Forwards: 70
From: <sip:{from}>;tag=from
To: <sip:{to}>
Call-ID: call-1
CSeq: 1 {method}
Contact: <sip:alice@203.0.113.7>
Content-Length: 0

"
    ))
}

pub fn parse(text: &str) -> Request {
    match Message::parse(text.replace('\n', "\r\n").into_bytes().into()) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

/// The request as a client sends it anew: another branch and the next CSeq.
pub fn anew(request: &Request) -> Request {
    let mut next = request.clone();
    let number = request.cseq().number + 1;
    next.pop_via();
    next.push_via(format!("SIP/2.0/UDP 203.0.113.7;branch=z9hG4bK-{number}"));
    next.set(HeaderName::CSeq, format!("{number} {}", request.method()));
    next
}

impl House {
    pub fn admit(&mut self, request: &Request) -> Verdict {
        self.admit_from(HERE, request)
    }

    pub fn admit_from(&mut self, source: &str, request: &Request) -> Verdict {
        self.gate.admit(self.now, flow(source), request.clone(), &self.accounts)
    }

    pub fn later(&mut self, secs: u64) {
        self.now = self.now + Duration::from_secs(secs);
    }

    /// The response to a request that must not be admitted.
    pub fn refusal(&mut self, request: &Request) -> Response {
        refused(self.admit(request))
    }

    pub fn status(&mut self, request: &Request) -> u16 {
        self.refusal(request).status().as_u16()
    }

    /// The request again, with an answer to the challenge it gets.
    pub fn answered(&mut self, user: &str, password: &str, request: &Request) -> Request {
        self.answered_by(&mut Keyring::new(user, password), request)
    }

    pub fn answered_by(&mut self, keyring: &mut Keyring, request: &Request) -> Request {
        let refusal = self.refusal(request);
        keyring.challenged(request, &refusal, &mut self.entropy).unwrap();
        let mut next = anew(request);
        keyring.authorize(&mut next);
        next
    }

    /// Bare, then with the password; what comes of it.
    pub fn with_password(&mut self, user: &str, request: &Request) -> Verdict {
        let answered = self.answered(user, user, request);
        self.admit(&answered)
    }
}

pub fn refused(verdict: Verdict) -> Response {
    match verdict {
        Verdict::Reply(request, reply) => {
            let mut octets = Vec::new();
            reply.write_to(&request, &mut octets);
            match Message::parse(octets.into()) {
                Ok(Message::Response(response)) => response,
                other => panic!("no response: {other:?}"),
            }
        }
        other => panic!("not refused: {other:?}"),
    }
}

pub fn admitted(verdict: Verdict) -> Admitted {
    match verdict {
        Verdict::Admitted(admitted) => admitted,
        other => panic!("not admitted: {other:?}"),
    }
}

/// The account that was admitted.
pub fn account(verdict: Verdict) -> String {
    match admitted(verdict).identity() {
        Identity::Account(address) => address.to_string(),
        other => panic!("no account: {other:?}"),
    }
}

pub fn challenges(response: &Response) -> Vec<String> {
    let name = if response.status().as_u16() == 401 {
        HeaderName::WwwAuthenticate
    } else {
        HeaderName::ProxyAuthenticate
    };
    response.raw(name).map(|value| String::from_utf8(value.to_vec()).unwrap()).collect()
}

/// The algorithms that a response asks for, in order.
pub fn offered(response: &Response) -> Vec<String> {
    let algorithm =
        |value: &String| value.split("algorithm=").nth(1).unwrap().split(',').next().unwrap().to_owned();
    challenges(response).iter().map(algorithm).collect()
}

/// All challenges of the response say, or do not say, that only the nonce was wrong.
pub fn is_stale(response: &Response) -> bool {
    let all = challenges(response);
    assert!(!all.is_empty());
    let stale = all.iter().filter(|value| value.contains("stale=true")).count();
    assert!(stale == 0 || stale == all.len());
    stale > 0
}

/// One request of each kind that the gate must guard, from alice.
pub fn every_kind() -> Vec<(&'static str, Request)> {
    let out = |method| request(method, "bob@example.org", "alice@example.org", "bob@example.org");
    let mut reinvite = out("INVITE");
    reinvite.set(HeaderName::To, "<sip:bob@example.org>;tag=to");
    let own = |method, uri| request(method, uri, "alice@example.org", "alice@example.org");
    vec![
        ("INVITE", out("INVITE")),
        ("re-INVITE", reinvite),
        ("MESSAGE", out("MESSAGE")),
        ("SUBSCRIBE", out("SUBSCRIBE")),
        ("PUBLISH", own("PUBLISH", "alice@example.org")),
        ("REFER", out("REFER")),
        ("OPTIONS to a user", out("OPTIONS")),
        ("REGISTER", own("REGISTER", "example.org")),
    ]
}

/// The status that asks this request for a password.
pub fn asking(request: &Request) -> u16 {
    if request.method() == Method::Register { 401 } else { 407 }
}
