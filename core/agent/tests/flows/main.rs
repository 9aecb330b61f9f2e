//! Flows of user agents, one file for each, named by its ladder. Two agents stand back to back
//! ([`pair`]), three talk to each other ([`trio`]), or one faces a peer that the test plays ([`stage`]); time
//! is virtual. The ladder is the assertion.

// A test says what it expects by failing where it is not so.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod pair;
mod place_seeds;
mod stage;
mod trio;

mod ack_lost;
mod bye_crosses_bye;
mod bye_crosses_reinvite;
mod cancel_before_answer;
mod cancel_crosses_200;
mod digest_407;
mod first_place;
mod forked_2xx;
mod garbage;
mod glare_491;
mod hold_then_refer;
mod identity_changes;
mod info_200;
mod invite_180_200_ack_bye;
mod invite_486;
mod join;
mod message_200;
mod moved;
mod next_hop;
mod next_place;
mod no_ack_bye;
mod offer_in_200;
mod options_200;
mod prack_200;
mod prack_odd;
mod publish_200;
mod reason;
mod record_route;
mod redirect_302;
mod redirect_alone;
mod refused_requests;
mod register_401_200;
mod register_423;
mod register_439;
mod reinvite_200;
mod reinvite_cancelled;
mod reinvite_unanswered;
mod repaired_requests;
mod replaces_refused;
mod ringing_too_long;
mod seeds;
mod session_timer;
mod transfer_attended;
mod transfer_blind;
mod transfer_odd;
mod transfer_refused;
mod unreachable;
mod update_200;
mod update_odd;
mod watch_notify;
mod watch_odd;
mod watch_seeds;
mod withheld;
