//! Nonces that cost no memory until they are used (RFC 7616 §3.3, §5.4).
//!
//! A nonce is `time | random | MAC(time, random, source address, algorithm, realm)`, as text (`mac.rs`). Nothing
//! is kept when one is issued. When a request first proves knowledge of a password with it, the nonce
//! gets an entry in the table of used ones: the highest `nc` and a window of those below it. The same
//! `nc` a second time is a replay.
//!
//! A full table makes room by taking the entry of the oldest nonce away, and from then on no nonce that
//! was issued so early is taken any more: nothing can be replayed through a gap, a newcomer always gets
//! in, and whoever held an old nonce is told `stale=true` and comes back with a new one.
//!
//! How a digest is computed is ruf-auth's; who may do what, [`Gate`](crate::Gate)'s.

use crate::mac::{Mac, decode, encode, same, text_len};
use crate::used::UsedNonces;
use ruf_auth::Algorithm;
use ruf_message::{Entropy, Tick};
use smallvec::SmallVec;
use std::net::IpAddr;
use std::ops::Deref;
use std::time::Duration;

const ISSUED: usize = 8;
const RANDOM: usize = 8;
const MAC: usize = 16;
const LEN: usize = ISSUED + RANDOM + MAC;
const TEXT: usize = text_len(LEN);

/// Issues nonces, knows its own, and remembers the used ones.
#[derive(Debug)]
pub(crate) struct Nonces {
    mac: Mac,
    lifetime: Duration,
    used: Box<dyn UsedNonces>,
}

/// A nonce of ours, neither expired nor meant for anybody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nonce {
    pub(crate) issued: Tick,
    pub(crate) random: u64,
}

impl Nonce {
    /// The nonce that was issued then with this random number.
    pub const fn new(issued: Tick, random: u64) -> Nonce {
        Nonce { issued, random }
    }

    /// When it was issued, and what is random in it.
    fn octets(self) -> [u8; ISSUED + RANDOM] {
        (u128::from(self.issued.as_micros()) << (8 * RANDOM) | u128::from(self.random)).to_be_bytes()
    }

    /// A number that spreads nonces evenly: for a table in several parts.
    pub const fn spread(self) -> u64 {
        self.random
    }
}

/// A nonce as a challenge has it: letters, digits, `-` and `_`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NonceText([u8; TEXT]);

impl Deref for NonceText {
    type Target = str;

    fn deref(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Not a nonce that we would take from this source now: unknown, of an earlier run, expired, for
/// another realm or algorithm, from elsewhere, or used with this count before. The client is asked to
/// try again with a fresh one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale;

impl Nonces {
    /// The key must be new at each start: then no nonce of an earlier run is known.
    pub(crate) fn new(key: &[u8; 32], lifetime: Duration, used: Box<dyn UsedNonces>) -> Self {
        Nonces { mac: Mac::new(key, "nonce"), lifetime, used }
    }

    /// A nonce for this realm and algorithm, to be used from this source.
    // rfc7616 §3.3: unique each time, and not to be forged
    pub(crate) fn issue(
        &self,
        now: Tick,
        realm: &str,
        algorithm: Algorithm,
        source: IpAddr,
        entropy: &mut Entropy,
    ) -> NonceText {
        let nonce = Nonce::new(now, entropy.u64());
        let mut octets = [0; LEN];
        let (fields, mac) = octets.split_at_mut(ISSUED + RANDOM);
        fields.copy_from_slice(&nonce.octets());
        mac.copy_from_slice(&self.mac_of(nonce, realm, algorithm, source));
        let mut text = [0; TEXT];
        encode(&octets, &mut text);
        NonceText(text)
    }

    /// Reads a nonce back.
    pub(crate) fn open(
        &self,
        now: Tick,
        text: &[u8],
        realm: &str,
        algorithm: Algorithm,
        source: IpAddr,
    ) -> Result<Nonce, Stale> {
        let mut octets = [0; LEN];
        let (nonce, mac) = decode(text, &mut octets).and_then(parts).ok_or(Stale)?;
        let ours = same(mac, &self.mac_of(nonce, realm, algorithm, source));
        let alive = nonce.issued <= now && now < nonce.issued + self.lifetime;
        let fresh = alive && !self.used.is_past(nonce);
        if ours && fresh { Ok(nonce) } else { Err(Stale) }
    }

    /// Uses a nonce, with its count (`None`: the client sends none, so it may use it once). To be called
    /// when the password was proven, and only then.
    // rfc7616 §3.4: the same nc twice is a replay
    pub(crate) fn spend(&mut self, now: Tick, nonce: Nonce, count: Option<u32>) -> Result<(), Stale> {
        self.used.spend(now, nonce, count)
    }

    /// Forgets used nonces that nobody could use again.
    pub(crate) fn expire(&mut self, now: Tick) {
        self.used.expire(now);
    }

    /// When [`Nonces::expire`] next has something to do.
    pub(crate) fn deadline(&self) -> Option<Tick> {
        self.used.deadline()
    }

    /// Used nonces held.
    pub(crate) fn len(&self) -> usize {
        self.used.len()
    }

    /// All but the realm has one length and stands before it, so nothing need say where a part ends: with a realm
    /// of up to 22 octets it is one block of the hash, and one more for the key.
    fn mac_of(&self, nonce: Nonce, realm: &str, algorithm: Algorithm, source: IpAddr) -> [u8; MAC] {
        let mut octets = SmallVec::<[u8; 64]>::new();
        octets.extend_from_slice(&nonce.octets());
        octets.extend_from_slice(&source_octets(source));
        octets.push(algorithm as u8);
        octets.extend_from_slice(realm.as_bytes());
        self.mac.of(&octets)
    }
}

fn parts(octets: &[u8]) -> Option<(Nonce, &[u8])> {
    let (issued, rest) = octets.split_first_chunk::<ISSUED>()?;
    let (random, mac) = rest.split_first_chunk::<RANDOM>()?;
    let issued = Tick::from_micros(u64::from_be_bytes(*issued));
    Some((Nonce { issued, random: u64::from_be_bytes(*random) }, mac))
}

/// An address as 16 octets; an IPv4 address is the same whichever socket it came through.
pub(crate) fn source_octets(source: IpAddr) -> [u8; 16] {
    match source {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::used::NonceTable;
    use std::net::{Ipv4Addr, Ipv6Addr};

    const REALM: &str = "example.org";
    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
    const LIFE: Duration = Duration::from_secs(300);

    fn at(secs: u64) -> Tick {
        Tick::from_micros(secs * 1_000_000)
    }

    fn used(max: usize) -> Box<dyn UsedNonces> {
        Box::new(NonceTable::new(LIFE, max))
    }

    fn nonces(used_max: usize) -> (Nonces, Entropy) {
        (Nonces::new(&[1; 32], LIFE, used(used_max)), Entropy::from_seed([2; 32]))
    }

    fn open(nonces: &Nonces, secs: u64, text: &str) -> Result<Nonce, Stale> {
        nonces.open(at(secs), text.as_bytes(), REALM, Algorithm::Sha256, HERE)
    }

    #[test]
    fn nonces_are_spread_by_what_is_random_in_them() {
        assert_eq!(Nonce { issued: at(1), random: 77 }.spread(), 77);
    }

    #[test]
    fn a_nonce_is_known_only_for_what_and_whom_it_was_issued() {
        // tests rfc7616 §3.3
        let (nonces, mut entropy) = nonces(10);
        let text = nonces.issue(at(10), REALM, Algorithm::Sha256, HERE, &mut entropy);
        assert!(open(&nonces, 10, &text).is_ok() && open(&nonces, 309, &text).is_ok());
        assert_eq!(open(&nonces, 310, &text), Err(Stale));
        assert_eq!(open(&nonces, 9, &text), Err(Stale));
        for (realm, algorithm, source) in [
            ("example.com", Algorithm::Sha256, HERE),
            (REALM, Algorithm::Md5, HERE),
            (REALM, Algorithm::Sha256, THERE),
        ] {
            assert_eq!(nonces.open(at(10), text.as_bytes(), realm, algorithm, source), Err(Stale));
        }
        let restarted = Nonces::new(&[3; 32], LIFE, used(10));
        assert_eq!(open(&restarted, 10, &text), Err(Stale));
        for at in 0..text.len() {
            let mut bent = text.as_bytes().to_vec();
            bent[at] = if bent[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(open(&nonces, 10, str::from_utf8(&bent).unwrap()), Err(Stale));
        }
        for other in ["", "A", "AAAA", &text[1..], &format!("{}A", &*text)] {
            assert_eq!(open(&nonces, 10, other), Err(Stale));
        }
        assert_eq!(nonces.len(), 0);
    }

    #[test]
    fn an_ipv4_source_is_the_same_through_either_socket() {
        let (nonces, mut entropy) = nonces(10);
        let text = nonces.issue(at(0), REALM, Algorithm::Md5, HERE, &mut entropy);
        let mapped = IpAddr::V6(Ipv6Addr::from(source_octets(HERE)));
        assert!(nonces.open(at(0), text.as_bytes(), REALM, Algorithm::Md5, mapped).is_ok());
    }

    #[test]
    fn each_count_is_taken_once_in_any_order_within_the_window() {
        // tests rfc7616 §3.4
        let (mut nonces, mut entropy) = nonces(10);
        let text = nonces.issue(at(0), REALM, Algorithm::Sha256, HERE, &mut entropy);
        let nonce = open(&nonces, 0, &text).unwrap();
        let mut spend = |count| nonces.spend(at(1), nonce, Some(count)).is_ok();
        let taken = [1, 1, 3, 2, 2, 3, 70, 7, 6, 3, 70, u32::MAX, u32::MAX, u32::MAX - 63, u32::MAX - 64]
            .map(&mut spend);
        let expected = [
            true, false, true, true, false, false, true, true, false, false, false, true, false, true, false,
        ];
        assert_eq!(taken, expected);
        assert_eq!(nonces.len(), 1);
    }

    #[test]
    fn without_a_count_a_nonce_is_good_for_one_request() {
        let (mut nonces, mut entropy) = nonces(10);
        let text = nonces.issue(at(0), REALM, Algorithm::Sha256, HERE, &mut entropy);
        let nonce = open(&nonces, 0, &text).unwrap();
        assert_eq!(
            (nonces.spend(at(0), nonce, None), nonces.spend(at(0), nonce, None)),
            (Ok(()), Err(Stale))
        );
    }

    #[test]
    fn a_full_table_keeps_newcomers_and_never_lets_a_replay_through() {
        let (mut nonces, mut entropy) = nonces(3);
        let texts: Vec<NonceText> =
            (0..5).map(|n| nonces.issue(at(n), REALM, Algorithm::Sha256, HERE, &mut entropy)).collect();
        let opened: Vec<Nonce> = texts.iter().map(|text| open(&nonces, 5, text).unwrap()).collect();
        for nonce in &opened {
            assert_eq!(nonces.spend(at(5), *nonce, Some(1)), Ok(()));
            assert!(nonces.len() <= 3);
        }
        for (nonce, text) in opened.iter().zip(&texts) {
            let again = open(&nonces, 5, text).and_then(|nonce| nonces.spend(at(5), nonce, Some(1)));
            assert_eq!((again, nonces.spend(at(5), *nonce, Some(1))), (Err(Stale), Err(Stale)));
        }
        assert_eq!(open(&nonces, 5, &texts[0]), Err(Stale));
        assert!(open(&nonces, 5, &texts[4]).is_ok());
    }

    #[test]
    fn nothing_is_kept_past_its_time() {
        let (mut nonces, mut entropy) = nonces(3);
        let text = nonces.issue(at(0), REALM, Algorithm::Sha256, HERE, &mut entropy);
        let nonce = open(&nonces, 5, &text).unwrap();
        nonces.spend(at(5), nonce, Some(1)).unwrap();
        assert_eq!(nonces.deadline(), Some(at(300)));
        nonces.expire(at(300));
        assert_eq!((nonces.len(), nonces.deadline()), (0, None));
    }
}
