//! Requests of others: inspected (RFC 3261 §8.2), then answered or handed to their call.

use crate::agent::Agent;
use crate::capabilities::{ALLOW, ALLOW_EVENTS, MESSAGE_TYPES, METHODS, supported};
use crate::event::{AgentEvent, CallKey};
use crate::inquiry::Caller;
use crate::redirect::TargetSet;
use crate::reject::Reject;
use crate::replaces::{Asks, is_misplaced};
use crate::way::Way;
use ruf_message::header::content::{ContentDisposition, ContentType};
use ruf_message::header::expires::SessionExpires;
use ruf_message::header::refer::ReferredBy;
use ruf_message::{Flow, HeaderName, Method, Request, Response, StatusCode, Tick};
use ruf_session::{Body, Diverted, InDialog, InviteUsage, MIN_SE_SECS, Turn, asserted};
use ruf_transaction::ServerId;

/// A request of somebody whose transaction is open.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) id: ServerId,
    call: Option<CallKey>,
    witness: Option<Witness>,
}

/// What two copies of one request have in common that came by different ways: Call-ID, From tag,
/// CSeq.
// rfc3261 §8.2.2.2
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Witness {
    call_id: Box<[u8]>,
    from_tag: Box<[u8]>,
    cseq: (u32, Box<[u8]>),
}

impl Agent {
    /// A request that no transaction knows, neither ACK nor CANCEL.
    pub(crate) fn requested(&mut self, now: Tick, flow: Flow, request: Request) {
        let witness = witness(&request);
        let merged = witness.as_ref().is_some_and(|witness| self.witnessed.contains(witness));
        let Some(user) = self.open_server(now, flow, &request, witness.filter(|_| !merged)) else { return };
        let handled = match self.inspect(&request, merged) {
            Err(reject) => Err(reject),
            Ok(()) => match request.to_tag() {
                Some(tag) => self.in_dialog(now, user, &request, tag),
                None if request.method() == Method::Invite => self.invited(now, flow, user, &request),
                None if request.method() == Method::Subscribe => self.subscribed(now, flow, user, &request),
                None => self.alone(now, user, &request, None),
            },
        };
        if let Err(reject) = handled {
            self.reply(now, user, reject.into_response(&request));
        }
    }

    /// Opens the transaction; a full table is answered without one.
    fn open_server(
        &mut self,
        now: Tick,
        flow: Flow,
        request: &Request,
        witness: Option<Witness>,
    ) -> Option<u64> {
        let Ok(id) = self.transactions.accept(now, flow, request) else {
            let mut response = request.reply(StatusCode::SERVICE_UNAVAILABLE);
            response.set_to_tag(&self.entropy.token(12));
            self.out.reply(flow, request, &response);
            return None;
        };
        let user = self.next;
        self.next += 1;
        self.transactions.set_user(id, user);
        self.witnessed.extend(witness.clone());
        self.served.insert(user, Served { id, call: None, witness });
        Some(user)
    }

    fn reply(&mut self, now: Tick, user: u64, mut response: Response) {
        // rfc3261 §8.2.6.2: a tag in To
        response.set_to_tag(&self.entropy.token(12));
        if let Some(served) = self.served.get(&user) {
            self.transactions.respond(now, served.id, &response, &mut self.out);
        }
    }

    /// What is asked of every request, in the order of RFC 3261 section 8.2.
    fn inspect(&self, request: &Request, merged: bool) -> Result<(), Reject> {
        // rfc3261 §8.2.1
        let method = request.method();
        if method == Method::Other {
            return Err(Reject::UnknownMethod);
        }
        if !METHODS.contains(&method) {
            return Err(Reject::MethodNotAllowed);
        }
        // rfc3261 §8.2.2.1
        if !request.uri().is_sip() {
            return Err(Reject::UnsupportedScheme);
        }
        if !self.is_for_us(request) {
            return Err(Reject::NotFound);
        }
        // rfc3261 §8.2.2.2
        if merged {
            return Err(Reject::Merged);
        }
        if is_misplaced(request) {
            return Err(Reject::Malformed);
        }
        // rfc3261 §8.2.2.3
        let known = supported(&self.settings);
        let is_known = |tag: &str| known.iter().any(|known| known.eq_ignore_ascii_case(tag));
        let unknown: Vec<&str> = request.require().filter(|tag| !is_known(tag)).collect();
        if !unknown.is_empty() {
            return Err(Reject::BadExtension(unknown.join(", ")));
        }
        self.inspect_interval(request)?;
        self.inspect_body(request)
    }

    /// A session that would have to be refreshed too often; only who knows what that means can be told.
    // rfc4028 §9
    fn inspect_interval(&self, request: &Request) -> Result<(), Reject> {
        let min_secs = self.settings.min_se_secs.max(MIN_SE_SECS);
        let is_refresh = matches!(request.method(), Method::Invite | Method::Update);
        let knows = is_refresh && request.supported().any(|tag| tag.eq_ignore_ascii_case("timer"));
        match request.header::<SessionExpires<'_>>() {
            Ok(Some(asked)) if knows && asked.secs < min_secs => Err(Reject::IntervalTooSmall { min_secs }),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// The Request-URI names our Contact or our address-of-record, or only the host we are on.
    fn is_for_us(&self, request: &Request) -> bool {
        let aor = self.settings.aor.as_ref();
        match request.uri().user_unescaped() {
            None => true,
            Some(_) if self.settings.any_user => true,
            Some(user) => {
                *user == *self.settings.contact_user.as_bytes() || Some(user) == aor.user_unescaped()
            }
        }
    }

    // rfc3261 §8.2.3
    fn inspect_body(&self, request: &Request) -> Result<(), Reject> {
        let types = match request.method() {
            Method::Invite | Method::Update | Method::Prack => self.settings.accepted_types.join(", "),
            Method::Message => MESSAGE_TYPES.join(", "),
            // Of no meaning in all others.
            _ => return Ok(()),
        };
        if request.body().is_empty() || is_optional(request) {
            return Ok(());
        }
        let encodings = request.values(HeaderName::ContentEncoding);
        if encodings.into_iter().any(|encoding| !encoding.eq_ignore_ascii_case(b"identity")) {
            return Err(Reject::UnsupportedEncoding);
        }
        let given = ContentType::of(request);
        let understood = given.is_some_and(|given| types.split(", ").any(|taken| given.is_named(taken)));
        if understood { Ok(()) } else { Err(Reject::UnsupportedType(types)) }
    }

    /// A call.
    // rfc3261 §13.3.1
    fn invited(&mut self, now: Tick, flow: Flow, user: u64, request: &Request) -> Result<(), Reject> {
        let Asks { replaces, joins } = self.asked_of_another(request)?;
        if self.calls.is_full() {
            return Err(Reject::Busy);
        }
        let tag = self.entropy.token(12);
        let terms = self.terms(&flow, Caller::Known);
        let mut out = ruf_session::Out::default();
        let turn = &mut Turn { now, entropy: &mut self.entropy, out: &mut out };
        let usage =
            InviteUsage::called(turn, terms, user, request.clone(), &tag).map_err(|_| Reject::Malformed)?;
        let keyring = self.settings.keyring.clone();
        let call = self
            .calls
            .insert(request.call_id(), tag.as_bytes(), usage, keyring, Way::theirs(flow), TargetSet::none())
            .map_err(|_| Reject::Busy)?;
        if let Some(served) = self.served.get_mut(&user) {
            served.call = Some(call);
        }
        self.events.push_back(AgentEvent::Incoming {
            call,
            from: request.from().uri().to_owned(),
            display: String::from_utf8_lossy(&request.from().display()).into_owned(),
            to: request.to().uri().to_owned(),
            body: Body::of(request),
            replaces,
            joins,
            referred_by: request.header::<ReferredBy<'_>>().ok().flatten().map(|by| by.uri().to_owned()),
            asserted: asserted(request).filter(|_| self.settings.trusts_asserted).map(|(uri, _)| uri),
            diverted: Diverted::of(request).map(Box::new),
        });
        if let Some(call) = self.calls.get_mut(call) {
            call.replaces = replaces;
        }
        self.perform(now, call, out);
        Ok(())
    }

    // rfc3261 §12.2.2
    fn in_dialog(&mut self, now: Tick, user: u64, request: &Request, tag: &[u8]) -> Result<(), Reject> {
        let Some(call) = self.calls.named(request.call_id(), tag) else {
            let is_known = match request.method() {
                Method::Notify => self.notified(now, user, request),
                Method::Subscribe => self.resubscribed(now, user, request),
                _ => false,
            };
            // rfc6665 §4.1.3: no subscription of ours
            return if is_known { Ok(()) } else { Err(Reject::NoDialog) };
        };
        if let Some(served) = self.served.get_mut(&user) {
            served.call = Some(call);
        }
        match self.turn(now, call, |usage, turn| usage.request(turn, user, request)) {
            Some(InDialog::Taken) => Ok(()),
            Some(InDialog::Yours) => self.alone(now, user, request, Some(call)),
            Some(InDialog::Unknown) | None => Err(Reject::NoDialog),
        }
    }

    /// A request that changes no dialog, in one or out of one.
    fn alone(
        &mut self,
        now: Tick,
        user: u64,
        request: &Request,
        call: Option<CallKey>,
    ) -> Result<(), Reject> {
        match request.method() {
            Method::Options => self.options_asked(now, user, request, call),
            Method::Message => {
                // rfc3428 §7: 200 without body or Contact
                self.reply(now, user, request.reply(StatusCode::OK));
                let from = request.from().uri().to_owned();
                self.events.extend(Body::of(request).map(|body| AgentEvent::Message { call, from, body }));
                Ok(())
            }
            // rfc3261 §15.1.2: a BYE that matches no dialog
            Method::Bye | Method::Invite => Err(Reject::NoDialog),
            Method::Ack | Method::Cancel => Ok(()),
            Method::Refer => Err(Agent::referred(request)),
            // rfc6665 §4.1.3: no subscription of ours
            Method::Notify => Err(Reject::NoDialog),
            // rfc6665 §4.5.2: not in the dialog of a call
            Method::Subscribe => Err(Reject::Forbidden),
            // They know no life outside a dialog: rfc3262 §3, rfc3311 §5.1, rfc6086 §4.2.1
            Method::Prack | Method::Update | Method::Info => Err(Reject::NoDialog),
            Method::Register | Method::Publish => Err(Reject::MethodNotAllowed),
            Method::Other => Err(Reject::UnknownMethod),
        }
    }

    // rfc3261 §11.2
    fn options_asked(
        &mut self,
        now: Tick,
        user: u64,
        request: &Request,
        call: Option<CallKey>,
    ) -> Result<(), Reject> {
        // rfc3261 §11.2: the answer is the one an INVITE would have had; in a dialog it is 200
        if call.is_none() && self.calls.is_full() {
            return Err(Reject::Busy);
        }
        let mut response = request.reply(StatusCode::OK);
        for (name, value) in [
            (HeaderName::Allow, ALLOW.to_owned()),
            (HeaderName::Accept, self.settings.accepted_types.join(", ")),
            (HeaderName::AcceptEncoding, "identity".to_owned()),
            (HeaderName::AcceptLanguage, "en".to_owned()),
            (HeaderName::Supported, supported(&self.settings).join(", ")),
            (HeaderName::AllowEvents, ALLOW_EVENTS.to_owned()),
        ] {
            response.set(name, value);
        }
        self.reply(now, user, response);
        Ok(())
    }

    /// The ACK of a 2xx.
    pub(crate) fn acknowledged(&mut self, now: Tick, ack: &Request) {
        let call = ack.to_tag().and_then(|tag| self.calls.named(ack.call_id(), tag));
        if let Some(call) = call {
            self.turn(now, call, |usage, turn| usage.ack(turn, ack));
        }
    }

    /// A CANCEL; `invite`: the tag of what it cancels. It needs no inspection: it cannot be refused
    /// but with 481. What is no call goes on as if there were none.
    // rfc3261 §9.2 and rfc6665 §4.6
    pub(crate) fn cancelled(&mut self, now: Tick, flow: Flow, request: &Request, invite: Option<u64>) {
        let Some(user) = self.open_server(now, flow, request, None) else { return };
        let Some(invite) = invite else {
            return self.reply(now, user, Reject::NoDialog.into_response(request));
        };
        let mut response = request.reply(StatusCode::OK);
        let call = self.served.get(&invite).and_then(|served| served.call);
        if let Some(dialog) = call.and_then(|call| self.calls.get_mut(call)?.usage.dialog()) {
            // rfc3261 §9.2: the tag of the answer to the INVITE
            response.set_to_tag(&String::from_utf8_lossy(&dialog.id().local_tag));
        }
        self.reply(now, user, response);
        if let Some(call) = call {
            self.turn(now, call, |usage, turn| usage.cancelled(turn, invite, request));
        }
    }

    /// A server transaction ended.
    pub(crate) fn served(&mut self, user: u64) {
        #[cfg(feature = "mutants")]
        if self.mutant == Some(crate::Mutant::WitnessKept) {
            return drop(self.served.remove(&user));
        }
        if let Some(Served { witness: Some(witness), .. }) = self.served.remove(&user) {
            self.witnessed.remove(&witness);
        }
    }
}

fn witness(request: &Request) -> Option<Witness> {
    // rfc3261 §8.2.2.2: only requests without a tag in To
    request.to_tag().is_none().then(|| Witness {
        call_id: request.call_id().into(),
        from_tag: request.from_tag().unwrap_or_default().into(),
        cseq: (request.cseq().number, request.cseq().method.into()),
    })
}

/// The sender does not insist that we understand its body.
// rfc3261 §20.11: handling=optional
fn is_optional(request: &Request) -> bool {
    request
        .header::<ContentDisposition<'_>>()
        .is_ok_and(|disposition| disposition.is_some_and(|d| !d.is_required()))
}
