//! Messages with odd and broken parts, in every state of a call: no panic, and what is sent can be read.

use crate::pair::sdp;
use crate::stage::Stage;
use ruf_agent::{AgentEvent, Body, CallKey};
use ruf_message::{Entropy, Message, StatusCode};
use std::time::Duration;

/// Header lines that a peer may think of, good and bad.
const LINES: [&str; 53] = [
    "RSeq: 1",
    "RSeq: 4294967295",
    "RAck: 1 1 INVITE",
    "Supported: 100rel, timer",
    "Session-Expires: 90;refresher=uas",
    "Session-Expires: 4294967295;refresher=uac",
    "Session-Expires: 0",
    "Min-SE: 4294967295",
    "Allow: INVITE, UPDATE",
    "Info-Package: x",
    "Replaces: 1;to-tag=TAG;from-tag=b",
    "Join: 1;to-tag=TAG;from-tag=b;early-only",
    "Refer-To: <sip:c@h>",
    "Refer-To: <sip:c@h?Replaces=1%3Bto-tag%3D2%3Bfrom-tag%3D3;x>",
    "Refer-To: <urn:x:y>",
    "Refer-Sub: false",
    "Referred-By: <sip:b@h>;cid=\"1@h\"",
    "Event: refer",
    "Event: refer;id=4294967296",
    "Subscription-State: active;expires=99999999999",
    "Subscription-State: terminated",
    "Contact: <sip:b@192.0.2.2>",
    "Contact: <sips:a?b@h:1;method=BYE;transport=tcp?Subject=x&To=y>;q=0.1",
    "Contact: sip:[2001:db8::1]:5061;maddr=192.0.2.3",
    "Contact: *",
    "Contact: <tel:+1-201-555-0123;phone-context=x>",
    "Contact: <sip:@>",
    "Record-Route: <sip:strict>, <sip:p;lr;x=%41>;y=\"z\"",
    "Record-Route: <sip:p?Route=%3Csip:x%3E;lr>",
    "Record-Route: <urn:service:sos>",
    "Route: <sip:192.0.2.1;lr>",
    "To: \"\\\"\u{e4}\\\\ \" <sip:alice@example.org;x=y?z=1>;tag=TAG;more=\"a;b\"",
    "To: sip:alice@example.org",
    "From: \r\n <sip:b@h>\r\n ;tag=b",
    "From: Bob <sip:b@h>",
    "Call-ID: other",
    "CSeq: 2147483647 INVITE",
    "CSeq: 0 BYE",
    "CSeq: 4294967296 INVITE",
    "Expires: 0",
    "Expires: 99999999999999999999",
    "Expires: -1",
    "Require: 100rel",
    "Retry-After: 99999999999 (x)",
    "Min-Expires: 4294967295",
    "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"",
    "Proxy-Authenticate: Digest realm=\"\\\"\", nonce=\"\", algorithm=MD5-sess, qop=auth-int",
    "Proxy-Authenticate: Basic realm=\"r\"",
    "Content-Type: application/sdp",
    "Content-Type: ;",
    "Content-Encoding: gzip",
    "Content-Disposition: x;handling=optional",
    "Max-Forwards: 256",
];

struct Mischief {
    entropy: Entropy,
}

impl Mischief {
    fn below(&mut self, of: usize) -> usize {
        usize::try_from(self.entropy.u32()).unwrap() % of
    }

    /// A message of the peer in which a few things are odd.
    fn message(&mut self, last: &[Message]) -> Vec<u8> {
        let methods = [
            "INVITE",
            "ACK",
            "BYE",
            "CANCEL",
            "OPTIONS",
            "MESSAGE",
            "REFER",
            "NOTIFY",
            "SUBSCRIBE",
            "PRACK",
            "UPDATE",
            "INFO",
            "invite",
        ];
        let statuses = [100, 180, 183, 200, 202, 302, 401, 407, 408, 423, 481, 487, 491, 503, 603, 699];
        let asked = last.iter().rev().find_map(|message| match message {
            Message::Request(request) => Some(request),
            Message::Response(_) => None,
        });
        let tag = last.iter().rev().find_map(|message| match message {
            Message::Request(request) => request.from_tag(),
            Message::Response(response) => response.to_tag(),
        });
        let tag = String::from_utf8_lossy(tag.unwrap_or(b"none")).into_owned();
        let mut text = match asked {
            Some(request) if self.below(2) == 0 => {
                let mut response = request.reply(StatusCode::OK);
                response.set_to_tag(["b", "c", "d"][self.below(3)]);
                let text = String::from_utf8_lossy(&response.to_bytes()).into_owned();
                let status = statuses[self.below(statuses.len())];
                text.replacen("200 OK", &format!("{status} Odd"), 1)
            }
            Some(_) | None => {
                let method = methods[self.below(methods.len())];
                let call_id = asked
                    .map_or("1".into(), |request| String::from_utf8_lossy(request.call_id()).into_owned());
                let branch = self.below(40);
                let number = self.below(6);
                let to_tag = if self.below(3) == 0 { String::new() } else { format!(";tag={tag}") };
                format!(
                    "{method} sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{branch}\r\n\
                     From: <sip:b@h>;tag=b\r\nTo: <sip:alice@example.org>{to_tag}\r\nCall-ID: {call_id}\r\n\
                     CSeq: {number} {method}\r\nContent-Length: 0\r\n\r\n"
                )
            }
        };
        for _ in 0..self.below(4) {
            let line = LINES[self.below(LINES.len())].replace("TAG", &tag);
            let name = line.split(':').next().unwrap();
            let old = text.lines().find(|old| old.starts_with(&format!("{name}:"))).map(str::to_owned);
            text = match old {
                Some(old) if self.below(3) > 0 => text.replacen(&old, &line, 1),
                Some(_) | None => text.replacen("\r\n\r\n", &format!("\r\n{line}\r\n\r\n"), 1),
            };
        }
        let mut octets = text.into_bytes();
        if self.below(4) == 0 {
            let at = self.below(octets.len());
            octets[at] = [b'\0', b';', b'<', b'"', b' ', 0xff][self.below(6)];
        }
        octets
    }
}

fn act(stage: &mut Stage, mischief: &mut Mischief, calls: &mut Vec<CallKey>) {
    let told = stage.events();
    let now = stage.now;
    for event in told {
        if let AgentEvent::Incoming { call, .. }
        | AgentEvent::Answered { call, .. }
        | AgentEvent::Referred { call, .. }
        | AgentEvent::Reinvited { call, .. } = event
        {
            calls.push(call);
            match mischief.below(11) {
                0 => stage.agent.ring(now, call),
                1 => stage.agent.answer(now, call, sdp("answer")),
                2 => stage.agent.answer(now, call, None),
                3 => stage.agent.modify(now, call, Body::sdp("change")),
                4 => stage.agent.reject(now, call, StatusCode::DECLINE),
                5 => stage.agent.transfer(now, call, &"sip:c@h".parse().unwrap()),
                6 => calls.extend(stage.agent.accept_referral(now, call, None)),
                7 => stage.agent.refuse_referral(now, call),
                9 => stage.agent.info(now, call, Body::sdp("x")),
                8 => stage.agent.progress(now, call, StatusCode::SESSION_PROGRESS, sdp("early")),
                _ => stage.agent.hang_up(now, call),
            }
        }
    }
    match mischief.below(12) {
        0 => calls.extend(stage.agent.call(now, &"sip:b@h;method=x?y=z".parse().unwrap(), None)),
        1 => calls.extend(stage.agent.call(now, &"tel:+1".parse().unwrap(), sdp("offer"))),
        2 => stage.agent.register(now, 60),
        3 => stage.agent.unregister(now),
        4 => drop(stage.agent.options(now, &"sips:h".parse().unwrap())),
        _ => stage.run(Duration::from_millis(u64::try_from(mischief.below(3_000)).unwrap())),
    }
}

#[test]
fn nothing_a_peer_sends_stops_an_agent_or_makes_it_babble() {
    for seed in 0..=255 {
        let mut mischief = Mischief { entropy: Entropy::from_seed([seed; 32]) };
        let mut stage = Stage::with(|settings| {
            settings.answer_reinvites = seed % 2 == 0;
            settings.limits.calls_max = 8;
        });
        let (mut last, mut calls) = (Vec::new(), Vec::new());
        for _ in 0..100 {
            act(&mut stage, &mut mischief, &mut calls);
            let octets = mischief.message(&last);
            stage.give(octets);
            last.extend(stage.sent_readable());
            last.drain(..last.len().saturating_sub(6));
        }
        stage.agent.unregister(stage.now);
        for call in calls {
            stage.agent.hang_up(stage.now, call);
        }
        stage.run(Duration::from_secs(3_600));
        stage.sent_readable();
        assert!(stage.agent.is_idle(), "seed {seed}: {:?}", stage.agent.counts());
    }
}
