//! The requests of the negative matrix, and the ways to send them without a right to.

use super::scene::{PATIENCE, Person, Scene};
use crate::digest;
use crate::failure::Outcome;
use crate::raw::{self, Request};
use crate::server::DOMAIN;

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verb {
    pub(super) title: &'static str,
    method: &'static str,
    in_dialog: bool,
    /// Whether it is about the address-of-record of its sender, not about somebody else's.
    pub(super) about_self: bool,
}

const fn verb(title: &'static str, method: &'static str) -> Verb {
    Verb { title, method, in_dialog: false, about_self: false }
}

/// The rows of the matrix.
pub(super) const VERBS: [Verb; 8] = [
    Verb::INVITE,
    Verb { in_dialog: true, ..verb("re-INVITE", "INVITE") },
    verb("MESSAGE", "MESSAGE"),
    verb("SUBSCRIBE", "SUBSCRIBE"),
    Verb { about_self: true, ..verb("PUBLISH", "PUBLISH") },
    verb("REFER", "REFER"),
    verb("OPTIONS", "OPTIONS"),
    Verb { about_self: true, ..verb("REGISTER", "REGISTER") },
];

/// A way to send what one has no right to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attack {
    NoCredentials,
    AnothersAccount,
    InventedDialog,
    SpoofedFrom,
    Replay,
    ReplayAfterCrash,
}

/// The columns of the matrix, in the order in which they are tried.
pub(super) const ATTACKS: [Attack; 6] = [
    Attack::NoCredentials,
    Attack::AnothersAccount,
    Attack::InventedDialog,
    Attack::SpoofedFrom,
    Attack::Replay,
    Attack::ReplayAfterCrash,
];

/// Who sends a variation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    Mallory,
    /// Anna's own address, for what Mallory sends from behind it.
    Anna,
}

/// One request that must not get through.
pub(super) struct Variation {
    pub(super) sender: Sender,
    pub(super) request: Request,
    /// The statuses that are right.
    pub(super) expected: &'static [u16],
    pub(super) title: String,
}

impl Sender {
    pub(super) fn of(self, scene: &Scene) -> &Person {
        match self {
            Sender::Mallory => &scene.mallory,
            Sender::Anna => &scene.anna,
        }
    }
}

impl Verb {
    pub(super) const INVITE: Verb = verb("INVITE", "INVITE");

    /// The request from one person to, or about, another.
    pub(super) fn request(self, from: &Person, to: &Person) -> Request {
        let uri = if self.method == "REGISTER" { format!("sip:{DOMAIN}") } else { to.uri() };
        let mut request = Request::new(self.method, &uri, from.address).between(&from.uri(), &to.uri());
        if self.in_dialog {
            request.to_tag = raw::unique();
        }
        let request = request.line("Contact", &format!("<{}>", from.contact()));
        let with_body = |request: Request, kind: &str, body: &str| {
            let mut request = request.line("Content-Type", kind);
            body.clone_into(&mut request.body);
            request
        };
        match self.method {
            "INVITE" => with_body(
                request,
                "application/sdp",
                "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n",
            ),
            "MESSAGE" => with_body(request, "text/plain", "hello"),
            "SUBSCRIBE" => request.line("Event", "presence").line("Expires", "60"),
            "PUBLISH" => {
                let request = request.line("Event", "presence").line("Expires", "60");
                with_body(request, "application/pidf+xml", "<presence/>")
            }
            "REFER" => request.line("Refer-To", &format!("<sip:elsewhere@{DOMAIN}>")),
            _ => request,
        }
    }

    /// The status of a challenge: a registrar's, or a proxy's.
    fn challenge(self) -> &'static [u16] {
        if self.method == "REGISTER" { &[401] } else { &[407] }
    }
}

impl Attack {
    pub(super) fn title(self) -> &'static str {
        match self {
            Attack::NoCredentials => "no credentials",
            Attack::AnothersAccount => "another's account",
            Attack::InventedDialog => "invented To tag",
            Attack::SpoofedFrom => "spoofed From",
            Attack::Replay => "replay",
            Attack::ReplayAfterCrash => "replay after kill -9",
        }
    }

    /// The requests to send; `recording` is Anna's own, which was let in.
    pub(super) fn variations(
        self,
        scene: &Scene,
        verb: Verb,
        recording: &Request,
    ) -> Outcome<Vec<Variation>> {
        match self {
            Attack::NoCredentials => Ok(vec![by_mallory(
                verb.request(&scene.mallory, &scene.bert),
                verb.challenge(),
                "in his own name",
            )]),
            Attack::AnothersAccount => anothers_account(scene, verb),
            Attack::InventedDialog => invented_dialog(scene, verb),
            Attack::SpoofedFrom => spoofed_from(scene, verb),
            Attack::Replay | Attack::ReplayAfterCrash => Ok(replays(verb, recording)),
        }
    }
}

fn by_mallory(request: Request, expected: &'static [u16], title: &str) -> Variation {
    Variation { sender: Sender::Mallory, request, expected, title: title.to_owned() }
}

/// Mallory's good credentials on a request in the name of Anna, or about Bert.
fn anothers_account(scene: &Scene, verb: Verb) -> Outcome<Vec<Variation>> {
    let mut request = verb.request(&scene.mallory, &scene.bert);
    if !verb.about_self {
        request.from = scene.anna.uri();
    }
    let request = with_credentials(scene, request)?;
    Ok(vec![by_mallory(request, &[403], "with his own credentials")])
}

/// In no dialog, but as if in one: a tag, and a Route to the server with a token or without.
fn invented_dialog(scene: &Scene, verb: Verb) -> Outcome<Vec<Variation>> {
    let server = scene.server.address;
    let routes = [
        ("without a token", format!("<sip:{server};lr>")),
        ("with a guessed token", format!("<sip:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA@{server};lr>")),
        ("with the token of his own dialog", scene.token.clone()),
    ];
    let mut variations = Vec::new();
    for (title, route) in routes {
        let mut request = verb.request(&scene.mallory, &scene.bert).line("Route", &route);
        request.to_tag = raw::unique();
        if verb.method != "REGISTER" {
            request.uri = scene.bert.contact();
        }
        variations.push(by_mallory(request.clone(), verb.challenge(), title));
        // His own credentials prove who he is, and open no way to an address of his choice.
        request.call_id = raw::unique();
        let proved = with_credentials(scene, request)?;
        variations.push(by_mallory(proved, &[403, 404], &format!("{title}, with his own credentials")));
    }
    Ok(variations)
}

/// A From that is not his: of Bert, and of somebody elsewhere.
fn spoofed_from(scene: &Scene, verb: Verb) -> Outcome<Vec<Variation>> {
    let in_the_name_of = |from: &str| {
        let mut request = verb.request(&scene.mallory, &scene.bert);
        from.clone_into(&mut request.from);
        request
    };
    let elsewhere = "sip:boss@elsewhere.test";
    let mut variations = vec![
        by_mallory(in_the_name_of(&scene.bert.uri()), verb.challenge(), "of Bert himself"),
        by_mallory(in_the_name_of(elsewhere), &[401, 403, 407], "of somebody elsewhere"),
    ];
    let proved = with_credentials(scene, in_the_name_of(elsewhere))?;
    variations.push(by_mallory(proved, &[403], "of somebody elsewhere, with his own credentials"));
    Ok(variations)
}

/// Anna's own request once more, with a branch of its own: from elsewhere, and from her address.
fn replays(verb: Verb, recording: &Request) -> Vec<Variation> {
    let expected = verb.challenge();
    let new_call = {
        let mut request = recording.clone();
        request.call_id = raw::unique();
        request
    };
    [(Sender::Mallory, "from elsewhere"), (Sender::Anna, "from her address")]
        .into_iter()
        .flat_map(|(sender, title)| {
            [(recording, "in the same call"), (&new_call, "in a new call")].map(|(request, call)| {
                let mut request = request.clone();
                request.branch = recording.again().branch;
                Variation { sender, request, expected, title: format!("{title}, {call}") }
            })
        })
        .collect()
}

/// The request with Mallory's answer to the challenge that it gets, or as it is if it gets none.
fn with_credentials(scene: &Scene, request: Request) -> Outcome<Request> {
    let from = scene.tap.mark();
    scene.mallory.socket.send_to(request.text().as_bytes(), scene.server.address)?;
    let way = (scene.server.address, scene.mallory.address);
    let (challenged, _) = scene.tap.wait_sip(from, PATIENCE, way, "a challenge", |sip| {
        sip.call_id() == request.call_id && sip.status() >= Some(200)
    })?;
    if let Some(ack) = raw::ack(request.text().as_bytes(), &challenged) {
        scene.mallory.socket.send_to(&ack, scene.server.address)?;
    }
    if !matches!(challenged.status(), Some(401 | 407)) {
        return Ok(request);
    }
    let (name, value) = digest::answer(&challenged, scene.mallory.account, &request.method, &request.uri, 1)?;
    Ok(request.again().line(name, &value))
}
