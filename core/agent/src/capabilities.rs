//! What this agent says it can do: Allow, Accept, Supported (RFC 3261 §20.1, §20.5, §20.37), and its
//! Contact. What it does with a request that asks for more is in [`server`](crate::server).

use ruf_message::{Flow, HeaderName, Method, Scheme, Transport, Uri};
use ruf_session::LocalParty;

use crate::settings::Settings;

/// The methods we serve.
pub(crate) const METHODS: [Method; 12] = [
    Method::Invite,
    Method::Ack,
    Method::Cancel,
    Method::Bye,
    Method::Options,
    Method::Message,
    Method::Prack,
    Method::Update,
    Method::Info,
    Method::Refer,
    Method::Notify,
    Method::Subscribe,
];

/// The value of Allow.
// rfc3261 §20.5
pub(crate) const ALLOW: &str =
    "INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, PRACK, UPDATE, INFO, REFER, NOTIFY, SUBSCRIBE";

/// The packages that we notify of.
// rfc6665 §4.4.4-1, §8.2.2
pub(crate) const ALLOW_EVENTS: &str = "presence, refer";

/// The extensions we know.
// rfc3262 §4, rfc7044 §6.1, rfc4488 §4, rfc3891 §6.2, rfc4028 §7.1
const SUPPORTED: [&str; 5] = ["100rel", "histinfo", "norefersub", "replaces", "timer"];

/// They, and what our user can do.
pub(crate) fn supported(settings: &Settings) -> Vec<&'static str> {
    // rfc3911 §7.2
    SUPPORTED.into_iter().chain(settings.joins.then_some("join")).collect()
}

/// What a MESSAGE may bring.
// rfc3428 §8
pub(crate) const MESSAGE_TYPES: [&str; 2] = ["text/plain", "text/html"];

/// Our Contact on this flow.
// rfc3261 §8.1.1.8
pub(crate) fn contact(settings: &Settings, flow: &Flow) -> Uri {
    contact_as(settings, &settings.contact_user, flow)
}

/// The same, that names nobody.
// rfc3323 §4.1.1.3
pub(crate) fn nameless(settings: &Settings, flow: &Flow) -> Uri {
    contact_as(settings, "", flow)
}

fn contact_as(settings: &Settings, user: &str, flow: &Flow) -> Uri {
    // rfc3261 §8.1.1.8: a SIPS URI where the address-of-record is one
    let scheme = if settings.aor.as_ref().scheme() == Scheme::Sips { "sips" } else { "sip" };
    let mut text = format!("{scheme}:").into_bytes();
    if !user.is_empty() {
        ruf_message::escape_user(user.as_bytes(), &mut text);
        text.push(b'@');
    }
    text.extend(flow.local.to_string().into_bytes());
    if flow.transport != Transport::Udp {
        text.extend(format!(";transport={}", flow.transport.as_param()).into_bytes());
    }
    Uri::parse(text).expect("scheme, escaped user, address and transport make a URI")
}

/// What we say of ourselves in a usage on this flow, with this Contact.
pub(crate) fn party(settings: &Settings, contact: String, flow: &Flow) -> LocalParty {
    let mut fields = vec![
        // rfc3261 §13.2.1 and §13.3.1.4
        (HeaderName::Allow, ALLOW.to_owned()),
        (HeaderName::Supported, supported(settings).join(", ")),
        // rfc6665 §4.4.4
        (HeaderName::AllowEvents, ALLOW_EVENTS.to_owned()),
    ];
    if !settings.user_agent.is_empty() {
        fields.push((HeaderName::UserAgent, settings.user_agent.clone()));
    }
    LocalParty {
        contact,
        fields,
        secure_flow: flow.transport.is_secure(),
        trusts_asserted: settings.trusts_asserted,
        answer_reinvites: settings.answer_reinvites,
    }
}
