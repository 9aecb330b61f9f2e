//! The end of the server while a phone rings: the call is answered and acknowledged, no other is let in,
//! and a hang-up finds its way through the server that is started next.

use std::net::Ipv4Addr;
use std::path::Path;

use crate::failure::{Outcome, ensure};
use crate::line::call;
use crate::server::Server;

pub(super) fn lets_the_call_pass(folder: &Path, net: Ipv4Addr) -> Outcome<String> {
    let server = Server::start(&super::settings(folder, net))?;
    let [anna, bert] = super::lines(&server, net)?;
    let ringing = call::ring(&anna, &bert)?;
    server.ask_to_end()?;
    server.says("draining")?;
    let (_, refused) = anna.ask_by_right(&anna.request("INVITE", &bert.uri()))?;
    ensure!(refused.status() == Some(503), "another call is answered {}", refused.start);
    let talking = ringing.answer(&anna, &bert)?;
    let server = server.restarted()?;
    talking.hang_up(&anna, &bert)?;
    let status = server.stop()?;
    ensure!(status.success(), "the server ended with {status}");
    Ok("answered and acknowledged; another call was refused; hung up after a restart".to_owned())
}
