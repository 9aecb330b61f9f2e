//! [`Phone`]: one account, its registration, its calls and its messages.

use std::net::SocketAddr;
use std::sync::Arc;

use ruf_message::Uri;
use tokio::sync::mpsc;

use crate::account::Account;
use crate::call::Call;
use crate::desk::{Answered, Opened};
use crate::dialer::Dialer;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::event::{Message, PhoneEvent};
use crate::incoming::Incoming;
use crate::presence::Presence;
use crate::watch::Watch;

/// A phone of one account. Dropping it ends its calls, its watches and its registration; what that needs is still sent.
#[derive(Debug)]
pub struct Phone {
    endpoint: Arc<Endpoint>,
    events: mpsc::Receiver<Told>,
}

/// What the desk tells the phone.
#[derive(Debug)]
pub(crate) enum Told {
    Event(PhoneEvent),
    Incoming(Opened),
}

impl Phone {
    /// Opens a phone and registers it. It stays registered until it is closed or dropped.
    ///
    /// # Errors
    /// The server refused, or was not reached; or the system gives no port.
    pub async fn register(account: Account) -> Result<Phone, Error> {
        let phone = Phone::open(account).await?;
        phone.registered().await?;
        Ok(phone)
    }

    /// Opens a phone without registering: it calls, and is called at its own address.
    ///
    /// # Errors
    /// The system gives no port, or the account cannot be used.
    pub async fn open(account: Account) -> Result<Phone, Error> {
        let (endpoint, events) = Endpoint::start(account).await?;
        Ok(Phone { endpoint: Arc::new(endpoint), events })
    }

    /// Where it listens, for UDP and for TCP.
    pub fn address(&self) -> SocketAddr {
        self.endpoint.address()
    }

    /// Where it listens over TLS, if it does.
    pub fn address_tls(&self) -> Option<SocketAddr> {
        self.endpoint.address_tls()
    }

    /// Its address-of-record: what others call.
    pub fn aor(&self) -> &Uri {
        self.endpoint.aor()
    }

    /// Registers, and returns when the server has answered. It stays registered until it is closed or dropped.
    ///
    /// # Errors
    /// The server refused, or was not reached.
    pub async fn registered(&self) -> Result<(), Error> {
        self.endpoint.ask_later(|desk, now, answer| desk.register(now, answer)).await?
    }

    /// Registers, and stays registered until it is closed or dropped; how it goes comes from [`Phone::next`].
    /// A server that is not reached, or does not serve at the moment, is tried again.
    pub fn stay_registered(&self) {
        // Who waits for the first answer reads events.
        let (nobody, _) = tokio::sync::oneshot::channel();
        self.endpoint.tell(move |desk, now| desk.register(now, nobody));
    }

    /// What is begun with this phone, for another task than the one that waits for [`Phone::next`].
    pub fn dialer(&self) -> Dialer {
        Dialer::new(Arc::clone(&self.endpoint))
    }

    /// Calls. What becomes of it comes from [`Call::next`].
    ///
    /// # Errors
    /// `to` is no SIP address, or there are as many calls as there may be.
    pub async fn call(&self, to: &str) -> Result<Call, Error> {
        self.dialer().call(to).await
    }

    /// Calls without letting the far side know who does (RFC 3323). Our server knows, and is asked not to tell.
    ///
    /// # Errors
    /// As [`Phone::call`].
    pub async fn call_anonymously(&self, to: &str) -> Result<Call, Error> {
        self.dialer().call_anonymously(to).await
    }

    /// Sends a text, and waits until the far side has it (RFC 3428).
    ///
    /// # Errors
    /// It was refused, or did not arrive.
    pub async fn message(&self, to: &str, text: &str) -> Result<(), Error> {
        self.dialer().message(to, text).await
    }

    /// Asks whether anybody is there, and waits for the answer (RFC 3261 §11).
    ///
    /// # Errors
    /// Nobody answered.
    pub async fn options(&self, to: &str) -> Result<Answered, Error> {
        self.dialer().options(to).await
    }

    /// Watches somebody: whether they can be reached, and hears of it when that changes (RFC 3856). What becomes of
    /// it comes from [`Watch::next`].
    ///
    /// # Errors
    /// `to` is no SIP address, or as much is watched as may be.
    pub async fn watch(&self, to: &str) -> Result<Watch, Error> {
        self.dialer().watch(to).await
    }

    /// Watches our own mailbox: what waits there (RFC 3842) comes as [`WatchEvent::Mailbox`](crate::WatchEvent).
    ///
    /// # Errors
    /// As much is watched as may be.
    pub async fn mailbox(&self) -> Result<Watch, Error> {
        self.dialer().mailbox().await
    }

    /// Says how we are, in place of what was said before: to the server, if there is one (RFC 3903), which tells
    /// whoever watches us; and to whoever asks this phone itself. Until then, nobody is told.
    ///
    /// # Errors
    /// The server does not keep it. Who asks this phone itself is told all the same.
    pub async fn publish(&self, presence: &Presence) -> Result<(), Error> {
        self.dialer().publish(presence).await
    }

    /// Says no longer how we are.
    pub fn unpublish(&self) {
        self.dialer().unpublish();
    }

    /// Whoever has this address may watch this phone itself: now, and whenever they ask. What was said is remembered as long
    /// as the phone is open.
    ///
    /// # Errors
    /// `who` is no SIP address.
    pub fn allow(&self, who: &str) -> Result<(), Error> {
        self.dialer().allow(who)
    }

    /// Whoever has this address may not watch this phone itself, now or later.
    ///
    /// # Errors
    /// `who` is no SIP address.
    pub fn deny(&self, who: &str) -> Result<(), Error> {
        self.dialer().deny(who)
    }

    /// How many watch this phone itself: those that the server tells of us are not counted.
    pub async fn watchers(&self) -> usize {
        self.endpoint.ask(|desk, _| desk.watchers()).await.unwrap_or_default()
    }

    /// How many calls there are, those counted that are being ended.
    pub async fn calls(&self) -> usize {
        self.endpoint.ask(|desk, _| desk.calls()).await.unwrap_or_default()
    }

    /// What happens next; `None` when the phone is closed. May be dropped and called again: nothing is lost.
    pub async fn next(&mut self) -> Option<PhoneEvent> {
        Some(match self.events.recv().await? {
            Told::Event(event) => event,
            Told::Incoming(Opened { line, parties, events, end }) => {
                PhoneEvent::Incoming(Incoming::new(Arc::clone(&self.endpoint), line, parties, events, end))
            }
        })
    }

    /// The next call that comes; other events are passed over. `None` when the phone is closed.
    pub async fn incoming(&mut self) -> Option<Incoming> {
        loop {
            if let PhoneEvent::Incoming(incoming) = self.next().await? {
                return Some(incoming);
            }
        }
    }

    /// The next text that comes; other events are passed over. `None` when the phone is closed.
    pub async fn text(&mut self) -> Option<Message> {
        loop {
            if let PhoneEvent::Message(message) = self.next().await? {
                return Some(message);
            }
        }
    }

    /// Hangs up and removes the registration, takes nothing new, and returns once all that was sent for the first time,
    /// whoever has heard it: for one who cannot wait for [`Phone::close`].
    pub async fn leave(&self) {
        self.dialer().leave().await;
    }

    /// Hangs up, removes the registration, and returns when the far sides know, or after two seconds.
    pub async fn close(self) {
        self.endpoint.close().await;
    }
}
