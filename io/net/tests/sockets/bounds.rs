//! How many connections, how much for each, for how long.

use std::time::Duration;

use bytes::Bytes;
use ruf_message::{Place, Transport};
use ruf_net::{Limits, Unreachable};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::stage::{DEADLINE, expect, play, rest};

const BYE: &[u8] = b"BYE sip:a@h SIP/2.0\r\nl: 0\r\n\r\n";
const NOISE: &[u8] = b"BYE sip:a@h SIP/2.0\r\nl: 0\r\nl: 1\r\n\r\n";
const TCP: &[Transport] = &[Transport::Tcp];
const SHORT: Duration = Duration::from_millis(50);

#[test]
fn one_that_says_nothing_is_closed_and_one_that_spoke_is_not() {
    let limits = Limits { silent: SHORT, ..Limits::default() };
    play(TCP, limits, |stage| async move {
        let mut speaks = stage.connect().await;
        speaks.write_all(BYE).await.expect("writes");
        expect(&mut speaks, BYE).await;
        let (mut silent, mut pings) = (stage.connect().await, stage.connect().await);
        pings.write_all(b"\r\n\r\n").await.expect("writes");
        assert_eq!(rest(&mut silent).await, b"");
        assert_eq!(rest(&mut pings).await, b"\r\n", "a ping is no message");
        speaks.write_all(BYE).await.expect("writes");
        expect(&mut speaks, BYE).await;
        assert!(stage.until(|node| Some(node.unreachable.is_empty())).await, "the node never knew them");
    });
}

#[test]
fn half_a_message_is_not_waited_for_for_ever() {
    let limits = Limits { half_message: SHORT, ..Limits::default() };
    play(TCP, limits, |stage| async move {
        let mut phone = stage.connect().await;
        phone.write_all(&[BYE, &BYE[..20]].concat()).await.expect("writes");
        assert_eq!(rest(&mut phone).await, BYE);
        assert_eq!(stage.until(|node| Some(node.unreachable.len())).await, 1);
    });
}

#[test]
fn what_is_not_answered_does_not_keep_a_connection_that_cannot_be_read() {
    let limits = Limits { owed: SHORT, ..Limits::default() };
    play(TCP, limits, |stage| async move {
        let mut phone = stage.connect().await;
        phone.write_all(&[BYE, NOISE].concat()).await.expect("writes");
        assert_eq!(rest(&mut phone).await, [BYE, b"400"].concat());
        assert_eq!(stage.until(|node| Some(node.unreachable.len())).await, 1);
    });
}

#[test]
fn an_idle_connection_is_closed_in_the_end() {
    let limits = Limits { idle: SHORT, ..Limits::default() };
    play(TCP, limits, |stage| async move {
        let mut phone = stage.connect().await;
        phone.write_all(BYE).await.expect("writes");
        assert_eq!(rest(&mut phone).await, BYE);
    });
}

#[test]
fn a_source_has_only_so_many() {
    let limits = Limits { connections_per_source_max: 2, ..Limits::default() };
    play(TCP, limits, |stage| async move {
        let mut two = [stage.connect().await, stage.connect().await];
        let mut third = stage.connect().await;
        assert_eq!(rest(&mut third).await, b"");
        for phone in &mut two {
            phone.write_all(BYE).await.expect("writes");
            expect(phone, BYE).await;
        }
        drop(two);
        assert_eq!(stage.until(|node| (node.unreachable.len() == 2).then_some(2)).await, 2);
        let mut again = stage.connect().await;
        again.write_all(BYE).await.expect("writes");
        expect(&mut again, BYE).await;
    });
}

#[test]
fn to_a_source_only_so_many_are_opened() {
    let limits = Limits { connections_per_source_max: 2, ..Limits::default() };
    play(TCP, limits, |stage| async move {
        let phones = [listening().await, listening().await, listening().await];
        let [one, two, three] = phones.each_ref().map(|phone| phone.local_addr().expect("an address"));
        let flow = stage.reach(1, Transport::Tcp, one).await.expect("reached");
        assert!(stage.reach(2, Transport::Tcp, two).await.is_ok());
        assert_eq!(stage.reach(3, Transport::Tcp, three).await, Err(Unreachable::Full));
        assert_eq!(stage.reach(4, Transport::Tcp, one).await, Ok(flow), "what is there is used");
        drop(phones[0].accept().await.expect("accepted"));
        assert_eq!(stage.until(|node| node.unreachable.first().copied()).await, flow);
        // It counts until its socket is closed, a moment after the node was told.
        let mut token = 5;
        let reached = async {
            while stage.reach(token, Transport::Tcp, three).await == Err(Unreachable::Full) {
                token += 1;
            }
        };
        tokio::time::timeout(DEADLINE, reached).await.expect("room again");
        assert!(stage.reach(0, Transport::Tcp, three).await.is_ok());
    });
}

#[test]
fn to_a_source_only_so_many_are_being_opened() {
    let limits = Limits { connecting_per_source_max: 1, ..Limits::default() };
    play(TCP, limits, |stage| async move {
        let phones = [listening().await, listening().await];
        let places = phones.each_ref().map(|phone| {
            let address = phone.local_addr().expect("an address");
            Place { transport: Transport::Tcp, address, host: address.ip().into() }
        });
        let [one, two] = places.clone();
        stage.commands.ask(move |node, _| node.reach.extend([(1, one), (2, two)])).await.expect("alive");
        let reached = stage.until(|node| (node.reached.len() == 2).then(|| node.reached.clone())).await;
        assert_eq!(reached[0], (2, Err(Unreachable::Full)), "at once");
        assert!(reached[1].0 == 1 && reached[1].1.is_ok());
        let [_, two] = places;
        assert!(stage.reach_place(3, two).await.is_ok());
    });
}

async fn listening() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("binds")
}

#[test]
fn the_one_that_was_silent_longest_makes_room() {
    for limits in
        [Limits { silent_max: 2, ..Limits::default() }, Limits { connections_max: 3, ..Limits::default() }]
    {
        play(TCP, limits, |stage| async move {
            let mut speaks = stage.connect().await;
            speaks.write_all(BYE).await.expect("writes");
            expect(&mut speaks, BYE).await;
            let (mut first, mut second) = (stage.connect().await, stage.connect().await);
            let mut third = stage.connect().await;
            assert_eq!(rest(&mut first).await, b"");
            for phone in [&mut speaks, &mut second, &mut third] {
                phone.write_all(BYE).await.expect("writes");
                expect(phone, BYE).await;
            }
        });
    }
}

#[test]
fn a_peer_that_does_not_read_is_closed_and_not_waited_for() {
    play(TCP, Limits::default(), |stage| async move {
        let mut phone = stage.connect().await;
        phone.write_all(BYE).await.expect("writes");
        expect(&mut phone, BYE).await;
        let flow = stage.until(|node| node.received.first().map(|(flow, _)| *flow)).await;
        // More than the kernel buffers on both sides together.
        let much = Bytes::from(vec![b'x'; 64 << 10]);
        for _ in 0..1_000 {
            stage.send(flow, much.clone()).await;
        }
        assert_eq!(stage.until(|node| node.unreachable.first().copied()).await, flow);
    });
}

#[test]
fn what_a_slow_peer_reads_late_arrives_in_order() {
    let limits = Limits { queue_bytes_max: 64 << 20, ..Limits::default() };
    play(TCP, limits, |stage| async move {
        let mut phone = stage.connect().await;
        phone.write_all(BYE).await.expect("writes");
        expect(&mut phone, BYE).await;
        let flow = stage.until(|node| node.received.first().map(|(flow, _)| *flow)).await;
        let pieces: Vec<Bytes> = (0..200u8).map(|n| Bytes::from(vec![n; 60_000])).collect();
        for piece in &pieces {
            stage.send(flow, piece.clone()).await;
        }
        for piece in &pieces {
            expect(&mut phone, piece).await;
        }
    });
}

#[test]
fn one_that_spoke_and_was_closed_leaves_no_room_for_another_silent_one() {
    let limits = Limits { silent_max: 2, owed: SHORT, ..Limits::default() };
    play(TCP, limits, |stage| async move {
        let mut first = stage.connect().await;
        for _ in 0..3 {
            let mut rude = stage.connect().await;
            rude.write_all(BYE).await.expect("writes");
            expect(&mut rude, BYE).await;
            rude.write_all(NOISE).await.expect("writes");
            let _ = rest(&mut rude).await;
        }
        // They are gone when the node knows it and their ends are read.
        assert_eq!(stage.until(|node| (node.unreachable.len() == 3).then_some(3)).await, 3);
        let (_second, _third) = (stage.connect().await, stage.connect().await);
        assert_eq!(rest(&mut first).await, b"");
    });
}

#[test]
fn whom_we_opened_to_is_sent_empty_lines_and_is_gone_when_it_answers_them_no_more() {
    // tests rfc5626 §4.4.1
    let limits = Limits { ping: Some(SHORT), pong: SHORT, ..Limits::default() };
    play(TCP, limits, |stage| async move {
        let (silent, answers) = (listening().await, listening().await);
        for (token, server) in [(1, &silent), (2, &answers)] {
            let address = server.local_addr().expect("an address");
            stage.reach(token, Transport::Tcp, address).await.expect("reached");
        }
        let (mut silent, _) = silent.accept().await.expect("accepted");
        let (mut answers, _) = answers.accept().await.expect("accepted");
        for _ in 0..3 {
            expect(&mut answers, b"\r\n\r\n").await;
            answers.write_all(b"\r\n").await.expect("writes");
        }
        let flow = stage.until(|node| node.unreachable.first().copied()).await;
        assert_eq!(Some(flow.remote), answers.local_addr().ok(), "it has answered before");
        rest(&mut answers).await;
        for _ in 0..5 {
            expect(&mut silent, b"\r\n\r\n").await;
        }
        assert_eq!(stage.until(|node| Some(node.unreachable.len())).await, 1, "it never answered any");
    });
}
