//! Two workers at one place: what one reads for the other, and what the other sends over its connection.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use ruf_message::{Flow, FrameError, Place, Tick, Transmit, Transport};
use ruf_net::{Berth, Clock, Limits, Listener, Node, Stop, Unreachable, Worker};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::stage::DEADLINE;

/// Everything is another worker's, and that one answers with its own number.
struct Stranger {
    me: u8,
    transmits: VecDeque<Transmit>,
    crossings: VecDeque<(u8, Flow)>,
    unreachable: watch::Sender<Vec<Flow>>,
    /// As long as it is not told of a connection that is gone, there is something to wait for.
    waits_for_gone: bool,
}

impl Node for Stranger {
    type Crossing = Flow;

    fn receive(&mut self, _: Tick, flow: Flow, _: Bytes) {
        self.crossings.push_back((1 - self.me, flow));
    }
    fn unframed(&mut self, _: Tick, _: Flow, _: Bytes, _: FrameError) {}
    fn reached(&mut self, _: Tick, _: u64, _: Result<Flow, Unreachable>) {}
    fn unreachable(&mut self, _: Tick, flow: Flow) {
        self.waits_for_gone = false;
        self.unreachable.send_modify(|flows| flows.push(flow));
    }
    fn poll_query(&mut self) -> Option<(u64, ruf_locate::Query)> {
        None
    }
    fn resolved(&mut self, _: Tick, _: u64, _: ruf_locate::Answer) {}
    fn tick(&mut self, _: Tick) {}
    fn poll_deadline(&self) -> Option<Tick> {
        None
    }
    fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }
    fn poll_reach(&mut self) -> Option<(u64, Place)> {
        None
    }
    fn poll_crossing(&mut self) -> Option<(u8, Flow)> {
        self.crossings.pop_front()
    }
    fn crossed(&mut self, _: Tick, flow: Flow) {
        let bytes = Bytes::from(vec![b'0' + self.me, flow.connection as u8 + b'0']);
        self.transmits.push_back(Transmit { flow, bytes });
    }
    fn not_crossed(&mut self, _: Tick, _: Flow) {}
    fn is_drained(&self) -> bool {
        !self.waits_for_gone
    }
}

const OPTIONS: &[u8] = b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n";

#[test]
fn a_message_crosses_and_its_answer_leaves_over_the_connection_that_it_came_by() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(tokio::task::LocalSet::new().run_until(async {
        let here = "127.0.0.1:0".parse().expect("an address");
        let open = Listener::open_for(2, Transport::Tcp, here).expect("opens");
        let place = open[0].local();
        let (stop, stopped) = watch::channel(false);
        let (gone, mut is_gone) = watch::channel(Vec::new());
        let mut workers = Vec::new();
        for ((me, listener), (berth, _)) in (0..).zip(open).zip(Berth::of_all(2, Clock::start())) {
            let unreachable = gone.clone();
            let (transmits, crossings) = (VecDeque::new(), VecDeque::new());
            let node = Stranger { me, transmits, crossings, unreachable, waits_for_gone: true };
            let worker = Worker::new(node, vec![listener], Limits::default(), None, berth).expect("a worker");
            let mut stopped = stopped.clone();
            let told = async move { drop(stopped.wait_for(|stop| *stop).await) };
            workers.push(tokio::task::spawn_local(worker.run(told, std::future::pending(), DEADLINE)));
        }
        // Until both have accepted some: the system chooses by the source.
        let mut accepted_by = [false; 2];
        let mut phones = Vec::new();
        while accepted_by != [true; 2] {
            let mut phone = TcpStream::connect(place).await.expect("connects");
            phone.write_all(OPTIONS).await.expect("writes");
            let mut answer = [0; 2];
            let reading = phone.read_exact(&mut answer);
            tokio::time::timeout(DEADLINE, reading).await.expect("in time").expect("reads");
            let [answered, accepted] = answer.map(|digit| usize::from(digit - b'0'));
            assert_eq!(answered, 1 - accepted, "by the other worker");
            accepted_by[accepted] = true;
            phones.push(phone);
        }
        // Both are told of a connection that is gone, whoever had it; until then the drain waits.
        stop.send(true).expect("they serve");
        drop(phones.pop());
        let both = is_gone.wait_for(|flows| flows.len() >= 2);
        let flows = tokio::time::timeout(DEADLINE, both).await.expect("in time").expect("told").clone();
        assert_eq!(flows[0], flows[1]);
        for worker in workers {
            let stopped = tokio::time::timeout(Duration::from_secs(5), worker).await.expect("in time");
            assert_eq!(stopped.expect("it ends"), Stop::Drained);
        }
    }));
}

#[test]
fn what_icmp_says_is_heard_by_the_worker_that_sent() {
    // tests rfc3261 §18.4
    const CLOSED: usize = 16;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(tokio::task::LocalSet::new().run_until(async {
        let here = "127.0.0.1:0".parse().expect("an address");
        let open = Listener::open_for(2, Transport::Udp, here).expect("opens");
        let local = open[0].local();
        // Bound together, so that they differ, and closed together.
        let ports: Vec<_> = (0..CLOSED).map(|_| std::net::UdpSocket::bind(here).expect("binds")).collect();
        let remotes: Vec<_> = ports.iter().map(|port| port.local_addr().expect("an address")).collect();
        drop(ports);
        let to = |remote| {
            let flow = Flow { transport: Transport::Udp, listener: 0, local, remote, connection: 0 };
            Transmit { flow, bytes: Bytes::from_static(OPTIONS) }
        };
        let (gone, mut is_gone) = watch::channel(Vec::new());
        let mut unheard = Some((remotes.iter().copied().map(to).collect(), gone));
        let mut workers = Vec::new();
        for ((me, listener), (berth, _)) in (0..).zip(open).zip(Berth::of_all(2, Clock::start())) {
            // The first one sends, and only what it hears counts.
            let (transmits, unreachable) =
                unheard.take().unwrap_or_else(|| (VecDeque::new(), watch::channel(Vec::new()).0));
            let crossings = VecDeque::new();
            let node = Stranger { me, transmits, crossings, unreachable, waits_for_gone: true };
            let worker = Worker::new(node, vec![listener], Limits::default(), None, berth).expect("a worker");
            let (never, cut) = (std::future::pending(), std::future::pending());
            workers.push(tokio::task::spawn_local(worker.run(never, cut, DEADLINE)));
        }
        let all = is_gone.wait_for(|flows| {
            remotes.iter().all(|remote| flows.iter().any(|flow: &Flow| flow.remote == *remote))
        });
        tokio::time::timeout(DEADLINE, all).await.expect("in time").expect("told");
    }));
}
