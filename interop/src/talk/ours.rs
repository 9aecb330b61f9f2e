//! `ruf call` or `ruf answer` as a script runs it: its events, and its end.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::failure::{Failure, Outcome, ensure};
use crate::program::{LineMark, Program};
use crate::server;

/// How long anything that was asked for may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// The running command.
pub(crate) struct Ours {
    program: Program,
    /// What it keeps of the call.
    pub(crate) recording: PathBuf,
}

impl Ours {
    /// Starts `ruf` with these arguments, which say where it keeps what it hears.
    pub(crate) fn start(arguments: &[String], recording: PathBuf) -> Outcome<Ours> {
        let kept = recording.display().to_string();
        let more = ["--json".to_owned(), "--record".to_owned(), kept];
        let program = Program::start("ruf", server::binary()?, arguments.iter().chain(&more), |_| {})?;
        Ok(Ours { program, recording })
    }

    /// Starts `ruf watch`, which keeps nothing.
    pub(crate) fn watching(arguments: &[String]) -> Outcome<Ours> {
        let more = ["--json".to_owned()];
        let program = Program::start("ruf", server::binary()?, arguments.iter().chain(&more), |_| {})?;
        Ok(Ours { program, recording: PathBuf::new() })
    }

    /// Waits for an event of which this holds.
    pub(crate) fn tells_that(
        &self,
        from: LineMark,
        what: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> Outcome<()> {
        self.program.wait_line(from, PATIENCE, what, |line| {
            let told: Value = serde_json::from_str(line).ok()?;
            holds(&told).then_some(())
        })
    }

    /// What it tells from here on.
    pub(crate) fn mark(&self) -> LineMark {
        self.program.mark()
    }

    /// Gives an order, to one that takes them.
    pub(crate) fn order(&mut self, order: &str) -> Outcome<()> {
        self.program.tell(order)
    }

    /// Waits for an event of this name.
    pub(crate) fn tells(&self, event: &str) -> Outcome<Value> {
        self.tells_of("", event)
    }

    /// The same of a call beside the first.
    pub(crate) fn tells_of(&self, call: &str, event: &str) -> Outcome<Value> {
        let what = format!("the event {event:?} {}", if call.is_empty() { "" } else { call });
        self.program.wait_line(LineMark::START, PATIENCE, what.trim(), |line| {
            let told: Value = serde_json::from_str(line).ok()?;
            let of = told.get("call").and_then(Value::as_str).unwrap_or_default();
            (told.get("event")? == event && of == call).then_some(told)
        })
    }

    /// Waits for its end, which comes of this.
    pub(crate) fn ends_because(&mut self, why: &str) -> Outcome<()> {
        let (events, ended) = self.end()?;
        let said = ended.get("why").and_then(Value::as_str);
        ensure!(said == Some(why), "ended, but not because {why}: {ended}; before: {events:?}");
        Ok(())
    }

    /// Waits until it has told these keys of the far side.
    pub(crate) fn hears_keys(&self, keys: &str) -> Outcome<()> {
        self.program.wait_lines(LineMark::START, PATIENCE, &format!("the keys {keys:?}"), |lines| {
            let told = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let told: String = told.filter_map(|told| Some(told.get("key")?.as_str()?.to_owned())).collect();
            told == keys
        })
    }

    /// As by Ctrl-C.
    pub(crate) fn interrupt(&self) -> Outcome<()> {
        self.program.signal("INT")
    }

    /// Waits for its end: it has to end well. Gives the names of its events, and the last of them.
    pub(crate) fn end(&mut self) -> Outcome<(Vec<String>, Value)> {
        let status = self.program.wait_end(PATIENCE)?;
        let (said, complaints) = (self.program.output(), self.program.errors());
        ensure!(
            status.success() && complaints.is_empty(),
            "ruf ended with {status}, saying {:?} and {complaints:?}",
            said.last()
        );
        let events: Result<Vec<Value>, _> = said.iter().map(|line| serde_json::from_str(line)).collect();
        let events = events.map_err(|error| Failure::new(format!("ruf --json printed no JSON: {error}")))?;
        // A note is nobody's to expect: it is told whole.
        let name = |event: &Value| match event.get("event").and_then(Value::as_str) {
            Some("note") => event.to_string(),
            name => name.unwrap_or_default().to_owned(),
        };
        Ok((events.iter().map(name).collect(), events.last().cloned().unwrap_or_default()))
    }
}
