//! What this end says of itself, and how long it waits: [`Terms`].

use ruf_dialog::RouteSet;
use ruf_message::{HeaderName, Method, NameAddr, Request, RequestBuilder, Uri};
use std::time::Duration;

/// What a machine goes by from its first message to its last.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Who we are: the value of From without its tag.
    pub from: Vec<u8>,
    /// Our Contact: where the peer reaches us.
    pub contact: String,
    /// Further header fields of our requests: Allow, Supported, User-Agent.
    pub fields: Vec<(HeaderName, String)>,
    /// A pre-existing route set (RFC 3261 §8.1.1.1).
    pub route_set: Vec<Uri>,
    /// The flow is TLS.
    pub secure_flow: bool,
    /// Round-trip estimate.
    pub t1: Duration,
}

impl Terms {
    /// Timer N: how long a NOTIFY is waited for after a SUBSCRIBE.
    // rfc6665 §4.1.2.4: 64*T1
    pub(crate) const fn timer_n(&self) -> Duration {
        self.t1.saturating_mul(64)
    }

    /// A request out of dialog, complete but for what it is about.
    // rfc3261 §8.1.1
    pub(crate) fn out_of_dialog(
        &self,
        method: Method,
        to: &Uri,
        call_id: &str,
        tag: &str,
        cseq: u32,
    ) -> RequestBuilder {
        let (to, _) = RouteSet::default().apply(to);
        let (uri, routes) = RouteSet::new(self.route_set.clone()).apply(&to);
        let mut builder = Request::build(method, &uri)
            .from([&self.from, &b";tag="[..], tag.as_bytes()].concat())
            .to(NameAddr::compose("", &to))
            .call_id(call_id)
            .cseq(cseq);
        for route in &routes {
            builder = builder.header(HeaderName::Route, NameAddr::compose("", route));
        }
        self.with_fields(builder)
    }

    pub(crate) fn with_fields(&self, mut builder: RequestBuilder) -> RequestBuilder {
        for (name, value) in &self.fields {
            builder = builder.header(*name, value);
        }
        builder
    }
}

pub(crate) fn finish(builder: RequestBuilder) -> Request {
    builder.finish().expect("made of URIs that were parsed and of tokens of our own")
}
