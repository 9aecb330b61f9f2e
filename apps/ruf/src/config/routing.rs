//! `[routing]`: where requests may go besides our own accounts.

use ruf_message::HostBuf;
use serde::Deserialize;
use toml::Spanned;

use super::source::Source;
use super::{Config, ConfigError};

/// The section as it is written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RoutingSection {
    elsewhere: Option<Vec<Spanned<String>>>,
}

impl RoutingSection {
    /// Writes what is said here into the configuration, whose domains are read already. In an open domain
    /// everybody is believed to be an account, and would be let out by a rule for accounts.
    pub(super) fn read(self, source: &Source<'_>, config: &mut Config) -> Result<(), ConfigError> {
        let open = config.domains.iter().find(|domain| domain.open).map(|domain| domain.name.clone());
        for text in self.elsewhere.iter().flatten() {
            let at = |cause: String| source.at(text.span(), cause);
            let host = host(text.get_ref()).map_err(at)?;
            if let Some(open) = &open {
                let cause =
                    format!("anybody could call {host}, since {open} is open and asks for no password");
                let cure = "take open = true out of that domain, or the hosts out of [routing]".to_owned();
                return Err(ConfigError { cure: Some(cure), ..at(cause) });
            }
            config.elsewhere.push(host);
        }
        Ok(())
    }
}

/// A host without a port, in the form that a URI gives it.
fn host(text: &str) -> Result<String, String> {
    let host: Option<HostBuf> = text.parse().ok();
    host.map(|host| host.to_string()).ok_or_else(|| {
        format!("`{text}` is no host; write for example far.example, 192.0.2.7 or [2001:db8::7]")
    })
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    #[test]
    fn hosts_are_read_as_a_uri_writes_them() {
        let text = "[routing]\nelsewhere = [\"Far.example\", \"192.0.2.7\", \"[2001:DB8:0::7]\"]\n";
        let config = parse("ruf.toml", text).expect("fine");
        assert_eq!(config.elsewhere, ["far.example", "192.0.2.7", "[2001:db8::7]"]);
    }

    #[test]
    fn an_open_domain_is_no_way_out() {
        let rule = "[routing]\nelsewhere = [\"far.example\"]\n";
        let domains = |open| {
            format!("[[domain]]\nname = \"a.example\"\n[[domain]]\nname = \"lab.example\"\nopen = {open}\n")
        };
        assert!(parse("ruf.toml", &format!("{rule}{}", domains(false))).is_ok());
        assert!(parse("ruf.toml", &format!("[routing]\nelsewhere = []\n{}", domains(true))).is_ok());
        let error = parse("ruf.toml", &format!("{rule}{}", domains(true))).unwrap_err();
        assert_eq!(error.place, "ruf.toml:2:14");
        assert!(error.cause.contains("lab.example is open") && error.cure.is_some(), "{error}");
    }

    #[test]
    fn what_is_no_host_is_pointed_at() {
        let error = parse("ruf.toml", "[routing]\nelsewhere = [\"sip:far.example\"]\n").unwrap_err();
        assert_eq!(error.place, "ruf.toml:2:14");
        assert!(error.cause.contains("is no host"), "{error}");
    }
}
