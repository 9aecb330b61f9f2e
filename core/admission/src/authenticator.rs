//! Asking for a password and checking the answer: the challenge with its nonces, and the way of
//! credentials through uri, nonce, look-up, proof and count (RFC 3261 §22, RFC 7616 §3.4-§3.6,
//! RFC 8760 §2.3). Which request must prove what is [`Gate`](crate::Gate)'s to say.
//!
//! - **An answer whose nonce we would not take** (unknown, of an earlier start, expired, from elsewhere)
//!   is not looked at: `stale=true`, and no failure, since such a nonce says nothing about who guesses.
//!   A phone then tries once more with the password it has.
//! - **A wrong password** gets a challenge without `stale`, so that a phone may ask its user; the next
//!   wrong one in a row gets 403. (RFC 3261 §22.1 allows either. baresip 1.0 answers each such challenge
//!   at once with the same password, without end; a 403 stops it.) All are counted.
//! - **An unknown user** goes the same way with a hash that no password has.
//! - **A replay**, that is a right answer whose `nc` was seen, also gets `stale=true`. Who recorded it
//!   cannot answer the new nonce; a phone that never counts its `nc` up can, and works, one round trip
//!   later. (A retransmission is no replay: transactions absorb it before it comes here.) libre, and so
//!   baresip, needs the `stale=true` to try again at all; PJSIP and belle-sip try again either way.
//! - **Two answers for one realm**, one per algorithm, are what baresip sends since 3.11: one good answer
//!   is enough, and two bad ones are one failure.

use crate::account::{Account, Accounts, Lookup};
use crate::answers::Answer;
use crate::failures::{Failures, Pair};
use crate::limits::Limits;
use crate::mac::Numbers;
use crate::nonce::{Nonce, Nonces};
use crate::offer::{Offers, is_choice};
use crate::ourselves::{Domain, Ourselves};
use crate::reject::Reject;
use crate::replies::neighbourhood;
use crate::used::UsedNonces;
use ruf_auth::{Algorithm, Asking, Credentials, CredentialsError, Ha1, Username};
use ruf_message::header::auth;
use ruf_message::{Entropy, HeaderName, Method, Request, Tick, UriRef};
use std::net::IpAddr;
use std::time::Duration;

/// All that challenges and answers leave behind.
#[derive(Debug)]
pub(crate) struct Authenticator {
    pub(crate) nonces: Nonces,
    pub(crate) failures: Failures,
    pub(crate) offers: Offers,
    /// Makes numbers of names, for the tables.
    numbers: Numbers,
    /// Of nobody: what an unknown user's answer is checked against.
    nobody: Ha1,
    entropy: Entropy,
    credentials_max: usize,
}

/// A request at the gate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival<'r> {
    pub(crate) now: Tick,
    pub(crate) source: IpAddr,
    /// Phones that registered live there.
    pub(crate) bound: bool,
    pub(crate) request: &'r Request,
    /// The request's.
    pub(crate) answers: &'r [Answer<'r>],
}

/// So long after a challenge its answer still goes on with what was begun: as long as a request is repeated.
const ANSWERED_WITHIN: Duration = Duration::from_secs(32);

/// Whom and how to ask.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a> {
    /// Whose realm.
    pub(crate) domain: &'a Domain,
    /// The URI that the account should belong to: From, To or the Request-URI.
    pub(crate) claimed: UriRef<'a>,
    /// What to offer where account and domain say nothing.
    pub(crate) algorithms: &'a [Algorithm],
    /// Ask with 407.
    pub(crate) by_proxy: bool,
}

/// What came of one answer.
enum Outcome<'a> {
    Proven { account: &'a Account, nonce: Nonce, count: Option<u32>, algorithm: Algorithm, pair: Pair },
    Wrong { pair: Pair, attempt: u64 },
    Slowed { retry_after_secs: u32 },
    Unavailable,
    Stale,
    Improper(&'static str),
    Absent,
}

impl Authenticator {
    pub(crate) fn new(
        key: &[u8; 32],
        limits: &Limits,
        used: Box<dyn UsedNonces>,
        mut entropy: Entropy,
    ) -> Self {
        Authenticator {
            nonces: Nonces::new(key, limits.nonce_lifetime, used),
            failures: Failures::new(limits),
            offers: Offers::new(limits),
            numbers: Numbers::new(key, "numbers"),
            nobody: Ha1::new("", "", &entropy.token(40)),
            entropy,
            credentials_max: limits.credentials_max,
        }
    }

    /// The account that proved itself in this request.
    ///
    /// # Errors
    /// The challenge, or why there is none.
    pub(crate) fn authenticate<'a>(
        &mut self,
        arrival: Arrival<'_>,
        question: Question<'_>,
        ourselves: &Ourselves,
        accounts: &'a dyn Accounts,
    ) -> Result<&'a Account, Reject> {
        let outcome = self.best_outcome(arrival, question, ourselves, accounts);
        let stale = match outcome {
            Outcome::Proven { account, nonce, count, algorithm, pair } => {
                if self.nonces.spend(arrival.now, nonce, count).is_ok() {
                    self.failures.forgive(&pair);
                    // Where there is no choice, nobody is remembered.
                    if self.offers.len() > 0 {
                        let (pair, method) = self.offer_key(arrival, question);
                        self.offers.answered(arrival.now, pair, method, algorithm);
                    }
                    return Ok(account);
                }
                true
            }
            Outcome::Wrong { pair, attempt } => {
                if self.failures.failed(arrival.now, pair, attempt, arrival.bound) > 1 {
                    return Err(Reject::WrongPassword);
                }
                false
            }
            Outcome::Slowed { retry_after_secs } => return Err(Reject::Slowed { retry_after_secs }),
            Outcome::Unavailable => return Err(Reject::Unavailable),
            Outcome::Improper(what) => return Err(Reject::ImproperCredentials(what)),
            Outcome::Stale => true,
            Outcome::Absent => false,
        };
        let answers = !matches!(outcome, Outcome::Absent);
        Err(self.challenge(arrival, question, accounts, stale, answers))
    }

    /// Whether a request is the first answer to a challenge that we gave a moment ago. Knows no password.
    pub(crate) fn is_asked_for(&self, arrival: Arrival<'_>, ourselves: &Ourselves) -> bool {
        let Arrival { now, source, answers, .. } = arrival;
        answers.iter().take(self.credentials_max).any(|answer| {
            let Some(domain) = answer.domain(ourselves) else { return false };
            let Ok(credentials) = Credentials::of(&answer.credentials) else { return false };
            let Credentials { nonce, algorithm, .. } = credentials;
            matches!(credentials.count(), None | Some(1))
                && self
                    .nonces
                    .open(now, nonce, &domain.name, algorithm, source)
                    .is_ok_and(|nonce| now.saturating_sub(nonce.issued) < ANSWERED_WITHIN)
        })
    }

    /// Looks at the answers for the realm asked; if there are none, at those for other realms of ours
    /// (someone anonymous may have an account in any). The first that proves something counts, or the
    /// one that says most.
    fn best_outcome<'a>(
        &mut self,
        arrival: Arrival<'_>,
        question: Question<'_>,
        ourselves: &Ourselves,
        accounts: &'a dyn Accounts,
    ) -> Outcome<'a> {
        let mut best = Outcome::Absent;
        for asked in [true, false] {
            let mut looked_at = 0;
            for answer in arrival.answers {
                let Some(domain) = answer.domain(ourselves) else { continue };
                if (domain.name == question.domain.name) != asked || looked_at == self.credentials_max {
                    continue;
                }
                looked_at += 1;
                let credentials = &answer.credentials;
                let outcome =
                    self.check(arrival, credentials, domain, question.algorithms, ourselves, accounts);
                if matches!(outcome, Outcome::Proven { .. }) {
                    return outcome;
                }
                if outcome.weight() > best.weight() {
                    best = outcome;
                }
            }
            if looked_at > 0 {
                break;
            }
        }
        best
    }

    /// One answer.
    fn check<'a>(
        &mut self,
        arrival: Arrival<'_>,
        decoded: &auth::Credentials<'_>,
        domain: &Domain,
        algorithms: &[Algorithm],
        ourselves: &Ourselves,
        accounts: &'a dyn Accounts,
    ) -> Outcome<'a> {
        let Arrival { now, source, request, bound, .. } = arrival;
        let credentials = match Credentials::of(decoded) {
            Ok(credentials) => credentials,
            Err(CredentialsError::NotOurs | CredentialsError::Unchallenged) => return Outcome::Absent,
            Err(CredentialsError::Improper(what)) => return Outcome::Improper(what),
        };
        if !uri_fits(credentials.uri, request, ourselves) {
            return Outcome::Improper("uri");
        }
        let algorithm = credentials.algorithm;
        let Ok(nonce) = self.nonces.open(now, credentials.nonce, &domain.name, algorithm, source) else {
            return Outcome::Stale;
        };
        let name = match &credentials.username {
            Username::Plain(name) => name.as_ref(),
            Username::Hashed(hash) => hash.as_bytes(),
        };
        let pair = self.pair(source, &domain.name, name);
        if let Err(retry_after_secs) = self.failures.may_try(now, pair, bound) {
            return Outcome::Slowed { retry_after_secs };
        }
        let account = match look_up(&credentials.username, algorithm, domain, accounts) {
            Lookup::Found(account) => Some(account),
            Lookup::Unknown => None,
            Lookup::Unavailable => return Outcome::Unavailable,
        };
        let ha1 =
            account.and_then(|account| account.ha1.get(algorithm)).or_else(|| self.nobody.get(algorithm));
        // Computed for everybody alike, before anybody is told apart.
        let proven = ha1.is_some_and(|ha1| credentials.prove(&ha1, request.method_bytes(), request.body()));
        match account {
            Some(account) if proven && allowed(Some(account), domain, algorithms).contains(&algorithm) => {
                Outcome::Proven { account, nonce, count: credentials.count(), algorithm, pair }
            }
            // The right password by an algorithm that this account does not take.
            Some(_) if proven => Outcome::Stale,
            Some(_) | None => {
                let attempt =
                    self.numbers.number([b"attempt", credentials.nonce, credentials.response.as_bytes()]);
                Outcome::Wrong { pair, attempt }
            }
        }
    }

    /// A challenge for each algorithm that this client is offered.
    // rfc8760 §2.3: each with another algorithm, the preferred one on top
    fn challenge(
        &mut self,
        arrival: Arrival<'_>,
        question: Question<'_>,
        accounts: &dyn Accounts,
        stale: bool,
        answers: bool,
    ) -> Reject {
        let Arrival { now, source, .. } = arrival;
        let account = || match claimed_account(question.claimed, question.domain, accounts) {
            Lookup::Found(account) => Some(account),
            Lookup::Unknown | Lookup::Unavailable => None,
        };
        let account = if accounts.any_has_algorithms() { account() } else { None };
        let list = allowed(account, question.domain, question.algorithms);
        let chosen = if is_choice(list) { self.choose(arrival, question, answers, list) } else { list };
        let realm = &question.domain.name;
        let challenges = chosen.iter().map(|&algorithm| {
            let nonce = self.nonces.issue(now, realm, algorithm, source, &mut self.entropy);
            Asking { realm, nonce: &nonce, algorithm, stale }.to_value()
        });
        Reject::Unauthenticated { by_proxy: question.by_proxy, challenges: challenges.collect() }
    }

    /// What to offer of a list.
    fn choose<'l>(
        &mut self,
        arrival: Arrival<'_>,
        question: Question<'_>,
        answers: bool,
        list: &'l [Algorithm],
    ) -> &'l [Algorithm] {
        let Arrival { now, request, .. } = arrival;
        let key = self.offer_key(arrival, question);
        let number =
            self.numbers.number([b"request", request.call_id(), &request.cseq().number.to_be_bytes()]);
        let user_agent = request.raw(HeaderName::UserAgent).next();
        self.offers.choose(now, key, (number, answers), user_agent, list)
    }

    /// The number of a source and whom the request says it is from.
    fn offer_key(&self, arrival: Arrival<'_>, question: Question<'_>) -> (Pair, Method) {
        let claimed = question.claimed.user().unwrap_or_default();
        (self.pair(arrival.source, &question.domain.name, claimed), arrival.request.method())
    }

    fn pair(&self, source: IpAddr, realm: &str, name: &[u8]) -> Pair {
        (neighbourhood(source), self.numbers.number([b"account", realm.as_bytes(), name]))
    }
}

impl Outcome<'_> {
    /// Of several answers, which says most.
    const fn weight(&self) -> u8 {
        match self {
            Outcome::Absent => 0,
            Outcome::Improper(_) => 1,
            Outcome::Stale => 2,
            Outcome::Wrong { .. } => 3,
            Outcome::Unavailable => 4,
            Outcome::Slowed { .. } => 5,
            Outcome::Proven { .. } => 6,
        }
    }
}

/// The account that a URI of this domain means.
pub(crate) fn claimed_account<'a>(
    claimed: UriRef<'_>,
    domain: &Domain,
    accounts: &'a dyn Accounts,
) -> Lookup<'a> {
    let user = claimed.user_unescaped();
    match user.as_deref().and_then(|user| str::from_utf8(user).ok()) {
        Some(user) => accounts.by_alias(&domain.name, user),
        None => Lookup::Unknown,
    }
}

fn look_up<'a>(
    username: &Username<'_>,
    algorithm: Algorithm,
    domain: &Domain,
    accounts: &'a dyn Accounts,
) -> Lookup<'a> {
    match username {
        Username::Plain(name) => {
            str::from_utf8(name).map_or(Lookup::Unknown, |name| accounts.account(&domain.name, name))
        }
        Username::Hashed(hash) => accounts.by_userhash(&domain.name, algorithm, hash),
    }
}

/// The algorithms of an account: its own, its domain's, or those of the house.
fn allowed<'a>(account: Option<&'a Account>, domain: &'a Domain, house: &'a [Algorithm]) -> &'a [Algorithm] {
    let own = account.and_then(|account| account.algorithms.as_deref()).filter(|own| !own.is_empty());
    match own {
        Some(own) => own,
        None if domain.algorithms.is_empty() => house,
        None => &domain.algorithms,
    }
}

/// Whether the URI that was hashed is one this request may have been sent to: its Request-URI, or
/// something of ours (a proxy or a strict router may have rewritten it, and SIPp writes our address).
// rfc8760 §2.6 (6)
fn uri_fits(uri: &[u8], request: &Request, ourselves: &Ourselves) -> bool {
    let target = request.uri();
    if uri == target.as_bytes() {
        return true;
    }
    UriRef::parse(uri).is_ok_and(|uri| uri.equivalent(&target) || ourselves.domain_of(uri).is_some())
}
