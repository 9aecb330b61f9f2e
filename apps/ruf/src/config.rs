//! The configuration: a TOML file, then the command line on top of it.
//!
//! Nothing is required: without a file and without flags the server listens on UDP 5060 in both
//! address families and keeps its data in `./ruf-data`. A line that is wrong is shown with its
//! place, what was expected, and a suggestion; nothing is guessed.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};

use ruf_admission::Cidr;
use ruf_auth::Algorithm;
use ruf_message::HostBuf;
use ruf_net::ListenSpec;
use serde::Deserialize;
use toml::Spanned;

/// What a server runs by, file and flags taken together.
#[derive(Debug, Clone)]
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
    /// Signalling workers.
    pub(crate) workers: usize,
    /// The name server to ask.
    pub(crate) dns: Option<std::net::SocketAddr>,
    /// How much to log.
    pub(crate) log: String,
    /// Whether a call is placed through the server before it says `ready`.
    pub(crate) self_test: bool,
    /// Bounds.
    pub(crate) limits: LimitsConfig,
}

/// `SPEC=HOST[:PORT]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Advertise {
    /// The listener, as it was given to `listen`.
    pub(crate) listener: ListenSpec,
    /// The host to write instead of the listener's address.
    pub(crate) host: HostBuf,
    /// The port, where it differs.
    pub(crate) port: Option<u16>,
}

/// `[[domain]]`.
#[derive(Debug, Clone)]
pub(crate) struct DomainConfig {
    /// Its name, also the realm.
    pub(crate) name: String,
    /// Other names of the same domain.
    pub(crate) aliases: Vec<String>,
    /// Served without authentication.
    pub(crate) open: bool,
    /// Digest algorithms, where they differ from the server's.
    pub(crate) digest: Option<Vec<Algorithm>>,
}

/// `[limits]`: the bounds an operator may move. Absent ones keep their defaults.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitsConfig {
    /// Transactions at once.
    pub(crate) transactions: Option<NonZeroUsize>,
    /// Bindings in all.
    pub(crate) bindings: Option<NonZeroUsize>,
    /// Bindings of one account.
    pub(crate) bindings_per_account: Option<NonZeroUsize>,
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
            workers: 1,
            dns: None,
            log: "info".to_owned(),
            self_test: true,
            limits: LimitsConfig::default(),
        }
    }
}

/// A line that is wrong, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigError {
    /// The file and the place in it, or the flag.
    pub(crate) place: String,
    /// One sentence of cause.
    pub(crate) cause: String,
    /// The line with a mark under the fault, for a file.
    pub(crate) excerpt: Option<String>,
    /// One sentence of cure.
    pub(crate) cure: Option<String>,
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place, self.cause)?;
        if let Some(cure) = &self.cure {
            write!(f, "; {cure}")?;
        }
        if let Some(excerpt) = &self.excerpt {
            write!(f, "\n{excerpt}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    /// A fault of a command line flag.
    pub(crate) fn flag(flag: &str, cause: impl std::fmt::Display) -> ConfigError {
        ConfigError { place: flag.to_owned(), cause: cause.to_string(), excerpt: None, cure: None }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    server: ServerSection,
    #[serde(default)]
    domain: Vec<DomainSection>,
    #[serde(default)]
    gate: GateSection,
    #[serde(default)]
    limits: LimitsConfig,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct ServerSection {
    data: Option<PathBuf>,
    listen: Option<Vec<Spanned<String>>>,
    advertise: Option<Vec<Spanned<String>>>,
    workers: Option<Spanned<usize>>,
    dns: Option<Spanned<String>>,
    log: Option<Spanned<String>>,
    self_test: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DomainSection {
    name: Spanned<String>,
    #[serde(default)]
    aliases: Vec<Spanned<String>>,
    #[serde(default)]
    open: bool,
    digest: Option<Vec<Spanned<String>>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct GateSection {
    trust: Option<Vec<Spanned<String>>>,
    digest: Option<Vec<Spanned<String>>>,
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
    let server = file.server;
    if let Some(data) = server.data {
        config.data = data;
    }
    for spec in server.listen.iter().flatten() {
        config.listen.push(spec.get_ref().parse().map_err(|e| source.at(spec.span(), e))?);
    }
    for text in server.advertise.iter().flatten() {
        config.advertise.push(advertise(text.get_ref()).map_err(|e| source.at(text.span(), e))?);
    }
    if let Some(workers) = server.workers {
        config.workers = check_workers(*workers.get_ref()).map_err(|e| source.at(workers.span(), e))?;
    }
    if let Some(dns) = server.dns {
        let parsed = dns.get_ref().parse();
        config.dns =
            Some(parsed.map_err(|_| source.at(dns.span(), "expected IP:PORT, for example 127.0.0.53:53"))?);
    }
    if let Some(log) = server.log {
        config.log = log_level(log.get_ref()).map_err(|e| source.at(log.span(), e))?;
    }
    config.self_test = server.self_test.unwrap_or(true);
    for cidr in file.gate.trust.iter().flatten() {
        config.trust.push(trust(cidr.get_ref()).map_err(|e| source.at(cidr.span(), e))?);
    }
    if let Some(list) = &file.gate.digest {
        config.digest = source.algorithms(list)?;
    }
    for domain in file.domain {
        for name in std::iter::once(&domain.name).chain(&domain.aliases) {
            domain_name(name.get_ref()).map_err(|e| source.at(name.span(), e))?;
        }
        config.domains.push(DomainConfig {
            name: domain.name.get_ref().to_ascii_lowercase(),
            aliases: domain.aliases.iter().map(|alias| alias.get_ref().to_ascii_lowercase()).collect(),
            open: domain.open,
            digest: domain.digest.as_ref().map(|list| source.algorithms(list)).transpose()?,
        });
    }
    Ok(config)
}

/// `SPEC=HOST[:PORT]`, as in `--advertise`.
pub(crate) fn advertise(text: &str) -> Result<Advertise, String> {
    let expected = "expected SPEC=HOST[:PORT], for example udp:0.0.0.0:5060=sip.example.org";
    let (spec, public) = text.split_once('=').ok_or(expected)?;
    let listener: ListenSpec = spec.parse().map_err(|e| format!("{e}"))?;
    let bracket = public.rfind(']').map_or(0, |at| at + 1);
    let rest = public.get(bracket..).unwrap_or_default();
    let (host, port) = match rest.split_once(':') {
        Some((before, port)) => {
            let port = port.parse().ok().filter(|port| *port != 0).ok_or(expected)?;
            (public.get(..bracket + before.len()).unwrap_or_default(), Some(port))
        }
        None => (public, None),
    };
    let host: HostBuf = host.parse().map_err(|_| format!("`{host}` is no host; {expected}"))?;
    Ok(Advertise { listener, host, port })
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

/// A name that a domain may have: a host name or a bracketless IP address.
pub(crate) fn domain_name(name: &str) -> Result<String, String> {
    let fine = name.parse::<HostBuf>().is_ok() || name.parse::<IpAddr>().is_ok();
    if fine {
        Ok(name.to_ascii_lowercase())
    } else {
        Err(format!("`{name}` is no domain name; write for example example.org"))
    }
}

/// How much to log.
pub(crate) fn log_level(level: &str) -> Result<String, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    if LEVELS.contains(&level) {
        return Ok(level.to_owned());
    }
    Err(format!("`{level}` is no log level; known are {}{}", LEVELS.join(", "), did_you_mean(level, LEVELS)))
}

/// How many workers.
pub(crate) fn check_workers(workers: usize) -> Result<usize, String> {
    match workers {
        1..=256 => Ok(workers),
        _ => Err(format!("{workers} workers cannot be; write a number from 1 to 256")),
    }
}

/// `; did you mean …?` where one of the known words is near.
fn did_you_mean<const N: usize>(word: &str, known: [&str; N]) -> String {
    nearest(word, &known).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_ascii_lowercase()), *candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().div_ceil(3))
        .min()
        .map(|(_, candidate)| candidate)
}

struct Source<'a> {
    name: &'a str,
    text: &'a str,
}

impl Source<'_> {
    fn algorithms(&self, list: &[Spanned<String>]) -> Result<Vec<Algorithm>, ConfigError> {
        list.iter().map(|one| algorithm(one.get_ref()).map_err(|e| self.at(one.span(), e))).collect()
    }

    fn at(&self, span: Range<usize>, cause: impl std::fmt::Display) -> ConfigError {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let number = before.matches('\n').count() + 1;
        let line = self.text.get(line_start..).unwrap_or_default().lines().next().unwrap_or_default();
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        let width = self
            .text
            .get(span)
            .map_or(1, |marked| marked.lines().next().unwrap_or_default().chars().count())
            .max(1);
        let gutter = number.to_string().len();
        let excerpt = format!(
            "{number} | {line}\n{:gutter$} | {:skip$}{}",
            "",
            "",
            "^".repeat(width),
            skip = column - 1
        );
        ConfigError {
            place: format!("{}:{number}:{column}", self.name),
            cause: cause.to_string(),
            excerpt: Some(excerpt),
            cure: None,
        }
    }

    /// What the TOML reader complains of, in our words where it is a misspelt key.
    fn syntax(&self, error: &toml::de::Error) -> ConfigError {
        let span = error.span().unwrap_or(0..0);
        let message = error.message();
        let mut at = self.at(span, message.lines().next().unwrap_or(message));
        let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
        if let (true, [unknown, known @ ..]) = (message.starts_with("unknown field"), quoted.as_slice()) {
            at.cause = format!("`{unknown}` is no key here");
            let near = nearest(unknown, known).map(|near| format!("did you mean `{near}`? "));
            at.cure = Some(format!("{}expected one of: {}", near.unwrap_or_default(), known.join(", ")));
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(error.cause.contains("1 to 256"), "{error}");
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
    fn an_advertised_address_may_be_ipv6() {
        let six = advertise("udp:[::]:5060=[2001:db8::1]:5070").expect("fine");
        assert_eq!((six.host.to_string().as_str(), six.port), ("[2001:db8::1]", Some(5070)));
        assert_eq!(advertise("udp:[::]:5060=[2001:db8::1]").expect("fine").port, None);
        assert!(advertise("sip.example.org").is_err());
        assert!(advertise("udp:0.0.0.0:5060=a:0").is_err());
    }
}
