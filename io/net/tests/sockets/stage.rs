//! A worker with a node that keeps what it is told and sends back what it gets.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use ruf_message::{Flow, FrameError, Place, Tick, Transmit, Transport};
use ruf_net::{Berth, Certificates, Clock, Commands, Limits, Listener, Node, Unreachable, Worker};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// How long any wait may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// Sends back what it gets, and remembers everything.
#[derive(Default)]
pub(crate) struct Mirror {
    pub(crate) received: Vec<(Flow, Bytes)>,
    pub(crate) unframed: Vec<FrameError>,
    pub(crate) unreachable: Vec<Flow>,
    pub(crate) reached: Vec<(u64, Result<Flow, Unreachable>)>,
    pub(crate) transmits: VecDeque<Transmit>,
    pub(crate) reach: VecDeque<(u64, Place)>,
}

impl Node for Mirror {
    type Crossing = Infallible;

    fn receive(&mut self, _: Tick, flow: Flow, message: Bytes) {
        self.received.push((flow, message.clone()));
        self.transmits.push_back(Transmit { flow, bytes: message });
    }
    fn unframed(&mut self, _: Tick, flow: Flow, _: Bytes, error: FrameError) {
        self.unframed.push(error);
        self.transmits.push_back(Transmit { flow, bytes: Bytes::from_static(b"400") });
    }
    fn reached(&mut self, _: Tick, token: u64, flow: Result<Flow, Unreachable>) {
        self.reached.push((token, flow));
    }
    fn unreachable(&mut self, _: Tick, flow: Flow) {
        self.unreachable.push(flow);
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
        self.reach.pop_front()
    }
    fn poll_crossing(&mut self) -> Option<(u8, Infallible)> {
        None
    }
    fn crossed(&mut self, _: Tick, crossing: Infallible) {
        match crossing {}
    }
    fn not_crossed(&mut self, _: Tick, crossing: Infallible) {
        match crossing {}
    }
    fn is_drained(&self) -> bool {
        true
    }
}

/// What a test has in hand while the worker runs.
pub(crate) struct Stage {
    pub(crate) places: Vec<SocketAddr>,
    pub(crate) commands: Commands<Mirror>,
}

impl Stage {
    /// Asks the node until it says yes.
    pub(crate) async fn until<T: Send + 'static>(
        &self,
        ask: impl Fn(&Mirror) -> Option<T> + Clone + Send + 'static,
    ) -> T {
        let asking = async {
            loop {
                let ask = ask.clone();
                if let Some(found) = self.commands.ask(move |node, _| ask(node)).await.expect("alive") {
                    return found;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, asking).await.expect("the state comes about")
    }

    /// What became of the question for a place.
    pub(crate) async fn reach(
        &self,
        token: u64,
        transport: Transport,
        address: SocketAddr,
    ) -> Result<Flow, Unreachable> {
        self.reach_place(token, Place { transport, address, host: address.ip().into() }).await
    }

    pub(crate) async fn reach_place(&self, token: u64, place: Place) -> Result<Flow, Unreachable> {
        self.commands.ask(move |node, _| node.reach.push_back((token, place))).await.expect("alive");
        self.until(move |node| node.reached.iter().find(|(of, _)| *of == token).map(|(_, flow)| *flow)).await
    }

    /// Has the node send something.
    pub(crate) async fn send(&self, flow: Flow, bytes: Bytes) {
        self.commands
            .ask(move |node, _| node.transmits.push_back(Transmit { flow, bytes }))
            .await
            .expect("alive");
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.places.first().expect("a listener")).await.expect("connects")
    }
}

/// Runs a worker with a listener for each transport on loopback while `test` talks to it.
pub(crate) fn play<F: Future<Output = ()>>(
    transports: &[Transport],
    limits: Limits,
    test: impl FnOnce(Stage) -> F,
) {
    play_as(transports, limits, None, test);
}

/// The same, with certificates to speak TLS with.
pub(crate) fn play_as<F: Future<Output = ()>>(
    transports: &[Transport],
    limits: Limits,
    certificates: Option<Certificates>,
    test: impl FnOnce(Stage) -> F,
) {
    play_at("127.0.0.1:0", transports, limits, certificates, test);
}

/// The same, with the listeners at an address of the test's choice.
pub(crate) fn play_at<F: Future<Output = ()>>(
    listen: &str,
    transports: &[Transport],
    limits: Limits,
    certificates: Option<Certificates>,
    test: impl FnOnce(Stage) -> F,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let here = listen.parse().expect("an address");
        let open: Vec<Listener> =
            transports.iter().map(|transport| Listener::open(*transport, here).expect("opens")).collect();
        let places = open.iter().map(Listener::local).collect();
        let (berth, commands) = Berth::of_all(1, Clock::start()).pop().expect("one");
        let worker = Worker::new(Mirror::default(), open, limits, certificates, berth).expect("a worker");
        worker.run(test(Stage { places, commands }), std::future::pending(), DEADLINE).await;
    });
}

/// Reads exactly what is expected.
pub(crate) async fn expect(stream: &mut (impl AsyncReadExt + Unpin), expected: &[u8]) {
    let mut octets = vec![0; expected.len()];
    let reading = stream.read_exact(&mut octets);
    tokio::time::timeout(DEADLINE, reading).await.expect("in time").expect("reads");
    assert_eq!(octets, expected);
}

/// Waits until the peer closes; what it sent until then.
pub(crate) async fn rest(stream: &mut (impl AsyncReadExt + Unpin)) -> Vec<u8> {
    let mut octets = Vec::new();
    let reading = stream.read_to_end(&mut octets);
    // A reset is an end, too.
    let _ = tokio::time::timeout(DEADLINE, reading).await.expect("it is closed in time");
    octets
}
