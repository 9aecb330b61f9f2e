//! The notifier's side of one subscription: accepted, told of what changes, refreshed, ended (RFC 6665 §4.2).
//!
//! For a phone that says itself how it is. Not here: whether somebody may know, which the owner decides before;
//! what is known of several phones together, which is a server's (services/presence).

mod delivery;
mod request;

use crate::effect::{Asked, Turn};
use crate::package::EventPackage;
use crate::subscriber::ends_subscription;
use crate::terms::{Terms, finish};
use delivery::Delivery;
pub use request::SubscribeRefused;
use request::asked_secs;
use ruf_dialog::{Dialog, DialogId, Failure};
use ruf_message::body::Body;
use ruf_message::header::event::EndReason;
use ruf_message::{HeaderName, Method, Request, Response, StatusCode, Tick};
use std::convert::Infallible;
use std::time::Duration;

/// How a subscription stands.
///
/// ```text
///    SUBSCRIBE                allow
///   ----------> Pending ----------------> Active
///        |        |                         |
///        |        |  expires, end, a NOTIFY fails
///        |        v                         v
///        |       Over <---------------------+
///        +--------------------------------> Active
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Somebody has yet to allow it: it hears nothing but that.
    Pending,
    /// It hears what there is.
    Active,
    /// It hears for the last time, and why.
    Over(EndReason),
}

/// One watcher of what we have to say.
#[derive(Debug)]
pub struct Notifier {
    terms: Terms,
    package: EventPackage,
    /// Event as it was asked for, with its id.
    // rfc6665 §4.5.2
    event: Vec<u8>,
    dialog: Dialog,
    standing: Standing,
    /// It may hear what there is: how it ends does not say so any more.
    is_allowed: bool,
    until: Tick,
    document: Option<Body>,
    delivery: Delivery,
}

impl Notifier {
    /// Takes a SUBSCRIBE out of dialog, and tells at once how things are. `tag` is ours from here on.
    ///
    /// # Errors
    /// Why it is not taken; nothing was answered yet.
    // rfc6665 §4.2.1, §4.2.1.1, §4.2.1.2
    pub fn subscribed(
        turn: &mut Turn<'_, Infallible>,
        terms: Terms,
        package: EventPackage,
        (server, request): (u64, &Request),
        tag: &str,
        (standing, document): (Standing, Option<Body>),
    ) -> Result<Self, SubscribeRefused> {
        let secs = asked_secs(&package, request)?;
        let mut dialog =
            Dialog::callee(request, tag, terms.secure_flow).map_err(|_| SubscribeRefused::Malformed)?;
        dialog.confirm();
        let event = request.raw(HeaderName::Event).next().unwrap_or(package.name.as_bytes()).to_vec();
        let until = turn.now + Duration::from_secs(secs.into());
        let delivery = Delivery::new(turn.now);
        let is_allowed = standing == Standing::Active;
        let mut notifier =
            Notifier { terms, package, event, dialog, standing, is_allowed, until, document, delivery };
        notifier.accept(turn, server, request, secs);
        Ok(notifier)
    }

    /// What a SUBSCRIBE within it names.
    pub fn id(&self) -> &DialogId {
        self.dialog.id()
    }

    /// Nothing is left of it.
    pub fn is_over(&self) -> bool {
        self.delivery.is_over()
    }

    /// A SUBSCRIBE within it: for longer, or for no longer.
    // rfc6665 §4.2.1.4
    pub fn refreshed(&mut self, turn: &mut Turn<'_, Infallible>, server: u64, request: &Request) {
        let is_ours = request.raw(HeaderName::Event).next().is_some_and(|event| *event == *self.event);
        let secs = match asked_secs(&self.package, request) {
            // rfc6665 §4.5.2: another subscription in this dialog
            _ if !is_ours => return turn.respond(server, request.reply(StatusCode::FORBIDDEN)),
            Err(refused) => return turn.respond(server, refused.into_response(request, self.package.name)),
            Ok(_) if self.dialog.accept(request).is_err() => {
                return turn.respond(server, request.reply(StatusCode::SERVER_INTERNAL_ERROR));
            }
            Ok(_) if matches!(self.standing, Standing::Over(_)) => {
                return turn.respond(server, request.reply(StatusCode::CALL_DOES_NOT_EXIST));
            }
            Ok(secs) => secs,
        };
        self.dialog.refresh(request.contacts());
        self.until = turn.now + Duration::from_secs(secs.into());
        self.delivery.hurry(turn.now);
        self.accept(turn, server, request, secs);
    }

    fn accept(&mut self, turn: &mut Turn<'_, Infallible>, server: u64, request: &Request, secs: u32) {
        let mut response = request.reply(StatusCode::OK);
        response.set_to_tag(&String::from_utf8_lossy(&self.dialog.id().local_tag));
        if request.to_tag().is_none() {
            // rfc3261 §12.1.1: all of Record-Route, in order, when a dialog begins
            for value in request.raw(HeaderName::RecordRoute) {
                response.add(HeaderName::RecordRoute, value);
            }
        }
        response.add(HeaderName::Contact, format!("<{}>", self.terms.contact));
        // rfc6665 §3.1.1, §4.2.1.1: not more than was asked for
        response.set(HeaderName::Expires, secs.to_string());
        for (name, value) in &self.terms.fields {
            response.add(*name, value);
        }
        turn.respond(server, response);
        self.tell(turn);
    }

    /// Things are otherwise.
    // rfc6665 §4.2.2
    pub fn change(&mut self, turn: &mut Turn<'_, Infallible>, document: Body) {
        if self.document.as_ref() != Some(&document) {
            self.document = Some(document);
            self.delivery.news();
            self.tell(turn);
        }
    }

    /// It may hear what there is.
    pub fn allow(&mut self, turn: &mut Turn<'_, Infallible>) {
        if self.standing == Standing::Pending {
            (self.standing, self.is_allowed) = (Standing::Active, true);
            self.delivery.hurry(turn.now);
            self.tell(turn);
        }
    }

    /// Our Contact from here on.
    pub fn move_to(&mut self, contact: String) {
        self.terms.contact = contact;
    }

    /// It hears no more.
    // rfc6665 §4.2.2, §4.4.2
    pub fn end(&mut self, turn: &mut Turn<'_, Infallible>, reason: EndReason) {
        if !matches!(self.standing, Standing::Over(_)) {
            self.standing = Standing::Over(reason);
            self.delivery.hurry(turn.now);
            self.tell(turn);
        }
    }

    /// We go: it hears this for the last time, and may come back later.
    // rfc6665 §4.1.3
    pub fn leave(&mut self, turn: &mut Turn<'_, Infallible>, last: Body) {
        self.document = Some(last);
        self.end(turn, EndReason::Probation);
    }

    /// A NOTIFY goes out again, with credentials: its next number.
    pub fn retry(&mut self, asked: Asked) -> Option<Asked> {
        let cseq = self.delivery.is_telling(asked.cseq).then(|| self.dialog.next_cseq(1))?;
        self.delivery.sent_again(cseq);
        Some(Asked { cseq, ..asked })
    }

    /// A NOTIFY has its final response, or will have none.
    // rfc6665 §4.2.2
    pub fn answered(
        &mut self,
        turn: &mut Turn<'_, Infallible>,
        asked: Asked,
        outcome: Result<&Response, Failure>,
    ) {
        let goes_on = match outcome {
            Ok(response) if response.status().is_provisional() => return,
            Ok(response) => {
                if response.status().is_success() {
                    self.dialog.refresh(response.contacts());
                }
                !ends_subscription(response.status())
            }
            // rfc6665 §4.2.2: who does not answer is gone
            Err(_) => false,
        };
        self.delivery.answered(turn.now, asked.cseq, goes_on);
        self.tell(turn);
    }

    /// Time passed.
    pub fn tick(&mut self, turn: &mut Turn<'_, Infallible>) {
        self.tell(turn);
    }

    /// When [`Self::tick`] wants to be called next.
    pub fn deadline(&self) -> Option<Tick> {
        self.delivery.deadline(self.until)
    }

    /// Tells what is due: one NOTIFY at a time, each with what is true when it leaves.
    fn tell(&mut self, turn: &mut Turn<'_, Infallible>) {
        // rfc6665 §4.2.1.4: it was not refreshed
        if self.until <= turn.now && !matches!(self.standing, Standing::Over(_)) {
            self.standing = Standing::Over(EndReason::Timeout);
            self.delivery.hurry(turn.now);
        }
        if !self.delivery.is_due(turn.now) {
            return;
        }
        let left = self.until.saturating_sub(turn.now).as_secs();
        let state = match self.standing {
            // rfc6665 §4.2.2: with how long it lasts
            Standing::Pending => format!("pending;expires={left}"),
            Standing::Active => format!("active;expires={left}"),
            Standing::Over(EndReason::Other) => "terminated".to_owned(),
            Standing::Over(reason) => format!("terminated;reason={}", reason.as_str()),
        };
        let mut builder = self
            .dialog
            .request(Method::Notify, 1)
            .header(HeaderName::Contact, format!("<{}>", self.terms.contact))
            // rfc6665 §3.2.1, §8.2.3
            .header(HeaderName::Event, &self.event)
            .header(HeaderName::SubscriptionState, state);
        builder = self.terms.with_fields(builder);
        let may_know = self.is_allowed && self.standing != Standing::Over(EndReason::Rejected);
        if let Some(document) = self.document.as_ref().filter(|_| may_know) {
            builder = builder.body(&document.content_type, document.content.clone());
        }
        let request = finish(builder);
        let cseq = request.cseq().number;
        self.delivery.sent(turn.now, cseq, matches!(self.standing, Standing::Over(_)));
        turn.request(Asked { dialog: 0, cseq }, request);
    }
}
