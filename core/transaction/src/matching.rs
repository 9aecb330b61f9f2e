//! Which server transaction a request belongs to: RFC 3261 section 17.2.3.
//!
//! What must be equal is hashed to a 128-bit fingerprint under a secret key, so the table holds no
//! strings and a stranger cannot make two requests collide. The method is beside it: an INVITE, its
//! ACK and its CANCEL share one fingerprint and are found by one look-up.
//!
//! Equal here means equal octets, but for the host of `sent-by` (case) and its port (the default
//! may be written or not): a retransmission is a copy. Not here: our own branches (`branch.rs`).

use std::hash::{BuildHasher, DefaultHasher, Hasher};
use std::net::{IpAddr, SocketAddr};

use hashbrown::HashTable;
use ruf_message::{Entropy, HeaderName, Host, Method, Request, Transport, Via};
use smallvec::SmallVec;

use crate::branch::COOKIE;
use crate::slab::Id;

/// Server transactions of one fingerprint (INVITE and CANCEL, in honest traffic). A client that
/// sends more methods under one branch finds the table full.
pub(crate) const SAME_FINGERPRINT_MAX: usize = 4;

/// A map that is filled to less than one part of so many is made smaller.
pub(crate) const SPARSE: usize = 4;

/// 128 bits of hash; in two halves, which align better than one u128.
pub(crate) type Hash128 = (u64, u64);

/// What 17.2.3 compares, but for the method: the same before and after a request was stamped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    pub(crate) hash: Hash128,
    /// For a request without the magic cookie: the hash of its To tag, which an ACK takes from the
    /// response and so is compared apart.
    pub(crate) to_tag: Option<u64>,
}

/// A method as it is compared: known ones by number, others by hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MethodKey(Method, u64);

impl MethodKey {
    pub(crate) const INVITE: MethodKey = MethodKey(Method::Invite, 0);

    /// That of a method that is not [`Method::Other`].
    pub(crate) const fn known(method: Method) -> MethodKey {
        MethodKey(method, 0)
    }

    /// Half of a fingerprint with the method in it: another for every method.
    pub(crate) fn mixed(self, half: u64) -> u32 {
        let MethodKey(method, other) = self;
        half as u32 ^ method as u32 ^ other as u32
    }
}

/// An address and a port in eight octets: the port below, above it the address, or for IPv6 its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Whence(pub(crate) u64);

impl Whence {
    pub(crate) fn is_of_host(self, other: Whence) -> bool {
        self.0 >> u16::BITS == other.0 >> u16::BITS
    }
}

/// Hashes under two secret keys; strangers can find no collision.
#[derive(Debug, Clone)]
pub(crate) struct Keyed {
    low: DefaultHasher,
    high: DefaultHasher,
}

impl Keyed {
    pub(crate) fn new(entropy: &mut Entropy) -> Self {
        let mut keyed = || {
            let mut hasher = DefaultHasher::new();
            hasher.write_u64(entropy.u64());
            hasher.write_u64(entropy.u64());
            hasher
        };
        Keyed { low: keyed(), high: keyed() }
    }

    pub(crate) fn fingerprint(&self, request: &Request) -> Fingerprint {
        let via = request.via();
        self.of_branch(&via).unwrap_or_else(|| {
            let hash = self.hash(|words| words.legacy(request, &via));
            Fingerprint { hash, to_tag: Some(self.tag(request.to_tag())) }
        })
    }

    /// The fingerprint of a request with this top Via, where its branch is all that counts.
    pub(crate) fn of_branch(&self, via: &Via<'_>) -> Option<Fingerprint> {
        // The bare cookie makes nothing unique.
        let branch = via.branch().filter(|branch| via.has_magic_cookie() && branch.len() > COOKIE.len())?;
        let hash = self.hash(|words| {
            words.text(branch); // rfc3261 §17.2.3
            words.sent_by(via); // rfc3261 §17.2.3
        });
        Some(Fingerprint { hash, to_tag: None })
    }

    pub(crate) fn method(&self, request: &Request) -> MethodKey {
        match request.method() {
            Method::Other => MethodKey(Method::Other, self.short(|words| words.text(request.method_bytes()))),
            known => MethodKey(known, 0),
        }
    }

    /// The hash of a To tag, or of its absence.
    pub(crate) fn tag(&self, tag: Option<&[u8]>) -> u64 {
        self.short(|words| words.option(tag))
    }

    /// The hash of `sent-by`, host without case, port with its default.
    pub(crate) fn sent_by(&self, via: &Via<'_>) -> u64 {
        self.short(|words| words.sent_by(via))
    }

    /// The same of what we write ourselves: `host` or `host:port`.
    pub(crate) fn our_sent_by(&self, sent_by: &str, transport: Transport) -> u64 {
        let (host, port) = match sent_by.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()),
            Some(_) | None => (sent_by, None),
        };
        self.short(|words| words.host_and_port(host.as_bytes(), port.unwrap_or(transport.default_port())))
    }

    /// The key of the branch of a request that is forwarded without a transaction: the same for
    /// every retransmission, another for every other request.
    pub(crate) fn stateless(&self, request: &Request) -> u64 {
        self.short(|words| words.legacy(request, &request.via())) // rfc3261 §16.11
    }

    /// What routes a request, by its own words.
    pub(crate) fn mark(&self, request: &Request) -> u64 {
        self.short(|words| {
            words.text(request.uri().as_bytes()); // rfc5393 §4.2.1 step 8
            request.raw(HeaderName::Route).for_each(|route| words.text(route)); // rfc5393 §4.2.1 step 8
            words.text(request.call_id()); // rfc5393 §4.2.4
            words.number(request.cseq().number); // rfc5393 §4.2.4
        })
    }

    pub(crate) fn whence(&self, place: SocketAddr) -> Whence {
        const IS_HASH: u64 = 1 << 63;
        let host = match place.ip() {
            IpAddr::V4(v4) => u64::from(v4.to_bits()) << u16::BITS,
            IpAddr::V6(v6) => self.short(|words| words.text(&v6.octets())) | IS_HASH,
        };
        Whence(host & !u64::from(u16::MAX) | u64::from(place.port()))
    }

    fn short(&self, say: impl FnOnce(&mut Words)) -> u64 {
        let mut words = Words::default();
        say(&mut words);
        finish(&self.low, &words)
    }

    fn hash(&self, say: impl FnOnce(&mut Words)) -> Hash128 {
        let mut words = Words::default();
        say(&mut words);
        (finish(&self.low, &words), finish(&self.high, &words))
    }
}

impl BuildHasher for Keyed {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        self.low.clone()
    }
}

/// What is hashed, in one piece: each text with its length, so that none runs into the next.
#[derive(Default)]
struct Words(SmallVec<[u8; 192]>);

fn finish(key: &DefaultHasher, words: &Words) -> u64 {
    let mut hasher = key.clone();
    hasher.write(&words.0);
    hasher.finish()
}

impl Words {
    fn text(&mut self, text: &[u8]) {
        self.number(u32::try_from(text.len()).unwrap_or(u32::MAX));
        self.0.extend_from_slice(text);
    }

    fn option(&mut self, text: Option<&[u8]>) {
        self.0.push(u8::from(text.is_some()));
        self.text(text.unwrap_or_default());
    }

    fn number(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_ne_bytes());
    }

    /// RFC 2543 clients: Request-URI, From tag, Call-ID, CSeq number and top Via. Our own `received`
    /// and `rport` are left out, so that the hash is the same before and after they are written.
    fn legacy(&mut self, request: &Request, via: &Via<'_>) {
        // rfc3261 §17.2.3
        self.text(request.uri().as_bytes());
        self.option(request.from_tag());
        self.text(request.call_id());
        self.number(request.cseq().number);
        self.sent_by(via);
        for param in via.params().iter() {
            if !param.name.eq_ignore_ascii_case(b"received") && !param.name.eq_ignore_ascii_case(b"rport") {
                self.text(param.name);
                self.option(param.value);
            }
        }
    }

    /// The host without case, and the port.
    fn sent_by(&mut self, via: &Via<'_>) {
        self.host_and_port(via.host_bytes(), via.port_or_default());
    }

    fn host_and_port(&mut self, host: &[u8], port: u16) {
        // One IPv6 address has many texts.
        if host.contains(&b':')
            && let Some(Host::V6(address)) = Host::parse(host)
        {
            self.text(&address.octets());
        } else {
            self.text(host);
            let start = self.0.len() - host.len();
            self.0.get_mut(start..).unwrap_or_default().make_ascii_lowercase();
        }
        self.number(port.into());
    }
}

/// Server transactions by fingerprint. There are as many as INVITEs in half a minute, so each is a few octets here;
/// who finds one compares the rest of the fingerprint.
#[derive(Debug, Default)]
pub(crate) struct Servers {
    places: HashTable<Place>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    /// The low half of the fingerprint's: most strangers are told by it.
    tag: u32,
    id: Id,
}

impl Servers {
    /// All with this fingerprint, and a stranger in a million.
    pub(crate) fn with(&self, (low, _): Hash128) -> impl Iterator<Item = Id> {
        let tag = low as u32;
        self.places.iter_hash(spread(tag)).filter(move |place| place.tag == tag).map(|place| place.id)
    }

    pub(crate) fn insert(&mut self, (low, _): Hash128, id: Id) {
        let place = Place { tag: low as u32, id };
        self.places.insert_unique(spread(place.tag), place, |place| spread(place.tag));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub(crate) fn remove(&mut self, (low, _): Hash128, id: Id) {
        if let Ok(place) = self.places.find_entry(spread(low as u32), |place| place.id == id) {
            place.remove();
            // What a busy hour took is given back.
            if self.places.len() < self.places.capacity() / SPARSE {
                self.places.shrink_to(2 * self.places.len(), |place| spread(place.tag));
            }
        }
    }
}

/// The hash of what is one already, over all bits: a table looks at both ends.
pub(crate) fn spread(tag: u32) -> u64 {
    u64::from(tag).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::{INVITE, request};
    use ruf_message::{Entropy, Header};
    use std::hash::BuildHasher;

    fn keyed(seed: u8) -> Keyed {
        Keyed::new(&mut Entropy::from_seed([seed; 32]))
    }

    /// Whether two INVITEs with this Via, for different users, are told apart.
    fn uri_counts(branch: &str) -> bool {
        let invite = INVITE.replace("z9hG4bK74bf9", branch);
        let other = invite.replace("INVITE sip:bob@", "INVITE sip:carol@");
        let keyed = keyed(1);
        keyed.fingerprint(&request(&invite)).hash != keyed.fingerprint(&request(&other)).hash
    }

    #[test]
    fn only_a_branch_behind_the_cookie_is_enough() {
        // tests rfc3261 §17.2.3
        assert!(!uri_counts("z9hG4bK7"));
        assert!(uri_counts("0123456789abcdef"), "a branch of RFC 2543");
    }

    #[test]
    fn what_we_write_into_a_via_changes_nothing() {
        // tests rfc3261 §17.2.3
        let bare = INVITE.replace("z9hG4bK74bf9;rport", "old;ttl=1");
        let stamped = bare.replace(";ttl=1", ";ttl=1;received=192.0.2.9;rport=5062");
        let moved = bare.replace(";ttl=1", ";ttl=2");
        let of = |text: &str| keyed(1).fingerprint(&request(text)).hash;
        assert_eq!(of(&bare), of(&stamped));
        assert_ne!(of(&bare), of(&moved));
    }

    #[test]
    fn one_sent_by_has_many_texts() {
        // tests rfc3261 §18.1.2, rfc5118 §4.5
        let of = |sent_by: &str| {
            let via = format!("SIP/2.0/UDP {sent_by};branch=z9hG4bKx");
            keyed(1).sent_by(&Via::decode(via.as_bytes()).unwrap())
        };
        for (one, other) in [
            ("[2001:db8::1]:5060", "[2001:DB8:0:0:0::1]"),
            ("Phone.Example", "phone.example:5060"),
            ("192.0.2.1", "192.0.2.1:5060"),
        ] {
            assert_eq!(of(one), of(other));
            assert_eq!(of(one), keyed(1).our_sent_by(other, Transport::Udp));
        }
        assert_ne!(of("[2001:db8::1]"), of("[2001:db8::2]"));
        assert_ne!(of("phone.example"), of("phone.example:5062"));
    }

    #[test]
    fn a_stranger_cannot_foresee_a_hash() {
        assert_ne!(keyed(1).hash_one(7u64), keyed(2).hash_one(7u64));
        assert_eq!(keyed(1).hash_one(7u64), keyed(1).hash_one(7u64));
    }

    #[test]
    fn servers_of_one_fingerprint_come_and_go_one_by_one() {
        let hash = keyed(1).fingerprint(&request(INVITE)).hash;
        let ids = [1, 2].map(|index| Id { index, generation: 0 });
        let mut servers = Servers::default();
        assert!(servers.is_empty());
        ids.iter().for_each(|id| servers.insert(hash, *id));
        let found = |servers: &Servers| servers.with(hash).collect::<Vec<Id>>();
        assert!(ids.iter().all(|id| found(&servers).contains(id)) && found(&servers).len() == 2);
        assert_eq!(servers.with((hash.0 ^ 1, hash.1)).next(), None);
        servers.remove(hash, ids[1]);
        assert!(!servers.is_empty() && found(&servers) == [ids[0]]);
        servers.remove(hash, ids[0]);
        assert!(servers.is_empty());
    }

    #[test]
    fn what_a_busy_hour_took_is_given_back() {
        let mut servers = Servers::default();
        let hash = |number: u64| (number.wrapping_mul(0x9e37_79b9_7f4a_7c15), number);
        let id = |number: u64| Id { index: number as u32, generation: 0 };
        (0..10_000).for_each(|number| servers.insert(hash(number), id(number)));
        (10..10_000).for_each(|number| servers.remove(hash(number), id(number)));
        assert!(servers.places.capacity() < 100, "{}", servers.places.capacity());
        assert!((0..10).all(|number| servers.with(hash(number)).eq([id(number)])));
    }
}
