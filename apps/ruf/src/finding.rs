//! How the server finds others: which name servers it asks, and over which of its listeners it can send.

use ruf_admission::Ourselves;
use ruf_locate::{Limits, Locator, Ways};
use ruf_message::Entropy;
use ruf_net::Dns;

use crate::config::Config;
use crate::keys;
use crate::serve::Refused;

/// The name server of the command line, or those of this machine.
pub(crate) fn dns(config: &Config) -> Result<Dns, Refused> {
    if let Some(server) = config.dns {
        return Dns::server(server).map_err(|error| Refused::config(format!("--dns {server}: {error}")));
    }
    Ok(Dns::system().unwrap_or_else(|error| {
        tracing::warn!("this machine names no name server ({error}); only numeric addresses are found");
        Dns::none()
    }))
}

/// Finds what our listeners lead to.
pub(crate) fn locator(ourselves: &Ourselves) -> Locator {
    let ways = Ways::new(ourselves.listeners.iter().map(|one| (one.transport, one.bind.ip())));
    Locator::new(Limits::default(), ways, Entropy::from_seed(keys::fresh()))
}
