//! Each rule of RFC 3263 sections 4.1 and 4.2 by its questions and places.

use crate::zone::Zone;
use ruf_locate::Limits;

/// The example of RFC 3263 section 4.1.
const EXAMPLE: &str = "
    example.com 60 NAPTR 50  50 s SIPS+D2T _sips._tcp.example.com.
    example.com 60 NAPTR 90  50 s SIP+D2T  _sip._tcp.example.com
    example.com 60 NAPTR 100 50 s SIP+D2U  _sip._udp.example.com.
    _sip._tcp.example.com  60 SRV 0 1 5060 server1.example.com
    _sip._tcp.example.com  60 SRV 1 2 5060 server2.example.com
    _sips._tcp.example.com 60 SRV 0 1 5061 server1.example.com
    server1.example.com 60 A 192.0.2.1
    server2.example.com 60 A 192.0.2.2
    server2.example.com 60 A 192.0.2.3
";

#[test]
fn a_numeric_host_is_asked_nothing() {
    // tests rfc3263 §4.1, §4.2
    let mut zone = Zone::with("", &["udp4", "tls4", "tls6", "wss4", "ws4"], Limits::default());
    assert_eq!(zone.find("sip:192.0.2.1"), "UDP 192.0.2.1:5060");
    assert_eq!(zone.find("sip:192.0.2.1:5070"), "UDP 192.0.2.1:5070");
    assert_eq!(zone.find("sips:192.0.2.1"), "TLS 192.0.2.1:5061");
    assert_eq!(zone.find("sips:[2001:db8::1]:99;transport=tcp"), "TLS [2001:db8::1]:99");
    assert_eq!(zone.find("sip:192.0.2.1;transport=tls"), "TLS 192.0.2.1:5061");
    // tests rfc7118 §5.5
    assert_eq!(zone.find("sip:192.0.2.1;transport=ws"), "WS 192.0.2.1:80");
    assert_eq!(zone.find("sips:192.0.2.1;transport=ws"), "WSS 192.0.2.1:443");
}

#[test]
fn what_we_have_no_way_to_is_nowhere() {
    let mut zone = Zone::new("h 60 A 192.0.2.1\nh 60 AAAA 2001:db8::1");
    assert_eq!(zone.find("sip:[2001:db8::1]"), "nowhere");
    assert_eq!(zone.find("sip:h;transport=ws"), "nowhere");
    assert_eq!(zone.find("sips:h;transport=udp"), "nowhere");
    assert_eq!(zone.find("sip:h:5060"), "A h | UDP 192.0.2.1:5060");
}

#[test]
fn a_port_asks_for_addresses_alone() {
    // tests rfc3263 §4.1, §4.2
    let mut zone = Zone::new(EXAMPLE);
    let server = "A server2.example.com";
    assert_eq!(
        zone.find("sip:server2.example.com:5060"),
        format!("{server} | UDP 192.0.2.2:5060, UDP 192.0.2.3:5060")
    );
    assert_eq!(zone.find("sips:server2.example.com:70"), "TLS 192.0.2.2:70, TLS 192.0.2.3:70");
    assert_eq!(zone.find("sip:server2.example.com:70;transport=tcp"), "TCP 192.0.2.2:70, TCP 192.0.2.3:70");
    assert_eq!(zone.find("sip:example.com:5060"), "A example.com | nowhere");
}

#[test]
fn a_transport_asks_for_its_srv_records() {
    // tests rfc3263 §4.1, §4.2
    let mut zone = Zone::new(EXAMPLE);
    assert_eq!(
        zone.find("sip:example.com;transport=tcp"),
        "SRV _sip._tcp.example.com | A server1.example.com, A server2.example.com | \
         TCP 192.0.2.1:5060, TCP 192.0.2.2:5060, TCP 192.0.2.3:5060"
    );
    for tls in ["sip:example.com;transport=tls", "sips:example.com;transport=tcp"] {
        let mut zone = Zone::new(EXAMPLE);
        assert_eq!(zone.find(tls), "SRV _sips._tcp.example.com | A server1.example.com | TLS 192.0.2.1:5061");
    }
}

#[test]
fn naptr_chooses_the_best_service_that_we_have() {
    // tests rfc3263 §4.1, §4.2
    assert_eq!(
        Zone::new(EXAMPLE).find("sip:example.com"),
        "NAPTR example.com | SRV _sips._tcp.example.com | A server1.example.com | TLS 192.0.2.1:5061"
    );
    let mut plain = Zone::with(EXAMPLE, &["udp4", "tcp4"], Limits::default());
    assert_eq!(
        plain.find("sip:example.com"),
        "NAPTR example.com | SRV _sip._tcp.example.com | A server1.example.com, A server2.example.com | \
         TCP 192.0.2.1:5060, TCP 192.0.2.2:5060, TCP 192.0.2.3:5060"
    );
    assert_eq!(plain.find("sips:example.com"), "nowhere");
}

#[test]
fn services_of_one_order_are_tried_by_preference() {
    // tests rfc3263 §4.1
    let mut zone = Zone::new(
        "h 60 NAPTR 10 20 s SIP+D2U _sip._udp.far
         h 60 NAPTR 10 10 s SIP+D2T _sip._tcp.far
         h 60 NAPTR 20 1  s SIPS+D2T _sips._tcp.far
         _sip._udp.far 60 SRV 0 1 5070 a.far
         _sip._tcp.far 60 SRV 0 1 5080 a.far
         a.far 60 A 192.0.2.1",
    );
    assert_eq!(
        zone.find("sip:h"),
        "NAPTR h | SRV _sip._tcp.far, SRV _sip._udp.far | A a.far | TCP 192.0.2.1:5080, UDP 192.0.2.1:5070"
    );
}

#[test]
fn without_naptr_the_srv_records_of_all_our_transports_are_asked_for() {
    // tests rfc3263 §4.1, §4.2
    let lines = "
        _sip._tcp.h 60 SRV 0 1 5060 a.h
        a.h 60 A 192.0.2.1";
    let mut zone = Zone::new(lines);
    assert_eq!(zone.find("sip:h"), "NAPTR h | SRV _sip._udp.h, SRV _sip._tcp.h | A a.h | TCP 192.0.2.1:5060");
    assert_eq!(zone.find("sips:h"), "SRV _sips._tcp.h | A h | nowhere");
}

#[test]
fn without_srv_the_host_is_asked_for_its_addresses() {
    // tests rfc3263 §4.1, §4.2
    let host = "h 60 A 192.0.2.1";
    let asked = "NAPTR h | SRV _sip._udp.h, SRV _sip._tcp.h | A h";
    assert_eq!(Zone::new(host).find("sip:h"), format!("{asked} | UDP 192.0.2.1:5060"));
    assert_eq!(Zone::new(host).find("sips:h"), "NAPTR h | SRV _sips._tcp.h | A h | TLS 192.0.2.1:5061");
    assert_eq!(Zone::new(host).find("sip:h;transport=tcp"), "SRV _sip._tcp.h | A h | TCP 192.0.2.1:5060");
    let naptr = "h 60 NAPTR 1 1 s SIP+D2T _sip._tcp.h\nh 60 A 192.0.2.1";
    assert_eq!(Zone::new(naptr).find("sip:h"), "NAPTR h | SRV _sip._tcp.h | A h | TCP 192.0.2.1:5060");
    let mut no_udp = Zone::with(host, &["tls4", "tcp4"], Limits::default());
    assert_eq!(no_udp.find("sip:h"), "NAPTR h | SRV _sip._tcp.h | A h | TCP 192.0.2.1:5060");
}

#[test]
fn a_target_of_the_root_says_that_there_is_no_such_service() {
    let lines = "
        _sip._udp.h 60 SRV 0 0 0 .
        h 60 A 192.0.2.1";
    assert_eq!(Zone::new(lines).find("sip:h"), "NAPTR h | SRV _sip._udp.h, SRV _sip._tcp.h | nowhere");
}

#[test]
fn both_families_are_asked_in_the_order_of_the_listeners_and_aaaa_alone_will_do() {
    // tests rfc3263 §4.2
    let lines = "
        both 60 A 192.0.2.1
        both 60 AAAA 2001:db8::1
        six 60 AAAA 2001:db8::6";
    let of = |ways: &[&str]| Zone::with(lines, ways, Limits::default());
    assert_eq!(
        of(&["udp6", "udp4"]).find("sip:both:5060"),
        "AAAA both, A both | UDP [2001:db8::1]:5060, UDP 192.0.2.1:5060"
    );
    assert_eq!(of(&["udp4", "udp6"]).find("sip:six:5060"), "A six, AAAA six | UDP [2001:db8::6]:5060");
    assert_eq!(of(&["udp6"]).find("sip:both:5060"), "AAAA both | UDP [2001:db8::1]:5060");
    assert_eq!(of(&["udp4"]).find("sip:six:5060"), "A six | nowhere");
}

#[test]
fn a_failure_on_the_way_counts_as_none_and_at_the_end_as_nowhere() {
    let lines = "
        h NAPTR fails
        _sip._udp.h SRV fails
        h 60 A 192.0.2.1
        x A fails";
    let mut zone = Zone::new(lines);
    assert_eq!(zone.find("sip:h"), "NAPTR h | SRV _sip._udp.h, SRV _sip._tcp.h | A h | UDP 192.0.2.1:5060");
    assert_eq!(zone.find("sip:x:1"), "A x | nowhere");
}

#[test]
fn names_are_equal_in_every_case_and_the_place_keeps_the_host() {
    let mut zone = Zone::new("_sip._udp.h.example 60 SRV 0 1 5070 A.H.Example.\na.h.example 60 A 192.0.2.1");
    zone.ask(1, "sip:H.Example;transport=udp");
    while let Some((number, query)) = zone.out.queries.pop_front() {
        let answer = zone.answer_to(&query);
        zone.locator.answer(zone.now, number, answer, &mut zone.out);
    }
    let found = zone.out.found.pop_front().expect("an end");
    // The certificate must be valid for the domain that was asked for, not for what the DNS said.
    assert_eq!(found.places[0].host.to_string(), "h.example");
    assert_eq!(found.places[0].to_string(), "UDP 192.0.2.1:5070");
}
