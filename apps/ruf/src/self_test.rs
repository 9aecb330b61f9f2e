//! The self-test: before the server says `ready`, two agents register through its own sockets, one
//! calls the other, and they hang up. What fails is one sentence of cause and cure.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ruf_agent::{AgentEvent, Body, CallKey, EndReason, Failure, Settings};
use ruf_message::{Entropy, StatusCode, Uri};

use crate::endpoint::Endpoint;

/// How long all of it may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// How long the bindings would live if nobody removed them.
const EXPIRES_SECS: u32 = 60;
/// What the agents offer and answer: audio that nobody sends.
const DESCRIPTION: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=self-test\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\na=inactive\r\n";

/// How long each part took, from the start.
#[derive(Debug)]
pub(crate) struct SelfTestReport {
    registered: Duration,
    answered: Duration,
    ended: Duration,
}

impl fmt::Display for SelfTestReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = |duration: Duration| duration.as_secs_f64() * 1_000.0;
        write!(
            f,
            "two agents registered after {:.1} ms, their call was answered after {:.1} ms and ended after {:.1} ms",
            millis(self.registered),
            millis(self.answered),
            millis(self.ended)
        )
    }
}

/// Calls `bob` as `alice` through `server`; each is a name in `domain` and a password.
///
/// # Errors
/// One sentence: what failed, and what to do about it.
pub(crate) async fn self_test(
    server: SocketAddr,
    domain: &str,
    alice: (String, String),
    bob: (String, String),
    entropy: &mut Entropy,
) -> Result<SelfTestReport, String> {
    within(DEADLINE, server, domain, [alice, bob], entropy).await
}

async fn within(
    deadline: Duration,
    server: SocketAddr,
    domain: &str,
    people: [(String, String); 2],
    entropy: &mut Entropy,
) -> Result<SelfTestReport, String> {
    let mut stage = Stage::Registering;
    let play = play(&mut stage, server, domain, people, entropy);
    match tokio::time::timeout(deadline, play).await {
        Ok(Ok(report)) => Ok(report),
        Ok(Err(failure)) => Err(failure.sentence(server)),
        Err(_) => Err(Failed::Silence(stage, deadline).sentence(server)),
    }
}

async fn play(
    stage: &mut Stage,
    server: SocketAddr,
    domain: &str,
    [alice, bob]: [(String, String); 2],
    entropy: &mut Entropy,
) -> Result<SelfTestReport, Failed> {
    let start = Instant::now();
    let to = address(&bob.0, domain)?;
    let mut cast = Cast {
        alice: open(server, domain, &alice, entropy.fork()).await?,
        bob: open(server, domain, &bob, entropy.fork()).await?,
        heard: Vec::new(),
    };

    for endpoint in [&mut cast.alice, &mut cast.bob] {
        endpoint.with(|agent, now| agent.register(now, EXPIRES_SECS));
    }
    cast.hear_both(|event| matches!(event, AgentEvent::Registered { .. })).await?;
    let registered = start.elapsed();

    *stage = Stage::Calling;
    let offer = Some(Body::sdp(DESCRIPTION));
    let call = cast.alice.with(|agent, now| agent.call(now, &to, offer)).map_err(|_| Failed::Ourselves)?;
    let incoming = cast.hear_the_call().await?;
    cast.bob.with(|agent, now| agent.ring(now, incoming));
    cast.hear(Who::Alice, |event| matches!(event, AgentEvent::Ringing { status: StatusCode::RINGING, .. }))
        .await?;

    *stage = Stage::Answering;
    cast.bob.with(|agent, now| agent.answer(now, incoming, Some(Body::sdp(DESCRIPTION))));
    cast.hear(Who::Alice, |event| matches!(event, AgentEvent::Answered { .. })).await?;
    cast.hear(Who::Bob, |event| matches!(event, AgentEvent::Acknowledged { .. })).await?;
    let answered = start.elapsed();

    *stage = Stage::HangingUp;
    cast.alice.with(|agent, now| agent.hang_up(now, call));
    cast.hear(Who::Bob, |event| matches!(event, AgentEvent::Ended { reason: EndReason::RemoteHungUp, .. }))
        .await?;
    cast.hear(Who::Alice, |event| matches!(event, AgentEvent::Ended { reason: EndReason::HungUp, .. }))
        .await?;
    let ended = start.elapsed();

    *stage = Stage::Unregistering;
    for endpoint in [&mut cast.alice, &mut cast.bob] {
        endpoint.with(|agent, now| agent.unregister(now));
    }
    cast.hear_both(|event| matches!(event, AgentEvent::Unregistered)).await?;
    Ok(SelfTestReport { registered, answered, ended })
}

fn address(user: &str, domain: &str) -> Result<Uri, Failed> {
    format!("sip:{user}@{domain}").parse().map_err(|_| Failed::Domain(domain.to_owned()))
}

async fn open(
    server: SocketAddr,
    domain: &str,
    (user, secret): &(String, String),
    entropy: Entropy,
) -> Result<Endpoint, Failed> {
    let aor = address(user, domain)?;
    let settings = |flow| Settings {
        user_agent: concat!("ruf/", env!("CARGO_PKG_VERSION")).to_owned(),
        ..Settings::new(aor, flow).with_password(user, secret)
    };
    Endpoint::open(server, settings, entropy).await.map_err(|error| Failed::Socket(error.to_string()))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Alice,
    Bob,
}

/// The two agents, and what they told that nobody asked for yet.
struct Cast {
    alice: Endpoint,
    bob: Endpoint,
    heard: Vec<(Who, AgentEvent)>,
}

impl Cast {
    /// Waits until this one tells what is wanted; both go on meanwhile.
    async fn hear(&mut self, who: Who, wanted: impl Fn(&AgentEvent) -> bool) -> Result<AgentEvent, Failed> {
        loop {
            if let Some(at) = self.heard.iter().position(|(of, event)| *of == who && wanted(event)) {
                return Ok(self.heard.swap_remove(at).1);
            }
            if let Some(failure) = self.heard.iter().find_map(|(_, event)| failure(event)) {
                return Err(failure);
            }
            let told = tokio::select! {
                event = self.alice.next() => (Who::Alice, event),
                event = self.bob.next() => (Who::Bob, event),
            };
            self.heard.push(told);
        }
    }

    async fn hear_both(&mut self, wanted: fn(&AgentEvent) -> bool) -> Result<(), Failed> {
        self.hear(Who::Alice, wanted).await?;
        self.hear(Who::Bob, wanted).await?;
        Ok(())
    }

    async fn hear_the_call(&mut self) -> Result<CallKey, Failed> {
        match self.hear(Who::Bob, |event| matches!(event, AgentEvent::Incoming { .. })).await? {
            AgentEvent::Incoming { call, .. } => Ok(call),
            _ => Err(Failed::Ourselves),
        }
    }
}

/// What an event says of a self-test that cannot go on.
fn failure(event: &AgentEvent) -> Option<Failed> {
    match event {
        AgentEvent::RegistrationFailed { failure, .. } => Some(Failed::Registration(*failure)),
        AgentEvent::Ended { reason: EndReason::HungUp | EndReason::RemoteHungUp, .. } => None,
        AgentEvent::Ended { reason, .. } => Some(Failed::Call(*reason)),
        _ => None,
    }
}

/// How far it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Registering,
    Calling,
    Answering,
    HangingUp,
    Unregistering,
}

impl Stage {
    fn waiting_for(self) -> &'static str {
        match self {
            Stage::Registering => "the answer to its REGISTER",
            Stage::Calling => "its INVITE to reach the other agent",
            Stage::Answering => "the other agent's answer",
            Stage::HangingUp => "its BYE to be answered",
            Stage::Unregistering => "its binding to be removed",
        }
    }
}

#[derive(Debug)]
enum Failed {
    Domain(String),
    Socket(String),
    Registration(Failure),
    Call(EndReason),
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
            Failed::Socket(error) => {
                format!(
                    "no UDP socket towards {server}: {error}; allow this program one more port on this machine"
                )
            }
            Failed::Registration(Failure::Unreachable) => format!(
                "nothing listens at {server}; let the first --listen be an address by which this machine reaches itself"
            ),
            Failed::Registration(Failure::Refused(status)) => refused("REGISTER of an account", *status),
            Failed::Call(EndReason::Failed(Failure::Refused(status))) => {
                refused("INVITE between two accounts", *status)
            }
            Failed::Registration(Failure::Silence) => {
                Failed::Silence(Stage::Registering, DEADLINE).sentence(server)
            }
            Failed::Call(reason) => format!(
                "the call ended early ({reason:?}); report this with --log debug, or start with --no-self-test"
            ),
            Failed::Silence(stage, deadline) => format!(
                "an agent at {server} waited {} s in vain for {}; let no firewall drop UDP between this machine and itself",
                deadline.as_secs_f32(),
                stage.waiting_for()
            ),
            Failed::Ourselves => "an agent lost its call; report this with --log debug".to_owned(),
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

    async fn fails(server: SocketAddr, domain: &str) -> String {
        let person = |name: &str| (name.to_owned(), "secret".to_owned());
        let people = [person("alice"), person("bob")];
        let mut entropy = Entropy::from_seed([1; 32]);
        within(Duration::from_millis(100), server, domain, people, &mut entropy).await.unwrap_err()
    }

    #[tokio::test]
    async fn a_server_that_says_nothing_is_one_sentence() {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let sentence = fails(server.local_addr().unwrap(), "example.org").await;
        assert!(
            sentence.contains("0.1 s in vain for the answer to its REGISTER; let no firewall"),
            "{sentence}"
        );
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_one_sentence() {
        let nobody = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let sentence = fails(nobody, "example.org").await;
        assert!(sentence.starts_with(&format!("nothing listens at {nobody}; ")), "{sentence}");
    }

    #[tokio::test]
    async fn a_domain_that_is_none_is_one_sentence() {
        let sentence = fails("127.0.0.1:9".parse().unwrap(), "ex ample").await;
        assert!(sentence.starts_with("`ex ample` cannot stand in a SIP address; "), "{sentence}");
    }
}
