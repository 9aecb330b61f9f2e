//! `a=ptime` and `a=maxptime`: how much media a packet holds (RFC 8866 §6.4, §6.5).

use std::fmt;
use std::time::Duration;

use crate::section::Attribute;

/// What the attribute's value may be: beyond a minute is no packet.
const SECS_MAX: f64 = 60.0;

macro_rules! packet_time {
    ($type:ident, $name:literal, $says:literal) => {
        #[doc = $says]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $type(pub Duration);

        impl Attribute for $type {
            const NAME: &'static str = $name;
            const EXPECTED: &'static str = concat!("`a=", $name, ":<milliseconds>`, more than 0");

            fn parse(value: &str) -> Option<$type> {
                milliseconds(value).map($type)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                print(self.0, f)
            }
        }
    };
}

packet_time!(Ptime, "ptime", "`a=ptime`: how much media the packets should hold that one receives.");
packet_time!(MaxPtime, "maxptime", "`a=maxptime`: how much media the packets may hold that one receives.");

/// Whole milliseconds or, as audio over Ethernet has them, parts of one. Zero is none (RFC 3264 §5.1).
fn milliseconds(value: &str) -> Option<Duration> {
    // rfc8866 §6.4, §6.5
    let value = value.trim();
    if value.is_empty() || !value.bytes().all(|octet| octet.is_ascii_digit() || octet == b'.') {
        return None;
    }
    let seconds = value.parse::<f64>().ok()? / 1e3;
    let micros = (seconds * 1e6).round();
    (micros >= 1.0 && seconds <= SECS_MAX).then(|| Duration::from_micros(micros as u64)) // rfc3264 §5.1
}

fn print(time: Duration, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let micros = time.as_micros();
    let (whole, part) = (micros / 1_000, micros % 1_000);
    if part == 0 {
        return write!(f, "{whole}");
    }
    write!(f, "{whole}.{}", format!("{part:03}").trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packet_times_are_read_and_printed() {
        // tests rfc8866 §6.4, §6.5, rfc3264 §5.1
        assert_eq!(Ptime::parse("20"), Some(Ptime(Duration::from_millis(20))));
        assert_eq!(Ptime::parse("0.125").unwrap().to_string(), "0.125");
        assert_eq!(MaxPtime::parse("2.50").unwrap().to_string(), "2.5");
        for wrong in ["", "0", "-20", "x", "1e3", "1.2.3", "600000"] {
            assert_eq!(Ptime::parse(wrong), None, "{wrong}");
        }
    }
}
