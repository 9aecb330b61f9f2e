//! A record as it stands in the journal and in its fold: a frame that is found again behind damage.
//!
//! ```text
//! mark (4) | bytes of the key (2) | bytes of the value (4), or all ones: removed | sum (4) | key | value
//! ```
//!
//! The sum covers everything behind it and the lengths before it. What a reader cannot make sense of it
//! skips, to the next frame whose sum is right.

/// Begins every frame.
const MARK: [u8; 4] = *b"\xf7Ruf";
const HEAD_BYTES: usize = 4 + 2 + 4 + 4;
/// In place of a value's length: the key is removed.
const REMOVED: u32 = u32::MAX;

/// One record, borrowed from its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Framed<'a> {
    pub(crate) key: &'a [u8],
    /// `None`: the key is removed.
    pub(crate) value: Option<&'a [u8]>,
    /// The whole frame.
    pub(crate) frame: &'a [u8],
}

/// Writes a frame whose value `write` appends.
pub(crate) fn put(key: &[u8], write: impl FnOnce(&mut Vec<u8>), out: &mut Vec<u8>) {
    let start = open(key, out);
    let value_at = out.len();
    write(out);
    // A value is far below 4 GiB: `VALUE_BYTES_MAX` is checked before it is kept.
    let length = u32::try_from(out.len() - value_at).unwrap_or(REMOVED - 1);
    close(start, length, out);
}

/// Writes a frame that removes its key.
pub(crate) fn remove(key: &[u8], out: &mut Vec<u8>) {
    let start = open(key, out);
    close(start, REMOVED, out);
}

fn open(key: &[u8], out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.extend_from_slice(&MARK);
    // A key is at most `KEY_BYTES_MAX`, which is checked before.
    out.extend_from_slice(&u16::try_from(key.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(key);
    start
}

fn close(start: usize, value_length: u32, out: &mut [u8]) {
    let Some(frame) = out.get_mut(start..) else { return };
    let Some((head, rest)) = frame.split_first_chunk_mut::<HEAD_BYTES>() else { return };
    head[6..10].copy_from_slice(&value_length.to_le_bytes());
    let sum = sum(&head[4..10], rest);
    head[10..].copy_from_slice(&sum.to_le_bytes());
}

/// Shows every sound frame in `bytes` to `visit`, in order; returns how many octets made no sense.
pub(crate) fn read<'a>(bytes: &'a [u8], mut visit: impl FnMut(Framed<'a>)) -> usize {
    let (mut rest, mut skipped) = (bytes, 0);
    while let Some((_, after)) = rest.split_first() {
        match first(rest) {
            Some(framed) => {
                visit(framed);
                rest = rest.get(framed.frame.len()..).unwrap_or_default();
            }
            None => {
                skipped += 1;
                rest = after;
            }
        }
    }
    skipped
}

/// The sound frame that `bytes` begins with.
fn first(bytes: &[u8]) -> Option<Framed<'_>> {
    let head = bytes.first_chunk::<HEAD_BYTES>().filter(|head| head.starts_with(&MARK))?;
    let key_length = usize::from(u16::from_le_bytes([head[4], head[5]]));
    let value_length = u32::from_le_bytes([head[6], head[7], head[8], head[9]]);
    let is_removed = value_length == REMOVED;
    let value_bytes = if is_removed { 0 } else { usize::try_from(value_length).ok()? };
    let frame = bytes.get(..HEAD_BYTES.checked_add(key_length)?.checked_add(value_bytes)?)?;
    let (_, body) = frame.split_at_checked(HEAD_BYTES)?;
    if sum(&head[4..10], body).to_le_bytes() != head[10..] {
        return None;
    }
    let (key, value) = body.split_at_checked(key_length)?;
    Some(Framed { key, value: (!is_removed).then_some(value), frame })
}

/// Every step is a bijection of what came before, so no single damaged word goes unseen.
fn sum(head: &[u8], body: &[u8]) -> u32 {
    const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;
    let step = |hash: u64, word: u64| {
        let hash = (hash ^ word).wrapping_mul(PRIME);
        hash ^ (hash >> 29)
    };
    let mut hash = head.iter().fold(PRIME, |hash, octet| step(hash, u64::from(*octet)));
    let (words, rest) = body.as_chunks::<8>();
    for word in words {
        hash = step(hash, u64::from_le_bytes(*word));
    }
    for octet in rest {
        hash = step(hash, u64::from(*octet));
    }
    (hash ^ (hash >> 32)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    type Seen = Vec<(Vec<u8>, Option<Vec<u8>>)>;

    fn three() -> Vec<u8> {
        let mut bytes = Vec::new();
        put(b"alice", |out| out.extend_from_slice(b"at home, or so it seems"), &mut bytes);
        remove(b"bob", &mut bytes);
        put(b"carol", |_| {}, &mut bytes);
        bytes
    }

    fn seen(bytes: &[u8]) -> (Seen, usize) {
        let mut seen = Vec::new();
        let skipped =
            read(bytes, |framed| seen.push((framed.key.to_vec(), framed.value.map(<[u8]>::to_vec))));
        (seen, skipped)
    }

    #[test]
    fn what_is_written_is_read_in_order() {
        let (seen, skipped) = seen(&three());
        assert_eq!(skipped, 0);
        assert_eq!(
            seen,
            [
                (b"alice".to_vec(), Some(b"at home, or so it seems".to_vec())),
                (b"bob".to_vec(), None),
                (b"carol".to_vec(), Some(Vec::new())),
            ]
        );
    }

    #[test]
    fn one_damaged_octet_costs_one_record() {
        let whole = three();
        let (all, _) = seen(&whole);
        for at in 0..whole.len() {
            for flip in [1, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] ^= flip;
                let (left, skipped) = seen(&bytes);
                assert!(skipped > 0, "{at}");
                assert_eq!(left.len(), 2, "{at}");
                assert!(left.iter().all(|record| all.contains(record)), "{at}");
            }
        }
    }

    #[test]
    fn an_end_that_is_torn_off_costs_the_last_record() {
        let whole = three();
        for end in 0..whole.len() {
            let (left, _) = seen(&whole[..end]);
            assert!(left.len() < 3);
        }
        assert_eq!(seen(&[&whole[7..], &whole[..]].concat()).0.len(), 5, "and what follows is found again");
    }
}
