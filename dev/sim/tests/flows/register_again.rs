//! A phone says again where it is (RFC 3665 section 2.2).

use crate::stage::Stage;

#[test]
fn register_again() {
    // tests rfc3665 §2.2, rfc3261 §10.2.4
    let mut stage = Stage::registered();
    stage.begin();
    stage.register(stage.bob);
    stage.expect(
        "register_again",
        "Registered again
        The credentials are good for more than one request.",
        "b→s REGISTER | s→b 200 REGISTER",
    );
}
