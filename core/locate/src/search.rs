//! One hop's way through the DNS (RFC 3263 sections 4.1 and 4.2): NAPTR, then SRV, then addresses.
//!
//! ```text
//!  numeric host ───────────────────────────────────────────────────────────► the place
//!  port ──────────────────────────────────────────────► A, AAAA of the host ► places
//!  transport ────────────────► SRV of that transport ─► A, AAAA of targets ─► places
//!                                   │ none              A, AAAA of the host ► places, default port
//!  neither ─► NAPTR ─────────► SRV of its services ───► as above
//!               │ none
//!               └────────────► SRV of all that we have ► as above
//! ```
//!
//! A search goes this way from the start whenever it got answers, over what it knows; where it does
//! not know, it says what to ask. So there is no state but the answers.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ruf_message::{Entropy, Hop, HostBuf, Place, Tick, Transport};

use crate::cache::Cache;
use crate::limits::Limits;
use crate::naptr::{self, Service};
use crate::query::{Answer, Kind, Query, Record, Srv};
use crate::srv;
use crate::ways::{Family, Ways};

/// A hop, and what the DNS said of it. What a search has once seen it keeps, so that an answer that
/// dies meanwhile (a TTL of 0) is not asked for again.
#[derive(Debug)]
pub(crate) struct Search {
    hop: Hop,
    known: HashMap<Query, Arc<Answer>>,
}

/// How far a search came.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// The places, in the order in which they are to be tried. None: there is nothing there.
    Found(Vec<Place>),
    /// This must be asked first; each once.
    Ask(Vec<Query>),
}

/// What a search may look at.
pub(crate) struct Sight<'a> {
    pub(crate) now: Tick,
    pub(crate) ways: &'a Ways,
    pub(crate) cache: &'a Cache,
    pub(crate) limits: &'a Limits,
    pub(crate) entropy: &'a mut Entropy,
}

/// Where the servers of a hop are said to be.
enum Lead {
    /// At the host itself, over these transports, at this port or at that of the transport.
    Host(Vec<Transport>, Option<u16>),
    /// At the targets of SRV records, lowest priority first.
    Servers(Vec<(Transport, Vec<Srv>)>),
}

/// Something must be asked first.
struct Unknown;

impl Search {
    pub(crate) fn new(hop: Hop) -> Self {
        Search { hop, known: HashMap::new() }
    }

    /// Takes an answer.
    pub(crate) fn learn(&mut self, query: Query, answer: Arc<Answer>) {
        self.known.insert(query, answer);
    }

    /// Goes as far as what is known leads.
    pub(crate) fn step(&mut self, sight: &mut Sight<'_>) -> Step {
        let mut asked = Vec::new();
        match self.go(sight, &mut asked) {
            Ok(places) => Step::Found(places),
            Err(Unknown) => Step::Ask(asked),
        }
    }

    // rfc3263 §4.1, §4.2
    fn go(&mut self, sight: &mut Sight<'_>, asked: &mut Vec<Query>) -> Result<Vec<Place>, Unknown> {
        let given = match self.hop.transport.map(|given| fitting(given, self.hop.secure)) {
            Some(None) => return Ok(Vec::new()),
            Some(Some(transport)) if !sight.ways.has(transport) => return Ok(Vec::new()),
            Some(transport) => transport,
            None => None,
        };
        let name = match &self.hop.host {
            HostBuf::Name(name) => name.clone(),
            HostBuf::V4(ip) => return Ok(self.numeric((*ip).into(), given, sight)),
            HostBuf::V6(ip) => return Ok(self.numeric((*ip).into(), given, sight)),
        };
        let lead = match (self.hop.port, given) {
            (None, given) => self.lead(&name, given, sight, asked)?,
            // rfc3263 §4.1, §4.2: a port speaks for itself; neither NAPTR nor SRV
            (port, Some(transport)) => Lead::Host(vec![transport], port),
            (port, None) => Lead::Host(default_transport(self.hop.secure, sight.ways), port),
        };
        match lead {
            Lead::Host(transports, port) => self.at_host(&name, &transports, port, sight, asked),
            Lead::Servers(services) => self.at_servers(&services, sight, asked),
        }
    }

    /// A numeric host is its own address.
    // rfc3263 §4.1, §4.2
    fn numeric(&self, ip: IpAddr, given: Option<Transport>, sight: &Sight<'_>) -> Vec<Place> {
        let transports =
            given.map_or_else(|| default_transport(self.hop.secure, sight.ways), |one| vec![one]);
        let place = |transport: Transport| {
            let port = self.hop.port.unwrap_or(transport.default_port());
            self.place(transport, SocketAddr::new(ip, port))
        };
        transports.into_iter().filter(|one| sight.ways.leads_to(*one, ip)).map(place).collect()
    }

    /// Asks NAPTR and SRV records where the servers are.
    fn lead(
        &mut self,
        name: &str,
        given: Option<Transport>,
        sight: &mut Sight<'_>,
        asked: &mut Vec<Query>,
    ) -> Result<Lead, Unknown> {
        let of = |transport| Service { transport, name: service_name(transport, name) };
        let (services, last_resort) = match given {
            // rfc3263 §4.2: the SRV records of that specific transport
            Some(transport) => (vec![of(transport)], vec![transport]),
            None => {
                // rfc3263 §4.1: a NAPTR query for the domain in the URI
                let answer = self.look(Kind::Naptr, name, sight, asked).ok_or(Unknown)?;
                let services = naptr::services(answer.records(), self.hop.secure, sight.ways);
                if services.is_empty() {
                    // rfc3263 §4.1: no NAPTR records; SRV queries for all transports that we have, with
                    // _sip for SIP and _sips for SIPS URIs
                    let transports = sight.ways.transports().into_iter();
                    let fit = transports.filter(|one| is_asked_without_naptr(*one, self.hop.secure));
                    (fit.map(of).collect(), default_transport(self.hop.secure, sight.ways))
                } else {
                    let transports = services.iter().map(|service| service.transport).collect();
                    (services, transports)
                }
            }
        };
        let mut found = Vec::new();
        for service in services {
            let Some(answer) = self.look(Kind::Srv, &service.name, sight, asked) else { continue };
            let records = srv::by_priority(answer.records());
            if !records.is_empty() {
                found.push((service.transport, records));
            }
        }
        if !asked.is_empty() {
            return Err(Unknown);
        }
        // rfc3263 §4.1, §4.2: no SRV records; the addresses of the host, at the default port
        if found.is_empty() {
            return Ok(Lead::Host(last_resort, None));
        }
        Ok(Lead::Servers(found))
    }

    /// The addresses of the host itself.
    // rfc3263 §4.2: a list of IP addresses, each of which can be contacted; the first is tried first
    fn at_host(
        &mut self,
        name: &str,
        transports: &[Transport],
        port: Option<u16>,
        sight: &mut Sight<'_>,
        asked: &mut Vec<Query>,
    ) -> Result<Vec<Place>, Unknown> {
        let mut places = Vec::new();
        for &transport in transports {
            let port = port.unwrap_or(transport.default_port());
            for ip in self.addresses(name, transport, sight, asked) {
                self.add(&mut places, transport, SocketAddr::new(ip, port), sight);
            }
        }
        if asked.is_empty() { Ok(places) } else { Err(Unknown) }
    }

    /// The addresses of the targets of SRV records, service by service, in the order of the lot.
    fn at_servers(
        &mut self,
        services: &[(Transport, Vec<Srv>)],
        sight: &mut Sight<'_>,
        asked: &mut Vec<Query>,
    ) -> Result<Vec<Place>, Unknown> {
        // All are asked at once, and in one order whatever the lot says: which of them are beyond
        // the bound of names must not change between two steps.
        for (transport, servers) in services {
            for server in servers {
                self.addresses(&server.target, *transport, sight, asked);
            }
        }
        if !asked.is_empty() {
            return Err(Unknown);
        }
        let mut places = Vec::new();
        for (transport, servers) in services {
            for server in srv::draw(servers, sight.entropy) {
                for ip in self.addresses(&server.target, *transport, sight, asked) {
                    self.add(&mut places, *transport, SocketAddr::new(ip, server.port), sight);
                }
            }
        }
        Ok(places)
    }

    /// The addresses of a name in the families that a transport has, as far as they are known.
    fn addresses(
        &mut self,
        name: &str,
        transport: Transport,
        sight: &Sight<'_>,
        asked: &mut Vec<Query>,
    ) -> Vec<IpAddr> {
        let mut addresses = Vec::new();
        // RFC 2782: the root as target says that the service is decidedly not there.
        if name.is_empty() || name == "." {
            return addresses;
        }
        for family in sight.ways.families(transport) {
            let kind = match family {
                Family::V4 => Kind::A,
                Family::V6 => Kind::Aaaa,
            };
            let Some(answer) = self.look(kind, name, sight, asked) else { continue };
            addresses.extend(answer.records().iter().filter_map(|record| match record {
                Record::Address(ip) if Family::of(*ip) == family => Some(*ip),
                Record::Address(_) | Record::Naptr(_) | Record::Srv(_) => None,
            }));
        }
        addresses
    }

    /// What is known of a name; `None`: it is being asked.
    fn look(
        &mut self,
        kind: Kind,
        name: &str,
        sight: &Sight<'_>,
        asked: &mut Vec<Query>,
    ) -> Option<Arc<Answer>> {
        let query = Query::new(kind, name);
        if let Some(answer) = self.known.get(&query) {
            return Some(Arc::clone(answer));
        }
        if asked.contains(&query) {
            return None;
        }
        if self.known.len() + asked.len() >= sight.limits.names_max {
            return Some(Arc::new(Answer::Nothing { ttl_secs: 0 }));
        }
        match sight.cache.get(sight.now, &query) {
            Some(answer) => {
                self.known.insert(query, Arc::clone(&answer));
                Some(answer)
            }
            None => {
                asked.push(query);
                None
            }
        }
    }

    fn add(&self, places: &mut Vec<Place>, transport: Transport, address: SocketAddr, sight: &Sight<'_>) {
        let place = self.place(transport, address);
        if places.len() < sight.limits.places_max && !places.contains(&place) {
            places.push(place);
        }
    }

    fn place(&self, transport: Transport, address: SocketAddr) -> Place {
        Place { transport, address, host: self.hop.host.clone() }
    }
}

/// The transport that a URI's parameter means: under `sips` the secure one over the same carrier.
/// `None`: `sips` never leaves over UDP.
// rfc3263 §4.1
// rfc5630 §3.1.4
fn fitting(given: Transport, secure: bool) -> Option<Transport> {
    match (given, secure) {
        (Transport::Udp, true) => None,
        (Transport::Tcp, true) => Some(Transport::Tls),
        (Transport::Ws, true) => Some(Transport::Wss), // rfc7118 §5.5
        (Transport::Udp | Transport::Tcp | Transport::Ws, false) => Some(given),
        (Transport::Tls | Transport::Wss, _) => Some(given),
    }
}

/// What is used when nothing says which: UDP, for `sips` TLS; where we have no UDP, what we have.
// rfc3263 §4.1
fn default_transport(secure: bool, ways: &Ways) -> Vec<Transport> {
    let liked = if secure { Transport::Tls } else { Transport::Udp };
    let first = ways.transports().into_iter().find(|one| is_asked_without_naptr(*one, secure));
    if ways.has(liked) { vec![liked] } else { first.into_iter().collect() }
}

/// Whether the SRV records of a transport are asked for where no NAPTR names them.
// rfc3263 §4.1: _sip for SIP URIs, _sips for SIPS URIs
fn is_asked_without_naptr(transport: Transport, secure: bool) -> bool {
    match transport {
        Transport::Udp | Transport::Tcp => !secure,
        Transport::Tls => secure,
        // RFC 7118 names no SRV service for them.
        Transport::Ws | Transport::Wss => false,
    }
}

/// The name of a domain's SRV records for a transport.
// rfc3263 §4.2: _sips wherever TLS is used
fn service_name(transport: Transport, domain: &str) -> String {
    let service = match transport {
        Transport::Udp => "_sip._udp",
        Transport::Tcp => "_sip._tcp",
        Transport::Tls => "_sips._tcp",
        Transport::Ws => "_sip._ws",
        Transport::Wss => "_sips._ws",
    };
    format!("{service}.{domain}")
}
