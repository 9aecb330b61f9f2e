//! Two sides that seek the best way for sound between them, and phones that do not.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod by_hand;
mod two;

use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use by_hand::Foreign;
use ruf_agent::{AgentEvent, Body, CallKey};
use ruf_media::ice::{Agent, Both, Candidate, Component, Credentials, Event, Kind, Received, Remote};
use ruf_sdp::Description;
use ruf_sip::device::ToneGenerator;
use ruf_sip::{Account, Call, CallEvent, Encryption, Ice, Phone, Rate, Tone};
use two::{Phones, phone, within};

const FOUND: CallEvent = CallEvent::WayFound { is_relayed: false };

async fn until(call: &mut Call, wanted: &CallEvent) {
    while within(call.next()).await.expect("it goes on") != *wanted {}
}

async fn both_hear(alice: &Call, bob: &Call) {
    for call in [alice, bob] {
        call.say(ToneGenerator::new(Tone::sine(440.0, -10.0), Rate::Hz16000));
    }
    let before = (alice.figures().await.counts.received, bob.figures().await.counts.received);
    within(async {
        loop {
            let now = (alice.figures().await.counts.received, bob.figures().await.counts.received);
            if now.0 > before.0 + 25 && now.1 > before.1 + 25 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let refused = (alice.figures().await.counts.refused, bob.figures().await.counts.refused);
    assert_eq!(refused, (0, 0));
}

#[tokio::test]
async fn both_find_a_way_and_hold_and_resume_keep_it() {
    // tests rfc8839 §4.3.2, §4.4.2
    for encryption in [Encryption::Off, Encryption::Required] {
        let mut phones = Phones::with(|account| account.ice(Ice::Offered).encryption(encryption)).await;
        let (mut alice, mut bob) = phones.call("udp").await;
        until(&mut alice, &FOUND).await;
        until(&mut bob, &FOUND).await;
        both_hear(&alice, &bob).await;
        bob.hold();
        until(&mut alice, &CallEvent::Held).await;
        bob.resume();
        // A way that was found again would be told before.
        assert_eq!(within(alice.next()).await, Some(CallEvent::Resumed));
        both_hear(&alice, &bob).await;
    }
}

#[tokio::test]
async fn who_offers_it_is_answered_by_a_phone_as_it_comes() {
    let alice = phone("alice", |account| account.ice(Ice::Offered)).await;
    let mut phones = Phones { alice, bob: phone("bob", |account| account).await };
    let (mut alice, mut bob) = phones.call("udp").await;
    until(&mut alice, &FOUND).await;
    until(&mut bob, &FOUND).await;
}

#[tokio::test]
async fn a_far_side_without_it_is_called_as_ever() {
    // tests rfc8839 §4.3.2, §4.3.3
    for [of_alice, of_bob] in [[Ice::Offered, Ice::Off], [Ice::Off, Ice::Offered]] {
        let alice = phone("alice", |account| account.ice(of_alice)).await;
        let mut phones = Phones { alice, bob: phone("bob", |account| account.ice(of_bob)).await };
        let (alice, bob) = phones.call("udp").await;
        both_hear(&alice, &bob).await;
    }
}

#[tokio::test]
async fn servers_that_do_not_answer_hold_up_no_call() {
    // Nobody answers there, and nobody is told so.
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = silent.local_addr().unwrap().to_string();
    let with_servers = |account: Account| {
        let account = account.stun(&at).unwrap().stun("stun.invalid").unwrap();
        account.turn(&at, "alice", "secret").unwrap()
    };
    let mut phones = Phones::with(with_servers).await;
    let (mut alice, mut bob) = phones.call("udp").await;
    until(&mut alice, &FOUND).await;
    until(&mut bob, &FOUND).await;
    both_hear(&alice, &bob).await;
    // They were asked before the call was made.
    let (mut asked, mut octets) = (0, [0; 200]);
    silent.set_nonblocking(true).unwrap();
    while silent.recv_from(&mut octets).is_ok() {
        asked += 1;
    }
    assert!(asked >= 8, "two phones, two ports, two servers: {asked}");
}

#[test]
fn what_names_no_server_is_refused_in_words() {
    let refused = Account::direct("").stun("no server").unwrap_err().to_string();
    assert!(refused.contains("is no STUN or TURN server"), "{refused}");
    assert!(Account::direct("").turn("turns:h", "u", "p").is_err());
}

/// A phone that is not ours, driven by hand: its signalling, and its port for sound on a thread.
struct Far {
    sip: Foreign,
    sound: Sound,
}

impl Far {
    fn towards(phone: &Phone) -> Far {
        Far { sip: Foreign::towards(phone), sound: Sound::open() }
    }

    /// Calls with this offer; the answer.
    fn call(&mut self, to: &str, offer: String) -> (CallKey, Description) {
        let call = self.sip.agent.call(self.sip.now(), &to.parse().unwrap(), Some(Body::sdp(offer))).unwrap();
        let answered = self.sip.until(|event| matches!(event, AgentEvent::Answered { .. }));
        let AgentEvent::Answered { body: Some(body), .. } = answered else { panic!("{answered:?}") };
        (call, Description::parse(&body.content).unwrap())
    }

    /// Offers again within the call; the answer.
    fn change(&mut self, call: CallKey, offer: String) -> Description {
        self.sip.agent.modify(self.sip.now(), call, Body::sdp(offer));
        let changed = self.sip.until(|event| matches!(event, AgentEvent::Modified { .. }));
        let AgentEvent::Modified { body: Some(body), .. } = changed else { panic!("{changed:?}") };
        Description::parse(&body.content).unwrap()
    }
}

/// Hangs up once the other has heard all that it waits for, which tells it that it is over.
async fn hang_up(answered: Call, calling: tokio::task::JoinHandle<Far>) {
    let mut far = calling.await.unwrap();
    answered.hang_up();
    far.sip.until(|event| matches!(event, AgentEvent::Ended { .. }));
}

enum Do {
    Expect(Credentials),
    Start(Credentials, Remote, bool),
}

/// Its port for sound.
struct Sound {
    at: SocketAddr,
    tell: Sender<Do>,
    /// What became of the checks; `None`: a packet of sound.
    heard: Receiver<Option<Event>>,
}

impl Sound {
    fn open() -> Sound {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let at = socket.local_addr().unwrap();
        let ((tell, told), (hear, heard)) = (channel(), channel());
        let mut agent = Agent::new([9; 32], Both { rtp: at, rtcp: at });
        let start = Instant::now();
        std::thread::spawn(move || {
            let mut octets = [0; 2_000];
            loop {
                match told.try_recv() {
                    Ok(Do::Expect(local)) => agent.expect(local),
                    Ok(Do::Start(local, remote, offered)) => {
                        agent.start(start.elapsed(), local, &remote, offered);
                    }
                    Err(std::sync::mpsc::TryRecvError::Empty) => {}
                    Err(std::sync::mpsc::TryRecvError::Disconnected) => return,
                }
                agent.tick(start.elapsed());
                if let Ok((len, from)) = socket.recv_from(&mut octets)
                    && let Received::Packet(..) =
                        agent.receive(start.elapsed(), Component::Rtp, from, &octets[..len])
                {
                    let _ = hear.send(None);
                }
                while let Some(transmit) = agent.poll_transmit() {
                    let _ = socket.send_to(&transmit.datagram, transmit.to);
                }
                while let Some(event) = agent.poll_event() {
                    let _ = hear.send(Some(event));
                }
            }
        });
        Sound { at, tell, heard }
    }

    fn until(&self, wanted: Option<Event>) {
        while self.heard.recv_timeout(Duration::from_secs(20)).expect("in time") != wanted {}
    }
}

/// A description of audio at this port, with these lines.
fn audio(port: u16, session: &str, lines: &[String]) -> String {
    let head = format!("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n{session}");
    let lines: String = lines.iter().map(|line| format!("a={line}\r\n")).collect();
    format!("{head}m=audio {port} RTP/AVP 8\r\na=rtcp-mux\r\n{lines}")
}

fn says(credentials: &Credentials, port: u16) -> Vec<String> {
    let Credentials { ufrag, pwd } = credentials;
    vec![
        format!("ice-ufrag:{ufrag}"),
        format!("ice-pwd:{pwd}"),
        "ice-options:ice2".to_owned(),
        format!("candidate:1 1 UDP 2130706431 127.0.0.1 {port} typ host"),
    ]
}

/// What our answer says.
fn answered(answer: &Description) -> Remote {
    let media = answer.media().next().unwrap();
    let line = media.line().unwrap();
    let ice = ruf_sdp::Ice::of(&media).expect("it has ICE");
    assert_eq!(ice.options, ["ice2"]);
    let candidate = Candidate {
        foundation: "1".to_owned(),
        component: Component::Rtp,
        priority: 1,
        address: ([127, 0, 0, 1], line.port).into(),
        kind: Kind::Host,
        related: None,
    };
    Remote {
        credentials: Credentials { ufrag: ice.ufrag, pwd: ice.pwd },
        is_lite: false,
        has_rtcp: false,
        pace: None,
        candidates: vec![candidate],
    }
}

#[tokio::test]
async fn a_far_side_that_asks_for_another_way_gets_one() {
    // tests rfc8839 §4.4.2.1
    let mut bob = phone("bob", |account| account).await;
    let mut far = Far::towards(&bob);
    let to = format!("sip:bob@{}", bob.address());
    let calling = tokio::task::spawn_blocking(move || {
        let [first, second] = [1, 2].map(|seed| Credentials::new([seed; 32]));
        let port = far.sound.at.port();
        far.sound.tell.send(Do::Expect(first.clone())).unwrap();
        let (call, answer) = far.call(&to, audio(port, "", &says(&first, port)));
        let before = answered(&answer);
        far.sound.tell.send(Do::Start(first.clone(), before.clone(), true)).unwrap();
        far.sound.until(Some(Event::Connected));
        far.sound.until(None);
        // The same again changes nothing.
        let same = answered(&far.change(call, audio(port, "", &says(&first, port))));
        assert_eq!(same.credentials, before.credentials);
        let after = answered(&far.change(call, audio(port, "", &says(&second, port))));
        assert_ne!(after.credentials.ufrag, before.credentials.ufrag);
        assert_ne!(after.credentials.pwd, before.credentials.pwd);
        far.sound.tell.send(Do::Start(second, after, true)).unwrap();
        far.sound.until(Some(Event::Connected));
        far.sound.until(None);
        far
    });
    let mut answered = within(bob.incoming()).await.unwrap().answer();
    until(&mut answered, &FOUND).await;
    until(&mut answered, &FOUND).await;
    hang_up(answered, calling).await;
}

#[tokio::test]
async fn a_far_side_that_only_answers_is_checked_by_us() {
    // tests rfc8445 §2.5, §6.1.1
    let mut bob = phone("bob", |account| account).await;
    let mut far = Far::towards(&bob);
    let to = format!("sip:bob@{}", bob.address());
    let calling = tokio::task::spawn_blocking(move || {
        let (own, port) = (Credentials::new([1; 32]), far.sound.at.port());
        // It takes checks, and starts none.
        far.sound.tell.send(Do::Expect(own.clone())).unwrap();
        far.call(&to, audio(port, "a=ice-lite\r\n", &says(&own, port)));
        far.sound.until(None);
        far
    });
    let mut answered = within(bob.incoming()).await.unwrap().answer();
    until(&mut answered, &FOUND).await;
    hang_up(answered, calling).await;
}

#[tokio::test]
async fn sound_goes_where_the_far_side_really_is() {
    // tests rfc8445 §7.3.1.3
    let mut bob = phone("bob", |account| account).await;
    let mut far = Far::towards(&bob);
    let to = format!("sip:bob@{}", bob.address());
    // What its description names is nobody's.
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = nobody.local_addr().unwrap().port();
    let calling = tokio::task::spawn_blocking(move || {
        let own = Credentials::new([1; 32]);
        far.sound.tell.send(Do::Expect(own.clone())).unwrap();
        let (_, answer) = far.call(&to, audio(port, "", &says(&own, port)));
        // The first words go where the description says: nothing was checked yet.
        nobody.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut octets = [0; 2_000];
        let is_sound = |octets: &[u8]| octets[0] == 0x80;
        while nobody.recv_from(&mut octets).map(|_| !is_sound(&octets)).unwrap() {}
        far.sound.tell.send(Do::Start(own, answered(&answer), true)).unwrap();
        far.sound.until(Some(Event::Connected));
        far.sound.until(None);
        far
    });
    let mut answered = within(bob.incoming()).await.unwrap().answer();
    until(&mut answered, &FOUND).await;
    hang_up(answered, calling).await;
}

#[tokio::test]
async fn an_address_that_was_changed_on_the_way_makes_a_plain_call() {
    // tests rfc8839 §4.2.5
    let mut bob = phone("bob", |account| account).await;
    let mut far = Far::towards(&bob);
    let to = format!("sip:bob@{}", bob.address());
    let calling = tokio::task::spawn_blocking(move || {
        let (own, port) = (Credentials::new([1; 32]), far.sound.at.port());
        let (_, answer) = far.call(&to, audio(port, "", &says(&own, 9)));
        let media = answer.media().next().unwrap();
        let said = |name| media.section().has(name);
        let names = ["ice-mismatch", "ice-ufrag", "candidate", "rtcp-mux"];
        assert_eq!(names.map(said), [true, false, false, true]);
        far.sound.until(None);
        far
    });
    let answered = within(bob.incoming()).await.unwrap().answer();
    within(async {
        while answered.figures().await.counts.sent < 5 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    hang_up(answered, calling).await;
}
