//! Two users whose contacts are each other, and whose phones send on to the server what they get: the
//! whole node, driven by hand.

#![allow(clippy::panic)] // a test may

use ruf_message::{Flow, Message, Method, Request, Response, Tick, Transmit, Transport};
use ruf_sim::{Server, Site};

const NOW: Tick = Tick::from_micros(1_000_000);

fn flow(host: u8) -> Flow {
    Flow {
        transport: Transport::Udp,
        listener: 0,
        local: ([198, 51, 100, 1], 5060).into(),
        remote: ([192, 0, 2, host], 5060).into(),
        connection: 0,
    }
}

fn text(host: u8, start: &str, from: &str, to: &str, rest: &str) -> String {
    let method = start.split(' ').next().unwrap_or_default();
    format!(
        "{start} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.{host};branch=z9hG4bK{host}{method}\r\nMax-Forwards: 70\r\n\
         From: <sip:{from}@example.org>;tag=1\r\nTo: <sip:{to}@example.org>\r\nCall-ID: {from}\r\n\
         CSeq: 1 {method}\r\n{rest}Content-Length: 0\r\n\r\n"
    )
}

/// The server, and what came to whom since the last look.
struct Net {
    server: Server,
    sent: Vec<(u8, Message)>,
}

impl Net {
    fn send(&mut self, host: u8, text: &str) {
        self.server.receive(NOW, flow(host), text.to_owned().into_bytes().into());
        while let Some(Transmit { flow, bytes }) = self.server.transmit(NOW) {
            let std::net::IpAddr::V4(to) = flow.remote.ip() else { panic!("to {flow}") };
            self.sent.push((to.octets()[3], Message::parse(bytes).expect("a message")));
        }
    }

    fn responses(&mut self, host: u8) -> Vec<Response> {
        let came =
            self.sent.extract_if(.., |(to, message)| *to == host && matches!(message, Message::Response(_)));
        came.filter_map(
            |(_, message)| if let Message::Response(response) = message { Some(response) } else { None },
        )
        .collect()
    }

    fn invites(&mut self) -> Vec<(u8, Request)> {
        let sent = std::mem::take(&mut self.sent).into_iter();
        sent.filter_map(|(to, message)| match message {
            Message::Request(request) if request.method() == Method::Invite => Some((to, request)),
            Message::Request(_) | Message::Response(_) => None,
        })
        .collect()
    }
}

/// Everybody at these hosts sends on what comes, until nothing comes any more. Gives how many INVITEs
/// the server sent, and the statuses that it gave to those that were sent on.
fn bounce(contacts: &[(u8, &str, &str)]) -> (usize, Vec<u16>) {
    let server = Server::new(Site { is_open: true, ..Site::new(3, &[]) });
    let mut net = Net { server, sent: Vec::new() };
    for (host, user, contact) in contacts {
        let contact = format!("Contact: <sip:{contact}@example.org>\r\n");
        net.send(*host, &text(*host, "REGISTER sip:example.org", user, user, &contact));
        assert_eq!(net.responses(*host).first().map(|response| response.status().as_u16()), Some(200));
    }
    net.send(9, &text(9, "INVITE sip:bob@example.org", "alice", "bob", ""));
    let (mut count, mut statuses) = (0, Vec::new());
    for round in 0..40 {
        let invites = net.invites();
        if invites.is_empty() {
            break;
        }
        for (at, (host, mut invite)) in invites.into_iter().enumerate() {
            count += 1;
            let hops = invite.max_forwards().unwrap_or_default();
            invite.set_max_forwards(hops.saturating_sub(1));
            invite.push_via(format!("SIP/2.0/UDP 192.0.2.{host};branch=z9hG4bKx{round}x{at}"));
            net.send(host, &invite.to_string());
            let finals = net.responses(host).into_iter().map(|response| response.status().as_u16());
            statuses.extend(finals.filter(|status| *status >= 200));
        }
    }
    (count, statuses)
}

#[test]
fn two_bindings_that_point_at_each_other_are_stopped_where_the_circle_closes() {
    // tests rfc3261 §16.3 step 4
    // tests rfc5393 §4.2.2 step 4
    assert_eq!(bounce(&[(2, "bob", "carol"), (3, "carol", "bob")]), (2, vec![482]));
}

#[test]
fn a_circle_that_forks_does_not_grow() {
    // tests rfc5393 §4.1
    let contacts = [(2, "bob", "bob"), (3, "bob", "carol"), (4, "carol", "bob"), (5, "carol", "carol")];
    let (count, statuses) = bounce(&contacts);
    assert_eq!((count, statuses), (4, vec![482; 3]));
}
