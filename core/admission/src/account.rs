//! Who has a password here: [`Account`], where accounts are looked up ([`Accounts`]), and the name they
//! go by ([`AddressOfRecord`], RFC 3261 §6, §10.3 step 5). Storing them is services/accounts.

use crate::ourselves::Ourselves;
use ruf_auth::{Algorithm, Ha1};
use ruf_message::UriRef;
use smol_str::{SmolStr, SmolStrBuilder};
use std::fmt;

/// A canonical public address: the unescaped user, and the name of the domain served. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressOfRecord(SmolStr);

impl AddressOfRecord {
    /// Of a user of a domain; the domain is written in lower case, the user as it is.
    pub fn new(user: &str, domain: &str) -> Self {
        let mut text = SmolStrBuilder::new();
        text.push_str(user);
        text.push_str("@");
        if domain.bytes().any(|octet| octet.is_ascii_uppercase()) {
            text.push_str(&domain.to_ascii_lowercase());
        } else {
            text.push_str(domain);
        }
        AddressOfRecord(text.finish())
    }

    /// Of a URI; `None` if it is no SIP URI with a user in a domain that is served. Parameters are
    /// gone, escapes undone, an alias is its domain.
    // rfc3261 §10.3 step 5
    pub fn of(uri: UriRef<'_>, ourselves: &Ourselves) -> Option<Self> {
        let user = uri.user_unescaped()?;
        let domain = ourselves.domain_of(uri)?;
        Some(AddressOfRecord::new(str::from_utf8(&user).ok()?, &domain.name))
    }

    /// The user; it may hold an `@` of its own.
    pub fn user(&self) -> &str {
        self.0.rsplit_once('@').map_or(&self.0, |(user, _)| user)
    }

    /// The domain, in lower case.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// Whether it is the address of this user of this domain, which is written in lower case.
    pub fn is_of(&self, user: &str, domain: &str) -> bool {
        let before = self.0.strip_suffix(domain).and_then(|rest| rest.strip_suffix('@'));
        before == Some(user)
    }

    /// `user@domain`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AddressOfRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AddressOfRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Someone with a password in a domain.
#[derive(Clone, Debug)]
pub struct Account {
    /// User name and domain; the user name is also the name in credentials, the domain the realm.
    pub address: AddressOfRecord,
    /// What else it is called: a user of its domain (`100`), a number (`+49301234`), or a whole
    /// address (`info@example.net`).
    pub aliases: Vec<String>,
    /// What is stored of its password.
    pub ha1: Ha1,
    /// Offered in this order; `None`: what the domain says.
    pub algorithms: Option<Vec<Algorithm>>,
    /// Built in: it always needs its password, and is reached only by its like.
    pub hidden: bool,
}

impl Account {
    /// An account with no other names.
    pub fn new(user: &str, domain: &str, ha1: Ha1) -> Self {
        let address = AddressOfRecord::new(user, domain);
        Account { address, aliases: Vec::new(), ha1, algorithms: None, hidden: false }
    }

    /// An account with this password.
    pub fn with_password(user: &str, domain: &str, password: &str) -> Self {
        Account::new(user, domain, Ha1::new(user, &domain.to_ascii_lowercase(), password))
    }

    /// Its user name.
    pub fn user(&self) -> &str {
        self.address.user()
    }

    /// Its domain.
    pub fn domain(&self) -> &str {
        self.address.domain()
    }

    /// Whether a URI is its address, an alias or a number of it.
    // rfc3261 §19.1.4: users compare with case
    pub fn is_called(&self, uri: UriRef<'_>, ourselves: &Ourselves) -> bool {
        if let Some(number) = uri.tel_number()
            && self
                .aliases
                .iter()
                .map(String::as_str)
                .chain([self.user()])
                .any(|alias| same_number(alias, &number))
        {
            // A number is the account's in any domain that means us, and as a tel URI.
            return uri.host().is_none() || ourselves.domain_of(uri).is_some();
        }
        let Some(user) = uri.user_unescaped() else { return false };
        let Ok(user) = str::from_utf8(&user) else { return false };
        let home = ourselves.domain_of(uri);
        let here = || home.is_some_and(|domain| domain.name == self.domain());
        home.is_some_and(|domain| self.address.is_of(user, &domain.name))
            || (self.aliases.iter().any(|alias| alias == user) && here())
            || self.aliases.iter().filter_map(|alias| alias.rsplit_once('@')).any(|(alias, domain)| {
                let same = home.is_some_and(|served| served.name.eq_ignore_ascii_case(domain));
                alias == user && (same || uri.host() == Some(ruf_message::Host::Name(domain)))
            })
    }
}

/// Whether an alias is this number, whatever separators it is written with.
// rfc3966 §5.1.1
fn same_number(alias: &str, number: &str) -> bool {
    let digits = |text: &str| -> Option<String> {
        let digits: String = text.chars().filter(|c| !matches!(c, '-' | '.' | '(' | ')' | ' ')).collect();
        let number = digits.strip_prefix('+').unwrap_or(&digits);
        (!number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || matches!(c, '*' | '#')))
            .then_some(digits)
    };
    digits(alias).is_some_and(|alias| digits(number).is_some_and(|number| number == alias))
}

/// What a look-up found.
#[derive(Clone, Copy, Debug)]
pub enum Lookup<'a> {
    /// This account.
    Found(&'a Account),
    /// There is none.
    Unknown,
    /// The store does not answer.
    Unavailable,
}

/// Where accounts are looked up. Answers come from memory: nothing here waits.
pub trait Accounts {
    /// The account of this user name in this domain (a [`Domain::name`](crate::Domain::name)).
    fn account(&self, domain: &str, user: &str) -> Lookup<'_>;

    /// The account that a user of this domain means, by user name or alias.
    fn by_alias(&self, domain: &str, user: &str) -> Lookup<'_> {
        self.account(domain, user)
    }

    /// Whether any has algorithms of its own ([`Account::algorithms`]). Where none has, nobody is looked up for a
    /// challenge.
    fn any_has_algorithms(&self) -> bool {
        true
    }

    /// The account whose [`userhash`](ruf_auth::userhash) this is (lower case).
    // rfc7616 §3.4.4
    fn by_userhash(&self, _domain: &str, _algorithm: Algorithm, _hash: &str) -> Lookup<'_> {
        Lookup::Unknown
    }
}

/// No accounts: for a server whose domains are all open, and for tests.
impl Accounts for () {
    fn account(&self, _domain: &str, _user: &str) -> Lookup<'_> {
        Lookup::Unknown
    }
}

/// A list of accounts, searched from the front: for a handful, and for tests.
impl Accounts for Vec<Account> {
    fn account(&self, domain: &str, user: &str) -> Lookup<'_> {
        found(self.iter().find(|account| account.domain() == domain && account.user() == user))
    }

    fn by_alias(&self, domain: &str, user: &str) -> Lookup<'_> {
        let called =
            |account: &&Account| account.user() == user || account.aliases.iter().any(|alias| alias == user);
        found(self.iter().filter(|account| account.domain() == domain).find(called))
    }

    fn by_userhash(&self, domain: &str, algorithm: Algorithm, hash: &str) -> Lookup<'_> {
        let hashed =
            |account: &&Account| ruf_auth::userhash(algorithm, account.user(), domain).as_str() == hash;
        found(self.iter().filter(|account| account.domain() == domain).find(hashed))
    }
}

fn found(account: Option<&Account>) -> Lookup<'_> {
    account.map_or(Lookup::Unknown, Lookup::Found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ourselves::{Domain, Listener};
    use ruf_message::{Transport, Uri};

    fn ourselves() -> Ourselves {
        Ourselves {
            domains: vec![Domain::new("example.org"), Domain::new("example.net")],
            listeners: vec![Listener::new(Transport::Udp, "192.0.2.1:5060".parse().unwrap())],
        }
    }

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_shows_itself() {
        let address = AddressOfRecord::new("alice", "Example.ORG");
        assert_eq!(
            (format!("{address}"), format!("{address:?}")),
            (address.to_string(), "alice@example.org".into())
        );
    }

    #[test]
    fn an_address_of_record_is_canonical() {
        // tests rfc3261 §10.3 step 5
        let of = |text: &str| {
            AddressOfRecord::of(uri(text).as_ref(), &ourselves()).map(|address| address.to_string())
        };
        let alice = Some("al ice@example.org".to_owned());
        assert_eq!(of("sip:al%20ice@EXAMPLE.org:5070;user=phone;x=y"), alice);
        assert_eq!(of("sips:al%20ice@192.0.2.1"), alice);
        for none in ["sip:example.org", "sip:a@example.com", "tel:+1", "sip:%ff@example.org"] {
            assert_eq!(of(none), None, "{none}");
        }
        let odd = AddressOfRecord::of(uri("sip:a%40b@example.org").as_ref(), &ourselves()).unwrap();
        assert_eq!((odd.user(), odd.domain(), odd.as_str()), ("a@b", "example.org", "a@b@example.org"));
        assert!(odd.is_of("a@b", "example.org"));
        for (user, domain) in [("b", "example.org"), ("a@b", "ample.org"), ("a@b@ex", "ample.org"), ("", "")]
        {
            assert!(!odd.is_of(user, domain), "{user} {domain}");
        }
    }

    #[test]
    fn an_account_is_called_by_address_alias_and_number_and_by_nothing_else() {
        let mut alice = Account::with_password("alice", "example.org", "secret");
        alice.aliases =
            vec!["100".into(), "+49 (30) 12-34".into(), "info@example.net".into(), "al@far.example".into()];
        let called = |text: &str| alice.is_called(uri(text).as_ref(), &ourselves());
        for good in [
            "sip:alice@example.org",
            "sips:alice@192.0.2.1:5062",
            "sip:%61lice@Example.ORG",
            "sip:100@example.org",
            "sip:info@example.net",
            "sip:al@far.example",
            "tel:+49-30-1234",
            "sip:+49301234@example.net;user=phone",
        ] {
            assert!(called(good), "{good}");
        }
        for bad in [
            "sip:Alice@example.org",
            "sip:alice@example.net",
            "sip:alice@far.example",
            "sip:101@example.org",
            "sip:example.org",
            "tel:+49-30-1235",
            "tel:49301234",
            "sip:+49301234@far.example;user=phone",
            "sip:info@example.org",
        ] {
            assert!(!called(bad), "{bad}");
        }
    }

    #[test]
    fn accounts_are_found_by_name_alias_and_hash() {
        let mut alice = Account::with_password("alice", "example.org", "secret");
        alice.aliases.push("100".into());
        let accounts = vec![alice];
        let hash = ruf_auth::userhash(Algorithm::Sha256, "alice", "example.org");
        assert!(matches!(accounts.account("example.org", "alice"), Lookup::Found(_)));
        assert!(matches!(accounts.by_alias("example.org", "100"), Lookup::Found(_)));
        assert!(matches!(
            accounts.by_userhash("example.org", Algorithm::Sha256, hash.as_str()),
            Lookup::Found(_)
        ));
        assert!(matches!(accounts.account("example.org", "100"), Lookup::Unknown));
        assert!(matches!(accounts.account("example.net", "alice"), Lookup::Unknown));
        assert!(matches!(().account("example.org", "alice"), Lookup::Unknown));
    }
}
