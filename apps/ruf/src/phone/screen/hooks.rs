//! [`Hooks`]: what the user wants done when a call rings here, is answered, or ends: a command is run, or an address of the
//! web is told ([`Post`]).
//!
//! What others call themselves goes into the environment of a command alone, never into its line.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Deserialize;
use serde_json::{Map, Value};
use toml::Spanned;

use super::event::LineId;
use super::line::Line;
use super::post::{Post, Trust, is_address};
use crate::config::{ConfigError, Source};

/// Commands that may run at a time; more are not started.
const RUNNING_MAX: usize = 16;
/// The fact that is a number.
const SECONDS: &str = "seconds";

/// What is done, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hooks {
    /// Somebody calls.
    ring: Option<Hook>,
    /// Both talk.
    answer: Option<Hook>,
    /// It is over, whether anybody answered or not.
    end: Option<Hook>,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hook {
    /// This is run by the shell.
    Command(String),
    /// This is told.
    Post(Post),
}

/// When it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Moment {
    Ring,
    Answer,
    End,
}

/// Something that is known of a call, by its name.
pub(crate) type Fact = (&'static str, String);

/// What is to be done, and what it is to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(super) moment: Moment,
    pub(super) hook: Hook,
    facts: Vec<Fact>,
}

/// As it is written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HooksTable {
    ring: Option<Spanned<String>>,
    answer: Option<Spanned<String>>,
    end: Option<Spanned<String>>,
    /// Authorities to believe beside the system's.
    ca: Vec<Spanned<PathBuf>>,
}

impl HooksTable {
    /// # Errors
    /// An address or a file is none, and where.
    pub(super) fn read(self, source: &Source<'_>, beside: &Path) -> Result<Hooks, ConfigError> {
        let HooksTable { ring, answer, end, ca } = self;
        let all = [&ring, &answer, &end];
        let trust = match all.into_iter().flatten().any(|text| is_address(text.get_ref())) {
            true => Some(Self::trust(source, beside, &ca)?),
            false => None,
        };
        let hook = |text: Option<Spanned<String>>| {
            let Some(text) = text else { return Ok(None) };
            match trust.as_ref().filter(|_| is_address(text.get_ref())) {
                Some(trust) => match Post::new(text.get_ref(), trust) {
                    Ok(post) => Ok(Some(Hook::Post(post))),
                    Err(why) => Err(source.at(text.span(), why)),
                },
                None => Ok(Some(Hook::Command(text.into_inner()))),
            }
        };
        Ok(Hooks { ring: hook(ring)?, answer: hook(answer)?, end: hook(end)? })
    }

    fn trust(source: &Source<'_>, beside: &Path, ca: &[Spanned<PathBuf>]) -> Result<Trust, ConfigError> {
        let files: Vec<PathBuf> = ca.iter().map(|file| beside.join(file.get_ref())).collect();
        Trust::new(files.iter().map(PathBuf::as_path)).map_err(|(number, why)| {
            let span = ca.get(number).map_or(0..0, Spanned::span);
            source.at(span, why)
        })
    }
}

impl Hooks {
    /// What is to be done now; `account` is called or calls, `more` is known besides. A [`Party`](super::line::Party) has
    /// no letter that an environment could not hold.
    pub(crate) fn at(&self, moment: Moment, line: &Line, account: &str, more: &[Fact]) -> Option<Run> {
        let (hook, event) = match moment {
            Moment::Ring => (&self.ring, "ring"),
            Moment::Answer => (&self.answer, "answer"),
            Moment::End => (&self.end, "end"),
        };
        let direction = match line.id {
            LineId::Out(_) => "out",
            LineId::In(_) => "in",
        };
        let mut facts = vec![
            ("event", event.to_owned()),
            ("direction", direction.to_owned()),
            ("address", line.party.address.clone()),
            ("name", line.party.name.clone()),
            ("account", account.to_owned()),
        ];
        facts.extend(more.iter().cloned());
        hook.clone().map(|hook| Run { moment, hook, facts })
    }
}

#[cfg(test)]
impl Hooks {
    /// Three commands.
    pub(super) fn commands(ring: &str, answer: &str, end: &str) -> Hooks {
        let hook = |command: &str| Some(Hook::Command(command.to_owned()));
        Hooks { ring: hook(ring), answer: hook(answer), end: hook(end) }
    }
}

impl Run {
    /// Starts a command, and waits for nothing.
    ///
    /// # Errors
    /// The system starts no more.
    pub(super) fn start(&self, command: &str) -> io::Result<()> {
        static RUNNING: AtomicUsize = AtomicUsize::new(0);
        if RUNNING.fetch_add(1, Ordering::Relaxed) >= RUNNING_MAX {
            RUNNING.fetch_sub(1, Ordering::Relaxed);
            return Err(io::Error::other(format!("{RUNNING_MAX} commands are running already")));
        }
        let name = |name: &str| format!("RUF_{}", name.to_uppercase());
        let environment = self.facts.iter().map(|(fact, value)| (name(fact), value));
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(command).envs(environment);
        let child = shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut child = child.inspect_err(|_| {
            RUNNING.fetch_sub(1, Ordering::Relaxed);
        })?;
        // Whoever waits for it is not the screen.
        std::thread::spawn(move || {
            let _ = child.wait();
            RUNNING.fetch_sub(1, Ordering::Relaxed);
        });
        Ok(())
    }

    /// The facts as a JSON object.
    pub(super) fn json(&self) -> Vec<u8> {
        let value = |(name, value): &Fact| match value.parse::<u64>() {
            Ok(number) if *name == SECONDS => Value::from(number),
            _ => Value::from(value.clone()),
        };
        let all: Map<String, Value> =
            self.facts.iter().map(|fact| (fact.0.to_owned(), value(fact))).collect();
        Value::Object(all).to_string().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::{LineState, Party};
    use super::super::model::Now;
    use super::*;
    use std::time::{Duration, Instant};

    fn line() -> Line {
        let party = Party::of("Bob \"$(rm -rf /)\" \0\n", "sip:bob@h");
        Line::new(LineId::In(1), 0, party, LineState::RingingHere, Now { millis: 0, unix_secs: 0 })
    }

    #[test]
    fn a_command_knows_who_calls_and_what_others_call_themselves_is_no_command() {
        let file = std::env::temp_dir().join(format!("ruf-hooks-{}", std::process::id()));
        let command = format!(
            "echo \"$RUF_EVENT $RUF_DIRECTION $RUF_ADDRESS $RUF_NAME $RUF_ACCOUNT $RUF_WHY\" >{0}.new && mv {0}.new {0}",
            file.display()
        );
        let hooks = Hooks { ring: None, ..Hooks::commands("", "", &command) };
        assert_eq!(hooks.at(Moment::Ring, &line(), "sip:a@h", &[]), None);
        let run = hooks.at(Moment::End, &line(), "sip:a@h", &[("why", "busy".to_owned())]);
        run.unwrap().start(&command).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while !file.exists() {
            assert!(Instant::now() < deadline, "the command was run");
            std::thread::sleep(Duration::from_millis(10));
        }
        let said = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert_eq!(said, "end in sip:bob@h Bob \"$(rm -rf /)\" sip:a@h busy\n");
    }

    #[test]
    fn an_address_is_told_the_same_as_an_object() {
        let text = "ring = \"https://h.test/a\"\nend = \"beep https://h.test\"";
        let table: HooksTable = toml::from_str(text).unwrap();
        let hooks = table.read(&Source { name: "phone.toml", text }, Path::new("")).unwrap();
        let more = [(SECONDS, "12".to_owned()), ("why", "12".to_owned())];
        let run = hooks.at(Moment::Ring, &line(), "sip:a@h", &more).unwrap();
        assert!(matches!(run.hook, Hook::Post(_)), "{run:?}");
        let told: Value = serde_json::from_slice(&run.json()).unwrap();
        let wanted = serde_json::json!({
            "event": "ring", "direction": "in", "address": "sip:bob@h", "name": "Bob \"$(rm -rf /)\"",
            "account": "sip:a@h", "seconds": 12, "why": "12",
        });
        assert_eq!(told, wanted);
        let run = hooks.at(Moment::End, &line(), "", &[]).unwrap();
        assert_eq!(run.hook, Hook::Command("beep https://h.test".to_owned()));
    }
}
