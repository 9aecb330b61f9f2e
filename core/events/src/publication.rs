//! A publication: what we say of ourselves, kept at a server that tells it to others (RFC 3903 §4, §5).
//!
//! [`Publication`] sends PUBLISH, and keeps it alive. Not here: what a server makes of it (RFC 3903 §6), which is
//! services/presence's; what the body means, which is the package's.

use crate::effect::{Asked, Turn};
use crate::package::EventPackage;
use crate::terms::{Terms, finish};
use ruf_dialog::Failure;
use ruf_message::body::Body;
use ruf_message::header::expires::{Expires, MinExpires, RetryAfter};
use ruf_message::{Entropy, HeaderName, Method, Response, StatusClass, StatusCode, Tick, Uri, lease};
use std::time::Duration;

/// What the user of a publication is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicationEvent {
    /// The server keeps what was published last. Told for each refresh, too.
    Published {
        /// For so long, if nothing refreshed it.
        expires_secs: u32,
    },
    /// The server does not keep it.
    PublicationFailed {
        /// Why.
        failure: Failure,
        /// Tried again after this time; `None`: not before something else is published.
        retry_in: Option<Duration>,
    },
    /// It is gone from the server.
    Removed,
}

/// What is published of one resource, in one package.
///
/// ```text
///            publish                200
///   Absent ----------> Asking ----------------> Published
///     ^  ^              | ^ ^                     | |
///     |  | refused      | | |  time, publish      | |
///     |  +--------------+ | +---------------------+ |
///     |                   | time, publish           | remove
///     |   may pass      Waiting                     |
///     +---------------- Asking for its removal <----+
/// ```
/// A wish that comes while a PUBLISH is out waits for its final response; 412 and 423 are followed by another at
/// once, though 423 not for ever.
#[derive(Debug)]
pub struct Publication {
    terms: Terms,
    package: EventPackage,
    to: Uri,
    expires_secs: u32,
    call_id: String,
    tag: String,
    cseq: u32,
    /// What is to be there; `None`: nothing.
    wanted: Option<Body>,
    /// The server has not got it yet.
    is_news: bool,
    /// What the server calls it.
    // rfc3903 §4.1
    entity_tag: Option<Vec<u8>>,
    state: State,
    failures: u32,
    /// Times in a row that we asked for longer.
    longer: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Absent,
    /// A PUBLISH is out.
    // rfc3903 §4: no new one before its final response
    Asking {
        cseq: u32,
        asked_secs: u32,
    },
    Published {
        refresh_at: Tick,
    },
    Waiting {
        retry_at: Tick,
    },
}

impl Publication {
    /// Nothing is published yet of this resource.
    pub fn new(
        entropy: &mut Entropy,
        terms: Terms,
        package: EventPackage,
        to: Uri,
        expires_secs: u32,
    ) -> Self {
        Publication {
            terms,
            package,
            to,
            expires_secs: expires_secs.max(1),
            call_id: entropy.token(22),
            tag: entropy.token(12),
            cseq: 0,
            wanted: None,
            is_news: false,
            entity_tag: None,
            state: State::Absent,
            failures: 0,
            longer: 0,
        }
    }

    /// Publishes this, in place of what was published before.
    // rfc3903 §4.2, §4.4
    pub fn publish(&mut self, turn: &mut Turn<'_, PublicationEvent>, document: Body) {
        let is_told = matches!(self.state, State::Asking { .. } | State::Published { .. });
        if is_told && self.wanted.as_ref() == Some(&document) {
            return;
        }
        self.wanted = Some(document);
        self.is_news = true;
        (self.failures, self.longer) = (0, 0);
        self.go_on(turn);
    }

    /// Removes what was published.
    // rfc3903 §4.5
    pub fn remove(&mut self, turn: &mut Turn<'_, PublicationEvent>) {
        self.wanted = None;
        self.is_news = true;
        self.go_on(turn);
    }

    /// A PUBLISH is out.
    pub fn is_asking(&self) -> bool {
        matches!(self.state, State::Asking { .. })
    }

    /// A PUBLISH is out, or something is kept at the server.
    pub fn is_published(&self) -> bool {
        !matches!(self.state, State::Absent)
    }

    /// Asks for what is wanted, unless an answer is waited for.
    fn go_on(&mut self, turn: &mut Turn<'_, PublicationEvent>) {
        match self.state {
            State::Asking { .. } => {}
            State::Absent | State::Published { .. } | State::Waiting { .. } => self.ask(turn),
        }
    }

    // rfc3903 §4: Table 1
    fn ask(&mut self, turn: &mut Turn<'_, PublicationEvent>) {
        if self.wanted.is_none() && self.entity_tag.is_none() {
            self.state = State::Absent;
            return turn.event(PublicationEvent::Removed);
        }
        self.cseq = self.cseq.saturating_add(1);
        let asked_secs = if self.wanted.is_some() { self.expires_secs } else { 0 };
        let mut builder = self
            .terms
            .out_of_dialog(Method::Publish, &self.to, &self.call_id, &self.tag, self.cseq)
            .header(HeaderName::Event, self.package.name)
            .header(HeaderName::Expires, asked_secs.to_string());
        if let Some(entity_tag) = &self.entity_tag {
            // rfc3903 §4.3, §4.4, §4.5
            builder = builder.header(HeaderName::SipIfMatch, entity_tag);
        }
        // rfc3903 §4.3, §4.5: none to refresh or to remove
        let is_told = self.is_news || self.entity_tag.is_none();
        if let Some(document) = self.wanted.as_ref().filter(|_| is_told) {
            builder = builder.body(&document.content_type, document.content.clone());
        }
        self.is_news = false;
        self.state = State::Asking { cseq: self.cseq, asked_secs };
        turn.request(Asked { dialog: 0, cseq: self.cseq }, finish(builder));
    }

    /// A PUBLISH goes out again, with credentials: its next number.
    pub fn retry(&mut self, asked: Asked) -> Option<Asked> {
        match &mut self.state {
            State::Asking { cseq, .. } if *cseq == asked.cseq => {
                self.cseq = self.cseq.saturating_add(1);
                *cseq = self.cseq;
                Some(Asked { cseq: *cseq, ..asked })
            }
            State::Asking { .. } | State::Absent | State::Published { .. } | State::Waiting { .. } => None,
        }
    }

    /// A PUBLISH has its final response, or will have none.
    // rfc3903 §5
    pub fn answered(
        &mut self,
        turn: &mut Turn<'_, PublicationEvent>,
        asked: Asked,
        outcome: Result<&Response, Failure>,
    ) {
        let State::Asking { cseq, asked_secs } = self.state else { return };
        if cseq != asked.cseq || outcome.is_ok_and(|response| response.status().is_provisional()) {
            return;
        }
        let response = match outcome {
            Ok(response) => response,
            Err(failure) => return self.failed(turn, asked_secs, failure, None),
        };
        let min_secs = response.header::<MinExpires>().ok().flatten().map_or(0, |MinExpires(secs)| secs);
        match response.status() {
            status if status.is_success() => self.kept(turn, asked_secs, response),
            // rfc3903 §5: what the server does not know (any more) is published anew
            StatusCode::CONDITIONAL_REQUEST_FAILED if self.entity_tag.is_some() => {
                self.entity_tag = None;
                self.ask(turn);
            }
            // rfc3903 §5
            StatusCode::INTERVAL_TOO_BRIEF
                if min_secs > asked_secs && asked_secs > 0 && self.longer < lease::LONGER_MAX =>
            {
                self.longer += 1;
                self.expires_secs = min_secs;
                self.is_news = true;
                self.ask(turn);
            }
            status => {
                let retry_after = response.header::<RetryAfter<'_>>().ok().flatten().map(|after| after.secs);
                self.failed(turn, asked_secs, Failure::Refused(status), retry_after);
            }
        }
    }

    fn kept(&mut self, turn: &mut Turn<'_, PublicationEvent>, asked_secs: u32, response: &Response) {
        (self.failures, self.longer) = (0, 0);
        // rfc3903 §4.3, §4.4: in place of the one before
        self.entity_tag = match asked_secs {
            0 => None,
            _ => response.raw(HeaderName::SipETag).next().map(<[u8]>::to_vec),
        };
        if asked_secs > 0 {
            let granted =
                response.header::<Expires>().ok().flatten().map_or(asked_secs, |Expires(secs)| secs);
            let secs = granted.clamp(1, asked_secs);
            self.state = State::Published { refresh_at: turn.now + lease::refresh_in(secs) };
            turn.event(PublicationEvent::Published { expires_secs: secs });
        } else {
            self.state = State::Absent;
            turn.event(PublicationEvent::Removed);
        }
        if self.is_news && (self.wanted.is_some() || asked_secs > 0) {
            self.ask(turn);
        }
    }

    fn failed(
        &mut self,
        turn: &mut Turn<'_, PublicationEvent>,
        asked_secs: u32,
        failure: Failure,
        retry_after: Option<u32>,
    ) {
        let is_to_go = asked_secs > 0 && self.entity_tag.is_some();
        if self.is_news && (self.wanted.is_some() || is_to_go) {
            // What failed is not what is wanted any more: another document, or none.
            // rfc3903 §4.5
            return self.ask(turn);
        }
        let may_pass = match failure {
            Failure::Silence | Failure::Unreachable | Failure::NotKept => true,
            Failure::Refused(StatusCode::REQUEST_TIMEOUT) => true,
            Failure::Refused(StatusCode::NOT_IMPLEMENTED) => false,
            Failure::Refused(status) => status.class() == StatusClass::ServerError,
        };
        let is_tried_again = self.wanted.is_some() && (may_pass || retry_after.is_some());
        if !is_tried_again {
            self.wanted = None;
            self.entity_tag = None;
            self.state = State::Absent;
            return turn.event(PublicationEvent::PublicationFailed { failure, retry_in: None });
        }
        // rfc3903 §9: not before the time that the server says
        let retry_in = retry_after.map_or_else(
            || lease::retry_in(self.failures, turn.entropy),
            |secs| Duration::from_secs(secs.max(1).into()),
        );
        self.failures = self.failures.saturating_add(1);
        self.is_news = true;
        self.state = State::Waiting { retry_at: turn.now + retry_in };
        turn.event(PublicationEvent::PublicationFailed { failure, retry_in: Some(retry_in) });
    }

    /// Time passed.
    pub fn tick(&mut self, turn: &mut Turn<'_, PublicationEvent>) {
        if self.deadline().is_some_and(|deadline| deadline <= turn.now) {
            self.ask(turn);
        }
    }

    /// When [`Self::tick`] wants to be called next.
    pub fn deadline(&self) -> Option<Tick> {
        match self.state {
            State::Published { refresh_at } => Some(refresh_at),
            State::Waiting { retry_at } => Some(retry_at),
            State::Absent | State::Asking { .. } => None,
        }
    }
}
