//! A NOTIFY arrives: it is judged, placed with its subscription or begins one, and told (RFC 6665 §4.1.3, §4.4.1).

use super::{Ended, Ending, FORKS_MAX, Opening, Subscriber, SubscriberEvent, Subscription};
use crate::effect::Turn;
use ruf_dialog::Dialog;
use ruf_message::body::Body;
use ruf_message::header::content::ContentType;
use ruf_message::header::event::{EndReason, Event, SubscriptionState, Substate};
use ruf_message::{HeaderName, Request, Response, StatusCode, Tick};

impl Subscriber {
    /// A NOTIFY with our name came.
    // rfc6665 §4.1.3 and rfc3842 §3.6-2
    pub fn notified(&mut self, turn: &mut Turn<'_, SubscriberEvent>, server: u64, request: &Request) {
        let placed = self.judge(request).and_then(|state| {
            let placed = self.place(turn.now, request, &state);
            placed.map(|placed| (placed, state)).map_err(|status| Box::new(request.reply(status)))
        });
        let ((notifier, ended), state) = match placed {
            Ok(placed) => placed,
            Err(response) => return turn.respond(server, *response),
        };
        // rfc6665 §4.1.3: at once, without waiting for anybody
        let mut response = request.reply(StatusCode::OK);
        response.add(HeaderName::Contact, format!("<{}>", self.terms.contact));
        turn.respond(server, response);
        let is_pending = state.state() == Substate::Pending;
        let body = Body::of(request);
        // The last one may have nothing to say but that.
        if body.is_some() || ended.is_none() {
            turn.event(SubscriberEvent::Notified { notifier, is_pending, body });
        }
        match ended {
            Some(ended) => self.ended(turn, notifier, ended),
            None => self.failures = 0,
        }
        self.see_to_subscriptions(turn);
    }

    /// What it says of the subscription; or its answer, if it cannot be understood.
    fn judge<'a>(&self, request: &'a Request) -> Result<SubscriptionState<'a>, Box<Response>> {
        let event = request.header::<Event<'_>>().ok().flatten();
        // rfc6665 §4.1.3: another package than what we asked for
        if event.is_none_or(|event| event.event.as_str() != self.package.name || event.id().is_some()) {
            let mut response = request.reply(StatusCode::BAD_EVENT);
            response.set(HeaderName::AllowEvents, self.package.name);
            return Err(Box::new(response));
        }
        let is_of_ours =
            ContentType::of(request).is_some_and(|given| given.is_named(self.package.content_type));
        if !request.body().is_empty() && !is_of_ours {
            let mut response = request.reply(StatusCode::UNSUPPORTED_MEDIA_TYPE);
            response.set(HeaderName::Accept, self.package.content_type);
            return Err(Box::new(response));
        }
        let state = request.header::<SubscriptionState<'_>>().ok().flatten();
        state.ok_or_else(|| Box::new(request.reply(StatusCode::BAD_REQUEST)))
    }

    /// The subscription that it is about, and the end of that, if it says so.
    fn place(
        &mut self,
        now: Tick,
        request: &Request,
        state: &SubscriptionState<'_>,
    ) -> Result<(u32, Option<Ended>), StatusCode> {
        let tag = request.from_tag().unwrap_or_default();
        match self.subscriptions.iter_mut().find(|of| of.is_named(tag)) {
            Some(subscription) => {
                // rfc3261 §12.2.2
                subscription.accept(request).map_err(|_| StatusCode::SERVER_INTERNAL_ERROR)?;
                Ok((subscription.number, subscription.notified(now, state).err()))
            }
            None => self.begin(now, request, state),
        }
    }

    /// A subscription begins.
    // rfc6665 §4.1.4, §4.4.1 and rfc3842 §3.9
    fn begin(
        &mut self,
        now: Tick,
        request: &Request,
        state: &SubscriptionState<'_>,
    ) -> Result<(u32, Option<Ended>), StatusCode> {
        // rfc6665 §4.1.2.4: none begins after Timer N; rfc6665 §5.4.9: nor a second one, if the package wants one
        let Opening::NotifyWait { cseq, asked_secs, .. } = self.opening else {
            return Err(StatusCode::CALL_DOES_NOT_EXIST);
        };
        if self.subscriptions.len() >= FORKS_MAX {
            return Err(StatusCode::CALL_DOES_NOT_EXIST);
        }
        let ended = match (state.state(), state.reason()) {
            // rfc6665 §4.4.3: what was to be told once was told
            (Substate::Terminated, None | Some(EndReason::Timeout)) if asked_secs == 0 => {
                Some((Ending::Unsubscribed, None))
            }
            // rfc6665 §4.4.1: no dialog comes of it
            (Substate::Terminated, reason) => Some((Ending::Terminated(reason), state.retry_after_secs())),
            (Substate::Active | Substate::Pending | Substate::Other, _) if asked_secs == 0 => {
                Some((Ending::Unsubscribed, None))
            }
            (Substate::Active | Substate::Pending | Substate::Other, _) => None,
        };
        let number = self.next;
        if ended.is_none() {
            let dialog = Dialog::subscriber(request, cseq, self.terms.secure_flow)
                .map_err(|_| StatusCode::BAD_REQUEST)?;
            let lasts_secs = state.expires_secs().unwrap_or(asked_secs);
            self.subscriptions.push(Subscription::new(now, number, dialog, lasts_secs));
        }
        self.next = self.next.saturating_add(1);
        if ended.is_some() || !self.package.is_forked {
            self.opening = Opening::Settled;
        }
        Ok((number, ended))
    }
}
