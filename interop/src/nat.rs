//! Phones behind NAT, and the server behind a port that is forwarded to it: who is registered, rings
//! and is rung through both, which BYE finds its way, and what the server calls itself outside.
//!
//! Media is not listened to: a phone behind NAT is heard once the server carries media.

mod call;
mod large;
mod outside;
mod town;

use std::path::Path;
use std::time::Instant;

use crate::failure::Outcome;
use crate::phone::Make;
use crate::program;
use town::Town;

type Check = (&'static str, fn(&mut Town) -> Outcome<String>);

const CHECKS: [Check; 5] = [
    ("phones behind NAT are registered", call::registered),
    ("baresip behind NAT rings and is rung", call::baresip),
    ("linphone behind NAT rings and is rung", call::linphone),
    ("a call between two phones behind one NAT", call::neighbours),
    ("an INVITE of 4 kB reaches a phone behind NAT", large::reaches),
];

/// Runs all checks; true if each went well.
pub(crate) fn run(folder: &Path) -> Outcome<bool> {
    let began = Instant::now();
    for make in [Make::Baresip, Make::Linphone] {
        make.present()?;
    }
    program::present("nft", "nftables")?;
    program::present("ip", "iproute2")?;
    let mut town = Town::start(folder)?;
    let mut fine = true;
    for (title, check) in CHECKS {
        fine &= say(title, check(&mut town));
    }
    fine &= say("what the server calls itself outside", outside::named(&town));
    fine &= say("the end by SIGTERM", town.end());
    println!("{} s", began.elapsed().as_secs());
    Ok(fine)
}

fn say(title: &str, outcome: Outcome<String>) -> bool {
    match &outcome {
        Ok(seen) => println!("ok      {title}{}{seen}", if seen.is_empty() { "" } else { ": " }),
        Err(failure) => println!("FAILED  {title}: {failure}"),
    }
    outcome.is_ok()
}
