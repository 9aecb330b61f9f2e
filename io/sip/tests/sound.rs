//! What two phones say is what the other hears.

#![allow(clippy::unwrap_used, clippy::panic)]

mod two;

use std::sync::{Arc, Mutex};

use ruf_sip::{Call, CallEvent, Codec, Encryption, Ended, Frame, Rate, Sink, Suite, device::ToneGenerator};
use two::{Phones, within};

/// The last second of what it heard.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Frame>>>);

impl Sink for Heard {
    fn hear(&mut self, frame: &Frame) {
        let mut frames = self.0.lock().unwrap();
        frames.push(frame.clone());
        if frames.len() > 20 {
            frames.remove(0);
        }
    }
}

impl Heard {
    /// The tone of the last 400 ms, if all of it is one.
    fn tone(&self) -> Option<f32> {
        let frames = self.0.lock().unwrap();
        let samples: Vec<i16> = frames.iter().flat_map(|frame| frame.iter().copied()).collect();
        let rate = frames.first()?.rate().hz();
        (frames.len() >= 20).then(|| ruf_audio::tone_hz(&samples, rate)).flatten().map(|(hz, _)| hz)
    }

    /// Waits until this tone is heard, or none.
    async fn until(&self, wanted: Option<f32>) {
        let is = |heard: Option<f32>| match (heard, wanted) {
            (Some(heard), Some(wanted)) => (heard - wanted).abs() < 4.0,
            (heard, wanted) => heard == wanted,
        };
        let wait = async {
            while !is(self.tone()) {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        within(wait).await;
    }
}

fn tone(hz: f32) -> ToneGenerator {
    ToneGenerator::new(ruf_audio::Tone::sine(hz, -10.0), Rate::Hz16000)
}

async fn until(call: &mut Call, wanted: &CallEvent) {
    while within(call.next()).await.expect("it goes on") != *wanted {}
}

#[tokio::test]
async fn both_hear_each_other_by_every_codec_over_every_transport() {
    let codecs = [(Codec::Pcmu, "udp"), (Codec::Pcma, "tcp"), (Codec::G722, "udp"), (Codec::Opus, "tcp")];
    for (codec, transport) in codecs {
        let mut phones = Phones::with(|account| account.codecs(&[codec])).await;
        let (alice, bob) = phones.call(transport).await;
        let (by_alice, by_bob) = (Heard::default(), Heard::default());
        alice.say(tone(440.0));
        alice.hear_with(by_alice.clone());
        bob.say(tone(700.0));
        bob.hear_with(by_bob.clone());
        by_alice.until(Some(700.0)).await;
        by_bob.until(Some(440.0)).await;
        assert_eq!(alice.codec().await, Some(codec));
    }
}

#[tokio::test]
async fn who_is_held_hears_nothing_and_is_heard_again_afterwards() {
    // tests rfc3264 §8.4
    let mut phones = Phones::new().await;
    let (alice, mut bob) = phones.call("udp").await;
    let heard = Heard::default();
    alice.hear_with(heard.clone());
    bob.say(tone(700.0));
    heard.until(Some(700.0)).await;
    alice.hold();
    until(&mut bob, &CallEvent::Held).await;
    heard.0.lock().unwrap().clear();
    alice.resume();
    until(&mut bob, &CallEvent::Resumed).await;
    heard.until(Some(700.0)).await;
    alice.mute(true);
    bob.mute(true);
    heard.until(None).await;
}

#[tokio::test]
async fn what_is_said_is_encrypted_as_both_want_it() {
    // tests rfc4568 §5.1.2, rfc4568 §7.1.2
    use Encryption::{Off, Offered, Required, WhereItHelps};
    for (ours, theirs, outcome) in [
        (Off, Off, Some(None)),
        (WhereItHelps, WhereItHelps, Some(None)),
        (Offered, WhereItHelps, Some(Some(Suite::AeadAes256Gcm))),
        (Required, WhereItHelps, Some(Some(Suite::AeadAes256Gcm))),
        (Required, Offered, Some(Some(Suite::AeadAes256Gcm))),
        (Offered, Off, Some(None)),
        (Off, Offered, Some(None)),
        (Required, Off, None),
        (Off, Required, None),
    ] {
        let alice = two::phone("alice", |account| account.encryption(ours)).await;
        let mut bob = two::phone("bob", |account| account.encryption(theirs)).await;
        let mut call = alice.call(&format!("sip:bob@{}", bob.address())).await.unwrap();
        let Some(suite) = outcome else {
            assert_eq!(within(call.ended()).await, Ended::NothingInCommon, "{ours:?} {theirs:?}");
            continue;
        };
        let answered = within(bob.incoming()).await.unwrap().answer();
        within(call.answered()).await.unwrap();
        assert_eq!((call.suite().await, answered.suite().await), (suite, suite), "{ours:?} {theirs:?}");
        answered.say(tone(700.0));
        let heard = Heard::default();
        call.hear_with(heard.clone());
        heard.until(Some(700.0)).await;
        assert_eq!(call.figures().await.counts.refused, 0);
        call.hang_up();
        within(call.ended()).await;
    }
}

#[tokio::test]
async fn keys_arrive_in_order() {
    // tests rfc4733 §2.5
    let mut phones = Phones::new().await;
    let (alice, mut bob) = phones.call("udp").await;
    assert!(alice.press("0123456789*#AD").await);
    assert!(!alice.press("x").await);
    let mut keys = String::new();
    while keys.len() < 14 {
        if let CallEvent::Digit(digit) = within(bob.next()).await.unwrap() {
            keys.push(digit);
        }
    }
    assert_eq!(keys, "0123456789*#AD");
    assert!(alice.is_done_pressing().await || bob.is_done_pressing().await);
}

#[tokio::test]
async fn an_echo_says_what_it_hears() {
    let mut phones = Phones::new().await;
    let (alice, bob) = phones.call("udp").await;
    bob.echo();
    let heard = Heard::default();
    alice.say(tone(523.0));
    alice.hear_with(heard.clone());
    heard.until(Some(523.0)).await;
}

#[tokio::test]
async fn without_a_codec_in_common_there_is_no_call() {
    // tests rfc3261 §21.4.26
    let alice = two::phone("alice", |account| account.codecs(&[Codec::Pcmu])).await;
    let bob = two::phone("bob", |account| account.codecs(&[Codec::G722])).await;
    let mut call = alice.call(&format!("sip:bob@{}", bob.address())).await.unwrap();
    let ended = within(call.ended()).await;
    assert_eq!(ended.to_string(), "the two sides have no codec or encryption in common");
}
