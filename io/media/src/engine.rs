//! [`Engine`]: the thread on which all streams of a phone run, and [`Stream`], one of them from outside.
//!
//! Each stream is a task of that thread: it takes what comes to its ports and, every 20 ms by the clock, has its voice
//! say and hear a frame. A stream that is dropped ends within a frame; a thread ends with the last of its engine.
//!
//! Where there are STUN or TURN servers, one stream is kept in reserve that has asked them already, so that no call
//! waits for them. It has no frames: it wakes for what comes, and to keep its addresses.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use ruf_ice::{Candidate, Credentials};
use ruf_rtp::Quality;
use tokio::net::UdpSocket;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use crate::agreed::Agreed;
use crate::device::{Null, Silence, Sink, Source};
use crate::ports::{self, PortRange};
use crate::servers::IceServer;
use crate::voice::{Counts, Outgoing, Voice};
use crate::way::{Way, WayEvent};

/// How often a stream has its voice say and hear a frame.
const FRAME: Duration = Duration::from_millis(ruf_audio::FRAME_MS as u64);
/// Longer than any datagram of audio.
const DATAGRAM_BYTES_MAX: usize = 2_048;
/// Datagrams that are taken before anything else has its turn.
const DATAGRAMS_A_TURN: usize = 32;
/// For so long who opens an engine waits for what servers say: a call that is made at once has it, then.
const GATHER_MAX: Duration = Duration::from_millis(500);
/// The longest that a stream in reserve sleeps.
const REST_MAX: Duration = Duration::from_secs(60);

/// What is known of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// What went over the wire.
    pub counts: Counts,
    /// How good it is received.
    pub quality: Quality,
}

/// What a stream tells, on its thread: it must be taken at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamEvent {
    /// The far side pressed a key: `0` to `9`, `*`, `#`, `A` to `D`.
    Digit(char),
    /// The first packet came that is heard.
    Heard,
    /// What became of the way to the far side, where both do ICE.
    Way(WayEvent),
}

/// Who is told.
pub type Listener = Box<dyn Fn(StreamEvent) + Send + Sync>;

/// The thread of media. Clones are the same thread.
#[derive(Clone, Debug)]
pub struct Engine {
    new: mpsc::UnboundedSender<New>,
    ports: PortRange,
    servers: Arc<[IceServer]>,
    /// With the addresses of its ports known.
    reserve: Arc<Mutex<Option<Stream>>>,
    /// The wall clock when the thread started, as NTP has it.
    ntp_at_start: u64,
}

#[derive(Debug)]
struct New {
    shared: Arc<Shared>,
    pair: ports::Pair,
    servers: Arc<[IceServer]>,
    gathered: oneshot::Sender<()>,
}

/// One stream of audio. Dropping it ends it.
#[derive(Debug)]
pub struct Stream {
    shared: Arc<Shared>,
    address: SocketAddr,
}

struct Shared {
    voice: Mutex<Voice>,
    /// Nobody, while it is in reserve.
    told: OnceLock<Listener>,
    /// It is taken from the reserve, or dropped.
    woken: Notify,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Shared").finish()
    }
}

impl Shared {
    fn voice(&self) -> MutexGuard<'_, Voice> {
        // Nothing panics while it is locked; a poisoned lock still holds a whole value.
        self.voice.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: StreamEvent) {
        if let Some(told) = self.told.get() {
            told(event);
        }
    }
}

impl Engine {
    /// Starts the thread. Its streams use these ports, and ask these servers what they look like from outside.
    ///
    /// # Errors
    /// The system gives no thread, or no event loop.
    pub fn start(ports: PortRange, servers: &[IceServer]) -> io::Result<Engine> {
        let (new, waiting) = mpsc::unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let start = Instant::now();
        let ntp_at_start = ntp(SystemTime::now());
        std::thread::Builder::new().name("ruf-media".to_owned()).spawn(move || {
            runtime.block_on(run(start, waiting));
        })?;
        Ok(Engine { new, ports, servers: servers.into(), reserve: Arc::default(), ntp_at_start })
    }

    /// Opens a stream at this address of ours. It says silence, and nobody hears what it hears, until
    /// [`Stream::say`] and [`Stream::hear_with`].
    ///
    /// # Errors
    /// No pair of ports is free.
    pub fn open(&self, at: IpAddr, told: Listener) -> io::Result<Stream> {
        let kept = self.take().filter(|kept| kept.address.ip() == at);
        let stream = match kept {
            Some(kept) => kept,
            None => self.open_new(at)?.0,
        };
        self.prepare(at);
        let _ = stream.shared.told.set(told);
        stream.shared.woken.notify_one();
        Ok(stream)
    }

    /// Has a stream in reserve at this address of ours, if there are servers to be asked. What is returned is done when
    /// they have answered, or half a second later; nobody needs to wait for it.
    pub fn prepare(&self, at: IpAddr) -> Gathered {
        if self.servers.is_empty() {
            return Gathered(None);
        }
        // Without a port that is free there is none, and the next call has the addresses that it has.
        let (kept, gathered) = self.open_new(at).ok().unzip();
        *self.reserve.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        Gathered(gathered)
    }

    fn take(&self) -> Option<Stream> {
        self.reserve.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn open_new(&self, at: IpAddr) -> io::Result<(Stream, oneshot::Receiver<()>)> {
        let mut random = [[0; 8]; 6];
        getrandom::fill(random.as_flattened_mut()).map_err(|error| io::Error::other(error.to_string()))?;
        let [port, seed, secret @ ..] = random;
        let [port, seed] = [port, seed].map(u64::from_ne_bytes);
        let pair = ports::open(at, self.ports, port)?;
        let address = pair.rtp.local_addr()?;
        let mut octets = [0; 32];
        octets.copy_from_slice(secret.as_flattened());
        let way = Way::new(octets, address, pair.rtcp.local_addr()?);
        let voice = Voice::new(seed, self.ntp_at_start, way, Box::new(Silence), Box::new(Null));
        let voice = Mutex::new(voice);
        let shared = Arc::new(Shared { voice, told: OnceLock::new(), woken: Notify::new() });
        let (gathered, is_gathered) = oneshot::channel();
        self.new
            .send(New { shared: Arc::clone(&shared), pair, servers: Arc::clone(&self.servers), gathered })
            .map_err(|_| io::Error::other("the thread of media has ended"))?;
        Ok((Stream { shared, address }, is_gathered))
    }
}

/// That servers have said what a stream in reserve looks like from outside.
#[derive(Debug)]
pub struct Gathered(Option<oneshot::Receiver<()>>);

impl Gathered {
    /// Waits for it, a bounded time.
    pub async fn wait(self) {
        if let Some(gathered) = self.0 {
            // One that was taken meanwhile says nothing more.
            let _ = gathered.await;
        }
    }
}

impl Stream {
    /// Where it receives RTP; RTCP comes to the next port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it may be reached, for ICE, as far as that is known.
    pub fn candidates(&self) -> Vec<Candidate> {
        self.shared.voice().way().candidates()
    }

    /// An offer or answer with these credentials is about to go out: checks that come under them are answered.
    pub fn expect(&self, local: Credentials) {
        self.shared.voice().way().expect(local);
    }

    /// From now on this is how both talk.
    pub fn agree(&self, agreed: Agreed) {
        self.shared.voice().agree(agreed);
    }

    /// Nothing more is said or heard; the ports stay.
    pub fn stop(&self) {
        self.shared.voice().stop();
    }

    /// What is said from now on.
    pub fn say(&self, source: Box<dyn Source>) {
        self.shared.voice().say(source);
    }

    /// Where what is heard goes from now on.
    pub fn hear_with(&self, sink: Box<dyn Sink>) {
        self.shared.voice().hear_with(sink);
    }

    /// Says silence instead, or no longer.
    pub fn mute(&self, is_muted: bool) {
        self.shared.voice().mute(is_muted);
    }

    /// Presses a key, after those pressed before; `false`: the far side takes none, or too many wait.
    pub fn press(&self, key: char) -> bool {
        self.shared.voice().press(key)
    }

    /// What went over the wire, and how good it was received.
    pub fn figures(&self) -> Figures {
        let voice = self.shared.voice();
        Figures { counts: voice.counts(), quality: voice.quality() }
    }

    /// No key waits to be sent.
    pub fn is_done_pressing(&self) -> bool {
        self.shared.voice().is_done_pressing()
    }
}

impl Drop for Stream {
    // Its task says the farewell with its next frame, and ends.
    fn drop(&mut self) {
        self.shared.voice().close();
        self.shared.woken.notify_one();
    }
}

/// A time of the wall clock in units of 2^-32 s since 1900.
// rfc3550 §4
fn ntp(at: SystemTime) -> u64 {
    const FROM_1900_TO_1970_SECS: u64 = 2_208_988_800;
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
    (since.as_secs().wrapping_add(FROM_1900_TO_1970_SECS) << 32) | fraction
}

async fn run(start: Instant, mut new: mpsc::UnboundedReceiver<New>) {
    let streams = tokio::task::LocalSet::new();
    let accept = async {
        while let Some(New { shared, pair, servers, gathered }) = new.recv().await {
            for server in servers.iter() {
                streams.spawn_local(ask(start, Arc::clone(&shared), server.clone()));
            }
            streams.spawn_local(serve(start, shared, pair, gathered));
        }
    };
    streams.run_until(accept).await;
    // The engine is gone; streams that are left are seen to their end.
    streams.await;
}

/// One stream, until it is dropped and its farewell was said.
async fn serve(start: Instant, shared: Arc<Shared>, pair: ports::Pair, gathered: oneshot::Sender<()>) {
    let (Ok(rtp), Ok(rtcp)) = (UdpSocket::from_std(pair.rtp), UdpSocket::from_std(pair.rtcp)) else {
        return;
    };
    let wire = Wire { start, shared: &shared, rtp: &rtp, rtcp: &rtcp };
    // What is sent before the system has said that it may be is lost.
    let _ = (rtp.writable().await, rtcp.writable().await);
    wire.rest(gathered).await;
    wire.talk().await;
}

/// Finds a server, and has the stream ask it.
async fn ask(start: Instant, shared: Arc<Shared>, server: IceServer) {
    let found = server.find(|| !shared.voice().is_closed()).await;
    for server in &found {
        shared.voice().way().ask(start.elapsed(), server);
    }
    // It may rest: it does not know of what is to be sent now.
    shared.woken.notify_one();
}

/// A stream at its sockets.
struct Wire<'a> {
    start: Instant,
    shared: &'a Shared,
    rtp: &'a UdpSocket,
    rtcp: &'a UdpSocket,
}

impl Wire<'_> {
    /// In reserve: until somebody takes or drops it.
    async fn rest(&self, gathered: oneshot::Sender<()>) {
        let mut datagram = [0; DATAGRAM_BYTES_MAX];
        let (mut gathered, begin) = (Some(gathered), Instant::now());
        while self.shared.told.get().is_none() {
            let mut due = Vec::new();
            let deadline = {
                let mut voice = self.shared.voice();
                voice.tick(self.start.elapsed(), &mut due);
                // Its farewell, too, once it is dropped: what servers lent is given back.
                self.send(&mut due);
                if voice.is_closed() {
                    break;
                }
                // Who waited for it may go on.
                if voice.way().is_gathered() || begin.elapsed() >= GATHER_MAX {
                    gathered = None;
                }
                voice.way().deadline()
            };
            let deadline = deadline.map_or(REST_MAX, |at| at.saturating_sub(self.start.elapsed()));
            let deadline = if gathered.is_some() { deadline.min(FRAME) } else { deadline };
            tokio::select! {
                () = tokio::time::sleep(deadline.clamp(FRAME, REST_MAX)) => {}
                () = self.shared.woken.notified() => {}
                is_readable = self.rtp.readable() => if is_readable.is_err() { break } else { self.hear(false, &mut datagram) },
                is_readable = self.rtcp.readable() => if is_readable.is_err() { break } else { self.hear(true, &mut datagram) },
            }
        }
    }

    /// Until it is dropped and its farewell was said.
    async fn talk(&self) {
        let mut frames = tokio::time::interval(FRAME);
        // Frames are the clock of what is said: one that is late is not left out.
        frames.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut datagram = [0; DATAGRAM_BYTES_MAX];
        let (mut out, mut is_heard): (Vec<Outgoing>, bool) = (Vec::new(), false);
        loop {
            tokio::select! {
                _ = frames.tick() => {
                    let mut voice = self.shared.voice();
                    voice.tick(self.start.elapsed(), &mut out);
                    let mut told: Vec<StreamEvent> =
                        std::iter::from_fn(|| voice.digit()).map(StreamEvent::Digit).collect();
                    told.extend(voice.way().take_told().into_iter().map(StreamEvent::Way));
                    let is_first = !is_heard && voice.counts().received > 0;
                    // Before anybody can stop the voice: what is stopped says nothing more.
                    self.send(&mut out);
                    let is_closed = voice.is_closed();
                    drop(voice);
                    if is_closed {
                        return;
                    }
                    if is_first {
                        is_heard = true;
                        self.shared.tell(StreamEvent::Heard);
                    }
                    told.into_iter().for_each(|event| self.shared.tell(event));
                }
                is_readable = self.rtp.readable() => {
                    if is_readable.is_err() {
                        return;
                    }
                    self.hear(false, &mut datagram);
                }
                is_readable = self.rtcp.readable() => {
                    if is_readable.is_err() {
                        return;
                    }
                    self.hear(true, &mut datagram);
                }
            }
        }
    }

    /// Takes what came to a port, and sends what is due at once.
    fn hear(&self, is_rtcp: bool, datagram: &mut [u8]) {
        let (mut voice, mut due) = (self.shared.voice(), Vec::new());
        match is_rtcp {
            true => drain(self.rtcp, datagram, |from, datagram| {
                voice.receive_rtcp(self.start.elapsed(), from, datagram);
            }),
            false => drain(self.rtp, datagram, |from, datagram| {
                voice.receive(self.start.elapsed(), from, datagram);
            }),
        }
        voice.take_due(&mut due);
        self.send(&mut due);
    }

    fn send(&self, due: &mut Vec<Outgoing>) {
        for Outgoing { to, datagram, is_rtcp } in due.drain(..) {
            // What cannot be sent is lost, as on the way.
            let _ = if is_rtcp { self.rtcp } else { self.rtp }.try_send_to(&datagram, to);
        }
    }
}

/// Takes what is there, a bounded share.
fn drain(socket: &UdpSocket, buffer: &mut [u8], mut take: impl FnMut(SocketAddr, &[u8])) {
    for _ in 0..DATAGRAMS_A_TURN {
        match socket.try_recv_from(buffer) {
            Ok((len, from)) => take(from, buffer.get(..len).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            // The report of an earlier datagram: nobody listens there yet.
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agreed::AgreedCodec;
    use crate::codec::{Codec, OpusParameters};

    /// Waits for a state, with a deadline.
    fn until(what: &str, is: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !is() {
            assert!(Instant::now() < deadline, "waited in vain: {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_stream_that_is_dropped_says_goodbye() {
        // tests rfc3550 §6.3.7
        let engine = Engine::start(PortRange::default(), &[]).unwrap();
        let open = || engine.open([127, 0, 0, 1].into(), Box::new(|_| ())).unwrap();
        let (one, other) = (open(), open());
        let agreed = |to: &Stream| Agreed {
            remote: Some(to.address()),
            remote_rtcp: None,
            rtcp_mux: false,
            sends: true,
            receives: true,
            codecs: vec![AgreedCodec {
                codec: Codec::Pcma,
                send: 8,
                receive: 8,
                opus: OpusParameters::default(),
            }],
            events: None,
            noise: None,
            ptime: FRAME,
            keys: None,
            ice: None,
        };
        one.agree(agreed(&other));
        other.agree(agreed(&one));
        until("it is heard", || other.figures().counts.received > 0);
        // Reports come seconds later: what comes now is the BYE.
        let (before, address) = (other.figures().counts.reports, one.address());
        drop(one);
        until("a BYE", || other.figures().counts.reports > before);
        until("its port is free", || std::net::UdpSocket::bind(address).is_ok());
    }

    /// A STUN server that sees everybody at another address; who has asked it is told here.
    fn stun_server() -> (IceServer, std::sync::mpsc::Receiver<SocketAddr>) {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let server = IceServer::stun(&socket.local_addr().unwrap().to_string()).unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut octets = [0; 100];
            while let Ok((20, from)) = socket.recv_from(&mut octets) {
                // rfc8489 §14.2: 198.51.100.9, and the port as it is, under their masks
                let port = (from.port() ^ 0x2112).to_be_bytes();
                let mapped =
                    [&[0, 0x20, 0, 8, 0, 1][..], &port, &[198 ^ 0x21, 51 ^ 0x12, 100 ^ 0xA4, 9 ^ 0x42]];
                let answer = [&[1, 1, 0, 12][..], &octets[4..20], &mapped.concat()].concat();
                socket.send_to(&answer, from).unwrap();
                if tell.send(from).is_err() {
                    return;
                }
            }
        });
        (server, told)
    }

    /// A TURN server that wants no password; who gives an address back is told here.
    fn turn_server() -> (IceServer, std::sync::mpsc::Receiver<SocketAddr>) {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let server = IceServer::turn(&socket.local_addr().unwrap().to_string(), "alice", "secret").unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut octets = [0; 200];
            while let Ok((_, from)) = socket.recv_from(&mut octets) {
                let lifetime = [0, 0x0D, 0, 4, 0, 0, 0, 0];
                if octets[..2] == [0, 4] && octets[20..28] == lifetime {
                    if tell.send(from).is_err() {
                        return;
                    }
                    continue;
                }
                // rfc8656 §18.5: an address of 198.51.100.9, under its mask
                let relayed = [0, 0x16, 0, 8, 0, 1, 1, 1, 198 ^ 0x21, 51 ^ 0x12, 100 ^ 0xA4, 9 ^ 0x42];
                let answer = [&[1, octets[1], 0, 12][..], &octets[4..20], &relayed].concat();
                socket.send_to(&answer, from).unwrap();
            }
        });
        (server, told)
    }

    #[test]
    fn what_was_lent_to_the_reserve_is_given_back() {
        // tests rfc8656 §8.1
        let (server, told) = turn_server();
        let engine = Engine::start(PortRange::default(), &[server]).unwrap();
        let gathered = engine.prepare([127, 0, 0, 1].into());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(gathered.wait());
        let relayed = || {
            let reserve = engine.reserve.lock().unwrap();
            let candidates = reserve.as_ref().map(Stream::candidates).unwrap_or_default();
            candidates.iter().filter(|found| found.kind == ruf_ice::Kind::Relayed).count()
        };
        until("both ports have an address", || relayed() == 2);
        drop(engine);
        let mut ports = [0, 1].map(|_| told.recv_timeout(Duration::from_secs(20)).unwrap().port());
        ports.sort_unstable();
        assert_eq!(ports[1], ports[0] + 1);
    }

    #[test]
    fn what_servers_say_is_known_before_there_is_a_call() {
        // tests rfc8445 §5.1.1.2
        let (server, told) = stun_server();
        let engine = Engine::start(PortRange::default(), &[server]).unwrap();
        let at = [127, 0, 0, 1].into();
        let gathered = engine.prepare(at);
        let mut known: Vec<SocketAddr> = Vec::new();
        // Two ports that had not asked before.
        let mut two_more = || {
            let begin = known.len();
            while known.len() < begin + 2 {
                let from = told.recv_timeout(Duration::from_secs(20)).unwrap();
                if !known.contains(&from) {
                    known.push(from);
                }
            }
            known.get(begin..).unwrap_or_default().to_vec()
        };
        let before = two_more();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(gathered.wait());
        let stream = engine.open(at, Box::new(|_| ())).unwrap();
        assert!(before.contains(&stream.address()), "{before:?}");
        let reflexive = || {
            let candidates = stream.candidates();
            candidates.iter().filter(|found| found.address.ip() == IpAddr::from([198, 51, 100, 9])).count()
        };
        until("both addresses are known", || reflexive() == 2);
        // The next one is made ready, while this one talks and keeps asking.
        let next = two_more();
        let other = engine.open(at, Box::new(|_| ())).unwrap();
        assert!(next.contains(&other.address()), "{next:?}");
        // One at another address of ours has no use for it.
        let elsewhere = engine.open([127, 0, 0, 2].into(), Box::new(|_| ())).unwrap();
        assert_eq!(elsewhere.address().ip(), IpAddr::from([127, 0, 0, 2]));
        let address = other.address();
        drop((engine, stream, other));
        until("its port is free", || std::net::UdpSocket::bind(address).is_ok());
    }

    #[test]
    fn the_wall_clock_as_ntp_has_it() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(500);
        assert_eq!(ntp(at), (2_208_988_800 << 32) | 0x8000_0000);
    }
}
