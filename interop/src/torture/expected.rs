//! What `torture.json` expects of a server, and what an answer is worth by it.

use std::path::Path;

use serde_json::Value;

use crate::failure::{Failure, Outcome, ensure, fail};
use crate::sip::Sip;
use crate::transport::Transport;

/// One message of `torture.json`.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The file, in the folder of `torture.json`.
    pub(super) file: String,
    /// A short name.
    pub(super) name: String,
    /// What the message is about.
    pub(super) note: String,
    parse: String,
    expect: Value,
    followup: Option<String>,
}

/// What an answer is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// What the RFC asks for.
    Right,
    /// Not wrong, for this reason.
    Tolerated(String),
}

/// How a message comes out of what carries it, and why so where it is not whole by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// By itself: what `torture.json` says holds.
    Whole,
    /// Nobody can tell where it ends: 400, and the connection is closed (RFC 3261 section 18.3).
    Refused(&'static str),
    /// It never ends: its rest is waited for, and the connection is closed when that cannot come.
    Unfinished(&'static str),
    /// It ends where its Content-Length says. What follows is a message of its own, and then noise.
    Followed(&'static str),
}

impl Cut {
    /// What an answer is worth where it is not for `torture.json` to say.
    pub(super) fn judge(self, answer: Option<u16>) -> Option<Outcome<Verdict>> {
        let (right, wanted) = match self {
            Cut::Whole | Cut::Followed(_) => return None,
            Cut::Refused(why) => (answer == Some(400), format!("400 before the connection is closed: {why}")),
            Cut::Unfinished(why) => (matches!(answer, None | Some(400)), format!("silence or 400: {why}")),
        };
        let got = answer.map_or_else(|| "silence".to_owned(), |status| status.to_string());
        Some(if right { Ok(Verdict::Right) } else { Err(Failure::new(format!("{got}, not {wanted}"))) })
    }
}

/// The messages that streams cut in another way than datagrams do.
const CUT_OTHERWISE: [(&str, Cut); 6] = [
    ("clerr", Cut::Unfinished("it promises 9,999 octets of body and brings 154")),
    ("baddn", Cut::Unfinished("its head has no empty line at its end")),
    ("ncl", Cut::Refused("a length of -999 is none")),
    ("mcl01", Cut::Refused("it has two lengths")),
    ("inv2543", Cut::Refused("it has no length, which a stream must have")),
    ("dblreq", Cut::Followed("the INVITE behind it is a request, whose length leaves five octets over")),
];

/// Reads `torture.json`.
pub(super) fn read(path: &Path) -> Outcome<Vec<Entry>> {
    let text = std::fs::read_to_string(path)?;
    let json: Value = serde_json::from_str(&text).map_err(Failure::new)?;
    let Some(messages) = json.get("messages").and_then(Value::as_array) else {
        fail!("{} lists no messages", path.display());
    };
    messages.iter().map(entry).collect()
}

fn entry(message: &Value) -> Outcome<Entry> {
    let text = |name: &str| match message.get(name).and_then(Value::as_str) {
        Some(text) => Ok(text.to_owned()),
        None => Err(Failure::new(format!("a message of torture.json has no {name}"))),
    };
    let followup = message.pointer("/facts/followup").and_then(Value::as_str).map(str::to_owned);
    let expect = message.get("expect").cloned().unwrap_or_default();
    Ok(Entry {
        file: text("file")?,
        name: text("name")?,
        note: text("note")?,
        parse: text("parse")?,
        expect,
        followup,
    })
}

impl Entry {
    /// How it comes out of a transport.
    pub(super) fn cut(&self, transport: Transport) -> Cut {
        let otherwise = CUT_OTHERWISE.iter().find(|(name, _)| transport.is_stream() && *name == self.name);
        otherwise.map_or(Cut::Whole, |(_, cut)| *cut)
    }

    /// Must every parser take it?
    pub(super) fn is_well_formed(&self) -> bool {
        self.parse == "accept"
    }

    /// What an answer (`None`: silence) is worth from a server in `role`; if it is wrong, what would
    /// have been right.
    pub(super) fn judge(&self, role: &str, answer: Option<u16>) -> Result<Verdict, String> {
        let expect = self.expect.get(role).or_else(|| self.expect.get("any")).unwrap_or(&Value::Null);
        let tolerated = |why: &str| Ok(Verdict::Tolerated(format!("{why}. {}", self.note)));
        let wanted = || format!("what {expect} asks for");
        let Some(status) = answer else {
            return match expect.get("silence").and_then(Value::as_str) {
                Some("required") => Ok(Verdict::Right),
                Some("weak") => tolerated("silence"),
                _ => Err(wanted()),
            };
        };
        let names = |key: &str| names(expect.get(key), status);
        let any = |key: &str| expect.get(key).is_some_and(|list| list == "any");
        if names("forbid") || expect.get("silence").and_then(Value::as_str) == Some("required") {
            Err(wanted())
        } else if names("codes") {
            Ok(Verdict::Right)
        } else if names("weak") {
            tolerated(&status.to_string())
        } else if any("codes") {
            Ok(Verdict::Right)
        } else if any("weak") {
            tolerated(&status.to_string())
        } else if expect.get("liberal_ok").and_then(Value::as_bool) == Some(true) && status < 500 {
            tolerated(&format!("{status}: read liberally"))
        } else {
            Err(wanted())
        }
    }

    /// What must hold of anything that the server forwards.
    pub(super) fn check_forwarded(&self, request: &Sip) -> Outcome<()> {
        let start = &request.start;
        ensure!(self.parse != "reject", "forwarded, though no parser may take it: {start}");
        let clean = !start.contains(['<', '>']) && start.split(' ').count() == 3;
        ensure!(clean, "forwarded with a broken request line: {start}");
        ensure!(!start.contains('?'), "forwarded with the headers of its URI: {start}");
        Ok(())
    }

    /// The check on the answer that `torture.json` asks for.
    pub(super) fn check_answer(&self, answer: &Sip, sent: &[Sip]) -> Outcome<()> {
        let contacts = answer.headers("Contact").join(", ");
        let registered = answer.is_response(200, "REGISTER");
        match self.followup.as_deref() {
            None => {}
            Some("two_contacts") => {
                ensure!(
                    !registered || contacts.matches("<sip:").count() == 2,
                    "not two contacts: {contacts}"
                );
            }
            Some("no_invite_response") => {
                let invite = sent.iter().find(|sip| sip.cseq_method() == "INVITE");
                ensure!(invite.is_none(), "the noise after the message was taken for an INVITE");
            }
            Some("unsupported_header") => {
                let named = answer.headers("Unsupported").join(", ");
                let lists = |option: &str| named.contains(option);
                let proxy = lists("noProxiesSupportThis") && lists("norDoAnyProxiesSupportThis");
                let agent = lists("nothingSupportsThis") && lists("nothingSupportsThisEither");
                ensure!(
                    answer.status() != Some(420) || proxy || agent,
                    "420 whose Unsupported names {named:?}"
                );
            }
            Some("unknownparam_not_in_uri") => {
                let inside = contacts.split('>').next().unwrap_or_default().contains("unknownparam");
                ensure!(!registered || !inside, "the contact's parameter came into its URI: {contacts}");
            }
            Some("unknownparam_in_uri") => {
                let inside = contacts.contains("gw1.example.net;unknownparam>");
                ensure!(!registered || inside, "the URI's parameter was lost: {contacts}");
            }
            Some("escaped_route_kept") => {
                let kept = contacts.contains("?Route=%3Csip:sip.example.com%3E");
                ensure!(!registered || kept, "the escaped Route was lost: {contacts}");
            }
            Some(unknown) => fail!("torture.json asks for a check that is not known here: {unknown}"),
        }
        Ok(())
    }
}

/// Does this list of `torture.json` name the status?
fn names(list: Option<&Value>, status: u16) -> bool {
    let codes = list.and_then(Value::as_array);
    codes.is_some_and(|codes| codes.iter().any(|code| code.as_u64() == Some(status.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(expect: &str) -> Entry {
        Entry {
            file: String::new(),
            name: String::new(),
            note: "note".to_owned(),
            parse: "accept".to_owned(),
            expect: serde_json::from_str(expect).expect("JSON"),
            followup: None,
        }
    }

    #[test]
    fn a_role_of_its_own_goes_before_any() {
        let entry =
            entry(r#"{"any":{"codes":[200],"silence":"fail"},"proxy":{"codes":[404],"silence":"fail"}}"#);
        assert_eq!(entry.judge("proxy", Some(404)), Ok(Verdict::Right));
        assert_eq!(entry.judge("registrar", Some(200)), Ok(Verdict::Right));
        assert!(entry.judge("registrar", Some(404)).is_err());
        assert!(entry.judge("registrar", None).is_err());
    }

    #[test]
    fn weak_is_tolerated_and_forbidden_is_wrong() {
        let entry = entry(r#"{"any":{"codes":"any","weak":[400],"forbid":[505],"silence":"weak"}}"#);
        assert_eq!(entry.judge("proxy", Some(486)), Ok(Verdict::Right));
        assert_eq!(entry.judge("proxy", Some(400)), Ok(Verdict::Tolerated("400. note".to_owned())));
        assert_eq!(entry.judge("proxy", None), Ok(Verdict::Tolerated("silence. note".to_owned())));
        assert!(entry.judge("proxy", Some(505)).is_err());
    }

    #[test]
    fn where_silence_is_required_any_answer_is_wrong() {
        let entry = entry(r#"{"any":{"codes":[],"silence":"required"}}"#);
        assert_eq!(entry.judge("proxy", None), Ok(Verdict::Right));
        assert!(entry.judge("proxy", Some(400)).is_err());
    }

    #[test]
    fn a_liberal_reader_may_do_more_than_400() {
        let entry = entry(r#"{"any":{"codes":[400],"weak":[],"liberal_ok":true,"silence":"fail"}}"#);
        assert_eq!(entry.judge("proxy", Some(400)), Ok(Verdict::Right));
        assert!(matches!(entry.judge("proxy", Some(480)), Ok(Verdict::Tolerated(_))));
        assert!(entry.judge("proxy", Some(500)).is_err());
    }
}
