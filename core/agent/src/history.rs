//! What a call of ours says of where it has been (RFC 7044 §6.1, RFC 5806 §5.2): it begins at one place, and each
//! further one says what became of those before.

use crate::redirect::Target;
use ruf_message::header::history::History;
use ruf_message::{HeaderName, Request, Response, StatusCode, UriRef};

/// A request that opens a call.
// rfc7044 §6.1, §9.2
pub(crate) fn begin(invite: &mut Request) {
    let mut history = History::default();
    history.begin(invite.uri(), None);
    history.write(invite);
}

/// It was at `from` and goes to another place, because of this response or because none came.
// rfc7044 §6.1, §9.3 and rfc5806 §5.2
pub(crate) fn go_on(invite: &mut Request, from: UriRef<'_>, to: &Target, refusal: Option<&Response>) {
    let mut history = History::of(invite);
    // rfc7044 §10.2: silence is a timeout
    let status = refusal.map_or(StatusCode::REQUEST_TIMEOUT, |refusal| refusal.status());
    history.refused(from, status, refusal);
    history.begin(invite.uri(), to.derived());
    history.write(invite);
    invite.remove(HeaderName::Diversion);
    for diversion in to.diversions.iter() {
        invite.add(HeaderName::Diversion, diversion);
    }
}
