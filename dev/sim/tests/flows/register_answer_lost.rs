//! The 200 to a REGISTER is lost, and the phone asks again (RFC 3261 section 17.2.2).

use crate::stage::Stage;

#[test]
fn register_answer_lost() {
    // tests rfc3261 §17.2.2, rfc3261 §10.2.4
    let mut stage = Stage::registered();
    stage.begin();
    stage.sim.lose("s→b 200 REGISTER", 2);
    stage.register(stage.bob);
    assert_eq!(stage.sim.server(stage.server).bindings(), 2, "Alice's and Bob's");
    stage.expect(
        "register_answer_lost",
        "Registered, but not heard
        The 200 is lost twice. The server absorbs what Bob's phone sends again and says once more what it said:
        done again, the REGISTER would be refused as one that is not newer than the last.",
        "b→s REGISTER | s→b 200 REGISTER✗ | b→s REGISTER | s→b 200 REGISTER✗ | b→s REGISTER | s→b 200 REGISTER",
    );
}
