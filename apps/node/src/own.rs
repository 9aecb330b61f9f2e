//! Requests for the server itself: no user in the Request-URI, and the host is ours.
//!
//! OPTIONS is answered (RFC 3261 section 11); other methods are not what this server does and are
//! told so. REGISTER is the registrar's, not ours.

use ruf_admission::{Gate, Identity};
use ruf_message::{HeaderName, Method, Reply, Request, StatusCode};

/// The methods that the server itself takes.
const ALLOW: &str = "OPTIONS, REGISTER";
/// The extensions that it understands as the end of a request.
const SUPPORTED: [&str; 0] = [];

/// Whether a request is for the server itself: a REGISTER, or any other with nobody in its Request-URI.
/// One that a token has sent on its way is for the phone at the other end, even if that phone's contact
/// is no more than the address of our host.
// rfc3261 §16.4
pub(crate) fn is_for_us(request: &Request, identity: &Identity, gate: &Gate) -> bool {
    if matches!(identity, Identity::Dialog(_)) {
        return false;
    }
    if request.next_route().is_some_and(|route| !gate.ourselves().is_us(route)) {
        return false;
    }
    let uri = request.uri();
    // No REGISTER for another domain comes through the gate.
    request.method() == Method::Register || uri.user().is_none() && gate.ourselves().is_us(uri)
}

/// The answer to such a request, REGISTER aside.
pub(crate) fn answer(request: &Request, gate: &Gate) -> Reply {
    let unsupported: Vec<&str> = request.require().filter(|tag| !SUPPORTED.contains(tag)).collect();
    let reply = |status| Reply::new(status, &gate.reply_tag(request));
    if !unsupported.is_empty() {
        let mut reply = reply(StatusCode::BAD_EXTENSION); // rfc3261 §8.2.2.3
        reply.add(HeaderName::Unsupported, unsupported.join(", "));
        return reply;
    }
    match request.method() {
        Method::Options => options(reply(StatusCode::OK)), // rfc3261 §11.2
        Method::Other => refused(reply(StatusCode::NOT_IMPLEMENTED)), // rfc3261 §21.5.2
        _ => refused(reply(StatusCode::METHOD_NOT_ALLOWED)), // rfc3261 §8.2.1
    }
}

fn options(mut reply: Reply) -> Reply {
    reply.add(HeaderName::Allow, ALLOW);
    reply.add(HeaderName::Accept, "*/*");
    reply.add(HeaderName::AcceptEncoding, "identity");
    reply.add(HeaderName::AcceptLanguage, "en");
    reply.add(HeaderName::Supported, SUPPORTED.join(", "));
    reply
}

fn refused(mut reply: Reply) -> Reply {
    reply.add(HeaderName::Allow, ALLOW);
    reply
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruf_admission::{DialogPass, Domain, Keys, Limits, Listener, Ourselves, Policy, Side};
    use ruf_message::{Entropy, Flow, Transport, Uri};

    fn gate() -> Gate {
        let here = "192.0.2.1:5060".parse().unwrap();
        let domains = vec![Domain::new("example.org")];
        let ourselves = Ourselves { domains, listeners: vec![Listener::new(Transport::Udp, here)] };
        let mut entropy = Entropy::from_seed([1; 32]);
        let keys = Keys::new(&mut entropy);
        Gate::new(ourselves, Policy::default(), &Limits::default(), &keys, entropy)
    }

    fn dialog() -> Identity {
        let (local, remote) = ("192.0.2.1:5060".parse().unwrap(), "192.0.2.1:5070".parse().unwrap());
        let onward = Flow { transport: Transport::Udp, listener: 0, local, remote, connection: 0 };
        Identity::Dialog(DialogPass { onward: Side::by(onward), from_caller: true })
    }

    #[test]
    fn a_contact_that_is_our_hosts_address_alone_is_a_phone_inside_its_dialog() {
        // tests rfc3261 §16.4
        let uri: Uri = "sip:192.0.2.1".parse().unwrap();
        let bye = Request::build(Method::Bye, &uri)
            .via("SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1")
            .from("<sip:alice@example.org>;tag=a")
            .to("<sip:bob@example.org>;tag=b")
            .call_id("c")
            .cseq(2)
            .finish()
            .unwrap();
        assert!(is_for_us(&bye, &Identity::Guest, &gate()));
        assert!(!is_for_us(&bye, &dialog(), &gate()));
    }
}
