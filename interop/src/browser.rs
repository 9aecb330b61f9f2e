//! Phones in pages: JsSIP 3.13 in Chromium, over WebSocket and over secure WebSocket (RFC 7118). They
//! call each other with media from page to page, send texts, hang up from each side, and are reloaded.
//!
//! What a page sends and gets is read from the frames that the browser reports, not from JsSIP. The
//! browser's profile was given the server's certificate authority; no check is switched off.

mod chromium;

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Instant;

use crate::failure::{Outcome, ensure, fail};
use crate::place;
use crate::program::{self, LineMark};
use crate::server::{DOMAIN, Server, Settings};
use crate::sip::Sip;
use crate::transport::Transport;
use crate::verdict;
use chromium::{Chromium, Way};

/// Who sits in which page.
const PAGES: [(&str, Transport); 4] =
    [("anna", Transport::Ws), ("bert", Transport::Ws), ("carl", Transport::Wss), ("doro", Transport::Wss)];

type Check = (&'static str, fn(&mut Stage) -> Outcome<()>);

const CHECKS: [Check; 6] = [
    ("pages register, found by nothing but their connection", registered),
    ("WS to WS: call, hang up from each side, message", |stage| talk(stage, "anna", "bert")),
    ("WSS to WSS: call, hang up from each side, message", |stage| talk(stage, "carl", "doro")),
    ("WS to WSS: call, hang up from each side, message", |stage| talk(stage, "anna", "carl")),
    ("WSS to WS: call, hang up from each side, message", |stage| talk(stage, "doro", "bert")),
    ("a page that was loaded again is reachable", reloaded),
];

struct Stage {
    chromium: Chromium,
    server: Server,
}

/// Runs all checks; true if each went well.
pub(crate) fn run(folder: &Path) -> Outcome<bool> {
    let began = Instant::now();
    for (program, package) in [("node", "nodejs"), ("chromium", "chromium"), ("certutil", "libnss3-tools")] {
        program::present(program, package)?;
    }
    let [a, b, c, _] = place::net(100).octets();
    let mut settings = Settings::new(&folder.join("data"), Ipv4Addr::new(a, b, c, 1));
    settings.streams = vec![Transport::Ws, Transport::Wss];
    for (user, _) in PAGES {
        settings = settings.user(user, &secret(user));
    }
    let server = Server::start(&settings)?;
    let address = server.at(Transport::Wss)?.ip();
    let authority = settings.data.join("tls/ca.pem");
    let mut stage = Stage { chromium: Chromium::start(folder, &authority, (DOMAIN, address))?, server };
    let mut fine = true;
    for (title, check) in CHECKS {
        fine &= verdict::say(title, check(&mut stage).map(|()| String::new()));
    }
    let Stage { chromium, server } = stage;
    drop(chromium);
    let status = server.stop()?;
    ensure!(status.success(), "the server ended with {status}");
    println!("{} s", began.elapsed().as_secs());
    Ok(fine)
}

fn secret(user: &str) -> String {
    format!("secret-of-{user}")
}

fn uri(user: &str) -> String {
    format!("sip:{user}@{DOMAIN}")
}

impl Stage {
    /// Lets a page register, and waits until it is let in and listed; gives its contact.
    fn register(&mut self, user: &str, transport: Transport) -> Outcome<String> {
        let from = self.chromium.mark();
        let server = format!("{}://{DOMAIN}:{}/", transport.name(), self.server.at(transport)?.port());
        let account = serde_json::json!({ "server": server, "uri": uri(user), "secret": secret(user) });
        self.chromium.order(user, "register", account)?;
        let accepted = |sip: &Sip| sip.is_response(200, "REGISTER");
        self.chromium.frame(from, user, Way::Received, "the 200 to its REGISTER", accepted)?;
        let let_in = |sip: &Sip| sip.is_request("REGISTER") && sip.header("Authorization").is_some();
        let register = self.chromium.frame(from, user, Way::Sent, "a REGISTER with credentials", let_in)?;
        let contact = register.header("Contact").and_then(|value| value.split(['<', '>']).nth(1));
        let Some(contact) = contact.map(str::to_owned) else { fail!("{user} registers no Contact") };
        let aor = format!("{user}@{DOMAIN}");
        let bindings = self.server.bindings()?;
        let listed = bindings.iter().any(|bound| bound.aor == aor && bound.contact == contact);
        ensure!(listed, "`ruf bindings` does not list {aor} at {contact}: {bindings:?}");
        Ok(contact)
    }
}

fn registered(stage: &mut Stage) -> Outcome<()> {
    for (user, transport) in PAGES {
        stage.chromium.order(user, "open", serde_json::Value::Null)?;
        let contact = stage.register(user, transport)?;
        ensure!(contact.contains(".invalid"), "{user} has a contact that DNS could find: {contact}");
    }
    Ok(())
}

/// Either page calls the other and hangs up, and is hung up on; either sends the other a text.
fn talk(stage: &mut Stage, one: &str, two: &str) -> Outcome<()> {
    for (caller, callee) in [(one, two), (two, one)] {
        for (ends, other) in [(caller, callee), (callee, caller)] {
            let (call_id, from) = call(stage, caller, callee)?;
            hang_up(stage, ends, other, &call_id, from)?;
        }
        message(stage, caller, callee)?;
    }
    Ok(())
}

/// ```text
/// caller          server          callee
///   |---- INVITE --->|---- INVITE -->|
///   |<---- 180 ------|<---- 180 -----|
///   |<---- 200 ------|<---- 200 -----|
///   |----- ACK ----->|----- ACK ---->|
///   |<======== sound, both ways ====>|
/// ```
/// Gives the Call-ID, and the place where the call began.
fn call(stage: &mut Stage, caller: &str, callee: &str) -> Outcome<(String, LineMark)> {
    let chromium = &mut stage.chromium;
    let from = chromium.mark();
    chromium.order(caller, "call", serde_json::json!({ "uri": uri(callee) }))?;
    let call_id = ring(chromium, from, caller, callee)?;
    let of_call = |sip: &Sip| sip.call_id() == call_id;
    chromium.order(callee, "answer", serde_json::Value::Null)?;
    chromium
        .frame(from, caller, Way::Received, "200", |sip| of_call(sip) && sip.is_response(200, "INVITE"))?;
    chromium.frame(from, callee, Way::Received, "the ACK", |sip| of_call(sip) && sip.is_request("ACK"))?;
    for user in [caller, callee] {
        chromium.hears(user)?;
    }
    Ok((call_id, from))
}

/// Waits for the first two arrows of [`call`]; gives the Call-ID.
fn ring(chromium: &Chromium, from: LineMark, caller: &str, callee: &str) -> Outcome<String> {
    let invite = chromium.frame(from, callee, Way::Received, "the INVITE", |sip| sip.is_request("INVITE"))?;
    let call_id = invite.call_id().to_owned();
    chromium.frame(from, caller, Way::Received, "180", |sip| {
        sip.call_id() == call_id && sip.is_response(180, "INVITE")
    })?;
    Ok(call_id)
}

fn hang_up(stage: &mut Stage, ends: &str, other: &str, call_id: &str, from: LineMark) -> Outcome<()> {
    let chromium = &mut stage.chromium;
    chromium.order(ends, "hangUp", serde_json::Value::Null)?;
    chromium.frame(from, other, Way::Received, &format!("the BYE of {ends}"), |sip| {
        sip.call_id() == call_id && sip.is_request("BYE")
    })?;
    chromium.frame(from, ends, Way::Received, "the 200 to its BYE", |sip| {
        sip.call_id() == call_id && sip.is_response(200, "BYE")
    })?;
    Ok(())
}

fn message(stage: &mut Stage, sender: &str, receiver: &str) -> Outcome<()> {
    let chromium = &mut stage.chromium;
    let from = chromium.mark();
    let text = format!("Grüße von {sender}");
    chromium.order(sender, "message", serde_json::json!({ "uri": uri(receiver), "text": text }))?;
    chromium.frame(from, receiver, Way::Received, &format!("the MESSAGE of {sender}"), |sip| {
        sip.is_request("MESSAGE") && sip.body == text.as_bytes()
    })?;
    chromium.frame(from, sender, Way::Received, "the 200 to its MESSAGE", |sip| {
        sip.is_response(200, "MESSAGE")
    })?;
    Ok(())
}

/// A page is loaded again and registers anew; who calls it reaches the new page.
fn reloaded(stage: &mut Stage) -> Outcome<()> {
    for ((user, transport), caller) in PAGES.into_iter().step_by(2).zip(["carl", "anna"]) {
        stage.chromium.order(user, "reload", serde_json::Value::Null)?;
        stage.register(user, transport)?;
        let (call_id, from) = call(stage, caller, user)?;
        hang_up(stage, user, caller, &call_id, from)?;
    }
    Ok(())
}
