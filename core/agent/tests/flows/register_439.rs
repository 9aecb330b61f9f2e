//! Who is before the registrar cannot keep a flow.

use crate::stage::Stage;
use ruf_agent::{AgentEvent, Failure};
use ruf_message::{HeaderName, Request, StatusCode};

const INSTANCE: &str = "urn:uuid:00000000-0000-1000-8000-000A95A0E128";

fn says(request: &Request) -> (String, String) {
    let text = |name| String::from_utf8_lossy(request.raw(name).next().unwrap_or_default()).into_owned();
    (text(HeaderName::Contact), text(HeaderName::Supported))
}

#[test]
fn a_first_hop_without_outbound_gets_one_contact_as_ever() {
    // tests rfc5626 §4.2.1
    let mut stage = Stage::with(|settings| {
        (settings.instance, settings.reg_id) = (Some(INSTANCE.to_owned()), Some(1));
    });
    stage.agent.register(stage.now, 600);
    let first = stage.request();
    let contact = format!("<sip:alice@192.0.2.1:5060>;+sip.instance=\"<{INSTANCE}>\"");
    assert_eq!(says(&first), (format!("{contact};reg-id=1;expires=600"), "gruu, outbound, path".to_owned()));
    stage.answer(&first, StatusCode::FIRST_HOP_LACKS_OUTBOUND_SUPPORT, "x", &[]);
    let second = stage.request();
    assert_eq!(says(&second), (format!("{contact};expires=600"), "gruu".to_owned()));
    assert_eq!((second.call_id(), second.cseq().number), (first.call_id(), first.cseq().number + 1));
    stage.answer(&second, StatusCode::FIRST_HOP_LACKS_OUTBOUND_SUPPORT, "x", &[]);
    let failure = Failure::Refused(StatusCode::FIRST_HOP_LACKS_OUTBOUND_SUPPORT);
    assert_eq!(stage.events(), [AgentEvent::RegistrationFailed { failure, retry_in: None }]);
    assert!(stage.sent().is_empty(), "once is enough");
}
