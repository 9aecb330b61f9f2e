//! Every table is bounded, and a full one answers.

use crate::zone::Zone;
use ruf_locate::Limits;

fn limited(lines: &str, limits: Limits) -> Zone {
    Zone::with(lines, &["udp4", "tcp4"], limits)
}

#[test]
fn a_hop_beyond_the_questions_or_the_waiting_is_nowhere_at_once() {
    for limits in
        [Limits { questions_max: 2, ..Limits::default() }, Limits { hops_max: 2, ..Limits::default() }]
    {
        let mut zone = limited("", limits);
        zone.ask(1, "sip:a:1");
        zone.ask(2, "sip:b:1");
        // Nobody answers these two.
        zone.out.queries.clear();
        assert_eq!(zone.found(0), "nothing yet");
        assert_eq!(zone.find_for(3, "sip:192.0.2.9"), "UDP 192.0.2.9:5060", "needs no room");
        zone.ask(4, "sip:c:1");
        assert_eq!(zone.found(4), "nowhere");
        zone.pass(2);
        assert_eq!(zone.out.found.drain(..).count(), 2);
        assert!(zone.locator.is_idle());
    }
}

#[test]
fn records_names_and_places_beyond_the_bounds_are_left_out() {
    let mut lines = String::new();
    for n in 1..=50 {
        lines += &format!("_sip._udp.h 60 SRV {n} 0 5060 s{n}.h\n");
        lines += &format!("s{n}.h 60 A 192.0.2.{n}\ns{n}.h 60 A 198.51.100.{n}\n");
    }
    let places = |limits| {
        let told = limited(&lines, limits).find("sip:h;transport=udp");
        told.rsplit(" | ").next().expect("the places").split(", ").count()
    };
    let wide = Limits { records_max: 99, names_max: 99, places_max: 999, ..Limits::default() };
    assert_eq!(places(wide), 100);
    assert_eq!(places(Limits { records_max: 3, ..wide }), 6);
    assert_eq!(places(Limits { names_max: 5, ..wide }), 8);
    assert_eq!(places(Limits { places_max: 7, ..wide }), 7);
}
