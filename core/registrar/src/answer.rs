//! Step 8: the 200 that lists what is bound now (RFC 3261 §10.3).

use std::io::Write;

use ruf_message::{HeaderName, Request, Response, StatusCode, Tick};

use crate::binding::Binding;

/// The 200 to `request`: every one of `bindings` that is live, in their order. Its To still needs a
/// tag. Of a Record-Route in the request, nothing is read and nothing comes back. There is no Date: a SHOULD for phones that set their clock by it, and no clock is read here.
// rfc3261 §10.3-2, §10.3-3, §10.3-25
pub fn answer<'a>(request: &Request, bindings: impl IntoIterator<Item = &'a Binding>, now: Tick) -> Response {
    let mut response = request.reply(StatusCode::OK);
    let mut contact = Vec::new();
    for binding in bindings.into_iter().filter(|binding| binding.is_live(now)) {
        contact.clear();
        contact.push(b'<');
        contact.extend_from_slice(binding.contact().as_bytes());
        contact.push(b'>');
        contact.extend_from_slice(binding.params());
        let (q, secs) = (binding.q(), binding.remaining_secs(now));
        // Writing to a Vec does not fail.
        if q < 1_000 {
            drop(write!(contact, ";q={}", Thousandths(q)));
        }
        // rfc3261 §10.3-26: each MUST have an "expires" parameter
        drop(write!(contact, ";expires={secs}"));
        response.add(HeaderName::Contact, &contact);
    }
    response
}

/// A preference as the header writes it: `0.5`, not `0.500`.
struct Thousandths(u16);

impl std::fmt::Display for Thousandths {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = format!("{:03}", self.0 % 1_000);
        match digits.trim_end_matches('0') {
            "" => write!(f, "{}", self.0 / 1_000),
            digits => write!(f, "{}.{digits}", self.0 / 1_000),
        }
    }
}
