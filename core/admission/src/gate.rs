//! The gate: what stands between a new transaction and every user of it (RFC 3261 §22, §26.3.2;
//! RFC 3323, RFC 3325). It says who sent a request, or refuses it. Retransmissions never get here
//! (core/transaction absorbs them), and where a request may go is not decided here (services/routing).
//!
//! What each method must show, unless the dialog's token, an open domain or a trusted address speaks for
//! it:
//!
//! | request | asked with | must be the account's |
//! |---|---|---|
//! | REGISTER | 401 | To |
//! | PUBLISH | 407 | the Request-URI |
//! | any other out of dialog | 407 | From, unless it is anonymous |
//! | OPTIONS to the server itself | nothing | |
//! | ACK | never | the token, or it is dropped |
//! | CANCEL | never | does not come here: it follows its INVITE |
//!
//! `urn:service:sos` is a request like any other: its sender is asked for a password, and routing answers.
//!
//! **Of open domains and trusted addresses.** They exempt from the password, not from the rules of routing.
//! A request counts as open only if the domain of From and that of the Request-URI, as far as they are
//! served, are both open: or an open laboratory would be the way into the closed house beside it. A From
//! that names an account is then believed to be it, except a hidden account, which always needs its password.

mod precedence;

use crate::account::{Account, Accounts, AddressOfRecord, Lookup};
use crate::admitted::{Admitted, DialogPass, Identity, Side, Verdict};
use crate::answers::{Place, answers, places};
use crate::authenticator::{Arrival, Authenticator, Question, claimed_account};
use crate::cidr::Cidr;
use crate::limits::Limits;
use crate::mac::{Numbers, encode, text_len};
use crate::ourselves::{Domain, Ourselves};
use crate::reject::Reject;
use crate::replies::Replies;
use crate::token::{TokenText, Tokens};
use crate::used::{NonceTable, UsedNonces};
use ruf_auth::Algorithm;
use ruf_message::{Entropy, Fields, Flow, Glance, HeaderName, Host, Method, Request, Tick, UriRef, Via};
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

/// What the configuration says about admission.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Addresses whose requests need no password.
    pub trusted: Vec<Cidr>,
    /// Offered in this order, where domain and account say nothing.
    pub algorithms: Vec<Algorithm>,
    /// Whether someone of a domain that is not served may reach ours without a password.
    pub guests: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Policy { trusted: Vec::new(), algorithms: Algorithm::DEFAULT.to_vec(), guests: false }
    }
}

impl Policy {
    fn algorithms(&self) -> Vec<Algorithm> {
        if self.algorithms.is_empty() { Algorithm::DEFAULT.to_vec() } else { self.algorithms.clone() }
    }

    /// The trusted networks, each with the name of the peer that it is.
    fn named(&self) -> Vec<(Cidr, Arc<str>)> {
        self.trusted.iter().map(|cidr| (*cidr, Arc::from(cidr.to_string()))).collect()
    }
}

/// The gate's secrets. Workers of one server share them.
#[derive(Clone)]
pub struct Keys {
    /// Of nonces and reply tags: new at each start, so that nothing recorded before is good after it.
    pub nonce: [u8; 32],
    /// Of dialog tokens: kept with the data, since dialogs outlive a restart.
    pub dialog: [u8; 32],
}

impl Keys {
    /// New ones.
    pub fn new(entropy: &mut Entropy) -> Self {
        let mut keys = Keys { nonce: [0; 32], dialog: [0; 32] };
        entropy.fill(&mut keys.nonce);
        entropy.fill(&mut keys.dialog);
        keys
    }
}

impl std::fmt::Debug for Keys {
    /// Shows nothing of them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

/// Entries held, by table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Nonces used and not over.
    pub used_nonces: usize,
    /// (source, account) pairs with wrong passwords.
    pub failures: usize,
    /// Clients challenged.
    pub challenged: usize,
    /// Sources that proved nothing.
    pub unproven: usize,
    /// Sources that did.
    pub proven: usize,
}

/// The one gate. What each method must show stands at the head of its file.
#[derive(Debug)]
pub struct Gate {
    ourselves: Ourselves,
    algorithms: Vec<Algorithm>,
    guests: bool,
    trusted: Vec<(Cidr, Arc<str>)>,
    authenticator: Authenticator,
    replies: Replies,
    tokens: Tokens,
    tags: Numbers,
}

/// Characters of a reply tag: 64 bits of a keyed hash. Whoever guessed one could have their own ACK absorbed,
/// so it need not be a MAC.
const REPLY_TAG_LEN: usize = text_len(size_of::<u64>());

/// The To tag of a reply that is sent without a transaction: letters, digits, `-` and `_`.
#[derive(Clone, Copy, Debug)]
pub struct ReplyTag([u8; REPLY_TAG_LEN]);

impl ReplyTag {
    fn of(number: u64) -> Self {
        let mut tag = [0; REPLY_TAG_LEN];
        encode(&number.to_ne_bytes(), &mut tag);
        ReplyTag(tag)
    }
}

impl Deref for ReplyTag {
    type Target = str;

    fn deref(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// What is done with a request that is not admitted.
enum Refusal {
    Answer(Reject),
    Silence,
}

impl From<Reject> for Refusal {
    fn from(reject: Reject) -> Self {
        Refusal::Answer(reject)
    }
}

impl Gate {
    /// A gate with empty tables.
    pub fn new(ourselves: Ourselves, policy: Policy, limits: &Limits, keys: &Keys, entropy: Entropy) -> Self {
        let used = Box::new(NonceTable::new(limits.nonce_lifetime, limits.used_nonces_max));
        Gate::of_worker(ourselves, policy, limits, keys, used, entropy)
    }

    /// The gate of one of several workers, which share keys and used nonces.
    pub fn of_worker(
        ourselves: Ourselves,
        policy: Policy,
        limits: &Limits,
        keys: &Keys,
        used: Box<dyn UsedNonces>,
        entropy: Entropy,
    ) -> Self {
        let (algorithms, trusted) = (policy.algorithms(), policy.named());
        Gate {
            ourselves,
            algorithms,
            guests: policy.guests,
            trusted,
            authenticator: Authenticator::new(&keys.nonce, limits, used, entropy),
            replies: Replies::new(limits),
            tokens: Tokens::new(&keys.dialog),
            tags: Numbers::new(&keys.nonce, "reply tag"),
        }
    }

    /// Serves these domains by this policy from now on. What was given out stays good: tokens, nonces, and
    /// what is remembered of sources. The listeners stay, since they are open sockets.
    pub fn reconfigure(&mut self, domains: Vec<Domain>, policy: &Policy) {
        self.ourselves.domains = domains;
        self.algorithms = policy.algorithms();
        self.guests = policy.guests;
        self.trusted = policy.named();
    }

    /// Says who sent a new request, or refuses it. What comes out has lost its credentials for our
    /// realms, and P-Asserted-Identity unless a trusted peer wrote it.
    pub fn admit(&mut self, now: Tick, flow: Flow, mut request: Request, accounts: &dyn Accounts) -> Verdict {
        let source = flow.remote.ip();
        let bound = self.replies.is_bound(now, source);
        let (identity, meant_for_us) = {
            let answers = &answers(&request, &self.ourselves);
            let arrival = Arrival { now, source, bound, request: &request, answers };
            (self.identify(arrival, accounts), places(answers))
        };
        match identity {
            Ok(identity) => {
                self.clean(source, &mut request, &meant_for_us);
                Verdict::Admitted(Admitted::new(flow, request, identity))
            }
            Err(Refusal::Answer(reject)) => {
                let reply = reject.into_reply(&self.reply_tag(&request));
                Verdict::Reply(request, reply)
            }
            Err(Refusal::Silence) => Verdict::Drop,
        }
    }

    /// The To tag of every reply that is sent without a transaction: the same for the same request, and
    /// known again in its ACK. What could be read of a malformed request will do.
    // rfc3261 §8.2.7: a stateless server makes the same tag for the same request
    pub fn reply_tag(&self, request: &Fields) -> ReplyTag {
        ReplyTag::of(self.tags.number([request.call_id(), request.from_tag().unwrap_or_default()]))
    }

    /// The To tag of a refusal of a request that was only glanced at, so that its ACK is known without looking for
    /// a transaction. It is of the request's branch, which that ACK has, too (RFC 3261 section 17.1.1.3): whoever
    /// says it in an answer of his own has the ACK of that passed on.
    pub fn refusal_tag(&self, glance: &Glance<'_>, via: &Via<'_>) -> ReplyTag {
        self.refusal_tag_of(glance.call_id(), glance.from_tag(), via)
    }

    fn refusal_tag_of(&self, call_id: &[u8], from_tag: Option<&[u8]>, via: &Via<'_>) -> ReplyTag {
        let branch = via.branch().unwrap_or_default();
        ReplyTag::of(self.tags.number([call_id, from_tag.unwrap_or_default(), branch, b"refused"]))
    }

    /// Whether this is the ACK to a reply that was sent without a transaction; it goes nowhere.
    pub fn absorbs_ack(&self, request: &Request) -> bool {
        let is_ours = |tag: &[u8]| {
            let of_refusal = || self.refusal_tag_of(request.call_id(), request.from_tag(), &request.via());
            tag == self.reply_tag(request).as_bytes() || tag == of_refusal().as_bytes()
        };
        // Most tags are not of our length, and cost nothing more.
        let is_known = |tag: &[u8]| tag.len() == REPLY_TAG_LEN && is_ours(tag);
        request.method() == Method::Ack && request.to_tag().is_some_and(is_known)
    }

    /// Whether this is the ACK to a refusal of a request that was only glanced at.
    pub fn is_ack_of_refusal(&self, glance: &Glance<'_>) -> bool {
        let says = |tag: &[u8], via: &Via<'_>| tag == self.refusal_tag(glance, via).as_bytes();
        let is_ours =
            |tag: &[u8]| tag.len() == REPLY_TAG_LEN && glance.via().is_some_and(|via| says(tag, &via));
        glance.method() == Method::Ack && glance.to_tag().is_some_and(is_ours)
    }

    /// Whether a reply of `reply_bytes` to a request of `request_bytes` may be sent: to a source that
    /// proved nothing, replies total at most three times what it sent. Call once per request.
    pub fn may_reply(&mut self, now: Tick, flow: &Flow, request_bytes: usize, reply_bytes: usize) -> bool {
        self.peer(flow.remote.ip()).is_some() || self.replies.may_reply(now, flow, request_bytes, reply_bytes)
    }

    /// The user part of our Record-Route for a dialog: it names both sides, and admits requests of both.
    /// [`Gate::admit`] reads it back.
    pub fn token(&self, call_id: &[u8], callers_tag: &[u8], caller: &Side, callee: &Side) -> TokenText {
        self.tokens.make(call_id, callers_tag, caller, callee)
    }

    /// A phone at this source was bound for so long: it is slowed less, and may be sent more.
    pub fn note_binding(&mut self, now: Tick, source: IpAddr, lifetime: Duration) {
        self.replies.bind(now, source, lifetime);
    }

    /// Where we are.
    pub const fn ourselves(&self) -> &Ourselves {
        &self.ourselves
    }

    /// Forgets what is over. Early or late, nothing but memory depends on it.
    pub fn tick(&mut self, now: Tick) {
        self.authenticator.nonces.expire(now);
        self.authenticator.failures.expire(now);
        self.authenticator.offers.expire(now);
        self.replies.expire(now);
    }

    /// When [`Gate::tick`] next has something to forget.
    #[must_use]
    pub fn deadline(&self) -> Option<Tick> {
        let Authenticator { nonces, failures, offers, .. } = &self.authenticator;
        let all = [nonces.deadline(), failures.deadline(), offers.deadline(), self.replies.deadline()];
        all.into_iter().flatten().min()
    }

    /// Entries held.
    pub fn counts(&self) -> Counts {
        let (unproven, proven) = self.replies.len();
        Counts {
            used_nonces: self.authenticator.nonces.len(),
            failures: self.authenticator.failures.len(),
            challenged: self.authenticator.offers.len(),
            unproven,
            proven,
        }
    }

    fn identify(&mut self, arrival: Arrival<'_>, accounts: &dyn Accounts) -> Result<Identity, Refusal> {
        match arrival.request.method() {
            // rfc3261 §22.1: neither is ever challenged
            Method::Ack => self.dialog(arrival).ok_or(Refusal::Silence),
            Method::Cancel => Err(Refusal::Silence),
            Method::Register => Ok(self.register(arrival, accounts)?),
            // rfc3903 §4: outside any dialog
            Method::Publish => Ok(self.out_of_dialog(arrival, accounts, "Request-URI")?),
            Method::Options => match self.dialog(arrival) {
                Some(identity) => Ok(identity),
                None if self.is_for_us(arrival.request) => Ok(Identity::Guest),
                None => Ok(self.out_of_dialog(arrival, accounts, "From")?),
            },
            Method::Invite
            | Method::Bye
            | Method::Message
            | Method::Info
            | Method::Prack
            | Method::Update
            | Method::Subscribe
            | Method::Notify
            | Method::Refer
            | Method::Other => match self.dialog(arrival) {
                Some(identity) => Ok(identity),
                None => Ok(self.out_of_dialog(arrival, accounts, "From")?),
            },
        }
    }

    /// A request with a To tag that carries our token, in the top Route or (behind a strict router) in
    /// the Request-URI.
    // rfc3261 §16.4
    fn dialog(&mut self, arrival: Arrival<'_>) -> Option<Identity> {
        let request = arrival.request;
        let (from_tag, to_tag) = (request.from_tag()?, request.to_tag()?);
        let pass = |uri: UriRef<'_>| -> Option<DialogPass> {
            let token = uri.user().filter(|_| self.ourselves.is_us(uri))?;
            self.tokens.read(token, request.call_id(), from_tag, to_tag)
        };
        let pass = request.next_route().and_then(pass).or_else(|| pass(request.uri()))?;
        self.replies.prove(arrival.now, arrival.source);
        Some(Identity::Dialog(pass))
    }

    /// OPTIONS to the server itself, and to nobody behind it.
    // rfc3261 §11.2 and §16.4
    pub fn is_for_us(&self, request: &Request) -> bool {
        let us = |uri: UriRef<'_>| self.ourselves.is_us(uri);
        us(request.uri()) && request.uri().user().is_none() && request.routes().all(|route| us(route.uri()))
    }

    /// A REGISTER, whose To names the account.
    fn register(&mut self, arrival: Arrival<'_>, accounts: &dyn Accounts) -> Result<Identity, Reject> {
        let (target, to) = (arrival.request.uri(), arrival.request.to().uri());
        // rfc3261 §10.3 step 1; to another domain it would be forwarded, but only by rule
        if !self.ourselves.is_us(target) {
            return Err(Reject::ForeignDomain);
        }
        if !to.is_sip() {
            return Err(Reject::NotSip); // rfc3261 §10.2
        }
        // rfc3261 §10.3 step 5: the address must be in the domain of the Request-URI; our own address
        // there stands for any of our domains
        let domain = self.ourselves.domain_of(to);
        let domain = domain.filter(|_| to.user().is_some()).ok_or(Reject::UnknownAddress)?;
        if let Some(Host::Name(name)) = target.host()
            && self.ourselves.named(name).is_some_and(|named| named.name != domain.name)
        {
            return Err(Reject::UnknownAddress);
        }
        if domain.open || self.peer(arrival.source).is_some() {
            match claimed_account(to, domain, accounts) {
                Lookup::Found(account) if !account.hidden => {
                    return Ok(Identity::Account(account.address.clone()));
                }
                Lookup::Found(_) => {}
                // Whoever comes into an open domain is who they say; no account is needed.
                Lookup::Unknown => {
                    let address = AddressOfRecord::of(to, &self.ourselves).filter(|_| domain.open);
                    return address.map(Identity::Account).ok_or(Reject::UnknownAddress);
                }
                Lookup::Unavailable => return Err(Reject::Unavailable),
            }
        }
        // rfc3261 §10.3 step 3
        let question = Question { domain, claimed: to, algorithms: &self.algorithms, by_proxy: false };
        let account = self.authenticator.authenticate(arrival, question, &self.ourselves, accounts)?;
        self.replies.prove(arrival.now, arrival.source);
        // rfc3261 §10.3 step 4
        if account.is_called(to, &self.ourselves) {
            Ok(identity(account))
        } else {
            Err(Reject::NotYours("To"))
        }
    }

    /// Any other request. `header` names what must be the account's: From, or the Request-URI of a PUBLISH.
    fn out_of_dialog(
        &mut self,
        arrival: Arrival<'_>,
        accounts: &dyn Accounts,
        header: &'static str,
    ) -> Result<Identity, Reject> {
        let (target, from) = (arrival.request.uri(), arrival.request.from().uri());
        let claimed = if header == "From" { from } else { target };
        let (home, goal) = (self.ourselves.domain_of(claimed), self.ourselves.domain_of(target));
        let Some(domain) = home.or(goal).or(self.ourselves.default_domain()) else {
            return Err(Reject::ForeignDomain); // nothing is served at all
        };
        if let Some(identity) = self.exempt(arrival.source, home, goal, claimed, accounts)? {
            return Ok(identity);
        }
        // rfc3261 §16.3 step 6
        let question = Question { domain, claimed, algorithms: &self.algorithms, by_proxy: true };
        let account = self.authenticator.authenticate(arrival, question, &self.ourselves, accounts)?;
        self.replies.prove(arrival.now, arrival.source);
        let anonymous = header == "From" && from.is_anonymous();
        if anonymous || account.is_called(claimed, &self.ourselves) {
            Ok(identity(account))
        } else {
            Err(Reject::NotYours(header))
        }
    }

    /// Who it is without a password, where none is needed.
    fn exempt(
        &self,
        source: IpAddr,
        home: Option<&Domain>,
        goal: Option<&Domain>,
        claimed: UriRef<'_>,
        accounts: &dyn Accounts,
    ) -> Result<Option<Identity>, Reject> {
        let served = || [home, goal].into_iter().flatten();
        let default_open = || self.ourselves.default_domain().is_some_and(|domain| domain.open);
        let open =
            if served().next().is_none() { default_open() } else { served().all(|domain| domain.open) };
        let guest = self.guests && home.is_none() && goal.is_some();
        let otherwise = match self.peer(source) {
            Some(name) => Identity::Peer(Arc::clone(name)),
            None if open || guest => Identity::Guest,
            None => return Ok(None),
        };
        let Some(home) = home else { return Ok(Some(otherwise)) };
        match claimed_account(claimed, home, accounts) {
            Lookup::Found(account) if account.hidden => Ok(None),
            Lookup::Found(account) => Ok(Some(identity(account))),
            Lookup::Unknown => Ok(Some(otherwise)),
            Lookup::Unavailable => Err(Reject::Unavailable),
        }
    }

    /// The peer at this address.
    fn peer(&self, source: IpAddr) -> Option<&Arc<str>> {
        self.trusted.iter().find(|(range, _)| range.contains(source)).map(|(_, name)| name)
    }

    /// Takes out what was meant for us alone, and what nobody vouches for.
    fn clean(&self, source: IpAddr, request: &mut Request, meant_for_us: &[Place]) {
        // rfc3261 §22.3: credentials for other realms stay
        for name in [HeaderName::Authorization, HeaderName::ProxyAuthorization] {
            if meant_for_us.iter().any(|place| place.name == name) {
                let mut lines = 0..;
                request.remove_if(name, |_| {
                    lines.next().is_some_and(|nth| meant_for_us.contains(&Place { name, nth }))
                });
            }
        }
        // rfc3325 §6: from outside the trust domain it is removed
        if request.contains(HeaderName::PAssertedIdentity) && self.peer(source).is_none() {
            request.remove(HeaderName::PAssertedIdentity);
        }
    }
}

fn identity(account: &Account) -> Identity {
    Identity::Account(AddressOfRecord::clone(&account.address))
}
