//! What must hold of every run, whatever the network did.
//!
//! | checker | what |
//! |---|---|
//! | [`one_final_answer`] | an INVITE transaction has one final answer, or only 2xx |
//! | [`cseq_is_monotone`] | within a dialog or registration, each new request counts on |
//! | [`nothing_outlives_its_timer`] | no request and no final response is sent after 64*T1 |
//! | [`everything_parses`] | nobody sent what we would not read |
//! | [`nothing_is_left`] | after the last timer every table is empty |

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ruf_message::{Method, Tick};

use crate::sim::{HostId, Sim};
use crate::trace::{Kind, Sight, Summary};

/// 64*T1, and the longest that the network takes.
const TIMER_MAX: Duration = Duration::from_millis(64 * 500 + 250);

/// All checkers; each finding is one sentence.
pub fn findings(sim: &Sim) -> Vec<String> {
    let checkers: [fn(&Sim) -> Vec<String>; 5] =
        [one_final_answer, cseq_is_monotone, nothing_outlives_its_timer, everything_parses, nothing_is_left];
    checkers.into_iter().flat_map(|check| check(sim)).collect()
}

/// A transaction as its client sees it: who asks, under which branch, with which method.
type Transaction<'a> = (HostId, &'a str, &'a str);

/// The datagrams of each transaction, its responses at the client they were sent to.
fn transactions(sim: &Sim) -> BTreeMap<Transaction<'_>, Vec<(&Sight, &Summary)>> {
    let mut transactions: BTreeMap<Transaction<'_>, Vec<_>> = BTreeMap::new();
    for (sight, message) in sim.trace().messages() {
        let client = match message.kind {
            Kind::Request(_) => Some(sight.from),
            Kind::Response(_) => sight.to,
        };
        // The ACK of a failure is part of its INVITE.
        let method = if message.method == "ACK" { "INVITE" } else { &message.method };
        if let Some(client) = client {
            let key = (client, message.branch.as_str(), method);
            transactions.entry(key).or_default().push((sight, message));
        }
    }
    transactions
}

/// An INVITE transaction is answered finally once; the same answer may come again, and a fork may
/// bring more 2xx. A server that started anew has forgotten what it answered: then that counts which
/// arrived.
pub fn one_final_answer(sim: &Sim) -> Vec<String> {
    let mut findings = Vec::new();
    for ((client, branch, method), sights) in transactions(sim) {
        let answers = || sights.iter().filter(|(_, message)| message.is_final());
        let times =
            (answers().next().map(|(sight, _)| sight.at), answers().next_back().map(|(sight, _)| sight.at));
        let forgot = matches!(times, (Some(first), Some(last)) if sim.restarted_between(first, last));
        let finals: BTreeSet<(u16, &str)> = answers()
            .filter(|(sight, _)| !(forgot && sight.is_lost()))
            .filter_map(|(_, message)| match message.kind {
                Kind::Response(status) => Some((status.as_u16(), message.to_tag.as_str())),
                Kind::Request(_) => None,
            })
            .collect();
        let all_success = finals.iter().all(|(status, _)| *status < 300);
        if finals.len() > 1 && !(method == "INVITE" && all_success) {
            let client = sim.name(client);
            findings.push(format!("the {method} of {client} with {branch} has the answers {finals:?}"));
        }
    }
    findings
}

/// The requests that one side sends in one dialog (or to one registrar) count up.
// rfc3261 §12.2.1.1
pub fn cseq_is_monotone(sim: &Sim) -> Vec<String> {
    let mut findings = Vec::new();
    // Of a fork each answer opens a dialog of its own, and all count on from its INVITE.
    let mut seen: BTreeMap<(HostId, &str, &str, &str), (u32, &str)> = BTreeMap::new();
    for (sight, message) in sim.trace().messages() {
        let Kind::Request(method) = message.kind else { continue };
        let is_own = matches!(method, Method::Ack | Method::Cancel);
        if is_own || is_forwarded(sight) {
            continue;
        }
        let side = |to_tag| (sight.from, message.call_id.as_str(), message.from_tag.as_str(), to_tag);
        let sent = |to_tag| seen.get(&side(to_tag)).copied().unwrap_or((0, ""));
        let (last, branch) = sent(&message.to_tag).max(sent(""));
        let counts_on = message.cseq > last
            || branch == message.branch
            || is_known(sim, sight, message)
            || goes_elsewhere(sim, sight, message);
        if !counts_on {
            let who = sim.name(sight.from);
            findings.push(format!("{who} sent {} {} after {last}", message.cseq, message.method));
        }
        if message.cseq > last {
            seen.insert(side(&message.to_tag), (message.cseq, &message.branch));
        }
    }
    findings
}

/// Whether a proxy sent it: it has more than one Via.
fn is_forwarded(sight: &Sight) -> bool {
    String::from_utf8_lossy(&sight.bytes).lines().filter(|line| line.starts_with("Via:")).count() > 1
}

/// Whether the same request was sent before: a retransmission of an older one.
fn is_known(sim: &Sim, sight: &Sight, message: &Summary) -> bool {
    let mut before = sim.trace().messages().take_while(|(other, _)| !std::ptr::eq(*other, sight));
    before.any(|(other, earlier)| other.from == sight.from && earlier.branch == message.branch)
}

/// Whether the same request was sent to another place before, which did not serve: by another branch.
// rfc3263 §4.3
fn goes_elsewhere(sim: &Sim, sight: &Sight, message: &Summary) -> bool {
    let mut before = sim.trace().messages().take_while(|(other, _)| !std::ptr::eq(*other, sight));
    let is_same = |earlier: &Summary| {
        (earlier.kind, earlier.cseq, &earlier.call_id) == (message.kind, message.cseq, &message.call_id)
            && (&earlier.from_tag, &earlier.to_tag) == (&message.from_tag, &message.to_tag)
    };
    before.any(|(other, earlier)| {
        let is_elsewhere = other.to != sight.to && earlier.branch != message.branch;
        other.from == sight.from && is_elsewhere && is_same(earlier)
    })
}

/// A request is not sent again after Timer B or F, a final response not after Timer H or J.
pub fn nothing_outlives_its_timer(sim: &Sim) -> Vec<String> {
    let mut findings = Vec::new();
    for ((client, branch, method), sights) in transactions(sim) {
        let mut span = |what: &str, is_part: &dyn Fn(&Summary) -> bool| {
            let times: Vec<Tick> =
                sights.iter().filter(|(_, message)| is_part(message)).map(|(sight, _)| sight.at).collect();
            let (Some(first), Some(last)) = (times.first(), times.last()) else { return };
            if last.saturating_sub(*first) > TIMER_MAX {
                let client = sim.name(client);
                findings.push(format!("the {what} {method} of {client} with {branch} was sent for too long"));
            }
        };
        span("request", &|message| matches!(message.kind, Kind::Request(sent) if sent != Method::Ack));
        // Answers to retransmissions of the request may come as long again.
        if method == "INVITE" {
            span("final response to the", &Summary::is_final);
        }
    }
    findings
}

/// Everything that was sent is a message that we would read.
pub fn everything_parses(sim: &Sim) -> Vec<String> {
    let unread = sim.trace().sights.iter().filter(|sight| {
        sight.message.is_none() && !sight.bytes.iter().all(|octet| b"\r\n\0".contains(octet))
    });
    unread
        .map(|sight| {
            format!("{} sent what is no message: {}", sim.name(sight.from), sight.bytes.escape_ascii())
        })
        .collect()
}

/// Nobody holds a transaction, a context or a call.
pub fn nothing_is_left(sim: &Sim) -> Vec<String> {
    sim.leftovers()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::network::Conditions;
    use crate::server::{Server, Site};

    /// A phone, a server, and what they said: who, when in milliseconds, and the message.
    fn sim(said: &[(bool, u64, &str)]) -> Sim {
        let mut sim = Sim::new(1, Conditions::fair());
        let server = sim.add_server(Server::new(Site::new(1, &["alice"])));
        let phone = sim.add_phone("alice", "192.0.2.10:5060", server, "x");
        for &(by_phone, ms, text) in said {
            let bytes = Bytes::copy_from_slice(text.as_bytes());
            let (from, to) = if by_phone { (phone, server) } else { (server, phone) };
            let at = Tick::from_micros(ms * 1000);
            let message = Summary::of(&bytes);
            sim.trace.sights.push(Sight { at, from, to: Some(to), arrivals: vec![at], message, bytes });
        }
        sim
    }

    fn request(method: &str, cseq: u32, branch: &str) -> String {
        format!(
            "{method} sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK{branch}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:alice@example.org>;tag=a\r\nTo: <sip:bob@example.org>\r\n\
             Call-ID: c\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n"
        )
    }

    fn response(status: u16, tag: &str, method: &str, branch: &str) -> String {
        format!(
            "SIP/2.0 {status} x\r\nVia: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK{branch}\r\n\
             From: <sip:alice@example.org>;tag=a\r\nTo: <sip:bob@example.org>;tag={tag}\r\n\
             Call-ID: c\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
        )
    }

    #[test]
    fn two_final_answers_are_found_and_a_fork_is_none() {
        let (busy, ok) = (response(486, "b", "INVITE", "1"), response(200, "b", "INVITE", "1"));
        let fork = response(200, "c", "INVITE", "1");
        assert!(one_final_answer(&sim(&[(false, 0, &busy), (false, 500, &busy)])).is_empty());
        assert!(one_final_answer(&sim(&[(false, 0, &ok), (false, 1, &fork)])).is_empty());
        assert_eq!(one_final_answer(&sim(&[(false, 0, &busy), (false, 1, &ok)])).len(), 1);
        let bye = [response(200, "b", "BYE", "2"), response(481, "b", "BYE", "2")];
        assert_eq!(one_final_answer(&sim(&[(false, 0, &bye[0]), (false, 1, &bye[1])])).len(), 1);
    }

    #[test]
    fn a_cseq_that_does_not_count_on_is_found_and_a_retransmission_is_none() {
        let (first, second) = (request("INVITE", 1, "1"), request("BYE", 2, "2"));
        let fair = [(true, 0, &*first), (true, 1, &second), (true, 2, &first), (true, 3, &second)];
        assert!(cseq_is_monotone(&sim(&fair)).is_empty());
        let again = request("BYE", 2, "3");
        assert_eq!(cseq_is_monotone(&sim(&[(true, 0, &second), (true, 1, &again)])).len(), 1);
        let of_dialog = |request: String, tag: &str| {
            request.replace("To: <sip:bob@example.org>", &format!("To: <sip:bob@example.org>;tag={tag}"))
        };
        let [to_b, to_c] = ["b", "c"].map(|tag| of_dialog(request("BYE", 2, tag), tag));
        let fork = [(true, 0, &*first), (true, 1, &to_b), (true, 2, &to_c)];
        assert!(cseq_is_monotone(&sim(&fork)).is_empty());
        let not_after_invite = of_dialog(request("BYE", 1, "5"), "b");
        assert_eq!(cseq_is_monotone(&sim(&[(true, 0, &first), (true, 1, &not_after_invite)])).len(), 1);
        let back = request("INFO", 1, "4");
        assert_eq!(cseq_is_monotone(&sim(&[(true, 0, &second), (true, 1, &back)])).len(), 1);
    }

    #[test]
    fn what_is_sent_after_its_timer_is_found() {
        let bye = request("BYE", 1, "1");
        assert!(nothing_outlives_its_timer(&sim(&[(true, 0, &bye), (true, 31_500, &bye)])).is_empty());
        assert_eq!(nothing_outlives_its_timer(&sim(&[(true, 0, &bye), (true, 35_500, &bye)])).len(), 1);
        let ok = response(200, "b", "INVITE", "1");
        assert_eq!(nothing_outlives_its_timer(&sim(&[(false, 0, &ok), (false, 40_000, &ok)])).len(), 1);
    }

    #[test]
    fn what_is_no_message_is_found_and_a_keepalive_is_none() {
        assert!(everything_parses(&sim(&[(true, 0, "\r\n\r\n")])).is_empty());
        assert_eq!(everything_parses(&sim(&[(true, 0, "INVITE\r\n\r\n")])).len(), 1);
    }

    #[test]
    fn what_is_left_is_found() {
        let mut sim = sim(&[]);
        assert!(nothing_is_left(&sim).is_empty());
        let phone = sim.hosts().nth(1).expect("a phone");
        sim.phone(phone, |agent, now| agent.register(now, 60));
        assert_eq!(nothing_is_left(&sim).len(), 1);
    }
}
