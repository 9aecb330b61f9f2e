//! A keyed MAC (HMAC-SHA-256, RFC 2104) whose key is scheduled once, and the text form of octets that
//! travel in nonces, tokens and temporary GRUUs (base64url, RFC 4648 §5, without padding, and with a dot for the `e`).

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use std::hash::{DefaultHasher, Hash, Hasher};
use subtle::ConstantTimeEq;

/// A MAC for one purpose. Different purposes of one key never give the same result for the same parts.
#[derive(Clone)]
pub struct Mac(Hmac<Sha256>);

impl std::fmt::Debug for Mac {
    /// Shows nothing of the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mac")
    }
}

impl Mac {
    /// The MAC of a purpose under a key.
    pub fn new(key: &[u8; 32], purpose: &str) -> Self {
        let derived = keyed(key).chain_update(purpose).finalize().into_bytes();
        Mac(keyed(&derived.into()))
    }

    /// The first `N` (at most 32) octets of the MAC over the parts. Each part is preceded by its
    /// length, so that no octet can move from one part to its neighbour.
    pub fn over<const N: usize>(&self, parts: &[&[u8]]) -> [u8; N] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        short(mac)
    }

    /// The same over one string of octets, whose parts the caller keeps apart: no length goes into it.
    pub(crate) fn of<const N: usize>(&self, octets: &[u8]) -> [u8; N] {
        short(self.0.clone().chain_update(octets))
    }

    /// A number that stands for the parts in a table's key.
    pub fn number(&self, parts: &[&[u8]]) -> u64 {
        u64::from_be_bytes(self.over(parts))
    }
}

/// Makes numbers of names under a secret (SipHash), for the keys of tables: strangers can find no two names
/// with one number. What must not be forged is made by a [`Mac`].
#[derive(Clone)]
pub(crate) struct Numbers(DefaultHasher);

impl std::fmt::Debug for Numbers {
    /// Shows nothing of the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Numbers")
    }
}

impl Numbers {
    /// Those of a purpose under a key.
    pub(crate) fn new(key: &[u8; 32], purpose: &str) -> Self {
        let secret: [u8; 32] = Mac::new(key, purpose).over(&[]);
        let mut hasher = DefaultHasher::new();
        hasher.write(&secret);
        Numbers(hasher)
    }

    /// The number of these parts; none can move an octet to its neighbour. Lists of the same number of parts are
    /// told apart.
    pub(crate) fn number<const N: usize>(&self, parts: [&[u8]; N]) -> u64 {
        let mut hasher = self.0.clone();
        for part in parts {
            hasher.write(part);
        }
        usize::hash_slice(&parts.map(<[u8]>::len), &mut hasher);
        hasher.finish()
    }
}

/// The first octets of a MAC.
fn short<const N: usize>(mac: Hmac<Sha256>) -> [u8; N] {
    const { assert!(N <= 32) };
    let mut short = [0; N];
    for (to, from) in short.iter_mut().zip(mac.finalize().into_bytes()) {
        *to = from;
    }
    short
}

/// HMAC takes a key of any length; the one way to fail does not exist.
#[allow(clippy::expect_used)]
fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("a key of any length is taken")
}

/// Whether two MACs are the same, in a time that does not tell where they differ.
pub fn same(one: &[u8], two: &[u8]) -> bool {
    bool::from(one.ct_eq(two))
}

/// Without an `e`, so that no text spells `CSeq`, as one of a million tags would: there are programs (SIPp) that take
/// the first such four octets of a message for the header.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcd.fghijklmnopqrstuvwxyz0123456789-_";

/// The six bits of each character of [`ALPHABET`]; of every other octet, more than fit.
static SIX_BITS: [u8; 256] = six_bits();

#[allow(clippy::indexing_slicing)] // evaluated by the compiler alone
const fn six_bits() -> [u8; 256] {
    let mut values = [u8::MAX; 256];
    let mut value = 0;
    while value < ALPHABET.len() {
        values[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    values
}

/// Characters of so many octets as text.
pub const fn text_len(octets: usize) -> usize {
    (octets * 8).div_ceil(6)
}

/// Writes the octets into `out` as text, and gives the part that was filled: four characters of a URI's
/// `unreserved` for three octets, two or three for what is left. Nothing, if it does not fit.
pub fn encode<'a>(octets: &[u8], out: &'a mut [u8]) -> &'a [u8] {
    let Some(filled) = out.get_mut(..text_len(octets.len())) else { return &[] };
    let (whole, rest) = octets.as_chunks::<3>();
    let (fours, last) = filled.as_chunks_mut::<4>();
    for (four, three) in fours.iter_mut().zip(whole) {
        *four = characters(*three);
    }
    let mut three = [0; 3];
    three.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    last.iter_mut().zip(characters(three)).for_each(|(to, from)| *to = from);
    filled
}

fn characters([one, two, three]: [u8; 3]) -> [u8; 4] {
    // Six bits are below 64.
    #[allow(clippy::indexing_slicing)]
    [one >> 2, one << 4 | two >> 4, two << 2 | three >> 6, three].map(|bits| ALPHABET[usize::from(bits & 63)])
}

/// Reads what [`encode`] wrote into `out`, and gives the part that was filled. `None` if it does not
/// fit or is no such text; every octet string has one text only.
pub fn decode<'a>(text: &[u8], out: &'a mut [u8]) -> Option<&'a [u8]> {
    let (whole, rest) = text.as_chunks::<4>();
    let left = match rest.len() {
        0 => 0,
        characters => characters.checked_sub(1).filter(|octets| *octets > 0)?,
    };
    let filled = out.get_mut(..whole.len() * 3 + left)?;
    let (threes, last) = filled.as_chunks_mut::<3>();
    for (three, four) in threes.iter_mut().zip(whole) {
        *three = octets(*four)?;
    }
    if !rest.is_empty() {
        let mut four = *b"AAAA";
        four.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        let three = octets(four)?;
        let (held, surplus) = three.split_at_checked(left)?;
        if surplus.iter().any(|octet| *octet != 0) {
            return None; // bits that no octet holds
        }
        last.copy_from_slice(held);
    }
    Some(filled)
}

fn octets(four: [u8; 4]) -> Option<[u8; 3]> {
    #[allow(clippy::indexing_slicing)] // 256 entries, one for each octet
    let [a, b, c, d] = four.map(|character| SIX_BITS[usize::from(character)]);
    (a | b | c | d < 64).then_some([a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_shown() {
        assert_eq!(format!("{:?}", Mac::new(&[65; 32], "a")), "Mac");
        assert_eq!(format!("{:?}", Numbers::new(&[65; 32], "a")), "Numbers");
        assert_eq!(format!("{:?}", crate::Keys { nonce: [65; 32], dialog: [65; 32] }), "Keys");
    }

    #[test]
    fn a_number_is_that_of_its_parts_in_their_places_under_its_secret() {
        let numbers = Numbers::new(&[1; 32], "a");
        assert_eq!(numbers.number([b"ab", b"c"]), numbers.number([b"ab", b"c"]));
        assert_ne!(numbers.number([b"ab", b"c"]), numbers.number([b"a", b"bc"]));
        assert_ne!(numbers.number([b"x"]), Numbers::new(&[2; 32], "a").number([b"x"]));
        assert_ne!(numbers.number([b"x"]), Numbers::new(&[1; 32], "b").number([b"x"]));
    }

    #[test]
    fn octets_survive_the_text_and_no_other_text_gives_them() {
        for len in 0..40u8 {
            let octets: Vec<u8> = (0..len).map(|octet| octet.wrapping_mul(37)).collect();
            let (mut room, mut back) = ([0; text_len(40)], [0; 40]);
            let text = encode(&octets, &mut room);
            assert_eq!((text.len(), decode(text, &mut back)), (text_len(octets.len()), Some(&octets[..])));
            assert!(text.iter().all(|character| ALPHABET.contains(character)));
            if len > 0 {
                let mut small = vec![0; usize::from(len) - 1];
                assert_eq!(decode(text, &mut small), None);
                assert_eq!(encode(&octets, &mut small), b"");
            }
        }
        assert_eq!(encode(&[0, 16, 131, 16, 81, 135, 32], &mut [0; 10]), b"ABCDEFGHIA");
        assert_eq!(encode(&[9, 39, 170], &mut [0; 4]), b"CS.q", "and never the name of a header");
        let mut room = [0; 8];
        for bad in ["A", "AAAAA", "AB", "AAB", "A=", "AA+A", "é"] {
            assert_eq!(decode(bad.as_bytes(), &mut room), None, "{bad}");
        }
    }

    #[test]
    fn a_mac_tells_purposes_keys_and_parts_apart() {
        let mac = Mac::new(&[1; 32], "a");
        let of = |mac: &Mac, parts: &[&[u8]]| mac.over::<12>(parts);
        assert_eq!(of(&mac, &[b"x", b"y"]), of(&Mac::new(&[1; 32], "a"), &[b"x", b"y"]));
        assert!(same(&of(&mac, &[b"x"]), &of(&mac, &[b"x"])));
        for other in
            [of(&mac, &[b"xy"]), of(&mac, &[b"", b"xy"]), of(&Mac::new(&[2; 32], "a"), &[b"x", b"y"])]
        {
            assert!(!same(&of(&mac, &[b"x", b"y"]), &other));
        }
        assert_ne!(mac.number(&[b"x"]), Mac::new(&[1; 32], "b").number(&[b"x"]));
    }
}
