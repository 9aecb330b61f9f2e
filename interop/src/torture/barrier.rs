//! How silence is proved: what is sent behind a message, so that its answer comes behind the answer to the
//! message.
//!
//! A server may share its work out among several workers: by the socket that a message came over, by its
//! Call-ID, or by both in turn. A barrier therefore takes every step that the message took: over the same
//! socket, with the same Call-ID, and as a request that only he can answer who knows the calls of that
//! Call-ID: a CANCEL of an INVITE that never was (481, RFC 3261 section 9.2). What the message had forwarded
//! left by the callee's socket; so the last barrier goes and comes by that one.
//!
//! A message without a Call-ID belongs to nobody but the reader of its socket, and is refused there: behind it
//! a barrier of any Call-ID will do.

use super::{Bench, PATIENCE};
use crate::failure::Outcome;
use crate::plug::Plug;
use crate::raw;
use crate::sip::Sip;
use crate::wire::Mark;

/// How the branches of all barriers begin.
const BRANCH: &str = "z9hG4bK-barrier-";

impl Bench {
    /// Sends barriers behind a message with these Call-IDs, and waits for their answers.
    pub(super) fn stand_behind(&self, call_ids: &[String], from: Mark) -> Outcome<()> {
        let nobodys = [raw::unique()];
        for call_id in if call_ids.is_empty() { &nobodys } else { call_ids } {
            // The second is sent when the first was answered, so that the turn that took the message is over.
            for plug in [&self.sender, &self.sender, &self.callee] {
                self.barrier(plug, call_id, from)?;
            }
        }
        Ok(())
    }

    fn barrier(&self, plug: &Plug, call_id: &str, from: Mark) -> Outcome<()> {
        let local = plug.address()?;
        let mut request = raw::Request::new("CANCEL", "sip:barrier@example.com", local)
            .over(self.transport)
            .between("sip:barrier@elsewhere.test", "sip:barrier@example.com");
        request.branch = format!("{BRANCH}{}", raw::unique());
        call_id.clone_into(&mut request.call_id);
        plug.send(request.text().as_bytes())?;
        let what = format!("the answer to the barrier of {call_id}");
        self.tap.wait_sip(from, PATIENCE, (self.at, local), &what, |sip| {
            sip.is_response(481, "CANCEL") && branch(sip).contains(&request.branch)
        })?;
        Ok(())
    }
}

/// Does this answer a barrier?
pub(super) fn is_answered_by(sip: &Sip) -> bool {
    sip.status().is_some() && branch(sip).contains(BRANCH)
}

/// The branch, and whatever else is in the top Via.
fn branch(sip: &Sip) -> &str {
    sip.header("Via").unwrap_or_default()
}
