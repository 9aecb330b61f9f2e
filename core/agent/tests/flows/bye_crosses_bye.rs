//! Both hang up at once.

use crate::pair::{Pair, Side};
use ruf_agent::EndReason;

#[test]
fn each_gets_its_200() {
    // tests rfc5407 §3.2.1, rfc3261 §15.1.2
    let mut pair = Pair::new(1);
    let (call, incoming) = pair.connected();
    pair.a.hang_up(pair.now, call);
    pair.b.hang_up(pair.now, incoming);
    pair.settle();
    pair.expect_ladder("a→b BYE | b→a BYE | b→a 200 BYE | a→b 200 BYE");
    assert_eq!((pair.end(Side::A), pair.end(Side::B)), (EndReason::HungUp, EndReason::HungUp));
}

#[test]
fn a_bye_that_comes_after_the_end_is_481_and_that_is_an_end_too() {
    // tests rfc3261 §15.1.1, §15.1.2
    let mut pair = Pair::new(2);
    let (call, incoming) = pair.connected();
    pair.lose("b→a BYE");
    pair.b.hang_up(pair.now, incoming);
    pair.a.hang_up(pair.now, call);
    pair.settle();
    pair.expect_ladder("a→b BYE | b→x a BYE | b→a 200 BYE | b→a BYE | a→b 481 BYE");
    assert_eq!((pair.end(Side::A), pair.end(Side::B)), (EndReason::HungUp, EndReason::HungUp));
}
