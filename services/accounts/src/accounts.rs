//! The repository: every change is in the store before it is in RAM, and in neither if it fails.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ruf_admission::{Account, AddressOfRecord, Lookup};
use ruf_auth::{Algorithm, Ha1};
use ruf_store::{Batch, Store};

use crate::book::{Book, names_of};
use crate::error::Error;
use crate::import::Row;
use crate::name::{canonical_alias, check_name};
use crate::record::{self, ACCOUNTS};
use crate::secret::check_secret;

/// How many.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Accounts in the store.
    pub accounts_max: usize,
    /// Aliases and numbers of one account.
    pub aliases_per_account_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { accounts_max: 1_000_000, aliases_per_account_max: 64 }
    }
}

/// Where an account comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The store.
    Stored,
    /// The command line or configuration of this run.
    ThisRun,
}

/// An account in a list.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'a> {
    /// The account.
    pub account: &'a Account,
    /// Where it comes from.
    pub origin: Origin,
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Accounts that are new.
    pub added: usize,
    /// Accounts that have a new secret.
    pub changed: usize,
}

/// All accounts, in RAM, and the store that keeps those that last: a handle, whose clones are handles on
/// the same. Every worker has one; what one changes all see.
///
/// Domains are names of served domains (not aliases of one), in any case; users are unescaped, and
/// their case counts.
#[derive(Clone, Debug)]
pub struct Accounts {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limits: Limits,
    /// Whoever changes a stored account holds it from the question whether that may be until RAM has it
    /// too. Nobody who reads waits for the disk.
    store: Mutex<Store>,
    books: RwLock<Books>,
}

/// All accounts as they are at one moment, to be looked up; nothing changes while it is held, so it is
/// held briefly.
#[derive(Debug)]
pub struct Reading<'a>(RwLockReadGuard<'a, Books>);

#[derive(Debug, Default)]
struct Books {
    stored: Book,
    /// Of this run only: given on the command line, or built in. They hide stored ones of that name.
    of_this_run: Book,
}

impl Accounts {
    /// Reads every account of `store`.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Record`].
    pub fn load(store: Store) -> Result<Self, Error> {
        Self::load_bounded(store, Limits::default())
    }

    /// As [`Accounts::load`], with bounds on what may be added later.
    ///
    /// # Errors
    /// As [`Accounts::load`].
    pub fn load_bounded(store: Store, limits: Limits) -> Result<Self, Error> {
        let mut stored = Book::default();
        let mut damaged = None;
        store.scan(ACCOUNTS, b"", |key, value| match record::decode(key, value) {
            Ok(account) => {
                stored.insert(account);
                ControlFlow::Continue(())
            }
            Err(cause) => {
                damaged = Some(Error::Record { key: String::from_utf8_lossy(key).into_owned(), cause });
                ControlFlow::Break(())
            }
        })?;
        match damaged {
            Some(error) => Err(error),
            None => Ok(Self::new(store, limits, Books { stored, of_this_run: Book::default() })),
        }
    }

    fn new(store: Store, limits: Limits, books: Books) -> Self {
        let (store, books) = (Mutex::new(store), RwLock::new(books));
        Self { shared: Arc::new(Shared { limits, store, books }) }
    }

    /// The accounts, to be looked up.
    #[must_use]
    pub fn read(&self) -> Reading<'_> {
        // Whoever panicked left a whole account or none: nothing here panics half way.
        Reading(self.shared.books.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The store beneath, whose other spaces are other services'. No account changes while it is held.
    pub fn store(&self) -> MutexGuard<'_, Store> {
        self.shared.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Books> {
        self.shared.books.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are stored.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read().0.stored.len()
    }

    /// Whether none is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Stores a new account.
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::Taken`], [`Error::Name`], [`Error::Secret`], [`Error::Full`],
    /// [`Error::Store`].
    pub fn add(&self, domain: &str, user: &str, secret: &str) -> Result<(), Error> {
        let account = made(domain, user, secret)?;
        let store = self.store();
        {
            let Reading(books) = self.read();
            if books.stored.named(account.domain(), user).is_some() {
                return Err(Error::Exists { address: account.address.to_string() });
            }
            books.may_grow(1, &self.shared.limits)?;
            books.names_are_free(&account)?;
        }
        self.keep(store, account)
    }

    /// Gives a stored account a new secret. Nonces answered with the old one fail from now on.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::OfThisRun`], [`Error::Secret`], [`Error::Store`].
    pub fn set_secret(&self, domain: &str, user: &str, secret: &str) -> Result<(), Error> {
        check_secret(secret).map_err(Error::Secret)?;
        let store = self.store();
        let mut account = self.stored(domain, user)?;
        account.ha1 = Ha1::new(user, account.domain(), secret);
        self.keep(store, account)
    }

    /// Gives a stored account these aliases and numbers in place of those it has.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::Name`], [`Error::Taken`], [`Error::TooManyAliases`],
    /// [`Error::Store`].
    pub fn set_aliases(&self, domain: &str, user: &str, aliases: &[String]) -> Result<(), Error> {
        let store = self.store();
        let mut account = self.stored(domain, user)?;
        account.aliases = checked_aliases(user, aliases, &self.shared.limits)?;
        self.read().0.names_are_free(&account)?;
        self.keep(store, account)
    }

    /// Gives a stored account its own digest algorithms; `None`: those of its domain.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::Store`].
    pub fn set_algorithms(
        &self,
        domain: &str,
        user: &str,
        algorithms: Option<Vec<Algorithm>>,
    ) -> Result<(), Error> {
        let store = self.store();
        let mut account = self.stored(domain, user)?;
        account.algorithms = algorithms;
        self.keep(store, account)
    }

    /// Removes a stored account. Its bindings are the registrar's to remove.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::Store`].
    pub fn remove(&self, domain: &str, user: &str) -> Result<(), Error> {
        let mut store = self.store();
        let account = self.stored(domain, user)?;
        store.delete(ACCOUNTS, &record::key(&account))?;
        self.write().stored.remove(account.domain(), account.user());
        Ok(())
    }

    /// Stores all `rows` or none, in one batch. A row of an account that exists gives it a new secret,
    /// and new aliases if the row has any. `progress` is called now and then with the number of rows
    /// done; the last part, writing, has no steps.
    ///
    /// # Errors
    /// [`Error::Line`] with the row that cannot be taken, [`Error::Full`], [`Error::Store`].
    pub fn import(&self, rows: &[Row], progress: &mut dyn FnMut(usize)) -> Result<Imported, Error> {
        const ROWS_BETWEEN_PROGRESS: usize = 1_000;
        let mut imported = Imported::default();
        let mut batch = Batch::new();
        let mut accounts = Vec::with_capacity(rows.len());
        let mut names = HashSet::new();
        let mut store = self.store();
        for (done, row) in rows.iter().enumerate() {
            if done % ROWS_BETWEEN_PROGRESS == 0 {
                progress(done);
            }
            let wrong = |cause| Error::Line { line: row.line, cause: Box::new(cause) };
            let (account, is_new) = self.read().0.imported(row, &self.shared.limits).map_err(wrong)?;
            *(if is_new { &mut imported.added } else { &mut imported.changed }) += 1;
            for (domain, name) in names_of(&account) {
                if !names.insert((domain.to_owned(), name.to_owned())) {
                    return Err(wrong(Error::Taken {
                        name: name.to_owned(),
                        by: "an earlier line".to_owned(),
                    }));
                }
            }
            batch.push_put(ACCOUNTS, &record::key(&account), &record::encode(&account));
            accounts.push(account);
        }
        self.read().0.may_grow(imported.added, &self.shared.limits)?;
        store.batch(batch)?;
        let mut books = self.write();
        for account in accounts {
            books.stored.insert(account);
        }
        drop((books, store));
        progress(rows.len());
        Ok(imported)
    }

    /// An account of this run only: never stored, and hiding a stored one of the same name.
    ///
    /// # Errors
    /// [`Error::Name`], [`Error::Secret`].
    pub fn add_of_this_run(&self, domain: &str, user: &str, secret: &str) -> Result<(), Error> {
        let account = made(domain, user, secret)?;
        self.write().of_this_run.insert(account);
        Ok(())
    }

    /// Has these accounts of this run and no others; built-in ones stay. Says whose are gone: their
    /// bindings are the registrar's to remove.
    ///
    /// # Errors
    /// [`Error::Name`], [`Error::Secret`]; then nothing has changed.
    pub fn set_of_this_run(
        &self,
        domain: &str,
        users: &[(String, String)],
    ) -> Result<Vec<AddressOfRecord>, Error> {
        let mut book = Book::default();
        for (user, secret) in users {
            book.insert(made(domain, user, secret)?);
        }
        let mut books = self.write();
        let (built_in, given): (Vec<_>, Vec<_>) = books.of_this_run.iter().partition(|one| one.hidden);
        let gone = given.into_iter().filter(|one| book.named(one.domain(), one.user()).is_none());
        let gone = gone.map(|one| one.address.clone()).collect();
        let built_in: Vec<Account> = built_in.into_iter().cloned().collect();
        for account in built_in {
            book.insert(account);
        }
        books.of_this_run = book;
        Ok(gone)
    }

    /// A built-in account: of this run only, listed nowhere, reachable only by others of its kind.
    pub fn add_ephemeral(&self, domain: &str, user: &str, secret: &str) {
        let mut account = Account::with_password(user, domain, secret);
        account.hidden = true;
        self.write().of_this_run.insert(account);
    }

    /// Ends an account of this run, built-in or given. A stored one is left alone.
    pub fn forget(&self, domain: &str, user: &str) {
        self.write().of_this_run.remove(&domain.to_ascii_lowercase(), user);
    }

    fn stored(&self, domain: &str, user: &str) -> Result<Account, Error> {
        let domain = domain.to_ascii_lowercase();
        let Reading(books) = self.read();
        let found = books.stored.named(&domain, user).cloned();
        found.ok_or_else(|| {
            let address = format!("{user}@{domain}");
            match books.of_this_run.named(&domain, user) {
                Some(given) if !given.hidden => Error::OfThisRun { address },
                _ => Error::Unknown { address },
            }
        })
    }

    /// First on the disk, then in RAM; `store` has been held since it was asked whether that may be.
    fn keep(&self, mut store: MutexGuard<'_, Store>, account: Account) -> Result<(), Error> {
        store.put(ACCOUNTS, &record::key(&account), &record::encode(&account))?;
        self.write().stored.insert(account);
        Ok(())
    }
}

impl Reading<'_> {
    /// Everyone but the built-in ones, by domain and name.
    #[must_use]
    pub fn list(&self) -> Vec<Listed<'_>> {
        let of_this_run = self.0.of_this_run.iter().filter(|account| !account.hidden);
        let of_this_run = of_this_run.map(|account| Listed { account, origin: Origin::ThisRun });
        let stored = self.0.stored.iter().map(|account| Listed { account, origin: Origin::Stored });
        let mut all: Vec<Listed<'_>> = of_this_run.chain(stored).collect();
        all.sort_by(|one, two| by_domain_and_name(one.account).cmp(&by_domain_and_name(two.account)));
        // A stable sort leaves the one of this run first; the stored one of that name is hidden.
        all.dedup_by(|later, first| by_domain_and_name(later.account) == by_domain_and_name(first.account));
        all
    }

    /// The account of that very name; an alias is not enough.
    #[must_use]
    pub fn get(&self, domain: &str, user: &str) -> Option<&Account> {
        let domain = domain.to_ascii_lowercase();
        self.0.of_this_run.named(&domain, user).or_else(|| self.0.stored.named(&domain, user))
    }

    fn look_up<'a>(
        &'a self,
        domain: &str,
        find: impl Fn(&'a Book, &str) -> Option<&'a Account>,
    ) -> Lookup<'a> {
        let domain = lower(domain);
        let found = find(&self.0.of_this_run, &domain).or_else(|| find(&self.0.stored, &domain));
        found.map_or(Lookup::Unknown, Lookup::Found)
    }
}

impl Books {
    /// The account that a row makes, and whether it is new.
    fn imported(&self, row: &Row, limits: &Limits) -> Result<(Account, bool), Error> {
        let mut account = made(&row.domain, &row.user, &row.secret)?;
        account.aliases = checked_aliases(&row.user, &row.aliases, limits)?;
        let existing = self.stored.named(account.domain(), account.user());
        if let Some(existing) = existing {
            account.algorithms.clone_from(&existing.algorithms);
            if account.aliases.is_empty() {
                account.aliases.clone_from(&existing.aliases);
            }
        }
        self.names_are_free(&account)?;
        Ok((account, existing.is_none()))
    }

    /// Neither its name nor an alias may lead to another account.
    fn names_are_free(&self, account: &Account) -> Result<(), Error> {
        for (domain, name) in names_of(account) {
            if let Some(other) = self.stored.called(domain, name)
                && other.address != account.address
            {
                return Err(Error::Taken { name: name.to_owned(), by: other.address.to_string() });
            }
        }
        Ok(())
    }

    fn may_grow(&self, by: usize, limits: &Limits) -> Result<(), Error> {
        let max = limits.accounts_max;
        if self.stored.len() + by > max { Err(Error::Full { max }) } else { Ok(()) }
    }
}

fn checked_aliases(user: &str, aliases: &[String], limits: &Limits) -> Result<Vec<String>, Error> {
    let mut checked: Vec<String> = Vec::new();
    for alias in aliases {
        let kept = canonical_alias(alias).map_err(|error| Error::Name(alias.clone(), error))?;
        if kept != user && !checked.contains(&kept) {
            checked.push(kept);
        }
    }
    let max = limits.aliases_per_account_max;
    if checked.len() > max { Err(Error::TooManyAliases { max }) } else { Ok(checked) }
}

fn made(domain: &str, user: &str, secret: &str) -> Result<Account, Error> {
    check_name(user).map_err(|error| Error::Name(user.to_owned(), error))?;
    check_secret(secret).map_err(Error::Secret)?;
    // rfc7616 §5.6
    Ok(Account::with_password(user, domain, secret))
}

fn by_domain_and_name(account: &Account) -> (&str, &str) {
    (account.domain(), account.user())
}

impl ruf_admission::Accounts for Reading<'_> {
    fn account(&self, domain: &str, user: &str) -> Lookup<'_> {
        self.look_up(domain, |book, domain| book.named(domain, user))
    }

    fn by_alias(&self, domain: &str, user: &str) -> Lookup<'_> {
        self.look_up(domain, |book, domain| book.called(domain, user))
    }

    fn any_has_algorithms(&self) -> bool {
        self.0.of_this_run.any_has_algorithms() || self.0.stored.any_has_algorithms()
    }

    fn by_userhash(&self, domain: &str, algorithm: Algorithm, hash: &str) -> Lookup<'_> {
        self.look_up(domain, |book, domain| book.hashed(domain, algorithm, hash))
    }
}

/// Asked at every request: nothing is copied where it is lower case already, which it is.
fn lower(domain: &str) -> Cow<'_, str> {
    if domain.bytes().any(|octet| octet.is_ascii_uppercase()) {
        Cow::Owned(domain.to_ascii_lowercase())
    } else {
        Cow::Borrowed(domain)
    }
}
