//! What a call tells while it goes on, line by line, for people or for programs.

use std::fmt;
use std::io::{self, Write as _};
use std::time::Instant;

use ruf_sip::{CallEvent, Codec, Diverted, Ended, Figures, Incoming, PhoneEvent, Quality, Suite};
use serde_json::{Map, Value, json};

use crate::plain::plain_line;

/// A line on standard output, whatever others may have put into it.
pub(super) fn say(line: impl fmt::Display) {
    write(plain_line(line));
}

/// Whoever read it may have gone: that ends no call.
fn write(line: impl fmt::Display) {
    drop(writeln!(io::stdout(), "{line}"));
}

/// Writes what happens to a call on standard output.
pub(super) struct Report {
    is_json: bool,
    start: Instant,
}

impl Report {
    /// From now on; as one JSON object a line, if wanted.
    pub(super) fn new(is_json: bool) -> Report {
        Report { is_json, start: Instant::now() }
    }

    /// Something that is no event of a call: `calling`, `listening`.
    pub(super) fn say(&self, what: &str, of: &str) {
        if self.is_json {
            self.object(what, json!({ "of": of }));
        } else {
            say(format_args!("{what} {of}"));
        }
    }

    /// Who calls, and for whom the call was if somebody sent it on to us.
    pub(super) fn called(&self, incoming: &Incoming) {
        let (from, first) = (incoming.from(), incoming.diverted());
        match first {
            Some(Diverted { uri, display, reason }) if self.is_json => {
                let first = json!({ "uri": uri, "display": display, "why": reason.as_str() });
                self.object("called by", json!({ "of": from, "for": first }));
            }
            Some(Diverted { uri, reason, .. }) => {
                say(format_args!("called by {from}, for {uri} ({})", reason.as_str()));
            }
            None => self.say("called by", from),
        }
    }

    /// Something of which nothing more is to be said: `muted`.
    pub(super) fn event_alone(&self, what: &str) {
        if self.is_json {
            self.object(what, json!({}));
        } else {
            say(what);
        }
    }

    /// An order that was not carried out.
    pub(super) fn failed(&self, order: &str, why: &str) {
        if self.is_json {
            self.object("failed", json!({ "order": order, "why": why }));
        } else {
            say(format_args!("failed: {order}: {why}"));
        }
    }

    /// What a phone tells beside calls; that it goes on as it should is no news.
    pub(super) fn phone(&self, event: &PhoneEvent) {
        match event {
            PhoneEvent::Message(message) if self.is_json => {
                self.object("message", json!({ "from": message.from, "text": message.text }));
            }
            PhoneEvent::RegistrationFailed { .. } | PhoneEvent::Message(_) => {
                self.say("note", &event.to_string());
            }
            _ => {}
        }
    }

    /// An event; of the call with this name, if it is not the first.
    pub(super) fn event(&self, call: Option<&str>, event: &CallEvent) {
        if !self.is_json {
            return match call {
                Some(call) => say(format_args!("{call}: {event}")),
                None => say(event),
            };
        }
        let (name, more) = match event {
            CallEvent::Ringing { status, early_media } => {
                ("ringing", json!({ "status": status.as_u16(), "early_media": early_media }))
            }
            CallEvent::Answered => ("answered", json!({})),
            CallEvent::Held => ("held", json!({})),
            CallEvent::Resumed => ("resumed", json!({})),
            CallEvent::Holding => ("holding", json!({})),
            CallEvent::Released => ("released", json!({})),
            CallEvent::WayFound { is_relayed } => ("way", json!({ "relayed": is_relayed })),
            CallEvent::WayLost => ("way lost", json!({})),
            CallEvent::NoWay => ("no way", json!({})),
            CallEvent::Digit(digit) => ("key", json!({ "key": digit.to_string() })),
            CallEvent::Message(message) => ("message", json!({ "from": message.from, "text": message.text })),
            CallEvent::NotChanged(status) => ("not changed", json!({ "status": status.as_u16() })),
            CallEvent::Referred { to, by } => ("referred", json!({ "to": to, "by": by })),
            CallEvent::TransferProgress(status) => ("transfer", json!({ "status": status.as_u16() })),
            CallEvent::Transferred => ("transferred", json!({})),
            CallEvent::TransferFailed(error) => ("not transferred", json!({ "why": error.to_string() })),
            CallEvent::Redirected { to } => ("redirected", json!({ "to": to })),
            CallEvent::RetryAfter { secs } => ("retry after", json!({ "seconds": secs })),
            CallEvent::Identity { uri, display, is_asserted } => {
                ("identity", json!({ "uri": uri, "display": display, "asserted": is_asserted }))
            }
            CallEvent::Cause(cause) => {
                ("cause", json!({ "protocol": cause.protocol, "code": cause.code, "text": cause.text }))
            }
            other => ("event", json!({ "text": other.to_string() })),
        };
        self.object_of(call, name, more);
    }

    /// A call is over, and another one goes on.
    pub(super) fn left(&self, call: Option<&str>, why: &Ended) {
        if self.is_json {
            return self.object_of(call, "left", json!({ "why": why.to_string() }));
        }
        match call {
            Some(call) => say(format_args!("{call}: {why}")),
            None => say(format_args!("the first call: {why}")),
        }
    }

    /// The end, and what was measured.
    pub(super) fn end(&self, ended: &Ended, measured: &Measured) {
        if self.is_json {
            let Measured { secs, codec, suite, figures: Figures { counts, quality } } = measured;
            let more = json!({
                "why": ended.to_string(),
                "secs": secs,
                "codec": codec.map(Codec::name),
                "srtp": suite.map(|suite| format!("{suite:?}")),
                "sent": counts.sent,
                "received": counts.received,
                "refused": counts.refused,
                "lost": quality.lost,
                "discarded": quality.discarded,
                "loss_percent": quality.loss_percent.mean,
                "jitter_ms": quality.jitter_ms.mean,
                "delay_ms": quality.delay_ms.mean,
                "round_trip_ms": quality.round_trip_ms.map(|trip| trip.mean),
                "mos": (quality.packets > 0).then_some(quality.mos.mean),
            });
            return self.object("ended", more);
        }
        say(ended);
        if measured.secs.is_some() {
            say(measured);
        }
    }

    /// For programs.
    pub(super) fn is_json(&self) -> bool {
        self.is_json
    }

    pub(super) fn object(&self, event: &str, more: Value) {
        self.object_of(None, event, more);
    }

    fn object_of(&self, call: Option<&str>, event: &str, more: Value) {
        let mut object = Map::new();
        object.insert("ms".to_owned(), json!(self.start.elapsed().as_millis() as u64));
        object.insert("event".to_owned(), json!(event));
        object.extend(call.map(|call| ("call".to_owned(), json!(call))));
        if let Value::Object(more) = more {
            object.extend(more);
        }
        // JSON has no line within a line.
        write(Value::Object(object));
    }
}

/// What was measured of a call.
pub(super) struct Measured {
    /// How long both talked; `None`: they did not.
    pub(super) secs: Option<f64>,
    pub(super) codec: Option<Codec>,
    /// What it was encrypted with.
    pub(super) suite: Option<Suite>,
    pub(super) figures: Figures,
}

impl Measured {
    /// Sound came from the far side, or none was to come.
    pub(super) fn was_heard(&self) -> bool {
        self.figures.counts.received > 0
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Measured { secs, codec, suite, figures: Figures { counts, quality } } = self;
        write!(f, "{:.1} s", secs.unwrap_or_default())?;
        if let Some(codec) = codec {
            write!(f, ", {}", codec.name())?;
        }
        if suite.is_some() {
            f.write_str(", SRTP")?;
        }
        write!(f, ", {} packets sent, {} received", counts.sent, counts.received)?;
        if quality.packets > 0 {
            let Quality { lost, discarded, loss_percent, jitter_ms, mos, .. } = quality;
            write!(f, ", {lost} lost ({:.1} %), {discarded} too late", loss_percent.mean)?;
            write!(f, ", jitter {:.1} ms, MOS {:.1}", jitter_ms.mean, mos.mean)?;
        }
        if let Some(trip) = &quality.round_trip_ms {
            write!(f, ", round trip {:.1} ms", trip.mean)?;
        }
        Ok(())
    }
}
