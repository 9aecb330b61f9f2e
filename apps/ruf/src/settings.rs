//! The command line on top of the file: what the server really runs by.

use ruf_admission::Policy;
use ruf_routing::DialPlan;

use crate::config::{self, Config, ConfigError, DomainConfig};
use crate::{Place, ServeArgs, secret};

/// Said at start-up, by `config check` and in the README: it must not surprise anybody.
pub(crate) const NO_EMERGENCY_CALLS: &str =
    "note: emergency calls (urn:service:sos, 112, 911 and the like) do not work: no rule says where they go";

/// File and flags, the flags winning.
pub(crate) fn of_serve(args: &ServeArgs) -> Result<Config, ConfigError> {
    let mut config = match &args.config {
        Some(path) => config::load(path)?,
        None => Config::default(),
    };
    if let Some(data) = &args.data {
        config.data.clone_from(data);
    }
    if !args.domain.is_empty() {
        config.domains = domains(&args.domain, &config.domains)?;
    }
    if !args.listen.is_empty() {
        config.listen.clear();
        for text in &args.listen {
            config.listen_at(text).map_err(|e| ConfigError::flag("--listen", e))?;
        }
    }
    if !args.advertise.is_empty() {
        config.advertise = each("--advertise", &args.advertise, config::advertise)?;
    }
    if !args.user.is_empty() {
        config.users = each("--user", &args.user, user)?;
    }
    if !args.trust.is_empty() {
        config.trust = each("--trust", &args.trust, config::trust)?;
    }
    if let Some(list) = &args.digest {
        config.digest = config::digest_list(list).map_err(|e| ConfigError::flag("--digest", e))?;
    }
    if let Some(dns) = &args.dns {
        config.dns = Some(config::dns(dns).map_err(|e| ConfigError::flag("--dns", e))?);
    }
    if let Some(workers) = args.workers {
        config.workers = config::check_workers(workers).map_err(|e| ConfigError::flag("--workers", e))?;
    }
    if let Some(level) = &args.log {
        config.log = config::log_level(level).map_err(|e| ConfigError::flag("--log", e))?;
    }
    config.self_test &= !args.no_self_test;
    Ok(config)
}

/// What the gate is told of it.
pub(crate) fn policy(config: &Config) -> Policy {
    Policy { trusted: config.trust.clone(), algorithms: config.digest.clone(), ..Policy::default() }
}

/// What routing is told of it.
pub(crate) fn plan(config: &Config) -> DialPlan {
    DialPlan { elsewhere: config.elsewhere.clone(), ..DialPlan::default() }
}

/// What a command other than `serve` works on: the file, and the data directory on top of it.
pub(crate) fn of_place(place: &Place) -> Result<Config, ConfigError> {
    let mut config = place.config.as_deref().map(config::load).transpose()?.unwrap_or_default();
    if let Some(data) = &place.data {
        config.data.clone_from(data);
    }
    Ok(config)
}

fn each<T>(
    flag: &str,
    texts: &[String],
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, ConfigError> {
    texts.iter().map(|text| read(text).map_err(|e| ConfigError::flag(flag, e))).collect()
}

/// The domains of the flags, each with what the file says of it.
fn domains(names: &[String], of_file: &[DomainConfig]) -> Result<Vec<DomainConfig>, ConfigError> {
    each("--domain", names, |name| {
        let name = config::domain_name(name)?;
        let known = of_file.iter().find(|domain| domain.name == name).cloned();
        Ok(known.unwrap_or_else(|| DomainConfig::new(name)))
    })
}

/// `NAME:SECRET` or `NAME:@FILE`.
fn user(text: &str) -> Result<(String, String), String> {
    let expected = "expected NAME:SECRET or NAME:@FILE";
    // The secret itself is never repeated in a message.
    let (name, secret) = text.split_once(':').ok_or(expected)?;
    if name.is_empty() || secret.is_empty() {
        return Err(expected.to_owned());
    }
    let secret = secret::read(secret).map_err(|error| format!("the secret of {name}: {error}"))?;
    Ok((name.to_owned(), secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_may_come_from_a_file_and_is_never_repeated() {
        assert_eq!(user("alice:s3:cret"), Ok(("alice".into(), "s3:cret".into())));
        let error = user("alice:@/nonexistent/file").unwrap_err();
        assert!(error.contains("cannot be read"), "{error}");
        assert!(user("alices3cret").is_err_and(|error| !error.contains("s3cret")));
        assert!(user("alice:").is_err());
    }

    #[test]
    fn a_domain_of_the_flags_keeps_what_the_file_says_of_it() {
        let file =
            config::parse("f", "[[domain]]\nname = \"a.example\"\nopen = true\nservice_route = true\n")
                .expect("fine");
        let merged = domains(&["b.example".into(), "A.example".into()], &file.domains).expect("fine");
        assert_eq!(
            merged.iter().map(|d| (d.name.as_str(), d.open, d.service_route)).collect::<Vec<_>>(),
            [("b.example", false, false), ("a.example", true, true)]
        );
    }
}
