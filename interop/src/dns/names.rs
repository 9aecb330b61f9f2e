//! A name server of a few records, written by hand, so that the server's own reading of the DNS is not
//! tested against itself (RFC 1035 section 4). It counts what it is asked, and is silent where told.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};

use crate::failure::Outcome;

const A: u16 = 1;
const SOA: u16 = 6;
const AAAA: u16 = 28;
const SRV: u16 = 33;
/// Seconds that everything lives, also that something is not there.
const TTL: u32 = 600;
/// A name that stands where the question has it.
const QUESTION: [u8; 2] = [0xc0, 12];

/// What is known, and what was asked: names in lower case with a dot at the end.
#[derive(Default)]
struct Zone {
    records: HashMap<(String, u16), Vec<Vec<u8>>>,
    silent: Vec<String>,
    asked: Vec<(String, u16)>,
}

/// A running name server; its thread ends with the process.
pub(super) struct Names {
    zone: Arc<Mutex<Zone>>,
    pub(super) address: SocketAddr,
}

impl Names {
    pub(super) fn start(ip: Ipv4Addr) -> Outcome<Names> {
        let socket = UdpSocket::bind((ip, 0))?;
        let address = socket.local_addr()?;
        let zone = Arc::new(Mutex::new(Zone::default()));
        let shared = Arc::clone(&zone);
        std::thread::spawn(move || {
            let mut buffer = [0; 1_500];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                let asked = buffer.get(..length).unwrap_or_default();
                let answer = shared.lock().unwrap_or_else(PoisonError::into_inner).answer(asked);
                // Whoever is gone needs no answer.
                let _ = answer.map(|answer| socket.send_to(&answer, from));
            }
        });
        Ok(Names { zone, address })
    }

    /// A server of a domain, after those that were added before.
    pub(super) fn add(&self, domain: &str, carrier: &str, place: SocketAddr) {
        let mut zone = self.zone.lock().unwrap_or_else(PoisonError::into_inner);
        let service = format!("_sip._{carrier}.{domain}.");
        let priority = zone.records.get(&(service.clone(), SRV)).map_or(1, |before| before.len() as u16 + 1);
        let target = format!("s{priority}.{domain}.");
        let mut srv = Vec::new();
        for number in [priority, 0, place.port()] {
            srv.extend(number.to_be_bytes());
        }
        for label in target.split_terminator('.') {
            srv.push(label.len() as u8);
            srv.extend(label.as_bytes());
        }
        srv.push(0);
        zone.records.entry((service, SRV)).or_default().push(srv);
        let (kind, octets) = match place.ip() {
            IpAddr::V4(ip) => (A, ip.octets().to_vec()),
            IpAddr::V6(ip) => (AAAA, ip.octets().to_vec()),
        };
        zone.records.entry((target, kind)).or_default().push(octets);
    }

    /// Never answers what is asked of this domain.
    pub(super) fn silence(&self, domain: &str) {
        self.zone.lock().unwrap_or_else(PoisonError::into_inner).silent.push(format!("{domain}."));
    }

    /// How often something of this domain was asked.
    pub(super) fn asked(&self, domain: &str) -> usize {
        let zone = self.zone.lock().unwrap_or_else(PoisonError::into_inner);
        zone.asked.iter().filter(|(name, _)| name.ends_with(&format!("{domain}."))).count()
    }
}

impl Zone {
    /// The answer to a message; `None`: silence.
    fn answer(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        let (name, end) = name(message)?;
        let kind = u16::from_be_bytes(message.get(end..end + 2)?.try_into().ok()?);
        self.asked.push((name.clone(), kind));
        if self.silent.iter().any(|domain| name.ends_with(domain)) {
            return None;
        }
        let known = self.records.keys().any(|(known, _)| known.ends_with(&name));
        let records = self.records.get(&(name, kind)).map_or(&[][..], Vec::as_slice);
        let counts = [1, records.len() as u16, u16::from(records.is_empty()), 0];
        let mut answer = message.get(..2)?.to_vec();
        // A response, recursion desired and available; NXDOMAIN where nothing is below the name.
        answer.extend([0x81, if known { 0x80 } else { 0x83 }]);
        answer.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
        answer.extend(message.get(12..end + 4)?);
        for data in records {
            record(&mut answer, kind, data);
        }
        if records.is_empty() {
            // How long that holds is the last number of the SOA (RFC 2308 section 4).
            let numbers = [1, TTL, TTL, TTL, TTL];
            let soa: Vec<u8> =
                [0, 0].into_iter().chain(numbers.iter().flat_map(|n| n.to_be_bytes())).collect();
            record(&mut answer, SOA, &soa);
        }
        Some(answer)
    }
}

fn record(answer: &mut Vec<u8>, kind: u16, data: &[u8]) {
    answer.extend(QUESTION);
    answer.extend(kind.to_be_bytes());
    answer.extend(1u16.to_be_bytes());
    answer.extend(TTL.to_be_bytes());
    answer.extend((data.len() as u16).to_be_bytes());
    answer.extend(data);
}

/// The name of the question, and where it ends.
fn name(message: &[u8]) -> Option<(String, usize)> {
    let (mut name, mut at) = (String::new(), 12);
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        if length == 0 {
            return Some((name, at));
        }
        name.push_str(&String::from_utf8_lossy(message.get(at..at + length)?).to_lowercase());
        name.push('.');
        at += length;
    }
}
