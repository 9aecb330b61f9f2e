//! `[[domain]]`: a domain that is served, and its certificate.

use std::net::IpAddr;
use std::path::PathBuf;

use ruf_auth::Algorithm;
use ruf_message::HostBuf;
use ruf_net::tls::PemFiles;
use serde::Deserialize;
use toml::Spanned;

use super::source::Source;
use super::{Config, ConfigError, gate};

/// A domain that is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DomainConfig {
    /// Its name, also the realm.
    pub(crate) name: String,
    /// Other names of the same domain.
    pub(crate) aliases: Vec<String>,
    /// Served without authentication.
    pub(crate) open: bool,
    /// Phones are told to send their requests through us.
    pub(crate) service_route: bool,
    /// Digest algorithms, where they differ from the server's.
    pub(crate) digest: Option<Vec<Algorithm>>,
    /// Its certificate; without one, our own authority makes one.
    pub(crate) files: Option<PemFiles>,
}

impl DomainConfig {
    /// A domain of which nothing but the name is said.
    pub(crate) fn new(name: String) -> DomainConfig {
        DomainConfig {
            name,
            aliases: Vec::new(),
            open: false,
            service_route: false,
            digest: None,
            files: None,
        }
    }
}

/// The section as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DomainSection {
    name: Spanned<String>,
    #[serde(default)]
    aliases: Vec<Spanned<String>>,
    #[serde(default)]
    open: bool,
    #[serde(default)]
    service_route: bool,
    digest: Option<Vec<Spanned<String>>>,
    certificate: Option<Spanned<PathBuf>>,
    key: Option<Spanned<PathBuf>>,
}

impl DomainSection {
    /// Adds the domain to the configuration.
    pub(super) fn read(self, source: &Source<'_>, config: &mut Config) -> Result<(), ConfigError> {
        let mut names = Vec::new();
        for text in std::iter::once(&self.name).chain(&self.aliases) {
            let name = domain_name(text.get_ref()).map_err(|e| source.at(text.span(), e))?;
            let elsewhere = config.domains.iter().flat_map(DomainConfig::names).any(|other| *other == name);
            if elsewhere || names.contains(&name) {
                return Err(source.at(text.span(), format!("`{name}` is named twice; a name has one domain")));
            }
            names.push(name);
        }
        let files = match (self.certificate, self.key) {
            (Some(certificate), Some(key)) => {
                Some(PemFiles { certificate: certificate.into_inner(), key: key.into_inner() })
            }
            (None, None) => None,
            (Some(one), None) => {
                return Err(source.at(one.span(), "a certificate needs its key; add key = \"FILE\""));
            }
            (None, Some(one)) => {
                return Err(source.at(one.span(), "a key needs its certificate; add certificate = \"FILE\""));
            }
        };
        let mut names = names.into_iter();
        // The first is the name itself: it was put there above.
        let name = names.next().unwrap_or_default();
        let digest = self.digest.as_ref().map(|list| gate::algorithms(source, list)).transpose()?;
        config.domains.push(DomainConfig {
            name,
            aliases: names.collect(),
            open: self.open,
            service_route: self.service_route,
            digest,
            files,
        });
        Ok(())
    }
}

impl DomainConfig {
    fn names(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.name).chain(&self.aliases)
    }
}

/// A name that a domain may have: a host name or a bracketless IP address.
pub(crate) fn domain_name(name: &str) -> Result<String, String> {
    let fine = name.parse::<HostBuf>().is_ok() || name.parse::<IpAddr>().is_ok();
    if fine {
        Ok(name.to_ascii_lowercase())
    } else {
        Err(format!("`{name}` is no domain name; write for example example.org"))
    }
}
