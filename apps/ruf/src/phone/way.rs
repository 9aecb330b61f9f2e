//! By which way sound goes: the flags for ICE and its servers.

use ruf_sip::{Account, Error, Ice};
use serde::Deserialize;

use crate::secret;

/// What is said of ICE.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct WayArgs {
    /// ICE: `auto` offers it if a STUN or TURN server is named, and takes it wherever it is offered.
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(super) ice: When,
    /// A STUN server, HOST or HOST:PORT: it says what our ports look like from outside (repeatable).
    #[arg(long, value_name = "SERVER")]
    pub(super) stun: Vec<String>,
    /// A TURN server, USER@HOST or USER@HOST:PORT: it lends an address for sound where no other way leads through.
    #[arg(long, value_name = "SERVER", requires = "turn_password")]
    pub(super) turn: Option<String>,
    /// The password there; @FILE keeps it out of `ps`.
    #[arg(long, value_name = "SECRET", requires = "turn")]
    pub(super) turn_password: Option<String>,
}

/// When the best way for sound is sought.
#[derive(clap::ValueEnum, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum When {
    #[default]
    Auto,
    Off,
    Offered,
}

impl WayArgs {
    /// The account with that.
    pub(super) fn of(&self, mut account: Account) -> Result<Account, Error> {
        for server in &self.stun {
            account = account.stun(server)?;
        }
        if let Some(turn) = &self.turn {
            let Some((user, server)) = turn.rsplit_once('@').filter(|(user, _)| !user.is_empty()) else {
                return Err(Error::Address(format!("`{turn}` names nobody there: expected USER@HOST")));
            };
            let Some(password) = &self.turn_password else {
                return Err(Error::Address(format!("`{turn}` needs a password: turn_password")));
            };
            let read = secret::read(password).map_err(|error| format!("the password of TURN: {error}"));
            account = account.turn(server, user, &read.map_err(Error::Address)?)?;
        }
        Ok(account.ice(match self.ice {
            When::Auto => Ice::WhereItHelps,
            When::Off => Ice::Off,
            When::Offered => Ice::Offered,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_server_is_refused_in_words() {
        let of = |turn: &str, password: Option<&str>| {
            let (turn, turn_password) = (Some(turn.to_owned()), password.map(str::to_owned));
            WayArgs { turn, turn_password, ..WayArgs::default() }.of(Account::direct("")).map(drop)
        };
        assert!(of("alice@example.org@turn.example.org:3479", Some("x")).is_ok());
        for (turn, password, cause) in [
            ("turn.example.org", Some("x"), "names nobody there"),
            ("@turn.example.org", Some("x"), "names nobody there"),
            ("alice@", Some("x"), "is no STUN or TURN server"),
            ("alice@h", None, "needs a password"),
            ("alice@h", Some("@/none"), "/none cannot be read"),
        ] {
            let error = of(turn, password).unwrap_err().to_string();
            assert!(error.contains(cause), "{turn}: {error}");
        }
    }
}
