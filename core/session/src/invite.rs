//! The INVITE that opens a usage, both sides (RFC 3261 §13.2, §13.3). A 2xx hands over to
//! [`session`](crate::session); CANCEL is in [`cancel`](crate::cancel), an INVITE within a dialog in
//! [`reinvite`](crate::reinvite).

mod client;
mod server;

pub(crate) use client::{Answered, ClientInvite, FORKS_MAX, Outcome};
pub(crate) use server::{Patience, ServerInvite};

use crate::diversion;
use crate::terms::LocalParty;
use ruf_message::body::Body;
use ruf_message::{HeaderName, Request, Response, StatusClass, StatusCode};

/// Our response to an INVITE.
// rfc3261 §8.2.6
pub(crate) fn answer_to(
    request: &Request,
    status: StatusCode,
    tag: &str,
    party: &LocalParty,
    body: Option<&Body>,
) -> Response {
    let mut response = request.reply(status);
    response.set_to_tag(tag);
    if status > StatusCode::TRYING && (status.is_provisional() || status.is_success()) {
        if request.to_tag().is_none() {
            // rfc3261 §12.1.1: all of Record-Route, in order, when a dialog begins
            for value in request.raw(HeaderName::RecordRoute) {
                response.add(HeaderName::RecordRoute, value);
            }
        }
        // rfc3261 §12.1.1: and where the peer reaches us
        response.add(HeaderName::Contact, format!("<{}>", party.contact));
        diversion::tell(request, &mut response);
    }
    if status.is_success() {
        // rfc3261 §13.3.1.4
        for (name, value) in &party.fields {
            response.add(*name, value);
        }
    }
    if let Some(body) = body {
        response.set_body(&body.content_type, body.content.clone());
    }
    response
}

/// The three kinds of responses that a usage tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Provisional,
    Success,
    Failure,
}

impl Class {
    // rfc3261 §8.1.3.2: a code we do not know counts as its class
    pub(crate) fn of(status: StatusCode) -> Self {
        match status.class() {
            StatusClass::Provisional => Class::Provisional,
            StatusClass::Success => Class::Success,
            StatusClass::Redirection
            | StatusClass::ClientError
            | StatusClass::ServerError
            | StatusClass::GlobalFailure => Class::Failure,
        }
    }
}
