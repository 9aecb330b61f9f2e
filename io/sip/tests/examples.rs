//! Each example does what it says, as a program of its own.

#![allow(clippy::unwrap_used, clippy::panic)]

mod two;

use std::io::{BufRead, BufReader, Lines};
use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use ruf_message::{HeaderName, Message};
use ruf_sip::{CallEvent, Phone, Presence, Rate, Source, StatusCode, Tone, device::ToneGenerator};
use two::{phone, within};

/// A running example, ended with the test.
struct Example {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Example {
    fn start(name: &str, arguments: &[&str]) -> Example {
        // Beside this test: target/debug/deps/examples-... and target/debug/examples/NAME.
        let mut program: PathBuf = std::env::current_exe().unwrap();
        program.pop();
        program.pop();
        program.push("examples");
        program.push(name);
        let mut command = Command::new(&program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Example { child, lines }
    }

    /// One that listens: it and its address.
    fn listening(name: &str, arguments: &[&str]) -> (Example, String) {
        let mut example = Example::start(name, &[&["127.0.0.1:0"], arguments].concat());
        let line = example.line();
        let address = line.strip_prefix("listening at ").unwrap_or_else(|| panic!("{line}"));
        (example, address.to_owned())
    }

    fn line(&mut self) -> String {
        self.lines.next().expect("it goes on").unwrap()
    }

    /// What it says until it ends by itself.
    fn rest(mut self) -> Vec<String> {
        let lines = self.lines.by_ref().map(Result::unwrap).collect();
        assert!(self.child.wait().unwrap().success());
        lines
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn alice() -> Phone {
    phone("alice", |account| account).await
}

#[tokio::test]
async fn call_says_what_happens() {
    let mut bob = phone("bob", |account| account).await;
    let example = Example::start("call", &[&format!("sip:bob@{}", bob.address())]);
    let incoming = within(bob.incoming()).await.unwrap();
    incoming.ring();
    let mut call = incoming.answer();
    within(call.answered()).await.unwrap();
    call.hang_up();
    assert_eq!(example.rest(), ["ringing", "answered", "the far side hung up"]);
}

#[tokio::test]
async fn echo_answers_and_ends_with_the_caller() {
    let (mut example, at) = Example::listening("echo", &[]);
    let alice = alice().await;
    let mut call = alice.call(&at).await.unwrap();
    within(call.answered()).await.unwrap();
    call.hang_up();
    within(call.ended()).await;
    assert_eq!(example.line(), "the far side hung up");
}

#[tokio::test]
async fn what_play_plays_is_what_record_records() {
    let place = std::env::temp_dir().join(format!("ruf-sip-examples-{}", std::process::id()));
    std::fs::create_dir_all(&place).unwrap();
    let (played, recorded) = (place.join("played.wav"), place.join("recorded.wav"));
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&played, spec).unwrap();
    let mut tone = ToneGenerator::new(Tone::sine(600.0, -12.0), Rate::Hz8000);
    for _ in 0..75 {
        let frame = tone.frame().unwrap();
        frame.iter().for_each(|sample| writer.write_sample(*sample).unwrap());
    }
    writer.finalize().unwrap();
    let (recorder, at) = Example::listening("record", &[recorded.to_str().unwrap()]);
    let player = Example::start("play", &[&at, played.to_str().unwrap()]);
    assert_eq!(player.rest(), ["hung up"]);
    assert_eq!(recorder.rest(), ["the far side hung up"]);
    let mut reader = hound::WavReader::open(&recorded).unwrap();
    let heard = reader.samples().map(Result::unwrap).step_by(2).skip(8_000).take(8_000);
    let heard: Vec<i16> = heard.collect();
    let (hz, _) = ruf_audio::tone_hz(&heard, 16_000).unwrap();
    std::fs::remove_dir_all(&place).unwrap();
    assert!((hz - 600.0).abs() < 3.0, "{hz}");
}

#[tokio::test]
async fn menu_does_what_its_keys_say() {
    let (mut example, at) = Example::listening("menu", &[]);
    let alice = alice().await;
    let mut call = alice.call(&at).await.unwrap();
    within(call.answered()).await.unwrap();
    assert!(call.press("12#").await);
    assert_eq!(within(call.ended()).await.to_string(), "the far side hung up");
    let said: Vec<String> = (0..5).map(|_| example.line()).collect();
    assert_eq!(said, ["answered", "key 1", "key 2", "key #", "hung up"]);
}

#[tokio::test]
async fn transfer_sends_the_caller_on() {
    let (alice, mut carol) = (alice().await, phone("carol", |account| account).await);
    let (example, at) = Example::listening("transfer", &[&format!("sip:carol@{}", carol.address())]);
    let mut call = alice.call(&at).await.unwrap();
    while !matches!(within(call.next()).await.unwrap(), CallEvent::Referred { .. }) {}
    let mut new = call.follow().await.unwrap();
    let _answered = within(carol.incoming()).await.unwrap().answer();
    within(new.answered()).await.unwrap();
    within(call.ended()).await;
    let said = example.rest();
    let of = |word: &str| said.iter().any(|line| line == word);
    assert!(of("answered") && of("transferred") && of("hung up"), "{said:?}");
}

#[tokio::test]
async fn attended_transfer_puts_two_together() {
    let (alice, mut carol) = (alice().await, phone("carol", |account| account).await);
    let (example, at) = Example::listening("attended_transfer", &[&format!("sip:carol@{}", carol.address())]);
    let mut call = alice.call(&at).await.unwrap();
    let _first = within(carol.incoming()).await.unwrap().answer();
    while !matches!(within(call.next()).await.unwrap(), CallEvent::Referred { .. }) {}
    let mut new = call.follow().await.unwrap();
    let incoming = within(carol.incoming()).await.unwrap();
    assert!(incoming.replaces_a_call());
    let _second = incoming.answer();
    within(new.answered()).await.unwrap();
    within(call.ended()).await;
    let said = example.rest();
    assert!(said.iter().any(|line| line == "transferred") && said.last().unwrap() == "hung up", "{said:?}");
}

#[tokio::test]
async fn message_bot_turns_texts_round() {
    let (mut example, at) = Example::listening("message_bot", &[]);
    let mut alice = alice().await;
    assert_eq!(within(alice.message(&at, "drow")).await, Ok(()));
    assert_eq!(within(alice.text()).await.unwrap().text, "word");
    assert_eq!(example.line(), format!("{}: drow", alice.aor()));
}

#[tokio::test]
async fn presence_watcher_says_how_somebody_is() {
    let bob = phone("bob", |account| account).await;
    within(bob.publish(&Presence::available().saying("at my desk"))).await.unwrap();
    let mut example = Example::start("presence_watcher", &[&format!("sip:bob@{}", bob.address())]);
    assert_eq!(example.line(), "there: at my desk");
    within(bob.publish(&Presence::busy())).await.unwrap();
    assert_eq!(example.line(), "there, busy");
    bob.unpublish();
    assert_eq!(example.rest(), ["they do not want to be watched"]);
}

#[tokio::test]
async fn register_says_that_it_is_registered() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = socket.local_addr().unwrap().to_string();
    let answering = std::thread::spawn(move || {
        let mut octets = vec![0; 2_000];
        let (len, from) = socket.recv_from(&mut octets).unwrap();
        let octets = octets.get(..len).unwrap().to_vec();
        let Ok(Message::Request(register)) = Message::parse(octets.into()) else { panic!("no request") };
        let mut ok = register.reply(StatusCode::OK);
        ok.set_to_tag("x");
        let contact = register.raw(HeaderName::Contact).next().unwrap();
        ok.add(HeaderName::Contact, std::str::from_utf8(contact).unwrap());
        socket.send_to(&ok.to_bytes(), from).unwrap();
    });
    let mut example = Example::start("register", &["alice@example.org", "secret", &server]);
    assert_eq!(example.line(), "registered as sip:alice@example.org");
    assert_eq!(example.line(), "registered for 600 s");
    answering.join().unwrap();
}
