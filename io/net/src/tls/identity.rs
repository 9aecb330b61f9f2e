//! Whose certificate it is, and whether a server is whom we looked for (RFC 5922 §7.1 to §7.3).
//!
//! The chain is built and judged by webpki; SIP's rule of names differs from the web's and is here:
//! a `sip` URI goes before DNS names, wildcards are never matched, and CN is not looked at.
//! What is presented by a client is not judged here: no peer is known by its certificate yet.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use ruf_message::{HostBuf, Scheme, Uri};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use x509_parser::extensions::GeneralName;

/// What a certificate says of itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Identities {
    /// The hosts of `sip` URIs.
    sip: Vec<HostBuf>,
    /// DNS names in lower case, wildcards among them.
    dns: Vec<String>,
    addresses: Vec<IpAddr>,
    /// Who issued it, as its distinguished name is written.
    pub(super) issuer: String,
    /// Seconds since 1970 between which it is valid.
    validity_secs: (i64, i64),
}

impl Identities {
    /// Reads them. The error is one clause of cause.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Result<Identities, String> {
        let (_, parsed) =
            x509_parser::parse_x509_certificate(certificate).map_err(|error| error.to_string())?;
        let validity = parsed.validity();
        let mut identities = Identities {
            issuer: parsed.issuer().to_string(),
            validity_secs: (validity.not_before.timestamp(), validity.not_after.timestamp()),
            ..Identities::default()
        };
        let names = parsed.subject_alternative_name().map_err(|error| error.to_string())?;
        for name in names.iter().flat_map(|extension| &extension.value.general_names) {
            match name {
                GeneralName::URI(uri) => identities.sip.extend(sip_domain(uri)),
                GeneralName::DNSName(name) => identities.dns.push(name.to_ascii_lowercase()),
                GeneralName::IPAddress(octets) => identities.addresses.extend(address(octets)),
                _ => {}
            }
        }
        Ok(identities)
    }

    /// Whether it is the certificate of this host, by SIP's rules.
    // rfc5922 §7.1 and §7.2
    pub(super) fn is_of(&self, host: &HostBuf) -> bool {
        if self.sip.contains(host) {
            return true;
        }
        match host {
            // A DNS name counts only where no `sip` URI is found.
            HostBuf::Name(name) => self.sip.is_empty() && self.dns.contains(name),
            HostBuf::V4(address) => self.addresses.contains(&IpAddr::V4(*address)),
            HostBuf::V6(address) => self.addresses.contains(&IpAddr::V6(*address)),
        }
    }

    /// Whether it may be shown for this host: by SIP's rules, or by a wildcard of one label, which many
    /// phones accept as browsers do.
    pub(super) fn speaks_for(&self, host: &HostBuf) -> bool {
        let by_wildcard = || match host {
            HostBuf::Name(name) => name.split_once('.').is_some_and(|(_, rest)| {
                self.dns.iter().any(|dns| dns.strip_prefix("*.").is_some_and(|suffix| suffix == rest))
            }),
            HostBuf::V4(_) | HostBuf::V6(_) => false,
        };
        self.is_of(host) || by_wildcard()
    }

    /// Whether these hosts, and no others, are named.
    pub(super) fn are_exactly(&self, hosts: &BTreeSet<HostBuf>) -> bool {
        self.dns.len() + self.addresses.len() == hosts.len() && hosts.iter().all(|host| self.is_of(host))
    }

    /// Its time is over.
    pub(super) fn is_over(&self, now: SystemTime) -> bool {
        unix_secs(now) > self.validity_secs.1
    }

    /// Its time has not come.
    pub(super) fn is_early(&self, now: SystemTime) -> bool {
        unix_secs(now) < self.validity_secs.0
    }

    /// Whether more than a third of its time is left.
    pub(super) fn is_fresh(&self, now: SystemTime) -> bool {
        let (from, to) = self.validity_secs;
        !self.is_early(now) && to.saturating_sub(unix_secs(now)).saturating_mul(3) > to.saturating_sub(from)
    }
}

/// The domain that a URI in a certificate names: `sip` alone, and nobody's user part.
// rfc5922 §7.1
fn sip_domain(uri: &str) -> Option<HostBuf> {
    let uri: Uri = uri.parse().ok()?;
    let uri = uri.as_ref();
    let is_domain = uri.scheme() == Scheme::Sip && uri.user().is_none();
    uri.host().filter(|_| is_domain).map(|host| host.to_owned())
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(|octets| Ipv4Addr::from(octets).into());
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(|octets| Ipv6Addr::from(octets).into())).ok()
}

fn unix_secs(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// Judges the certificate that a server shows: its chain by webpki, its name by RFC 5922.
#[derive(Debug)]
pub(super) struct SipVerifier {
    believed: RootCertStore,
    algorithms: WebPkiSupportedAlgorithms,
}

impl SipVerifier {
    /// A verifier that believes these authorities.
    pub(super) fn new(believed: RootCertStore, provider: &Arc<CryptoProvider>) -> SipVerifier {
        SipVerifier { believed, algorithms: provider.signature_verification_algorithms }
    }
}

impl ServerCertVerifier for SipVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let parsed = ParsedCertificate::try_from(certificate)?;
        verify_server_cert_signed_by_trust_anchor(
            &parsed,
            &self.believed,
            intermediates,
            now,
            self.algorithms.all,
        )?;
        let identities = Identities::of(certificate)
            .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        // rfc5922 §7.3
        match host(name) {
            Some(host) if identities.is_of(&host) => Ok(ServerCertVerified::assertion()),
            _ => Err(Error::InvalidCertificate(CertificateError::NotValidForName)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn host(name: &ServerName<'_>) -> Option<HostBuf> {
    match name {
        ServerName::DnsName(name) => Some(HostBuf::Name(name.as_ref().to_ascii_lowercase())),
        ServerName::IpAddress(address) => Some(IpAddr::from(*address).into()),
        _ => None,
    }
}
