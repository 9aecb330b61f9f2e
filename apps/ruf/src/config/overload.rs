//! `[overload]`: what is done when there is more to do than can be done.

use serde::Deserialize;

use super::Config;

/// The section as it is written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct OverloadSection {
    refuse_early: Option<bool>,
}

impl OverloadSection {
    /// Writes what is said here into the configuration.
    pub(super) fn read(self, config: &mut Config) {
        config.refuse_early = self.refuse_early.unwrap_or(config.refuse_early);
    }
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
}
