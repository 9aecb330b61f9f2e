//! The INVITE usage of a dialog, one file per verb (RFC 3261 sections 13 to 15).
