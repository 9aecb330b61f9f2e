//! Heavy weather: thousands of connections that say nothing, another configuration in the middle of
//! calls, and the end of the server while a phone rings.

mod drain;
mod reload;
mod secure;
mod silent;

use std::net::Ipv4Addr;
use std::path::Path;

use crate::digest::Account;
use crate::failure::Outcome;
use crate::line::Line;
use crate::place;
use crate::server::{Server, Settings};
use crate::verdict;

type Check = (&'static str, fn(&Path, Ipv4Addr) -> Outcome<String>);

const CHECKS: [Check; 5] = [
    ("10,000 connections that say nothing", silent::are_borne),
    ("10,000 connections without a handshake on the port of TLS", silent::without_handshakes),
    ("thousands of connections that say nothing behind their handshake", silent::behind_handshakes),
    ("another configuration during 100 calls", reload::drops_none),
    ("SIGTERM while a phone rings", drain::lets_the_call_pass),
];

/// The network of the first check; each has one of its own.
const NET: u8 = 90;

/// Runs all checks; true if each went well.
pub(crate) fn run(folder: &Path) -> Outcome<bool> {
    let mut fine = true;
    for (number, (title, check)) in CHECKS.into_iter().enumerate() {
        let folder = folder.join(number.to_string());
        std::fs::create_dir_all(&folder)?;
        fine &= verdict::say(title, check(&folder, place::net(NET + number as u8)));
    }
    Ok(fine)
}

const ANNA: Account = Account { user: "anna", secret: "secret-of-anna" };
const BERT: Account = Account { user: "bert", secret: "secret-of-bert" };

/// Settings of a server at `.1` of a network, with accounts for [`lines`].
fn settings(folder: &Path, net: Ipv4Addr) -> Settings {
    Settings::new(&folder.join("data"), host(net, 1))
        .user(ANNA.user, ANNA.secret)
        .user(BERT.user, BERT.secret)
}

/// Two phones that are registered.
fn lines(server: &Server, net: Ipv4Addr) -> Outcome<[Line; 2]> {
    let line = |last, account| -> Outcome<Line> {
        let line = Line::new(host(net, last), account, server.address)?;
        line.register()?;
        Ok(line)
    };
    Ok([line(2, ANNA)?, line(3, BERT)?])
}

fn host(net: Ipv4Addr, last: u8) -> Ipv4Addr {
    let [a, b, c, _] = net.octets();
    Ipv4Addr::new(a, b, c, last)
}
