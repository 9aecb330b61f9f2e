//! `[tls]`: whom we believe, beside the system's authorities and our own. The certificates of domains
//! are said with the domains.

use std::path::PathBuf;

use serde::Deserialize;

use super::Config;

/// The section as it is written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsSection {
    #[serde(default)]
    trust: Vec<PathBuf>,
}

impl TlsSection {
    /// Writes what is said here into the configuration.
    pub(super) fn read(self, config: &mut Config) {
        config.authorities = self.trust;
    }
}
