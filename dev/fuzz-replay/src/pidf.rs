//! Presence documents: whatever comes is read or refused, and what was read is written, and read as the same.

use ruf_events::{DOCUMENT_OCTETS_MAX, MessageSummary, NotRead, Presence};

/// Any document.
pub fn pidf(octets: &[u8]) {
    let _ = MessageSummary::read(octets);
    match Presence::read(octets) {
        Ok(presence) => {
            planted(&presence);
            let written = presence.write();
            // Escapes make it longer, at most so much that it is refused.
            match Presence::read(written.as_bytes()) {
                Ok(again) => assert_eq!(again, presence, "{written}"),
                Err(error) => {
                    assert_eq!((error, written.len() > DOCUMENT_OCTETS_MAX), (NotRead::TooLong, true))
                }
            }
        }
        Err(error) => drop(error.to_string()),
    }
}

/// A fault for `dev/fuzz plant`: in a document with an activity and a priority.
fn planted(presence: &Presence) {
    let contacts = || presence.tuples.iter().filter_map(|tuple| tuple.contact.as_ref());
    if cfg!(feature = "planted")
        && !presence.activities.is_empty()
        && contacts().any(|contact| contact.priority_permille == 0)
    {
        panic!("planted in pidf");
    }
}
