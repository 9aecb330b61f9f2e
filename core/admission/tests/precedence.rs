//! What is taken however much there is to do.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod house;

use house::{HERE, House, THERE, anew, every_kind, flow, house, house_with, request};
use ruf_admission::{Gate, Policy, Precedence, Side};
use ruf_auth::Keyring;
use ruf_message::{Glance, HeaderName, Request, Uri};
use std::time::Duration;

fn precedence(house: &mut House, source: &str, request: &Request) -> Precedence {
    house.gate.precedence(house.now, &flow(source), request)
}

fn goes_first(house: &mut House, request: &Request) -> bool {
    precedence(house, HERE, request) == Precedence::First
}

fn invite() -> Request {
    request("INVITE", "bob@example.org", "alice@example.org", "bob@example.org")
}

#[test]
fn what_begins_something_may_have_to_wait() {
    for (kind, request) in every_kind() {
        assert!(!goes_first(&mut house(), &request), "{kind:?}");
    }
}

#[test]
fn what_a_token_proves_to_be_inside_a_dialog_goes_first_and_a_mere_tag_does_not() {
    // tests rfc7339 §5.10.1
    let mut house = house();
    let mut bye = request("BYE", "phone@198.51.100.9:7000", "alice@example.org", "bob@example.org");
    bye.set(HeaderName::To, "<sip:bob@example.org>;tag=to");
    assert!(!goes_first(&mut house, &bye));
    let token = house.gate.token(b"call-1", b"from", &Side::by(flow(HERE)), &Side::by(flow(THERE)));
    bye.push_route(format!("<sip:{token}@192.0.2.1:5060;lr>"));
    assert!(goes_first(&mut house, &bye));
}

#[test]
fn a_call_for_help_goes_first() {
    // tests rfc5031 §4.2, rfc7339 §5.10.1
    for (urn, first) in [
        ("urn:service:sos", true),
        ("URN:Service:SOS.fire", true),
        ("urn:service:sosx", false),
        ("urn:service:counseling", false),
        ("sip:sos@example.org", false),
    ] {
        let mut call = invite();
        let uri: Uri = urn.parse().unwrap();
        call.set_uri(&uri);
        assert_eq!(goes_first(&mut house(), &call), first, "{urn}");
    }
}

#[test]
fn the_priority_of_emergency_services_counts_where_a_configured_peer_says_it() {
    // tests rfc4412 §3.1
    let policy = Policy { trusted: vec!["203.0.113.8/32".parse().unwrap()], ..Policy::default() };
    for (value, first) in
        [("esnet.2", true), ("q735.1, ESNET.0", true), ("dsn.flash", false), ("esnet", false)]
    {
        let mut house = house_with(policy.clone(), |_| {});
        let mut call = invite();
        call.set(HeaderName::ResourcePriority, value);
        assert_eq!(precedence(&mut house, THERE, &call) == Precedence::First, first, "{value}");
        assert_eq!(precedence(&mut house, HERE, &call), Precedence::New, "from anybody else: {value}");
    }
}

#[test]
fn options_to_the_server_itself_cost_no_more_than_their_refusal() {
    let mut house = house();
    let mut ask = request("OPTIONS", "example.org", "alice@example.org", "bob@example.org");
    let us: Uri = "sip:192.0.2.1".parse().unwrap();
    ask.set_uri(&us);
    assert!(goes_first(&mut house, &ask));
    assert!(!goes_first(
        &mut house,
        &request("OPTIONS", "bob@example.org", "a@example.org", "b@example.org")
    ));
}

#[test]
fn the_first_answer_to_our_challenge_goes_on_with_what_was_begun() {
    let mut house = house();
    let mut keyring = Keyring::new("alice", "alice");
    let answered = house.answered_by(&mut keyring, &invite());
    assert!(goes_first(&mut house, &answered));
    assert_eq!(precedence(&mut house, "203.0.113.99:5060", &answered), Precedence::New, "another source");
    let mut next = anew(&invite());
    keyring.authorize(&mut next);
    assert!(!goes_first(&mut house, &next), "a new call with the nonce of an old one");
    house.now = house.now + Duration::from_secs(33);
    assert!(!goes_first(&mut house, &answered), "long after the challenge");
}

#[test]
fn what_is_plainly_new_at_a_glance_has_no_precedence_whatever_more_is_known() {
    // tests rfc7339 §5.10.1
    let plainly_new = |request: &Request| {
        let octets = request.to_bytes();
        Glance::of(&octets).is_some_and(|glance| Gate::is_plainly_new(&glance))
    };
    for (kind, request) in every_kind() {
        let goes_first = goes_first(&mut house(), &request);
        assert!(!(plainly_new(&request) && goes_first), "{kind:?}");
    }
    assert!(plainly_new(&invite()));
    let changed = |change: fn(&mut Request)| {
        let mut call = invite();
        change(&mut call);
        call
    };
    for call in [
        changed(|call| call.set(HeaderName::To, "<sip:bob@example.org>;tag=to")),
        changed(|call| call.set_uri(&"URN:service:sos.fire".parse::<Uri>().unwrap())),
        changed(|call| call.set(HeaderName::ResourcePriority, "esnet.1")),
        changed(|call| call.set(HeaderName::ProxyAuthorization, "Digest x=y")),
        request("OPTIONS", "example.org", "alice@example.org", "bob@example.org"),
        request("CANCEL", "bob@example.org", "alice@example.org", "bob@example.org"),
        request("ACK", "bob@example.org", "alice@example.org", "bob@example.org"),
    ] {
        assert!(!plainly_new(&call), "{call}");
    }
}

#[test]
fn the_ack_of_a_refusal_is_known_at_a_glance() {
    // tests rfc3261 §8.2.7
    let house = house();
    let mut ack = request("ACK", "bob@example.org", "alice@example.org", "bob@example.org");
    let is_known = |ack: &Request| {
        let octets = ack.to_bytes();
        let at_a_glance = Glance::of(&octets).is_some_and(|glance| house.gate.is_ack_of_refusal(&glance));
        (at_a_glance, house.gate.absorbs_ack(ack))
    };
    assert_eq!(is_known(&ack), (false, false));
    let octets = ack.to_bytes();
    let glance = Glance::of(&octets).unwrap();
    let refusal_tag = house.gate.refusal_tag(&glance, &glance.via().unwrap());
    let mut of_reply = ack.clone();
    ack.set_to_tag(&refusal_tag);
    assert_eq!(is_known(&ack), (true, true));
    let reply_tag = house.gate.reply_tag(&of_reply);
    of_reply.set_to_tag(&reply_tag);
    assert_eq!(is_known(&of_reply), (false, true), "a transaction may have said it");
    // Who was told it, and says it in an answer of his own, has the ACK of that passed on.
    let via = String::from_utf8_lossy(ack.raw(HeaderName::Via).next().unwrap()).into_owned();
    let branch = String::from_utf8_lossy(ack.via().branch().unwrap()).into_owned();
    let mut of_another = ack.clone();
    of_another.set(HeaderName::Via, via.replace(&branch, &format!("{branch}-2")));
    assert_eq!(is_known(&of_another), (false, false));
    ack.set(HeaderName::CallId, "another");
    assert_eq!(is_known(&ack), (false, false));
}

#[test]
fn only_phones_of_ours_are_told_when_to_come_back() {
    // tests rfc3261 §21.5.4
    let policy = Policy { trusted: vec!["203.0.113.8/32".parse().unwrap()], ..Policy::default() };
    let mut house = house_with(policy, |_| {});
    let (here, there) = (flow(HERE).remote.ip(), flow(THERE).remote.ip());
    assert!(!house.gate.has_phones_at(house.now, here));
    for source in [here, there] {
        house.gate.note_binding(house.now, source, Duration::from_secs(60));
    }
    assert!(house.gate.has_phones_at(house.now, here));
    assert!(!house.gate.has_phones_at(house.now, there), "a proxy would send nothing at all");
}
