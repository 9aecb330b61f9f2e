//! An agent on a UDP socket of its own, with the system's clock: what `ruf ping` and the self-test are
//! made of. The agent itself is core/agent; a server's sockets are io/net.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ruf_agent::{Agent, AgentEvent, Settings};
use ruf_message::{Entropy, Flow, Tick, Transmit, Transport, limits};
use tokio::net::UdpSocket;

/// One agent, one socket, one peer: the server. Nothing happens unless [`Endpoint::next`] is awaited.
pub(crate) struct Endpoint {
    socket: UdpSocket,
    flow: Flow,
    start: Instant,
    agent: Agent,
    /// Taken from the agent, not yet with the system.
    leaving: Option<Transmit>,
    received: Vec<u8>,
}

impl Endpoint {
    /// An endpoint on a port of the system's choice, towards `server` and nobody else. `settings` is
    /// told the flow, whose local address is the one that the system uses towards the server.
    pub(crate) async fn open(
        server: SocketAddr,
        settings: impl FnOnce(Flow) -> Settings,
        entropy: Entropy,
    ) -> io::Result<Endpoint> {
        let any: SocketAddr = match server {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any).await?;
        // Connected: the local address is known, strangers are not heard, and a port where nobody
        // listens is reported.
        socket.connect(server).await?;
        let local = socket.local_addr()?;
        let flow = Flow { transport: Transport::Udp, listener: 0, local, remote: server, connection: 0 };
        Ok(Endpoint {
            socket,
            flow,
            start: Instant::now(),
            agent: Agent::new(settings(flow), entropy),
            leaving: None,
            received: vec![0; limits::MESSAGE_BYTES_MAX],
        })
    }

    /// Has the agent do something, now.
    pub(crate) fn with<R>(&mut self, verb: impl FnOnce(&mut Agent, Tick) -> R) -> R {
        let now = self.now();
        verb(&mut self.agent, now)
    }

    /// What the agent tells next. Sends, receives and keeps time meanwhile. May be dropped and called
    /// again: nothing is lost.
    pub(crate) async fn next(&mut self) -> AgentEvent {
        loop {
            self.send().await;
            if let Some(event) = self.agent.poll_event() {
                return event;
            }
            let deadline = self.agent.poll_deadline().map(|tick| self.start + since_start(tick));
            let far = self.start + Duration::from_secs(86_400 * 365);
            tokio::select! {
                received = self.socket.recv(&mut self.received) => self.arrived(received),
                () = tokio::time::sleep_until(deadline.unwrap_or(far).into()) => {
                    self.agent.tick(since(self.start));
                }
            }
        }
    }

    /// Gives the system what the agent wants sent.
    pub(crate) async fn send(&mut self) {
        loop {
            if self.leaving.is_none() {
                self.leaving = self.agent.poll_transmit();
            }
            let Some(transmit) = &self.leaving else { return };
            let sent = self.socket.send(&transmit.bytes).await;
            self.leaving = None;
            if sent.is_err() {
                self.agent.unreachable(since(self.start), self.flow);
            }
        }
    }

    fn arrived(&mut self, received: io::Result<usize>) {
        let now = self.now();
        match received.map(|len| self.received.get(..len)) {
            Ok(Some(octets)) => self.agent.receive(now, self.flow, Bytes::copy_from_slice(octets)),
            Ok(None) => {}
            // The report of an earlier datagram: nobody listens there.
            Err(_) => self.agent.unreachable(now, self.flow),
        }
    }

    fn now(&self) -> Tick {
        since(self.start)
    }
}

fn since(start: Instant) -> Tick {
    Tick::ZERO + start.elapsed()
}

fn since_start(tick: Tick) -> Duration {
    tick.saturating_sub(Tick::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruf_agent::{Answer, Failure};
    use ruf_message::{Message, StatusCode};

    fn anybody(flow: Flow) -> Settings {
        Settings::new("sip:anybody@example.org".parse().unwrap(), flow)
    }

    async fn options(server: SocketAddr) -> Endpoint {
        let mut endpoint = Endpoint::open(server, anybody, Entropy::from_seed([1; 32])).await.unwrap();
        let to = format!("sip:{server}").parse().unwrap();
        endpoint.with(|agent, now| agent.options(now, &to)).unwrap();
        endpoint
    }

    #[tokio::test]
    async fn what_the_agent_asks_reaches_the_server_and_the_answer_the_agent() {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut endpoint = options(server.local_addr().unwrap()).await;
        let answer = async {
            let mut octets = vec![0; 2_000];
            let (len, from) = server.recv_from(&mut octets).await.unwrap();
            let Ok(Message::Request(options)) = Message::parse(Bytes::copy_from_slice(&octets[..len])) else {
                panic!("no request")
            };
            assert_eq!(options.contacts().count(), 1);
            let mut ok = options.reply(StatusCode::OK);
            ok.set_to_tag("x");
            server.send_to(&ok.to_bytes(), from).await.unwrap();
        };
        let (event, ()) = tokio::join!(endpoint.next(), answer);
        let AgentEvent::OptionsAnswered { answer, .. } = event else { panic!("{event:?}") };
        assert_eq!(answer, Answer::Final { status: StatusCode::OK, reason: "OK".into() });
    }

    #[tokio::test]
    async fn a_port_where_nobody_listens_is_told_at_once() {
        let nobody = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let event = options(nobody).await.next().await;
        let AgentEvent::OptionsAnswered { answer, .. } = event else { panic!("{event:?}") };
        assert_eq!(answer, Answer::None(Failure::Unreachable));
    }

    #[tokio::test]
    async fn a_wait_that_is_given_up_loses_nothing() {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut endpoint = options(server.local_addr().unwrap()).await;
        for _ in 0..3 {
            let waited = tokio::time::timeout(Duration::from_millis(1), endpoint.next()).await;
            assert!(waited.is_err());
        }
        let mut octets = vec![0; 2_000];
        assert!(server.recv_from(&mut octets).await.unwrap().0 > 0);
    }
}
