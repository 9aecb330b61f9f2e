//! Which unit a message belongs to, written into its Call-ID and its branch, so that an answer finds
//! its unit without a table to look it up in (RFC 3261 §8.1.1.7, §17.1.3).

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
        out.extend_from_slice(run.as_bytes());
        out.push(b'.');
        put_number(self.slot, 16, out);
        out.push(b'.');
        put_number(self.generation, 16, out);
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
    out.push(b'.');
    put_number(cseq, 16, out);
    out.extend_from_slice(if is_ack { b"a" } else { b"" });
}

/// Appends a number to this base, at most 16. The formatting of the library costs several times that.
pub(crate) fn put_number(number: u32, base: u32, out: &mut Vec<u8>) {
    let start = out.len();
    let mut rest = number;
    loop {
        let digit = char::from_digit(rest % base, base).unwrap_or('0'); // it is below the base
        out.push(digit as u8);
        rest /= base;
        if rest == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
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
    fn numbers_are_written_as_everybody_writes_them() {
        for number in [0, 1, 9, 10, 15, 16, 255, 4_711, u32::MAX] {
            let mut out = Vec::new();
            put_number(number, 10, &mut out);
            out.push(b' ');
            put_number(number, 16, &mut out);
            assert_eq!(out, format!("{number} {number:x}").into_bytes());
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
