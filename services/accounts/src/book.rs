//! Accounts in RAM, found by name, by alias and by the hash that stands for a name.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use ruf_admission::Account;
use ruf_auth::{Algorithm, userhash};

/// Accounts of all domains. Names and aliases share one space per domain; who keeps them apart is
/// [`crate::Accounts`], which asks before it inserts.
#[derive(Debug, Default)]
pub(crate) struct Book {
    accounts: Vec<Option<Account>>,
    vacant: Vec<Slot>,
    /// By names and aliases.
    by_name: Index,
    /// By the hashes of names.
    by_userhash: Index,
    hasher: RandomState,
    /// Accounts with algorithms of their own.
    with_algorithms: usize,
}

/// Which of the accounts; far fewer than 2**32 fit into memory.
type Slot = u32;

impl Book {
    pub(crate) fn len(&self) -> usize {
        self.accounts.len() - self.vacant.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Account> {
        self.accounts.iter().flatten()
    }

    /// By name, not by alias.
    pub(crate) fn named(&self, domain: &str, user: &str) -> Option<&Account> {
        self.find(domain, user, |account| account.address.is_of(user, domain))
    }

    /// By name or alias.
    pub(crate) fn called(&self, domain: &str, name: &str) -> Option<&Account> {
        self.find(domain, name, |account| {
            account.address.is_of(name, domain) || aliases_of(account).any(|alias| alias == (domain, name))
        })
    }

    /// By what a client sends that was asked to hide the name; lower-case hexadecimal.
    // rfc7616 §3.4.4
    pub(crate) fn hashed(&self, domain: &str, algorithm: Algorithm, hash: &str) -> Option<&Account> {
        let is_it = |account: &Account| {
            account.domain() == domain && userhash(algorithm, account.user(), domain).as_str() == hash
        };
        let tag = userhash_tag(hash.as_bytes())?;
        self.account(self.by_userhash.find(tag, |slot| self.account(slot).is_some_and(is_it))?)
    }

    /// Whether any account has algorithms of its own.
    pub(crate) fn any_has_algorithms(&self) -> bool {
        self.with_algorithms > 0
    }

    /// Puts `account` in; one of the same name is replaced.
    pub(crate) fn insert(&mut self, account: Account) {
        self.remove(account.domain(), account.user());
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.accounts.push(None);
            Slot::try_from(self.accounts.len() - 1).unwrap_or(Slot::MAX)
        });
        for (domain, name) in names_of(&account) {
            self.by_name.insert(self.hasher.hash_one((domain, name)), slot);
        }
        for tag in userhash_tags(&account) {
            self.by_userhash.insert(tag, slot);
        }
        self.with_algorithms += usize::from(account.algorithms.is_some());
        if let Some(place) = self.accounts.get_mut(slot as usize) {
            *place = Some(account);
        }
    }

    pub(crate) fn remove(&mut self, domain: &str, user: &str) -> Option<Account> {
        let is_it =
            |slot: Slot| self.account(slot).is_some_and(|account| account.address.is_of(user, domain));
        let slot = self.by_name.find(self.hasher.hash_one((domain, user)), is_it)?;
        let account = self.accounts.get_mut(slot as usize)?.take()?;
        for (domain, name) in names_of(&account) {
            self.by_name.remove(self.hasher.hash_one((domain, name)), slot);
        }
        for tag in userhash_tags(&account) {
            self.by_userhash.remove(tag, slot);
        }
        self.with_algorithms -= usize::from(account.algorithms.is_some());
        self.vacant.push(slot);
        Some(account)
    }

    fn find(&self, domain: &str, name: &str, is_it: impl Fn(&Account) -> bool) -> Option<&Account> {
        if self.by_name.0.is_empty() {
            return None; // most often none is of this run alone
        }
        let hash = self.hasher.hash_one((domain, name));
        self.account(self.by_name.find(hash, |slot| self.account(slot).is_some_and(&is_it))?)
    }

    fn account(&self, slot: Slot) -> Option<&Account> {
        self.accounts.get(slot as usize)?.as_ref()
    }
}

/// Where accounts stand, by hashes of something about them. What that was stands in the account alone: an entry has
/// eight octets, and to find one among a hundred thousand fetches little from memory.
#[derive(Debug, Default)]
struct Index(HashTable<Entry>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    /// The half of the hash that counts.
    tag: u32,
    slot: Slot,
}

impl Entry {
    /// Spreads the tag over all bits, as the table wants it.
    fn hash(&self) -> u64 {
        u64::from(self.tag).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

impl Index {
    fn find(&self, hash: u64, is_it: impl Fn(Slot) -> bool) -> Option<Slot> {
        let tag = hash as u32;
        let found = self.0.find(Entry { tag, slot: 0 }.hash(), |entry| entry.tag == tag && is_it(entry.slot));
        found.map(|entry| entry.slot)
    }

    fn insert(&mut self, hash: u64, slot: Slot) {
        let entry = Entry { tag: hash as u32, slot };
        self.0.insert_unique(entry.hash(), entry, Entry::hash);
    }

    fn remove(&mut self, hash: u64, slot: Slot) {
        let entry = Entry { tag: hash as u32, slot };
        if let Ok(found) = self.0.find_entry(entry.hash(), |other| *other == entry) {
            found.remove();
        }
    }
}

/// Domain and name of everything that an account is called.
pub(crate) fn names_of(account: &Account) -> impl Iterator<Item = (&str, &str)> {
    std::iter::once((account.domain(), account.user())).chain(aliases_of(account))
}

/// The same of its aliases. One with a domain of its own (`info@example.net`) belongs there.
fn aliases_of(account: &Account) -> impl Iterator<Item = (&str, &str)> {
    account.aliases.iter().map(|alias| match alias.split_once('@') {
        Some((name, domain)) => (domain, name),
        None => (account.domain(), alias.as_str()),
    })
}

/// The beginnings of the hashes of its name.
fn userhash_tags(account: &Account) -> impl Iterator<Item = u64> {
    Algorithm::ALL.into_iter().filter_map(|algorithm| {
        userhash_tag(userhash(algorithm, account.user(), account.domain()).as_bytes())
    })
}

/// The first digits of a hash, which are as good as a hash of it.
fn userhash_tag(hash: &[u8]) -> Option<u64> {
    let digits = str::from_utf8(hash.get(..16)?).ok()?;
    u64::from_str_radix(digits, 16).ok()
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
        assert_eq!((book.by_name.0.len(), book.by_userhash.0.len()), (0, 0));
    }

    #[test]
    fn each_is_found_by_its_own_names_among_many() {
        let mut book = Book::default();
        let name = |number: u32| format!("user{number}");
        for number in 0..1_000 {
            let mut account = Account::with_password(&name(number), "a.example", "x");
            account.aliases = vec![number.to_string(), format!("{number}@b.example")];
            book.insert(account);
        }
        for number in 0..1_000 {
            let (name, alias) = (name(number), number.to_string());
            let is_it = |found: Option<&Account>| found.is_some_and(|account| account.user() == name);
            assert!(is_it(book.named("a.example", &name)) && is_it(book.called("a.example", &name)));
            assert!(is_it(book.called("a.example", &alias)) && is_it(book.called("b.example", &alias)));
            assert!(book.named("a.example", &alias).is_none() && book.named("b.example", &alias).is_none());
            assert!(book.called("b.example", &name).is_none());
            let hash = userhash(Algorithm::Md5, &name, "a.example");
            assert!(is_it(book.hashed("a.example", Algorithm::Md5, hash.as_str())));
            assert!(book.hashed("b.example", Algorithm::Md5, hash.as_str()).is_none());
            assert!(book.hashed("a.example", Algorithm::Sha256, hash.as_str()).is_none());
        }
    }

    #[test]
    fn it_is_known_whether_any_has_algorithms_of_its_own() {
        let mut book = Book::default();
        let mut account = Account::with_password("alice", "a.example", "x");
        book.insert(account.clone());
        assert!(!book.any_has_algorithms());
        account.algorithms = Some(vec![Algorithm::Md5]);
        book.insert(account.clone());
        book.insert(account.clone());
        assert!(book.any_has_algorithms());
        account.algorithms = None;
        book.insert(account);
        assert!(!book.any_has_algorithms());
    }
}
