//! A future that is dropped wherever it waits leaves no call behind: what it had begun is cancelled or hung up.

#![allow(clippy::unwrap_used, clippy::panic)]

mod two;

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use ruf_sip::{Phone, PhoneEvent};
use two::{Phones, within};

/// Polls a future at most so often; `false`: it did not end and is dropped.
async fn polled(future: impl Future<Output = ()>, times: u32) -> bool {
    let mut future = pin!(future);
    let mut left = times;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(true),
            Poll::Pending if left == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// It is polled here, too: on a busy machine what is waited for next may have happened already, and a future that never
/// waits is dropped nowhere.
async fn step() {
    tokio::task::yield_now().await;
}

/// Waits until neither has a call, while the callee refuses what still comes.
async fn nothing_is_left(alice: &Phone, bob: &mut Phone) {
    let settled = async {
        while alice.calls().await + bob.calls().await > 0 {
            tokio::select! {
                event = bob.next() => drop(event),
                () = tokio::time::sleep(std::time::Duration::from_millis(5)) => {}
            }
        }
    };
    within(settled).await;
}

#[tokio::test]
async fn a_caller_that_is_dropped_anywhere_leaves_nothing() {
    let Phones { alice, mut bob } = Phones::new().await;
    let to = format!("sip:bob@{}", bob.address());
    for times in 0.. {
        let both = async {
            let caller = async {
                let mut call = alice.call(&to).await.unwrap();
                step().await;
                call.answered().await.unwrap();
                step().await;
                assert!(call.press("1").await);
                step().await;
                call.hang_up();
                step().await;
                call.ended().await;
                step().await;
            };
            let callee = async {
                let mut call = bob.incoming().await.unwrap().answer();
                call.ended().await;
            };
            tokio::join!(caller, callee);
        };
        let is_done = within(polled(both, times)).await;
        nothing_is_left(&alice, &mut bob).await;
        if is_done {
            assert!(times > 5, "it never waited");
            return;
        }
    }
}

#[tokio::test]
async fn a_text_that_is_dropped_anywhere_arrives_whole_or_not_at_all() {
    let Phones { alice, mut bob } = Phones::new().await;
    let to = format!("sip:bob@{}", bob.address());
    for times in 0.. {
        let text = async {
            alice.message(&to, "hello").await.unwrap();
        };
        let is_done = within(polled(text, times)).await;
        if is_done {
            assert!(times > 1, "it never waited");
            break;
        }
    }
    // Whatever was sent arrived whole.
    while let Ok(Some(event)) = tokio::time::timeout(std::time::Duration::ZERO, bob.next()).await {
        assert!(matches!(&event, PhoneEvent::Message(message) if message.text == "hello"), "{event}");
    }
    nothing_is_left(&alice, &mut bob).await;
}
