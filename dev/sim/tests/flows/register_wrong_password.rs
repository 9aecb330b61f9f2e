//! A phone registers with a wrong password (RFC 3665 section 2.5).

use ruf_agent::AgentEvent;
use ruf_message::StatusCode;
use ruf_sim::HostId;

use crate::stage::Stage;

#[test]
fn register_wrong_password() {
    // tests rfc3665 §2.5, rfc3261 §22.2
    let mut stage = Stage::new();
    let address = "192.0.2.30:5060";
    let carol: HostId = stage.sim.add_phone("carol", address, stage.server, "not hers");
    stage.phone(carol, |agent, now| agent.register(now, 3600));
    let status = stage.until(carol, |event| match event {
        AgentEvent::RegistrationFailed { failure, .. } => Some(failure.status()),
        _ => None,
    });
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(stage.sim.server(stage.server).bindings(), 0);
    stage.expect(
        "register_wrong_password",
        "A phone registers with a wrong password
        The second 401 is no stale nonce, so the phone does not try a third time.",
        "c→s REGISTER | s→c 401 | c→s REGISTER | s→c 401",
    );
}
