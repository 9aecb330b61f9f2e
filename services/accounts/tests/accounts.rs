//! The repository over a real store and in RAM.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use ruf_accounts::{Accounts, Error, Imported, Limits, Origin, import};
use ruf_admission::{Account, Accounts as _, Lookup};
use ruf_auth::{Algorithm, Ha1, userhash};
use ruf_store::Store;

const DOMAIN: &str = "a.example";

fn empty() -> Accounts {
    Accounts::load(Store::memory()).unwrap()
}

fn look_up(accounts: &Accounts, name: &str) -> Option<Account> {
    match accounts.read().by_alias(DOMAIN, name) {
        Lookup::Found(account) => Some(account.clone()),
        Lookup::Unknown => None,
        Lookup::Unavailable => panic!("RAM is always there"),
    }
}

fn aliases(list: &[&str]) -> Vec<String> {
    list.iter().map(|alias| (*alias).to_owned()).collect()
}

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ruf-accounts-{}-{name}", std::process::id()));
        drop(std::fs::remove_dir_all(&path));
        Self(path)
    }

    fn open(&self) -> Accounts {
        Accounts::load(Store::open(&self.0).unwrap()).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn all_files(dir: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        bytes.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    bytes
}

#[test]
fn what_was_added_is_found_by_name_after_a_restart_too() {
    let dir = Scratch::new("restart");
    let accounts = dir.open();
    accounts.add("A.Example", "alice", "wonder").unwrap();
    accounts.set_aliases(DOMAIN, "alice", &aliases(&["+49301", "alice", "100", "100"])).unwrap();
    assert!(!accounts.read().any_has_algorithms());
    accounts.set_algorithms(DOMAIN, "alice", Some(vec![Algorithm::Md5])).unwrap();
    drop(accounts);
    let accounts = dir.open();
    assert!(accounts.read().any_has_algorithms());
    let alice = look_up(&accounts, "alice").unwrap();
    assert_eq!((alice.domain(), alice.hidden), (DOMAIN, false));
    assert_eq!(alice.aliases, ["+49301", "100"]);
    assert_eq!(alice.ha1, Ha1::new("alice", DOMAIN, "wonder"));
    assert_eq!(alice.algorithms, Some(vec![Algorithm::Md5]));
    assert_eq!(look_up(&accounts, "100").unwrap().user(), "alice");
    assert!(look_up(&accounts, "Alice").is_none(), "case counts in a user part");
    assert!(matches!(accounts.read().account("A.EXAMPLE", "alice"), Lookup::Found(_)), "and not in a domain");
    assert!(matches!(accounts.read().account("b.example", "alice"), Lookup::Unknown));
}

#[test]
fn the_password_is_nowhere_in_the_files() {
    let dir = Scratch::new("password");
    let accounts = dir.open();
    accounts.add(DOMAIN, "alice", "quite-unmistakable").unwrap();
    let files = all_files(&dir.0);
    assert!(!files.windows(18).any(|window| window == b"quite-unmistakable"));
    assert!(files.windows(5).any(|window| window == b"alice"), "though the account is");
    drop(accounts);
}

#[test]
fn a_new_secret_and_a_removal_last() {
    let dir = Scratch::new("passwd");
    let accounts = dir.open();
    accounts.add(DOMAIN, "alice", "old").unwrap();
    accounts.add(DOMAIN, "bob", "x").unwrap();
    accounts.set_aliases(DOMAIN, "bob", &aliases(&["200"])).unwrap();
    accounts.set_secret(DOMAIN, "alice", "new").unwrap();
    accounts.remove(DOMAIN, "bob").unwrap();
    for accounts in [accounts, dir_reopened(&dir)] {
        assert_eq!(look_up(&accounts, "alice").unwrap().ha1, Ha1::new("alice", DOMAIN, "new"));
        assert!(look_up(&accounts, "bob").is_none());
        assert!(look_up(&accounts, "200").is_none());
        assert_eq!(accounts.len(), 1);
        drop(accounts);
    }

    fn dir_reopened(dir: &Scratch) -> Accounts {
        // The first is still open: read a copy of its files.
        let copy = Scratch::new("passwd-copy");
        ruf_store::prepare_directory(&copy.0).unwrap();
        for name in ["ruf.db", "ruf.db-wal"] {
            std::fs::copy(dir.0.join(name), copy.0.join(name)).unwrap();
        }
        copy.open()
    }
}

#[test]
fn what_is_there_already_or_not_at_all_is_said() {
    let accounts = empty();
    accounts.add(DOMAIN, "alice", "x").unwrap();
    let again = accounts.add("A.EXAMPLE", "alice", "y").unwrap_err();
    assert!(matches!(&again, Error::Exists { address } if address == "alice@a.example"), "{again}");
    assert_eq!(look_up(&accounts, "alice").unwrap().ha1, Ha1::new("alice", DOMAIN, "x"), "unchanged");
    for unknown in [
        accounts.set_secret(DOMAIN, "bob", "x").unwrap_err(),
        accounts.set_aliases(DOMAIN, "bob", &[]).unwrap_err(),
        accounts.remove("b.example", "alice").unwrap_err(),
    ] {
        assert!(matches!(unknown, Error::Unknown { .. }), "{unknown}");
    }
    assert!(matches!(accounts.add(DOMAIN, "a b", "x"), Err(Error::Name(..))));
    assert!(matches!(accounts.add(DOMAIN, "bob", ""), Err(Error::Secret(_))));
    assert!(matches!(accounts.set_secret(DOMAIN, "alice", "\n"), Err(Error::Secret(_))));
}

#[test]
fn a_name_or_number_leads_to_one_account_only() {
    let accounts = empty();
    accounts.add(DOMAIN, "alice", "x").unwrap();
    accounts.add(DOMAIN, "bob", "x").unwrap();
    accounts.set_aliases(DOMAIN, "alice", &aliases(&["100"])).unwrap();
    let taken = |result: Result<(), Error>| {
        let error = result.unwrap_err();
        assert!(matches!(&error, Error::Taken { by, .. } if by == "alice@a.example"), "{error}");
    };
    taken(accounts.set_aliases(DOMAIN, "bob", &aliases(&["200", "100"])));
    taken(accounts.set_aliases(DOMAIN, "bob", &aliases(&["alice"])));
    taken(accounts.add(DOMAIN, "100", "x"));
    assert!(look_up(&accounts, "200").is_none(), "nothing of it was kept");
    accounts.add("b.example", "100", "x").expect("another domain has its own names");
    accounts.set_aliases(DOMAIN, "alice", &[]).unwrap();
    accounts.set_aliases(DOMAIN, "bob", &aliases(&["100"])).expect("free again");
}

#[test]
fn an_alias_may_be_in_another_domain_and_is_no_name() {
    let accounts = empty();
    accounts.add(DOMAIN, "alice", "x").unwrap();
    accounts.set_aliases(DOMAIN, "alice", &aliases(&["info@B.example", "+49 30-1"])).unwrap();
    assert!(matches!(accounts.read().by_alias("b.example", "info"), Lookup::Found(_)));
    assert!(matches!(accounts.read().by_alias(DOMAIN, "info"), Lookup::Unknown));
    assert!(matches!(accounts.read().by_alias(DOMAIN, "+49301"), Lookup::Found(_)), "without separators");
    assert!(matches!(accounts.read().account(DOMAIN, "+49301"), Lookup::Unknown), "nobody signs in by alias");
    assert!(matches!(accounts.set_secret("b.example", "info", "y"), Err(Error::Unknown { .. })));
    assert!(matches!(accounts.add("b.example", "info", "x"), Err(Error::Taken { .. })));
    accounts.remove(DOMAIN, "alice").unwrap();
    assert!(matches!(accounts.read().by_alias("b.example", "info"), Lookup::Unknown));
}

#[test]
fn a_hidden_name_finds_its_account() {
    // tests rfc7616 §3.4.4
    let accounts = empty();
    accounts.add(DOMAIN, "alice", "x").unwrap();
    accounts.add(DOMAIN, "bob", "x").unwrap();
    for algorithm in Algorithm::ALL {
        let hash = userhash(algorithm, "bob", DOMAIN);
        let reading = accounts.read();
        let Lookup::Found(account) = reading.by_userhash(DOMAIN, algorithm, hash.as_str()) else {
            panic!("{algorithm}")
        };
        assert_eq!(account.user(), "bob");
        let almost = format!("{}{}", &hash.as_str()[1..], &hash.as_str()[..1]);
        assert_ne!(almost, hash.as_str());
        assert!(matches!(accounts.read().by_userhash(DOMAIN, algorithm, &almost), Lookup::Unknown));
    }
    let other_algorithm = userhash(Algorithm::Sha256, "bob", DOMAIN);
    assert!(matches!(
        accounts.read().by_userhash(DOMAIN, Algorithm::Sha512_256, other_algorithm.as_str()),
        Lookup::Unknown
    ));
    assert!(matches!(accounts.read().by_userhash(DOMAIN, Algorithm::Md5, ""), Lookup::Unknown));
    accounts.remove(DOMAIN, "bob").unwrap();
    let gone = userhash(Algorithm::Md5, "bob", DOMAIN);
    assert!(matches!(accounts.read().by_userhash(DOMAIN, Algorithm::Md5, gone.as_str()), Lookup::Unknown));
}

#[test]
fn accounts_of_this_run_hide_stored_ones_and_are_not_stored() {
    let dir = Scratch::new("this-run");
    let accounts = dir.open();
    accounts.add(DOMAIN, "alice", "stored").unwrap();
    accounts.add_of_this_run(DOMAIN, "alice", "given").unwrap();
    accounts.add_of_this_run(DOMAIN, "bob", "given").unwrap();
    accounts.add_ephemeral(DOMAIN, "self-test-1", "random");
    assert_eq!(look_up(&accounts, "alice").unwrap().ha1, Ha1::new("alice", DOMAIN, "given"));
    assert!(look_up(&accounts, "self-test-1").unwrap().hidden);
    assert!(!look_up(&accounts, "bob").unwrap().hidden);
    let listed: Vec<(String, Origin)> = accounts
        .read()
        .list()
        .iter()
        .map(|listed| (listed.account.user().to_owned(), listed.origin))
        .collect();
    assert_eq!(listed, [("alice".to_owned(), Origin::ThisRun), ("bob".to_owned(), Origin::ThisRun)]);
    assert_eq!(accounts.len(), 1);

    accounts.forget(DOMAIN, "self-test-1");
    accounts.forget(DOMAIN, "alice");
    assert!(look_up(&accounts, "self-test-1").is_none());
    assert_eq!(look_up(&accounts, "alice").unwrap().ha1, Ha1::new("alice", DOMAIN, "stored"));
    accounts.forget(DOMAIN, "alice");
    assert!(look_up(&accounts, "alice").is_some(), "a stored one is not forgotten");
    drop(accounts);
    assert!(look_up(&dir.open(), "bob").is_none());
    assert!(!all_files(&dir.0).windows(9).any(|window| window == b"self-test"));
}

#[test]
fn a_list_is_in_order() {
    let accounts = empty();
    for (domain, user) in [("b.example", "a"), (DOMAIN, "z"), (DOMAIN, "b")] {
        accounts.add(domain, user, "x").unwrap();
    }
    let listed: Vec<String> = accounts
        .read()
        .list()
        .iter()
        .map(|listed| format!("{}@{}", listed.account.user(), listed.account.domain()))
        .collect();
    assert_eq!(listed, ["b@a.example", "z@a.example", "a@b.example"]);
}

fn rows(file: &str) -> Vec<import::Row> {
    import::read(file.as_bytes(), DOMAIN, &|host| Some(host.to_owned())).unwrap()
}

#[test]
fn an_import_adds_and_changes_and_may_be_repeated() {
    let accounts = empty();
    accounts.add(DOMAIN, "alice", "old").unwrap();
    accounts.set_aliases(DOMAIN, "alice", &aliases(&["100"])).unwrap();
    accounts.set_algorithms(DOMAIN, "alice", Some(vec![Algorithm::Md5])).unwrap();
    let rows = rows("alice,new\nbob,x,200\nbob@b.example,y\n");
    assert_eq!(accounts.import(&rows, &mut |_| {}).unwrap(), Imported { added: 2, changed: 1 });
    assert_eq!(accounts.import(&rows, &mut |_| {}).unwrap(), Imported { added: 0, changed: 3 });
    assert_eq!(accounts.len(), 3);
    let alice = look_up(&accounts, "alice").unwrap();
    assert_eq!(alice.ha1, Ha1::new("alice", DOMAIN, "new"));
    assert_eq!(
        (alice.aliases.as_slice(), alice.algorithms.as_deref()),
        (&["100".to_owned()][..], Some(&[Algorithm::Md5][..]))
    );
    assert_eq!(look_up(&accounts, "200").unwrap().user(), "bob");
    accounts.import(&self::rows("bob,x,300"), &mut |_| {}).unwrap();
    assert!(
        look_up(&accounts, "200").is_none() && look_up(&accounts, "300").is_some(),
        "new aliases replace the old"
    );
}

#[test]
fn an_import_that_fails_names_the_line_and_changes_nothing() {
    let accounts = empty();
    accounts.add(DOMAIN, "alice", "old").unwrap();
    accounts.set_aliases(DOMAIN, "alice", &aliases(&["100"])).unwrap();
    let error = accounts.import(&rows("bob,x\n\ncarol,x,100\n"), &mut |_| {}).unwrap_err();
    assert!(matches!(&error, Error::Line { line: 3, .. }), "{error}");
    assert_eq!(error.to_string(), "line 3: 100 is a name of alice@a.example already");
    assert!(look_up(&accounts, "bob").is_none());

    let twice: Vec<import::Row> = [rows("bob,x,7"), rows("carol,x,7")].concat();
    assert!(accounts.import(&twice, &mut |_| {}).is_err(), "also where the rows came from two files");
    assert!(look_up(&accounts, "bob").is_none());
}

#[test]
fn bounds_are_kept() {
    let limits = Limits { accounts_max: 2, aliases_per_account_max: 1 };
    let accounts = Accounts::load_bounded(Store::memory(), limits).unwrap();
    accounts.add(DOMAIN, "alice", "x").unwrap();
    assert!(matches!(accounts.import(&rows("bob,x\ncarol,x\n"), &mut |_| {}), Err(Error::Full { max: 2 })));
    assert_eq!(accounts.len(), 1);
    accounts.add(DOMAIN, "bob", "x").unwrap();
    assert!(matches!(accounts.add(DOMAIN, "carol", "x"), Err(Error::Full { max: 2 })));
    accounts.set_aliases(DOMAIN, "bob", &aliases(&["1"])).unwrap();
    let error = accounts.set_aliases(DOMAIN, "bob", &aliases(&["1", "2"])).unwrap_err();
    assert!(matches!(error, Error::TooManyAliases { max: 1 }), "{error}");
}

#[test]
fn a_store_that_fails_leaves_ram_as_it_was() {
    let dir = Scratch::new("full");
    let limits = ruf_store::Limits { file_bytes_max: Some(32 * 1_024) };
    let accounts = Accounts::load(Store::open_bounded(&dir.0, limits).unwrap()).unwrap();
    let file: String = (0..1_000).map(|number| format!("user{number},x\n")).collect();
    let error = accounts.import(&rows(&file), &mut |_| {}).unwrap_err();
    assert!(matches!(error, Error::Store(ruf_store::Error::Full { .. })), "{error}");
    assert!(accounts.is_empty());
    let mut last = Ok(());
    for number in 0..1_000 {
        last = accounts.add(DOMAIN, &format!("user{number}"), "x");
        if last.is_err() {
            assert!(look_up(&accounts, &format!("user{number}")).is_none());
            break;
        }
    }
    assert!(matches!(last, Err(Error::Store(_))));
}

#[test]
fn a_row_that_is_no_account_stops_the_start_and_is_named() {
    let mut store = Store::memory();
    store.put(ruf_store::Space::new("accounts"), b"alice@a.example", b"?").unwrap();
    let error = Accounts::load(store).unwrap_err();
    assert!(matches!(&error, Error::Record { key, .. } if key == "alice@a.example"), "{error}");
}

#[test]
fn twenty_thousand_rows_are_one_batch_and_progress_is_told() {
    let dir = Scratch::new("many");
    let accounts = dir.open();
    let file: String =
        (0..20_000).map(|number| format!("user{number},secret{number},+49{number}\n")).collect();
    let rows = rows(&file);
    let mut told = Vec::new();
    let imported = accounts.import(&rows, &mut |done| told.push(done)).unwrap();
    assert_eq!(imported, Imported { added: 20_000, changed: 0 });
    assert!(told.len() > 10 && told.is_sorted() && told.last() == Some(&20_000));
    assert_eq!(look_up(&accounts, "+4919999").unwrap().user(), "user19999");
    drop(accounts);
    assert_eq!(dir.open().len(), 20_000);
}

#[test]
fn accounts_of_this_run_are_replaced_all_at_once_or_not_at_all() {
    let dir = Scratch::new("replaced");
    let accounts = dir.open();
    let users = |names: &[&str]| -> Vec<(String, String)> {
        names.iter().map(|name| ((*name).to_owned(), format!("{name}-secret"))).collect()
    };
    accounts.add_ephemeral(DOMAIN, "self-test-1", "random");
    assert!(accounts.set_of_this_run(DOMAIN, &users(&["alice", "bob"])).unwrap().is_empty());
    assert!(accounts.set_of_this_run(DOMAIN, &users(&["carol", "with space"])).is_err());
    assert!(look_up(&accounts, "alice").is_some() && look_up(&accounts, "carol").is_none());
    assert!(matches!(accounts.set_secret(DOMAIN, "alice", "x"), Err(Error::OfThisRun { .. })));
    assert!(matches!(accounts.remove(DOMAIN, "alice"), Err(Error::OfThisRun { .. })));
    assert!(matches!(accounts.remove(DOMAIN, "self-test-1"), Err(Error::Unknown { .. })));
    let gone = accounts.set_of_this_run(DOMAIN, &users(&["bob", "carol"])).unwrap();
    assert_eq!(gone.iter().map(ToString::to_string).collect::<Vec<_>>(), [format!("alice@{DOMAIN}")]);
    assert!(look_up(&accounts, "alice").is_none() && look_up(&accounts, "carol").is_some());
    assert!(look_up(&accounts, "self-test-1").is_some(), "a built-in one stays");
}
