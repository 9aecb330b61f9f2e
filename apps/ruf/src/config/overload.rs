//! `[overload]`: what is done when there is more to do than can be done, and with whom it is agreed.

use ruf_admission::Cidr;
use serde::Deserialize;
use toml::Spanned;

use super::source::Source;
use super::{Config, ConfigError};

/// The section as it is written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct OverloadSection {
    refuse_early: Option<bool>,
    neighbours: Option<Vec<Spanned<String>>>,
}

impl OverloadSection {
    /// Writes what is said here into the configuration.
    pub(super) fn read(self, source: &Source<'_>, config: &mut Config) -> Result<(), ConfigError> {
        config.refuse_early = self.refuse_early.unwrap_or(config.refuse_early);
        for text in self.neighbours.iter().flatten() {
            config.neighbours.push(neighbour(text.get_ref()).map_err(|e| source.at(text.span(), e))?);
        }
        Ok(())
    }
}

/// A server with which overload is agreed. Not everybody: a network of all addresses would let anybody ask
/// us to send less.
fn neighbour(text: &str) -> Result<Cidr, String> {
    let is_everybody = text.rsplit_once('/').is_some_and(|(_, bits)| bits.bytes().all(|digit| digit == b'0'));
    text.parse().ok().filter(|_| !is_everybody).ok_or_else(|| {
        format!("`{text}` is no neighbour; write its address or a network, for example 192.0.2.7")
    })
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    #[test]
    fn new_requests_are_refused_early_unless_the_file_says_no() {
        assert!(parse("ruf.toml", "[overload]\n").expect("fine").refuse_early);
        assert!(!parse("ruf.toml", "[overload]\nrefuse_early = false\n").expect("fine").refuse_early);
        let error = parse("ruf.toml", "[overload]\nrefuse_early = \"no\"\n").unwrap_err();
        assert_eq!(error.place, "ruf.toml:2:16");
    }

    #[test]
    fn neighbours_are_addresses_and_what_is_none_is_pointed_at() {
        let text = "[overload]\nneighbours = [\"192.0.2.7\", \"2001:db8::/64\"]\n";
        assert_eq!(parse("ruf.toml", text).expect("fine").neighbours.len(), 2);
        for wrong in ["sip.example.org", "0.0.0.0/0", "0.0.0.0/00", "::/0"] {
            let text = format!("[overload]\nneighbours = [\"{wrong}\"]\n");
            let error = parse("ruf.toml", &text).unwrap_err();
            assert_eq!(error.place, "ruf.toml:2:15");
            assert!(error.cause.contains("no neighbour"), "{error}");
        }
    }
}
