//! Provisional answers that arrive: RSeq, RAck (RFC 3262 §7). When to send them is core/session's.

use crate::error::HeaderError;
use crate::header::Header;
use crate::header::cseq::CSeq;
use crate::header::reason::space;
use crate::header::wraps::numbers;
use crate::name::HeaderName;
use crate::scan::Scanner;

fn response_number(scanner: &mut Scanner<'_>) -> Result<u32, HeaderError> {
    scanner.number()
}

numbers! { response_number:
    /// The number of a reliable provisional answer, 1 to 2**32-1 (RFC 3262 §7.1).
    RSeq(u32),
}

/// Which answer a PRACK confirms: `776656 1 INVITE` (RFC 3262 §7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RAck<'a> {
    /// The answer's RSeq.
    pub response: u32,
    /// The answer's CSeq.
    pub cseq: CSeq<'a>,
}

impl<'a> Header<'a> for RAck<'a> {
    const NAME: HeaderName = HeaderName::RAck;

    fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        let mut scanner = Scanner::new(value);
        scanner.skip_lws();
        let response = scanner.number()?;
        space(&mut scanner)?;
        let cseq = CSeq::decode(scanner.rest()).map_err(|error| error.shifted(scanner.at()))?;
        Ok(RAck { response, cseq })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.response.to_string().as_bytes());
        out.push(b' ');
        self.cseq.encode(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confirmation_names_the_answer() {
        // tests rfc3262 §7.1, §7.2
        assert_eq!(RSeq::decode(b"988789"), Ok(RSeq(988_789)));
        let rack = RAck::decode(b"776656 1 INVITE").unwrap();
        assert_eq!((rack.response, rack.cseq), (776_656, CSeq { number: 1, method: b"INVITE" }));
        assert_eq!(rack.to_value(), b"776656 1 INVITE");
        for (bad, at) in
            [("", 0), ("1", 1), ("1 1", 3), ("1 x INVITE", 2), ("4294967296 1 INVITE", 0), ("1 1 A B", 6)]
        {
            assert_eq!(RAck::decode(bad.as_bytes()).unwrap_err().at(), at, "{bad}");
        }
    }
}
