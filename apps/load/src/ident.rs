//! Which unit a message belongs to, written into its Call-ID and its branch, so that an answer finds
//! its unit without a table to look it up in (RFC 3261 §8.1.1.7, §17.1.3).

use std::io::Write;

/// What every branch begins with.
// rfc3261 §8.1.1.7
const MAGIC: &[u8] = b"z9hG4bK";

/// A unit: its place in the table, and which of the units that had this place in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ident {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

impl Ident {
    /// Appends it: a Call-ID, and the middle of a branch.
    pub(crate) fn write(self, run: &str, out: &mut Vec<u8>) {
        // To a vector: cannot fail.
        let _ = write!(out, "{run}.{:x}.{:x}", self.slot, self.generation);
    }

    /// Reads a Call-ID of this run.
    pub(crate) fn of_call_id(run: &str, call_id: &[u8]) -> Option<Ident> {
        let (ident, rest) = read(run, call_id)?;
        rest.is_empty().then_some(ident)
    }

    /// Reads a branch of this run.
    pub(crate) fn of_branch(run: &str, branch: &[u8]) -> Option<Ident> {
        let (ident, rest) = read(run, branch.strip_prefix(MAGIC)?)?;
        rest.starts_with(b".").then_some(ident)
    }
}

/// Appends the branch of a transaction of a unit. The ACK to a 2xx is one of its own.
pub(crate) fn write_branch(run: &str, ident: Ident, cseq: u32, is_ack: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(MAGIC);
    ident.write(run, out);
    let _ = write!(out, ".{cseq:x}{}", if is_ack { "a" } else { "" }); // to a vector: cannot fail
}

fn read<'a>(run: &str, text: &'a [u8]) -> Option<(Ident, &'a [u8])> {
    let rest = text.strip_prefix(run.as_bytes())?.strip_prefix(b".")?;
    let (slot, rest) = hexadecimal(rest)?;
    let (generation, rest) = hexadecimal(rest.strip_prefix(b".")?)?;
    Some((Ident { slot, generation }, rest))
}

fn hexadecimal(text: &[u8]) -> Option<(u32, &[u8])> {
    let end = text.iter().position(|octet| !octet.is_ascii_hexdigit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    let number = u32::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_read_back_from_its_call_id_and_its_branches() {
        let ident = Ident { slot: 0xabc, generation: u32::MAX };
        let mut call_id = Vec::new();
        ident.write("run", &mut call_id);
        assert_eq!(Ident::of_call_id("run", &call_id), Some(ident));
        for is_ack in [false, true] {
            let mut branch = Vec::new();
            write_branch("run", ident, 10, is_ack, &mut branch);
            assert!(branch.starts_with(b"z9hG4bK"));
            assert_eq!(Ident::of_branch("run", &branch), Some(ident));
        }
    }

    #[test]
    fn what_another_run_or_another_program_wrote_is_nobodys() {
        for text in ["run", "run.", "run.1", "run.1.", "run.1.1x", "run.1.100000000", "nur.1.1", ""] {
            assert_eq!(Ident::of_call_id("run", text.as_bytes()), None, "{text}");
        }
        for text in ["run.1.1.1", "z9hG4bKrun.1.1", "z9hG4bKrun.1.-1.1"] {
            assert_eq!(Ident::of_branch("run", text.as_bytes()), None, "{text}");
        }
    }
}
