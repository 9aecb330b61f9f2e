//! A server and its phones, and what their users do; and the assertion of a ladder, which is also the page in
//! docs/flows. Who is there is in `cast.rs`, what is waited for in `hears.rs`.

mod cast;
mod hears;

pub(crate) use cast::DEVICE;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ruf_agent::{Agent, AgentEvent, Body, CallKey, DialogId, DiversionReason, WatchKey};
use ruf_events::presence::CONTENT_TYPE;
use ruf_events::{Basic, PRESENCE, Presence};
use ruf_message::{Flow, StatusCode, Tick, Uri};
use ruf_sim::trace::{Kind as Said, Summary};
use ruf_sim::{HostId, Sim, check, ladder};

/// Set to `write`, the pages in docs/flows are written instead of compared.
const WRITE: &str = "RUF_FLOWS";
/// How long anything may be waited for.
const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) struct Stage {
    pub(crate) sim: Sim,
    pub(crate) server: HostId,
    pub(crate) alice: HostId,
    pub(crate) bob: HostId,
    /// Datagrams before the flow begins.
    before: usize,
}

impl Stage {
    /// Alice, who has no server, calls somebody where he is; gives her call.
    pub(crate) fn dial_at(&mut self, to: &Uri, body: Option<Body>) -> CallKey {
        let remote =
            SocketAddr::new(to.as_ref().host().and_then(|host| host.ip()).expect("an address"), 5060);
        self.phone(self.alice, |agent, now| {
            agent.aim(Flow { remote, ..agent.way_out() });
            agent.call(now, to, body).expect("room")
        })
    }

    /// Where Bob is without a server.
    pub(crate) fn at_bob() -> Uri {
        "sip:bob@203.0.113.20".parse().expect("a URI")
    }

    /// Alice calls Carol, who is far away, and Carol answers.
    pub(crate) fn talk_to_carol(&mut self) {
        let carol: Uri = "sip:carol@far.example".parse().expect("a URI");
        self.phone(self.alice, |agent, now| agent.call(now, &carol, Some(sdp("alice"))).expect("room"));
        let call = self.rings();
        self.hears_ringing();
        self.answer(call);
        self.talks();
        self.hang_up(self.bob, call);
        self.ended(self.alice);
    }

    /// The ladder begins here.
    pub(crate) fn begin(&mut self) {
        self.before = self.sim.trace().sights.len();
    }

    pub(crate) fn register(&mut self, phone: HostId) {
        self.phone(phone, |agent, now| agent.register(now, 3600));
        self.until(phone, |event| matches!(event, AgentEvent::Registered { .. }).then_some(()));
    }

    pub(crate) fn phone<R>(&mut self, phone: HostId, act: impl FnOnce(&mut Agent, Tick) -> R) -> R {
        self.sim.phone(phone, act)
    }

    /// Alice calls; gives her call.
    pub(crate) fn dial(&mut self, whom: &str) -> CallKey {
        self.dial_uri(&uri(whom))
    }

    pub(crate) fn dial_uri(&mut self, uri: &Uri) -> CallKey {
        self.phone(self.alice, |agent, now| agent.call(now, uri, Some(sdp("alice"))).expect("room"))
    }

    /// Bob's phone starts to ring; gives his call.
    pub(crate) fn rings(&mut self) -> CallKey {
        self.rings_at(self.bob)
    }

    /// This phone starts to ring; gives its call.
    pub(crate) fn rings_at(&mut self, phone: HostId) -> CallKey {
        let call = self.is_called(phone);
        self.phone(phone, |agent, now| agent.ring(now, call));
        call
    }

    /// Bob answers.
    pub(crate) fn answer(&mut self, call: CallKey) {
        self.answer_at(self.bob, call);
    }

    /// Somebody answers at this phone.
    pub(crate) fn answer_at(&mut self, phone: HostId, call: CallKey) {
        self.phone(phone, |agent, now| agent.answer(now, call, Some(sdp("bob"))));
    }

    /// Somebody refuses at this phone.
    pub(crate) fn refuse_at(&mut self, phone: HostId, call: CallKey, status: StatusCode) {
        self.phone(phone, |agent, now| agent.reject(now, call, status));
    }

    /// Bob's answer is confirmed: both may talk.
    pub(crate) fn talks(&mut self) {
        self.hears_answer();
        self.is_acknowledged();
    }

    /// Alice calls Bob, who rings and answers; gives both calls.
    pub(crate) fn talk(&mut self) -> (CallKey, CallKey) {
        let alice = self.dial("bob");
        let bob = self.rings();
        self.hears_ringing();
        self.answer(bob);
        self.talks();
        (alice, bob)
    }

    /// Somebody calls; gives the call.
    pub(crate) fn calls(&mut self, phone: HostId, whom: &str, with: &str) -> CallKey {
        self.phone(phone, |agent, now| agent.call(now, &uri(whom), Some(sdp(with))).expect("room"))
    }

    /// Somebody changes the session.
    pub(crate) fn modify(&mut self, phone: HostId, call: CallKey, to: &str) {
        self.phone(phone, |agent, now| agent.modify(now, call, sdp(to)));
    }

    /// This phone forwards a call.
    pub(crate) fn sends_on(&mut self, phone: HostId, call: CallKey, to: &Uri, why: DiversionReason) {
        self.phone(phone, |agent, now| agent.redirect(now, call, to, why));
    }

    /// This phone calls whom its peer refers it to; gives the call.
    pub(crate) fn follows(&mut self, phone: HostId, call: CallKey, with: &str) -> CallKey {
        self.phone(phone, |agent, now| agent.accept_referral(now, call, Some(sdp(with))).expect("room"))
    }

    /// Alice watches Bob's presence for so long.
    pub(crate) fn watch_bob(&mut self, secs: u32) -> WatchKey {
        self.phone(self.alice, |agent, now| agent.watch(now, &uri("bob"), PRESENCE, secs).expect("room"))
    }

    pub(crate) fn unwatch(&mut self, watch: WatchKey) {
        self.phone(self.alice, |agent, now| agent.unwatch(now, watch));
    }

    /// This phone says so of its presence.
    pub(crate) fn shows(&mut self, phone: HostId, note: &str) {
        self.phone(phone, |agent, now| agent.show(now, Some(document(note))));
    }

    /// Alice's phone, which is none of ours, says this to Bob's.
    pub(crate) fn says(&mut self, text: String) {
        let bob = SocketAddr::from(([203, 0, 113, 20], 5060));
        self.sim.say(self.alice, bob, text);
    }

    pub(crate) fn hang_up(&mut self, phone: HostId, call: CallKey) {
        self.phone(phone, |agent, now| agent.hang_up(now, call));
    }

    /// The dialog that was opened last, as its caller names it.
    pub(crate) fn dialog_of_caller(&self) -> DialogId {
        let DialogId { call_id, local_tag, remote_tag } = self.dialog_of_callee();
        DialogId { call_id, local_tag: remote_tag, remote_tag: local_tag }
    }

    /// The same, as its callee names it.
    pub(crate) fn dialog_of_callee(&self) -> DialogId {
        let opens = |message: &&Summary| {
            let is_answer = matches!(message.kind, Said::Response(status) if status.is_success() || status.is_provisional());
            is_answer && message.method == "INVITE" && !message.to_tag.is_empty()
        };
        let last = self.sim.trace().messages().map(|(_, message)| message).filter(opens).last();
        let octets = |text: &String| text.as_bytes().into();
        let name = last.map(|last| DialogId {
            call_id: octets(&last.call_id),
            local_tag: octets(&last.to_tag),
            remote_tag: octets(&last.from_tag),
        });
        name.expect("a dialog")
    }

    /// Time passes until the phone is told something of which `wanted` makes something.
    pub(crate) fn until<R>(&mut self, phone: HostId, wanted: impl Fn(&AgentEvent) -> Option<R>) -> R {
        let deadline = self.sim.now() + PATIENCE;
        loop {
            while let Some(event) = self.sim.happened(phone) {
                if let Some(found) = wanted(&event) {
                    return found;
                }
            }
            if self.sim.now() > deadline || !self.sim.step() {
                let name = self.sim.name(phone).to_owned();
                panic!("{name} waits in vain\n{}", ladder::drawing(&self.sim, self.before));
            }
        }
    }

    pub(crate) fn pass_ms(&mut self, ms: u64) {
        self.sim.pass(Duration::from_millis(ms));
    }

    /// The last timer of everything that was said has fired.
    pub(crate) fn settle(&mut self) {
        self.sim.pass(Duration::from_secs(80));
    }

    /// Plays to the end and asserts the ladder, that every checker is content, and the page in
    /// docs/flows. `flow` is its file name, `title` its first line, the rest of `says` its text.
    pub(crate) fn expect(mut self, flow: &str, says: &str, expected: &str) {
        self.settle();
        let line = ladder::line(&self.sim, self.before);
        let drawing = ladder::drawing(&self.sim, self.before);
        let expected = expected.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(line, expected, "\n{drawing}");
        assert_eq!(check::findings(&self.sim), [""; 0], "\n{drawing}");
        page(flow, says, &line, &drawing);
    }
}

fn page(flow: &str, says: &str, line: &str, drawing: &str) {
    let (title, text) = says.split_once('\n').unwrap_or((says, ""));
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = if text.is_empty() { text } else { format!("{text}\n\n") };
    let page = format!(
        "# {title}\n\n{text}`{line}`\n\n```text\n{drawing}```\n\n\
         Made from the simulated trace by `dev/sim/tests/flows/{flow}.rs`; seconds on the left.\n"
    );
    let path: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "..", "..", "docs", "flows", &format!("{flow}.md")].iter().collect();
    if std::env::var_os(WRITE).is_some_and(|value| value == "write") {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("docs/flows can be made");
        std::fs::write(&path, page).expect("the page can be written");
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == page, "docs/flows/{flow}.md is stale: run `{WRITE}=write cargo test -p ruf-sim`");
}

/// `name@example.org`.
pub(crate) fn uri(name: &str) -> Uri {
    format!("sip:{name}@example.org").parse().expect("a URI")
}

/// A document of Bob's presence that says this.
pub(crate) fn document(note: &str) -> Body {
    let presence = Presence::new("sip:bob@example.org", "sip:bob@example.org", Basic::Open).saying(note);
    Body { content_type: CONTENT_TYPE.to_owned(), content: presence.write().into() }
}

/// A description that nobody here reads.
pub(crate) fn sdp(of: &str) -> Body {
    Body::sdp(format!("v=0\r\no={of} 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n"))
}
