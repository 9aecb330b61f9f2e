//! `ruf user`: accounts from the command line.
//!
//! While a server runs on the data directory, it is asked over its control socket and knows the
//! change at once; otherwise the store is opened here. Both ways end in [`perform`].

use std::io::{BufReader, IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use ruf_accounts::import::Row;
use ruf_accounts::{Accounts, Error};
use ruf_admission::Domain;
use ruf_message::Entropy;
use ruf_store::Store;
use serde::{Deserialize, Serialize};

use crate::control::{self, Answer, Question};
use crate::{EXIT_CONFIG, EXIT_FAILED, EXIT_OK, Place, first_run, keys, settings};

/// Accounts sent to a running server at once.
const IMPORT_CHUNK: usize = 500;

/// The verbs of `ruf user`.
#[derive(Subcommand)]
pub(crate) enum UserCommand {
    /// Add an account. Without a secret one is made and printed.
    Add {
        /// NAME or NAME@DOMAIN.
        name: String,
        /// Read the secret from a file, or from standard input with `-`.
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
        /// Another name or number of the account (repeatable).
        #[arg(long, value_name = "NAME")]
        alias: Vec<String>,
    },
    /// List the accounts.
    List,
    /// Give an account a new secret. Without one given, it is made and printed.
    Passwd {
        /// NAME or NAME@DOMAIN.
        name: String,
        /// Read the secret from a file, or from standard input with `-`.
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
    },
    /// Remove an account, and whatever is registered for it.
    Remove {
        /// NAME or NAME@DOMAIN.
        name: String,
    },
    /// Add accounts from a file of lines `user,secret` or `user@domain,secret,alias...`.
    Import {
        /// The file, or `-` for standard input.
        file: PathBuf,
    },
}

/// A change of accounts, or a question about them, as it crosses the control socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub(crate) enum Change {
    /// Add one.
    Add(Entry),
    /// Add or change all of these, or none.
    Import {
        /// The accounts.
        entries: Vec<Entry>,
    },
    /// List all.
    List,
    /// A new secret for one.
    Passwd(Entry),
    /// Remove one.
    Remove {
        /// NAME or NAME@DOMAIN.
        name: String,
    },
}

/// One account on its way in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// NAME or NAME@DOMAIN.
    name: String,
    secret: String,
    #[serde(default)]
    aliases: Vec<String>,
    /// The line of the file it came from; 0 for none.
    #[serde(default)]
    line: usize,
}

impl std::fmt::Debug for Entry {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry")
            .field("name", &self.name)
            .field("aliases", &self.aliases)
            .finish_non_exhaustive()
    }
}

/// What came of a [`Change`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "done", rename_all = "snake_case")]
pub(crate) enum Done {
    /// It was done.
    Changed {
        /// Accounts that are new.
        added: usize,
        /// Accounts that changed.
        changed: usize,
    },
    /// It was removed.
    Removed {
        /// Its name.
        user: String,
        /// Its domain.
        domain: String,
    },
    /// The accounts, `name@domain` and aliases.
    Listed {
        /// One for each.
        accounts: Vec<(String, Vec<String>)>,
    },
}

/// Does it. Names without a domain are of the default one, the first; an account needs a domain that is
/// served, by its name or an alias. The error is a sentence.
pub(crate) fn perform(accounts: &Accounts, domains: &[Domain], change: Change) -> Result<Done, String> {
    let text = |error: Error| error.to_string();
    match change {
        Change::Add(entry) => {
            let (user, domain) = at_home(&entry.name, domains)?;
            accounts.add(&domain, user, &entry.secret).map_err(text)?;
            if let Err(error) = accounts.set_aliases(&domain, user, &entry.aliases) {
                accounts.remove(&domain, user).map_err(text)?;
                return Err(text(error));
            }
            Ok(Done::Changed { added: 1, changed: 0 })
        }
        Change::Import { entries } => {
            let rows = entries.into_iter().map(|entry| {
                let line = entry.line;
                row(entry, domains).map_err(|cause| format!("line {line}: {cause}"))
            });
            let imported =
                accounts.import(&rows.collect::<Result<Vec<_>, _>>()?, &mut |_| {}).map_err(text)?;
            Ok(Done::Changed { added: imported.added, changed: imported.changed })
        }
        Change::List => Ok(Done::Listed {
            accounts: accounts
                .read()
                .list()
                .iter()
                .map(|listed| (listed.account.address.to_string(), listed.account.aliases.clone()))
                .collect(),
        }),
        Change::Passwd(entry) => {
            let (user, domain) = known(&entry.name, domains);
            accounts.set_secret(&domain, user, &entry.secret).map_err(text)?;
            Ok(Done::Changed { added: 0, changed: 1 })
        }
        Change::Remove { name } => {
            let (user, domain) = known(&name, domains);
            accounts.remove(&domain, user).map_err(text)?;
            Ok(Done::Removed { user: user.to_owned(), domain })
        }
    }
}

/// The user, and the name of the domain that is meant, which may have been taken out since.
fn known<'a>(name: &'a str, domains: &[Domain]) -> (&'a str, String) {
    let default = || domains.first().map(|domain| domain.name.clone()).unwrap_or_default();
    let Some((user, said)) = name.rsplit_once('@') else { return (name, default()) };
    let is_meant = |name: &str| name.eq_ignore_ascii_case(said);
    let meant = domains
        .iter()
        .find(|domain| is_meant(&domain.name) || domain.aliases.iter().any(|alias| is_meant(alias)));
    (user, meant.map_or_else(|| said.to_ascii_lowercase(), |domain| domain.name.clone()))
}

/// The same, of a domain that is served.
fn at_home<'a>(name: &'a str, domains: &[Domain]) -> Result<(&'a str, String), String> {
    let (user, meant) = known(name, domains);
    if domains.iter().any(|domain| domain.name == meant) {
        return Ok((user, meant));
    }
    let served: Vec<&str> = domains.iter().map(|domain| domain.name.as_str()).collect();
    Err(format!("{meant} is not served here, so nobody could register there; served: {}", served.join(", ")))
}

fn row(entry: Entry, domains: &[Domain]) -> Result<Row, String> {
    let (user, domain) = at_home(&entry.name, domains)?;
    Ok(Row { line: entry.line, domain, user: user.to_owned(), secret: entry.secret, aliases: entry.aliases })
}

/// Where accounts are changed: through a running server, or in the store itself.
enum Site {
    Server { data: PathBuf },
    Store { accounts: Box<Accounts>, domains: Vec<Domain> },
}

impl Site {
    fn find(place: &Place) -> Result<Site, String> {
        let config = settings::of_place(place).map_err(|error| error.to_string())?;
        match control::is_running(&config.data) {
            true => Ok(Site::Server { data: config.data }),
            false => {
                let mut store = Store::open(&config.data).map_err(|error| error.to_string())?;
                let domains = first_run::domains(&config, &mut store).map_err(|refused| refused.line)?;
                let accounts = Accounts::load(store).map_err(|error| error.to_string())?;
                Ok(Site::Store { accounts: Box::new(accounts), domains })
            }
        }
    }

    fn change(&mut self, change: Change) -> Result<Done, String> {
        match self {
            Site::Store { accounts, domains } => perform(accounts, domains, change),
            Site::Server { data } => match control::ask(data, &Question::Accounts(change)) {
                Ok(Some(Answer::Accounts(done))) => Ok(done),
                Ok(Some(Answer::Refused { cause })) => Err(cause),
                Ok(Some(_)) => Err("the server answered something else".to_owned()),
                Ok(None) => Err("the server has just stopped; try again".to_owned()),
                Err(error) => Err(format!("the server cannot be asked: {error}")),
            },
        }
    }
}

/// `ruf user`; returns the exit status.
pub(crate) fn run(command: UserCommand, place: &Place) -> u8 {
    let site = Site::find(place).map_err(|cause| (cause, EXIT_CONFIG));
    let done = site.and_then(|mut site| execute(command, &mut site).map_err(|cause| (cause, EXIT_FAILED)));
    match done {
        Ok(()) => EXIT_OK,
        Err((cause, status)) => {
            eprintln!("ruf: {cause}");
            status
        }
    }
}

fn execute(command: UserCommand, site: &mut Site) -> Result<(), String> {
    match command {
        UserCommand::Add { name, secret_file, alias } => {
            let (secret, made) = secret(secret_file.as_deref())?;
            site.change(Change::Add(Entry {
                name: name.clone(),
                secret: secret.clone(),
                aliases: alias,
                line: 0,
            }))?;
            println!("added {name}");
            show_made(made, &secret);
        }
        UserCommand::Passwd { name, secret_file } => {
            let (secret, made) = secret(secret_file.as_deref())?;
            let entry = Entry { name: name.clone(), secret: secret.clone(), aliases: Vec::new(), line: 0 };
            site.change(Change::Passwd(entry))?;
            println!("{name} has a new password");
            show_made(made, &secret);
        }
        UserCommand::Remove { name } => {
            site.change(Change::Remove { name: name.clone() })?;
            println!("removed {name}");
        }
        UserCommand::List => {
            if let Done::Listed { accounts } = site.change(Change::List)? {
                for (address, aliases) in &accounts {
                    println!("{address}{}{}", if aliases.is_empty() { "" } else { "  " }, aliases.join(" "));
                }
            }
        }
        UserCommand::Import { file } => import(&file, site)?,
    }
    Ok(())
}

/// A secret from a file or standard input, or one that is made; and whether it was.
fn secret(file: Option<&Path>) -> Result<(String, bool), String> {
    let Some(file) = file else {
        return Ok((ruf_accounts::random_secret(&mut Entropy::from_seed(keys::fresh())), true));
    };
    let mut text = String::new();
    let read = match file.to_str() {
        Some("-") => std::io::stdin().read_to_string(&mut text),
        _ => std::fs::File::open(file).and_then(|mut open| open.read_to_string(&mut text)),
    };
    read.map_err(|error| format!("{}: cannot be read: {error}", file.display()))?;
    Ok((text.trim_end_matches(['\r', '\n']).to_owned(), false))
}

fn show_made(made: bool, secret: &str) {
    if made {
        println!("password {secret}");
    }
}

fn import(file: &Path, site: &mut Site) -> Result<(), String> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let open: Box<dyn Read> = match file.to_str() {
        Some("-") => Box::new(std::io::stdin()),
        _ => Box::new(std::fs::File::open(file).map_err(|error| named(&error))?),
    };
    // The default domain stays open: whoever performs the change fills it in.
    let canonical = |domain: &str| Some(domain.to_ascii_lowercase());
    let rows =
        ruf_accounts::import::read(BufReader::new(open), "", &canonical).map_err(|error| named(&error))?;
    let total = rows.len();
    let mut progress = Progress::new(total);
    let (mut added, mut changed) = (0, 0);
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let entries: Vec<Entry> = rows.by_ref().take(IMPORT_CHUNK).map(entry).collect();
        let count = entries.len();
        match site.change(Change::Import { entries }) {
            Ok(Done::Changed { added: new, changed: old }) => {
                added += new;
                changed += old;
            }
            Ok(_) => {}
            Err(cause) => {
                let before = progress.done;
                return Err(format!("{}: {cause} ({before} lines before were imported)", file.display()));
            }
        }
        progress.advance(count);
    }
    println!("imported {total}: {added} new, {changed} changed");
    Ok(())
}

fn entry(row: Row) -> Entry {
    let name = if row.domain.is_empty() { row.user } else { format!("{}@{}", row.user, row.domain) };
    Entry { name, secret: row.secret, aliases: row.aliases, line: row.line }
}

/// A line that counts up, on a terminal only.
struct Progress {
    done: usize,
    total: usize,
    shown: bool,
}

impl Progress {
    fn new(total: usize) -> Progress {
        Progress { done: 0, total, shown: std::io::stderr().is_terminal() }
    }

    fn advance(&mut self, count: usize) {
        self.done += count;
        if self.shown {
            eprint!("\rimporting {} of {}", self.done, self.total);
            if self.done == self.total {
                eprintln!();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts() -> Accounts {
        Accounts::load(Store::memory()).expect("loads")
    }

    fn entry(name: &str, aliases: &[&str]) -> Entry {
        let aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
        Entry { name: name.into(), secret: "s3cret".into(), aliases, line: 1 }
    }

    #[test]
    fn an_account_is_added_listed_changed_and_removed() {
        let accounts = accounts();
        let perform = |change| perform(&accounts, &[Domain::new("a.example")], change);
        assert_eq!(
            perform(Change::Add(entry("alice", &["100"]))).ok(),
            Some(Done::Changed { added: 1, changed: 0 })
        );
        let listed = vec![("alice@a.example".to_owned(), vec!["100".to_owned()])];
        assert_eq!(perform(Change::List).ok(), Some(Done::Listed { accounts: listed }));
        assert!(perform(Change::Passwd(entry("alice@a.example", &[]))).is_ok());
        assert!(perform(Change::Passwd(entry("bob", &[]))).is_err());
        assert!(perform(Change::Remove { name: "alice".into() }).is_ok());
        assert_eq!(perform(Change::List).ok(), Some(Done::Listed { accounts: Vec::new() }));
    }

    #[test]
    fn an_account_whose_alias_is_taken_is_not_added_at_all() {
        let accounts = accounts();
        perform(&accounts, &[Domain::new("a.example")], Change::Add(entry("alice", &["100"])))
            .expect("added");
        assert!(
            perform(&accounts, &[Domain::new("a.example")], Change::Add(entry("bob", &["100"]))).is_err()
        );
        assert_eq!(accounts.len(), 1);
    }

    #[test]
    fn an_account_is_of_a_domain_that_is_served() {
        let accounts = accounts();
        let mut served = Domain::new("a.example");
        served.aliases.push("alias.example".into());
        let domains = [served, Domain::new("b.example")];
        let perform = |change| perform(&accounts, &domains, change);
        let refused = perform(Change::Add(entry("alice@c.example", &[]))).unwrap_err();
        assert!(refused.contains("c.example") && refused.ends_with("a.example, b.example"), "{refused}");
        let refused = perform(Change::Import { entries: vec![entry("alice@c.example", &[])] }).unwrap_err();
        assert!(refused.starts_with("line 1: c.example"), "{refused}");
        assert!(perform(Change::Add(entry("alice@Alias.example", &[]))).is_ok());
        assert!(perform(Change::Passwd(entry("alice@a.example", &[]))).is_ok());
        // Of a domain that was taken out, it can still be removed.
        accounts.add("gone.example", "bob", "s3cret").expect("added");
        assert!(perform(Change::Remove { name: "bob@gone.example".into() }).is_ok());
    }

    #[test]
    fn a_change_crosses_the_control_socket_and_its_secret_is_not_shown_in_a_log() {
        let change = Change::Import { entries: vec![entry("alice@b.example", &["1"])] };
        let text = serde_json::to_string(&change).expect("written");
        assert_eq!(serde_json::from_str::<Change>(&text).expect("read"), change);
        assert!(!format!("{change:?}").contains("s3cret"));
    }
}
