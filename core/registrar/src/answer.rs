//! Step 8: the 200 that lists what is bound now (RFC 3261 §10.3), with what the phone learns from it:
//! its GRUUs (RFC 5627 §5.2), its Path (RFC 3327 §5.3), that its flow is kept (RFC 5626 §6), and through
//! whom its requests go (RFC 3608 §6.3).

use ruf_admission::AddressOfRecord;
use ruf_message::scan::quote;
use ruf_message::{Flow, HeaderName, NameAddr, Reply, ReplyLines, StatusCode, Transport};

use crate::binding::Binding;
use crate::change::{Asked, Rules};
use crate::gruu::Gruus;
use crate::path::{is_outbound_way, supports};

/// The 200 to a REGISTER: every one of `bindings` that is live, in their order. Of a Record-Route in the request, nothing
/// is read and nothing comes back. There is no Date: a SHOULD for phones that set their clock by it, and no clock is read
/// here.
// rfc3261 §10.3-2, §10.3-3, §10.3-25
pub fn answer(asked: &Asked<'_>, bindings: &[Binding], rules: &Rules<'_>) -> Reply {
    let mut reply = Reply::new(StatusCode::OK, asked.to_tag);
    let knows_gruus = supports(asked.request, "gruu");
    for binding in bindings.iter().filter(|binding| binding.is_live(asked.now)) {
        reply.add_with(HeaderName::Contact, |contact| {
            contact.push(b'<');
            contact.extend_from_slice(binding.contact_bytes());
            contact.push(b'>');
            // rfc5627 §5.2: the instance id comes back, like all it said
            contact.extend_from_slice(binding.params());
            if knows_gruus {
                write_gruus(asked.address, binding, bindings, rules.gruus, contact);
            }
            write_q(binding.q(), contact);
            // rfc3261 §10.3-26: each MUST have an "expires" parameter
            contact.extend_from_slice(b";expires=");
            let secs = binding.remaining_secs(asked.now);
            contact.extend_from_slice(itoa::Buffer::new().format(secs).as_bytes());
        });
    }
    // rfc3327 §5.3
    for path in asked.request.values(HeaderName::Path) {
        reply.add(HeaderName::Path, path);
    }
    if rules.ourselves.named(asked.address.domain()).is_some_and(|domain| domain.service_route) {
        reply.add(HeaderName::ServiceRoute, service_route(&asked.flow, rules));
    }
    if is_flow_registered(asked) {
        reply.add(HeaderName::Require, "outbound");
        let direct = asked.request.values(HeaderName::Via).nth(1).is_none();
        // rfc5626 §5.4
        if direct && asked.flow.transport.is_reliable() && rules.limits.flow_timer_secs > 0 {
            reply.add(HeaderName::FlowTimer, rules.limits.flow_timer_secs.to_string());
        }
    }
    reply
}

/// Ourselves, as the phone reached us. A SIP URI, so that both schemes may be called.
// rfc3608 §6.3
// rfc5630 §5.2
fn service_route(flow: &Flow, rules: &Rules<'_>) -> String {
    let transport = match flow.transport {
        Transport::Udp => "",
        Transport::Tcp => ";transport=tcp",
        // Deprecated, and the only way to say it in a SIP URI.
        Transport::Tls => ";transport=tls",
        // rfc7118 §5.2: secure or not
        Transport::Ws | Transport::Wss => ";transport=ws",
    };
    format!("<sip:{}{transport};lr>", rules.ourselves.sent_by(flow))
}

/// Whether the phone asked for a flow to be kept, and it is.
// rfc5626 §6: `outbound` is required of a phone that said it knows it, and only if `reg-id` counted
fn is_flow_registered(asked: &Asked<'_>) -> bool {
    let is_flow = |address: &NameAddr<'_>| address.reg_id().is_some() && address.instance().is_some();
    supports(asked.request, "outbound")
        && is_outbound_way(asked.request)
        && asked.request.contacts().any(|contact| contact.address().is_some_and(is_flow))
}

/// The GRUUs of a binding's instance, the temporary one that was made last.
// rfc5627 §5.2
fn write_gruus(
    address: &AddressOfRecord,
    binding: &Binding,
    bindings: &[Binding],
    gruus: &Gruus,
    out: &mut ReplyLines,
) {
    let Some(instance) = binding.instance().filter(|_| binding.contact().is_sip()) else { return };
    let scheme = binding.contact().scheme();
    let mut write = |name: &[u8], gruu: &[u8]| {
        let mut quoted = Vec::with_capacity(gruu.len() + 2);
        quote(gruu, &mut quoted);
        out.extend_from_slice(name);
        out.extend_from_slice(&quoted);
    };
    write(b";pub-gruu=", &gruus.public(address, scheme, &instance));
    let newest = bindings.iter().filter(|of| of.run().is_some() && of.run() == binding.run());
    let newest = newest.max_by_key(|of| of.refreshed_micros());
    if let Some(temporary) = newest.and_then(|newest| gruus.temporary(address, scheme, newest)) {
        write(b";temp-gruu=", &temporary);
    }
}

/// A preference of less than all, as the header writes it: `0.5`, not `0.500`.
fn write_q(thousandths: u16, out: &mut ReplyLines) {
    if thousandths < 1_000 {
        let digits = format!("{thousandths:03}");
        out.extend_from_slice(b";q=0");
        match digits.trim_end_matches('0') {
            "" => {}
            digits => {
                out.push(b'.');
                out.extend_from_slice(digits.as_bytes());
            }
        }
    }
}
