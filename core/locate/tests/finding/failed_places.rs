//! What failed is passed over by everybody for a while, and still there when nothing else is.

use crate::zone::{Zone, place};
use ruf_message::Tick;

const TWO: &str = "
    _sip._udp.h 600 SRV 1 0 5060 a.h
    _sip._udp.h 600 SRV 2 0 5060 b.h
    a.h 600 A 192.0.2.1
    b.h 600 A 192.0.2.2";
const HOP: &str = "sip:h;transport=udp";

#[test]
fn a_failed_place_comes_last_for_thirty_seconds() {
    // tests rfc3263 §4.3
    let mut zone = Zone::new(TWO);
    zone.find(HOP);
    zone.locator.failed(zone.now, &place("UDP 192.0.2.1:5060"));
    assert_eq!(zone.find(HOP), "UDP 192.0.2.2:5060, UDP 192.0.2.1:5060");
    assert_eq!(zone.find("sip:a.h:5060"), "UDP 192.0.2.1:5060", "still tried where it is the only one");
    zone.pass(29);
    assert_eq!(zone.find(HOP), "UDP 192.0.2.2:5060, UDP 192.0.2.1:5060");
    zone.pass(1);
    assert_eq!(zone.find(HOP), "UDP 192.0.2.1:5060, UDP 192.0.2.2:5060");
}

#[test]
fn when_all_have_failed_all_are_tried_the_oldest_failure_first() {
    let mut zone = Zone::new(TWO);
    zone.find(HOP);
    zone.locator.failed(zone.now, &place("UDP 192.0.2.2:5060"));
    zone.pass(1);
    zone.locator.failed(zone.now, &place("UDP 192.0.2.1:5060"));
    assert_eq!(zone.find(HOP), "UDP 192.0.2.2:5060, UDP 192.0.2.1:5060");
}

#[test]
fn what_another_worker_saw_counts_and_what_works_again_is_forgiven() {
    let mut zone = Zone::new(TWO);
    zone.find(HOP);
    zone.locator.avoid(zone.now, &place("UDP 192.0.2.1:5060"), Tick::from_micros(10_000_000));
    assert_eq!(zone.find(HOP), "UDP 192.0.2.2:5060, UDP 192.0.2.1:5060");
    zone.locator.works(&place("UDP 192.0.2.1:5060"));
    assert_eq!(zone.find(HOP), "UDP 192.0.2.1:5060, UDP 192.0.2.2:5060");
}
