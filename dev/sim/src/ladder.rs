//! Ladders: a trace in one line, which flows assert, and as a drawing, which people read.
//!
//! ```text
//! a→s INVITE | s→a 407 | a→s ACK | a→s INVITE✗
//! ```
//!
//! Lost datagrams carry a cross, doubled ones `×2`. The order is that of sending. Pings are not shown.

use std::fmt::Write as _;

use crate::sim::{HostId, Sim};
use crate::trace::{Sight, Summary};

/// Characters between two posts.
const SPAN: usize = 26;
/// Where the first post stands: right of the time.
const MARGIN: usize = 10;

/// The trace of a simulation in one line, from the sight numbered `from` on.
pub fn line(sim: &Sim, from: usize) -> String {
    let steps = shown(sim, from).map(|sight| step(sim, sight));
    steps.collect::<Vec<_>>().join(" | ")
}

fn shown(sim: &Sim, from: usize) -> impl Iterator<Item = &Sight> {
    sim.trace().sights.iter().skip(from).filter(|sight| !sight.is_ping())
}

fn step(sim: &Sim, sight: &Sight) -> String {
    let fate = match sight.arrivals.len() {
        0 => "✗",
        1 => "",
        _ => "×2",
    };
    arrow(sim, sight.from, sight.to, sight.message.as_ref()) + fate
}

/// One datagram as it stands in the line: `a→s INVITE`.
pub(crate) fn arrow(sim: &Sim, from: HostId, to: Option<HostId>, message: Option<&Summary>) -> String {
    let to = to.map_or('?', |to| sim.letter(to));
    format!("{}→{to} {}", sim.letter(from), title(message))
}

fn title(message: Option<&Summary>) -> String {
    message.map_or_else(|| "·".to_owned(), Summary::title)
}

/// The trace as a drawing: one post for each host, one arrow for each datagram, seconds on the left.
pub fn drawing(sim: &Sim, from: usize) -> String {
    let hosts = posts(sim, from);
    let mut text = String::new();
    let heads: Vec<&str> = hosts.iter().map(|&host| sim.name(host)).collect();
    let mut head = String::new();
    for (i, name) in heads.iter().enumerate() {
        let post = MARGIN + i * SPAN;
        let start = post.saturating_sub(name.chars().count() / 2);
        head.extend(std::iter::repeat_n(' ', start.saturating_sub(head.chars().count())));
        head.push_str(name);
    }
    let _ = writeln!(text, "{head}");
    for sight in shown(sim, from) {
        let _ = writeln!(text, "{}", row(&hosts, sight));
    }
    text
}

/// Those who take part; servers stand between the first phone and the others.
fn posts(sim: &Sim, from: usize) -> Vec<HostId> {
    let sights = || shown(sim, from);
    let takes_part = |host: &HostId| sights().any(|sight| sight.from == *host || sight.to == Some(*host));
    let (servers, mut posts): (Vec<HostId>, Vec<HostId>) =
        sim.hosts().filter(takes_part).partition(|host| sim.is_server(*host));
    for server in servers.into_iter().rev() {
        posts.insert(posts.len().min(1), server);
    }
    posts
}

fn row(hosts: &[HostId], sight: &Sight) -> String {
    let mut row: Vec<char> = vec![' '; MARGIN + hosts.len() * SPAN + 1];
    let time = format!("{:8.3}", sight.at.as_micros() as f64 / 1e6);
    put(&mut row, 0, &time);
    let post = |host: HostId| hosts.iter().position(|other| *other == host).map(|i| MARGIN + i * SPAN);
    for (i, _) in hosts.iter().enumerate() {
        put(&mut row, MARGIN + i * SPAN, "|");
    }
    let (Some(from), to) = (post(sight.from), sight.to.and_then(post)) else { return row.iter().collect() };
    // What is sent to nobody ends before the next post, or beyond the last one.
    let to = to.unwrap_or(from + SPAN);
    let (left, right) = (from.min(to), from.max(to));
    for i in left + 1..right {
        put(&mut row, i, "-");
    }
    let lost = sight.is_lost();
    match (to > from, lost) {
        (true, false) => put(&mut row, right - 1, ">"),
        (false, false) => put(&mut row, left + 1, "<"),
        (true, true) => put(&mut row, right - 4, "x   "),
        (false, true) => put(&mut row, left + 1, "   x"),
    }
    let mut label = format!(" {} ", title(sight.message.as_ref()));
    if sight.arrivals.len() > 1 {
        label.push_str("×2 ");
    }
    let middle = (left + right) / 2;
    put(&mut row, middle.saturating_sub(label.chars().count() / 2), &label);
    row.iter().collect::<String>().trim_end().to_owned()
}

fn put(row: &mut [char], at: usize, text: &str) {
    for (cell, character) in row.iter_mut().skip(at).zip(text.chars()) {
        *cell = character;
    }
}
