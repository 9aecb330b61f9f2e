//! Requests out of dialog: what all of them begin with (RFC 3261 §8.1.1), and those that stand alone, OPTIONS and
//! MESSAGE (RFC 3261 §11, RFC 3428).

use crate::agent::Agent;
use crate::capabilities::contact;
use crate::client::Owner;
use crate::event::{Full, RequestKey};
use ruf_dialog::RouteSet;
use ruf_message::{HeaderName, Method, NameAddr, Request, RequestBuilder, Tick, Uri};
use ruf_session::Body;

impl Agent {
    /// Asks for capabilities: is anybody there?
    ///
    /// # Errors
    /// If there are as many transactions as there may be.
    // rfc3261 §11.1
    pub fn options(&mut self, now: Tick, to: &Uri) -> Result<RequestKey, Full> {
        let contact = contact(&self.settings, &self.settings.flow);
        let builder = self
            .out_of_dialog(Method::Options, to)
            .header(HeaderName::Contact, format!("<{contact}>"))
            .header(HeaderName::Accept, self.settings.accepted_types.join(", "));
        self.ask(now, Method::Options, builder)
    }

    /// Sends a message.
    ///
    /// # Errors
    /// If there are as many transactions as there may be.
    // rfc3428 §4
    pub fn message(&mut self, now: Tick, to: &Uri, body: Body) -> Result<RequestKey, Full> {
        // rfc3428 §4: no Contact
        let builder = self.out_of_dialog(Method::Message, to).body(&body.content_type, body.content);
        self.ask(now, Method::Message, builder)
    }

    fn ask(&mut self, now: Tick, method: Method, builder: RequestBuilder) -> Result<RequestKey, Full> {
        let key = RequestKey(self.next);
        let owner = Owner::Single { key, method, keyring: Box::new(self.settings.keyring.clone()) };
        let sent = self.send(now, self.settings.flow, owner, finish(builder));
        self.drain(now);
        sent.map(|_| key)
    }

    /// A request out of dialog, complete but for its Contact, its body and its Via.
    // rfc3261 §8.1.1
    fn out_of_dialog(&mut self, method: Method, to: &Uri) -> RequestBuilder {
        self.out_of_dialog_from(self.named_as(Caller::Known), method, to)
    }

    // rfc3323 §4.1.1.3
    pub(crate) fn named_as(&self, caller: Caller) -> Vec<u8> {
        match caller {
            Caller::Known => NameAddr::compose(&self.settings.display, &self.settings.aor),
            Caller::Withheld => ANONYMOUS.to_vec(),
        }
    }

    pub(crate) fn out_of_dialog_from(
        &mut self,
        mut from: Vec<u8>,
        method: Method,
        to: &Uri,
    ) -> RequestBuilder {
        let (to, _) = RouteSet::default().apply(to);
        let (uri, routes) = RouteSet::new(self.settings.route_set.clone()).apply(&to);
        // rfc3261 §8.1.1.3: a new tag
        from.extend(format!(";tag={}", self.entropy.token(12)).into_bytes());
        let mut builder = Request::build(method, &uri)
            .from(from)
            // rfc3261 §8.1.1.2: no tag in To
            .to(NameAddr::compose("", &to))
            // rfc3261 §8.1.1.4: unique in space and time
            .call_id(self.entropy.token(22))
            .cseq(1);
        for route in &routes {
            builder = builder.header(HeaderName::Route, NameAddr::compose("", route));
        }
        builder
    }
}

/// Who calls, as the far side sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    Known,
    Withheld,
}

/// The From of who does not say so.
// rfc3323 §4.1.1.3
const ANONYMOUS: &[u8] = b"\"Anonymous\" <sip:anonymous@anonymous.invalid>";

pub(crate) fn finish(builder: RequestBuilder) -> Request {
    builder.finish().expect("made of URIs that were parsed and of tokens of our own")
}
