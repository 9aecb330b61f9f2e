//! TLS in both directions, with certificates made here and verified as in production.

use std::time::Duration;

use bytes::Bytes;
use ruf_message::{Flow, HostBuf, Place, Transport};
use ruf_net::tls::{self, DomainNames, Wanted};
use ruf_net::{Certificates, Limits, Unreachable};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::scratch::Scratch;
use crate::stage::{Stage, expect, play, play_as, rest};

const BYE: &[u8] = b"BYE sip:a@h SIP/2.0\r\nl: 3\r\n\r\nxyz";
const TLS: &[Transport] = &[Transport::Tls];

fn host(text: &str) -> HostBuf {
    text.parse().expect("a host")
}

pub(crate) fn certificates(directory: &Scratch) -> Certificates {
    let domain = DomainNames { name: host("a.example"), aliases: Vec::new(), files: None };
    let wanted = Wanted {
        domains: vec![domain],
        hosts: [host("localhost"), host("127.0.0.1")].into(),
        trust: Vec::new(),
    };
    Certificates::open(directory, wanted).expect("certificates").0
}

async fn reach(
    stage: &Stage,
    token: u64,
    address: std::net::SocketAddr,
    name: &str,
) -> Result<Flow, Unreachable> {
    let place = Place { transport: Transport::Tls, address, host: host(name) };
    stage.reach_place(token, place).await
}

#[test]
fn a_phone_that_comes_by_tls_is_answered_by_tls() {
    // tests rfc3261 §26.2.1
    let directory = Scratch::new("phone");
    let ours = certificates(&directory);
    play_as(TLS, Limits::default(), Some(ours.clone()), |stage| async move {
        let connector = TlsConnector::from(ours.connector());
        let name = tls::server_name(&host("a.example")).expect("a name");
        let mut phone = connector.connect(name, stage.connect().await).await.expect("shakes hands");
        // More than one record of TLS, so that what is buffered inside is read, too.
        let long = [&b"BYE sip:a@h SIP/2.0\r\nl: 40000\r\n\r\n"[..], &[b'x'; 40_000]].concat();
        phone.write_all(&[BYE, b"\r\n\r\n", &long].concat()).await.expect("writes");
        let mut back = vec![0; BYE.len() + 2 + long.len()];
        phone.read_exact(&mut back).await.expect("reads");
        let flow = stage.until(|node| node.received.first().map(|(flow, _)| *flow)).await;
        assert_eq!(flow.transport, Transport::Tls);
        phone.shutdown().await.expect("says that it goes");
        assert_eq!(stage.until(|node| node.unreachable.first().copied()).await, flow);
    });
}

#[test]
fn a_server_is_reached_only_if_it_proves_to_be_the_host_that_was_looked_for() {
    // tests rfc5922 §7.3
    let directory = Scratch::new("server");
    let ours = certificates(&directory);
    play_as(TLS, Limits::default(), Some(ours.clone()), |stage| async move {
        let peer = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = peer.local_addr().expect("bound");
        let acceptor = TlsAcceptor::from(ours.acceptor());
        let accept = async || acceptor.accept(peer.accept().await.expect("accepts").0).await;
        let (refused, _) = tokio::join!(reach(&stage, 1, address, "b.example"), accept());
        assert_eq!(refused, Err(Unreachable::Refused));
        let (reached, accepted) = tokio::join!(reach(&stage, 2, address, "a.example"), accept());
        let (flow, mut accepted) = (reached.expect("reached"), accepted.expect("shakes hands"));
        stage.send(flow, Bytes::from_static(BYE)).await;
        expect(&mut accepted, BYE).await;
        assert_eq!(reach(&stage, 3, address, "a.example").await, Ok(flow), "used again");
        let (other, _) = tokio::join!(reach(&stage, 4, address, "localhost"), accept());
        assert_ne!(other.expect("reached").connection, flow.connection, "another name, another proof");
    });
}

#[test]
fn a_server_that_never_shakes_hands_is_given_up() {
    let directory = Scratch::new("mute");
    let limits = Limits { connect: Duration::from_millis(50), ..Limits::default() };
    play_as(TLS, limits, Some(certificates(&directory)), |stage| async move {
        let mute = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = mute.local_addr().expect("bound");
        assert_eq!(reach(&stage, 1, address, "a.example").await, Err(Unreachable::Silent));
    });
}

#[test]
fn plain_text_to_the_tls_port_and_tls_to_the_plain_port_are_closed() {
    let directory = Scratch::new("mistaken");
    let ours = certificates(&directory);
    let both = [Transport::Tls, Transport::Tcp];
    play_as(&both, Limits::default(), Some(ours.clone()), |stage| async move {
        let mut plain = stage.connect().await;
        plain.write_all(BYE).await.expect("writes");
        assert!(!rest(&mut plain).await.starts_with(b"SIP"));
        let plain_port = TcpStream::connect(stage.places[1]).await.expect("connects");
        let name = tls::server_name(&host("a.example")).expect("a name");
        TlsConnector::from(ours.connector()).connect(name, plain_port).await.expect_err("no TLS there");
        let heard = stage.until(|node| Some(node.received.len())).await;
        assert_eq!(heard, 0);
    });
}

#[test]
fn a_handshake_that_is_never_finished_is_not_waited_for() {
    let directory = Scratch::new("slow");
    let limits = Limits { handshake: Duration::from_millis(50), ..Limits::default() };
    let both = [Transport::Tls, Transport::Ws];
    play_as(&both, limits, Some(certificates(&directory)), |stage| async move {
        for place in &stage.places {
            for begin in [&b""[..], b"\x16\x03\x01\x02", b"GET / HTTP/1.1\r\n"] {
                let mut slow = TcpStream::connect(place).await.expect("connects");
                slow.write_all(begin).await.expect("writes");
                rest(&mut slow).await;
            }
        }
    });
}

#[test]
fn without_certificates_nobody_is_spoken_to() {
    play(TLS, Limits::default(), |stage| async move {
        assert_eq!(rest(&mut stage.connect().await).await, b"");
        let nobody = "127.0.0.1:9".parse().expect("an address");
        assert_eq!(reach(&stage, 1, nobody, "a.example").await, Err(Unreachable::NoListener));
    });
}
