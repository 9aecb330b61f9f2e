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
use crate::wire::Wire;
use crate::{place, program};
use row::Row;

/// Rows at once: phones mostly wait, so more rows than cores.
const ROWS_AT_ONCE: usize = 4;

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

/// Who plays in a row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cast {
    /// Phone A.
    a: Make,
    /// Phones B and C.
    others: Make,
    /// `--digest`, where it is not left to the server.
    digest: Option<&'static str>,
}

const CASTS: [Cast; 8] = {
    use Make::{Baresip, Linphone};
    const fn cast(a: Make, others: Make, digest: Option<&'static str>) -> Cast {
        Cast { a, others, digest }
    }
    [
        cast(Linphone, Linphone, None),
        cast(Baresip, Baresip, None),
        cast(Linphone, Baresip, None),
        cast(Baresip, Linphone, None),
        cast(Linphone, Linphone, Some("MD5")),
        cast(Baresip, Baresip, Some("MD5")),
        cast(Linphone, Baresip, Some("MD5")),
        cast(Baresip, Linphone, Some("MD5")),
    ]
};

impl Cast {
    /// baresip's hold and REFER may leave back to back. Another baresip takes both; linphone answers the
    /// second with 491, and the call is over, whoever stands between.
    fn holds_and_refers_at_once(self) -> bool {
        self.a == Make::Baresip && self.others == Make::Baresip
    }

    fn title(self) -> String {
        let (a, others) = (self.a.program().0, self.others.program().0);
        if self.a == self.others { a.to_owned() } else { format!("{a} with {others}") }
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
    for make in [Make::Baresip, Make::Linphone] {
        let (program, package) = make.program();
        program::present(program, package)?;
    }
    let wire = Wire::open()?;
    let played = play_all(&wire, folder);
    print(&played);
    let failed: usize = played.iter().map(|(_, row)| row.failed()).sum();
    println!("{} rows, {failed} cells failed, {} s", played.len(), began.elapsed().as_secs());
    Ok(failed == 0)
}

fn play_all(wire: &Wire, folder: &Path) -> Vec<(Cast, Played)> {
    let next = AtomicUsize::new(0);
    let played = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..ROWS_AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(&cast) = CASTS.get(number) else { return };
                    let row = play(wire, folder, number, cast);
                    played.lock().unwrap_or_else(PoisonError::into_inner).push((number, cast, row));
                }
            });
        }
    });
    let mut played = played.into_inner().unwrap_or_else(PoisonError::into_inner);
    played.sort_by_key(|(number, _, _)| *number);
    played.into_iter().map(|(_, cast, row)| (cast, row)).collect()
}

fn play(wire: &Wire, folder: &Path, number: usize, cast: Cast) -> Played {
    let net = place::net(number as u8 + 1);
    let folder = folder.join(format!("row-{}", number + 1));
    match Row::start(wire, &folder, net, cast) {
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
    let mut heads = vec!["peer".to_owned(), "--digest".to_owned(), "answered".to_owned()];
    heads.extend(CELLS.iter().map(|cell| cell.title().to_owned()));
    let rows: Vec<Vec<String>> = played
        .iter()
        .map(|(cast, row)| {
            let mut line =
                vec![cast.title(), cast.digest.unwrap_or("default").to_owned(), row.algorithms.clone()];
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
            println!("row {} ({}, --digest {digest}), {title}: {failure}", number + 1, cast.title());
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
