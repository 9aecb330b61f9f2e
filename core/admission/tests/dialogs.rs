//! Requests inside a dialog: the token in our Record-Route, for both parties; replies without a
//! transaction and the ACK to them; how much is sent to who proved nothing.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod house;

use house::{HERE, House, THERE, admitted, asking, every_kind, flow, house, refused, request};
use ruf_admission::{DialogPass, Identity, Side, Verdict};
use ruf_message::{HeaderName, Method, Request, StatusCode, Uri};

/// A request in the dialog `call-1`, from the caller (whose tag is `from`) or the callee.
fn within(method: &str, from_caller: bool) -> Request {
    let mut request = request(method, "phone@198.51.100.9:7000", "alice@example.org", "bob@example.org");
    let (own, other) = if from_caller { ("from", "to") } else { ("to", "from") };
    request.set(HeaderName::From, format!("<sip:x@elsewhere.example>;tag={own}"));
    request.set(HeaderName::To, format!("<sip:y@elsewhere.example>;tag={other}"));
    request
}

fn token(house: &House) -> String {
    house.gate.token(b"call-1", b"from", &Side::by(flow(HERE)), &Side::by(flow(THERE))).to_string()
}

fn routed(house: &House, mut request: Request) -> Request {
    request.push_route(format!("<sip:{}@192.0.2.1:5060;lr>", token(house)));
    request
}

fn pass(verdict: Verdict) -> DialogPass {
    match admitted(verdict).identity() {
        Identity::Dialog(pass) => *pass,
        other => panic!("{other:?}"),
    }
}

#[test]
fn options_in_a_dialog_is_the_dialogs_even_where_a_contact_names_our_host() {
    let mut house = house();
    let mut request = within("OPTIONS", true);
    let contact: Uri = "sip:192.0.2.1".parse().unwrap();
    request.set_uri(&contact);
    assert_eq!(admitted(house.admit(&request)).identity(), &Identity::Guest);
    let request = routed(&house, request);
    assert_eq!(pass(house.admit(&request)).onward, Side::by(flow(THERE)));
}

#[test]
fn both_parties_of_a_dialog_pass_without_a_password_to_the_other_one() {
    // tests rfc3261 §16.4, §22.1
    for method in [
        "INVITE",
        "ACK",
        "BYE",
        "UPDATE",
        "INFO",
        "PRACK",
        "REFER",
        "NOTIFY",
        "SUBSCRIBE",
        "MESSAGE",
        "OPTIONS",
        "X",
    ] {
        let mut house = house();
        for (from_caller, source, onward) in [(true, HERE, THERE), (false, THERE, HERE)] {
            let request = routed(&house, within(method, from_caller));
            let expected = DialogPass { onward: Side::by(flow(onward)), from_caller };
            assert_eq!(pass(house.admit_from(source, &request)), expected, "{method}");
            // A phone behind a NAT may come from another port or address by now.
            assert_eq!(pass(house.admit_from("203.0.113.99:1", &request)), expected, "{method}");
        }
    }
}

#[test]
fn a_token_outlives_a_restart() {
    let mut house = house();
    let request = routed(&house, within("BYE", true));
    house.gate = house::gate(Default::default(), |_| {}, 2);
    assert_eq!(pass(house.admit(&request)).onward, Side::by(flow(THERE)));
}

#[test]
fn a_strict_router_may_have_put_us_into_the_request_uri() {
    // tests rfc3261 §16.4
    let mut house = house();
    let mut request = within("BYE", true);
    let us: Uri = format!("sip:{}@192.0.2.1:5060", token(&house)).parse().unwrap();
    request.set_uri(&us);
    request.push_route("<sip:phone@198.51.100.9:7000>");
    assert_eq!(pass(house.admit(&request)).onward, Side::by(flow(THERE)));
}

#[test]
fn a_token_that_does_not_fit_is_none() {
    let mut house = house();
    let token = token(&house);
    let mut variants = Vec::new();
    let route = |request: &mut Request, route: String| request.push_route(route);
    let mut elsewhere = within("BYE", true);
    route(&mut elsewhere, format!("<sip:{token}@192.0.2.2:5060;lr>"));
    variants.push(("a Route that is not ours", elsewhere));
    let mut behind = within("BYE", true);
    route(&mut behind, format!("<sip:{token}@192.0.2.1:5060;lr>"));
    route(&mut behind, "<sip:192.0.2.1:5060;lr>".into());
    variants.push(("not in the top Route", behind));
    let mut other = routed(&house, within("BYE", true));
    other.set(HeaderName::CallId, "call-2");
    variants.push(("another Call-ID", other));
    let mut tags = routed(&house, within("BYE", true));
    tags.set(HeaderName::From, "<sip:a@b>;tag=x");
    tags.set(HeaderName::To, "<sip:a@b>;tag=y");
    variants.push(("other tags", tags));
    let mut fresh = routed(&house, within("BYE", true));
    fresh.set(HeaderName::To, "<sip:a@b>");
    variants.push(("no To tag", fresh));
    for (why, request) in variants {
        assert_eq!(house.status(&request), 407, "{why}");
        let mut ack = request.clone();
        ack.set(HeaderName::CSeq, "1 ACK");
        let ack = house::parse(&ack.to_string().replace("\r\n", "\n").replacen("BYE", "ACK", 1));
        assert!(matches!(house.admit(&ack), Verdict::Drop), "{why}");
    }
}

#[test]
fn no_token_registers_or_publishes_anything() {
    for (kind, mut request) in every_kind() {
        if matches!(request.method(), Method::Register | Method::Publish) {
            let to = format!("<{}>;tag=to", request.to().uri());
            request.set(HeaderName::To, to);
            let mut house = house();
            let request = routed(&house, request);
            assert_eq!(house.status(&request), asking(&request), "{kind}");
        }
    }
}

#[test]
fn what_a_dialog_sends_is_cleaned_too() {
    let mut house = house();
    let mut request = routed(&house, within("INVITE", true));
    request.add(HeaderName::ProxyAuthorization, "Digest realm=\"example.org\", username=\"a\"");
    request.add(HeaderName::PAssertedIdentity, "<sip:king@example.org>");
    let admitted = admitted(house.admit(&request));
    assert!(!admitted.request().contains(HeaderName::ProxyAuthorization));
    assert!(!admitted.request().contains(HeaderName::PAssertedIdentity));
}

#[test]
fn ack_and_cancel_are_never_challenged() {
    // tests rfc3261 §22.1
    for method in ["ACK", "CANCEL"] {
        let bare = request(method, "bob@example.org", "alice@example.org", "bob@example.org");
        assert!(matches!(house().admit(&bare), Verdict::Drop), "{method}");
    }
}

#[test]
fn a_refusal_has_a_tag_of_ours_and_the_ack_to_it_is_known() {
    // tests rfc3261 §8.2.7, §17.1.1.3
    let mut house = house();
    let invite = request("INVITE", "bob@example.org", "alice@example.org", "bob@example.org");
    let (first, second) = (house.refusal(&invite), house.refusal(&invite));
    let tag = first.to_tag().unwrap().to_vec();
    assert!(tag.len() >= 8);
    assert_eq!(Some(&tag[..]), second.to_tag(), "a retransmission gets the same");
    assert_eq!(tag, house.gate.reply_tag(&invite).as_bytes());
    let ack = invite.ack_for(&first);
    assert!(house.gate.absorbs_ack(&ack));
    assert!(matches!(house.admit(&ack), Verdict::Drop));
    // The ACK to the callee's 200 is another.
    let mut ok = invite.reply(StatusCode::OK);
    ok.set_to_tag("callee");
    assert!(!house.gate.absorbs_ack(&invite.ack_for(&ok)));
    assert!(!house.gate.absorbs_ack(&invite));
    let mut again = invite.clone();
    again.set_to_tag(str::from_utf8(&tag).unwrap());
    assert!(!house.gate.absorbs_ack(&again), "no ACK");
    let mut other = request("INVITE", "bob@example.org", "alice@example.org", "bob@example.org");
    other.set(HeaderName::CallId, "call-2");
    assert_ne!(tag, house.gate.reply_tag(&other).as_bytes());
}

#[test]
fn a_request_that_has_a_to_tag_keeps_it_in_its_refusal() {
    // tests rfc3261 §8.2.6.2
    let mut house = house();
    let (_, reinvite) = every_kind().remove(1);
    assert_eq!(house.refusal(&reinvite).to_tag(), Some(&b"to"[..]));
}

#[test]
fn an_unproven_source_gets_three_times_what_it_sent_and_a_proven_one_more() {
    let mut house = house();
    let (now, here) = (house.now, flow(HERE));
    assert!(house.gate.may_reply(now, &here, 100, 300) && !house.gate.may_reply(now, &here, 1, 100));
    let _ = admitted(house.with_password("alice", &every_kind().remove(0).1));
    assert!(house.gate.may_reply(now, &here, 1, 100));

    let there = flow(THERE);
    assert!(!house.gate.may_reply(now, &there, 1, 100));
    let request = routed(&house, within("BYE", false));
    let _ = admitted(house.admit_from(THERE, &request));
    assert!(house.gate.may_reply(now, &there, 1, 100));

    let third = flow("203.0.113.9:5060");
    assert!(!house.gate.may_reply(now, &third, 1, 100));
    house.gate.note_binding(now, third.remote.ip(), std::time::Duration::from_secs(1));
    assert!(house.gate.may_reply(now, &third, 1, 100));
}

#[test]
fn the_challenge_to_an_ordinary_request_fits_the_bound() {
    for (kind, request) in every_kind() {
        let mut house = house();
        let reply = refused(house.admit(&request)).to_bytes().len();
        let (now, here) = (house.now, flow(HERE));
        assert!(house.gate.may_reply(now, &here, request.to_bytes().len(), reply), "{kind}: {reply}");
    }
}
