//! Who a request is from, once it is admitted: by password, by an open domain, by a trusted address, as a
//! guest; and what is taken out of it on the way.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod house;

use house::{HERE, House, account, admitted, every_kind, house, house_with, request};
use ruf_admission::{Account, Domain, Identity, Policy};
use ruf_message::{HeaderName, Request, Uri};

fn trusting() -> House {
    house_with(Policy { trusted: vec!["203.0.113.0/29".parse().unwrap()], ..Policy::default() }, |_| {})
}

fn opened() -> House {
    house_with(Policy::default(), |ourselves| ourselves.domains[0].open = true)
}

fn from(from: &str) -> Request {
    let mut invite = request("INVITE", "bob@example.org", "alice@example.org", "bob@example.org");
    invite.set(HeaderName::From, format!("<{from}>;tag=from"));
    invite
}

#[test]
fn an_account_may_call_itself_by_address_alias_number_or_not_at_all() {
    // tests rfc3323 §4.1.1.3
    for name in [
        "sip:alice@example.org",
        "sips:alice@192.0.2.1",
        "sip:alice@localhost:5099",
        "sip:100@example.org",
        "sip:+49301234@example.org;user=phone",
        "tel:+49-30-1234",
        "sip:anonymous@anonymous.invalid",
    ] {
        assert_eq!(account(house().with_password("alice", &from(name))), "alice@example.org", "{name}");
    }
    for name in
        ["sip:bob@example.org", "sip:anonymous@example.org", "sip:alice@elsewhere.example", "tel:+49-30-1235"]
    {
        let mut house = house();
        let answered = house.answered("alice", "alice", &from(name));
        let refusal = house.refusal(&answered);
        assert_eq!(refusal.status().as_u16(), 403, "{name}");
        assert_eq!(refusal.reason(), b"From Is Not an Address of This Account");
    }
}

#[test]
fn a_register_is_for_the_account_of_its_to() {
    // tests rfc3261 §10.3 step 1, §10.3 step 4, §10.3 step 5
    let register = |uri: &str, to: &str| request("REGISTER", uri, "anybody@elsewhere.example", to);
    for (uri, to) in [
        ("example.org", "alice@example.org"),
        ("192.0.2.1:5060", "alice@example.org"),
        ("example.org", "alice@192.0.2.1"),
        ("localhost", "100@example.org"),
    ] {
        assert_eq!(
            account(house().with_password("alice", &register(uri, to))),
            "alice@example.org",
            "{uri} {to}"
        );
    }
    // Step 1: another domain. Step 5: no address of the domain.
    for (uri, to, status) in [
        ("elsewhere.example", "alice@example.org", 403),
        ("192.0.2.9", "alice@192.0.2.9", 403),
        ("example.org:5061", "alice@example.org", 403),
        ("example.org", "alice@elsewhere.example", 404),
        ("example.org", "example.org", 404),
        ("example.net", "alice@example.org", 404),
        ("example.org", "bob@example.net", 404),
    ] {
        assert_eq!(house().status(&register(uri, to)), status, "{uri} {to}");
    }
    for uri in ["tel:+1", "urn:service:sos"] {
        let mut elsewhere = register("example.org", "alice@example.org");
        elsewhere.set_uri(&uri.parse::<Uri>().unwrap());
        assert_eq!(house().status(&elsewhere), 403, "{uri}");
    }
    for to in ["<tel:+4930123>", "isbn:2983792873", "<mailto:alice@example.org>"] {
        let mut no_sip = register("example.org", "alice@example.org");
        no_sip.set(HeaderName::To, to);
        assert_eq!(house().status(&no_sip), 400, "{to}");
    }
}

#[test]
fn the_server_itself_answers_options_to_anybody() {
    // tests rfc3261 §11.2
    for uri in ["192.0.2.1:5060", "example.org", "localhost", "example.net"] {
        let options = request("OPTIONS", uri, "anybody@elsewhere.example", uri);
        assert_eq!(*admitted(house().admit(&options)).identity(), Identity::Guest, "{uri}");
        let mut preloaded = options.clone();
        preloaded.push_route("<sip:192.0.2.1;lr>");
        assert_eq!(*admitted(house().admit(&preloaded)).identity(), Identity::Guest, "{uri}");
        // Through us to somebody else is another matter.
        let mut through = options.clone();
        through.push_route("<sip:203.0.113.99;lr>");
        through.push_route("<sip:192.0.2.1;lr>");
        assert_eq!(house().status(&through), 407, "{uri}");
        let message = request("MESSAGE", uri, "anybody@elsewhere.example", uri);
        assert_eq!(house().status(&message), 407, "{uri}");
    }
    assert_eq!(
        house().status(&request("OPTIONS", "elsewhere.example", "alice@example.org", "elsewhere.example")),
        407
    );
}

#[test]
fn an_emergency_call_is_asked_like_any_other_and_passed_on() {
    let mut sos = from("sip:alice@example.org");
    sos.set_uri(&"urn:service:sos".parse::<Uri>().unwrap());
    assert_eq!(house().status(&sos), 407);
    assert_eq!(account(house().with_password("alice", &sos)), "alice@example.org");
}

#[test]
fn an_open_domain_believes_its_accounts_and_takes_others_as_guests() {
    for (kind, request) in every_kind() {
        assert_eq!(account(opened().admit(&request)), "alice@example.org", "{kind}");
    }
    for name in
        ["sip:carol@example.org", "sip:carol@elsewhere.example", "tel:+1", "sip:anonymous@anonymous.invalid"]
    {
        assert_eq!(*admitted(opened().admit(&from(name))).identity(), Identity::Guest, "{name}");
    }
    let unknown = request("REGISTER", "example.org", "carol@example.org", "carol@example.org");
    assert_eq!(account(opened().admit(&unknown)), "carol@example.org", "an open domain needs no account");
}

#[test]
fn an_open_domain_is_no_way_into_a_closed_one() {
    for (caller, called) in [
        ("carol@example.org", "bob@example.net"),
        ("bob@example.net", "carol@example.org"),
        ("a@far.example", "bob@example.net"),
    ] {
        assert_eq!(opened().status(&request("INVITE", called, caller, called)), 407, "{caller} {called}");
    }
}

#[test]
fn a_trusted_address_needs_no_password_but_its_neighbour_does() {
    for (kind, request) in every_kind() {
        assert_eq!(account(trusting().admit(&request)), "alice@example.org", "{kind}");
        let refusal = house::refused(trusting().admit_from("203.0.113.8:5060", &request));
        assert_eq!(refusal.status().as_u16(), house::asking(&request), "{kind}");
    }
    let peer = admitted(trusting().admit(&from("sip:carol@elsewhere.example")));
    assert_eq!(*peer.identity(), Identity::Peer("203.0.113.0/29".into()));
    let unknown = request("REGISTER", "example.org", "carol@example.org", "carol@example.org");
    assert_eq!(trusting().status(&unknown), 404);
}

#[test]
fn a_hidden_account_needs_its_password_everywhere() {
    for mut house in [opened(), trusting()] {
        let mut probe = Account::with_password("probe", "example.org", "probe");
        probe.hidden = true;
        house.accounts.push(probe);
        let probe = "probe@example.org";
        for (method, uri, status) in
            [("REGISTER", "example.org", 401), ("INVITE", "bob@example.org", 407), ("PUBLISH", probe, 407)]
        {
            let request = request(method, uri, probe, probe);
            assert_eq!(house.status(&request), status, "{method}");
            assert_eq!(account(house.with_password("probe", &house::anew(&request))), probe, "{method}");
        }
    }
}

#[test]
fn guests_come_in_where_the_configuration_lets_them() {
    let policy = Policy { guests: true, ..Policy::default() };
    let mut house = house_with(policy, |_| {});
    assert_eq!(*admitted(house.admit(&from("sip:carol@elsewhere.example"))).identity(), Identity::Guest);
    assert_eq!(house.status(&from("sip:bob@example.org")), 407, "one of ours is no guest");
    let relay = request("INVITE", "x@far.example", "y@elsewhere.example", "x@far.example");
    assert_eq!(house.status(&relay), 407, "nor is who only passes through");
    let register = request("REGISTER", "example.org", "carol@elsewhere.example", "alice@example.org");
    assert_eq!(house.status(&register), 401);
}

#[test]
fn an_anonymous_caller_may_have_an_account_in_any_domain() {
    let mut house = house();
    house.accounts.push(Account::with_password("carol", "example.net", "carol"));
    let net = request("INVITE", "x@example.net", "carol@example.net", "x@example.net");
    let mut keyring = ruf_auth::Keyring::new("carol", "carol");
    let mut answered = house.answered_by(&mut keyring, &net);
    answered.set(HeaderName::From, "<sip:anonymous@anonymous.invalid>;tag=from");
    answered.set_uri(&"sip:x@example.net".parse::<Uri>().unwrap());
    assert_eq!(account(house.admit(&answered)), "carol@example.net");
    let mut elsewhere = answered.clone();
    keyring.authorize(&mut elsewhere);
    let to_org = request("INVITE", "bob@example.org", "x@anonymous.invalid", "bob@example.org");
    let mut other = to_org.clone();
    elsewhere
        .raw(HeaderName::ProxyAuthorization)
        .for_each(|value| other.add(HeaderName::ProxyAuthorization, value));
    assert_eq!(account(house.admit(&other)), "carol@example.net");
}

#[test]
fn credentials_for_us_are_taken_out_and_others_stay() {
    // tests rfc3261 §22.3
    let others =
        "Digest realm=\"elsewhere.example\", username=\"a\", nonce=\"n\", uri=\"sip:b\", response=\"0\"";
    let ours = "Digest realm=\"example.net\", username=\"a\", nonce=\"n\", uri=\"sip:b\", response=\"0\"";
    for (mut house, password) in [(house(), true), (opened(), false), (trusting(), false)] {
        let mut invite = from("sip:alice@example.org");
        if password {
            invite = house.answered("alice", "alice", &invite);
        }
        for name in [HeaderName::Authorization, HeaderName::ProxyAuthorization] {
            invite.add(name, others);
            invite.add(name, ours);
            invite.add(name, "Custom x=y");
        }
        let admitted = admitted(house.admit(&invite));
        for name in [HeaderName::Authorization, HeaderName::ProxyAuthorization] {
            let left: Vec<&[u8]> = admitted.request().raw(name).collect();
            assert_eq!(left, [others.as_bytes(), b"Custom x=y"]);
        }
    }
}

#[test]
fn an_asserted_identity_is_believed_from_trusted_peers_alone() {
    // tests rfc3325 §6
    let mut invite = from("sip:alice@example.org");
    invite.add(HeaderName::PAssertedIdentity, "<sip:king@example.org>, <tel:+1>");
    let kept =
        |admitted: ruf_admission::Admitted| admitted.request().raw(HeaderName::PAssertedIdentity).count();
    assert_eq!(kept(admitted(trusting().admit(&invite))), 1);
    assert_eq!(kept(admitted(opened().admit(&invite))), 0);
    assert_eq!(kept(admitted(house().with_password("alice", &invite))), 0);
}

#[test]
fn a_server_without_domains_lets_nobody_in() {
    let mut house = house_with(Policy::default(), |ourselves| ourselves.domains.clear());
    assert_eq!(house.status(&from("sip:alice@example.org")), 403);
    assert_eq!(
        house.status(&request("REGISTER", "example.org", "alice@example.org", "alice@example.org")),
        403
    );
}

#[test]
fn the_flow_comes_along() {
    let mut house =
        house_with(Policy::default(), |ourselves| ourselves.domains = vec![Domain::open("example.org")]);
    let (flow, request, identity) = admitted(house.admit(&from("sip:carol@example.org"))).into_parts();
    assert_eq!((flow, identity), (house::flow(HERE), Identity::Guest));
    assert_eq!(request.call_id(), b"call-1");
}

#[test]
fn a_register_for_what_is_no_sip_uri_is_400() {
    // tests rfc3261 §10.2
    let mut to_isbn = request("REGISTER", "example.org", "alice@example.org", "alice@example.org");
    to_isbn.set(HeaderName::To, "<isbn:2983792873>");
    assert_eq!(house().status(&to_isbn), 400);
}

#[test]
fn another_configuration_keeps_what_was_given_out() {
    let mut house = trusting();
    let register = request("REGISTER", "example.org", "alice@example.org", "alice@example.org");
    assert_eq!(account(house.admit(&register)), "alice@example.org", "by address");
    house.gate.reconfigure(vec![Domain::new("example.org")], &Policy::default());
    let answered = house.answered("alice", "alice", &register);
    let to_other = request("REGISTER", "example.net", "carol@example.net", "carol@example.net");
    assert_eq!(house.refusal(&to_other).status().as_u16(), 403, "that domain is gone");
    // A challenge from before is answered after.
    let policy = Policy { algorithms: vec![ruf_auth::Algorithm::Sha256], ..Policy::default() };
    house.gate.reconfigure(vec![Domain::new("example.org"), Domain::new("example.net")], &policy);
    assert_eq!(account(house.admit(&answered)), "alice@example.org");
    assert_eq!(house.status(&to_other), 401);
    assert_eq!(house::offered(&house.refusal(&register)), ["SHA-256"]);
}
