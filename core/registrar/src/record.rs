//! The bindings of an address-of-record as octets, to be kept over a restart (DESIGN section 5).
//!
//! ```text
//! version (1) | for each: ends at (8) | CSeq (4) | q (2) | five ends of texts (10) | length (2) | texts
//! ```
//!
//! All numbers are little-endian; the texts stand as in RAM. When a binding ends is wall-clock time in
//! microseconds since 1970: a [`Tick`] means nothing to the next start.
//!
//! Not here: where the octets are kept and whether they are sound (the store), which address-of-record
//! they belong to (its key).

use std::fmt;
use std::time::Duration;

use ruf_message::Tick;

use crate::binding::{Binding, Bindings};

/// The only version so far. Whoever changes the layout, here or of a [`Binding`], writes another.
const VERSION: u8 = 1;

/// Where ticks stand in wall-clock time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// The time at [`Tick::ZERO`], in microseconds since 1970.
    pub zero_micros: u64,
}

/// These octets are no bindings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoBindings;

impl fmt::Display for NoBindings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("they are no bindings of this version")
    }
}

impl std::error::Error for NoBindings {}

/// Appends these bindings to `out`.
pub fn encode(bindings: &[Binding], epoch: Epoch, out: &mut Vec<u8>) {
    out.push(VERSION);
    for binding in bindings {
        let (expires, cseq, q, ends, texts) = binding.parts();
        out.extend_from_slice(&epoch.zero_micros.saturating_add(expires.as_micros()).to_le_bytes());
        out.extend_from_slice(&cseq.to_le_bytes());
        out.extend_from_slice(&q.to_le_bytes());
        for end in ends {
            out.extend_from_slice(&end.to_le_bytes());
        }
        // Ends are numbers of 16 bits, and the last text is bounded with the others.
        out.extend_from_slice(&u16::try_from(texts.len()).unwrap_or(u16::MAX).to_le_bytes());
        out.extend_from_slice(texts);
    }
}

/// The bindings among these octets that are live at `now`.
///
/// None lives longer than it was granted for, whatever the clock says: one that was set back prolongs
/// nothing.
///
/// # Errors
/// [`NoBindings`], and nothing is to be used.
pub fn decode(octets: &[u8], epoch: Epoch, now: Tick) -> Result<Bindings, NoBindings> {
    let mut rest = match octets.split_first() {
        Some((&VERSION, rest)) => rest,
        Some(_) | None => return Err(NoBindings),
    };
    let mut bindings = Bindings::new();
    while !rest.is_empty() {
        let ends_at = u64::from_le_bytes(take(&mut rest)?);
        let cseq = u32::from_le_bytes(take(&mut rest)?);
        let q = u16::from_le_bytes(take(&mut rest)?);
        let mut ends = [0; 5];
        for end in &mut ends {
            *end = u16::from_le_bytes(take(&mut rest)?);
        }
        let length = u16::from_le_bytes(take(&mut rest)?);
        let (texts, after) = rest.split_at_checked(usize::from(length)).ok_or(NoBindings)?;
        rest = after;
        let expires = Tick::from_micros(ends_at.saturating_sub(epoch.zero_micros));
        let mut binding = Binding::from_parts(expires, cseq, q, ends, texts).ok_or(NoBindings)?;
        binding.end_by(now + Duration::from_secs(binding.granted_secs().into()));
        if binding.is_live(now) {
            bindings.push(binding);
        }
    }
    Ok(bindings)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], NoBindings> {
    let (taken, after) = rest.split_first_chunk().ok_or(NoBindings)?;
    *rest = after;
    Ok(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binding::Fresh;
    use ruf_message::{Flow, Transport, Uri};

    /// 2026, by a clock that is right.
    const EPOCH: Epoch = Epoch { zero_micros: 1_790_000_000_000_000 };
    const DAY: u64 = 86_400_000_000;

    fn secs(secs: u64) -> Tick {
        Tick::from_micros(secs * 1_000_000)
    }

    fn binding(number: u64, transport: Transport, ends: Tick) -> Binding {
        let uri: Uri = format!("sip:{number}@[2001:db8::1]:5070;transport=tcp").parse().unwrap();
        let ip = "[2001:db8::9]:5060".parse().unwrap();
        let fresh = Fresh {
            contact: uri.as_ref(),
            flow: Flow { transport, listener: 3, local: ip, remote: ip, connection: number },
            expires: ends,
            granted_secs: 3_600,
            is_outbound: true,
            run: Some(7),
            q: 500,
            call_id: b"call",
            cseq: 9,
            params: b";+sip.instance=\"<urn:uuid:1>\";reg-id=1",
            user_agent: b"phone",
            path: b"<sip:edge.example;lr>",
        };
        Binding::new(&fresh, 1_000).unwrap()
    }

    fn two() -> Bindings {
        smallvec::smallvec![binding(1, Transport::Udp, secs(600)), binding(2, Transport::Wss, secs(4_000))]
    }

    fn encoded(bindings: &[Binding]) -> Vec<u8> {
        let mut octets = Vec::new();
        encode(bindings, EPOCH, &mut octets);
        octets
    }

    #[test]
    fn what_is_written_is_read_back_by_another_start() {
        let octets = encoded(&two());
        assert_eq!(decode(&octets, EPOCH, secs(500)).unwrap(), two());
        // The next start, 550 s later.
        let later = Epoch { zero_micros: EPOCH.zero_micros + 550_000_000 };
        let read = decode(&octets, later, Tick::ZERO).unwrap();
        let left: Vec<u64> = read.iter().map(|binding| binding.remaining_secs(Tick::ZERO)).collect();
        assert_eq!(left, [50, 3_450]);
        assert_eq!(read[1].flow(), two()[1].flow());
        assert_eq!((read[0].path(), read[0].instance()), (two()[0].path(), two()[0].instance()));
    }

    #[test]
    fn what_has_ended_is_not_read() {
        let octets = encoded(&two());
        assert_eq!(decode(&octets, EPOCH, secs(600)).unwrap().len(), 1);
        assert_eq!(decode(&octets, EPOCH, secs(4_000)).unwrap().as_slice(), []);
        assert_eq!(decode(&encoded(&[]), EPOCH, Tick::ZERO).unwrap().as_slice(), []);
    }

    #[test]
    fn a_clock_that_was_set_back_a_day_prolongs_nothing() {
        let back = Epoch { zero_micros: EPOCH.zero_micros - DAY };
        let read = decode(&encoded(&two()), back, Tick::ZERO).unwrap();
        assert!(read.iter().all(|binding| binding.remaining_secs(Tick::ZERO) == 3_600));
    }

    #[test]
    fn what_is_no_record_says_so() {
        assert_eq!(NoBindings.to_string(), "they are no bindings of this version");
    }

    #[test]
    fn what_is_no_record_is_refused_whole() {
        let whole = encoded(&two());
        for end in 0..whole.len() {
            let read = decode(&whole[..end], EPOCH, Tick::ZERO);
            assert!(read.is_err() || read.is_ok_and(|read| read.len() < 2), "{end}");
        }
        let mut newer = whole.clone();
        newer[0] = VERSION + 1;
        assert_eq!(decode(&newer, EPOCH, Tick::ZERO), Err(NoBindings));
        for at in 1..whole.len() {
            let mut odd = whole.clone();
            odd[at] ^= 0xff;
            // Whatever it makes of it, it does not fall over.
            drop(decode(&odd, EPOCH, Tick::ZERO).map(|read| format!("{read:?}")));
        }
    }
}
