//! Call flows through the server, one file per ladder, after RFC 3665 and RFC 5407. The one-line
//! ladder is the assertion; the drawing goes to docs/flows.

#![allow(clippy::panic)] // a test may

mod stage;

mod ack_lost;
mod ack_lost_bye;
mod ack_lost_offer_in_200;
mod ack_lost_reinvite;
mod anonymous_call;
mod busy_486;
mod bye_before_ack;
mod bye_crosses_bye;
mod bye_crosses_refer;
mod bye_crosses_reinvite;
mod callee_hangs_up;
mod callee_quit_500;
mod callee_silent_408;
mod cancel_before_provisional;
mod cancel_crosses_200;
mod conference_added;
mod conference_joined;
mod consultation_hold;
mod direct_call;
mod dns_silent_other_call_unhurt;
mod drain_while_ringing;
mod early_bye_crosses_200;
mod failover_503;
mod failover_icmp;
mod failover_in_call;
mod failover_of_a_call;
mod failover_silence;
mod fork_answered_elsewhere;
mod fork_busy_486;
mod fork_cancel_487;
mod fork_declined_603;
mod fork_two_answers;
mod forward_busy;
mod forward_no_answer;
mod glare_491;
mod gruu_bye_after_rebind;
mod gruu_call_after_restart;
mod gruu_device_away;
mod hold_resume;
mod invite_180_200_ack_bye;
mod invite_answer_lost;
mod invite_crosses_200;
mod message_200;
mod moved_in_call;
mod music_on_hold;
mod nat_kept_open;
mod nat_phone_called;
mod nat_rebinds;
mod no_answer_cancel_487;
mod not_registered_480;
mod options_200;
mod overload_503;
mod overload_neighbour;
mod picked_up;
mod prack_183;
mod redirect_302;
mod redirect_offer_in_ack;
mod refresh_crosses_reinvite;
mod register_401_200;
mod register_again;
mod register_answer_lost;
mod register_query;
mod register_wrong_password;
mod reinvite_then_bye;
mod reload_in_call;
mod server_restarts_in_call;
mod server_restarts_while_ringing;
mod session_refreshed;
mod through_alg;
mod transfer_attended;
mod transfer_blind;
mod transfer_by_message;
mod two_reg_ids_one_rings;
mod unavailable_480;
mod unknown_404;
mod unregister;
mod update_200;
mod watch_allowed;
mod watch_expired;
mod watch_forked;
mod watch_notify;
mod watch_refused;
mod watch_terminated;

/// The index of docs/flows names every page, and every page has its file here.
#[test]
fn the_index_names_every_flow() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/flows");
    let index = std::fs::read_to_string(folder.join("README.md")).expect("docs/flows/README.md");
    for entry in std::fs::read_dir(&folder).expect("docs/flows") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        if name == "README.md" {
            continue;
        }
        assert!(index.contains(&format!("({name})")), "docs/flows/README.md does not name {name}");
        let test = format!("{}/tests/flows/{}", env!("CARGO_MANIFEST_DIR"), name.replace(".md", ".rs"));
        assert!(std::path::Path::new(&test).exists(), "{name} has no {test}");
    }
}
