//! SIP over WebSocket, plain and through TLS.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use ruf_message::Transport;
use ruf_net::{Limits, tls};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::scratch::Scratch;
use crate::secure::certificates;
use crate::stage::{DEADLINE, Stage, play, play_as, rest};

const BYE: &str = "BYE sip:a@h SIP/2.0\r\n\r\n";
const WS: &[Transport] = &[Transport::Ws];

async fn shake<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    protocols: Option<&str>,
) -> Result<(WebSocketStream<S>, String), tungstenite::Error> {
    let mut request = "ws://a.example/any/path?at=all".into_client_request()?;
    if let Some(protocols) = protocols {
        request.headers_mut().insert("Sec-WebSocket-Protocol", protocols.parse().expect("a value"));
    }
    let (socket, response) = client_async(request, stream).await?;
    let chosen = response.headers().get("Sec-WebSocket-Protocol").and_then(|value| value.to_str().ok());
    Ok((socket, chosen.unwrap_or_default().to_owned()))
}

async fn open(stage: &Stage) -> WebSocketStream<TcpStream> {
    let (socket, chosen) = shake(stage.connect().await, Some("sip")).await.expect("shakes hands");
    assert_eq!(chosen, "sip");
    socket
}

async fn next<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
) -> Option<Result<Message, tungstenite::Error>> {
    tokio::time::timeout(DEADLINE, socket.next()).await.expect("in time")
}

#[test]
fn a_browser_sends_and_gets_one_message_in_each_frame_by_text_or_binary() {
    // tests rfc7118 §4.1, §4.2, §5
    play(WS, Limits::default(), |stage| async move {
        let mut browser = open(&stage).await;
        browser.send(Message::text(BYE)).await.expect("sends");
        assert_eq!(next(&mut browser).await.expect("open").expect("a message"), Message::text(BYE));
        let binary = [BYE.as_bytes(), b"\xff\0"].concat();
        browser.send(Message::binary(binary.clone())).await.expect("sends");
        assert_eq!(next(&mut browser).await.expect("open").expect("a message"), Message::binary(binary));
        let flow = stage.until(|node| node.received.last().map(|(flow, _)| *flow)).await;
        assert_eq!((flow.transport, flow.local), (Transport::Ws, stage.places[0]));
        browser.close(None).await.expect("closes");
        while let Some(Ok(_)) = next(&mut browser).await {}
        assert_eq!(stage.until(|node| node.unreachable.first().copied()).await, flow);
    });
}

#[test]
fn a_browser_comes_through_tls() {
    let directory = Scratch::new("browser");
    let ours = certificates(&directory);
    play_as(&[Transport::Wss], Limits::default(), Some(ours.clone()), |stage| async move {
        let name = tls::server_name(&"a.example".parse().expect("a host")).expect("a name");
        let stream = TlsConnector::from(ours.connector()).connect(name, stage.connect().await).await;
        let shaken = shake(stream.expect("shakes hands"), Some("xmpp, sip")).await;
        let (mut browser, chosen) = shaken.expect("shakes hands again");
        assert_eq!(chosen, "sip");
        browser.send(Message::text(BYE)).await.expect("sends");
        assert_eq!(next(&mut browser).await.expect("open").expect("a message"), Message::text(BYE));
        assert_eq!(
            stage.until(|node| node.received.first().map(|(flow, _)| flow.transport)).await,
            Transport::Wss
        );
    });
}

#[test]
fn without_the_subprotocol_nobody_comes_in() {
    // tests rfc7118 §4.1
    play(WS, Limits::default(), |stage| async move {
        for protocols in [None, Some("xmpp"), Some("sips")] {
            match shake(stage.connect().await, protocols).await {
                Err(tungstenite::Error::Http(response)) => assert_eq!(response.status(), 400),
                other => panic!("{:?}", other.map(|(_, chosen)| chosen)),
            }
        }
        let mut phone = stage.connect().await;
        phone.write_all(BYE.as_bytes()).await.expect("writes");
        assert!(!rest(&mut phone).await.starts_with(b"SIP"), "SIP is not HTTP");
    });
}

#[test]
fn a_message_in_pieces_is_put_together_up_to_the_longest_message() {
    play(WS, Limits::default(), |stage| async move {
        let piece = |octets: &'static str, opcode, last| {
            Message::Frame(Frame::message(Bytes::from_static(octets.as_bytes()), OpCode::Data(opcode), last))
        };
        let mut browser = open(&stage).await;
        let (first, second) = BYE.split_at(7);
        browser.send(piece(first, Data::Text, false)).await.expect("sends");
        browser.send(Message::Ping(Bytes::from_static(b"between"))).await.expect("sends");
        browser.send(piece(second, Data::Continue, true)).await.expect("sends");
        let mut got = Vec::new();
        while got.len() < 2 {
            got.push(next(&mut browser).await.expect("open").expect("a message"));
        }
        assert!(got.contains(&Message::text(BYE)), "{got:?}");
        assert!(got.contains(&Message::Pong(Bytes::from_static(b"between"))), "{got:?}");
        browser.send(Message::binary(vec![b'x'; 65_536])).await.expect("sends");
        while let Some(Ok(_)) = next(&mut browser).await {}
        assert_eq!(
            stage.until(|node| (!node.unreachable.is_empty()).then_some(node.received.len())).await,
            1
        );
    });
}

#[test]
fn half_a_message_is_not_waited_for_for_ever_whatever_comes_between() {
    let limits = Limits { half_message: Duration::from_millis(50), ..Limits::default() };
    let begun =
        |last| Message::Frame(Frame::message(Bytes::from_static(b"BYE"), OpCode::Data(Data::Text), last));
    play(WS, limits.clone(), |stage| async move {
        let mut browser = open(&stage).await;
        browser.send(begun(false)).await.expect("sends");
        // A peer that is alive between its frames is no better.
        let alive = async {
            while browser.send(Message::Pong(Bytes::new())).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, alive).await.expect("it is closed in time");
        assert!(stage.until(|node| Some(node.received.is_empty())).await);
    });
    play(WS, limits, |stage| async move {
        let mut stream = open(&stage).await.into_inner();
        // A masked frame of five octets, of which two come.
        stream.write_all(&[0x81, 0x85, 0, 0, 0, 0, b'B', b'Y']).await.expect("writes");
        rest(&mut stream).await;
        assert!(stage.until(|node| Some(node.received.is_empty())).await);
    });
}

#[test]
fn a_frame_that_is_not_masked_ends_the_connection() {
    play(WS, Limits::default(), |stage| async move {
        let mut stream = open(&stage).await.into_inner();
        let unmasked = [&[0x81, BYE.len() as u8][..], BYE.as_bytes()].concat();
        stream.write_all(&unmasked).await.expect("writes");
        rest(&mut stream).await;
        assert!(stage.until(|node| Some(node.received.is_empty())).await);
    });
}

#[test]
fn line_ends_are_keepalives_here_too() {
    // tests rfc7118 §6
    play(WS, Limits::default(), |stage| async move {
        let mut browser = open(&stage).await;
        browser.send(Message::text("\r\n\r\n")).await.expect("sends");
        assert_eq!(next(&mut browser).await.expect("open").expect("a message"), Message::text("\r\n"));
        browser.send(Message::text("\r\n")).await.expect("sends");
        browser.send(Message::text(BYE)).await.expect("sends");
        assert_eq!(next(&mut browser).await.expect("open").expect("a message"), Message::text(BYE));
        assert_eq!(stage.until(|node| Some(node.received.len())).await, 1);
    });
}

#[test]
fn a_browser_that_answers_pings_stays_and_one_that_does_not_goes() {
    // tests rfc7118 §6
    let limits = Limits { websocket_ping: Duration::from_millis(400), ..Limits::default() };
    play(WS, limits, |stage| async move {
        let (mut lives, mut dead) = (open(&stage).await, open(&stage).await);
        for browser in [&mut lives, &mut dead] {
            browser.send(Message::text(BYE)).await.expect("sends");
        }
        let mut dead = dead.into_inner();
        let gone = async {
            let mut octets = Vec::new();
            dead.read_to_end(&mut octets).await
        };
        tokio::pin!(gone);
        // Reading answers pings.
        let ended = async {
            loop {
                tokio::select! {
                    _ = &mut gone => return,
                    message = lives.next() => drop(message.expect("open").expect("a message")),
                }
            }
        };
        tokio::time::timeout(DEADLINE, ended).await.expect("the dead one goes");
        assert_eq!(stage.until(|node| Some(node.unreachable.len())).await, 1);
    });
}
