//! A phone registers (RFC 3665 section 2.1).

use crate::stage::Stage;

#[test]
fn register_401_200() {
    // tests rfc3261 §10.2, rfc3261 §22.2
    let mut stage = Stage::new();
    stage.register(stage.alice);
    assert_eq!(stage.sim.server(stage.server).bindings(), 1);
    stage.expect(
        "register_401_200",
        "A phone registers
        The first REGISTER brings the challenge, the second answers it.",
        "a→s REGISTER | s→a 401 | a→s REGISTER | s→a 200 REGISTER",
    );
}
