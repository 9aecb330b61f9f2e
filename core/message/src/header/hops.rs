//! How far and how wide a request may go: Max-Forwards (RFC 3261 §20.22), Max-Breadth (RFC 5393
//! §5.3). Counting down is core/proxy's.

use crate::error::HeaderError;
use crate::header::wraps::numbers;
use crate::scan::Scanner;

fn hops(scanner: &mut Scanner<'_>) -> Result<u8, HeaderError> {
    let start = scanner.at();
    u8::try_from(scanner.number()?).map_err(|_| HeaderError::new(start, "at most 255 hops"))
}

fn branches(scanner: &mut Scanner<'_>) -> Result<u32, HeaderError> {
    scanner.number()
}

numbers! { hops:
    /// Hops that the request may still go (RFC 3261 §20.22).
    MaxForwards(u8),
}

numbers! { branches:
    /// Branches that the request may still have at one time (RFC 5393 §5.3).
    MaxBreadth(u32),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::Header;

    #[test]
    fn hops_end_at_255() {
        // tests rfc3261 §20.22, rfc4475 §3.1.2.4
        assert_eq!(MaxForwards::decode(b"0070").unwrap().to_value(), b"70");
        assert!(MaxForwards::decode(b"256").is_err() && MaxForwards::decode(b"").is_err());
    }

    #[test]
    fn breadth_is_a_number() {
        // tests rfc5393 §5.3
        assert_eq!(MaxBreadth::decode(b"60"), Ok(MaxBreadth(60)));
        assert!(MaxBreadth::decode(b"-1").is_err());
    }
}
