//! The configuration: a TOML file, then the command line on top of it.
//!
//! Nothing is required: without a file and without flags the server listens on port 5060 in both
//! address families and keeps its data in `./ruf-data`. A line that is wrong is shown with its
//! place, what was expected, and a suggestion; nothing is guessed. Each section is read in a file of
//! its own, which also knows what its flags look like.

mod domain;
mod gate;
mod http;
mod limits;
mod overload;
mod routing;
mod server;
mod source;
mod tls;

use std::path::{Path, PathBuf};
use std::time::Duration;

use ruf_admission::Cidr;
use ruf_auth::Algorithm;
use ruf_net::{ListenSpec, Service};
use serde::Deserialize;

pub(crate) use self::domain::{DomainConfig, domain_name};
pub(crate) use self::gate::{digest_list, trust};
pub(crate) use self::limits::LimitsConfig;
pub(crate) use self::server::{Advertise, advertise, check_workers, dns, log_level};
pub(crate) use self::source::{ConfigError, Source};

/// What a server runs by, file and flags taken together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    /// Where the store and the control socket live.
    pub(crate) data: PathBuf,
    /// Where to listen, in order; empty means the default of both families.
    pub(crate) listen: Vec<ListenSpec>,
    /// What the world calls a listener.
    pub(crate) advertise: Vec<Advertise>,
    /// The domains served; the first is the default. Empty means the one made at first start.
    pub(crate) domains: Vec<DomainConfig>,
    /// Accounts of this run, by name: they are not stored and override stored ones.
    pub(crate) users: Vec<(String, String)>,
    /// Sources exempt from digest.
    pub(crate) trust: Vec<Cidr>,
    /// Digest algorithms offered, best first.
    pub(crate) digest: Vec<Algorithm>,
    /// Authorities of certificates that are believed beside the system's and our own.
    pub(crate) authorities: Vec<PathBuf>,
    /// Where health and metrics are served.
    pub(crate) http: Option<std::net::SocketAddr>,
    /// Whether other machines may read them.
    pub(crate) http_public: bool,
    /// Hosts of others that accounts may call.
    pub(crate) elsewhere: Vec<String>,
    /// Signalling workers.
    pub(crate) workers: u8,
    /// How long a busy worker rests, so that it does together what comes meanwhile.
    pub(crate) rest: Duration,
    /// Whether datagrams of one length to one place leave as one.
    pub(crate) udp_trains: bool,
    /// The name server to ask.
    pub(crate) dns: Option<std::net::SocketAddr>,
    /// How much to log.
    pub(crate) log: String,
    /// Whether a call is placed through the server before it says `ready`.
    pub(crate) self_test: bool,
    /// Whether bindings outlive the process.
    pub(crate) durability: Durability,
    /// Whether new requests are refused before a worker has more to do than it can.
    pub(crate) refuse_early: bool,
    /// Servers with which overload is agreed.
    pub(crate) neighbours: Vec<Cidr>,
    /// Bounds.
    pub(crate) limits: LimitsConfig,
}

/// What becomes of bindings when the process ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Durability {
    /// They are on the disk before a phone is told so.
    #[default]
    Disk,
    /// They are forgotten, and no phone waits for a disk.
    Memory,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            data: PathBuf::from("ruf-data"),
            listen: Vec::new(),
            advertise: Vec::new(),
            domains: Vec::new(),
            users: Vec::new(),
            trust: Vec::new(),
            digest: vec![Algorithm::Sha256, Algorithm::Md5],
            authorities: Vec::new(),
            http: None,
            http_public: false,
            elsewhere: Vec::new(),
            workers: 1,
            rest: Duration::from_micros(1_000),
            udp_trains: true,
            dns: None,
            log: "info".to_owned(),
            self_test: true,
            durability: Durability::Disk,
            refuse_early: true,
            neighbours: Vec::new(),
            limits: LimitsConfig::default(),
        }
    }
}

impl Config {
    /// One more place to listen, as `listen` and `--listen` say it.
    pub(crate) fn listen_at(&mut self, text: &str) -> Result<(), String> {
        let spec: ListenSpec = text.parse().map_err(|error| format!("{error}"))?;
        match spec.service {
            Service::Sip(_) => self.listen.push(spec),
            Service::Http => {
                http::check_public(spec.address, self.http_public)?;
                self.http = Some(spec.address);
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    server: server::ServerSection,
    #[serde(default)]
    domain: Vec<domain::DomainSection>,
    #[serde(default)]
    gate: gate::GateSection,
    #[serde(default)]
    tls: tls::TlsSection,
    #[serde(default)]
    routing: routing::RoutingSection,
    #[serde(default)]
    http: http::HttpSection,
    #[serde(default)]
    overload: overload::OverloadSection,
    #[serde(default)]
    limits: LimitsConfig,
}

/// Reads a file.
pub(crate) fn load(path: &Path) -> Result<Config, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError {
        place: path.display().to_string(),
        cause: format!("cannot be read: {error}"),
        excerpt: None,
        cure: Some("name a readable file with --config, or leave the flag out: none is needed".to_owned()),
    })?;
    parse(&path.display().to_string(), &text)
}

/// Reads the text of a file that is called `name`.
pub(crate) fn parse(name: &str, text: &str) -> Result<Config, ConfigError> {
    let source = Source { name, text };
    let file: File = toml::from_str(text).map_err(|error| source.syntax(&error))?;
    let mut config = Config { limits: file.limits, ..Config::default() };
    file.http.read(&source, &mut config)?;
    file.server.read(&source, &mut config)?;
    file.gate.read(&source, &mut config)?;
    file.tls.read(&mut config);
    file.overload.read(&source, &mut config)?;
    for domain in file.domain {
        domain.read(&source, &mut config)?;
    }
    file.routing.read(&source, &mut config)?;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroUsize;

    #[test]
    fn a_rest_is_bounded_and_trains_can_be_left_out() {
        let Config { rest, udp_trains, .. } = Config::default();
        assert!(rest == Duration::from_micros(1_000) && udp_trains);
        let text = "[server]\nrest_us = 0\nudp_trains = false\n";
        let config = parse("ruf.toml", text).expect("fine");
        assert!(config.rest.is_zero() && !config.udp_trains);
        let error = parse("ruf.toml", "[server]\nrest_us = 10001\n").unwrap_err();
        assert!(error.to_string().contains("ruf.toml:2:11: 10001 us are too long"), "{error}");
    }

    #[test]
    fn an_empty_file_is_the_default() {
        let config = parse("ruf.toml", "").expect("fine");
        assert_eq!(config.data, PathBuf::from("ruf-data"));
        assert!(config.self_test && config.listen.is_empty() && config.domains.is_empty());
    }

    #[test]
    fn a_whole_file_is_read() {
        let text = r#"
            [server]
            data = "/var/lib/ruf"
            listen = ["udp:0.0.0.0:5060", "udp:[::]:5060"]
            advertise = ["udp:0.0.0.0:5060=sip.example.org:5070"]
            log = "debug"
            self_test = false

            [[domain]]
            name = "Example.org"
            aliases = ["example.com"]
            digest = ["MD5"]

            [gate]
            trust = ["10.0.0.0/8"]
            digest = ["SHA-256"]

            [limits]
            transactions = 1000
        "#;
        let config = parse("ruf.toml", text).expect("fine");
        assert_eq!(config.listen.len(), 2);
        assert_eq!(config.advertise[0].port, Some(5070));
        assert_eq!(config.domains[0].name, "example.org");
        assert_eq!(config.domains[0].digest, Some(vec![Algorithm::Md5]));
        assert_eq!(config.digest, [Algorithm::Sha256]);
        assert_eq!(config.limits.transactions.map(NonZeroUsize::get), Some(1000));
        assert!(!config.self_test);
    }

    #[test]
    fn a_misspelt_key_is_pointed_at_with_a_suggestion() {
        let error = parse("ruf.toml", "[server]\nlisen = [\"udp:0.0.0.0:5060\"]\n").unwrap_err();
        assert_eq!(error.place, "ruf.toml:2:1");
        assert_eq!(error.cause, "`lisen` is no key here");
        assert!(
            error.cure.as_deref().is_some_and(|cure| cure.starts_with("did you mean `listen`?")),
            "{error}"
        );
        assert_eq!(error.excerpt.as_deref(), Some("2 | lisen = [\"udp:0.0.0.0:5060\"]\n  | ^^^^^"));
    }

    #[test]
    fn a_wrong_value_is_pointed_at_with_what_was_expected() {
        let error = parse("ruf.toml", "[gate]\ndigest = [\"SHA-256\", \"MD-5\"]\n").unwrap_err();
        assert_eq!(error.place, "ruf.toml:2:22");
        assert!(error.cause.contains("did you mean `MD5`?"), "{error}");
        let error = parse("ruf.toml", "[server]\nlisten = [\"0.0.0.0\"]\n").unwrap_err();
        assert!(error.cause.contains("udp:0.0.0.0:5060"), "{error}");
        let error = parse("ruf.toml", "[server]\nworkers = 0\n").unwrap_err();
        assert!(error.cause.contains("1 to 64"), "{error}");
    }

    #[test]
    fn a_bound_of_zero_is_pointed_at() {
        let error = parse("ruf.toml", "[limits]\ntransactions = 0\n").unwrap_err();
        assert_eq!(error.place, "ruf.toml:2:16", "{error}");
    }

    #[test]
    fn broken_toml_names_its_line() {
        let error = parse("ruf.toml", "[server]\ndata = \"x\n").unwrap_err();
        assert!(error.place.starts_with("ruf.toml:2:"), "{error}");
    }

    #[test]
    fn a_certificate_and_its_key_come_together() {
        let text = "[[domain]]\nname = \"a.example\"\ncertificate = \"/c.pem\"\n";
        let error = parse("ruf.toml", text).unwrap_err();
        assert_eq!(error.place, "ruf.toml:3:15");
        assert!(error.cause.contains("key = "), "{error}");
        let config = parse("ruf.toml", &format!("{text}key = \"/k.pem\"\n")).expect("fine");
        let files = config.domains[0].files.as_ref().expect("files");
        assert_eq!((files.certificate.to_str(), files.key.to_str()), (Some("/c.pem"), Some("/k.pem")));
    }

    #[test]
    fn a_name_has_one_domain() {
        let text =
            "[[domain]]\nname = \"a.example\"\n[[domain]]\nname = \"b.example\"\naliases = [\"A.example\"]\n";
        let error = parse("ruf.toml", text).unwrap_err();
        assert_eq!(error.place, "ruf.toml:5:12");
        assert!(error.cause.contains("named twice"), "{error}");
    }

    #[test]
    fn the_bounds_that_are_said_reach_their_machines_and_the_others_stay() {
        let text = "[limits]\nrequests = 7\nnonces = 8\nsources = 9\nconnections = 12\nbindings = 10\nbindings_per_account = 11\n";
        let limits = parse("ruf.toml", text).expect("fine").limits;
        assert_eq!(limits.transactions(), ruf_transaction::Limits::default());
        assert_eq!(limits.proxy().contexts_max, 7);
        let gate = limits.admission();
        assert_eq!((gate.used_nonces_max, gate.proven_max, gate.failures_max), (8, 9, 9));
        let sockets = limits.connections();
        let per_source = ruf_net::Limits::default().connections_per_source_max;
        assert_eq!((sockets.connections_max, sockets.connections_per_source_max), (12, per_source));
        let text = "[limits]\nsilent_connections = 1\nconnecting = 2\nunread_bytes_per_connection = 3\n";
        let sockets = parse("ruf.toml", text).expect("fine").limits.connections();
        assert_eq!((sockets.silent_max, sockets.connecting_max, sockets.queue_bytes_max), (1, 2, 3));
        let registrar = limits.registrar();
        assert_eq!((registrar.bindings_max, registrar.address.bindings_max), (10, 11));
    }

    #[test]
    fn the_file_that_is_shipped_is_fine() {
        let shipped = include_str!("../../../dev/dist/ruf.toml");
        assert!(parse("ruf.toml", shipped).expect("fine").http.is_some());
        // So are its examples.
        let examples: String = shipped
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(example) if example.starts_with(['[', ']']) || example.contains(" = ") => {
                    format!("{example}\n")
                }
                _ => format!("{line}\n"),
            })
            .collect();
        assert_eq!(parse("ruf.toml", &examples).expect("fine").domains.len(), 1);
    }

    #[test]
    fn a_misspelt_section_is_pointed_at() {
        let error = parse("ruf.toml", "[limit]\nnonces = 8\n").unwrap_err();
        assert_eq!(error.place, "ruf.toml:1:2");
        assert!(error.cure.as_deref().is_some_and(|cure| cure.contains("`limits`")), "{error}");
    }
}
