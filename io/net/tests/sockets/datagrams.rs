//! What UDP sockets do beside carrying messages: STUN, and ICMP's word that nobody is there.

use std::net::SocketAddr;

use bytes::Bytes;
use ruf_message::{Flow, Transport};
use ruf_net::Limits;
use tokio::net::UdpSocket;

use crate::stage::{DEADLINE, Stage, play, play_at};

const UDP: &[Transport] = &[Transport::Udp];
/// A Binding request without attributes.
const BINDING: &[u8] = b"\x00\x01\x00\x00\x21\x12\xA4\x42twelve octet";

async fn receive(phone: &UdpSocket) -> Vec<u8> {
    let mut octets = vec![0; 2_000];
    let (length, _) =
        tokio::time::timeout(DEADLINE, phone.recv_from(&mut octets)).await.expect("in time").expect("reads");
    octets.truncate(length);
    octets
}

#[test]
fn a_binding_request_is_answered_and_the_node_never_sees_it() {
    // tests rfc5626 §4.4.2, §8
    play(UDP, Limits::default(), |stage| async move {
        let phone = UdpSocket::bind("127.0.0.1:0").await.expect("binds");
        phone.connect(stage.places[0]).await.expect("connects");
        // The malformed one is not answered, so the first answer is that of the second.
        phone.send(&[BINDING, b"\0\0\0\x01"].concat()).await.expect("sends");
        phone.send(BINDING).await.expect("sends");
        let answer = receive(&phone).await;
        assert_eq!((answer.len(), &answer[8..20]), (32, &b"twelve octet"[..]));
        let port = u16::from_be_bytes([answer[26], answer[27]]) ^ 0x2112;
        assert_eq!(port, phone.local_addr().expect("bound").port());
        phone.send(b"BYE").await.expect("sends");
        assert_eq!(receive(&phone).await, b"BYE");
        assert_eq!(stage.until(|node| Some(node.received.len())).await, 1);
    });
}

/// A port where nobody listens.
async fn nobody(address: &str) -> SocketAddr {
    UdpSocket::bind(address).await.expect("binds").local_addr().expect("bound")
}

async fn is_reported(stage: Stage, nobody: SocketAddr) {
    let flow = Flow {
        transport: Transport::Udp,
        listener: 0,
        local: SocketAddr::new(nobody.ip(), stage.places.first().expect("a listener").port()),
        remote: nobody,
        connection: 0,
    };
    stage.send(flow, Bytes::from_static(b"hello")).await;
    assert_eq!(stage.until(|node| node.unreachable.first().copied()).await, flow);
    // The report belongs to that flow alone: what is sent elsewhere meanwhile arrives.
    let phone = UdpSocket::bind((nobody.ip(), 0)).await.expect("binds");
    let there = Flow { remote: phone.local_addr().expect("bound"), ..flow };
    for _ in 0..20 {
        stage.send(flow, Bytes::from_static(b"nobody")).await;
        stage.send(there, Bytes::from_static(b"somebody")).await;
        assert_eq!(receive(&phone).await, b"somebody");
    }
    assert!(stage.until(move |node| Some(node.unreachable.iter().all(|gone| *gone == flow))).await);
}

#[test]
fn a_port_where_nobody_listens_makes_its_flow_unreachable_and_no_other() {
    // tests rfc3261 §18.4
    play(UDP, Limits::default(), |stage| async move {
        let nobody = nobody("127.0.0.1:0").await;
        is_reported(stage, nobody).await;
    });
}

#[test]
fn the_flow_is_found_on_a_wildcard_socket_and_over_ipv6_too() {
    // tests rfc3261 §18.4
    for (listen, there) in [("0.0.0.0:0", "127.0.0.1:0"), ("[::1]:0", "[::1]:0"), ("[::]:0", "[::1]:0")] {
        play_at(listen, UDP, Limits::default(), None, |stage| async move {
            let nobody = nobody(there).await;
            is_reported(stage, nobody).await;
        });
    }
}
