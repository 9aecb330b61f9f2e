//! The table of real phones: who calls whom through the server, and what was seen on the wire.
//!
//! A row is a server of its own and three phones: A does what the columns say, B is its partner, C is
//! whom B is handed to. Rows run side by side; a row whose call broke starts its phones anew for the
//! next call, so that one fault costs one stage.

mod call;
mod row;

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::failure::{Failure, Outcome};
use crate::phone::Make;
use crate::place;
use crate::transport::Transport;
use crate::wire::Wire;
use row::Row;

/// Rows at once: phones mostly wait, so more rows than cores.
const ROWS_AT_ONCE: u16 = 6;

/// What each row shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cell {
    Register,
    WrongPassword,
    AToB,
    Tone,
    HeldSilent,
    Resumed,
    CallerHangsUp,
    BToA,
    CalleeHangsUp,
    Transferred,
    GivenUp,
}

const CELLS: [Cell; 11] = [
    Cell::Register,
    Cell::WrongPassword,
    Cell::AToB,
    Cell::BToA,
    Cell::Tone,
    Cell::HeldSilent,
    Cell::Resumed,
    Cell::Transferred,
    Cell::CallerHangsUp,
    Cell::CalleeHangsUp,
    Cell::GivenUp,
];

impl Cell {
    fn title(self) -> &'static str {
        match self {
            Cell::Register => "register",
            Cell::WrongPassword => "wrong password",
            Cell::AToB => "A to B",
            Cell::BToA => "B to A",
            Cell::Tone => "tone",
            Cell::HeldSilent => "held: silent",
            Cell::Resumed => "resumed",
            Cell::Transferred => "blind transfer",
            Cell::GivenUp => "given up",
            Cell::CallerHangsUp => "caller hangs up",
            Cell::CalleeHangsUp => "callee hangs up",
        }
    }
}

/// A phone and what it is set to.
type Handset = (Make, Transport);

/// Who plays in a row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cast {
    /// Phone A.
    a: Handset,
    /// Phones B and C.
    others: Handset,
    /// `--digest`, where it is not left to the server.
    digest: Option<&'static str>,
}

const MAKES: [Make; 3] = [Make::Baresip, Make::Linphone, Make::Pjsip];

/// Calls from one transport to another.
const ACROSS: [(Handset, Handset); 5] = [
    ((Make::Baresip, Transport::Udp), (Make::Pjsip, Transport::Tcp)),
    ((Make::Linphone, Transport::Tcp), (Make::Baresip, Transport::Udp)),
    ((Make::Pjsip, Transport::Tcp), (Make::Linphone, Transport::Udp)),
    ((Make::Linphone, Transport::Udp), (Make::Pjsip, Transport::Tls)),
    ((Make::Baresip, Transport::Tls), (Make::Linphone, Transport::Tcp)),
];

/// Every make with every make over each transport, some across, and each with itself by MD5 alone.
fn casts() -> Vec<Cast> {
    let mut casts = Vec::new();
    for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
        for a in MAKES {
            for others in MAKES {
                casts.push(Cast { a: (a, transport), others: (others, transport), digest: None });
            }
        }
    }
    casts.extend(ACROSS.map(|(a, others)| Cast { a, others, digest: None }));
    for make in MAKES {
        let set = (make, Transport::Udp);
        casts.push(Cast { a: set, others: set, digest: Some("MD5") });
    }
    casts
}

impl Cast {
    /// baresip's hold and REFER may leave back to back. Another baresip takes both; linphone answers the
    /// second with 491, and the call is over, whoever stands between.
    fn holds_and_refers_at_once(self) -> bool {
        self.a.0 == Make::Baresip && self.others.0 == Make::Baresip
    }

    /// linphone 5.1 ends its NOTIFYs with `reason=reason=noresource`, which PJSIP drops as a syntax error:
    /// it never learns that the transfer went well, and its user hangs up.
    fn hangs_up_by_hand(self) -> bool {
        self.a.0 == Make::Pjsip && self.others.0 == Make::Linphone
    }

    /// What the server listens on beside UDP.
    fn streams(self) -> Vec<Transport> {
        let mut streams = vec![self.a.1, self.others.1];
        streams.dedup();
        streams.retain(|transport| *transport != Transport::Udp);
        streams
    }

    fn title(self) -> String {
        let ((a, _), (others, _)) = (self.a, self.others);
        if a == others { a.name().to_owned() } else { format!("{} with {}", a.name(), others.name()) }
    }

    fn transports(self) -> String {
        let (a, others) = (self.a.1.name(), self.others.1.name());
        if a == others { a.to_owned() } else { format!("{a}, {others}") }
    }
}

/// What a row came to.
pub(crate) struct Played {
    /// The digest algorithms that the phones answered with.
    algorithms: String,
    cells: Vec<(Cell, Outcome<()>)>,
    /// Whether the server ended well.
    ended: Outcome<()>,
}

/// Plays all rows and prints the table; true if every cell is ok.
pub(crate) fn run(folder: &Path) -> Outcome<bool> {
    let began = Instant::now();
    for make in MAKES {
        make.present()?;
    }
    let wire = Wire::open()?;
    let played = play_all(&wire, folder);
    print(&played);
    let failed: usize = played.iter().map(|(_, row)| row.failed()).sum();
    println!("{} rows, {failed} cells failed, {} s", played.len(), began.elapsed().as_secs());
    Ok(failed == 0)
}

fn play_all(wire: &Wire, folder: &Path) -> Vec<(Cast, Played)> {
    let casts = casts();
    let next = AtomicUsize::new(0);
    let played = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for slot in 0..ROWS_AT_ONCE {
            let (casts, next, played) = (&casts, &next, &played);
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(&cast) = casts.get(number) else { return };
                    let row = play(wire, folder, number, slot, cast);
                    played.lock().unwrap_or_else(PoisonError::into_inner).push((number, cast, row));
                }
            });
        }
    });
    let mut played = played.into_inner().unwrap_or_else(PoisonError::into_inner);
    played.sort_by_key(|(number, _, _)| *number);
    played.into_iter().map(|(_, cast, row)| (cast, row)).collect()
}

fn play(wire: &Wire, folder: &Path, number: usize, slot: u16, cast: Cast) -> Played {
    let net = place::net(number as u8 + 1);
    let folder = folder.join(format!("row-{}", number + 1));
    match Row::start(wire, &folder, net, slot, cast) {
        Ok(row) => row.play(),
        Err(failure) => Played { algorithms: String::new(), cells: Vec::new(), ended: Err(failure) },
    }
}

impl Played {
    /// What became of a cell; nothing if it was never reached.
    fn outcome(&self, wanted: Cell) -> Option<&Outcome<()>> {
        self.cells.iter().find(|(cell, _)| *cell == wanted).map(|(_, outcome)| outcome)
    }

    fn is_ok(&self, cell: Cell) -> bool {
        self.outcome(cell).is_some_and(Result::is_ok)
    }

    /// How many cells are not ok; the end of the server counts as one.
    fn failed(&self) -> usize {
        CELLS.iter().filter(|&&cell| !self.is_ok(cell)).count() + usize::from(self.ended.is_err())
    }

    /// What failed, and why.
    fn failures(&self) -> Vec<(&'static str, Failure)> {
        let cells = self.cells.iter().map(|(cell, outcome)| (cell.title(), outcome));
        let all = cells.chain([("the server", &self.ended)]);
        all.filter_map(|(title, outcome)| Some((title, outcome.clone().err()?))).collect()
    }
}

fn print(played: &[(Cast, Played)]) {
    let mut heads = vec!["peer".to_owned(), "over".to_owned(), "--digest".to_owned(), "answered".to_owned()];
    heads.extend(CELLS.iter().map(|cell| cell.title().to_owned()));
    let rows: Vec<Vec<String>> = played
        .iter()
        .map(|(cast, row)| {
            let mut line = vec![
                cast.title(),
                cast.transports(),
                cast.digest.unwrap_or("default").to_owned(),
                row.algorithms.clone(),
            ];
            line.extend(CELLS.map(|cell| match row.outcome(cell) {
                Some(Ok(())) => "ok".to_owned(),
                Some(Err(_)) => "FAILED".to_owned(),
                None => "not reached".to_owned(),
            }));
            line
        })
        .collect();
    print_columns(&heads, &rows);
    for (number, (cast, row)) in played.iter().enumerate() {
        for (title, failure) in row.failures() {
            let digest = cast.digest.unwrap_or("default");
            let (peer, over) = (cast.title(), cast.transports());
            println!("row {} ({peer} over {over}, --digest {digest}), {title}: {failure}", number + 1);
        }
    }
}

/// Prints lines in columns, two spaces apart.
fn print_columns(heads: &[String], rows: &[Vec<String>]) {
    let widths: Vec<usize> = heads
        .iter()
        .enumerate()
        .map(|(column, head)| {
            rows.iter().filter_map(|row| row.get(column)).map(String::len).fold(head.len(), usize::max)
        })
        .collect();
    for line in std::iter::once(heads).chain(rows.iter().map(Vec::as_slice)) {
        let cells: Vec<String> =
            line.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}")).collect();
        println!("{}", cells.join("  ").trim_end());
    }
}

/// The address of `host` in a row's network.
fn address(net: Ipv4Addr, host: u8) -> Ipv4Addr {
    let [a, b, c, _] = net.octets();
    Ipv4Addr::new(a, b, c, host)
}
