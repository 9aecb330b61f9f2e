//! Who the peer is, and who it has become: a transfer that nobody sees, a PBX that connects somebody else
//! (RFC 4916 §4.4.2, RFC 3325). We send no such change: `from-change` is not claimed.

use crate::effect::Turn;
use crate::event::SessionEvent;
use crate::peer::Peer;
use crate::terms::Terms;
use ruf_message::header::privacy::PAssertedIdentity;
use ruf_message::{Fields, NameAddr, Request, Response, Uri};

/// Who sends this, as a server on the way asserts: a SIP URI, if one is among several. Whether to believe
/// it is the caller's to decide.
// rfc3325 §9.1
pub fn asserted(message: &Fields) -> Option<(Uri, String)> {
    let all = || message.headers_of::<PAssertedIdentity<'_>>().filter_map(Result::ok);
    let identity = all().find(|identity| identity.uri().is_sip()).or_else(|| all().next())?;
    Some(named(&identity))
}

fn named(address: &NameAddr<'_>) -> (Uri, String) {
    (address.uri().to_owned(), String::from_utf8_lossy(&address.display()).into_owned())
}

impl Peer {
    /// A request that was accepted says who sends it.
    // rfc4916 §4.4.2
    pub(crate) fn identify_by_request(&mut self, turn: &mut Turn<'_>, terms: &Terms, request: &Request) {
        let from = request.from();
        let has_changed = !from.uri().equivalent(&self.dialog.remote_uri().as_ref());
        if has_changed {
            // rfc4916 §4.4.2: from here on it is what To says
            self.dialog.rename(&from);
        }
        self.identify(turn, terms, request, has_changed.then(|| named(&from)));
    }

    /// So may a response.
    // rfc3325 §9.1
    pub(crate) fn identify_by_response(&mut self, turn: &mut Turn<'_>, terms: &Terms, response: &Response) {
        self.identify(turn, terms, response, None);
    }

    fn identify(
        &mut self,
        turn: &mut Turn<'_>,
        terms: &Terms,
        message: &Fields,
        claimed: Option<(Uri, String)>,
    ) {
        let believed = asserted(message).filter(|_| terms.party.trusts_asserted);
        let is_asserted = believed.is_some();
        let Some((uri, display)) = believed.or(claimed) else { return };
        let is_known = self.identity.equivalent(&uri);
        if !is_known {
            self.identity = uri.clone();
            turn.event(SessionEvent::Identity { uri, display, is_asserted });
        }
    }
}
