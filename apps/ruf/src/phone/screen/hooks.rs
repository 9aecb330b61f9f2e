//! [`Hooks`]: commands of the user that are run when a call rings here, is answered, or ends.
//!
//! What others call themselves goes into the environment of a command alone, never into its line.

use std::io;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Deserialize;

use super::event::LineId;
use super::line::Line;

/// Commands that may run at a time; more are not started.
const RUNNING_MAX: usize = 16;

/// The commands, for the shell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Hooks {
    /// Somebody calls.
    ring: Option<String>,
    /// Both talk.
    answer: Option<String>,
    /// It is over, whether anybody answered or not.
    end: Option<String>,
}

/// When a command is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Ring,
    Answer,
    End,
}

/// A command, and what it is to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    command: String,
    environment: Vec<(&'static str, String)>,
}

impl Hooks {
    /// What is to be run now; `account` is called or calls, `more` is known besides. A [`Party`](super::line::Party) has
    /// no letter that an environment could not hold.
    pub(crate) fn at(
        &self,
        moment: Moment,
        line: &Line,
        account: &str,
        more: &[(&'static str, String)],
    ) -> Option<Run> {
        let (command, event) = match moment {
            Moment::Ring => (&self.ring, "ring"),
            Moment::Answer => (&self.answer, "answer"),
            Moment::End => (&self.end, "end"),
        };
        let direction = match line.id {
            LineId::Out(_) => "out",
            LineId::In(_) => "in",
        };
        let mut environment = vec![
            ("RUF_EVENT", event.to_owned()),
            ("RUF_DIRECTION", direction.to_owned()),
            ("RUF_ADDRESS", line.party.address.clone()),
            ("RUF_NAME", line.party.name.clone()),
            ("RUF_ACCOUNT", account.to_owned()),
        ];
        environment.extend(more.iter().cloned());
        command.clone().map(|command| Run { command, environment })
    }
}

impl Run {
    /// Starts it, and waits for nothing.
    ///
    /// # Errors
    /// The system starts no more.
    pub(super) fn start(self) -> io::Result<()> {
        static RUNNING: AtomicUsize = AtomicUsize::new(0);
        if RUNNING.fetch_add(1, Ordering::Relaxed) >= RUNNING_MAX {
            RUNNING.fetch_sub(1, Ordering::Relaxed);
            return Err(io::Error::other(format!("{RUNNING_MAX} commands are running already")));
        }
        let mut command = Command::new("sh");
        command.arg("-c").arg(&self.command).envs(self.environment);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
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
        let hooks = Hooks { end: Some(command), ..Hooks::default() };
        assert_eq!(hooks.at(Moment::Ring, &line(), "sip:a@h", &[]), None);
        let run = hooks.at(Moment::End, &line(), "sip:a@h", &[("RUF_WHY", "busy".to_owned())]);
        run.unwrap().start().unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while !file.exists() {
            assert!(Instant::now() < deadline, "the command was run");
            std::thread::sleep(Duration::from_millis(10));
        }
        let said = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert_eq!(said, "end in sip:bob@h Bob \"$(rm -rf /)\" sip:a@h busy\n");
    }
}
