//! Alice asks Bob to call Carol in her stead (RFC 5589 §6.2, RFC 5359 §2.4).

use crate::pair::sdp;
use crate::trio::Trio;
use crate::trio::Who::{Alice, Bob, Carol};
use ruf_agent::{AgentEvent, CallKey, EndReason, Failure};
use ruf_message::StatusCode;

/// Bob is asked whether he will; gives the call he is asked in.
fn asked(trio: &mut Trio) -> CallKey {
    trio.until(Bob, |event| match event {
        AgentEvent::Referred { call, to, replaces: None, referred_by: Some(by) } => {
            assert_eq!((to, by), (&Carol.uri(), &Alice.uri()));
            Some(*call)
        }
        _ => None,
    })
}

fn progress(trio: &mut Trio) -> StatusCode {
    trio.until(Alice, |event| match event {
        AgentEvent::TransferProgress { status, .. } => Some(*status),
        _ => None,
    })
}

#[test]
fn it_rings_there_and_is_answered_and_alice_leaves() {
    // tests rfc3515 §2.4.2, §2.4.4, §2.4.5, §2.4.7, rfc5359 §2.4
    let mut trio = Trio::new(1);
    let (alice, _) = trio.connected(Alice, Bob);
    trio.act(Alice, |agent, now| agent.transfer(now, alice, &Carol.uri()));
    let bob = asked(&mut trio);
    let new = trio.act(Bob, |agent, now| agent.accept_referral(now, bob, sdp("offer")).unwrap());
    let carol = trio.incoming(Carol);
    trio.act(Carol, |agent, now| agent.ring(now, carol));
    assert_eq!(progress(&mut trio), StatusCode::TRYING);
    trio.until(Bob, |event| matches!(event, AgentEvent::Ringing { call, .. } if *call == new).then_some(()));
    trio.run_ms(2_000);
    assert_eq!(progress(&mut trio), StatusCode::RINGING);
    trio.act(Carol, |agent, now| agent.answer(now, carol, sdp("answer")));
    trio.until(Alice, |event| {
        matches!(event, AgentEvent::Transferred { call } if *call == alice).then_some(())
    });
    trio.act(Alice, |agent, now| agent.hang_up(now, alice));
    let reason = trio.until(Bob, |event| match event {
        AgentEvent::Ended { call, reason } if *call == bob => Some(*reason),
        _ => None,
    });
    assert_eq!(reason, EndReason::RemoteHungUp);
    trio.act(Carol, |agent, now| agent.hang_up(now, carol));
    trio.settle();
    trio.expect_ladder(
        "a→b REFER | b→a 202 REFER | b→c INVITE | b→a NOTIFY | c→b 180 INVITE | a→b 200 NOTIFY |
         b→a NOTIFY | a→b 200 NOTIFY | c→b 200 INVITE | b→a NOTIFY | b→c ACK | a→b 200 NOTIFY |
         a→b BYE | b→a 200 BYE | c→b BYE | b→c 200 BYE",
    );
}

#[test]
fn carol_is_busy_and_the_call_goes_on() {
    // tests rfc3515 §2.4.5, §2.4.6
    let mut trio = Trio::new(2);
    let (alice, _) = trio.connected(Alice, Bob);
    for _ in 0..2 {
        trio.act(Alice, |agent, now| agent.transfer(now, alice, &Carol.uri()));
        let bob = asked(&mut trio);
        trio.act(Bob, |agent, now| agent.accept_referral(now, bob, sdp("offer")).unwrap());
        let carol = trio.incoming(Carol);
        trio.act(Carol, |agent, now| agent.reject(now, carol, StatusCode::BUSY_HERE));
        let failure = trio.until(Alice, |event| match event {
            AgentEvent::TransferFailed { failure, .. } => Some(*failure),
            _ => None,
        });
        assert_eq!(failure, Failure::Refused(StatusCode::BUSY_HERE));
    }
    trio.act(Alice, |agent, now| agent.hang_up(now, alice));
    trio.settle();
    // Where Alice is, is asked once.
    trio.expect_ladder(
        "a→b REFER | b→a 202 REFER | b→c INVITE | b→a NOTIFY | c→b 486 INVITE | a→b 200 NOTIFY | b→c ACK |
         b→a NOTIFY | a→b 200 NOTIFY | a→b REFER | b→a 202 REFER | b→a NOTIFY | b→c INVITE | a→b 200 NOTIFY |
         c→b 486 INVITE | b→c ACK | b→a NOTIFY | a→b 200 NOTIFY | a→b BYE | b→a 200 BYE",
    );
}

#[test]
fn alice_may_leave_at_once_and_the_call_is_placed_all_the_same() {
    // tests rfc3515 §2.4.4, rfc5407 §3.2.1
    let mut trio = Trio::new(3);
    let (alice, _) = trio.connected(Alice, Bob);
    trio.act(Alice, |agent, now| agent.transfer(now, alice, &Carol.uri()));
    let bob = asked(&mut trio);
    trio.act(Bob, |agent, now| agent.accept_referral(now, bob, sdp("offer")).unwrap());
    trio.until(Alice, |event| matches!(event, AgentEvent::TransferProgress { .. }).then_some(()));
    trio.act(Alice, |agent, now| agent.hang_up(now, alice));
    let carol = trio.incoming(Carol);
    trio.run_ms(500);
    trio.act(Carol, |agent, now| agent.answer(now, carol, sdp("answer")));
    trio.run_ms(500);
    trio.act(Carol, |agent, now| agent.hang_up(now, carol));
    trio.settle();
    trio.expect_ladder(
        "a→b REFER | b→a 202 REFER | b→c INVITE | b→a NOTIFY | a→b 200 NOTIFY | a→b BYE | b→a 200 BYE |
         c→b 100 INVITE | c→b 200 INVITE | b→a NOTIFY | b→c ACK | a→b 481 NOTIFY | c→b BYE | b→c 200 BYE",
    );
}
