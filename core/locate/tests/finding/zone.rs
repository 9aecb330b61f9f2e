//! A DNS of a few lines, a locator that asks it, and what happened as one line of text.

use std::collections::BTreeMap;
use std::time::Duration;

use ruf_locate::{Answer, Found, Kind, Limits, Locator, Naptr, Out, Query, Record, Srv, Ways};
use ruf_message::{Entropy, Hop, Tick, Transport};

/// Records by question; what is not there does not exist.
pub(crate) struct Zone {
    answers: BTreeMap<Query, Answer>,
    pub(crate) locator: Locator,
    pub(crate) now: Tick,
    pub(crate) out: Out,
}

impl Zone {
    /// Lines of `name ttl KIND data`, as in a zone file; and `name KIND fails`.
    pub(crate) fn new(lines: &str) -> Self {
        Zone::with(lines, &["udp4", "tcp4", "tls4"], Limits::default())
    }

    /// With these ways out: `udp4`, `tcp6`.
    pub(crate) fn with(lines: &str, ways: &[&str], limits: Limits) -> Self {
        let mut answers = BTreeMap::new();
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                [name, kind, "fails"] => drop(answers.insert(query(kind, name), Answer::Failed)),
                [name, ttl, kind, data @ ..] => {
                    let (query, record) = (query(kind, name), record(kind, data));
                    let ttl_secs = ttl.parse().expect("a TTL");
                    match answers.entry(query).or_insert(Answer::Records { ttl_secs, records: Vec::new() }) {
                        Answer::Records { records, .. } => records.push(record),
                        Answer::Nothing { .. } | Answer::Failed => panic!("{line}"),
                    }
                }
                _ => panic!("{line}"),
            }
        }
        let ways = ways.iter().map(|way| {
            let (transport, family) = way.split_at(way.len() - 1);
            let any = if family == "6" { [0u16; 8].into() } else { [0, 0, 0, 0].into() };
            (transport.parse().expect("a transport"), any)
        });
        let locator = Locator::new(limits, Ways::new(ways), Entropy::from_seed([5; 32]));
        Zone { answers, locator, now: Tick::ZERO, out: Out::default() }
    }

    /// Asks for a hop and lets the DNS answer at once: `A h | UDP 192.0.2.1:5060`. Questions that
    /// are asked together are parted by commas.
    pub(crate) fn find(&mut self, hop: &str) -> String {
        self.find_for(1, hop)
    }

    /// As [`find`](Self::find), for one of several users.
    pub(crate) fn find_for(&mut self, user: u64, hop: &str) -> String {
        self.ask(user, hop);
        let mut told = Vec::new();
        while !self.out.queries.is_empty() {
            let asked: Vec<(u64, Query)> = self.out.queries.drain(..).collect();
            told.push(asked.iter().map(|(_, query)| query.to_string()).collect::<Vec<_>>().join(", "));
            for (number, query) in asked {
                let answer = self.answer_to(&query);
                self.locator.answer(self.now, number, answer, &mut self.out);
            }
        }
        told.push(self.found(user));
        told.join(" | ")
    }

    pub(crate) fn ask(&mut self, user: u64, hop_text: &str) {
        let hop = hop(hop_text);
        self.locator.locate(self.now, user, hop, &mut self.out);
    }

    pub(crate) fn answer_to(&self, query: &Query) -> Answer {
        self.answers.get(query).cloned().unwrap_or(Answer::Nothing { ttl_secs: 60 })
    }

    /// What this user was told, who is the only one.
    pub(crate) fn found(&mut self, user: u64) -> String {
        let Some(Found { user: told, places }) = self.out.found.pop_front() else {
            return "nothing yet".into();
        };
        assert_eq!((told, self.out.found.len()), (user, 0));
        match places.is_empty() {
            true => "nowhere".into(),
            false => places.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        }
    }

    pub(crate) fn pass(&mut self, secs: u64) {
        self.now = self.now + Duration::from_secs(secs);
        self.locator.tick(self.now, &mut self.out);
    }
}

/// `sip:host:port;transport=tcp`.
pub(crate) fn hop(text: &str) -> Hop {
    let uri: ruf_message::Uri = text.parse().expect("a URI");
    let uri = uri.as_ref();
    Hop {
        host: uri.host().expect("a host").to_owned(),
        port: uri.port(),
        transport: uri.transport().flatten(),
        secure: uri.scheme() == ruf_message::Scheme::Sips,
    }
}

pub(crate) fn place(text: &str) -> ruf_message::Place {
    let (transport, address) = text.split_once(' ').expect("a place");
    let transport: Transport = transport.parse().expect("a transport");
    let address: std::net::SocketAddr = address.parse().expect("an address");
    ruf_message::Place { transport, address, host: address.ip().into() }
}

fn query(kind: &str, name: &str) -> Query {
    let kind = match kind {
        "NAPTR" => Kind::Naptr,
        "SRV" => Kind::Srv,
        "A" => Kind::A,
        "AAAA" => Kind::Aaaa,
        _ => panic!("{kind}"),
    };
    Query::new(kind, name)
}

fn record(kind: &str, data: &[&str]) -> Record {
    let number = |text: &str| text.parse().expect("a number");
    match (kind, data) {
        ("NAPTR", [order, preference, flags, service, replacement]) => Record::Naptr(Naptr {
            order: number(order),
            preference: number(preference),
            flags: (*flags).into(),
            service: (*service).into(),
            regexp: String::new(),
            replacement: (*replacement).into(),
        }),
        ("SRV", [priority, weight, port, target]) => Record::Srv(Srv {
            priority: number(priority),
            weight: number(weight),
            port: number(port),
            target: (*target).into(),
        }),
        ("A" | "AAAA", [address]) => Record::Address(address.parse().expect("an address")),
        _ => panic!("{kind} {data:?}"),
    }
}
