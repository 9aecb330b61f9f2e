//! Which certificate a client gets: by the name it asks for (SNI, RFC 6066 §3), else the default
//! domain's. An unknown name also gets the default: the client judges whether that is whom it wanted.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use ruf_message::HostBuf;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// The table of one configuration.
#[derive(Debug)]
pub(super) struct Selection {
    default: Arc<CertifiedKey>,
    by_name: HashMap<String, Arc<CertifiedKey>>,
}

impl Selection {
    /// A table that gives this to everybody.
    pub(super) fn new(default: Arc<CertifiedKey>) -> Selection {
        Selection { default, by_name: HashMap::new() }
    }

    /// Gives `key` to whoever asks for one of these names. The first domain with a name keeps it.
    pub(super) fn add(&mut self, names: &BTreeSet<HostBuf>, key: &Arc<CertifiedKey>) {
        for name in names {
            self.by_name.entry(name.to_string()).or_insert_with(|| key.clone());
        }
    }

    /// The default domain's.
    pub(super) fn default_key(&self) -> Arc<CertifiedKey> {
        self.default.clone()
    }

    fn of(&self, name: Option<&str>) -> Arc<CertifiedKey> {
        let named = name.and_then(|name| self.by_name.get(&name.to_ascii_lowercase()));
        named.unwrap_or(&self.default).clone()
    }
}

impl ResolvesServerCert for Selection {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // rfc5922 §7.8
        Some(self.of(hello.server_name()))
    }
}
