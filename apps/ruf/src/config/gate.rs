//! `[gate]`: who is believed without a password, and which digests are offered.

use ruf_admission::Cidr;
use ruf_auth::Algorithm;
use serde::Deserialize;
use toml::Spanned;

use super::source::{Source, did_you_mean};
use super::{Config, ConfigError};

/// The section as it is written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct GateSection {
    trust: Option<Vec<Spanned<String>>>,
    digest: Option<Vec<Spanned<String>>>,
}

impl GateSection {
    /// Writes what is said here into the configuration.
    pub(super) fn read(self, source: &Source<'_>, config: &mut Config) -> Result<(), ConfigError> {
        for cidr in self.trust.iter().flatten() {
            config.trust.push(trust(cidr.get_ref()).map_err(|e| source.at(cidr.span(), e))?);
        }
        if let Some(list) = &self.digest {
            config.digest = algorithms(source, list)?;
        }
        Ok(())
    }
}

/// A list of algorithms, each at its place in the file.
pub(super) fn algorithms(
    source: &Source<'_>,
    list: &[Spanned<String>],
) -> Result<Vec<Algorithm>, ConfigError> {
    list.iter().map(|one| algorithm(one.get_ref()).map_err(|e| source.at(one.span(), e))).collect()
}

/// A network, as in `--trust`: `10.0.0.0/8`, or a single address.
pub(crate) fn trust(text: &str) -> Result<Cidr, String> {
    text.parse().map_err(|_| format!("`{text}` is no network; write for example 10.0.0.0/8 or 192.0.2.7"))
}

/// A comma list of algorithms, as in `--digest`.
pub(crate) fn digest_list(text: &str) -> Result<Vec<Algorithm>, String> {
    text.split(',').map(|name| algorithm(name.trim())).collect()
}

fn algorithm(name: &str) -> Result<Algorithm, String> {
    const NAMES: [&str; 3] = ["SHA-256", "SHA-512-256", "MD5"];
    name.parse().map_err(|_| {
        format!(
            "`{name}` is no digest algorithm; known are {}{}",
            NAMES.join(", "),
            did_you_mean(name, NAMES)
        )
    })
}
