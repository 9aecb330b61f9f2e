//! Our own authority, and the certificates it issues: P-256, kept in a directory that only we may read.
//!
//! It is made at the first start and lives until 2049, so that phones need to be told of it once. Its
//! certificate is valid from a fixed date on: a machine whose clock is wrong at its first start makes the
//! same authority. Certificates of servers live 398 days, as long as phones and browsers accept, and
//! are kept and shown again until less than a third of that is left.
//!
//! | file | what |
//! | --- | --- |
//! | `ca.pem` | the authority's certificate, which phones can be told to trust |
//! | `ca.key` | its key |
//! | `NAME.pem`, `NAME.key` | the certificate of the domain NAME, and its key |

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use ruf_message::HostBuf;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;

use super::PemFiles;
use super::identity::Identities;
use super::pem::{self, CertificateError, Fault};

const DAY: Duration = Duration::from_secs(86_400);
/// How long a certificate of a server lives.
const SERVER_DAYS: u32 = 398;

/// Where the certificate of the authority of a directory is.
pub(super) fn certificate_file(directory: &Path) -> PathBuf {
    directory.join("ca.pem")
}

/// Our own authority, ready to issue.
pub(super) struct Authority {
    directory: PathBuf,
    certificate: CertificateDer<'static>,
    /// Its distinguished name, which no other authority bears.
    name: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// The authority of a directory; made, with the directory, where there is none.
    pub(super) fn open_or_make(directory: &Path) -> Result<Authority, CertificateError> {
        make_directory(directory).map_err(|error| Fault::Unwritable(error).of(directory))?;
        let (certificate, key) = (certificate_file(directory), directory.join("ca.key"));
        if !certificate.exists() {
            // A key without a certificate was never shown to anybody.
            let (certificate_text, key_text) =
                make().map_err(|error| Fault::NotIssued(error.to_string()).of(&certificate))?;
            pem::write(&key, &key_text)?;
            pem::write(&certificate, &certificate_text)?;
        }
        if !key.exists() {
            return Err(Fault::KeyLost.of(&key));
        }
        let text = fs::read_to_string(&key).map_err(|error| Fault::Unreadable(error).of(&key))?;
        let key = KeyPair::from_pem(&text).map_err(|error| Fault::Key(error.to_string()).of(&key))?;
        let malformed = |cause: String| Fault::Certificate(cause).of(&certificate);
        let first = pem::certificates(&certificate)?.into_iter().next();
        let der = first.ok_or_else(|| Fault::NoCertificate.of(&certificate))?;
        let name = Identities::of(&der).map_err(malformed)?.issuer;
        let issuer = Issuer::from_ca_cert_der(&der, key).map_err(|error| malformed(error.to_string()))?;
        Ok(Authority { directory: directory.to_owned(), certificate: der, name, issuer })
    }

    /// Its certificate.
    pub(super) fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The certificate of a domain with these names: the one that is kept, while it is fresh and names
    /// just these, else a new one.
    pub(super) fn certified(
        &self,
        domain: &HostBuf,
        names: &BTreeSet<HostBuf>,
        now: SystemTime,
        provider: &CryptoProvider,
    ) -> Result<CertifiedKey, CertificateError> {
        // A host has no slash in it; an IPv6 address has brackets.
        let file = |ending: &str| self.directory.join(format!("{domain}.{ending}"));
        let files = PemFiles { certificate: file("pem"), key: file("key") };
        if let Ok((kept, identities)) = pem::certified(&files, provider) {
            let is_ours = identities.issuer == self.name;
            if is_ours && identities.is_fresh(now) && identities.are_exactly(names) {
                return Ok(kept);
            }
        }
        let (certificate, key) = self
            .issue(domain, names, now)
            .map_err(|error| Fault::NotIssued(error.to_string()).of(&files.certificate))?;
        pem::write(&files.key, &key)?;
        pem::write(&files.certificate, &certificate)?;
        pem::certified(&files, provider).map(|(certified, _)| certified)
    }

    /// A certificate and its key, as PEM.
    fn issue(
        &self,
        domain: &HostBuf,
        names: &BTreeSet<HostBuf>,
        now: SystemTime,
    ) -> Result<(String, String), rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = called(&domain.to_string());
        params.subject_alt_names = names.iter().map(alternative_name).collect::<Result<_, _>>()?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        // As a client too: a peer may ask who opens a connection to it.
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        // A phone's clock may be behind ours.
        let from = now.checked_sub(DAY).unwrap_or(now);
        params.not_before = from.into();
        params.not_after = (from + DAY * SERVER_DAYS).into();
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok((certificate.pem(), key.serialize_pem()))
    }
}

/// A new authority: its certificate and its key, as PEM.
fn make() -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    // Two authorities of the same name would be mistaken for each other by whoever trusts both.
    let mark: String =
        params.key_identifier(&key).iter().take(4).map(|octet| format!("{octet:02x}")).collect();
    params.distinguished_name = called(&format!("Ruf own authority {mark}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
}

fn called(name: &str) -> DistinguishedName {
    let mut called = DistinguishedName::new();
    // A common name has 64 characters at most; what counts is the alternative name.
    called.push(DnType::CommonName, name.chars().take(64).collect::<String>());
    called
}

fn alternative_name(host: &HostBuf) -> Result<SanType, rcgen::Error> {
    match host.ip() {
        Some(address) => Ok(SanType::IpAddress(address)),
        None => Ok(SanType::DnsName(host.to_string().try_into()?)),
    }
}

fn make_directory(directory: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    fs::set_permissions(directory, Permissions::from_mode(0o700))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory that is gone with the test.
    struct Place(PathBuf);

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_certificate_is_kept_until_a_third_of_its_time_is_left_or_a_name_comes() {
        let place = Place(std::env::temp_dir().join(format!("ruf-net-authority-{}", std::process::id())));
        let authority = Authority::open_or_make(&place.0).expect("made");
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let domain: HostBuf = "a.example".parse().expect("a host");
        let start = SystemTime::now();
        let mut names = BTreeSet::from([domain.clone()]);
        let shown = |names: &BTreeSet<HostBuf>, days: u32| {
            let certified = authority.certified(&domain, names, start + DAY * days, &provider);
            certified.expect("certified").cert[0].clone()
        };
        let first = shown(&names, 0);
        assert_eq!(shown(&names, 260), first);
        let renewed = shown(&names, 270);
        assert_ne!(renewed, first, "less than a third of 398 days is left");
        assert_eq!(shown(&names, 271), renewed);
        names.insert("192.0.2.1".parse().expect("a host"));
        assert_ne!(shown(&names, 271), renewed);
        // A clock that jumps back: what is not valid yet is not shown.
        let early = shown(&names, 0);
        assert!(!Identities::of(&early).expect("read").is_early(start));
    }
}
