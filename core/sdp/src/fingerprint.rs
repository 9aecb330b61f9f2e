//! `a=fingerprint` and `a=setup`: the certificate of DTLS and who begins (RFC 8122 §5, RFC 5763 §5).
//!
//! They are carried here; DTLS itself is the media engine's.

use std::fmt;

use crate::section::Attribute;

/// `a=fingerprint`: the hash of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// `sha-256`, as it is written.
    pub hash: String,
    /// Its octets.
    pub octets: Vec<u8>,
}

impl Attribute for Fingerprint {
    const NAME: &'static str = "fingerprint";
    const EXPECTED: &'static str = "`a=fingerprint:<hash> <octets in hex, parted by colons>`";

    fn parse(value: &str) -> Option<Fingerprint> {
        // rfc8122 §5
        let (hash, octets) = value.trim().split_once(' ')?;
        let is_hex = |pair: &str| pair.len() == 2 && pair.bytes().all(|letter| letter.is_ascii_hexdigit());
        let octet = |pair: &str| is_hex(pair).then(|| u8::from_str_radix(pair, 16).ok()).flatten();
        let octets = octets.trim_start().split(':').map(octet).collect::<Option<_>>()?;
        Some(Fingerprint { hash: hash.to_owned(), octets })
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.hash)?;
        for (at, octet) in self.octets.iter().enumerate() {
            let parting = if at == 0 { "" } else { ":" };
            write!(f, "{parting}{octet:02X}")?;
        }
        Ok(())
    }
}

/// `a=setup`: who opens the association (RFC 4145, RFC 5763 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Setup {
    /// Who says it opens.
    Active,
    /// Who says it waits.
    Passive,
    /// Either; the answer chooses.
    ActPass,
    /// Nobody yet.
    HoldConn,
}

impl Attribute for Setup {
    const NAME: &'static str = "setup";
    const EXPECTED: &'static str = "`a=setup:` active, passive, actpass or holdconn";

    fn parse(value: &str) -> Option<Setup> {
        match value.trim() {
            "active" => Some(Setup::Active),
            "passive" => Some(Setup::Passive),
            "actpass" => Some(Setup::ActPass),
            "holdconn" => Some(Setup::HoldConn),
            _ => None,
        }
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Setup::Active => "active",
            Setup::Passive => "passive",
            Setup::ActPass => "actpass",
            Setup::HoldConn => "holdconn",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_and_printed() {
        // tests rfc8122 §5
        let value = "sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB";
        assert_eq!(Fingerprint::parse(value).unwrap().to_string(), value);
        assert_eq!(Fingerprint::parse("sha-1 4a:0f").unwrap().octets, [0x4a, 0x0f]);
        for wrong in ["", "sha-1", "sha-1 4A:", "sha-1 4:A", "sha-1 +A", "sha-1 4A-AD"] {
            assert_eq!(Fingerprint::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn setup_is_read_and_printed() {
        for value in ["active", "passive", "actpass", "holdconn"] {
            assert_eq!(Setup::parse(value).unwrap().to_string(), value);
        }
        assert_eq!(Setup::parse("both"), None);
    }
}
