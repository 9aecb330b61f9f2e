//! Another configuration while a call rings: the call's domain is gone, the call is not.

use ruf_admission::{Domain, Policy};

use crate::stage::Stage;

#[test]
fn reload_in_call() {
    let mut stage = Stage::registered();
    let call = stage.dial("bob");
    let bobs = stage.rings();
    stage.hears_ringing();
    let server = stage.server;
    let serve = |stage: &mut Stage, domain: &str| {
        for node in stage.sim.server(server).nodes() {
            node.reconfigure(vec![Domain::new(domain)], &Policy::default());
        }
    };
    serve(&mut stage, "example.net");
    stage.answer(bobs);
    stage.talks();
    stage.hang_up(stage.alice, call);
    stage.ended(stage.bob);
    stage.pass_ms(100);
    assert_eq!(stage.sim.server(server).bindings(), 2, "they lapse by themselves");
    // A mistake is taken back, and everybody can be called again without registering anew.
    serve(&mut stage, "example.org");
    let (_, bobs) = stage.talk();
    stage.hang_up(stage.bob, bobs);
    stage.ended(stage.alice);
    stage.expect(
        "reload_in_call",
        "The domain of a call is taken away and given back
        The call is answered and ended by its token. The bindings stay, so the next call finds its phone.",
        "a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | s→a 180 |
         b→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→b ACK | a→s BYE | s→b BYE | b→s 200 BYE | s→a 200 BYE |
         a→s INVITE | s→a 407 | a→s ACK | a→s INVITE | s→a 100 | s→b INVITE | b→s 180 | s→a 180 |
         b→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→b ACK | b→s BYE | s→a BYE | a→s 200 BYE | s→b 200 BYE",
    );
}
