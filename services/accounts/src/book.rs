//! Accounts in RAM, found by name, by alias and by the hash that stands for a name.

use std::collections::HashMap;

use ruf_admission::Account;
use ruf_auth::{Algorithm, userhash};

/// Accounts of all domains. Names and aliases share one space per domain; who keeps them apart is
/// [`crate::Accounts`], which asks before it inserts.
#[derive(Debug, Default)]
pub(crate) struct Book {
    accounts: Vec<Option<Account>>,
    vacant: Vec<usize>,
    domains: HashMap<Box<str>, Names>,
}

#[derive(Debug, Default)]
struct Names {
    /// Names and aliases.
    by_name: HashMap<Box<str>, usize>,
    /// The first half of each hash of a name. A full one is compared before it counts.
    by_userhash: HashMap<[u8; 16], usize>,
}

impl Book {
    pub(crate) fn len(&self) -> usize {
        self.accounts.len() - self.vacant.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Account> {
        self.accounts.iter().flatten()
    }

    /// By name, not by alias.
    pub(crate) fn named(&self, domain: &str, user: &str) -> Option<&Account> {
        self.called(domain, user).filter(|account| is_named(account, domain, user))
    }

    /// By name or alias.
    pub(crate) fn called(&self, domain: &str, name: &str) -> Option<&Account> {
        self.account(*self.domains.get(domain)?.by_name.get(name)?)
    }

    /// By what a client sends that was asked to hide the name; lower-case hexadecimal.
    // rfc7616 §3.4.4
    pub(crate) fn hashed(&self, domain: &str, algorithm: Algorithm, hash: &str) -> Option<&Account> {
        let names = self.domains.get(domain)?;
        let account = self.account(*names.by_userhash.get(hash.as_bytes().first_chunk()?)?)?;
        (userhash(algorithm, account.user(), account.domain()).as_str() == hash).then_some(account)
    }

    /// Puts `account` in; one of the same name is replaced.
    pub(crate) fn insert(&mut self, account: Account) {
        self.remove(account.domain(), account.user());
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.accounts.push(None);
            self.accounts.len() - 1
        });
        for (domain, name) in names_of(&account) {
            self.domains.entry(domain.into()).or_default().by_name.insert(name.into(), slot);
        }
        let names = self.domains.entry(account.domain().into()).or_default();
        for start in userhashes(&account) {
            names.by_userhash.insert(start, slot);
        }
        if let Some(place) = self.accounts.get_mut(slot) {
            *place = Some(account);
        }
    }

    pub(crate) fn remove(&mut self, domain: &str, user: &str) -> Option<Account> {
        let slot = *self.domains.get(domain)?.by_name.get(user)?;
        let place = self.accounts.get_mut(slot)?;
        let account = place.take_if(|account| is_named(account, domain, user))?;
        for (domain, name) in names_of(&account) {
            if let Some(names) = self.domains.get_mut(domain) {
                names.by_name.remove(name);
            }
        }
        if let Some(names) = self.domains.get_mut(domain) {
            for start in userhashes(&account) {
                names.by_userhash.remove(&start);
            }
        }
        self.vacant.push(slot);
        Some(account)
    }

    fn account(&self, slot: usize) -> Option<&Account> {
        self.accounts.get(slot)?.as_ref()
    }
}

fn is_named(account: &Account, domain: &str, user: &str) -> bool {
    account.domain() == domain && account.user() == user
}

/// Domain and name of everything that an account is called. An alias with a domain of its own
/// (`info@example.net`) belongs there.
pub(crate) fn names_of(account: &Account) -> impl Iterator<Item = (&str, &str)> {
    let aliases = account.aliases.iter().map(|alias| match alias.split_once('@') {
        Some((name, domain)) => (domain, name),
        None => (account.domain(), alias.as_str()),
    });
    std::iter::once((account.domain(), account.user())).chain(aliases)
}

fn userhashes(account: &Account) -> impl Iterator<Item = [u8; 16]> {
    Algorithm::ALL.into_iter().filter_map(|algorithm| {
        userhash(algorithm, account.user(), account.domain()).as_bytes().first_chunk().copied()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_account_leaves_nothing_and_its_place_is_used_again() {
        let mut book = Book::default();
        for number in 0..10 {
            let mut account = Account::with_password(&format!("user{number}"), "a.example", "x");
            account.aliases = vec!["100".into(), "info@b.example".into()];
            book.insert(account.clone());
            book.insert(account);
            assert_eq!((book.len(), book.iter().count(), book.accounts.len()), (1, 1, 1));
            assert!(book.remove("a.example", "100").is_none(), "an alias is no name");
            assert!(book.remove("a.example", &format!("user{number}")).is_some());
        }
        assert_eq!((book.len(), book.iter().count()), (0, 0));
        for names in book.domains.values() {
            assert_eq!((names.by_name.len(), names.by_userhash.len()), (0, 0));
        }
    }
}
