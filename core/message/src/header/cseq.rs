//! CSeq (RFC 3261 §20.16).

use crate::error::HeaderError;
use crate::header::Header;
use crate::limits::CSEQ_MAX;
use crate::name::HeaderName;
use crate::scan::Scanner;

/// `314159 INVITE`: the number and method of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CSeq<'a> {
    /// Below 2**31.
    pub number: u32,
    /// The method's token.
    pub method: &'a [u8],
}

impl<'a> Header<'a> for CSeq<'a> {
    const NAME: HeaderName = HeaderName::CSeq;

    #[inline]
    fn decode(value: &'a [u8]) -> Result<Self, HeaderError> {
        let mut scanner = Scanner::new(value);
        scanner.skip_lws();
        let start = scanner.at();
        let number = scanner.number()?;
        // rfc3261 §8.1.1.5
        if number > CSEQ_MAX {
            return Err(HeaderError::new(start, "a number below 2**31"));
        }
        let digits = scanner.at();
        scanner.skip_lws();
        if scanner.at() == digits {
            return Err(scanner.expected("a space before the method"));
        }
        let method = scanner.token()?;
        scanner.end()?;
        Ok(CSeq { number, method })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.number.to_string().as_bytes());
        out.push(b' ');
        out.extend(self.method);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_zeros_and_folds_are_read() {
        // tests rfc4475 §3.1.1.1
        let cseq = CSeq::decode(b" 0009\r\n  INVITE").unwrap();
        assert_eq!((cseq.number, cseq.method), (9, &b"INVITE"[..]));
        assert_eq!(cseq.to_value(), b"9 INVITE");
    }

    #[test]
    fn numbers_stay_below_2_to_the_31() {
        // tests rfc3261 §8.1.1.5 and rfc4475 §3.1.2.4
        assert!(CSeq::decode(b"2147483647 ACK").is_ok());
        for bad in [
            &b"2147483648 ACK"[..],
            b"36893488147419103232 REGISTER",
            b"INVITE",
            b"1INVITE",
            b"1 ",
            b"-1 ACK",
            b"1 A B",
        ] {
            assert!(CSeq::decode(bad).is_err(), "{}", bad.escape_ascii());
        }
    }
}
