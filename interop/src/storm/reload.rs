//! Another configuration while 100 calls stand: by `ruf reload` and by SIGHUP, and one that is wrong. No
//! call is dropped, and every hang-up finds its way.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use crate::failure::{Outcome, ensure};
use crate::program;
use crate::server::DOMAIN;
use crate::sipp::Load;
use crate::wire::{Mark, Packet, Wire};

const CALLS: usize = 100;
const CALLS_PER_SEC: u32 = 100;
/// How long each call stands: the configuration changes in this time.
const TALK: Duration = Duration::from_secs(5);
/// How long it may take until all calls stand.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn drops_none(folder: &Path, net: Ipv4Addr) -> Outcome<String> {
    program::present("sipp", "sip-tester")?;
    let wire = Wire::open()?;
    let tap = wire.tap(net);
    let file = folder.join("ruf.toml");
    std::fs::write(&file, "[limits]\ntransactions = 10000\n")?;
    let load = Load::start(folder, net, &format!("--digest MD5 --config {}", file.display()))?;
    let running = load.call(CALLS, CALLS_PER_SEC, TALK)?;
    let callee = load.callee();
    let count = |packets: &[std::sync::Arc<Packet>], method: &str| {
        let came = packets.iter().filter(|packet| packet.destination.ip() == callee);
        came.filter(|packet| packet.sip.as_ref().is_some_and(|sip| sip.is_request(method))).count()
    };
    let stand = tap.wait_until(Mark::START, PATIENCE, PATIENCE, |packets| {
        (count(packets, "ACK") >= CALLS).then_some(())
    });
    ensure!(stand.is_some(), "{CALLS} calls do not stand after {} s", PATIENCE.as_secs());

    std::fs::write(&file, "[limits]\ntransactions = 20000\n")?;
    load.server.reload()?;
    std::fs::write(&file, format!("[[domain]]\nname = \"{DOMAIN}\"\nnonsense = true\n"))?;
    ensure!(load.server.reload().is_err(), "`ruf reload` takes a configuration that is wrong");
    std::fs::write(&file, "[server]\nlog = \"debug\"\n")?;
    load.server.hang_up()?;
    load.server.says("the log level")?;
    let over = count(&tap.since(Mark::START), "BYE");
    ensure!(over == 0, "{over} calls were over before the last configuration came");

    load.all_fine(running, CALLS)?;
    load.end()?;
    Ok("`ruf reload`, one that is wrong, and SIGHUP: none was dropped".to_owned())
}
