//! Branches that we mint: the magic cookie, then slot, generation and 64 random bits in hex; and behind
//! that the [`Mark`](crate::Mark) of a request that may loop, 64 bits.
//!
//! A response names its slot itself, so matching (RFC 3261 section 17.1.3) is an array access and
//! three comparisons; the random bits keep a stranger from guessing one. Not here: branches that
//! others mint (`matching.rs`).

use crate::slab::Id;

/// "z9hG4bK": the request was made by an element that follows RFC 3261.
pub(crate) const COOKIE: &[u8] = b"z9hG4bK"; // rfc3261 §8.1.1.7

const HEX: &[u8; 16] = b"0123456789abcdef";
const LEN: usize = COOKIE.len() + 32;
const MARKED_LEN: usize = LEN + 16;

/// Appends the branch of the client transaction `id`.
// rfc5393 §4.2.1 step 8: two parts, the first unique, the second of what routes the request
pub(crate) fn write(out: &mut Vec<u8>, id: Id, random: u64, mark: Option<u64>) {
    out.extend_from_slice(COOKIE);
    hex(out, u64::from(id.index) << 32 | u64::from(id.generation));
    hex(out, random);
    if let Some(mark) = mark {
        hex(out, mark);
    }
}

/// Appends the branch of a request that is sent without a transaction: never equal to one of
/// [`write()`], being shorter, and the same again for the same `key` (16.11).
pub(crate) fn write_stateless(out: &mut Vec<u8>, key: u64) {
    out.extend_from_slice(COOKIE);
    hex(out, key);
}

/// The slot and the random bits of a branch that [`write()`] made; `None` for any other.
pub(crate) fn read(branch: &[u8]) -> Option<(Id, u64)> {
    if branch.len() != LEN && branch.len() != MARKED_LEN {
        return None;
    }
    let digits = branch.strip_prefix(COOKIE)?;
    let (slot, rest) = digits.split_at_checked(16)?;
    let (random, mark) = rest.split_at_checked(16)?;
    let slot = unhex(slot)?;
    let id = Id { index: (slot >> 32) as u32, generation: slot as u32 };
    unhex(mark)?;
    Some((id, unhex(random)?))
}

/// The second part of a branch that may be ours.
pub(crate) fn mark(branch: &[u8]) -> Option<u64> {
    let marked = branch.len() == MARKED_LEN && branch.starts_with(COOKIE);
    unhex(branch.get(LEN..).filter(|_| marked)?)
}

fn hex(out: &mut Vec<u8>, value: u64) {
    #[expect(clippy::indexing_slicing, reason = "sixteen digits, and four bits")]
    let digit = |place: usize| HEX[(value >> (60 - 4 * place)) as usize & 15];
    out.extend_from_slice(&std::array::from_fn::<u8, 16, _>(digit));
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
        write(&mut out, ID, 0x0123_4567_89ab_cdef, None);
        assert_eq!(out, b"z9hG4bK01020304fffefdfc0123456789abcdef");
        assert_eq!((read(&out), mark(&out)), (Some((ID, 0x0123_4567_89ab_cdef)), None));
    }

    #[test]
    fn the_second_part_is_read_apart() {
        // tests rfc5393 §4.2.1 step 8
        let mut out = Vec::new();
        write(&mut out, ID, 0x0123_4567_89ab_cdef, Some(0xfedc_ba98_7654_3210));
        assert_eq!(out, b"z9hG4bK01020304fffefdfc0123456789abcdeffedcba9876543210");
        assert_eq!(read(&out), Some((ID, 0x0123_4567_89ab_cdef)));
        assert_eq!(mark(&out), Some(0xfedc_ba98_7654_3210));
        for foreign in [&out[1..], b"z9hG4bK", b"", &out.to_ascii_uppercase()] {
            assert_eq!((read(foreign), mark(foreign)), (None, None));
        }
        let other_cookie = [b"z9hG4bk", &out[COOKIE.len()..]].concat();
        let longer = [&out[..], b"00"].concat();
        assert_eq!((mark(&other_cookie), mark(&longer)), (None, None));
    }

    #[test]
    fn other_branches_are_not_ours() {
        let mut out = Vec::new();
        write(&mut out, ID, 7, None);
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
