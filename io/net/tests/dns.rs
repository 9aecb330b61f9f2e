//! Questions to a name server on loopback: a real one, and ones that do what servers should not.

#![allow(clippy::panic)] // a test may

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_server::Server;
use hickory_server::proto::rr::Name;
use hickory_server::proto::serialize::txt::Parser;
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, Catalog, ZoneType};
use ruf_locate::{Answer, Found, Kind, Limits, Locator, Out, Query, Record, Ways};
use ruf_message::{Entropy, Hop, Tick, Transport};
use ruf_net::Dns;
use tokio::net::{TcpListener, UdpSocket};

const ZONE: &str = "
$TTL 60
@      IN SOA   ns.example. admin.example. 1 3600 900 86400 17
@      IN NAPTR 20 10 \"s\" \"SIP+D2U\" \"\" _sip._udp.example.
@      IN NAPTR 10 10 \"s\" \"SIP+D2T\" \"\" _sip._tcp.example.
_sip._tcp IN SRV 20 0 5062 second.example.
_sip._tcp IN SRV 10 0 5061 first.example.
_sip._udp IN SRV 10 0 5060 first.example.
first  30 IN A     192.0.2.1
second IN CNAME other.example.
other  20 IN A     192.0.2.2
six    IN AAAA  2001:db8::6
";

/// How long anything may be waited for; nothing here comes near it.
const PATIENCE: Duration = Duration::from_secs(20);

async fn bound() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("binds");
    let address = socket.local_addr().expect("an address");
    (socket, address)
}

/// A name server with the zone, over UDP and TCP.
async fn name_server() -> (Server<Catalog>, SocketAddr) {
    let origin = Name::from_ascii("example.").expect("a name");
    let (_, records) = Parser::new(ZONE, None, Some(origin.clone())).parse().expect("a zone");
    let handler: InMemoryZoneHandler =
        InMemoryZoneHandler::new(origin.clone(), records, ZoneType::Primary, AxfrPolicy::Deny)
            .expect("a zone");
    let mut catalog = Catalog::new();
    catalog.upsert(origin.into(), vec![Arc::new(handler)]);
    let mut server = Server::new(catalog);
    let (socket, address) = bound().await;
    server.register_socket(socket);
    let listener = TcpListener::bind(address).await.expect("binds");
    server.register_listener(listener, Duration::from_secs(5), 64);
    (server, address)
}

/// Answers every question with this code and no records.
async fn refuser(rcode: u8) -> SocketAddr {
    let (socket, address) = bound().await;
    tokio::spawn(async move {
        let mut octets = [0u8; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut octets).await {
            let [_, _, flags, code, ..] = &mut octets;
            (*flags, *code) = (*flags | 0x80, rcode);
            let answer = octets.get(..length).unwrap_or_default();
            let _ = socket.send_to(answer, from).await;
        }
    });
    address
}

async fn ask(dns: &mut Dns, kind: Kind, name: &str) -> Answer {
    dns.ask(7, Query::new(kind, name));
    let (number, answer) =
        tokio::time::timeout(PATIENCE, dns.answered()).await.expect("the DNS answers or gives up");
    assert_eq!(number, 7);
    answer
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(test);
}

#[test]
fn each_kind_of_record_comes_with_its_ttl() {
    run(async {
        let (_server, address) = name_server().await;
        let mut dns = Dns::server(address).expect("a resolver");
        let first = Record::Address([192, 0, 2, 1].into());
        assert_eq!(
            ask(&mut dns, Kind::A, "FIRST.example").await,
            Answer::Records { ttl_secs: 30, records: vec![first] }
        );
        let Answer::Records { ttl_secs: 60, records } = ask(&mut dns, Kind::Srv, "_sip._tcp.example").await
        else {
            panic!("no SRV records");
        };
        assert!(
            records.iter().all(|one| matches!(one, Record::Srv(srv) if srv.target.ends_with(".example.")))
        );
        assert_eq!(records.len(), 2);
        let Answer::Records { records, .. } = ask(&mut dns, Kind::Naptr, "example").await else {
            panic!("no NAPTR records");
        };
        let services = records.iter().map(|one| match one {
            Record::Naptr(naptr) => format!("{} {} {}", naptr.order, naptr.flags, naptr.service),
            Record::Srv(_) | Record::Address(_) => panic!("{one:?}"),
        });
        let mut services: Vec<String> = services.collect();
        services.sort();
        assert_eq!(services, ["10 s SIP+D2T", "20 s SIP+D2U"]);
        // An alias is followed, and lives no longer than the shorter of both.
        let other = Record::Address([192, 0, 2, 2].into());
        assert_eq!(
            ask(&mut dns, Kind::A, "second.example").await,
            Answer::Records { ttl_secs: 20, records: vec![other] }
        );
        let six = Record::Address("2001:db8::6".parse().expect("an address"));
        assert_eq!(
            ask(&mut dns, Kind::Aaaa, "six.example").await,
            Answer::Records { ttl_secs: 60, records: vec![six] }
        );
    });
}

#[test]
fn what_is_not_there_says_for_how_long() {
    run(async {
        let (_server, address) = name_server().await;
        let mut dns = Dns::server(address).expect("a resolver");
        // No such name, and no such record of a name that is there: the minimum of the SOA.
        for (kind, name) in
            [(Kind::A, "none.example"), (Kind::A, "six.example"), (Kind::Srv, "first.example")]
        {
            assert_eq!(ask(&mut dns, kind, name).await, Answer::Nothing { ttl_secs: 17 }, "{kind} {name}");
        }
        assert_eq!(ask(&mut dns, Kind::A, &"x".repeat(64)).await, Answer::Nothing { ttl_secs: 0 });
    });
}

#[test]
fn servers_that_fail_refuse_or_are_silent_fail() {
    run(async {
        for rcode in [2, 5] {
            let mut dns = Dns::server(refuser(rcode).await).expect("a resolver");
            assert_eq!(ask(&mut dns, Kind::A, "first.example").await, Answer::Failed, "{rcode}");
        }
        let (_silent, address) = bound().await;
        let mut dns = Dns::server(address).expect("a resolver");
        assert_eq!(ask(&mut dns, Kind::A, "first.example").await, Answer::Failed);
        assert_eq!(ask(&mut Dns::none(), Kind::A, "first.example").await, Answer::Failed);
    });
}

#[test]
fn a_hop_is_found_as_the_zone_says() {
    // tests rfc3263 §4.1, §4.2
    run(async {
        let (_server, address) = name_server().await;
        let mut dns = Dns::server(address).expect("a resolver");
        let any = |transport| (transport, Ipv4Addr::UNSPECIFIED.into());
        let ways = Ways::new([any(Transport::Udp), any(Transport::Tcp)]);
        let mut locator = Locator::new(Limits::default(), ways, Entropy::from_seed([1; 32]));
        let hop =
            Hop { host: "example".parse().expect("a host"), port: None, transport: None, secure: false };
        let mut out = Out::default();
        locator.locate(Tick::ZERO, 1, hop, &mut out);
        let mut asked = 0;
        let Found { places, .. } = loop {
            if let Some(found) = out.found.pop_front() {
                break found;
            }
            while let Some((number, query)) = out.queries.pop_front() {
                dns.ask(number, query);
                asked += 1;
            }
            let answered = tokio::time::timeout(PATIENCE, dns.answered()).await;
            let (number, answer) = answered.expect("the DNS answers");
            locator.answer(Tick::ZERO, number, answer, &mut out);
        };
        let places: Vec<String> = places.iter().map(ToString::to_string).collect();
        assert_eq!(places, ["TCP 192.0.2.1:5061", "TCP 192.0.2.2:5062"]);
        assert_eq!(asked, 4);
    });
}
