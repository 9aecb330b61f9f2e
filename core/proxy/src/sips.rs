//! What `sips:` asks of the next hop (RFC 3261 section 26.2.2, RFC 5630 section 5.3).

use ruf_message::{Flow, Request, Scheme};

use crate::best::Failure;
use crate::route;

/// Checks the copy for one target against the scheme of the request as received, and makes them agree.
pub(crate) fn settle(asked: Scheme, copy: &mut Request, flow: &Flow) -> Result<(), Failure> {
    let asked = asked == Scheme::Sips;
    let given = copy.uri().scheme() == Scheme::Sips;
    // rfc3261 §26.2.2: a sips: request or Contact is reached over TLS, on every hop
    if (asked || given) && !flow.transport.is_secure() {
        return Err(Failure::Insecure);
    }
    match (asked, given) {
        (true, true) | (false, false) => Ok(()),
        // rfc5630 §5.3: not to a Contact that was registered as sip:
        (true, false) => Err(Failure::Insecure),
        // rfc5630 §5.3: the scheme becomes sip:, the rest of the URI stays
        (false, true) => {
            let uri = route::without_security(copy.uri());
            copy.set_uri(&uri);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use ruf_message::Transport;

    /// The Request-URI that is sent, if any is.
    fn settled(received: &str, target: &str, transport: Transport) -> Option<String> {
        let received = sample::request("INVITE", received, "");
        let mut copy = sample::request("INVITE", target, "");
        let flow = Flow { transport, ..sample::flow(2) };
        settle(received.uri().scheme(), &mut copy, &flow).ok().map(|()| copy.uri().to_string())
    }

    #[test]
    fn sips_leaves_over_tls_only_and_to_sips_only() {
        // tests rfc5630 §5.3
        // tests rfc3261 §26.2.2
        let (sips, phone) = ("sips:bob@example.org", "sips:bob@phone.example");
        for transport in [Transport::Tls, Transport::Wss] {
            assert_eq!(settled(sips, phone, transport).as_deref(), Some(phone));
            assert_eq!(settled(sips, "sip:bob@phone.example", transport), None);
        }
        for transport in [Transport::Udp, Transport::Tcp, Transport::Ws] {
            assert_eq!(settled(sips, phone, transport), None);
        }
    }

    #[test]
    fn a_sip_request_to_a_sips_contact_keeps_its_scheme_and_uses_tls() {
        // tests rfc5630 §5.3
        let (sip, phone) = ("sip:bob@example.org", "sips:bob@phone.example;x=y");
        assert_eq!(settled(sip, phone, Transport::Tls).as_deref(), Some("sip:bob@phone.example;x=y"));
        assert_eq!(settled(sip, phone, Transport::Udp), None);
        assert_eq!(settled(sip, "sip:b@p", Transport::Udp).as_deref(), Some("sip:b@p"));
    }
}
