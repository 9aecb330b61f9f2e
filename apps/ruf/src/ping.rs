//! `ruf ping URI`: asks a SIP server or phone whether it is there, by OPTIONS (RFC 3261 section 11).
