//! What is waited for on a stage.

use ruf_agent::{AgentEvent, CallKey, DiversionReason, Diverted, EndReason};
use ruf_events::{Presence, SubscriberEvent};
use ruf_message::{HeaderName, Message, Method, Response, StatusCode, Uri};
use ruf_sim::HostId;

use super::Stage;

impl Stage {
    /// Somebody calls this phone.
    pub(crate) fn is_called(&mut self, phone: HostId) -> CallKey {
        self.until(phone, |event| match event {
            AgentEvent::Incoming { call, .. } => Some(*call),
            _ => None,
        })
    }

    /// This phone starts to ring for somebody who was called first; gives its call, whom, and why it did not stay
    /// there.
    pub(crate) fn rings_for(&mut self, phone: HostId) -> (CallKey, (Uri, DiversionReason)) {
        let (call, diverted) = self.until(phone, |event| match event {
            AgentEvent::Incoming { call, diverted, .. } => Some((*call, diverted.clone()?)),
            _ => None,
        });
        self.phone(phone, |agent, now| agent.ring(now, call));
        let Diverted { uri, reason, .. } = *diverted;
        (call, (uri, reason))
    }

    /// Somebody calls this phone to take the place of the peer of `call`.
    pub(crate) fn is_replacing(&mut self, phone: HostId, replaced: CallKey) -> CallKey {
        self.until(phone, |event| match event {
            AgentEvent::Incoming { call, replaces, .. } if *replaces == Some(replaced) => Some(*call),
            _ => None,
        })
    }

    /// Alice hears it ring.
    pub(crate) fn hears_ringing(&mut self) {
        self.until(self.alice, |event| matches!(event, AgentEvent::Ringing { .. }).then_some(()));
    }

    /// Alice hears that Bob answered; her ACK is on its way.
    pub(crate) fn hears_answer(&mut self) {
        self.hears_answer_at(self.alice);
    }

    pub(crate) fn hears_answer_at(&mut self, phone: HostId) {
        self.until(phone, |event| matches!(event, AgentEvent::Answered { .. }).then_some(()));
    }

    /// Alice's ACK comes to Bob.
    pub(crate) fn is_acknowledged(&mut self) {
        self.is_acknowledged_at(self.bob);
    }

    pub(crate) fn is_acknowledged_at(&mut self, phone: HostId) {
        self.until(phone, |event| matches!(event, AgentEvent::Acknowledged { .. }).then_some(()));
    }

    /// The caller heard what this phone said early.
    pub(crate) fn is_confirmed(&mut self, phone: HostId) {
        self.until(phone, |event| matches!(event, AgentEvent::ProgressConfirmed { .. }).then_some(()));
    }

    /// The change that this phone asked for is made.
    pub(crate) fn is_modified(&mut self, phone: HostId) {
        self.until(phone, |event| matches!(event, AgentEvent::Modified { .. }).then_some(()));
    }

    /// This phone is asked to call somebody.
    pub(crate) fn is_referred(&mut self, phone: HostId) {
        self.until(phone, |event| matches!(event, AgentEvent::Referred { .. }).then_some(()));
    }

    /// Whom this phone sent on has arrived.
    pub(crate) fn is_transferred(&mut self, phone: HostId) {
        self.until(phone, |event| matches!(event, AgentEvent::Transferred { .. }).then_some(()));
    }

    /// This phone hears that somebody else took the call.
    pub(crate) fn is_taken_elsewhere(&mut self, phone: HostId) {
        let cause = self.until(phone, |event| match event {
            AgentEvent::Cause { cause, .. } => Some(cause.clone()),
            _ => None,
        });
        assert!(cause.is_elsewhere(), "{cause}");
    }

    /// How the call ended for this phone.
    pub(crate) fn ended(&mut self, phone: HostId) -> EndReason {
        self.until(phone, |event| match event {
            AgentEvent::Ended { reason, .. } => Some(*reason),
            _ => None,
        })
    }

    /// What the next document says that this phone is told of whom it watches.
    pub(crate) fn reads(&mut self, phone: HostId) -> String {
        self.until(phone, |event| match event {
            AgentEvent::Watch { event: SubscriberEvent::Notified { body: Some(body), .. }, .. } => {
                Presence::read(&body.content).expect("a document").note().map(str::to_owned)
            }
            _ => None,
        })
    }

    /// A phone that is none of ours, at `home.example`, answers the next request of this method so.
    pub(crate) fn replies(&mut self, phone: HostId, method: Method, status: StatusCode) {
        let request = loop {
            match self.sim.heard(phone) {
                Some(Message::Request(request)) if request.method() == method => break request,
                Some(_) => {}
                None => assert!(self.sim.step(), "{} waits in vain", self.sim.name(phone)),
            }
        };
        let mut response = request.reply(status);
        response.set_to_tag("foreign");
        if method == Method::Invite {
            response.add(HeaderName::Contact, "<sip:carol@home.example>");
        }
        let text = String::from_utf8_lossy(&response.to_bytes()).into_owned();
        let to = request.via().host().ip().expect("an address");
        self.sim.say(phone, (to, 5060).into(), text);
    }

    /// The values of this header in the last request that this phone was sent.
    pub(crate) fn received(&self, phone: HostId, name: HeaderName) -> Vec<String> {
        let to = self.sim.trace().sights.iter().filter(|sight| sight.to == Some(phone));
        let mut requests = to.filter_map(|sight| match Message::parse(sight.bytes.clone()) {
            Ok(Message::Request(request)) => Some(request),
            Ok(Message::Response(_)) | Err(_) => None,
        });
        let last = requests.next_back().expect("a request");
        last.values(name).map(|value| String::from_utf8_lossy(value).into_owned()).collect()
    }

    /// The last message that was sent to this host, as text.
    pub(crate) fn last_to(&self, host: HostId) -> String {
        let last = self.sim.trace().sights.iter().rfind(|sight| sight.to == Some(host)).expect("a message");
        String::from_utf8_lossy(&last.bytes).into_owned()
    }

    /// Alice's phone, which is none of ours, is answered so.
    pub(crate) fn hears(&mut self, wanted: StatusCode) -> Response {
        loop {
            while let Some(message) = self.sim.heard(self.alice) {
                if let Message::Response(response) = message
                    && response.status() == wanted
                {
                    return response;
                }
            }
            assert!(self.sim.step(), "Alice waits in vain");
        }
    }
}
