//! How the gate asks and what it takes for an answer: algorithms and their order, nonces, counts, wrong
//! passwords.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod house;

use house::{
    HERE, THERE, admitted, anew, every_kind, house, house_with, is_stale, offered, refused, request,
};
use ruf_admission::{Accounts, Lookup, Policy, Verdict};
use ruf_auth::{Algorithm, Asking, Challenge, Count, Digest, Hex, Keyring, Protection, userhash};
use ruf_message::{HeaderName, Request, Response};

fn register() -> Request {
    request("REGISTER", "example.org", "alice@example.org", "alice@example.org")
}

fn invite() -> Request {
    request("INVITE", "bob@example.org", "alice@example.org", "bob@example.org")
}

/// An answer written by hand, as old and odd phones write theirs.
fn by_hand(refusal: &Response, request: &Request, protection: Protection<'_>, session: bool) -> Request {
    let all = house::challenges(refusal);
    let challenge = Challenge::read(all.last().unwrap().as_bytes()).unwrap();
    assert_eq!(challenge.algorithm, Algorithm::Md5);
    let digest = Digest {
        algorithm: Algorithm::Md5,
        session,
        nonce: challenge.nonce,
        method: request.method_bytes(),
        uri: b"sip:192.0.2.1:5060",
        protection,
    };
    let ha1 = Algorithm::Md5.hash(&[b"alice:example.org:alice"]);
    let nonce = str::from_utf8(challenge.nonce).unwrap();
    let rest = match protection {
        Protection::None => String::new(),
        Protection::Auth(_) => ",cnonce=\"6b8b4567\",nc=00000001,qop=auth".to_owned(),
        Protection::AuthInt(..) => ",cnonce=\"6b8b4567\",nc=00000001,qop=auth-int".to_owned(),
    };
    let name = if session { "MD5-sess" } else { "MD5" };
    let mut next = anew(request);
    let value = format!(
        "Digest username=\"alice\",realm=\"example.org\",uri=\"sip:192.0.2.1:5060\",nonce=\"{nonce}\",response=\"{}\",algorithm={name}{rest}",
        digest.response(&ha1)
    );
    next.add(HeaderName::Authorization, value);
    next
}

const COUNT: Count<'_> = Count { nc: b"00000001", cnonce: b"6b8b4567" };

#[test]
fn a_registrar_asks_with_401_and_a_proxy_with_407_the_best_algorithm_first() {
    // tests rfc3261 §22.1, §22.2, §22.3, §16.3 step 6, rfc8760 §2.3
    for (kind, request) in every_kind() {
        let refusal = house().refusal(&request);
        let (asked, other) = match refusal.status().as_u16() {
            401 => (HeaderName::WwwAuthenticate, HeaderName::ProxyAuthenticate),
            407 => (HeaderName::ProxyAuthenticate, HeaderName::WwwAuthenticate),
            status => panic!("{kind}: {status}"),
        };
        assert_eq!((refusal.raw(asked).count(), refusal.raw(other).count()), (2, 0), "{kind}");
        assert_eq!(offered(&refusal), ["SHA-256", "MD5"], "{kind}");
        for value in house::challenges(&refusal) {
            let challenge = Challenge::read(value.as_bytes()).unwrap();
            assert_eq!(
                (&*challenge.realm, value.contains("qop=\"auth\"")),
                (&b"example.org"[..], true),
                "{kind}"
            );
        }
        let nonces = house::challenges(&refusal)
            .iter()
            .map(|value| Challenge::read(value.as_bytes()).unwrap().nonce.to_vec())
            .collect::<std::collections::BTreeSet<_>>();
        assert_eq!(nonces.len(), 2);
    }
}

#[test]
fn the_list_of_the_account_goes_before_the_domains_and_that_before_the_houses() {
    let policy = Policy { algorithms: vec![Algorithm::Sha512_256, Algorithm::Md5], ..Policy::default() };
    let mut house = house_with(policy, |ourselves| ourselves.domains[1].algorithms = vec![Algorithm::Sha256]);
    assert_eq!(offered(&house.refusal(&register())), ["SHA-512-256", "MD5"]);
    let other = request("REGISTER", "example.net", "carol@example.net", "carol@example.net");
    assert_eq!(offered(&house.refusal(&other)), ["SHA-256"]);
    house.accounts[0].algorithms = Some(vec![Algorithm::Md5]);
    assert_eq!(offered(&house.refusal(&register())), ["MD5"]);
    assert_eq!(house::account(house.with_password("alice", &anew(&register()))), "alice@example.org");
}

#[test]
fn an_algorithm_that_an_account_does_not_take_is_no_way_in() {
    let mut house = house();
    house.accounts[0].algorithms = Some(vec![Algorithm::Sha256]);
    // Asked for under another name, answered for this account.
    let mut anonymous = invite();
    anonymous.set(HeaderName::From, "<sip:anonymous@anonymous.invalid>;tag=from");
    let mut old = Keyring::new("alice", "alice").with_algorithms(&[Algorithm::Md5]);
    let answered = house.answered_by(&mut old, &anonymous);
    assert!(is_stale(&house.refusal(&answered)));
}

#[test]
fn each_algorithm_proves_an_account() {
    for algorithm in Algorithm::ALL {
        let policy = Policy { algorithms: vec![algorithm], ..Policy::default() };
        assert_eq!(
            house::account(house_with(policy, |_| {}).with_password("alice", &register())),
            "alice@example.org"
        );
    }
}

#[test]
fn old_phones_without_qop_get_in_once_per_nonce() {
    // tests rfc3261 §22.4
    let mut house = house();
    let refusal = house.refusal(&register());
    let answered = by_hand(&refusal, &register(), Protection::None, false);
    assert_eq!(house::account(house.admit(&answered)), "alice@example.org");
    assert!(is_stale(&house.refusal(&anew(&answered))));
}

#[test]
fn auth_int_and_session_keys_are_understood() {
    // tests rfc8760 §2.6, rfc7616 §3.4.2
    for (protection, session) in [(Protection::AuthInt(COUNT, b""), false), (Protection::Auth(COUNT), true)] {
        let mut house = house();
        let refusal = house.refusal(&register());
        let mut answered = by_hand(&refusal, &register(), protection, session);
        if !session {
            let mut bent = answered.clone();
            bent.set_body("text/plain", &b"x"[..]);
            assert!(!is_stale(&house.refusal(&bent)));
        }
        assert_eq!(house::account(house.admit(&answered)), "alice@example.org");
        // A client that starts at 1 with every request is told that the nonce is stale, and works.
        answered = anew(&answered);
        assert!(is_stale(&house.refusal(&answered)));
    }
}

#[test]
fn a_name_may_come_as_its_hash() {
    // tests rfc7616 §3.4.4
    let mut house = house();
    let refusal = house.refusal(&register());
    let hash = userhash(Algorithm::Md5, "alice", "example.org");
    let mut answered = by_hand(&refusal, &register(), Protection::Auth(COUNT), false);
    let value = String::from_utf8(answered.raw(HeaderName::Authorization).next().unwrap().to_vec()).unwrap();
    let value = value.replace("username=\"alice\"", &format!("username=\"{hash}\",userhash=true"));
    answered.set(HeaderName::Authorization, &value);
    assert_eq!(house::account(house.admit(&answered)), "alice@example.org");
    let unknown = value.replace(hash.as_str(), &"0".repeat(32));
    answered.set(HeaderName::Authorization, unknown);
    assert!(!is_stale(&house.refusal(&answered)));
}

#[test]
fn of_two_answers_one_good_one_is_enough() {
    // As baresip since 3.11 does: one answer per algorithm.
    let mut house = house();
    let refusal = house.refusal(&register());
    let mut both = anew(&register());
    for algorithm in [Algorithm::Sha256, Algorithm::Md5] {
        let mut keyring = Keyring::new("alice", "alice").with_algorithms(&[algorithm]);
        keyring.challenged(&register(), &refusal, &mut house.entropy).unwrap();
        let mut one = anew(&register());
        keyring.authorize(&mut one);
        one.raw(HeaderName::Authorization).for_each(|value| both.add(HeaderName::Authorization, value));
    }
    assert_eq!(both.raw(HeaderName::Authorization).count(), 2);
    let admitted = admitted(house.admit(&both));
    assert_eq!(admitted.request().raw(HeaderName::Authorization).count(), 0);
}

#[test]
fn an_answer_in_either_field_is_an_answer() {
    let mut house = house();
    let mut answered = house.answered("alice", "alice", &invite());
    let value = answered.raw(HeaderName::ProxyAuthorization).next().unwrap().to_vec();
    answered.remove(HeaderName::ProxyAuthorization);
    answered.set(HeaderName::Authorization, value);
    assert_eq!(house::account(house.admit(&answered)), "alice@example.org");
}

#[test]
fn a_nonce_serves_many_requests_until_it_is_old_and_then_the_phone_just_asks_again() {
    // tests rfc7616 §3.3, §3.6
    let mut house = house();
    let mut keyring = Keyring::new("alice", "alice");
    let mut request = house.answered_by(&mut keyring, &invite());
    for _ in 0..5 {
        let _ = admitted(house.admit(&request));
        request = anew(&request);
        keyring.authorize(&mut request);
    }
    assert_eq!(house.gate.counts().used_nonces, 1);
    house.later(300);
    let refusal = house.refusal(&request);
    assert!(is_stale(&refusal));
    keyring.challenged(&request, &refusal, &mut house.entropy).unwrap();
    let mut request = anew(&request);
    keyring.authorize(&mut request);
    let _ = admitted(house.admit(&request));
    assert_eq!(house.gate.counts().failures, 0);
}

#[test]
fn an_answer_that_names_a_user_before_being_asked_is_none() {
    // tests rfc8760 §2.7
    let mut register = register();
    register.add(HeaderName::Authorization, "Digest username=\"alice\", realm=\"example.org\", nonce=\"\", uri=\"sip:example.org\", response=\"\"");
    assert_eq!(house().status(&register), 401);
}

#[test]
fn an_improper_answer_is_a_bad_request_and_a_foreign_one_is_none() {
    // tests rfc7616 §3.4, rfc3261 §22.3, §22.4
    let mut register = register();
    register.add(
        HeaderName::Authorization,
        "Digest username=\"alice\", realm=\"example.org\", nonce=\"x\", uri=\"sip:example.org\", response=\"y\"",
    );
    let refusal = house().refusal(&register);
    assert_eq!((refusal.status().as_u16(), refusal.reason()), (400, &b"Improper Credentials: response"[..]));
    for other in [
        "Basic YWxpY2U6c2VjcmV0",
        "NoOneKnowsThisScheme opaque-data=here",
        "Digest realm=\"elsewhere\", nonce=x",
    ] {
        register.set(HeaderName::Authorization, other);
        assert_eq!(house().status(&register), 401, "{other}");
    }
}

#[test]
fn of_two_improper_answers_the_first_is_complained_of() {
    // tests rfc3261 §22.4
    let mut register = register();
    let proper = "f".repeat(64);
    for (uri, response) in [("sip:example.org", "y"), ("sip:elsewhere.example", proper.as_str())] {
        let value = format!(
            "Digest username=\"alice\", realm=\"example.org\", nonce=\"x\", uri=\"{uri}\", \
             algorithm=SHA-256, response=\"{response}\""
        );
        register.add(HeaderName::Authorization, value);
    }
    assert_eq!(house().refusal(&register).reason(), b"Improper Credentials: response");
}

#[test]
fn only_so_many_answers_of_one_request_are_computed() {
    let mut house = house();
    let admits = |house: &mut house::House, before: usize| {
        let answered = house.answered("alice", "alice", &register());
        let answer = answered.raw(HeaderName::Authorization).next().unwrap().to_vec();
        let mut crowded = answered.clone();
        crowded.remove(HeaderName::Authorization);
        for _ in 0..before {
            crowded.add(HeaderName::Authorization, answer_of_old());
        }
        crowded.add(HeaderName::Authorization, answer);
        matches!(house.admit(&crowded), Verdict::Admitted(_))
    };
    assert!(admits(&mut house, 3));
    assert!(!admits(&mut house, 4), "each costs us a hash or two");
}

/// An answer with a nonce of another run of the server.
fn answer_of_old() -> String {
    format!(
        "Digest username=\"alice\", realm=\"example.org\", nonce=\"x\", uri=\"sip:example.org\", \
         algorithm=SHA-256, response=\"{}\"",
        "f".repeat(64)
    )
}

/// The same number of octets, and the same fields; only nonces differ.
fn shape(response: &Response) -> (u16, Vec<String>, usize) {
    (response.status().as_u16(), offered(response), response.to_bytes().len())
}

#[test]
fn an_unknown_user_and_a_wrong_password_look_the_same() {
    let look = |name: &str| {
        let mut house = house();
        let uri = format!("{name}@example.org");
        let register = request("REGISTER", "example.org", &uri, &uri);
        let bare = house.refusal(&register);
        let answered = house.answered(name, "wrong!", &anew(&register));
        let first = shape(&house.refusal(&answered));
        let statuses = [(); 12].map(|()| {
            let again = house.answered(name, "wrong", &anew(&anew(&register)));
            house.status(&again)
        });
        (shape(&bare), first, statuses)
    };
    assert_eq!(look("alice"), look("carol"));
}

#[test]
fn too_many_wrong_passwords_are_slowed_for_that_source_and_account_alone() {
    let mut house = house();
    let wrong = |house: &mut house::House, source: &str, user: &str| {
        let request = register();
        let refusal = refused(house.admit_from(source, &request));
        let mut keyring = Keyring::new(user, "wrong");
        keyring.challenged(&request, &refusal, &mut house.entropy).unwrap();
        let mut next = anew(&request);
        keyring.authorize(&mut next);
        refused(house.admit_from(source, &next))
    };
    // rfc3261 §22.1: first the challenge again, then 403, which also a phone that never gives up takes.
    for expected in [401, 403, 403, 403, 403, 403, 403, 403, 403, 403] {
        assert_eq!(wrong(&mut house, HERE, "alice").status().as_u16(), expected);
    }
    // rfc3261 §21.5.1: never 503, which would turn a proxy away from us altogether
    let slowed = wrong(&mut house, HERE, "alice");
    assert_eq!(
        (slowed.status().as_u16(), slowed.raw(HeaderName::RetryAfter).next()),
        (500, Some(&b"30"[..]))
    );
    assert_eq!(wrong(&mut house, HERE, "bob").status().as_u16(), 401);
    assert_eq!(wrong(&mut house, THERE, "alice").status().as_u16(), 401);
    // The right password too has to wait, but not for ever.
    let right = house.answered("alice", "alice", &register());
    assert_eq!(house.status(&right), 500);
    house.later(30);
    assert_eq!(house::account(house.admit(&right)), "alice@example.org");
}

#[test]
fn the_right_password_wipes_the_slate() {
    let mut house = house();
    for _ in 0..3 {
        for _ in 0..9 {
            let wrong = house.answered("alice", "wrong", &register());
            assert_ne!(house.status(&wrong), 500);
        }
        assert_eq!(house::account(house.with_password("alice", &register())), "alice@example.org");
        assert_eq!(house.gate.counts().failures, 0);
    }
}

#[test]
fn a_source_with_live_bindings_waits_two_seconds_at_most() {
    let mut house = house();
    let (now, source) = (house.now, "203.0.113.7".parse().unwrap());
    house.gate.note_binding(now, source, std::time::Duration::from_secs(60));
    for _ in 0..10 {
        let wrong = house.answered("alice", "wrong", &register());
        let _ = house.status(&wrong);
    }
    let right = house.answered("alice", "alice", &register());
    assert_eq!(house.status(&right), 500);
    house.later(2);
    assert_eq!(house::account(house.admit(&right)), "alice@example.org");
}

#[test]
fn a_failure_counts_only_with_a_nonce_that_this_source_was_given() {
    let mut house = house();
    let nonce = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for number in 0..50 {
        let mut request = register();
        request.add(HeaderName::Authorization, format!("Digest username=\"alice\", realm=\"example.org\", nonce=\"{nonce}\", uri=\"sip:example.org\", response=\"{number:032}\""));
        assert!(is_stale(&house.refusal(&request)));
    }
    let wrong = house.answered("alice", "wrong", &register());
    for _ in 0..50 {
        assert!(is_stale(&refused(house.admit_from(THERE, &wrong))));
    }
    assert_eq!(house.gate.counts().failures, 0);
    // A retransmission of one wrong answer is one failure.
    for _ in 0..50 {
        assert_eq!(house.status(&wrong), 401);
    }
    assert_eq!(house.gate.counts().failures, 1);
}

#[test]
fn accounts_that_cannot_be_read_are_no_reason_to_let_anybody_in() {
    struct Broken;
    impl Accounts for Broken {
        fn account(&self, _: &str, _: &str) -> Lookup<'_> {
            Lookup::Unavailable
        }
    }
    let mut house = house();
    let answered = house.answered("alice", "alice", &register());
    let (now, here) = (house.now, house::flow(HERE));
    let refusal = refused(house.gate.admit(now, here, answered, &Broken));
    assert_eq!((refusal.status().as_u16(), refusal.raw(HeaderName::RetryAfter).count()), (500, 1));
}

#[test]
fn a_phone_that_fails_on_sha_works_at_once_by_its_name_or_at_the_second_try() {
    let old = || Keyring::new("alice", "alice").with_algorithms(&[Algorithm::Md5]);
    let mut named = register();
    named.set(HeaderName::UserAgent, "baresip v1.0.0 (x86_64/linux)");
    let mut by_name = house();
    assert_eq!(offered(&by_name.refusal(&named)), ["MD5"]);
    let answered = by_name.answered_by(&mut old(), &named);
    assert_eq!(house::account(by_name.admit(&answered)), "alice@example.org");

    let mut house = house();
    assert_eq!(offered(&house.refusal(&register())), ["SHA-256", "MD5"]);
    assert_eq!(offered(&house.refusal(&register())), ["SHA-256", "MD5"], "a retransmission");
    assert_eq!(offered(&house.refusal(&anew(&register()))), ["MD5"]);
    let answered = house.answered_by(&mut old(), &anew(&register()));
    assert_eq!(house::account(house.admit(&answered)), "alice@example.org");
}

#[test]
fn a_good_phone_stays_on_sha_however_often_it_asks_first() {
    let mut house = house();
    for number in 0..5 {
        let mut invite = invite();
        invite.set(HeaderName::CallId, format!("call-{number}"));
        assert_eq!(offered(&house.refusal(&invite)), ["SHA-256", "MD5"]);
        assert!(matches!(house.with_password("alice", &invite), Verdict::Admitted(_)));
    }
}

#[test]
fn a_full_table_of_nonces_refuses_nobody_for_good() {
    let mut house = house();
    let limits = ruf_admission::Limits { used_nonces_max: 4, ..Default::default() };
    let keys = ruf_admission::Keys::new(&mut house.entropy);
    let ourselves = house.gate.ourselves().clone();
    house.gate =
        ruf_admission::Gate::new(ourselves, Policy::default(), &limits, &keys, house.entropy.clone());
    let mut first = None;
    for _ in 0..50 {
        house.later(1);
        let answered = house.answered("alice", "alice", &invite());
        assert_eq!(house::account(house.admit(&answered)), "alice@example.org");
        first.get_or_insert(answered);
    }
    assert_eq!(house.gate.counts().used_nonces, 4);
    assert!(is_stale(&house.refusal(&first.unwrap())));
}

#[test]
fn the_tables_are_empty_when_all_is_over() {
    let mut house = house();
    let _ = admitted(house.with_password("alice", &invite()));
    let wrong = house.answered("alice", "wrong", &register());
    assert_eq!(house.status(&wrong), 401);
    let (now, here) = (house.now, house::flow(HERE));
    assert!(
        house.gate.may_reply(now, &house::flow(THERE), 100, 100) && house.gate.may_reply(now, &here, 1, 100)
    );
    house.gate.note_binding(now, here.remote.ip(), std::time::Duration::from_secs(60));
    assert_ne!(house.gate.counts(), Default::default());
    while let Some(deadline) = house.gate.deadline() {
        house.gate.tick(deadline);
    }
    assert_eq!(house.gate.counts(), Default::default());
}

/// What the gate writes can be read by who knows only the RFC.
#[test]
fn a_challenge_has_the_form_of_the_rfc() {
    // tests rfc7616 §3.3
    let refusal = house().refusal(&register());
    let value = house::challenges(&refusal).remove(0);
    let challenge = Challenge::read(value.as_bytes()).unwrap();
    let nonce = str::from_utf8(challenge.nonce).unwrap();
    let expected = Asking { realm: "example.org", nonce, algorithm: Algorithm::Sha256, stale: false };
    assert_eq!(value.as_bytes(), expected.to_value());
    assert!(nonce.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-_.".contains(&octet)));
    assert!(Hex::parse(nonce.as_bytes()).is_none());
}
