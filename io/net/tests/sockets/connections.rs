//! Messages over connections, in both directions.

use bytes::Bytes;
use ruf_message::{Flow, FrameError, Transport};
use ruf_net::{Limits, Unreachable};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::stage::{DEADLINE, expect, play, rest};

const BYE: &[u8] = b"BYE sip:a@h SIP/2.0\r\nl: 3\r\n\r\nxyz";
const TCP: &[Transport] = &[Transport::Tcp];

#[test]
fn a_message_arrives_whole_however_it_is_torn_and_is_answered_on_its_connection() {
    // tests rfc3261 §18.3, §18.2.2
    play(TCP, Limits::default(), |stage| async move {
        let mut phone = stage.connect().await;
        phone.set_nodelay(true).expect("set");
        for octet in BYE {
            phone.write_all(&[*octet]).await.expect("writes");
            tokio::task::yield_now().await;
        }
        expect(&mut phone, BYE).await;
        phone.write_all(&[BYE, BYE].concat()).await.expect("writes");
        expect(&mut phone, &[BYE, BYE].concat()).await;
        let flows =
            stage.until(|node| Some(node.received.iter().map(|(flow, _)| *flow).collect::<Vec<_>>())).await;
        assert_eq!(flows.len(), 3);
        assert!(flows.iter().all(|flow| *flow == flows[0] && flow.transport == Transport::Tcp));
        assert_eq!((flows[0].local, flows[0].remote), (stage.places[0], phone.local_addr().expect("bound")));
    });
}

#[test]
fn a_ping_is_answered_by_a_pong_and_the_node_never_sees_it() {
    // tests rfc5626 §4.4.1, §3.5.1
    play(TCP, Limits::default(), |stage| async move {
        let mut phone = stage.connect().await;
        phone.write_all(b"\r\n\r\n").await.expect("writes");
        expect(&mut phone, b"\r\n").await;
        phone.write_all(&[b"\r\n\r\n", BYE].concat()).await.expect("writes");
        // The pong leaves when it is due, the message's answer after it.
        expect(&mut phone, &[b"\r\n", BYE].concat()).await;
        assert_eq!(stage.until(|node| Some(node.received.len())).await, 1);
    });
}

#[test]
fn an_answer_that_is_on_its_way_leaves_before_noise_ends_the_connection() {
    play(TCP, Limits { owed: DEADLINE * 2, ..Limits::default() }, |stage| async move {
        let mut phone = stage.connect().await;
        phone.write_all(&[BYE, b"BYE sip:a@h SIP/2.0\r\nTo: x\r\n\r\n"].concat()).await.expect("writes");
        expect(&mut phone, BYE).await;
        let flow = stage.until(|node| node.received.first().map(|(flow, _)| *flow)).await;
        let before: [&'static [u8]; 2] = [b"SIP/2.0 100 Trying\r\n\r\n", b"SIP/2.0 200 OK\r\n\r\n"];
        stage.send(flow, Bytes::from_static(before[0])).await;
        expect(&mut phone, before[0]).await;
        assert!(stage.until(|node| Some(node.unframed.is_empty() && node.unreachable.is_empty())).await);
        stage.send(flow, Bytes::from_static(before[1])).await;
        assert_eq!(rest(&mut phone).await, [before[1], b"400"].concat());
        assert_eq!(stage.until(|node| Some(node.unreachable.len())).await, 1);
    });
}

#[test]
fn a_stream_that_cannot_be_read_further_is_answered_and_closed() {
    // tests rfc3261 §18.3, §20.14
    let long = [b"BYE sip:a@h SIP/2.0\r\n".as_slice(), &vec![b'x'; 200_000]].concat();
    for (octets, error) in [
        (&b"BYE sip:a@h SIP/2.0\r\nl: 1\r\nl: 2\r\n\r\nxy"[..], FrameError::LengthUnreadable),
        (b"BYE sip:a@h SIP/2.0\r\nTo: x\r\n\r\n", FrameError::LengthMissing),
        (&long, FrameError::HeadTooLong),
    ] {
        play(TCP, Limits::default(), |stage| async move {
            let mut phone = stage.connect().await;
            // The worker may close while we still write.
            let _ = phone.write_all(octets).await;
            assert_eq!(rest(&mut phone).await, b"400");
            assert_eq!(stage.until(|node| Some(node.unframed.clone())).await, [error]);
            drop(phone);
            assert_eq!(stage.until(|node| Some(node.unreachable.len())).await, 1);
        });
    }
}

#[test]
fn what_a_peer_sent_before_it_closed_is_answered_and_then_its_flow_is_gone_once() {
    play(TCP, Limits::default(), |stage| async move {
        let mut phone = stage.connect().await;
        phone.write_all(BYE).await.expect("writes");
        phone.shutdown().await.expect("shuts down");
        assert_eq!(rest(&mut phone).await, BYE);
        let gone = stage.until(|node| (!node.unreachable.is_empty()).then(|| node.unreachable.clone())).await;
        let flow = stage.until(|node| node.received.first().map(|(flow, _)| *flow)).await;
        assert_eq!(gone, [flow]);
        stage.send(flow, Bytes::from_static(b"late")).await;
        let gone = stage.until(|node| Some(node.unreachable.clone())).await;
        assert_eq!(gone, [flow, flow], "what is sent to a flow that is gone says so");
    });
}

#[test]
fn one_connection_leads_to_a_place_and_brings_its_requests_too() {
    // tests rfc5923 §8
    play(TCP, Limits::default(), |stage| async move {
        let peer = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = peer.local_addr().expect("bound");
        let first = stage.reach(1, Transport::Tcp, address);
        let second = stage.reach(2, Transport::Tcp, address);
        let (accepted, first, second) = tokio::join!(peer.accept(), first, second);
        let (flow, mut accepted) = (first.expect("reached"), accepted.expect("accepts").0);
        assert_eq!(second, Ok(flow));
        assert_eq!((flow.local, flow.remote), (stage.places[0], address), "named by our listener");
        assert_ne!(accepted.peer_addr().expect("connected"), flow.local, "by a port of its own");
        stage.send(flow, Bytes::from_static(BYE)).await;
        expect(&mut accepted, BYE).await;
        accepted.write_all(BYE).await.expect("writes");
        expect(&mut accepted, BYE).await;
        assert_eq!(stage.until(|node| node.received.first().map(|(flow, _)| *flow)).await, flow);
        drop(accepted);
        assert_eq!(stage.until(|node| node.unreachable.first().copied()).await, flow);
        let (again, _) = tokio::join!(stage.reach(3, Transport::Tcp, address), peer.accept());
        assert_ne!(again.expect("reached").connection, flow.connection, "numbers are not used again");
    });
}

#[test]
fn a_connection_that_a_peer_opened_is_not_used_to_get_to_its_address() {
    // tests rfc5923 §9
    play(TCP, Limits::default(), |stage| async move {
        let mut phone = stage.connect().await;
        phone.write_all(BYE).await.expect("writes");
        expect(&mut phone, BYE).await;
        let address = phone.local_addr().expect("bound");
        assert_eq!(stage.reach(1, Transport::Tcp, address).await, Err(Unreachable::Refused));
    });
}

#[test]
fn a_place_where_nobody_listens_and_a_transport_without_listener_are_told() {
    play(&[Transport::Tcp, Transport::Udp], Limits::default(), |stage| async move {
        let nobody = TcpListener::bind("127.0.0.1:0").await.expect("binds").local_addr().expect("bound");
        assert_eq!(stage.reach(1, Transport::Tcp, nobody).await, Err(Unreachable::Refused));
        assert_eq!(stage.reach(2, Transport::Tls, nobody).await, Err(Unreachable::NoListener));
        let flow: Flow = stage.reach(3, Transport::Udp, nobody).await.expect("reached");
        assert_eq!((flow.listener, flow.connection), (1, 0));
    });
}
