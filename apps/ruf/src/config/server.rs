//! `[server]`: where the server lives and listens.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ruf_message::HostBuf;
use ruf_net::ListenSpec;
use ruf_node::crossing::WORKERS_MAX;
use serde::Deserialize;
use toml::Spanned;

use super::source::{Source, did_you_mean};
use super::{Config, ConfigError, Durability};

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

/// The section as it is written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct ServerSection {
    data: Option<PathBuf>,
    listen: Option<Vec<Spanned<String>>>,
    advertise: Option<Vec<Spanned<String>>>,
    workers: Option<Spanned<usize>>,
    rest_us: Option<Spanned<u64>>,
    udp_trains: Option<bool>,
    dns: Option<Spanned<String>>,
    log: Option<Spanned<String>>,
    self_test: Option<bool>,
    durability: Option<Spanned<String>>,
}

impl ServerSection {
    /// Writes what is said here into the configuration.
    pub(super) fn read(self, source: &Source<'_>, config: &mut Config) -> Result<(), ConfigError> {
        if let Some(data) = self.data {
            config.data = data;
        }
        for spec in self.listen.iter().flatten() {
            config.listen_at(spec.get_ref()).map_err(|e| source.at(spec.span(), e))?;
        }
        for text in self.advertise.iter().flatten() {
            config.advertise.push(advertise(text.get_ref()).map_err(|e| source.at(text.span(), e))?);
        }
        if let Some(workers) = self.workers {
            config.workers = check_workers(*workers.get_ref()).map_err(|e| source.at(workers.span(), e))?;
        }
        if let Some(micros) = self.rest_us {
            config.rest = rest(*micros.get_ref()).map_err(|e| source.at(micros.span(), e))?;
        }
        config.udp_trains = self.udp_trains.unwrap_or(config.udp_trains);
        if let Some(text) = self.dns {
            config.dns = Some(dns(text.get_ref()).map_err(|e| source.at(text.span(), e))?);
        }
        if let Some(log) = self.log {
            config.log = log_level(log.get_ref()).map_err(|e| source.at(log.span(), e))?;
        }
        config.self_test = self.self_test.unwrap_or(config.self_test);
        if let Some(text) = self.durability {
            config.durability = durability(text.get_ref()).map_err(|e| source.at(text.span(), e))?;
        }
        Ok(())
    }
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

/// How long a busy worker rests, in microseconds: longer, people would hear it.
fn rest(micros: u64) -> Result<Duration, String> {
    const MICROS_MAX: u64 = 10_000;
    match micros {
        0..=MICROS_MAX => Ok(Duration::from_micros(micros)),
        _ => Err(format!("{micros} us are too long; write a number from 0 (never) to {MICROS_MAX}")),
    }
}

/// The name server, as in `--dns`.
pub(crate) fn dns(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("`{text}` is no IP:PORT; write for example 127.0.0.53:53"))
}

/// How much to log.
pub(crate) fn log_level(level: &str) -> Result<String, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    if LEVELS.contains(&level) {
        return Ok(level.to_owned());
    }
    Err(format!("`{level}` is no log level; known are {}{}", LEVELS.join(", "), did_you_mean(level, LEVELS)))
}

/// Whether bindings outlive the process.
fn durability(text: &str) -> Result<Durability, String> {
    match text {
        "disk" => Ok(Durability::Disk),
        "memory" => Ok(Durability::Memory),
        _ => Err(format!(
            "`{text}` is no durability; known are disk, memory{}",
            did_you_mean(text, ["disk", "memory"])
        )),
    }
}

/// How many workers.
pub(crate) fn check_workers(workers: usize) -> Result<u8, String> {
    match u8::try_from(workers) {
        Ok(workers @ 1..=WORKERS_MAX) => Ok(workers),
        _ => Err(format!("{workers} workers cannot be; write a number from 1 to {WORKERS_MAX}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durability_is_disk_or_memory() {
        assert_eq!(durability("memory"), Ok(Durability::Memory));
        assert_eq!(durability("disk"), Ok(Durability::Disk));
        assert!(durability("memry").is_err_and(|error| error.contains("did you mean `memory`?")));
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
