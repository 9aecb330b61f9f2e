//! Branches that we mint: the magic cookie, then slot, generation and 64 random bits in hex.
//!
//! A response names its slot itself, so matching (RFC 3261 section 17.1.3) is an array access and
//! three comparisons; the random bits keep a stranger from guessing one. Not here: branches that
//! others mint (`matching.rs`).

use crate::slab::Id;

/// "z9hG4bK": the request was made by an element that follows RFC 3261.
pub(crate) const COOKIE: &[u8] = b"z9hG4bK"; // rfc3261 §8.1.1.7

const HEX: &[u8; 16] = b"0123456789abcdef";
const LEN: usize = COOKIE.len() + 32;

/// Appends the branch of the client transaction `id`.
pub(crate) fn write(out: &mut Vec<u8>, id: Id, random: u64) {
    out.extend_from_slice(COOKIE);
    hex(out, u64::from(id.index) << 32 | u64::from(id.generation));
    hex(out, random);
}

/// Appends the branch of a request that is sent without a transaction: never equal to one of
/// [`write()`], being shorter, and the same again for the same `key` (16.11).
pub(crate) fn write_stateless(out: &mut Vec<u8>, key: u64) {
    out.extend_from_slice(COOKIE);
    hex(out, key);
}

/// The slot and the random bits of a branch that [`write()`] made; `None` for any other.
pub(crate) fn read(branch: &[u8]) -> Option<(Id, u64)> {
    if branch.len() != LEN {
        return None;
    }
    let digits = branch.strip_prefix(COOKIE)?;
    let (slot, random) = digits.split_at_checked(16)?;
    let slot = unhex(slot)?;
    let id = Id { index: (slot >> 32) as u32, generation: slot as u32 };
    Some((id, unhex(random)?))
}

fn hex(out: &mut Vec<u8>, value: u64) {
    out.extend((0..16).rev().filter_map(|i| HEX.get((value >> (4 * i)) as usize & 15)));
}

/// Only lower case is read, so that equal values mean equal bytes.
fn unhex(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |value, &digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(value << 4 | u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Id = Id { index: 0x0102_0304, generation: 0xfffe_fdfc };

    #[test]
    fn a_branch_is_read_as_it_was_written() {
        let mut out = Vec::new();
        write(&mut out, ID, 0x0123_4567_89ab_cdef);
        assert_eq!(out, b"z9hG4bK01020304fffefdfc0123456789abcdef");
        assert_eq!(read(&out), Some((ID, 0x0123_4567_89ab_cdef)));
    }

    #[test]
    fn other_branches_are_not_ours() {
        let mut out = Vec::new();
        write(&mut out, ID, 7);
        assert_eq!(read(&out[1..]), None);
        assert_eq!(read(&out.to_ascii_uppercase()), None);
        out[20] = b'g';
        assert_eq!(read(&out), None);
        let mut stateless = Vec::new();
        write_stateless(&mut stateless, 7);
        assert_eq!(stateless, b"z9hG4bK0000000000000007");
        assert_eq!(read(&stateless), None);
        assert_eq!(read(b""), None);
    }
}
