//! Phones behind NAT, and the server behind a port that is forwarded to it: who is registered, rings
//! and is rung through both, which BYE finds its way, and what the server calls itself outside.
//!
//! Media is not listened to: a phone behind NAT is heard once the server carries media.

mod call;
mod idle;
mod large;
mod outside;
mod town;

use std::path::Path;
use std::time::Instant;

use crate::failure::{Failure, Outcome};
use crate::phone::Make;
use crate::program;
use crate::transport::Transport;
use town::Town;

type Check = (&'static str, fn(&mut Town) -> Outcome<String>);

const CHECKS: [Check; 6] = [
    ("phones behind NAT are registered", call::registered),
    ("baresip behind NAT rings and is rung", call::baresip),
    ("linphone behind NAT rings and is rung", call::linphone),
    ("PJSIP behind NAT rings and is rung", call::pjsip),
    ("a call between two phones behind one NAT", call::neighbours),
    ("an INVITE of 4 kB reaches a phone behind NAT", large::reaches),
];

/// Runs all checks, with phones at home that speak UDP, such that speak TCP, and such that speak TLS; true
/// if each went well.
pub(crate) fn run(folder: &Path) -> Outcome<bool> {
    let began = Instant::now();
    for make in [Make::Baresip, Make::Linphone, Make::Pjsip] {
        make.present()?;
    }
    program::present("nft", "nftables")?;
    program::present("ip", "iproute2")?;
    let played: Vec<Outcome<Vec<Line>>> = std::thread::scope(|scope| {
        [Transport::Udp, Transport::Tcp, Transport::Tls]
            .map(|transport| scope.spawn(move || play(&folder.join(transport.name()), transport)))
            .into_iter()
            .map(|town| town.join().unwrap_or_else(|_| Err(Failure::new("a town fell"))))
            .collect()
    });
    let mut fine = true;
    for (transport, lines) in ["UDP", "TCP", "TLS"].into_iter().zip(played) {
        for (title, outcome) in lines? {
            match &outcome {
                Ok(seen) => println!("ok      {transport}: {title}: {seen}"),
                Err(failure) => println!("FAILED  {transport}: {title}: {failure}"),
            }
            fine &= outcome.is_ok();
        }
    }
    println!("{} s", began.elapsed().as_secs());
    Ok(fine)
}

/// What was looked at, and what was seen.
type Line = (&'static str, Outcome<String>);

fn play(folder: &Path, transport: Transport) -> Outcome<Vec<Line>> {
    std::fs::create_dir_all(folder)?;
    let mut town = Town::start(folder, transport)?;
    let mut lines: Vec<Line> = CHECKS.map(|(title, check)| (title, check(&mut town))).into();
    if transport == Transport::Udp {
        let title = "a phone that is silent for longer than its mapping lives is rung";
        lines.push((title, idle::is_rung(&town)));
    }
    lines.push(("what the server calls itself outside", outside::named(&town)));
    lines.push(("the end by SIGTERM", town.end()));
    Ok(lines)
}
