//! A phone that is not ours: its agent on a socket of its own.
#![allow(dead_code)] // not every file of tests needs every verb
#![allow(clippy::unwrap_used, clippy::panic)]

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ruf_agent::{Agent, AgentEvent, DialogId, Settings};
use ruf_message::{Entropy, Flow, Message, Tick, Transport};
use ruf_sip::Phone;

/// An agent on a socket, driven by hand.
pub(crate) struct Foreign {
    pub(crate) agent: Agent,
    pub(crate) socket: UdpSocket,
    flow: Flow,
    start: Instant,
    /// The dialog that the last response names, as the far side does.
    pub(crate) dialog: Option<DialogId>,
}

impl Foreign {
    pub(crate) fn towards(phone: &Phone) -> Foreign {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
        let (local, remote) = (socket.local_addr().unwrap(), phone.address());
        let flow = Flow { transport: Transport::Udp, listener: 0, local, remote, connection: 0 };
        let settings = Settings::new("sip:foreign@example.org".parse().unwrap(), flow);
        // Two of them are not to draw the same.
        let mut seed = [7; 32];
        seed[..2].copy_from_slice(&local.port().to_be_bytes());
        Foreign {
            agent: Agent::new(settings, Entropy::from_seed(seed)),
            socket,
            flow,
            start: Instant::now(),
            dialog: None,
        }
    }

    pub(crate) fn address(&self) -> String {
        format!("sip:foreign@{}", self.flow.local)
    }

    pub(crate) fn now(&self) -> Tick {
        Tick::ZERO + self.start.elapsed()
    }

    fn send(&mut self) {
        while let Some(transmit) = self.agent.poll_transmit() {
            self.socket.send_to(&transmit.bytes, transmit.flow.remote).unwrap();
        }
    }

    /// Sends what is to be sent and takes what came, until it is told this.
    pub(crate) fn until(&mut self, wanted: impl Fn(&AgentEvent) -> bool) -> AgentEvent {
        let mut octets = vec![0; 4_000];
        while self.start.elapsed() < Duration::from_secs(20) {
            self.send();
            if let Some(event) = self.agent.poll_event() {
                if wanted(&event) {
                    self.send();
                    return event;
                }
                continue;
            }
            let now = self.now();
            match self.socket.recv_from(&mut octets) {
                Ok((len, _)) => {
                    let message = Bytes::copy_from_slice(octets.get(..len).unwrap());
                    if let Ok(Message::Response(response)) = Message::parse(message.clone()) {
                        let DialogId { call_id, local_tag, remote_tag } = DialogId::of_response(&response);
                        self.dialog =
                            Some(DialogId { call_id, local_tag: remote_tag, remote_tag: local_tag });
                    }
                    self.agent.receive(now, self.flow, message);
                }
                Err(_) => self.agent.tick(now),
            }
        }
        panic!("in vain")
    }
}
