//! What two agents come to, over networks of all kinds.

use std::time::Duration;

use crate::attribute::{PRIORITY, UNKNOWN_ATTRIBUTES, USERNAME};
use crate::message::{Class, Draft, Message, Method};
use crate::stage::{Nat, STUN, Stage, TURN, at};
use crate::*;

fn stun() -> Server {
    Server { address: at(STUN), login: None }
}

fn turn(password: &str) -> Server {
    let login = Login { user: "alice".to_owned(), password: password.to_owned() };
    Server { address: at(TURN), login: Some(login) }
}

/// Both have a way for both components, and each hears the other by it.
fn both_talk(stage: &mut Stage) {
    assert_eq!(
        (&stage.alice.events[..], &stage.bob.events[..]),
        (&[Event::Connected][..], &[Event::Connected][..])
    );
    for component in Component::ALL {
        stage.speak(true, component, b"\x80 from alice");
        stage.speak(false, component, b"\x80 from bob");
    }
    stage.run(200);
    for (side, said) in [(&stage.alice, b"\x80 from bob".to_vec()), (&stage.bob, b"\x80 from alice".to_vec())]
    {
        let heard: Vec<_> =
            side.heard.iter().map(|(component, _, packet)| (*component, packet.clone())).collect();
        assert_eq!(heard, [(Component::Rtp, said.clone()), (Component::Rtcp, said)]);
        for (component, path, _) in &side.heard {
            assert!(side.agent.is_proved(*component, *path), "{path:?}");
        }
    }
}

fn kinds(side: &crate::stage::Side) -> Vec<Kind> {
    side.agent.candidates().iter().map(|candidate| candidate.kind).collect()
}

#[test]
fn two_that_reach_each_other_agree_on_a_way() {
    // tests rfc8445 §6.1.1, §7.2.5, §8.1.1
    let mut stage = Stage::new(Nat::None, Nat::None);
    stage.call();
    stage.run(400);
    let (alice, bob) = (stage.alice.agent.path(Component::Rtp), stage.bob.agent.path(Component::Rtp));
    assert_eq!(alice, Some(Path { via: Via::Direct, remote: at("203.0.113.2:4000") }));
    assert_eq!(bob, Some(Path { via: Via::Direct, remote: at("192.0.2.1:4000") }));
    both_talk(&mut stage);
}

#[test]
fn through_nats_by_what_a_stun_server_saw() {
    // tests rfc8445 §5.1.1.2, §7.3.1.4; rfc8489 §3
    for (alice, bob) in [(Nat::Cone, Nat::None), (Nat::None, Nat::Cone), (Nat::Cone, Nat::Cone)] {
        let mut stage = Stage::new(alice, bob);
        stage.gather(&[stun()]);
        assert_eq!(kinds(&stage.alice).contains(&Kind::ServerReflexive), alice == Nat::Cone);
        stage.call();
        stage.run(3_000);
        both_talk(&mut stage);
    }
}

#[test]
fn behind_a_nat_without_any_server_the_far_side_learns_the_address() {
    // tests rfc8445 §7.3.1.3
    let mut stage = Stage::new(Nat::Symmetric, Nat::None);
    stage.call();
    stage.run(3_000);
    both_talk(&mut stage);
    let path = stage.bob.agent.path(Component::Rtp).unwrap();
    assert_eq!(path.remote.ip(), at("192.0.2.1:1").ip());
}

#[test]
fn where_nothing_else_leads_through_a_relay_does() {
    // tests rfc8656 §7.3, §9, §10.2, §11.1, §11.4, §12; rfc8445 §7.2.1, §12.1
    let mut stage = Stage::new(Nat::Symmetric, Nat::Symmetric);
    stage.gather(&[stun(), turn("secret")]);
    assert!(stage.alice.agent.is_gathered());
    assert_eq!(stage.lent(), 4);
    assert!(kinds(&stage.alice).contains(&Kind::Relayed));
    stage.call();
    stage.run(5_000);
    both_talk(&mut stage);
    let by_relay = |agent: &Agent| agent.path(Component::Rtp).unwrap().via == Via::Relay;
    assert!(by_relay(&stage.alice.agent) || by_relay(&stage.bob.agent));
    assert!(stage.alice.agent.is_relayed(Component::Rtp) && stage.bob.agent.is_relayed(Component::Rtp));
    // By the channel, too, and over hours of refreshing.
    assert!(stage.channels() > 0);
    stage.alice.heard.clear();
    stage.bob.heard.clear();
    stage.renew_nonce();
    stage.run(3_600_000);
    both_talk(&mut stage);
    let now = stage.now;
    stage.alice.agent.close(now);
    stage.bob.agent.close(now);
    stage.run(200);
    assert_eq!(stage.lent(), 0, "what was lent is given back");
}

#[test]
fn who_answers_early_without_ice_costs_who_takes_the_call_with_it_nothing() {
    // tests rfc8839 §4.3.3
    let mut stage = Stage::new(Nat::Symmetric, Nat::Symmetric);
    // Bob has no relay: it is by hers or not at all.
    stage.alice.agent.ask(stage.now, &turn("secret"));
    stage.bob.agent.ask(stage.now, &stun());
    stage.run(500);
    let (alice, bob) = (stage.alice.says(), stage.bob.says());
    stage.alice.agent.expect(stage.alice.local.clone());
    stage.alice.agent.stop();
    stage.bob.agent.start(stage.now, stage.bob.local.clone(), &alice, false);
    stage.run(60);
    stage.alice.agent.start(stage.now, stage.alice.local.clone(), &bob, true);
    stage.run(5_000);
    both_talk(&mut stage);
}

#[test]
fn a_wrong_password_at_the_relay_costs_that_candidate_only() {
    // tests rfc8489 §9.2.5
    let mut stage = Stage::new(Nat::None, Nat::None);
    stage.gather(&[turn("wrong")]);
    assert_eq!(kinds(&stage.alice), [Kind::Host, Kind::Host]);
    // Two of each, once without and once with a password.
    assert_eq!(stage.turn_was_asked(), 2 * 2 * 2);
    stage.run(10_000);
    assert_eq!(stage.turn_was_asked(), 8, "and it is not asked again and again");
    stage.call();
    stage.run(1_000);
    both_talk(&mut stage);
}

#[test]
fn servers_that_are_dead_cost_nothing() {
    let mut stage = Stage::new(Nat::None, Nat::None);
    let dead = [at(STUN), at(TURN)];
    stage.loses = Box::new(move |_, to| dead.contains(&to));
    stage.gather(&[stun(), turn("secret")]);
    stage.call();
    stage.run(400);
    both_talk(&mut stage);
}

#[test]
fn a_third_of_all_datagrams_lost_only_costs_time() {
    // tests rfc8489 §6.2.1
    for seed in 0..30_u32 {
        let mut stage = Stage::new(Nat::Cone, Nat::Cone);
        stage.gather(&[stun()]);
        stage.loses = Box::new(move |number, _| (number ^ seed).wrapping_mul(0x9E37_79B9) >> 16 & 0xFF < 85);
        stage.call();
        while stage.now < Duration::from_secs(39)
            && (stage.alice.events.is_empty() || stage.bob.events.is_empty())
        {
            stage.run(20);
        }
        stage.loses = Box::new(|_, _| false);
        stage.run(20);
        both_talk(&mut stage);
    }
}

#[test]
fn who_does_not_have_our_password_gets_no_answer_and_no_way() {
    // tests rfc8445 §7.3
    let mut stage = Stage::new(Nat::None, Nat::None);
    let (alice, bob) = (stage.alice.says(), stage.bob.says());
    let mut mistaken = alice.clone();
    mistaken.credentials.pwd.replace_range(..1, "#");
    stage.alice.agent.expect(stage.alice.local.clone());
    stage.bob.agent.start(stage.now, stage.bob.local.clone(), &mistaken, false);
    stage.run(1_000);
    assert!(stage.bob.sent > 0);
    assert_eq!(stage.alice.sent, 0);
    stage.alice.agent.start(stage.now, stage.alice.local.clone(), &bob, true);
    // Alice's own checks are answered, but Bob signs what only he believes to be her password; nor does he get one.
    stage.run(60_000);
    assert_eq!(stage.bob.events, [Event::Failed]);
    assert_eq!(stage.bob.agent.path(Component::Rtp), None);
}

#[test]
fn two_that_both_would_control_settle_it() {
    // tests rfc8445 §7.2.5.1, §7.3.1.1
    for both_control in [true, false] {
        for seed in 0..8 {
            let mut stage = Stage::new(Nat::None, Nat::None);
            stage.alice.agent =
                Agent::new([seed; 32], Both { rtp: at("192.0.2.1:4000"), rtcp: at("192.0.2.1:4001") });
            let (alice, bob) = (stage.alice.says(), stage.bob.says());
            stage.alice.agent.start(stage.now, stage.alice.local.clone(), &bob, both_control);
            stage.bob.agent.start(stage.now, stage.bob.local.clone(), &alice, both_control);
            stage.run(3_000);
            both_talk(&mut stage);
        }
    }
}

#[test]
fn one_that_only_answers_is_checked_and_a_way_chosen() {
    // tests rfc8445 §2.5, §6.1.1
    let mut stage = Stage::new(Nat::None, Nat::None);
    let bob = Remote { is_lite: true, ..stage.bob.says() };
    // Bob offered: yet Alice controls. He never starts, so he only answers.
    stage.bob.agent.expect(stage.bob.local.clone());
    stage.alice.agent.start(stage.now, stage.alice.local.clone(), &bob, false);
    stage.run(2_000);
    assert_eq!(stage.alice.events, [Event::Connected]);
}

#[test]
fn with_one_port_for_both_the_other_component_is_not_checked() {
    let mut stage = Stage::new(Nat::None, Nat::None);
    let mux = |remote: Remote| Remote { has_rtcp: false, ..remote };
    let (alice, bob) = (mux(stage.alice.says()), mux(stage.bob.says()));
    stage.bob.agent.start(stage.now, stage.bob.local.clone(), &alice, false);
    stage.alice.agent.start(stage.now, stage.alice.local.clone(), &bob, true);
    stage.run(500);
    assert_eq!(stage.alice.events, [Event::Connected]);
    assert_eq!(stage.alice.agent.path(Component::Rtcp), None);
}

#[test]
fn a_restart_goes_by_the_old_way_until_there_is_a_new_one() {
    // tests rfc8445 §9; rfc8839 §4.4.3.1.1
    let mut stage = Stage::new(Nat::None, Nat::None);
    stage.call();
    stage.run(500);
    let old = stage.alice.agent.path(Component::Rtp);
    assert!(old.is_some());
    stage.alice.local = Credentials::new([201; 32]);
    stage.bob.local = Credentials::new([202; 32]);
    let (alice, bob) = (stage.alice.says(), stage.bob.says());
    // Bob asks for it this time; who controls stays who controls.
    stage.alice.agent.start(stage.now, stage.alice.local.clone(), &bob, false);
    assert_eq!(stage.alice.agent.path(Component::Rtp), old);
    stage.run(200);
    assert_eq!(stage.alice.agent.path(Component::Rtp), old);
    stage.bob.agent.start(stage.now, stage.bob.local.clone(), &alice, true);
    stage.run(500);
    assert_eq!(stage.alice.events, [Event::Connected, Event::Connected]);
    assert!(stage.alice.agent.is_controlling() && !stage.bob.agent.is_controlling());
    stage.alice.events.pop();
    stage.bob.events.pop();
    both_talk(&mut stage);
    // The same again is no restart.
    stage.alice.agent.start(stage.now, stage.alice.local.clone(), &bob, false);
    stage.run(500);
    assert_eq!(stage.alice.events.len(), 1);
}

#[test]
fn a_way_that_dies_is_noticed_after_half_a_minute() {
    // tests rfc7675 §5.1
    let mut stage = Stage::new(Nat::None, Nat::None);
    stage.call();
    stage.run(500);
    stage.run(600_000);
    both_talk(&mut stage);
    stage.loses = Box::new(|_, _| true);
    stage.run(24_000);
    assert_eq!(stage.alice.events.len(), 1);
    stage.run(12_000);
    assert_eq!(stage.alice.events, [Event::Connected, Event::Lost]);
    // Who is controlled leaves it to the other to restart, for a while.
    assert_eq!(stage.bob.events, [Event::Connected]);
    for side in [&stage.alice, &stage.bob] {
        assert_eq!(side.agent.path(Component::Rtp), None, "nothing is sent there any more");
    }
    stage.run(14_000);
    assert_eq!(stage.bob.events, [Event::Connected, Event::Lost]);
    let sent = stage.sent;
    stage.run(60_000);
    assert_eq!(stage.sent, sent);
}

#[test]
fn a_far_side_that_is_nowhere_is_said_to_be_so() {
    // tests rfc8445 §7.2.5.2.3
    let mut stage = Stage::new(Nat::None, Nat::None);
    stage.loses = Box::new(|_, _| true);
    stage.call();
    stage.run(30_000);
    assert_eq!(stage.alice.events, []);
    stage.run(60_000);
    assert_eq!(stage.alice.events, [Event::Failed]);
}

#[test]
fn packets_go_by_what_works_until_it_is_clear_that_nothing_is_better() {
    // tests rfc8445 §12.1
    let mut stage = Stage::new(Nat::None, Nat::None);
    let mut bob = stage.bob.says();
    // Somewhere better, where nobody is.
    let better =
        Candidate { address: at("198.51.100.77:4000"), priority: u32::MAX, ..bob.candidates[0].clone() };
    bob.candidates.push(better);
    let alice = stage.alice.says();
    stage.bob.agent.start(stage.now, stage.bob.local.clone(), &alice, false);
    stage.alice.agent.start(stage.now, stage.alice.local.clone(), &bob, true);
    stage.run(400);
    assert_eq!(stage.alice.events, []);
    assert_eq!(stage.alice.agent.path(Component::Rtp).map(|path| path.remote), Some(at("203.0.113.2:4000")));
    stage.run(1_000);
    both_talk(&mut stage);
}

#[test]
fn a_check_that_came_before_the_far_side_was_known_is_followed_up() {
    // tests rfc8445 §7.3
    let mut stage = Stage::new(Nat::None, Nat::None);
    let (alice, mut bob) = (stage.alice.says(), stage.bob.says());
    stage.alice.agent.expect(stage.alice.local.clone());
    stage.bob.agent.start(stage.now, stage.bob.local.clone(), &alice, false);
    stage.run(200);
    // Nothing more comes, and the far side does not say where it is.
    stage.loses = Box::new(|_, _| true);
    bob.candidates.clear();
    let before = stage.alice.sent;
    stage.alice.agent.start(stage.now, stage.alice.local.clone(), &bob, true);
    stage.run(200);
    assert!(stage.alice.sent > before);
}

#[test]
fn what_a_stranger_sends_changes_nothing_and_fills_nothing() {
    let mut stage = Stage::new(Nat::None, Nat::None);
    stage.call();
    stage.run(500);
    let (now, from) = (stage.now, at("198.51.100.66:6666"));
    let vector = include_bytes!("../../../tests/data/stun/rfc5769-request.bin");
    assert!(Message::parse(vector).is_some());
    for octets in [&vector[..], &vector[..40], b"\0\x01\0\0\x21\x12\xA4\x42", b"\x40\0\0\x09x"] {
        let agent = &mut stage.alice.agent;
        let _ = agent.receive(now, Component::Rtp, from, octets);
        assert_eq!(agent.poll_transmit(), None);
    }
    both_talk(&mut stage);
}

#[test]
fn a_check_that_wants_more_than_we_know_is_refused_and_says_with_what() {
    // tests rfc8489 §6.3.1
    let mut stage = Stage::new(Nat::None, Nat::None);
    let (from, local) = (at("203.0.113.2:4000"), stage.alice.local.clone());
    stage.alice.agent.expect(local.clone());
    let asks = |agent: &mut Agent, name: u16, key: &str| {
        let username = format!("{}:them", local.ufrag);
        let check = Draft::new(Method::Binding, Class::Request, [5; 12])
            .put(USERNAME, username.as_bytes())
            .put(PRIORITY, &[0, 0, 0, 1])
            .put(name, b"more")
            .sign(key.as_bytes())
            .put(0x7FFE, b"not signed");
        let _ = agent.receive(Duration::ZERO, Component::Rtp, from, &check.finish());
        agent.poll_transmit().map(|sent| sent.datagram)
    };
    let agent = &mut stage.alice.agent;
    let refusal = asks(agent, 0x7FFF, &local.pwd).expect("an answer");
    let refusal = Message::parse(&refusal).unwrap();
    assert!(refusal.is_signed_with(local.pwd.as_bytes()));
    assert_eq!((refusal.class, refusal.error_code()), (Class::Error, Some(420)));
    assert_eq!(refusal.attribute(UNKNOWN_ATTRIBUTES), Some(&[0x7F, 0xFF][..]));
    // A stranger gets none, and what may be left unread is.
    assert_eq!(asks(agent, 0x7FFF, "another"), None);
    let taken = asks(agent, 0x8000, &local.pwd).expect("an answer");
    assert_eq!(Message::parse(&taken).unwrap().class, Class::Success);
}

#[test]
fn a_far_side_with_a_thousand_addresses_is_checked_at_fifty_and_in_time() {
    // tests rfc8445 §6.1.2.5
    let mut stage = Stage::new(Nat::None, Nat::None);
    let mut bob = stage.bob.says();
    let host = bob.candidates[0].clone();
    for port in 10_000..11_000 {
        bob.candidates.push(Candidate { address: ([198, 18, 0, 1], port).into(), ..host.clone() });
    }
    stage.alice.agent.start(stage.now, stage.alice.local.clone(), &bob, true);
    let before = stage.sent;
    stage.run(1_000);
    assert!(stage.sent - before <= 21, "one in 50 ms");
    stage.run(120_000);
    assert!(stage.sent - before <= 50 * 7);
    assert!(stage.now > Duration::from_secs(100));
}
