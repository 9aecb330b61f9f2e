//! What the server calls itself in what it sends: the address of `--advertise`, and nowhere the one it
//! listens on.

use super::town::{SERVER_INSIDE, SERVER_OUTSIDE, Town};
use crate::failure::{Outcome, ensure};
use crate::sip::{Sip, find};
use crate::wire::Mark;

pub(super) fn named(town: &Town) -> Outcome<String> {
    let (inside, outside) = (SERVER_INSIDE.to_string(), SERVER_OUTSIDE.to_string());
    let mut requests = 0;
    let mut recorded = 0;
    for packet in town.sent_tap.since(Mark::START) {
        if packet.source.ip() != SERVER_INSIDE {
            continue;
        }
        let start = packet.sip.as_ref().map_or("a datagram", |sip| &sip.start);
        ensure!(
            find(&packet.payload, inside.as_bytes()).is_none(),
            "{start}: it tells {} the address it listens on",
            packet.destination
        );
        let Some(sip) = packet.sip.as_ref().filter(|sip| sip.method().is_some()) else { continue };
        requests += 1;
        ensure!(names(sip, "Via", &outside), "{start}: its Via does not name {outside}");
        if sip.is_request("INVITE") && sip.header("To").is_some_and(|to| !to.contains("tag=")) {
            recorded += 1;
            ensure!(
                names(sip, "Record-Route", &outside),
                "{start}: its Record-Route does not name {outside}"
            );
        }
    }
    // What TLS carries was read by the phones.
    for party in [&town.anna, &town.bert, &town.fred] {
        let packets = party.inbox.since(Mark::START);
        for packet in packets.iter().filter(|packet| packet.source.ip() == SERVER_OUTSIDE.ip()) {
            let start = packet.sip.as_ref().map_or("a datagram", |sip| &sip.start);
            let tells = find(&packet.payload, inside.as_bytes()).is_some();
            ensure!(!tells, "{start}: it tells {} the address it listens on", party.phone.settings.user);
        }
    }
    ensure!(requests > 0 && recorded > 0, "{requests} requests, {recorded} INVITE left the server");
    Ok(format!("{outside} in {requests} requests, {recorded} of them with Record-Route"))
}

/// Does the first header of this name name this place?
fn names(sip: &Sip, header: &str, place: &str) -> bool {
    sip.header(header).is_some_and(|value| value.contains(place))
}
