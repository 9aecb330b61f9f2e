//! Reading and writing PEM files, and what is wrong with one.
//!
//! Not here: whose certificate it is (`identity`), and issuing one (`authority`).

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::PemFiles;
use super::identity::Identities;

/// A file, and what is wrong with it.
#[derive(Debug)]
pub struct CertificateError {
    /// The file or directory.
    pub file: PathBuf,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a certificate or a key.
#[derive(Debug)]
pub enum Fault {
    /// It cannot be read.
    Unreadable(io::Error),
    /// It cannot be written.
    Unwritable(io::Error),
    /// It is not the PEM format.
    NotPem(String),
    /// There is no certificate in it.
    NoCertificate,
    /// There is no private key in it.
    NoKey,
    /// A certificate in it is malformed.
    Certificate(String),
    /// The private key in it is malformed, or of a kind that is not known.
    Key(String),
    /// The private key is not the one of the certificate in this file.
    OtherKey(PathBuf),
    /// The authority's certificate is there, and its key is gone.
    KeyLost,
    /// A certificate could not be issued.
    NotIssued(String),
    /// There is no domain to speak for.
    NoDomain,
    /// The TLS library refused.
    Tls(rustls::Error),
}

impl Fault {
    pub(super) fn of(self, file: &Path) -> CertificateError {
        CertificateError { file: file.to_owned(), fault: self }
    }
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file.display())?;
        match &self.fault {
            Fault::Unreadable(error) => write!(f, "cannot be read: {error}"),
            Fault::Unwritable(error) => write!(f, "cannot be written: {error}"),
            Fault::NotPem(cause) => write!(
                f,
                "is no PEM file ({cause}); expected text with lines like -----BEGIN CERTIFICATE-----"
            ),
            Fault::NoCertificate => {
                f.write_str("holds no certificate; expected a section -----BEGIN CERTIFICATE-----")
            }
            Fault::NoKey => f.write_str(
                "holds no private key; expected a section -----BEGIN PRIVATE KEY-----, not encrypted",
            ),
            Fault::Certificate(cause) => write!(f, "holds a certificate that is malformed: {cause}"),
            Fault::Key(cause) => write!(f, "holds a private key that cannot be used: {cause}"),
            Fault::OtherKey(certificate) => {
                write!(f, "is not the private key of the certificate in {}", certificate.display())
            }
            Fault::KeyLost => f.write_str(
                "is missing, though the certificate of the authority is there; restore it, or remove the certificate to make a new authority, which phones must trust anew",
            ),
            Fault::NotIssued(cause) => write!(f, "a certificate could not be issued: {cause}"),
            Fault::NoDomain => f.write_str("there is no domain to make a certificate for"),
            Fault::Tls(error) => write!(f, "TLS cannot be set up: {error}"),
        }
    }
}

impl std::error::Error for CertificateError {}

/// The certificates of a file, at least one.
pub(super) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let text = fs::read(file).map_err(|error| Fault::Unreadable(error).of(file))?;
    let found: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if found.is_empty() => Err(Fault::NoCertificate.of(file)),
        Ok(found) => Ok(found),
        Err(error) => Err(Fault::NotPem(error.to_string()).of(file)),
    }
}

fn key(file: &Path) -> Result<PrivateKeyDer<'static>, CertificateError> {
    let text = fs::read(file).map_err(|error| Fault::Unreadable(error).of(file))?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound => Fault::NoKey.of(file),
        error => Fault::NotPem(error.to_string()).of(file),
    })
}

/// A certificate with its key, and whose it is.
pub(super) fn certified(
    files: &PemFiles,
    provider: &CryptoProvider,
) -> Result<(CertifiedKey, Identities), CertificateError> {
    let chain = certificates(&files.certificate)?;
    let of_certificate = |cause: String| Fault::Certificate(cause).of(&files.certificate);
    let identities = match chain.first() {
        Some(own) => Identities::of(own).map_err(of_certificate)?,
        None => return Err(Fault::NoCertificate.of(&files.certificate)),
    };
    let key = CertifiedKey::from_der(chain, key(&files.key)?, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => Fault::OtherKey(files.certificate.clone()).of(&files.key),
        rustls::Error::InvalidCertificate(error) => of_certificate(format!("{error:?}")),
        error => Fault::Key(error.to_string()).of(&files.key),
    })?;
    Ok((key, identities))
}

/// Writes a file that only we may read, whole or not at all: also when the power fails.
pub(super) fn write(file: &Path, text: &str) -> Result<(), CertificateError> {
    let write = || -> io::Result<()> {
        let half = file.with_extension("new");
        let mut open = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&half)?;
        open.write_all(text.as_bytes())?;
        open.sync_all()?;
        fs::rename(&half, file)?;
        match file.parent() {
            Some(directory) => File::open(directory)?.sync_all(),
            None => Ok(()),
        }
    };
    write().map_err(|error| Fault::Unwritable(error).of(file))
}
