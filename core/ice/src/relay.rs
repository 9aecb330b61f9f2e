//! [`Relay`]: an address that a TURN server lends to one of our ports, over UDP (RFC 8656). Asked for with a name and a
//! password (RFC 8489 §9.2), refreshed as long as it is wanted, with a permission for each host of the far side's and a
//! channel to the address that was chosen.
//!
//! Not here: TURN over TCP or TLS, and more than one address of one server.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use md5::{Digest, Md5};

use crate::attribute::{
    CHANNEL_NUMBER, DATA, LIFETIME, NONCE, REALM, REQUESTED_TRANSPORT, STALE_NONCE, UDP, UNAUTHENTICATED,
    USERNAME, XOR_MAPPED_ADDRESS, XOR_PEER_ADDRESS, XOR_RELAYED_ADDRESS,
};
use crate::message::{Class, Draft, Message, Method, Transaction, is_stun};
use crate::random::Random;
use crate::retry::{Due, RTO, Retry};

/// Hosts of one family that may send to us, at most.
const PERMISSIONS_MAX: usize = 16;
/// Times that a request is repeated with another nonce.
const TRIES_MAX: u32 = 3;
/// A realm or nonce is no longer than that.
// rfc8489 §14.9, §14.10: less than 763 octets
const CHALLENGE_BYTES_MAX: usize = 763;
/// Until a server is asked again that refused, or did not answer.
const AGAIN_IF_REFUSED: Duration = Duration::from_secs(60);
/// What an allocation lives if the server does not say.
// rfc8656 §3.2
const LIFETIME_DEFAULT: Duration = Duration::from_secs(600);
/// It is refreshed so long before its end.
// rfc8656 §8.1
const REFRESH_BEFORE: Duration = Duration::from_secs(60);
/// However short a life the server gives: nobody makes us ask it without rest.
const REFRESH_MIN: Duration = Duration::from_secs(15);
/// A permission lives five minutes, a channel ten.
// rfc8656 §9, §12
const PERMIT_AGAIN: Duration = Duration::from_secs(240);
/// Our only channel.
// rfc8656 §12
const CHANNEL: u16 = 0x4000;

/// A name and a password at a TURN server.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The password.
    pub password: String,
}

/// Without the password.
impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// The key of a long-term credential.
// rfc8489 §9.2.2
pub(crate) fn long_term_key(user: &str, realm: &str, password: &str) -> [u8; 16] {
    Md5::digest(format!("{user}:{realm}:{password}")).into()
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Want {
    Allocation,
    /// For so many seconds; none: no longer.
    Refresh(u32),
    /// For one host: a server that refuses one of many refuses all.
    // rfc8656 §10.2
    Permission(IpAddr),
    Channel(SocketAddr),
}

#[derive(Clone, Debug)]
struct Request {
    want: Want,
    transaction: Transaction,
    datagram: Vec<u8>,
    retry: Retry,
    /// It carried our name and this nonce.
    is_signed: bool,
    tries: u32,
}

#[derive(Clone, Debug)]
struct Challenge {
    realm: String,
    nonce: Vec<u8>,
    key: [u8; 16],
}

/// What the server lends.
#[derive(Clone, Copy, Debug)]
struct Allocation {
    relayed: SocketAddr,
    mapped: Option<SocketAddr>,
    refresh: Duration,
}

/// An address at a TURN server.
#[derive(Clone, Debug)]
pub(crate) struct Relay {
    pub(crate) server: SocketAddr,
    login: Login,
    challenge: Option<Challenge>,
    requests: Vec<Request>,
    allocation: Option<Allocation>,
    /// When it is asked for, if there is none.
    next: Duration,
    /// Hosts that may send, and when that is to be renewed.
    permissions: Vec<(IpAddr, Duration)>,
    /// The peer of our channel, whether the server knows of it, and when it is to be renewed.
    channel: Option<(SocketAddr, bool, Duration)>,
    out: VecDeque<Vec<u8>>,
}

impl Relay {
    pub(crate) fn new(now: Duration, server: SocketAddr, login: Login) -> Relay {
        Relay {
            server,
            login,
            challenge: None,
            requests: Vec::new(),
            allocation: None,
            next: now,
            permissions: Vec::new(),
            channel: None,
            out: VecDeque::new(),
        }
    }

    /// Whether an answer is waited for.
    pub(crate) fn is_open(&self) -> bool {
        !self.requests.is_empty()
    }

    /// The address that is lent.
    pub(crate) fn relayed(&self) -> Option<SocketAddr> {
        self.allocation.map(|allocation| allocation.relayed)
    }

    /// What the server sees of our port.
    pub(crate) fn mapped(&self) -> Option<SocketAddr> {
        self.allocation.and_then(|allocation| allocation.mapped)
    }

    /// Lets this host send to us.
    // rfc8656 §9
    pub(crate) fn permit(&mut self, now: Duration, host: IpAddr) {
        let is_known = self.permissions.iter().any(|(known, _)| *known == host);
        // Those of the other family are never asked for.
        let alike = self.permissions.iter().filter(|(known, _)| known.is_ipv4() == host.is_ipv4()).count();
        if !is_known && alike < PERMISSIONS_MAX {
            self.permissions.push((host, now));
        }
    }

    /// Makes a channel to this address: packets there are shorter then.
    // rfc8656 §12
    pub(crate) fn open_channel(&mut self, now: Duration, peer: SocketAddr) {
        // One channel is for one address as long as the allocation lives.
        if self.channel.is_none() {
            self.channel = Some((peer, false, now));
        }
    }

    /// The address is not wanted any more.
    // rfc8656 §7.3
    pub(crate) fn close(&mut self, now: Duration, random: &mut Random) {
        self.requests.clear();
        if self.allocation.is_some() {
            self.ask(now, Want::Refresh(0), 0, random);
            self.requests.clear();
        }
        (self.allocation, self.next) = (None, Duration::MAX);
        self.permissions.clear();
    }

    /// Time went by.
    pub(crate) fn tick(&mut self, now: Duration, random: &mut Random) {
        let mut over = Vec::new();
        for request in &mut self.requests {
            match request.retry.due(now) {
                Due::Nothing => {}
                Due::Again => self.out.push_back(request.datagram.clone()),
                Due::Over => over.push(request.transaction),
            }
        }
        for transaction in over {
            if let Some(request) = self.take(transaction) {
                self.failed(now, &request.want);
            }
        }
        let Some(allocation) = self.allocation else {
            if now >= self.next {
                self.want(now, Want::Allocation, random);
            }
            return;
        };
        if now >= allocation.refresh {
            self.want(now, Want::Refresh(LIFETIME_DEFAULT.as_secs() as u32), random);
        }
        let due = self.permissions.iter().filter(|(_, at)| now >= *at).map(|(host, _)| *host);
        let due: Vec<IpAddr> = due.filter(|host| host.is_ipv4() == allocation.relayed.is_ipv4()).collect();
        for host in due {
            self.want(now, Want::Permission(host), random);
        }
        if let Some((peer, _, at)) = self.channel
            && now >= at
        {
            self.want(now, Want::Channel(peer), random);
        }
    }

    /// Asks for it, unless an answer to that is waited for.
    fn want(&mut self, now: Duration, want: Want, random: &mut Random) {
        if self.requests.iter().all(|request| request.want != want) {
            self.ask(now, want, 0, random);
        }
    }

    /// What is to be sent to the server.
    pub(crate) fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.out.pop_front()
    }

    fn ask(&mut self, now: Duration, want: Want, tries: u32, random: &mut Random) {
        let transaction = random.transaction();
        let draft = |method| Draft::new(method, Class::Request, transaction);
        let mut draft = match &want {
            Want::Allocation => draft(Method::Allocate).put(REQUESTED_TRANSPORT, &UDP),
            Want::Refresh(secs) => draft(Method::Refresh).put(LIFETIME, &secs.to_be_bytes()),
            Want::Permission(host) => {
                draft(Method::CreatePermission).put_address(XOR_PEER_ADDRESS, SocketAddr::new(*host, 0))
            }
            Want::Channel(peer) => {
                let [high, low] = CHANNEL.to_be_bytes();
                draft(Method::ChannelBind)
                    .put(CHANNEL_NUMBER, &[high, low, 0, 0])
                    .put_address(XOR_PEER_ADDRESS, *peer)
            }
        };
        // rfc8489 §9.2.3
        if let Some(Challenge { realm, nonce, key }) = &self.challenge {
            draft = draft
                .put(USERNAME, self.login.user.as_bytes())
                .put(REALM, realm.as_bytes())
                .put(NONCE, nonce)
                .sign(key);
        }
        let (datagram, is_signed) = (draft.finish(), self.challenge.is_some());
        self.out.push_back(datagram.clone());
        let retry = Retry::new(now, RTO);
        self.requests.push(Request { want, transaction, datagram, retry, is_signed, tries });
    }

    fn take(&mut self, transaction: Transaction) -> Option<Request> {
        let at = self.requests.iter().position(|request| request.transaction == transaction)?;
        Some(self.requests.remove(at))
    }

    /// The server answers; `false`: no request of this one's.
    pub(crate) fn answered(&mut self, now: Duration, response: &Message<'_>, random: &mut Random) -> bool {
        let Some(request) = self.requests.iter().find(|request| request.transaction == response.transaction)
        else {
            return false;
        };
        let code = response.error_code().filter(|_| response.class == Class::Error);
        // rfc8489 §9.2.5
        let is_challenge = code == Some(UNAUTHENTICATED) && !request.is_signed || code == Some(STALE_NONCE);
        let key = self.challenge.as_ref().map(|challenge| challenge.key);
        if !is_challenge && key.is_some_and(|key| !response.is_signed_with(&key)) && code.is_none() {
            return true; // as if it had never come
        }
        let Some(Request { want, tries, .. }) = self.take(response.transaction) else { return false };
        match code {
            Some(_) if is_challenge && tries < TRIES_MAX => match self.challenged(response) {
                true => self.ask(now, want, tries + 1, random),
                false => self.failed(now, &want),
            },
            Some(_) => self.failed(now, &want),
            None => self.granted(now, &want, response),
        }
        true
    }

    fn challenged(&mut self, response: &Message<'_>) -> bool {
        let realm =
            response.text(REALM).or(self.challenge.as_ref().map(|challenge| challenge.realm.as_str()));
        let (Some(realm), Some(nonce)) = (realm, response.attribute(NONCE)) else { return false };
        if realm.len() > CHALLENGE_BYTES_MAX || nonce.len() > CHALLENGE_BYTES_MAX {
            return false;
        }
        let key = long_term_key(&self.login.user, realm, &self.login.password);
        self.challenge = Some(Challenge { realm: realm.to_owned(), nonce: nonce.to_vec(), key });
        true
    }

    fn granted(&mut self, now: Duration, want: &Want, response: &Message<'_>) {
        let lifetime =
            response.number(LIFETIME).map_or(LIFETIME_DEFAULT, |secs| Duration::from_secs(secs.into()));
        // rfc8656 §8.1
        let refresh = now + lifetime.saturating_sub(REFRESH_BEFORE).max(lifetime / 2).max(REFRESH_MIN);
        match want {
            // rfc8656 §7.3
            Want::Allocation => match response.address(XOR_RELAYED_ADDRESS) {
                Some(relayed) => {
                    let mapped = response.address(XOR_MAPPED_ADDRESS);
                    self.allocation = Some(Allocation { relayed, mapped, refresh });
                }
                None => self.failed(now, want),
            },
            Want::Refresh(_) => {
                if let Some(allocation) = &mut self.allocation {
                    allocation.refresh = refresh;
                }
            }
            Want::Permission(host) => {
                for (_, at) in self.permissions.iter_mut().filter(|(known, _)| known == host) {
                    *at = now + PERMIT_AGAIN;
                }
            }
            Want::Channel(peer) => self.channel = Some((*peer, true, now + PERMIT_AGAIN)),
        }
    }

    fn failed(&mut self, now: Duration, want: &Want) {
        match want {
            Want::Allocation | Want::Refresh(_) => {
                (self.allocation, self.challenge, self.channel) = (None, None, None);
                self.next = now + AGAIN_IF_REFUSED;
                // What belonged to it is gone with it, and due when there is another.
                self.requests.clear();
                self.permissions.iter_mut().for_each(|(_, at)| *at = now);
            }
            Want::Permission(host) => self.permissions.retain(|(known, _)| known != host),
            // It goes without.
            Want::Channel(peer) => self.channel = Some((*peer, false, Duration::MAX)),
        }
    }

    /// How a packet goes to the far side by this server.
    // rfc8656 §11.1, §12.5
    pub(crate) fn wrap(&self, peer: SocketAddr, packet: &[u8], random: &mut Random) -> Vec<u8> {
        match self.channel {
            Some((bound, true, _)) if bound == peer => {
                let length = u16::try_from(packet.len()).unwrap_or_default();
                [&CHANNEL.to_be_bytes()[..], &length.to_be_bytes(), packet].concat()
            }
            Some(_) | None => Draft::new(Method::Send, Class::Indication, random.transaction())
                .put_address(XOR_PEER_ADDRESS, peer)
                .put(DATA, packet)
                .plain(),
        }
    }

    /// The packet that the server hands on, and from whom it has it.
    // rfc8656 §11.4, §12.6
    pub(crate) fn unwrap<'a>(&self, datagram: &'a [u8]) -> Option<(SocketAddr, &'a [u8])> {
        if is_stun(datagram) {
            let message = Message::parse(datagram)?;
            let is_data = message.method == Method::Data && message.class == Class::Indication;
            return Some((message.address(XOR_PEER_ADDRESS).filter(|_| is_data)?, message.attribute(DATA)?));
        }
        let (number, rest) = datagram.split_first_chunk()?;
        let (length, packet) = rest.split_first_chunk()?;
        let (peer, _, _) = self.channel.filter(|_| u16::from_be_bytes(*number) == CHANNEL)?;
        Some((peer, packet.get(..usize::from(u16::from_be_bytes(*length)))?))
    }

    /// When something is due next.
    pub(crate) fn next(&self) -> Duration {
        let requests = self.requests.iter().map(|request| request.retry.next());
        let rest = match &self.allocation {
            None if self.requests.is_empty() => self.next,
            None => Duration::MAX,
            Some(allocation) => {
                let permissions = self.permissions.iter().map(|(_, at)| *at);
                permissions.chain(self.channel.map(|(_, _, at)| at)).fold(allocation.refresh, Duration::min)
            }
        };
        requests.fold(rest, Duration::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    /// A relay at a server that wants no password, with an address for ten minutes.
    fn lent() -> (Relay, Random) {
        let mut random = Random::from_seed([1; 32]);
        let login = Login { user: "alice".to_owned(), password: "secret".to_owned() };
        let mut relay = Relay::new(Duration::ZERO, at("198.51.100.2:3478"), login);
        let asked = asks(&mut relay, Duration::ZERO, &mut random);
        assert_eq!(asked.iter().map(|(method, _)| *method).collect::<Vec<_>>(), [Method::Allocate]);
        let answer = Draft::new(Method::Allocate, Class::Success, asked[0].1)
            .put_address(XOR_RELAYED_ADDRESS, at("198.51.100.2:50000"))
            .put(LIFETIME, &600_u32.to_be_bytes())
            .finish();
        assert!(relay.answered(Duration::ZERO, &Message::parse(&answer).unwrap(), &mut random));
        (relay, random)
    }

    fn asks(relay: &mut Relay, now: Duration, random: &mut Random) -> Vec<(Method, Transaction)> {
        relay.tick(now, random);
        let sent: Vec<Vec<u8>> = std::iter::from_fn(|| relay.poll_transmit()).collect();
        let read = sent.iter().map(|octets| Message::parse(octets).unwrap());
        read.map(|message| (message.method, message.transaction)).collect()
    }

    fn grants(relay: &mut Relay, now: Duration, random: &mut Random, asked: &[(Method, Transaction)]) {
        for (method, transaction) in asked {
            let answer = Draft::new(*method, Class::Success, *transaction).finish();
            assert!(relay.answered(now, &Message::parse(&answer).unwrap(), random));
        }
    }

    #[test]
    fn what_is_lent_and_who_may_send_is_renewed_in_time() {
        // tests rfc8656 §8.1, §9, §12
        let (mut relay, mut random) = lent();
        relay.permit(Duration::ZERO, [203, 0, 113, 2].into());
        relay.permit(Duration::ZERO, [203, 0, 113, 2].into());
        relay.open_channel(Duration::ZERO, at("203.0.113.2:4000"));
        let mut happened = Vec::new();
        for secs in 0..600 {
            let now = Duration::from_secs(secs);
            let asked = asks(&mut relay, now, &mut random);
            happened.extend(asked.iter().map(|(method, _)| (secs, *method)));
            grants(&mut relay, now, &mut random, &asked);
        }
        let (permission, channel) = (Method::CreatePermission, Method::ChannelBind);
        let expected = [
            (0, permission),
            (0, channel),
            (240, permission),
            (240, channel),
            (480, permission),
            (480, channel),
            (540, Method::Refresh),
        ];
        assert_eq!(happened, expected);
    }

    #[test]
    fn a_server_that_lends_no_longer_is_asked_anew_after_a_while() {
        let (mut relay, mut random) = lent();
        relay.permit(Duration::ZERO, [203, 0, 113, 2].into());
        for secs in [0, 240, 480] {
            let now = Duration::from_secs(secs);
            let asked = asks(&mut relay, now, &mut random);
            grants(&mut relay, now, &mut random, &asked);
        }
        let now = Duration::from_secs(540);
        let asked = asks(&mut relay, now, &mut random);
        assert_eq!(asked.len(), 1);
        // 437: it knows of no such allocation.
        let refusal = Draft::new(Method::Refresh, Class::Error, asked[0].1).put_error(437).finish();
        assert!(relay.answered(now, &Message::parse(&refusal).unwrap(), &mut random));
        assert_eq!(relay.relayed(), None);
        assert_eq!(asks(&mut relay, now + Duration::from_secs(59), &mut random), []);
        let now = now + AGAIN_IF_REFUSED;
        let asked = asks(&mut relay, now, &mut random);
        assert_eq!(asked.iter().map(|(method, _)| *method).collect::<Vec<_>>(), [Method::Allocate]);
        // Who might send by the old address may by the new one, at once.
        let answer = Draft::new(Method::Allocate, Class::Success, asked[0].1)
            .put_address(XOR_RELAYED_ADDRESS, at("198.51.100.2:50001"))
            .finish();
        assert!(relay.answered(now, &Message::parse(&answer).unwrap(), &mut random));
        let asked = asks(&mut relay, now, &mut random);
        assert_eq!(asked.iter().map(|(method, _)| *method).collect::<Vec<_>>(), [Method::CreatePermission]);
    }

    #[test]
    fn a_server_that_lends_for_no_time_is_not_asked_without_rest() {
        let (mut relay, mut random) = lent();
        let mut asked = 0;
        for secs in 500..600 {
            let now = Duration::from_secs(secs);
            for (method, transaction) in asks(&mut relay, now, &mut random) {
                asked += 1;
                let answer = Draft::new(method, Class::Success, transaction).put(LIFETIME, &[0; 4]).finish();
                assert!(relay.answered(now, &Message::parse(&answer).unwrap(), &mut random));
            }
        }
        assert_eq!(asked, 4, "at 540 s, and each 15 s after it");
    }

    #[test]
    fn only_so_many_hosts_may_send_whatever_there_are_of_the_other_family() {
        let (mut relay, mut random) = lent();
        for last in 0..=255 {
            relay.permit(Duration::ZERO, [0x2001, 0xdb8, 0, 0, 0, 0, 0, last].into());
        }
        for last in 0..=255 {
            relay.permit(Duration::ZERO, [203, 0, 113, last].into());
        }
        relay.tick(Duration::ZERO, &mut random);
        let sent: Vec<Vec<u8>> = std::iter::from_fn(|| relay.poll_transmit()).collect();
        let hosts =
            sent.iter().map(|octets| Message::parse(octets).unwrap().attributes(XOR_PEER_ADDRESS).count());
        assert_eq!(hosts.collect::<Vec<_>>(), [1; PERMISSIONS_MAX]);
    }
}
