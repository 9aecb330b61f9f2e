//! [`Call`]: one call, from either side.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::OnceLock;

use ruf_agent::Cause;
use ruf_media::{Codec, Event, Figures, Sink, Source, Suite, device};
use tokio::sync::mpsc;

use crate::desk::{End, LineKey};
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::event::{CallEvent, Ended};
use crate::talk::{Change, Talk};

/// Names a call among all that its phone ever has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallName(pub(crate) LineKey);

/// A call. Its events come from [`Call::next`]; dropping it hangs up.
#[derive(Debug)]
pub struct Call {
    endpoint: Arc<Endpoint>,
    line: LineKey,
    remote: String,
    events: mpsc::Receiver<CallEvent>,
    /// Why it is over, told to the user last.
    end: Arc<OnceLock<End>>,
    is_told: bool,
}

impl Call {
    pub(crate) fn new(
        endpoint: Arc<Endpoint>,
        line: LineKey,
        remote: String,
        events: mpsc::Receiver<CallEvent>,
        end: Arc<OnceLock<End>>,
    ) -> Call {
        Call { endpoint, line, remote, events, end, is_told: false }
    }

    /// What this phone calls it: [`Incoming::joins`](crate::Incoming::joins) says so.
    pub fn name(&self) -> CallName {
        CallName(self.line)
    }

    /// The far party: a URI.
    pub fn remote(&self) -> &str {
        &self.remote
    }

    /// What happens next; `None` after [`CallEvent::Ended`]. May be dropped and called again: nothing is
    /// lost.
    pub async fn next(&mut self) -> Option<CallEvent> {
        if let Some(event) = poll_fn(|cx| self.events.poll_recv(cx)).await {
            return Some(event);
        }
        if std::mem::replace(&mut self.is_told, true) {
            return None;
        }
        Some(CallEvent::Ended(self.why()))
    }

    fn why(&self) -> Ended {
        self.end.get().map_or(Ended::HungUp, |end| end.why.clone())
    }

    /// Waits until it is answered.
    ///
    /// # Errors
    /// It ended first.
    pub async fn answered(&mut self) -> Result<(), Ended> {
        while let Some(event) = self.next().await {
            match event {
                CallEvent::Answered => return Ok(()),
                CallEvent::Ended(ended) => return Err(ended),
                _ => {}
            }
        }
        Err(self.why())
    }

    /// Waits until it is over, and says why.
    pub async fn ended(&mut self) -> Ended {
        while self.next().await.is_some() {}
        self.why()
    }

    /// Hangs up, as the state of the call asks: CANCEL, BYE or a refusal. Sound stops now; the call is over
    /// when [`CallEvent::Ended`] comes.
    pub fn hang_up(&self) {
        let line = self.line;
        self.endpoint.tell(move |desk, now| desk.hang_up(now, line, None));
    }

    /// The same, and says why (RFC 3326): `Cause::sip(StatusCode::OK, "Call completed elsewhere")` makes it no missed call
    /// of whoever it rings at.
    pub fn hang_up_because(&self, cause: Cause) {
        let line = self.line;
        self.endpoint.tell(move |desk, now| desk.hang_up(now, line, Some(cause)));
    }

    /// Puts the far side on hold: it says and hears nothing until [`Call::resume`], but for what we
    /// [`Call::say`].
    pub fn hold(&self) {
        let line = self.line;
        self.endpoint.tell(move |desk, now| desk.change(now, line, Change::Hold));
    }

    /// Takes the far side back from hold.
    pub fn resume(&self) {
        let line = self.line;
        self.endpoint.tell(move |desk, now| desk.change(now, line, Change::Resume));
    }

    /// Asks the far side to call somebody else (blind transfer, RFC 3515): a SIP address, or a name or number of our
    /// own domain. [`CallEvent::Transferred`] or [`CallEvent::TransferFailed`] tells what came of it.
    ///
    /// # Errors
    /// `to` is no SIP address.
    pub fn transfer(&self, to: &str) -> Result<(), Error> {
        let (line, to) = (self.line, self.endpoint.target(to)?);
        self.endpoint.tell(move |desk, now| desk.transfer(now, line, &to));
        Ok(())
    }

    /// Asks the far side to take our place in another call, of this phone or of another one of ours (attended transfer,
    /// RFC 5589): the two far sides talk to each other then, and `other` ends. Told of like [`Call::transfer`].
    pub fn transfer_to(&self, other: &Call) {
        let (line, replaced, ours) = (self.line, other.line, Arc::clone(&self.endpoint));
        // Each phone knows its own calls.
        other.endpoint.tell(move |desk, _| {
            if let Some(to) = desk.replacement(replaced) {
                ours.tell(move |desk, now| desk.transfer(now, line, &to));
            }
        });
    }

    /// What [`Call::transfer`] of another call is told so that its far side takes our place in this one, where the two
    /// are not at hand together. `None`: it is not up.
    pub async fn replacement(&self) -> Option<String> {
        let line = self.line;
        let to = self.endpoint.ask(move |desk, _| desk.replacement(line)).await;
        to.ok().flatten().map(|to| to.to_string())
    }

    /// Does what [`CallEvent::Referred`] asks for: calls whom it names. The far side hears how that call fares.
    ///
    /// # Errors
    /// Nothing is asked for (any more), or there are as many calls as there may be.
    pub async fn follow(&self) -> Result<Call, Error> {
        let line = self.line;
        let opened = self.endpoint.ask(move |desk, now| desk.follow(now, line)).await??;
        Ok(Call::new(Arc::clone(&self.endpoint), opened.line, opened.parties.to, opened.events, opened.end))
    }

    /// Does not do what [`CallEvent::Referred`] asks for.
    pub fn stay(&self) {
        let line = self.line;
        self.endpoint.tell(move |desk, now| desk.stay(now, line));
    }

    /// What the far side hears from now on: a file, a tone, a microphone. Before: silence.
    pub fn say(&self, source: impl Source + 'static) {
        self.sound(move |talk| talk.say(Box::new(source)));
    }

    /// Who hears the far side from now on: a recording, a loudspeaker. Before: nobody.
    pub fn hear_with(&self, sink: impl Sink + 'static) {
        self.sound(move |talk| talk.hear_with(Box::new(sink)));
    }

    /// Says to the far side what it says.
    pub fn echo(&self) {
        let (source, sink) = device::echo();
        self.sound(move |talk| {
            talk.say(source);
            talk.hear_with(sink);
        });
    }

    /// Says silence, whatever is said; or no longer.
    pub fn mute(&self, is_muted: bool) {
        self.sound(move |talk| talk.mute(is_muted));
    }

    /// Presses keys, one after the other: `0` to `9`, `*`, `#`, `A` to `D` (RFC 4733). `false`: the far side takes
    /// none of one of them.
    pub async fn press(&self, keys: &str) -> bool {
        let (line, keys) = (self.line, keys.to_owned());
        let pressed = self.endpoint.ask(move |desk, _| desk.sound(line, |talk| talk.press(&keys)));
        pressed.await.ok().flatten().unwrap_or(false)
    }

    /// This is a key that can be pressed: `0` to `9`, `*`, `#`, `A` to `D` in either case.
    pub fn is_key(key: char) -> bool {
        Event::of_dtmf(key).is_some()
    }

    /// Every key that was pressed is sent.
    pub async fn is_done_pressing(&self) -> bool {
        let line = self.line;
        let done = self.endpoint.ask(move |desk, _| desk.sound(line, |talk| talk.is_done_pressing()));
        done.await.ok().flatten().unwrap_or(true)
    }

    /// The codec that is said with, once both agreed on one.
    pub async fn codec(&self) -> Option<Codec> {
        let line = self.line;
        self.endpoint.ask(move |desk, _| desk.sound(line, |talk| talk.codec())).await.ok().flatten().flatten()
    }

    /// What it is encrypted with, once both agreed; `None`: it is not.
    pub async fn suite(&self) -> Option<Suite> {
        let line = self.line;
        self.endpoint.ask(move |desk, _| desk.sound(line, |talk| talk.suite())).await.ok().flatten().flatten()
    }

    /// What went over the wire and how good it was received, now or when it ended.
    pub async fn figures(&self) -> Figures {
        let line = self.line;
        let now = self.endpoint.ask(move |desk, _| desk.sound(line, |talk| talk.figures()));
        now.await.ok().flatten().or_else(|| self.end.get().map(|end| end.figures)).unwrap_or_default()
    }

    fn sound(&self, act: impl FnOnce(&mut Talk) + Send + 'static) {
        let line = self.line;
        self.endpoint.tell(move |desk, _| {
            desk.sound(line, act);
        });
    }
}

impl Drop for Call {
    // A drop cannot wait: the desk hangs up, and sees it through.
    fn drop(&mut self) {
        self.hang_up();
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use ruf_media::WayEvent;

    use super::*;
    use crate::account::{Account, Ice};
    use crate::phone::Phone;

    async fn within<T>(future: impl Future<Output = T>) -> T {
        tokio::time::timeout(Duration::from_secs(20), future).await.expect("in time")
    }

    async fn until(call: &mut Call, wanted: &CallEvent) {
        while within(call.next()).await.expect("it goes on") != *wanted {}
    }

    /// Two phones in a call, each with a way.
    async fn call() -> (Phone, Phone, Call, Call) {
        let open = |name| Account::direct(name).ice(Ice::Offered).listen((Ipv4Addr::LOCALHOST, 0).into());
        let (alice, mut bob) =
            (Phone::open(open("alice")).await.unwrap(), Phone::open(open("bob")).await.unwrap());
        let mut call = alice.call(&format!("sip:bob@{}", bob.address())).await.unwrap();
        let mut answered = within(bob.incoming()).await.unwrap().answer();
        for call in [&mut call, &mut answered] {
            until(call, &CallEvent::WayFound { is_relayed: false }).await;
        }
        (alice, bob, call, answered)
    }

    fn lose(call: &Call, way: WayEvent) {
        let line = call.line;
        call.endpoint.tell(move |desk, now| desk.way(now, line, way));
    }

    #[tokio::test]
    async fn where_the_way_was_lost_another_one_is_found() {
        // tests rfc8839 §4.4.1.1.1, §4.4.3.1.1; rfc7675 §5.1
        let (_alice, _bob, mut call, mut answered) = call().await;
        lose(&answered, WayEvent::Lost);
        for call in [&mut call, &mut answered] {
            until(call, &CallEvent::WayFound { is_relayed: false }).await;
        }
        // It was found, so the next time it is sought again.
        lose(&call, WayEvent::Lost);
        until(&mut answered, &CallEvent::WayFound { is_relayed: false }).await;
        call.hang_up();
        assert_eq!(within(answered.ended()).await, Ended::RemoteHungUp);
    }

    #[tokio::test]
    async fn where_there_is_no_other_the_call_ends_and_says_why() {
        let (_alice, bob, mut call, _answered) = call().await;
        // Nobody is there any more.
        drop(bob);
        lose(&call, WayEvent::Lost);
        lose(&call, WayEvent::None);
        let ended = within(call.ended()).await;
        assert!(matches!(ended, Ended::SoundLost | Ended::RemoteHungUp), "{ended}");
        assert_eq!(Ended::SoundLost.to_string(), "the far side is not reached with sound any more");
    }
}
