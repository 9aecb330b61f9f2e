//! What a first start makes by itself: a domain and two extensions with random secrets.
//!
//! Only where nothing was asked for: a domain given by flag or file is taken as it is, and extensions
//! are made only while there is no account at all.

use std::net::SocketAddr;
use std::path::Path;

use ruf_accounts::Accounts;
use ruf_admission::Domain;
use ruf_message::{Entropy, Transport};
use ruf_store::{Space, Store};

use crate::config::Config;
use crate::serve::Refused;
use crate::{keys, settings};

const SETTINGS: Space = Space::new("settings");
/// The domain of a server that was told none. `.internal` is reserved for private use.
const DEFAULT_DOMAIN: &str = "ruf.internal";
/// The extensions that a first start makes.
const EXTENSIONS: [&str; 2] = ["100", "101"];

/// What the server starts with.
pub(crate) struct FirstRun {
    /// Every domain served, the default first.
    pub(crate) domains: Vec<Domain>,
    /// The name of the default one.
    pub(crate) default_domain: String,
    /// The accounts, loaded.
    pub(crate) accounts: Accounts,
    /// Extensions made just now, with their secrets: shown once, kept nowhere.
    pub(crate) new_extensions: Vec<(String, String)>,
}

/// Loads the accounts and makes what is missing.
pub(crate) fn prepare(config: &Config, mut store: Store) -> Result<FirstRun, Refused> {
    let domains = domains(config, &mut store)?;
    let default_domain = domains.first().map_or(DEFAULT_DOMAIN.to_owned(), |domain| domain.name.clone());
    let accounts = Accounts::load(store).map_err(Refused::config)?;
    for (user, secret) in &config.users {
        accounts.add_of_this_run(&default_domain, user, secret).map_err(Refused::config)?;
    }
    let mut new_extensions = Vec::new();
    if accounts.is_empty() && config.users.is_empty() && !domains.iter().any(|domain| domain.open) {
        let mut entropy = Entropy::from_seed(keys::fresh());
        for extension in EXTENSIONS {
            let secret = ruf_accounts::random_secret(&mut entropy);
            accounts.add(&default_domain, extension, &secret).map_err(Refused::config)?;
            new_extensions.push((extension.to_owned(), secret));
        }
    }
    Ok(FirstRun { domains, default_domain, accounts, new_extensions })
}

/// The domains of the configuration, or the one that a first start made.
pub(crate) fn domains(config: &Config, store: &mut Store) -> Result<Vec<Domain>, Refused> {
    if config.domains.is_empty() {
        let name = match store.get(SETTINGS, b"domain").map_err(Refused::config)? {
            Some(name) => String::from_utf8_lossy(&name).into_owned(),
            None => {
                store.put(SETTINGS, b"domain", DEFAULT_DOMAIN.as_bytes()).map_err(Refused::config)?;
                DEFAULT_DOMAIN.to_owned()
            }
        };
        return Ok(vec![domain_of(config, &name)]);
    }
    Ok(domains_of(config))
}

/// The domain that a first start made, by this configuration.
pub(crate) fn domain_of(config: &Config, name: &str) -> Domain {
    Domain { algorithms: config.digest.clone(), ..Domain::new(name) }
}

/// The domains that the configuration names.
pub(crate) fn domains_of(config: &Config) -> Vec<Domain> {
    config
        .domains
        .iter()
        .map(|domain| Domain {
            name: domain.name.clone(),
            aliases: domain.aliases.clone(),
            open: domain.open,
            service_route: domain.service_route,
            algorithms: domain.digest.clone().unwrap_or_else(|| config.digest.clone()),
        })
        .collect()
}

/// Says how to register a phone. Secrets appear here once and nowhere else.
pub(crate) fn explain(
    new_extensions: &[(String, String)],
    domain: &str,
    places: &[(Transport, SocketAddr)],
    authority: &Path,
) {
    println!("{}", settings::NO_EMERGENCY_CALLS);
    if places.iter().any(|(transport, _)| matches!(transport, Transport::Tls | Transport::Wss)) {
        println!("TLS: phones can be told to trust {}", authority.display());
    }
    if new_extensions.is_empty() {
        return;
    }
    let server = best_address(places);
    println!("\nTwo extensions are ready. Enter one in each phone:\n");
    let wide = domain.len().max("domain".len());
    println!("  {:<6}{:<wide$}  {:<22}server", "user", "domain", "password");
    for (user, secret) in new_extensions {
        println!("  {user:<6}{domain:<wide$}  {secret:<22}{server}");
    }
    println!(
        "\nThe phone's domain may also be the server's address. Then let one phone call the other's number."
    );
    println!("The passwords are shown this once; `ruf user passwd 100` makes a new one.\n");
}

/// The address to show to a person: one that other machines can reach, if there is any.
fn best_address(places: &[(Transport, SocketAddr)]) -> String {
    let addresses = || places.iter().map(|(_, address)| address);
    let port = addresses().next().map_or(5060, SocketAddr::port);
    let bound = addresses().find(|address| !address.ip().is_unspecified());
    let ip = bound.map(SocketAddr::ip).or_else(|| {
        let mut all = ruf_net::local_addresses();
        all.sort_by_key(|ip| (ip.is_loopback(), ip.is_ipv6()));
        all.first().copied()
    });
    ip.map_or_else(|| format!("this machine, port {port}"), |ip| SocketAddr::new(ip, port).to_string())
}
