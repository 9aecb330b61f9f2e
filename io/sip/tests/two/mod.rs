//! Two phones without a server, at addresses of this machine.
#![allow(dead_code)] // not every file of tests needs every verb
#![allow(clippy::unwrap_used, clippy::panic)]

use std::net::Ipv4Addr;
use std::time::Duration;

use ruf_sip::{Account, Call, Phone};

/// Far more than anything here takes.
const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("in time")
}

pub(crate) async fn phone(name: &str, change: impl FnOnce(Account) -> Account) -> Phone {
    let account = Account::direct(name).listen((Ipv4Addr::LOCALHOST, 0).into());
    Phone::open(change(account)).await.expect("opened")
}

pub(crate) struct Phones {
    pub(crate) alice: Phone,
    pub(crate) bob: Phone,
}

impl Phones {
    pub(crate) async fn new() -> Phones {
        Phones::with(|account| account).await
    }

    pub(crate) async fn with(change: impl Fn(Account) -> Account) -> Phones {
        Phones { alice: phone("alice", &change).await, bob: phone("bob", &change).await }
    }

    /// How Alice calls Bob over this transport.
    pub(crate) fn bob_over(&self, transport: &str) -> String {
        format!("sip:bob@{};transport={transport}", self.bob.address())
    }

    /// Alice calls Bob, who answers.
    pub(crate) async fn call(&mut self, transport: &str) -> (Call, Call) {
        let mut call = self.alice.call(&self.bob_over(transport)).await.expect("called");
        let mut answered = within(self.bob.incoming()).await.expect("called").answer();
        within(call.answered()).await.expect("answered");
        within(answered.answered()).await.expect("confirmed");
        (call, answered)
    }
}
