//! `ruf call --control` and `ruf answer --control`: what is ordered on standard input is done, and what comes of it is
//! told.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod scene;
mod server;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Mutex};

use scene::{has_tone, write_tone};
use serde_json::Value;
use server::{Place, ruf, until};

/// A phone that takes orders, and what it said.
struct Phone {
    child: Child,
    orders: ChildStdin,
    said: Arc<Mutex<Vec<Value>>>,
}

impl Phone {
    fn start(arguments: &[&str]) -> Phone {
        let mut command = ruf();
        command.args(arguments).args(["--control", "--json", "--listen", "127.0.0.1:0"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said: Arc<Mutex<Vec<Value>>> = Arc::default();
        let (output, heard) = (BufReader::new(child.stdout.take().unwrap()), Arc::clone(&said));
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                heard.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        Phone { orders: child.stdin.take().unwrap(), child, said }
    }

    /// One that answers, and where.
    fn answering() -> (Phone, String) {
        let phone = Phone::start(&["answer", "--once"]);
        let address = phone.says("listening")["of"].as_str().unwrap().to_owned();
        (phone, address)
    }

    fn order(&mut self, line: &str) {
        writeln!(self.orders, "{line}").unwrap();
    }

    /// Waits until it said this once more than was waited for.
    fn says(&self, event: &str) -> Value {
        self.says_of("", event)
    }

    /// The same of one of its calls.
    fn says_of(&self, call: &str, event: &str) -> Value {
        until(&format!("{call} {event} in {:?}", self.said.lock().unwrap()), || {
            let mut said = self.said.lock().unwrap();
            let is =
                |said: &Value| said["event"] == event && said["call"].as_str().unwrap_or_default() == call;
            let at = said.iter().position(is)?;
            Some(said.remove(at))
        })
    }

    /// How it ended.
    fn ends(mut self, why: &str) {
        assert_eq!(self.says("ended")["why"], why);
        // Sound may not have come yet in a call that is over at once.
        assert!(matches!(self.child.wait().unwrap().code(), Some(0 | 5)));
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_call_is_held_taken_back_muted_and_ended() {
    let (mut bob, at) = Phone::answering();
    bob.order("mute");
    assert_eq!(bob.says("failed")["why"], "there is no call");
    let mut alice = Phone::start(&["call", &at]);
    alice.says("answered");
    bob.says("answered");
    alice.order("hodl");
    let failed = alice.says("failed");
    assert_eq!(failed["order"], "hodl");
    assert!(failed["why"].as_str().unwrap().starts_with("expected hold, "), "{failed}");
    alice.order("resume");
    assert_eq!(alice.says("failed")["why"], "the far side is not on hold");
    alice.order("hold");
    alice.says("holding");
    bob.says("held");
    alice.order("resume");
    alice.says("released");
    bob.says("resumed");
    // An order counts from when it is given, not from when the far side has heard of it.
    for order in ["hold", "resume", "hold", "resume"] {
        alice.order(order);
    }
    alice.says("released");
    bob.says("resumed");
    alice.order("resume");
    assert_eq!(alice.says("failed")["why"], "the far side is not on hold");
    bob.order("mute");
    bob.says("muted");
    bob.order("unmute");
    bob.says("unmuted");
    alice.order("keys 1#");
    alice.says("pressed");
    assert_eq!([bob.says("key")["key"].clone(), bob.says("key")["key"].clone()], ["1", "#"]);
    alice.order("message how are you?");
    assert_eq!(alice.says("sent")["of"], "how are you?");
    assert_eq!(bob.says("message")["text"], "how are you?");
    for (order, why) in [
        ("connect", "nobody was asked first, and answered"),
        ("back", "nobody is asked first"),
        ("follow", "the far side asks for nothing"),
        ("transfer sip:x@", "`sip:x@` is no SIP address"),
    ] {
        alice.order(order);
        let failed = alice.says("failed");
        assert!(failed["why"].as_str().unwrap().starts_with(why), "{failed}");
    }
    bob.order("hang up");
    bob.ends("hung up");
    alice.ends("the far side hung up");
}

#[test]
fn what_nobody_hears_is_not_recorded() {
    let place = Place::new("orders-record");
    let (said, kept) = (place.path("said.wav"), place.path("kept.wav"));
    write_tone(&said, 700, 1);
    let (said, record) = (said.to_str().unwrap(), kept.to_str().unwrap());
    let mut bob = Phone::start(&["answer", "--once", "--play", said, "--record", record]);
    let at = bob.says("listening")["of"].as_str().unwrap().to_owned();
    let alice = Phone::start(&["call", &at]);
    bob.says("answered");
    until("what is said", || has_tone(&kept, 1, 700).then_some(()));
    bob.order("mute");
    bob.says("muted");
    let secs = || hound::WavReader::open(&kept).map_or(0, |reader| reader.duration() / 16_000);
    let muted = secs();
    // The second in which it was muted has both.
    until("two seconds more", || (secs() >= muted + 3).then_some(()));
    let samples: Vec<i16> =
        hound::WavReader::open(&kept).unwrap().samples().map_while(Result::ok).skip(1).step_by(2).collect();
    assert!(samples[samples.len() - 16_000..].iter().all(|sample| *sample == 0));
    bob.order("hang up");
    bob.ends("hung up");
    alice.ends("the far side hung up");
}

#[test]
fn while_it_rings_orders_are_carried_out_and_others_are_heard() {
    let mut bob = Phone::start(&["answer", "--ring", "60"]);
    let at = bob.says("listening")["of"].as_str().unwrap().to_owned();
    let alice = Phone::start(&["call", &at]);
    alice.says("ringing");
    bob.order("hold");
    assert_eq!(bob.says("failed")["why"], "nobody has answered yet");
    assert!(ruf().args(["message", &at, "pick up!"]).status().unwrap().success());
    assert_eq!(bob.says("message")["text"], "pick up!");
    bob.order("hang up");
    assert_eq!(bob.says("missed")["of"], "declined");
    assert_eq!(alice.says("ended")["why"], "declined by the far side");
}

#[test]
fn who_is_sent_on_follows_when_told_to() {
    let ((mut bob, to_bob), (carol, to_carol)) = (Phone::answering(), Phone::answering());
    let mut alice = Phone::start(&["call", &to_bob]);
    alice.says("answered");
    alice.order(&format!("transfer {to_carol}"));
    assert_eq!(bob.says("referred")["to"], to_carol);
    bob.order("stay");
    assert_eq!(alice.says("not transferred")["why"], "refused with 603 Decline");
    alice.order(&format!("transfer {to_carol}"));
    bob.says("referred");
    bob.order("follow");
    bob.says("following");
    bob.says_of("followed", "answered");
    carol.says("answered");
    alice.says("transferred");
    alice.ends("hung up");
    assert_eq!(bob.says("left")["why"], "the far side hung up");
    bob.order("hang up");
    bob.ends("hung up");
    carol.ends("the far side hung up");
}

#[test]
fn who_asks_first_puts_the_other_two_together_or_comes_back() {
    let ((mut bob, to_bob), (carol, to_carol)) = (Phone::answering(), Phone::answering());
    let mut alice = Phone::start(&["call", &to_bob]);
    alice.says("answered");
    // To nobody.
    alice.order("consult sip:nobody@127.0.0.1:9");
    alice.says("consulting");
    bob.says("held");
    alice.says_of("consulted", "left");
    alice.order("resume");
    bob.says("resumed");
    alice.says("released");
    alice.order(&format!("consult {to_carol}"));
    alice.says("holding");
    alice.says_of("consulted", "answered");
    alice.order("hold");
    assert_eq!(alice.says("failed")["why"], "somebody is asked first: say connect or back");
    alice.order("connect");
    bob.says("referred");
    bob.order("follow");
    carol.says("replaced by");
    carol.says_of("replacing", "answered");
    bob.says_of("followed", "answered");
    alice.ends("hung up");
    bob.says("left");
    bob.order("hang up");
    bob.ends("hung up");
    carol.ends("the far side hung up");
}

#[test]
fn who_comes_back_talks_on() {
    let ((bob, to_bob), (carol, to_carol)) = (Phone::answering(), Phone::answering());
    let mut alice = Phone::start(&["call", &to_bob]);
    alice.says("answered");
    alice.order(&format!("consult {to_carol}"));
    alice.says_of("consulted", "answered");
    bob.says("held");
    alice.order("back");
    bob.says("resumed");
    carol.ends("the far side hung up");
    alice.order("hang up");
    bob.ends("the far side hung up");
    alice.ends("hung up");
}
