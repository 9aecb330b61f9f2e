//! Challenges, before a server that looks at the proof.

use ruf_auth::{Algorithm, Asking, Credentials, Ha1};
use ruf_load::Plan;
use ruf_load::mix::{Kind, Mix};
use ruf_load::plan::Users;
use ruf_load::tally::Outcome;
use ruf_message::{HeaderName, Message, Method, Request, StatusCode};

use crate::stage::{Fate, Stage, plan};

fn proven(request: &Request, name: HeaderName) -> bool {
    let Some(value) = request.raw(name).next() else { return false };
    let credentials = Credentials::read(value).unwrap();
    let user = String::from_utf8(request.from().uri().user().unwrap().to_vec()).unwrap();
    let ha1 = Ha1::new(&user, "example.org", "secret");
    let body = request.body();
    credentials.prove(&ha1.get(Algorithm::Md5).unwrap(), request.method().as_str().as_bytes(), body)
}

/// A server that wants proof of all that is asked outside a dialog.
fn stage(kind: Kind, password: &str) -> Stage {
    let users = Users { pattern: "u{n}".parse().unwrap(), count: 2, password: Some(password.to_owned()) };
    let mut stage = Stage::new(Plan { mix: Mix::only(kind), users, ..plan() });
    stage.script(|_, message| match message {
        Message::Request(request) if request.to_tag().is_none() && request.method() != Method::Ack => {
            let (status, asks, answers) = match request.method() {
                Method::Register => {
                    (StatusCode::UNAUTHORIZED, HeaderName::WwwAuthenticate, HeaderName::Authorization)
                }
                _ => (
                    StatusCode::PROXY_AUTHENTICATION_REQUIRED,
                    HeaderName::ProxyAuthenticate,
                    HeaderName::ProxyAuthorization,
                ),
            };
            if proven(request, answers) {
                return Fate::Pass;
            }
            let asking = Asking { realm: "example.org", nonce: "n", algorithm: Algorithm::Md5, stale: false };
            let mut response = request.reply(status);
            response.set_to_tag("server");
            response.add(asks, asking.to_value());
            Fate::Say(vec![response])
        }
        _ => Fate::Pass,
    });
    stage
}

#[test]
fn a_call_proves_who_it_is_from() {
    // tests rfc3261 §22.2, §22.3
    let mut stage = stage(Kind::Call, "secret");
    stage.begin();
    assert_eq!(stage.finish().good(None), 1);
    stage.expect_ladder(
        "a→s INVITE | s→a 407 INVITE | a→s ACK | s→b ACK | a→s INVITE | s→b INVITE | b→s 180 INVITE |
         s→a 180 INVITE | b→s 200 INVITE | s→a 200 INVITE | a→s ACK | s→b ACK | a→s BYE | s→b BYE |
         b→s 200 BYE | s→a 200 BYE",
    );
}

#[test]
fn messages_and_registrations_prove_it_too() {
    for kind in [Kind::Message, Kind::Register, Kind::Options] {
        let mut stage = stage(kind, "secret");
        stage.begin();
        assert_eq!(stage.finish().good(None), 1, "{kind:?}");
    }
}

#[test]
fn a_wrong_password_is_a_refusal() {
    let mut stage = stage(Kind::Options, "wrong");
    stage.begin();
    stage.finish();
    assert_eq!(stage.failure(), Outcome::Refused(Method::Options, 407));
    stage.expect_ladder("a→s OPTIONS | s→a 407 OPTIONS | a→s OPTIONS | s→a 407 OPTIONS");
}
