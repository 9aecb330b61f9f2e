//! Dialogs: identifiers, route set, CSeq, remote target (RFC 3261 section 12).
