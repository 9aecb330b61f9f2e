//! What must not get through: {INVITE, re-INVITE, MESSAGE, SUBSCRIBE, PUBLISH, REFER, OPTIONS to a user,
//! REGISTER} x {no credentials, another's account, invented To tag with Route to us, spoofed From,
//! replayed credentials with a new branch, the same after a restart}. Each ends in the expected status;
//! `refusal` fails if anything is admitted.
// tests rfc3261 §10.3 step 4, §16.3 step 6, §16.4, §22.1, §22.2, §22.3

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod house;

use house::{admitted, asking, every_kind, gate, house, is_stale};
use ruf_admission::{Policy, Side};
use ruf_message::{HeaderName, Method};

#[test]
fn without_credentials_each_is_challenged() {
    for (kind, request) in every_kind() {
        let refusal = house().refusal(&request);
        assert_eq!(refusal.status().as_u16(), asking(&request), "{kind}");
        assert!(!is_stale(&refusal), "{kind}");
    }
}

#[test]
fn with_another_account_each_is_forbidden() {
    for (kind, request) in every_kind() {
        let mut house = house();
        let answered = house.answered("bob", "bob", &request);
        assert_eq!(house.status(&answered), 403, "{kind}");
    }
}

#[test]
fn with_a_wrong_password_or_name_each_is_challenged_again() {
    for (kind, request) in every_kind() {
        for (user, password) in [("alice", "wrong"), ("nobody", "wrong"), ("nobody", "")] {
            let mut house = house();
            let answered = house.answered(user, password, &request);
            let refusal = house.refusal(&answered);
            assert_eq!(refusal.status().as_u16(), asking(&request), "{kind}");
            assert!(!is_stale(&refusal), "{kind}");
        }
    }
}

#[test]
fn with_an_invented_to_tag_and_a_route_to_us_each_is_challenged() {
    for (kind, mut request) in every_kind() {
        let to = format!("<{}>;tag=invented", request.to().uri());
        request.set(HeaderName::To, to);
        let real = house().gate.token(
            b"another call",
            b"from",
            &Side::by(house::flow(house::HERE)),
            &Side::by(house::flow(house::THERE)),
        );
        for user in ["", "AAAA@", &"A".repeat(56), &format!("{real}@")] {
            let mut request = request.clone();
            request.push_route(format!("<sip:{user}192.0.2.1:5060;lr>"));
            assert_eq!(house().status(&request), asking(&request), "{kind} {user}");
        }
    }
}

#[test]
fn with_a_spoofed_from_each_is_challenged_and_then_forbidden() {
    for (kind, mut request) in every_kind() {
        // REGISTER and PUBLISH are known by another field than From.
        for spoofed in [
            "bob@example.org",
            "100@example.net",
            "alice@elsewhere.example",
            "+49301235@example.org;user=phone",
        ] {
            match request.method() {
                Method::Register => request.set(HeaderName::To, format!("<sip:{spoofed}>")),
                Method::Publish => {
                    request.set_uri(&format!("sip:{spoofed}").parse::<ruf_message::Uri>().unwrap())
                }
                _ => request.set(HeaderName::From, format!("<sip:{spoofed}>;tag=from")),
            }
            let mut house = house();
            if request.method() == Method::Register && !spoofed.contains("example.org") {
                // The address is not in the domain of the Request-URI: no password would make it so.
                assert_eq!(house.status(&request), 404, "{kind} {spoofed}");
                continue;
            }
            assert_eq!(house.status(&request), asking(&request), "{kind} {spoofed}");
            let mut keyring = ruf_auth::Keyring::new("alice", "alice");
            let answered = house.answered_by(&mut keyring, &request);
            // The password of alice is no password of example.net.
            let expected = if spoofed.contains("example.net") { asking(&request) } else { 403 };
            assert_eq!(house.status(&answered), expected, "{kind} {spoofed}");
        }
    }
}

#[test]
fn replayed_with_a_new_branch_each_is_challenged_with_a_fresh_nonce() {
    for (kind, request) in every_kind() {
        let mut house = house();
        let answered = house.answered("alice", "alice", &request);
        let _ = admitted(house.admit(&answered));
        for _ in 0..2 {
            let mut replayed = answered.clone();
            replayed.set_via_param("branch", "z9hG4bK-replayed");
            let refusal = house.refusal(&replayed);
            assert_eq!(refusal.status().as_u16(), asking(&request), "{kind}");
            assert!(is_stale(&refusal), "{kind}");
        }
        // From elsewhere it is not even looked at.
        let refusal = house::refused(house.admit_from(house::THERE, &answered));
        assert_eq!(refusal.status().as_u16(), asking(&request), "{kind}");
    }
}

#[test]
fn replayed_after_a_restart_each_is_challenged() {
    for (kind, request) in every_kind() {
        let mut house = house();
        let answered = house.answered("alice", "alice", &request);
        let _ = admitted(house.admit(&answered));
        house.gate = gate(Policy::default(), |_| {}, 2);
        let refusal = house.refusal(&answered);
        assert_eq!(refusal.status().as_u16(), asking(&request), "{kind}");
        assert!(is_stale(&refusal), "{kind}");
    }
}

#[test]
fn replayed_for_another_method_body_or_target_each_fails() {
    for (kind, request) in every_kind() {
        let mut house = house();
        let answered = house.answered("alice", "alice", &request);
        let method = if request.method() == Method::Message { "INVITE" } else { "MESSAGE" };
        let mut other = house::request(method, "bob@example.org", "alice@example.org", "bob@example.org");
        for name in [HeaderName::Authorization, HeaderName::ProxyAuthorization] {
            answered.raw(name).for_each(|value| other.add(name, value));
        }
        assert_eq!(house.status(&other), 407, "{kind}");
        // An answer made for a target of somebody else does not fit one of ours.
        let foreign = answered.raw(HeaderName::ProxyAuthorization).next().map(<[u8]>::to_vec);
        if let Some(foreign) = foreign {
            let text = String::from_utf8(foreign)
                .unwrap()
                .replace("example.org\", response", "far.example\", response");
            let mut foreign = answered.clone();
            foreign.set(HeaderName::ProxyAuthorization, text);
            assert_eq!(house.status(&foreign), 400, "{kind}");
        }
    }
}

#[test]
fn a_gate_that_admits_is_the_same_one() {
    // The matrix proves nothing if these requests were bad in themselves.
    for (kind, request) in every_kind() {
        let mut house = house();
        assert_eq!(house::account(house.with_password("alice", &request)), "alice@example.org", "{kind}");
    }
}
