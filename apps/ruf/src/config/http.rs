//! `[http]`: where health and metrics are served, if anywhere.

use std::net::SocketAddr;

use serde::Deserialize;
use toml::Spanned;

use super::source::Source;
use super::{Config, ConfigError};

/// The section as it is written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpSection {
    listen: Option<Spanned<String>>,
    #[serde(default)]
    public: bool,
}

impl HttpSection {
    /// Writes what is said here into the configuration.
    pub(super) fn read(self, source: &Source<'_>, config: &mut Config) -> Result<(), ConfigError> {
        config.http_public = self.public;
        if let Some(text) = self.listen {
            let at = |cause: String| source.at(text.span(), cause);
            let address = address(text.get_ref()).map_err(at)?;
            check_public(address, self.public).map_err(at)?;
            config.http = Some(address);
        }
        Ok(())
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("`{text}` is no IP:PORT; write for example 127.0.0.1:9090"))
}

/// Whoever reaches it may read every figure, so it is for this machine unless somebody means it.
pub(crate) fn check_public(address: SocketAddr, public: bool) -> Result<(), String> {
    if address.ip().is_loopback() || public {
        return Ok(());
    }
    Err(format!(
        "{address} can be reached from other machines, and whoever reaches it may read; write 127.0.0.1:{}, or add public = true to [http]",
        address.port()
    ))
}

#[cfg(test)]
mod tests {
    use crate::config::parse;

    #[test]
    fn other_machines_may_read_only_if_somebody_means_it() {
        assert_eq!(parse("ruf.toml", "").expect("fine").http, None);
        let local = parse("ruf.toml", "[http]\nlisten = \"127.0.0.1:9090\"\n").expect("fine");
        assert_eq!(local.http, Some("127.0.0.1:9090".parse().expect("an address")));
        let wide = "[http]\nlisten = \"0.0.0.0:9090\"\n";
        let error = parse("ruf.toml", wide).unwrap_err();
        assert_eq!(error.place, "ruf.toml:2:10");
        assert!(error.cause.contains("public = true"), "{error}");
        let as_listener = "[server]\nlisten = [\"http:[::]:9090\", \"udp:127.0.0.1:0\"]\n";
        assert_eq!(parse("ruf.toml", as_listener).unwrap_err().place, "ruf.toml:2:11");
        let config = parse("ruf.toml", &format!("{as_listener}[http]\npublic = true\n")).expect("fine");
        assert_eq!((config.http.is_some(), config.listen.len()), (true, 1));
        assert!(parse("ruf.toml", &format!("{wide}public = true\n")).expect("fine").http.is_some());
    }
}
