//! The certificates of a server, and whom it believes as a client (RFC 3261 §26.3.1, RFC 5922).
//!
//! [`Certificates`] is a handle that all workers share. It holds one `rustls` configuration for
//! connections that are accepted and one for those that are opened; [`Certificates::reload`] puts new
//! ones in their place at once, and whatever is invalid leaves the old ones there. A connection keeps
//! the configuration with which it began, so nothing that goes on notices.
//!
//! | module | what |
//! | --- | --- |
//! | `authority` | our own authority, and the certificates it issues |
//! | `client` | those of a program that is no server |
//! | `pem` | reading and writing PEM files, and what is wrong with one |
//! | `identity` | whose certificate it is (RFC 5922 §7.1), and the verifier of servers |
//! | `selection` | which certificate a client gets, by the name it asks for |
//!
//! Every name of every domain has a certificate: the file that the configuration names for the domain,
//! if that file speaks for the name, else one of our own authority. Not here: connections (they take
//! the configurations), and certificates by ACME.

mod authority;
mod client;
mod identity;
mod pem;
mod selection;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use ruf_message::HostBuf;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::ServerName;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use self::authority::Authority;
use self::identity::{Identities, SipVerifier};
pub use self::pem::{CertificateError, Fault};
use self::selection::Selection;

/// What certificates are for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Every domain served; the first is the default.
    pub domains: Vec<DomainNames>,
    /// What else the default domain is called: the addresses listened on, `localhost`, advertised names.
    pub hosts: BTreeSet<HostBuf>,
    /// PEM files of authorities to believe, beside the system's and our own.
    pub trust: Vec<PathBuf>,
}

/// A domain, and the files that speak for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainNames {
    /// Its name.
    pub name: HostBuf,
    /// Its other names.
    pub aliases: Vec<HostBuf>,
    /// The PEM files of the configuration; without them our own authority speaks for it.
    pub files: Option<PemFiles>,
}

/// A certificate chain and its key, as PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PemFiles {
    /// The certificate of the server first, then those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key (PKCS #8, PKCS #1 or SEC 1).
    pub key: PathBuf,
}

/// What is not wrong enough to refuse, and should be mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// Its time is over: phones will refuse it.
    Expired(PathBuf),
    /// Its time has not come: phones will refuse it, or a clock is wrong.
    NotYetValid(PathBuf),
    /// It does not speak for this name of the domain; our own authority does.
    SilentAbout(PathBuf, HostBuf),
    /// It speaks for this name by a wildcard, which SIP does not accept (RFC 5922 §7.2).
    ByWildcard(PathBuf, HostBuf),
    /// The system's authorities could not be read; servers of others are believed by `trust` alone.
    NoSystemAuthorities(String),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::Expired(file) => write!(
                f,
                "{}: the certificate has expired and phones will refuse it; renew it and say `ruf reload`",
                file.display()
            ),
            Warning::NotYetValid(file) => write!(
                f,
                "{}: the certificate is not valid yet; look at its dates and at this machine's clock",
                file.display()
            ),
            Warning::SilentAbout(file, name) => write!(
                f,
                "{}: the certificate does not name {name}; whoever asks for {name} gets a certificate of our own authority",
                file.display()
            ),
            Warning::ByWildcard(file, name) => write!(
                f,
                "{}: the certificate names {name} by a wildcard alone, which SIP does not accept (RFC 5922); have {name} written into it",
                file.display()
            ),
            Warning::NoSystemAuthorities(cause) => {
                write!(
                    f,
                    "the system's certificate authorities cannot be read ({cause}); install ca-certificates"
                )
            }
        }
    }
}

/// The current certificates: cheap to clone, shared by all workers.
#[derive(Clone)]
pub struct Certificates(Arc<Shared>);

struct Shared {
    directory: PathBuf,
    provider: Arc<CryptoProvider>,
    /// The system's authorities, read once: they change with an upgrade of the system.
    system: RootCertStore,
    current: RwLock<Current>,
}

#[derive(Clone)]
struct Current {
    wanted: Wanted,
    acceptor: Arc<ServerConfig>,
    connector: Arc<ClientConfig>,
}

/// Certificates that were checked and are not in use yet.
pub struct Prepared {
    current: Current,
    warnings: Vec<Warning>,
}

impl Prepared {
    /// What should be mended.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}

impl fmt::Debug for Certificates {
    /// Shows no key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificates").field(&self.0.directory).finish()
    }
}

impl Certificates {
    /// Reads what is wanted, and makes what is missing: our own authority and its certificates live in
    /// `directory`, which only we may read.
    pub fn open(directory: &Path, wanted: Wanted) -> Result<(Certificates, Vec<Warning>), CertificateError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let (system, mut warnings) = system_authorities();
        let built =
            Builder { directory, provider: &provider, system: &system }.build(wanted, SystemTime::now())?;
        warnings.extend(built.warnings);
        let directory = directory.to_owned();
        let current = RwLock::new(built.current);
        Ok((Certificates(Arc::new(Shared { directory, provider, system, current })), warnings))
    }

    /// For connections that are accepted.
    pub fn acceptor(&self) -> Arc<ServerConfig> {
        self.current().acceptor
    }

    /// For connections that are opened: give it the name from [`server_name`].
    pub fn connector(&self) -> Arc<ClientConfig> {
        self.current().connector
    }

    /// The file that phones can be told to trust: the certificate of our own authority.
    pub fn authority(&self) -> PathBuf {
        authority::certificate_file(&self.0.directory)
    }

    /// Checks what is wanted from now on, and changes nothing but the files of our own authority.
    pub fn prepare(&self, wanted: Wanted) -> Result<Prepared, CertificateError> {
        let Shared { directory, provider, system, .. } = &*self.0;
        Builder { directory, provider, system }.build(wanted, SystemTime::now())
    }

    /// Uses what was prepared for every connection that begins from now on.
    pub fn install(&self, prepared: Prepared) {
        *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = prepared.current;
    }

    /// Prepares and installs; what is invalid leaves the old certificates in use.
    pub fn reload(&self, wanted: Wanted) -> Result<Vec<Warning>, CertificateError> {
        let prepared = self.prepare(wanted)?;
        let warnings = prepared.warnings.clone();
        self.install(prepared);
        Ok(warnings)
    }

    /// Renews what needs it, and reads the files again: to be called at least once a day.
    pub fn renew(&self) -> Result<Vec<Warning>, CertificateError> {
        self.reload(self.current().wanted)
    }

    fn current(&self) -> Current {
        // Nothing panics while it writes; a poisoned lock still holds a whole value.
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Checks files of the configuration, and makes and keeps nothing: for `config check`.
pub fn check(wanted: &Wanted) -> Result<Vec<Warning>, CertificateError> {
    let provider = aws_lc_rs::default_provider();
    let mut warnings = Vec::new();
    for domain in &wanted.domains {
        if let Some(files) = &domain.files {
            let (_, identities) = pem::certified(files, &provider)?;
            judge(files, &identities, domain, SystemTime::now(), &mut warnings);
        }
    }
    for file in &wanted.trust {
        pem::certificates(file)?;
    }
    Ok(warnings)
}

/// The name a server must prove for a host that was looked for: the domain of the URI, before any
/// look-up (RFC 5922 §7.3). `None`: no name that a certificate could bear.
pub fn server_name(host: &HostBuf) -> Option<ServerName<'static>> {
    match host.ip() {
        Some(address) => Some(ServerName::IpAddress(address.into())),
        None => ServerName::try_from(host.to_string()).ok(),
    }
}

/// Builds both configurations; borrows what outlives a reload.
struct Builder<'a> {
    directory: &'a Path,
    provider: &'a Arc<CryptoProvider>,
    system: &'a RootCertStore,
}

impl Builder<'_> {
    fn build(&self, wanted: Wanted, now: SystemTime) -> Result<Prepared, CertificateError> {
        let own = Authority::open_or_make(self.directory)?;
        let (selection, warnings) = self.select(&wanted, &own, now)?;
        let tls = |error| Fault::Tls(error).of(self.directory);
        let ours = selection.default_key();
        let mut acceptor = ServerConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(tls)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(selection));
        // New with each configuration: a session is not resumed past a change of certificates.
        acceptor.ticketer = aws_lc_rs::Ticketer::new().map_err(tls)?;
        let roots = self.believed(&wanted, &own)?;
        let connector = ClientConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(tls)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(SipVerifier::new(roots, self.provider)))
            .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(ours)));
        let current = Current { wanted, acceptor: Arc::new(acceptor), connector: Arc::new(connector) };
        Ok(Prepared { current, warnings })
    }

    /// A certificate for every name.
    fn select(
        &self,
        wanted: &Wanted,
        own: &Authority,
        now: SystemTime,
    ) -> Result<(Selection, Vec<Warning>), CertificateError> {
        let mut warnings = Vec::new();
        let mut selection: Option<Selection> = None;
        for (index, domain) in wanted.domains.iter().enumerate() {
            let mut names: BTreeSet<HostBuf> = domain.names().cloned().collect();
            if index == 0 {
                names.extend(wanted.hosts.iter().cloned());
            }
            let file = match &domain.files {
                Some(files) => {
                    let (key, identities) = pem::certified(files, self.provider)?;
                    judge(files, &identities, domain, now, &mut warnings);
                    Some((Arc::new(key), identities))
                }
                None => None,
            };
            let (of_file, of_ours): (BTreeSet<HostBuf>, BTreeSet<HostBuf>) = names
                .into_iter()
                .partition(|name| file.as_ref().is_some_and(|(_, identities)| identities.speaks_for(name)));
            let issued: Option<Arc<CertifiedKey>> = match (&file, of_ours.is_empty()) {
                (Some(_), true) => None,
                _ => Some(Arc::new(own.certified(&domain.name, &of_ours, now, self.provider)?)),
            };
            let file = file.map(|(key, _)| key);
            // One of the two exists: without a file there is one of ours.
            let Some(first) = file.clone().or_else(|| issued.clone()) else { continue };
            let selection = selection.get_or_insert_with(|| Selection::new(first));
            for (names, key) in [(of_file, file), (of_ours, issued)] {
                if let Some(key) = key {
                    selection.add(&names, &key);
                }
            }
        }
        match selection {
            Some(selection) => Ok((selection, warnings)),
            None => Err(Fault::NoDomain.of(self.directory)),
        }
    }

    fn believed(&self, wanted: &Wanted, own: &Authority) -> Result<RootCertStore, CertificateError> {
        let mut roots = self.system.clone();
        for file in &wanted.trust {
            for certificate in pem::certificates(file)? {
                roots.add(certificate).map_err(|error| Fault::Certificate(error.to_string()).of(file))?;
            }
        }
        let ours = own.certificate().clone();
        roots.add(ours).map_err(|error| {
            Fault::Certificate(error.to_string()).of(&authority::certificate_file(self.directory))
        })?;
        Ok(roots)
    }
}

impl DomainNames {
    fn names(&self) -> impl Iterator<Item = &HostBuf> {
        std::iter::once(&self.name).chain(&self.aliases)
    }
}

/// What should be mended of the files of a domain.
fn judge(
    files: &PemFiles,
    identities: &Identities,
    domain: &DomainNames,
    now: SystemTime,
    warnings: &mut Vec<Warning>,
) {
    let file = &files.certificate;
    if identities.is_over(now) {
        warnings.push(Warning::Expired(file.clone()));
    } else if identities.is_early(now) {
        warnings.push(Warning::NotYetValid(file.clone()));
    }
    for name in domain.names() {
        if !identities.speaks_for(name) {
            warnings.push(Warning::SilentAbout(file.clone(), name.clone()));
        } else if !identities.is_of(name) {
            warnings.push(Warning::ByWildcard(file.clone(), name.clone()));
        }
    }
}

fn system_authorities() -> (RootCertStore, Vec<Warning>) {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Some systems carry a certificate that no strict reader accepts; the others stand.
    let _ = roots.add_parsable_certificates(found.certs);
    let warning = match found.errors.first() {
        Some(error) if roots.is_empty() => Some(Warning::NoSystemAuthorities(error.to_string())),
        None if roots.is_empty() => Some(Warning::NoSystemAuthorities("there are none".to_owned())),
        _ => None,
    };
    (roots, warning.into_iter().collect())
}
