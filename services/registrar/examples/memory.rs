//! How much memory a binding takes, and how long a REGISTER takes behind the gate: as many phones as
//! the first argument says (100,000 without one) register, refresh, and are looked up.
//!
//! `cargo run --release -p ruf-registrar --example memory -- 100000`
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Instant;

use ruf_admission::{
    Account, Accounts, AddressOfRecord, Admitted, Domain, Gate, Keys, Limits as GateLimits, Listener, Lookup,
    Ourselves, Policy, Verdict,
};
use ruf_message::{Entropy, Flow, Message, Tick, Transport};
use ruf_registrar::{Gruus, Limits, Registrar};

/// `phone0`, `phone1`, ...: found by their number.
struct Phones(Vec<Account>);

impl Accounts for Phones {
    fn account(&self, _domain: &str, user: &str) -> Lookup<'_> {
        let number = user.strip_prefix("phone").and_then(|number| number.parse::<usize>().ok());
        number.and_then(|number| self.0.get(number)).map_or(Lookup::Unknown, Lookup::Found)
    }
}

fn main() {
    let phones = std::env::args().nth(1).map_or(100_000, |argument| argument.parse().unwrap());
    let mut desk = Desk::new(phones);
    let before = resident_bytes();

    let took = desk.register_all(1);
    let bytes = resident_bytes().saturating_sub(before);
    println!("{phones} phones: {} bytes each, {took} ns each to register", bytes / phones);
    println!("{} ns each to refresh", desk.register_all(2));
    println!("{} ns each to look up", desk.locate_all());
    assert_eq!(desk.registrar.len(), phones);
}

struct Desk {
    phones: Phones,
    gate: Gate,
    registrar: Registrar,
    flow: Flow,
}

impl Desk {
    fn new(phones: usize) -> Self {
        let account = Account::with_password("phone", "a.example", "secret");
        let numbered = |number| Account {
            address: AddressOfRecord::new(&format!("phone{number}"), "a.example"),
            ..account.clone()
        };
        let local = "192.0.2.1:5060".parse().unwrap();
        let ourselves = Ourselves {
            domains: vec![Domain::open("a.example")],
            listeners: vec![Listener::new(Transport::Udp, local)],
        };
        let entropy = || Entropy::from_seed([7; 32]);
        let keys = Keys::new(&mut entropy());
        let remote = "203.0.113.9:40000".parse().unwrap();
        Self {
            phones: Phones((0..phones).map(numbered).collect()),
            gate: Gate::new(ourselves, Policy::default(), &GateLimits::default(), &keys, entropy()),
            registrar: Registrar::new(Limits::default(), Gruus::new(&[7; 32]), entropy()),
            flow: Flow { transport: Transport::Udp, listener: 0, local, remote, connection: 0 },
        }
    }

    /// Nanoseconds each, of the registrar alone.
    fn register_all(&mut self, cseq: u32) -> u128 {
        const AT_ONCE: usize = 1_000;
        let mut took = 0;
        let mut number = 0;
        while number < self.phones.0.len() {
            let until = (number + AT_ONCE).min(self.phones.0.len());
            let admitted: Vec<Admitted> = (number..until).map(|number| self.admitted(number, cseq)).collect();
            let start = Instant::now();
            for request in &admitted {
                let registered = self.registrar.register(Tick::ZERO, request, self.gate.ourselves(), "t");
                assert!(registered.reply.status().is_success(), "{registered:?}");
            }
            took += start.elapsed().as_nanos();
            number = until;
        }
        took / self.phones.0.len() as u128
    }

    fn locate_all(&self) -> u128 {
        let start = Instant::now();
        for account in &self.phones.0 {
            assert_eq!(self.registrar.locate(Tick::ZERO, &account.address, |_| ()).len(), 1);
        }
        start.elapsed().as_nanos() / self.phones.0.len() as u128
    }

    fn admitted(&mut self, number: usize, cseq: u32) -> Admitted {
        let text = format!(
            "REGISTER sip:a.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7:5070;branch=z9hG4bK{number}.{cseq}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:phone{number}@a.example>;tag={number}\r\n\
             To: <sip:phone{number}@a.example>\r\nCall-ID: {number:032x}\r\nCSeq: {cseq} REGISTER\r\n\
             Contact: <sip:phone{number}@192.0.2.7:5070;transport=udp>\
             ;+sip.instance=\"<urn:uuid:{number:08x}-0000-1000-8000-000A95A0E128>\";expires=3600\r\n\
             User-Agent: Telephone 5.1.2 (Linux)\r\nContent-Length: 0\r\n\r\n"
        );
        let Ok(Message::Request(request)) = Message::parse(text.into()) else { panic!("no request") };
        match self.gate.admit(Tick::ZERO, self.flow, request, &self.phones) {
            Verdict::Admitted(admitted) => admitted,
            refused => panic!("{refused:?}"),
        }
    }
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or_default() * 4_096
}
