//! The self-test: before the server says `ready`, two phones register through its own sockets, one calls the other,
//! each says a tone that the other must hear, and they hang up. What fails is one sentence of cause and cure.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ruf_message::Transport;
use ruf_sip::device::ToneGenerator;
use ruf_sip::{Account, Call, Codec, Ended, Error, Frame, Phone, Rate, Sink, StatusCode, Tone, tone_hz};
use tokio::sync::Notify;

/// How long all of it may take.
const DEADLINE: Duration = Duration::from_secs(8);
/// How long the bindings would live if nobody removed them.
const EXPIRES_SECS: u32 = 60;
/// What each of them says, in Hz.
const TONES_HZ: [f32; 2] = [440.0, 700.0];
/// How far off what is heard may be.
const TONE_OFF_HZ: f32 = 5.0;
/// How loud, in dBFS.
const TONE_DBFS: f32 = -15.0;
/// What is listened to at a time: 200 ms.
const LISTENS_FRAMES: usize = 10;

/// How long each part took, from the start.
#[derive(Debug)]
pub(crate) struct SelfTestReport {
    registered: Duration,
    answered: Duration,
    heard: Duration,
    ended: Duration,
}

impl fmt::Display for SelfTestReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = |duration: Duration| duration.as_secs_f64() * 1_000.0;
        write!(
            f,
            "two phones registered after {:.1} ms, their call was answered after {:.1} ms, both heard each other after \
             {:.1} ms, and it ended after {:.1} ms",
            millis(self.registered),
            millis(self.answered),
            millis(self.heard),
            millis(self.ended)
        )
    }
}

/// Calls the second of two people as the first through `server`; each is a name in `domain` and a password.
///
/// # Errors
/// One sentence: what failed, and what to do about it.
pub(crate) async fn self_test(
    server: (Transport, SocketAddr),
    domain: &str,
    people: [(String, String); 2],
) -> Result<SelfTestReport, String> {
    within(DEADLINE, server, domain, people).await
}

async fn within(
    deadline: Duration,
    server: (Transport, SocketAddr),
    domain: &str,
    people: [(String, String); 2],
) -> Result<SelfTestReport, String> {
    let mut stage = Stage::Registering;
    let play = play(&mut stage, server, domain, people);
    match tokio::time::timeout(deadline, play).await {
        Ok(Ok(report)) => Ok(report),
        Ok(Err(failure)) => Err(failure.sentence(server.1)),
        Err(_) => Err(Failed::Silence(stage, deadline).sentence(server.1)),
    }
}

async fn play(
    stage: &mut Stage,
    server: (Transport, SocketAddr),
    domain: &str,
    [alice, bob]: [(String, String); 2],
) -> Result<SelfTestReport, Failed> {
    let start = Instant::now();
    let to = format!("sip:{}@{domain}", bob.0);
    let accounts = (account(server, domain, &alice)?, account(server, domain, &bob)?);
    let registering = async { tokio::try_join!(Phone::register(accounts.0), Phone::register(accounts.1)) };
    let (alice, mut bob) = registering.await.map_err(Failed::Registration)?;
    let registered = start.elapsed();

    *stage = Stage::Calling;
    let mut call = alice.call(&to).await.map_err(|error| Failed::Call(Ended::Failed(error)))?;
    let incoming = tokio::select! {
        incoming = bob.incoming() => incoming.ok_or(Failed::Ourselves)?,
        ended = call.answered() => return Err(Failed::Call(ended.err().unwrap_or(Ended::HungUp))),
    };
    incoming.ring();

    *stage = Stage::Answering;
    let mut answered = incoming.answer();
    call.answered().await.map_err(Failed::Call)?;
    answered.answered().await.map_err(Failed::Call)?;
    let at = start.elapsed();

    *stage = Stage::Hearing;
    tokio::join!(hears(&call, &answered, TONES_HZ[0]), hears(&answered, &call, TONES_HZ[1]));
    let heard = start.elapsed();

    *stage = Stage::HangingUp;
    call.hang_up();
    tokio::join!(call.ended(), answered.ended());
    let ended = start.elapsed();

    *stage = Stage::Unregistering;
    tokio::join!(alice.close(), bob.close());
    Ok(SelfTestReport { registered, answered: at, heard, ended })
}

fn account(
    (transport, server): (Transport, SocketAddr),
    domain: &str,
    (user, secret): &(String, String),
) -> Result<Account, Failed> {
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let account = Account::new(&format!("sip:{user}@{domain}"));
    let account = account.map_err(|_| Failed::Domain(domain.to_owned()))?;
    let account = account.server(&format!("sip:{server};transport={}", transport.as_param()));
    let account = account.map_err(|_| Failed::Ourselves)?;
    Ok(account.password(secret).expires_secs(EXPIRES_SECS).listen(any).codecs(&[Codec::Pcma]))
}

/// Has one say a tone, and waits until the other hears it.
async fn hears(listener: &Call, speaker: &Call, hz: f32) {
    let ear = Ear(Arc::new(Heard { hz, frames: Mutex::default(), is_heard: Notify::new() }));
    listener.hear_with(ear.clone());
    speaker.say(ToneGenerator::new(Tone::sine(hz, TONE_DBFS), Rate::Hz8000));
    ear.0.is_heard.notified().await;
}

/// Listens for a tone.
#[derive(Clone)]
struct Ear(Arc<Heard>);

struct Heard {
    hz: f32,
    frames: Mutex<Vec<Frame>>,
    is_heard: Notify,
}

impl Sink for Ear {
    fn hear(&mut self, frame: &Frame) {
        let mut frames = self.0.frames.lock().unwrap_or_else(PoisonError::into_inner);
        frames.push(frame.clone());
        if frames.len() < LISTENS_FRAMES {
            return;
        }
        let samples: Vec<i16> = frames.drain(..).flat_map(|frame| frame.to_vec()).collect();
        if tone_hz(&samples, frame.rate().hz()).is_some_and(|(hz, _)| (hz - self.0.hz).abs() < TONE_OFF_HZ) {
            self.0.is_heard.notify_one();
        }
    }
}

/// How far it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Registering,
    Calling,
    Answering,
    Hearing,
    HangingUp,
    Unregistering,
}

impl Stage {
    fn waiting_for(self) -> &'static str {
        match self {
            Stage::Registering => "the answer to its REGISTER",
            Stage::Calling => "its INVITE to reach the other phone",
            Stage::Answering => "the other phone's answer",
            Stage::Hearing => "the tone that the other one says",
            Stage::HangingUp => "its BYE to be answered",
            Stage::Unregistering => "its binding to be removed",
        }
    }
}

#[derive(Debug)]
enum Failed {
    Domain(String),
    Registration(Error),
    Call(Ended),
    Silence(Stage, Duration),
    Ourselves,
}

impl Failed {
    /// Cause and cure.
    fn sentence(&self, server: SocketAddr) -> String {
        match self {
            Failed::Domain(domain) => {
                format!("`{domain}` cannot stand in a SIP address; choose a host name with --domain")
            }
            Failed::Registration(Error::Unreachable | Error::NoWay(_)) => format!(
                "nothing listens at {server}; let the first --listen be an address by which this machine reaches itself"
            ),
            Failed::Registration(Error::Refused(status)) => refused("REGISTER of an account", *status),
            Failed::Call(Ended::Failed(Error::Refused(status))) => {
                refused("INVITE between two accounts", *status)
            }
            Failed::Registration(Error::Silence) => {
                Failed::Silence(Stage::Registering, DEADLINE).sentence(server)
            }
            Failed::Registration(error) | Failed::Call(Ended::Failed(error)) => {
                format!(
                    "a phone towards {server} could not do its part: {error}; allow this program a few more ports and threads"
                )
            }
            Failed::Call(ended) => format!(
                "the call ended early ({ended}); report this with --log debug, or start with --no-self-test"
            ),
            Failed::Silence(stage, deadline) => format!(
                "a phone at {server} waited {} s in vain for {}; let no firewall drop UDP between this machine and itself",
                deadline.as_secs_f32(),
                stage.waiting_for()
            ),
            Failed::Ourselves => "a phone lost its call; report this with --log debug".to_owned(),
        }
    }
}

fn refused(what: &str, status: StatusCode) -> String {
    let reason = status.reason();
    format!(
        "the server answered the {what} it had just made with {status} {reason}; \
         raise its limits if they are low, else report this with --log debug"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::UdpSocket;

    async fn fails(deadline: Duration, server: SocketAddr, domain: &str) -> String {
        let people = ["alice", "bob"].map(|name| (name.to_owned(), "secret".to_owned()));
        within(deadline, (Transport::Udp, server), domain, people).await.unwrap_err()
    }

    #[tokio::test]
    async fn a_server_that_says_nothing_is_one_sentence() {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let sentence = fails(Duration::from_millis(100), server.local_addr().unwrap(), "example.org").await;
        assert!(
            sentence.contains("0.1 s in vain for the answer to its REGISTER; let no firewall"),
            "{sentence}"
        );
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_one_sentence() {
        let nobody = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let sentence = fails(DEADLINE, nobody, "example.org").await;
        assert!(sentence.starts_with(&format!("nothing listens at {nobody}; ")), "{sentence}");
    }

    #[tokio::test]
    async fn a_domain_that_is_none_is_one_sentence() {
        let sentence = fails(DEADLINE, "127.0.0.1:9".parse().unwrap(), "ex ample").await;
        assert!(sentence.starts_with("`ex ample` cannot stand in a SIP address; "), "{sentence}");
    }

    #[tokio::test]
    async fn a_tone_is_heard_and_another_is_not() {
        for (said, is_heard) in [(440.0, true), (700.0, false)] {
            let heard = Heard { hz: 440.0, frames: Mutex::default(), is_heard: Notify::new() };
            let mut ear = Ear(Arc::new(heard));
            let mut tone = ToneGenerator::new(Tone::sine(said, TONE_DBFS), Rate::Hz8000);
            for _ in 0..LISTENS_FRAMES {
                ear.hear(&ruf_sip::Source::frame(&mut tone).unwrap());
            }
            let waited = tokio::time::timeout(Duration::ZERO, ear.0.is_heard.notified()).await;
            assert_eq!(waited.is_ok(), is_heard, "{said}");
        }
    }
}
