//! A request that nobody has answered yet, kept for the 100 (Trying) that leaves if its user stays silent
//! (RFC 3261 section 17.2.1, RFC 4320 section 4.1).
//!
//! Most requests are answered before, so no 100 is made until it is due: what is kept is the request as it
//! came, which costs no copy. Not here: when it is due (the machines).

use bytes::Bytes;
use ruf_message::{Flow, Request, Response, StatusCode};

use crate::invite_client::reread;
use crate::reply;

/// The octets of a request that came in.
#[derive(Debug)]
pub(crate) struct Silent(Bytes);

impl Silent {
    pub(crate) fn of(request: &Request) -> Self {
        Silent(request.as_received())
    }

    /// The 100, without a To tag. `flow` is that of its answers: where `rport` is asked for, the port is
    /// that of the source. `None` cannot come of octets that were read as a request before.
    // rfc3261 §17.2.1
    pub(crate) fn trying(&self, flow: &Flow) -> Option<Response> {
        let mut request = reread(&self.0)?;
        reply::stamp(&mut request, flow);
        Some(request.reply(StatusCode::TRYING))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::{flow, of_method};
    use ruf_message::Transport;

    #[test]
    fn the_trying_is_that_of_the_stamped_request() {
        // tests rfc3261 §17.2.1, §18.2.1
        let flow = flow(Transport::Udp);
        let mut request = reread(&of_method("INVITE").to_bytes()).unwrap();
        let silent = Silent::of(&request);
        reply::stamp(&mut request, &flow);
        let trying = |silent: &Silent| silent.trying(&flow).map(|trying| trying.to_bytes());
        assert_eq!(trying(&silent), Some(request.reply(StatusCode::TRYING).to_bytes()));
        assert_eq!(trying(&Silent::of(&request)), trying(&silent));
    }
}
