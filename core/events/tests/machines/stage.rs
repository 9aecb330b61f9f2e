//! What a machine goes by, and what comes out of it.

use ruf_events::{Asked, Effect, Out, Terms, Turn};
use ruf_message::{Entropy, HeaderName, Request, Response, StatusCode, Tick};
use std::time::Duration;

pub(crate) struct Stage<E> {
    pub(crate) now: Tick,
    pub(crate) entropy: Entropy,
    out: Out<E>,
}

pub(crate) fn terms() -> Terms {
    Terms {
        from: b"<sip:alice@example.org>".to_vec(),
        contact: "sip:alice@192.0.2.1".to_owned(),
        fields: vec![(HeaderName::UserAgent, "ruf".to_owned())],
        route_set: Vec::new(),
        secure_flow: false,
        t1: Duration::from_millis(500),
    }
}

impl<E: std::fmt::Debug> Stage<E> {
    pub(crate) fn new() -> Self {
        Stage { now: Tick::ZERO, entropy: Entropy::from_seed([7; 32]), out: Out::default() }
    }

    pub(crate) fn turn(&mut self) -> Turn<'_, E> {
        Turn { now: self.now, entropy: &mut self.entropy, out: &mut self.out }
    }

    pub(crate) fn wait_secs(&mut self, secs: u64) {
        self.now = self.now + Duration::from_secs(secs);
    }

    /// All that came out since it was last asked.
    pub(crate) fn effects(&mut self) -> Vec<Effect<E>> {
        self.out.effects.drain(..).collect()
    }

    /// The only request, and nothing else.
    #[track_caller]
    pub(crate) fn request(&mut self) -> (Asked, Request) {
        match <[Effect<E>; 1]>::try_from(self.effects()) {
            Ok([Effect::Request { asked, request }]) => (asked, request),
            other => panic!("not one request: {other:?}"),
        }
    }

    /// The only event, and nothing else.
    #[track_caller]
    pub(crate) fn event(&mut self) -> E {
        match <[Effect<E>; 1]>::try_from(self.effects()) {
            Ok([Effect::Event(event)]) => event,
            other => panic!("not one event: {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn nothing(&mut self) {
        let effects = self.effects();
        assert!(effects.is_empty(), "{effects:?}");
    }
}

/// An answer with further header fields.
pub(crate) fn answer(request: &Request, code: u16, fields: &[(HeaderName, &str)]) -> Response {
    let mut response = request.reply(StatusCode::new(code).unwrap());
    response.set_to_tag("theirs");
    for (name, value) in fields {
        response.add(*name, value);
    }
    response
}

/// The value of a header field.
#[track_caller]
pub(crate) fn value(request: &Request, name: HeaderName) -> &str {
    let mut values = request.raw(name);
    let (Some(value), None) = (values.next(), values.next()) else { panic!("{name:?} in {request}") };
    std::str::from_utf8(value).unwrap()
}
