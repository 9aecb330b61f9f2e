//! [`Dialer`]: what is begun with a phone, while another task waits for what comes.

use std::sync::Arc;

use ruf_events::{EventPackage, MESSAGE_SUMMARY, PRESENCE};
use ruf_message::Uri;

use crate::call::Call;
use crate::desk::{Answered, Asked, Inquiry};
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::presence::Presence;
use crate::watch::Watch;

/// With its header it fits into what is read of a message, and into a datagram.
const TEXT_BYTES_MAX: usize = 60_000;

/// Calls, writes and watches for a [`Phone`](crate::Phone), from any task. The phone stays open while one of these is kept.
#[derive(Clone, Debug)]
pub struct Dialer {
    endpoint: Arc<Endpoint>,
}

impl Dialer {
    pub(crate) fn new(endpoint: Arc<Endpoint>) -> Dialer {
        Dialer { endpoint }
    }

    /// Calls. What becomes of it comes from [`Call::next`].
    ///
    /// # Errors
    /// `to` is no SIP address, or there are as many calls as there may be.
    pub async fn call(&self, to: &str) -> Result<Call, Error> {
        self.call_as(to, false).await
    }

    /// Calls without letting the far side know who does (RFC 3323). Our server knows, and is asked not to tell.
    ///
    /// # Errors
    /// As [`Dialer::call`].
    pub async fn call_anonymously(&self, to: &str) -> Result<Call, Error> {
        self.call_as(to, true).await
    }

    async fn call_as(&self, to: &str, is_anonymous: bool) -> Result<Call, Error> {
        let to = self.endpoint.target(to)?;
        let remote = to.to_string();
        let opened = self.endpoint.ask(move |desk, now| desk.call(now, to, is_anonymous)).await??;
        Ok(Call::new(Arc::clone(&self.endpoint), opened.line, remote, opened.events, opened.end))
    }

    /// Sends a text, and waits until the far side has it (RFC 3428).
    ///
    /// # Errors
    /// It was refused, or did not arrive.
    pub async fn message(&self, to: &str, text: &str) -> Result<(), Error> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(Error::TooLong);
        }
        let asked = Asked::Message(text.to_owned());
        let answered = self.inquire(to, asked).await?;
        match answered.status {
            status if status.is_success() => Ok(()),
            status => Err(Error::Refused(status).of(self.endpoint.has_password())),
        }
    }

    /// Asks whether anybody is there, and waits for the answer (RFC 3261 §11).
    ///
    /// # Errors
    /// Nobody answered.
    pub async fn options(&self, to: &str) -> Result<Answered, Error> {
        self.inquire(to, Asked::Options).await
    }

    /// Watches somebody: whether they can be reached, and hears of it when that changes. What becomes of it comes
    /// from [`Watch::next`].
    ///
    /// # Errors
    /// `to` is no SIP address, or as much is watched as may be.
    pub async fn watch(&self, to: &str) -> Result<Watch, Error> {
        let to = self.endpoint.target(to)?;
        self.watch_of(to, PRESENCE).await
    }

    /// Watches our own mailbox: what waits there (RFC 3842) comes as [`WatchEvent::Mailbox`](crate::WatchEvent).
    ///
    /// # Errors
    /// As much is watched as may be.
    pub async fn mailbox(&self) -> Result<Watch, Error> {
        self.watch_of(self.endpoint.aor().clone(), MESSAGE_SUMMARY).await
    }

    async fn watch_of(&self, to: Uri, package: EventPackage) -> Result<Watch, Error> {
        let whom = to.to_string();
        let watched = self.endpoint.ask(move |desk, now| desk.watch(now, to, package)).await??;
        Ok(Watch::new(Arc::clone(&self.endpoint), watched.key, whom, watched.events, watched.end))
    }

    /// Says how we are, in place of what was said before: to the server, if there is one (RFC 3903), which tells
    /// whoever watches us; and to whoever asks this phone itself. Until then, nobody is told.
    ///
    /// # Errors
    /// The server does not keep it. Who asks this phone itself is told all the same.
    pub async fn publish(&self, presence: &Presence) -> Result<(), Error> {
        let presence = presence.clone();
        self.endpoint.ask_later(move |desk, now, answer| desk.publish(now, &presence, answer)).await?
    }

    /// Says no longer how we are.
    pub fn unpublish(&self) {
        self.endpoint.tell(|desk, now| desk.unpublish(now));
    }

    /// Whoever has this address may watch this phone itself: now, and whenever they ask.
    ///
    /// # Errors
    /// `who` is no SIP address.
    pub fn allow(&self, who: &str) -> Result<(), Error> {
        self.consent(who, true)
    }

    /// Whoever has this address may not watch this phone itself, now or later.
    ///
    /// # Errors
    /// `who` is no SIP address.
    pub fn deny(&self, who: &str) -> Result<(), Error> {
        self.consent(who, false)
    }

    /// Has the phone hang up, remove its registration and take nothing new, and returns once all that was sent for the
    /// first time, whoever has heard it: for one who cannot wait for [`Phone::close`](crate::Phone::close).
    pub async fn leave(&self) {
        self.endpoint.leave().await;
    }

    fn consent(&self, who: &str, may: bool) -> Result<(), Error> {
        let who = self.endpoint.target(who)?;
        self.endpoint.tell(move |desk, now| desk.consent(now, &who, may));
        Ok(())
    }

    async fn inquire(&self, to: &str, asked: Asked) -> Result<Answered, Error> {
        let to = self.endpoint.target(to)?;
        self.endpoint
            .ask_later(move |desk, now, answer| desk.inquire(now, Inquiry { to, asked, answer }))
            .await?
    }
}
