//! Somebody with two phones is watched: the SUBSCRIBE forks, and one of them tells (RFC 6665 §5.4.9).

use crate::stage::Stage;

#[test]
fn watch_forked() {
    // tests rfc6665 §4.1.4, §5.4.9, rfc3856 §6.9
    let (mut stage, tablet) = Stage::with_tablet();
    for phone in [stage.bob, tablet] {
        stage.shows(phone, "at my desk");
    }
    let watch = stage.watch_bob(3_600);
    assert_eq!(stage.reads(stage.alice), "at my desk");
    stage.pass_ms(1_000);
    stage.unwatch(watch);
    stage.expect(
        "watch_forked",
        "A SUBSCRIBE that forks
         Both of Bob's phones accept. The first NOTIFY makes the subscription; that of the other phone is answered 481,
         by which it knows that it is not wanted: presence comes from one.",
        "a→s SUBSCRIBE | s→a 407 | a→s SUBSCRIBE | s→t SUBSCRIBE | s→b SUBSCRIBE | t→s 200 SUBSCRIBE | t→s
         NOTIFY | b→s 200 SUBSCRIBE | b→s NOTIFY | s→a 200 SUBSCRIBE | s→a NOTIFY | s→a NOTIFY | a→s 200
         NOTIFY | a→s 481 | s→t 200 NOTIFY | s→b 481 | a→s SUBSCRIBE | s→t SUBSCRIBE | t→s 200 SUBSCRIBE |
         t→s NOTIFY | s→a 200 SUBSCRIBE | s→a NOTIFY | a→s 200 NOTIFY | s→t 200 NOTIFY",
    );
}
