//! An account as bytes in the store: the key `user@domain`, the value a JSON object.
//!
//! Whoever changes what is written here raises the store's schema (`ruf_store::SCHEMA`).

use ruf_admission::Account;
use ruf_auth::Algorithm;
use ruf_store::Space;
use serde::{Deserialize, Serialize};

/// Where accounts are kept.
pub(crate) const ACCOUNTS: Space = Space::new("accounts");

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    /// As `ruf_auth::Ha1` writes it.
    ha1: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<String>,
    /// `None`: those of the domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    algorithms: Option<Vec<String>>,
}

/// A name has no @ (`name.rs`), so the first one ends it.
pub(crate) fn key(account: &Account) -> Vec<u8> {
    account.address.as_str().as_bytes().to_vec()
}

pub(crate) fn encode(account: &Account) -> Vec<u8> {
    let record = Record {
        ha1: account.ha1.to_text(),
        aliases: account.aliases.clone(),
        algorithms: account.algorithms.as_ref().map(|list| list.iter().map(Algorithm::to_string).collect()),
    };
    // Strings and lists of strings: there is nothing in it that JSON could not write.
    serde_json::to_vec(&record).unwrap_or_default()
}

/// `Err` says what is wrong with the row.
pub(crate) fn decode(key: &[u8], value: &[u8]) -> Result<Account, String> {
    let key = str::from_utf8(key).map_err(|_| "its key is not text")?;
    let (user, domain) = key.split_once('@').ok_or("its key has no domain")?;
    let ha1 = |text: &str| text.parse().map_err(|error: ruf_auth::NotAnHa1| error.to_string());
    let record: Record = serde_json::from_slice(value).map_err(|error| error.to_string())?;
    let algorithms = match record.algorithms {
        None => None,
        Some(names) => {
            let parsed: Result<Vec<Algorithm>, _> = names.iter().map(|name| name.parse()).collect();
            Some(parsed.map_err(|error| error.to_string())?)
        }
    };
    let mut account = Account::new(user, domain, ha1(&record.ha1)?);
    account.aliases = record.aliases;
    account.algorithms = algorithms;
    Ok(account)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alice() -> Account {
        let mut alice = Account::with_password("alice", "a.example", "wonder");
        alice.aliases = vec!["+49301".into(), "info@b.example".into()];
        alice.algorithms = Some(vec![Algorithm::Md5]);
        alice
    }

    #[test]
    fn what_is_written_is_read_back() {
        let one = alice();
        let two = decode(&key(&one), &encode(&one)).unwrap();
        assert_eq!((two.address, two.aliases), (one.address, one.aliases));
        assert_eq!((two.ha1, two.algorithms, two.hidden), (one.ha1, one.algorithms, false));
    }

    #[test]
    fn the_password_is_not_in_what_is_written() {
        let bytes = encode(&alice());
        assert!(!String::from_utf8(bytes).unwrap().contains("wonder"));
    }

    #[test]
    fn a_row_that_is_no_account_says_why() {
        let good = encode(&alice());
        for (key, value) in [
            (&b"alice"[..], &good[..]),
            (b"\xff@a", &good),
            (b"alice@a", b"{}"),
            (b"alice@a", b"{\"ha1\":\"MD5:12\"}"),
            (b"alice@a", b"\x00"),
        ] {
            assert!(decode(key, value).is_err(), "{key:?} {value:?}");
        }
    }
}
