//! What is remembered of the DNS, and for how long.

use crate::zone::Zone;
use ruf_locate::Answer;

#[test]
fn an_answer_is_asked_once_in_its_ttl() {
    let mut zone = Zone::new("h 60 A 192.0.2.1");
    assert_eq!(zone.find("sip:h:1"), "A h | UDP 192.0.2.1:1");
    zone.pass(59);
    assert_eq!(zone.find("sip:h:1"), "UDP 192.0.2.1:1");
    zone.pass(1);
    assert_eq!(zone.find("sip:h:1"), "A h | UDP 192.0.2.1:1");
}

#[test]
fn that_there_is_none_is_remembered_too() {
    let mut zone = Zone::new("");
    assert_eq!(zone.find("sip:h:1"), "A h | nowhere");
    zone.pass(59);
    assert_eq!(zone.find("sip:h:1"), "nowhere");
    zone.pass(1);
    assert_eq!(zone.find("sip:h:1"), "A h | nowhere");
}

#[test]
fn an_answer_that_lives_no_time_serves_the_search_that_asked() {
    let mut zone = Zone::new("_sip._udp.h 0 SRV 0 1 5070 a.h\na.h 0 A 192.0.2.1");
    let asked = "SRV _sip._udp.h | A a.h | UDP 192.0.2.1:5070";
    assert_eq!(zone.find("sip:h;transport=udp"), asked);
    assert_eq!(zone.find("sip:h;transport=udp"), asked);
}

#[test]
fn the_lot_is_drawn_anew_for_every_request() {
    // tests rfc3263 §4.2
    let mut zone = Zone::new(
        "_sip._udp.h 600 SRV 0 80 5070 a.h
         _sip._udp.h 600 SRV 0 20 5080 a.h
         a.h 600 A 192.0.2.1",
    );
    let mut first = 0usize;
    for _ in 0..10_000 {
        first += usize::from(zone.find("sip:h;transport=udp").ends_with("UDP 192.0.2.1:5080"));
    }
    assert!(first.abs_diff(8_000) <= 200, "{first} of 10,000");
}

#[test]
fn equal_questions_are_asked_once_and_answer_all() {
    let mut zone = Zone::new("h 60 A 192.0.2.1");
    zone.ask(1, "sip:h:1");
    zone.ask(2, "sip:H:2");
    assert_eq!(zone.out.queries.len(), 1);
    let (number, query) = zone.out.queries.pop_front().expect("a question");
    let answer = zone.answer_to(&query);
    zone.locator.answer(zone.now, number, answer, &mut zone.out);
    let told: Vec<String> =
        zone.out.found.drain(..).map(|found| format!("{} {}", found.user, found.places[0])).collect();
    assert_eq!(told, ["1 UDP 192.0.2.1:1", "2 UDP 192.0.2.1:2"]);
    assert!(zone.locator.is_idle());
}

#[test]
fn a_dns_that_is_silent_ends_at_a_deadline_and_delays_nobody_else() {
    let mut zone = Zone::new("good 60 A 192.0.2.1");
    zone.ask(1, "sip:silent:1");
    let (number, _) = zone.out.queries.pop_front().expect("a question");
    assert_eq!(zone.find_for(2, "sip:good:1"), "A good | UDP 192.0.2.1:1");
    zone.pass(1);
    assert_eq!(zone.found(1), "nothing yet");
    assert_eq!(zone.locator.deadline().map(|due| due.as_micros()), Some(2_000_000));
    zone.pass(1);
    assert_eq!(zone.found(1), "nowhere");
    assert!(zone.locator.is_idle());

    // Late, and then for a question of the same name: it answers neither.
    let late = Answer::Nothing { ttl_secs: 60 };
    zone.locator.answer(zone.now, number, late.clone(), &mut zone.out);
    assert_eq!(zone.find_for(3, "sip:silent:1"), "nowhere", "remembered for a few seconds");
    zone.pass(5);
    zone.ask(4, "sip:silent:1");
    zone.locator.answer(zone.now, number, late, &mut zone.out);
    assert_eq!(zone.found(4), "nothing yet");
}
