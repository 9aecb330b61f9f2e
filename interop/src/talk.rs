//! `ruf call` and `ruf answer` with phones that nobody here wrote: who calls, what each side heard, which
//! keys it was told, who held, who hung up, and what became of the process.
//!
//! A row is a peer, its transport, and the way to it: directly, or through a server at which both are
//! registered. A peer of a row plays each of [`CALLS`]. Rows run side by side.

mod call;
pub(crate) mod hearing;
pub(crate) mod ours;
pub(crate) mod presence;
mod row;
mod text;
mod transfer;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::failure::Outcome;
use crate::phone::{Codec, Make};
use crate::transport::Transport;
use crate::verdict;
use crate::wire::Wire;
use row::Row;

/// How long anything that was asked for may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Rows at once: phones mostly wait, so more rows than cores.
const ROWS_AT_ONCE: u16 = 8;

/// One of the two sides of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// `ruf call`, `ruf answer`
    Ruf,
    /// The other make of phone.
    Peer,
}

/// A call that each row plays.
#[derive(Debug, Clone, Copy)]
struct Call {
    caller: Side,
    /// What ruf is told to speak; peers offer all of [`CODECS`].
    codec: Codec,
    /// The peer holds and takes back.
    held: bool,
    hangs_up: Side,
}

const CALLS: [Call; 6] = [
    Call { caller: Side::Ruf, codec: Codec::Pcmu, held: true, hangs_up: Side::Ruf },
    Call { caller: Side::Ruf, codec: Codec::G722, held: false, hangs_up: Side::Peer },
    Call { caller: Side::Ruf, codec: Codec::Opus, held: false, hangs_up: Side::Peer },
    Call { caller: Side::Peer, codec: Codec::Pcma, held: false, hangs_up: Side::Ruf },
    Call { caller: Side::Peer, codec: Codec::G722, held: true, hangs_up: Side::Peer },
    Call { caller: Side::Peer, codec: Codec::Opus, held: false, hangs_up: Side::Ruf },
];

/// What peers are set to.
const CODECS: &[Codec] = &[Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::Opus];

/// How the two reach each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Each at the other's address.
    Direct,
    /// Both are registered at a server.
    Served,
}

/// What protects the sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Media {
    /// Nothing.
    Plain,
    /// Nothing, and both seek the best way for it (ICE, RFC 8445).
    Ice,
    /// SRTP with keys in SDP (RFC 4568): both insist on it.
    Srtp,
}

const WAYS: [(Transport, Way, Media); 10] = [
    (Transport::Udp, Way::Direct, Media::Plain),
    (Transport::Tcp, Way::Direct, Media::Plain),
    (Transport::Tls, Way::Direct, Media::Plain),
    (Transport::Udp, Way::Served, Media::Plain),
    (Transport::Tcp, Way::Served, Media::Plain),
    (Transport::Tls, Way::Served, Media::Plain),
    (Transport::Udp, Way::Direct, Media::Srtp),
    (Transport::Tls, Way::Served, Media::Srtp),
    (Transport::Udp, Way::Direct, Media::Ice),
    (Transport::Udp, Way::Served, Media::Ice),
];

const MAKES: [Make; 3] = [Make::Baresip, Make::Linphone, Make::Pjsip];

/// Who plays in a row, and how.
#[derive(Debug, Clone, Copy)]
struct Cast {
    peer: Make,
    transport: Transport,
    way: Way,
    media: Media,
}

impl Cast {
    /// The peer does that here: PJSIP has no candidates on a loopback, linphonec was not brought to do ICE.
    fn can(self) -> bool {
        self.media != Media::Ice || self.peer == Make::Baresip
    }

    /// What it plays.
    fn calls(self) -> Vec<Call> {
        let can = |call: &Call| call.caller == Side::Peer || self.peer_listens();
        CALLS.into_iter().filter(|call| self.peer.speaks(call.codec) && can(call)).collect()
    }

    /// The peer can be called: linphone takes no connection of TLS from anybody.
    fn peer_listens(self) -> bool {
        !(self.peer == Make::Linphone && self.transport == Transport::Tls && self.way == Way::Direct)
    }

    /// An address leads to its phone, without a word of its transport.
    fn is_found_by_address(self) -> bool {
        self.way == Way::Served || self.transport == Transport::Udp
    }

    fn title(self) -> String {
        let way = match self.way {
            Way::Direct => "directly",
            Way::Served => "by the server",
        };
        let media = match self.media {
            Media::Plain => "",
            Media::Ice => ", with ICE",
            Media::Srtp => ", in SRTP",
        };
        format!("{} over {}, {way}{media}", self.peer.name(), self.transport.via())
    }
}

impl Call {
    fn title(self) -> String {
        let who = match self.caller {
            Side::Ruf => "ruf calls",
            Side::Peer => "ruf answers",
        };
        format!("{who}, {}", self.codec.name())
    }
}

/// Plays all rows and says what became of each; true if all went well.
pub(crate) fn run(folder: &Path) -> Outcome<bool> {
    let began = Instant::now();
    for make in MAKES {
        make.present()?;
    }
    let wire = Wire::open()?;
    let of = |(transport, way, media)| MAKES.map(|peer| Cast { peer, transport, way, media });
    let casts: Vec<Cast> = WAYS.into_iter().flat_map(of).filter(|cast| cast.can()).collect();
    let mut fine = true;
    for (cast, outcome) in play_all(&wire, folder, &casts) {
        fine &= verdict::say(&cast.title(), outcome);
    }
    println!(
        "{} calls, {} s",
        casts.iter().map(|cast| cast.calls().len()).sum::<usize>(),
        began.elapsed().as_secs()
    );
    Ok(fine)
}

fn play_all(wire: &Wire, folder: &Path, casts: &[Cast]) -> Vec<(Cast, Outcome<String>)> {
    let next = AtomicUsize::new(0);
    let played = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for slot in 0..ROWS_AT_ONCE {
            let (next, played) = (&next, &played);
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(&cast) = casts.get(number) else { return };
                    let folder = folder.join(format!("row-{}", number + 1));
                    let outcome = Row::start(wire, folder, number as u8 + 1, slot, cast).and_then(Row::play);
                    played.lock().unwrap_or_else(PoisonError::into_inner).push((number, cast, outcome));
                }
            });
        }
    });
    let mut played = played.into_inner().unwrap_or_else(PoisonError::into_inner);
    played.sort_by_key(|(number, ..)| *number);
    played.into_iter().map(|(_, cast, outcome)| (cast, outcome)).collect()
}
