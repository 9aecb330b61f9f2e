//! Which certificates the server needs: by its configuration, and by where it listens. Making and
//! checking them is `ruf_net::tls`'s.

use std::path::{Path, PathBuf};

use ruf_admission::{Domain, Ourselves};
use ruf_message::HostBuf;
use ruf_net::tls::{self, CertificateError, Certificates, DomainNames, Wanted, Warning};

use crate::config::{Config, DomainConfig};

/// Where our own authority is kept, in the data directory.
pub(crate) fn directory(data: &Path) -> PathBuf {
    data.join("tls")
}

/// Opens them, and says what should be mended.
pub(crate) fn open(config: &Config, ourselves: &Ourselves) -> Result<Certificates, CertificateError> {
    let wanted = wanted(config, ourselves);
    let (certificates, warnings) = Certificates::open(&directory(&config.data), wanted)?;
    warn(&warnings);
    Ok(certificates)
}

/// Says what should be mended.
pub(crate) fn warn(warnings: &[Warning]) {
    for warning in warnings {
        tracing::warn!("{warning}");
    }
}

/// What is needed for these domains and listeners.
pub(crate) fn wanted(config: &Config, ourselves: &Ourselves) -> Wanted {
    let domains = ourselves.domains.iter().filter_map(|domain| names(config, domain)).collect();
    let of_listeners = ourselves.listeners.iter().flat_map(|listener| {
        let bound = Some(listener.bind.ip()).filter(|ip| !ip.is_unspecified());
        let addresses = listener.addresses.iter().copied().chain(bound);
        let advertised = listener.advertised.as_ref().map(|(host, _)| host.clone());
        addresses.map(|ip| HostBuf::from(ip.to_canonical())).chain(advertised)
    });
    let hosts = of_listeners.chain([HostBuf::Name("localhost".to_owned())]).collect();
    Wanted { domains, hosts, trust: config.authorities.clone() }
}

fn names(config: &Config, domain: &Domain) -> Option<DomainNames> {
    let configured = config.domains.iter().find(|one| one.name == domain.name);
    Some(DomainNames {
        // The configuration takes nothing that is no host.
        name: domain.name.parse().ok()?,
        aliases: domain.aliases.iter().filter_map(|alias| alias.parse().ok()).collect(),
        files: configured.and_then(|one| one.files.clone()),
    })
}

/// Checks the files that the configuration names, for `ruf config check`: makes nothing.
pub(crate) fn check(config: &Config) -> Result<Vec<Warning>, CertificateError> {
    let as_served = |one: &DomainConfig| Domain { aliases: one.aliases.clone(), ..Domain::new(&one.name) };
    let ourselves =
        Ourselves { domains: config.domains.iter().map(as_served).collect(), listeners: Vec::new() };
    tls::check(&wanted(config, &ourselves))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use ruf_admission::Listener;
    use ruf_message::Transport;

    #[test]
    fn every_name_and_address_by_which_a_client_may_come_is_wanted() {
        let text = "[[domain]]\nname = \"a.example\"\naliases = [\"b.example\"]\ncertificate = \"/c\"\nkey = \"/k\"\n";
        let config = config::parse("ruf.toml", text).expect("fine");
        let mut domain = Domain::new("a.example");
        domain.aliases.push("b.example".into());
        let mut any = Listener::new(Transport::Tls, "0.0.0.0:5061".parse().expect("an address"));
        any.addresses.push("192.0.2.1".parse().expect("an address"));
        let mut one = Listener::new(Transport::Tls, "[2001:db8::1]:5061".parse().expect("an address"));
        one.advertised = Some(("sip.example".parse().expect("a host"), None));
        let wanted = wanted(&config, &Ourselves { domains: vec![domain], listeners: vec![any, one] });
        assert_eq!(wanted.domains[0].aliases, ["b.example".parse().expect("a host")]);
        assert!(wanted.domains[0].files.is_some());
        let hosts: Vec<String> = wanted.hosts.iter().map(ToString::to_string).collect();
        assert_eq!(hosts, ["localhost", "sip.example", "192.0.2.1", "[2001:db8::1]"]);
    }
}
