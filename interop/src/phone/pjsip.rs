//! PJSIP 2.15 (`pjsua2-python`), driven by `peers/pjsip.py`: orders and events are lines of JSON.
//!
//! Its quirks, as far as they shape this file and the script: a steady tone is silence to its detector
//! of speech, which is off; without a sound card its null device keeps the time; SIP goes to a log of
//! its own, so that standard output holds events alone.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Controls, OBEY, REGISTER_SECS, SIP_PORT, Settings};
use crate::failure::{Failure, Outcome, ensure};
use crate::program::{LineMark, Program};
use crate::server::DOMAIN;
use crate::trace::{Passage, Way, behind_its_length, number_between};

/// Its log, in its home.
pub(super) const LOG: &str = "pjsip.log";

pub(super) struct Pjsip {
    program: Program,
    orders: u64,
    home: PathBuf,
    /// Where the last call begins in what it says.
    call: LineMark,
}

/// The Python that has PJSIP; `dev/setup test` makes it.
pub(super) fn python() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers/pjsip/bin/python")
}

impl Pjsip {
    pub(super) fn start(settings: &Settings) -> Outcome<Pjsip> {
        let microphone = settings.make_home()?;
        let file = settings.home.join("settings.json");
        std::fs::write(&file, written(settings, &microphone).to_string())?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/pjsip.py");
        let program = Program::start("PJSIP", python(), [&script, &file], |command| {
            command.env("HOME", &settings.home).current_dir(&settings.home);
        })?;
        let phone = Pjsip { program, orders: 0, home: settings.home.clone(), call: LineMark::START };
        phone.program.wait_line(LineMark::START, OBEY, "its start", |line| {
            (event(line)?.get("event")? == "started").then_some(())
        })?;
        Ok(phone)
    }

    /// Gives an order and waits until it is carried out. `uri`: what it is about, a URI or a key.
    fn order(&mut self, what: &str, uri: &str) -> Outcome<()> {
        self.order_of(what, uri, "")
    }

    fn order_of(&mut self, what: &str, uri: &str, text: &str) -> Outcome<()> {
        self.orders += 1;
        let number = self.orders;
        let before = self.program.mark();
        self.program.tell(&json!({ "order": number, "do": what, "uri": uri, "text": text }).to_string())?;
        let refusal = self.program.wait_line(before, OBEY, &format!("what became of {what:?}"), |line| {
            let event = event(line)?;
            let is = |key: &str| event.get(key).and_then(Value::as_u64) == Some(number);
            if is("done") { Some(None) } else { is("failed").then(|| Some(event.to_string())) }
        })?;
        ensure!(refusal.is_none(), "PJSIP does not {what}: {}", refusal.unwrap_or_default());
        Ok(())
    }
}

impl Controls for Pjsip {
    fn dial(&mut self, uri: &str) -> Outcome<()> {
        self.call = self.program.mark();
        self.order("dial", uri)
    }

    fn answer(&mut self) -> Outcome<()> {
        self.call = self.program.mark();
        self.order("answer", "")
    }

    fn hold(&mut self) -> Outcome<()> {
        self.order("hold", "")
    }

    fn resume(&mut self) -> Outcome<()> {
        self.order("resume", "")
    }

    fn transfer(&mut self, uri: &str) -> Outcome<()> {
        // In brackets: what stands behind a bare URI is no part of it (RFC 3261 section 20).
        self.order("transfer", &format!("<{uri}>"))
    }

    fn connect(&mut self) -> Outcome<()> {
        self.order("connect", "")
    }

    fn hang_up(&mut self) -> Outcome<()> {
        self.order("hang up", "")
    }

    fn press(&mut self, key: char) -> Outcome<()> {
        self.order("press", &key.to_string())
    }

    fn hears_keys(&mut self, keys: &str) -> Outcome<()> {
        let told = |lines: &[&str]| -> String {
            let events = lines.iter().filter_map(|line| event(line));
            events.filter_map(|event| Some(event.get("key")?.as_str()?.to_owned())).collect()
        };
        self.program.wait_lines(self.call, OBEY, &format!("the keys {keys:?}"), |lines| told(lines) == keys)
    }

    fn write(&mut self, uri: &str, text: &str) -> Outcome<()> {
        self.order_of("write", uri, text)
    }

    fn reads(&mut self, text: &str) -> Outcome<()> {
        self.program.wait_line(LineMark::START, OBEY, &format!("the text {text:?}"), |line| {
            (event(line)?.get("text")? == text).then_some(())
        })
    }

    fn shows(&mut self, is_there: bool) -> Outcome<()> {
        self.order("show", if is_there { "online" } else { "offline" })
    }

    fn sees_busy(&mut self, uri: &str) -> Outcome<()> {
        let before = self.program.mark();
        self.order("see", uri)?;
        self.program.wait_line(before, OBEY, "that somebody is busy", |line| {
            (event(line)?.get("activity")? == "busy").then_some(())
        })
    }

    fn recording(&mut self) -> Outcome<PathBuf> {
        // heard-NUMBER.wav, one for each call with sound.
        let newest = |number: &u32| self.home.join(format!("heard-{number}.wav")).exists();
        let last = (1..).take_while(newest).last();
        let last = last.ok_or_else(|| Failure::new("PJSIP keeps nothing of what it hears"))?;
        Ok(self.home.join(format!("heard-{last}.wav")))
    }
}

/// The next message over TLS in its log.
pub(super) fn passage(trace: &[u8], _server: SocketAddr) -> Passage {
    behind_its_length(trace, |line| {
        let over_tls = |way: &str| line.contains(way) && line.contains(" TLS ") && line.ends_with(':');
        if over_tls("TX ") {
            Some((Way::Out, number_between(line, "TX ", " bytes")?))
        } else if over_tls("RX ") {
            Some((Way::In, number_between(line, "RX ", " bytes")?))
        } else {
            None
        }
    })
}

fn event(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok()
}

/// The file of settings that the script reads.
fn written(settings: &Settings, microphone: &Path) -> Value {
    let Settings { ip, home, rtp_ports, user, secret, server, transport, registers, .. } = settings;
    let codecs: Vec<&str> = settings.codecs.iter().map(|codec| codec.name()).collect();
    json!({
        "transport": transport.name(),
        "ip": ip.to_string(),
        "port": SIP_PORT,
        "ca": settings.authority,
        "certificate": settings.papers.as_ref().map(|papers| &papers.certificate),
        "key": settings.papers.as_ref().map(|papers| &papers.key),
        "uri": settings.uri(),
        "user": user,
        "secret": secret,
        "registrar": registers.then(|| format!("sip:{DOMAIN}")),
        "proxy": registers.then(|| format!("<sip:{server};transport={};lr>", transport.name())),
        "codecs": codecs,
        "encrypts": settings.encrypts,
        "ice": settings.ice,
        "turn": settings.turn,
        "recordings": settings.records.then(|| home.join("heard").display().to_string()),
        "register_secs": REGISTER_SECS,
        "microphone": microphone.display().to_string(),
        "rtp_first": rtp_ports.start(),
        "rtp_count": rtp_ports.end() - rtp_ports.start(),
        "log": home.join(LOG).display().to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_over_tls_are_found_in_the_log() {
        let log = b"14:08:45.1  pjsua_core.c  ...TX 5 bytes Request msg A/cseq=1 (t) to UDP 127.0.0.1:1:\nwrong\n\n\
            --end msg--\n14:08:45.2  pjsua_core.c  .RX 7 bytes Response msg 200/A/cseq=1 (r) from TLS 127.0.0.1:1:\n\
            ab\r\ncde\n--end msg--\n";
        let server = "127.0.0.1:1".parse().expect("an address");
        let (way, octets, told) = passage(log, server).expect("a message");
        assert_eq!((way, octets.as_slice()), (Way::In, &b"ab\r\ncde"[..]));
        assert_eq!(passage(&log[told..], server), None);
        assert_eq!(passage(&log[..told - 1], server), None);
    }
}
