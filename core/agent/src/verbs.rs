//! What a user does with calls: calls and is called, ends them, changes them (RFC 3261 §13, §14, §15). Transfers are in
//! [`transfer`](crate::transfer), calls that take the place of others in [`replaces`](crate::replaces).

use crate::agent::Agent;
use crate::event::{CallKey, Full};
use crate::history;
use crate::inquiry::{Caller, finish};
use crate::redirect::TargetSet;
use crate::transfer::Follows;
use crate::way::Way;
use ruf_message::{HeaderName, Method, StatusCode, Tick, Uri};
use ruf_session::{Body, Cause, DiversionReason, InviteUsage, Turn};

impl Agent {
    /// Calls. Without a body the answering side makes the offer.
    ///
    /// # Errors
    /// If there are as many calls as there may be.
    // rfc3261 §13.2.1
    pub fn call(&mut self, now: Tick, to: &Uri, body: Option<Body>) -> Result<CallKey, Full> {
        let placed = self.place(now, to, &[], body, None);
        self.drain(now);
        placed
    }

    /// Calls without saying who we are: nothing in it names us, and the server is asked not to (RFC 3323, RFC 3325).
    /// The server itself knows, if it asks for a password.
    ///
    /// # Errors
    /// If there are as many calls as there may be.
    // rfc3323 §4.1.1.3, rfc3325 §9.3
    pub fn call_anonymously(&mut self, now: Tick, to: &Uri, body: Option<Body>) -> Result<CallKey, Full> {
        // rfc7044 §10.1.1
        let fields = [(HeaderName::Privacy, b"id;history".to_vec())];
        let placed = self.place_as(now, Caller::Withheld, to, &fields, body, None);
        self.drain(now);
        placed
    }

    /// Lets the caller hear that it rings.
    // rfc3261 §13.3.1.1
    pub fn ring(&mut self, now: Tick, call: CallKey) {
        self.progress(now, call, StatusCode::RINGING, None);
    }

    /// Tells the caller of progress, with an early description. A `status` that is not 101 to 199
    /// does nothing. It is sent until the caller confirms it, if the caller knows how (RFC 3262) and there is
    /// a description, or if the caller wants that of all.
    // rfc3261 §13.3.1.1 and rfc3262 §3
    pub fn progress(&mut self, now: Tick, call: CallKey, status: StatusCode, body: Option<Body>) {
        if status.is_provisional() && status != StatusCode::TRYING {
            self.turn(now, call, |usage, turn| usage.progress(turn, status, body));
            self.drain(now);
        }
    }

    /// Gives the answer that an event called due; if none is, answers the call.
    // rfc3261 §13.3.1.4
    pub fn answer(&mut self, now: Tick, call: CallKey, body: Option<Body>) {
        self.turn(now, call, |usage, turn| usage.answer(turn, body));
        self.drain(now);
    }

    /// Refuses a call, or a change of its session. A `status` below 300 does nothing.
    // rfc3261 §13.3.1.3
    pub fn reject(&mut self, now: Tick, call: CallKey, status: StatusCode) {
        if !status.is_provisional() && !status.is_success() {
            self.turn(now, call, |usage, turn| usage.reject(turn, status));
            self.drain(now);
        }
    }

    /// Sends the caller on to this URI (forwarding), and says why: its phone calls there, and whoever answers learns
    /// for whom the call was.
    // rfc3261 §21.3.3, rfc5806 §5.1
    pub fn redirect(&mut self, now: Tick, call: CallKey, to: &Uri, why: DiversionReason) {
        let by = self.named_as(Caller::Known);
        self.turn(now, call, |usage, turn| usage.redirect(turn, to, &by, why));
        self.drain(now);
    }

    /// Changes the session of a call to this description of ours: hold, resume, new addresses. Before the call
    /// is answered only if a first description was exchanged reliably, and the peer takes UPDATE.
    // rfc3261 §14.1 and rfc3311 §5.1
    pub fn modify(&mut self, now: Tick, call: CallKey, body: Body) {
        self.turn(now, call, |usage, turn| usage.modify(turn, body));
        self.drain(now);
    }

    /// Tells the peer's application something within a call, in the order of asking (RFC 6086): a key as
    /// `application/dtmf-relay`, for who takes no others.
    // rfc6086 §4.2.1
    pub fn info(&mut self, now: Tick, call: CallKey, body: Body) {
        self.turn(now, call, |usage, turn| usage.inform(turn, body));
        self.drain(now);
    }

    /// Ends a call as its state asks: CANCEL, BYE, or 486.
    // rfc3261 §15
    pub fn hang_up(&mut self, now: Tick, call: CallKey) {
        self.turn(now, call, |usage, turn| usage.hang_up(turn, None));
        self.drain(now);
    }

    /// The same, and says why: that somebody else took the call, say, so that none is missed.
    // rfc3326 §2
    pub fn hang_up_because(&mut self, now: Tick, call: CallKey, cause: Cause) {
        self.turn(now, call, |usage, turn| usage.hang_up(turn, Some(cause)));
        self.drain(now);
    }

    /// Sends an INVITE that opens a call, with these further header fields.
    // rfc3261 §13.2.1
    pub(crate) fn place(
        &mut self,
        now: Tick,
        to: &Uri,
        fields: &[(HeaderName, Vec<u8>)],
        body: Option<Body>,
        follows: Option<Follows>,
    ) -> Result<CallKey, Full> {
        self.place_as(now, Caller::Known, to, fields, body, follows)
    }

    fn place_as(
        &mut self,
        now: Tick,
        caller: Caller,
        to: &Uri,
        fields: &[(HeaderName, Vec<u8>)],
        body: Option<Body>,
        follows: Option<Follows>,
    ) -> Result<CallKey, Full> {
        if self.calls.is_full() {
            return Err(Full);
        }
        let flow = self.settings.flow;
        let terms = self.terms(&flow, caller);
        let from = self.named_as(caller);
        let mut builder = self
            .out_of_dialog_from(from, Method::Invite, to)
            .header(HeaderName::Contact, format!("<{}>", terms.party.contact));
        for (name, value) in &terms.party.fields {
            builder = builder.header(*name, value);
        }
        for (name, value) in fields {
            builder = builder.header(*name, value);
        }
        if let Some(body) = body {
            builder = builder.body(&body.content_type, body.content);
        }
        let mut invite = finish(builder);
        history::begin(&mut invite);
        let (call_id, tag) = (invite.call_id().to_vec(), invite.from_tag().unwrap_or_default().to_vec());
        let targets = TargetSet::new(invite.uri().to_owned(), self.settings.redirects_max);
        let way = Way::ours(flow, invite.uri().hop());
        let mut out = ruf_session::Out::default();
        let usage =
            InviteUsage::call(&mut Turn { now, entropy: &mut self.entropy, out: &mut out }, terms, invite);
        let key = self.calls.insert(&call_id, &tag, usage, self.settings.keyring.clone(), way, targets)?;
        if let Some(call) = self.calls.get_mut(key) {
            call.follows = follows;
            call.caller = caller;
        }
        self.perform(now, key, out);
        Ok(key)
    }
}
