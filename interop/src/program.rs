//! Programs that the harness starts: a phone, a server, a load generator. Their lines are collected,
//! and they end when their owner goes, by whatever way it goes.
//!
//! `setpriv --pdeathsig` (util-linux, always there on Debian) makes the kernel end them even when the
//! harness is killed. It runs the program in its own place, so that the process id is the program's.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome, fail};

/// A running program.
pub(crate) struct Program {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    said: Said,
}

/// The lines that a program wrote so far: standard output and standard error in one.
#[derive(Clone, Default)]
struct Said(Arc<(Mutex<Lines>, Condvar)>);

#[derive(Default)]
struct Lines {
    lines: Vec<Line>,
    open_streams: usize,
}

#[derive(Clone)]
struct Line {
    to_stderr: bool,
    text: String,
}

/// A place in the lines of a program, to wait from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LineMark(usize);

/// Fails with one line if `program` is not installed: nothing is skipped because it is missing.
pub(crate) fn present(program: &str, package: &str) -> Outcome<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // A user who is not root may have nft, but not its folder in PATH.
    let mut folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    if !folders.any(|folder| folder.join(program).is_file()) {
        fail!("{program} is missing: apt-get install {package}");
    }
    Ok(())
}

impl LineMark {
    /// Before the first line.
    pub(crate) const START: LineMark = LineMark(0);
}

impl Program {
    /// Starts `program` with `arguments`; `prepare` may add environment and a working directory.
    pub(crate) fn start<A: AsRef<std::ffi::OsStr>>(
        name: &str,
        program: impl AsRef<std::ffi::OsStr>,
        arguments: impl IntoIterator<Item = A>,
        prepare: impl FnOnce(&mut Command),
    ) -> Outcome<Program> {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(program.as_ref()).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        prepare(&mut command);
        let mut child =
            command.spawn().map_err(|error| Failure::new(format!("{name} did not start: {error}")))?;
        let said = Said::default();
        if let Some(stream) = child.stdout.take() {
            said.collect(stream, false);
        }
        if let Some(stream) = child.stderr.take() {
            said.collect(stream, true);
        }
        let input = child.stdin.take();
        Ok(Program { name: name.to_owned(), child, input, said })
    }

    /// Writes one line to the program's standard input.
    pub(crate) fn tell(&mut self, line: &str) -> Outcome<()> {
        let Some(input) = self.input.as_mut() else { fail!("{} takes no input", self.name) };
        input
            .write_all(format!("{line}\n").as_bytes())
            .and_then(|()| input.flush())
            .map_err(|error| Failure::new(format!("{} takes no input: {error}", self.name)))
    }

    /// The place after the last line written so far.
    pub(crate) fn mark(&self) -> LineMark {
        LineMark(self.said.lock().lines.len())
    }

    /// Waits for a line after `from` in which `wanted` finds something.
    pub(crate) fn wait_line<T>(
        &self,
        from: LineMark,
        patience: Duration,
        what: &str,
        wanted: impl Fn(&str) -> Option<T>,
    ) -> Outcome<T> {
        let deadline = Instant::now() + patience;
        let mut lines = self.said.lock();
        let mut next = from.0;
        loop {
            for line in lines.lines.get(next..).unwrap_or_default() {
                if let Some(found) = wanted(&line.text) {
                    return Ok(found);
                }
            }
            next = lines.lines.len();
            let left = deadline.saturating_duration_since(Instant::now());
            if lines.open_streams == 0 {
                let last = lines.lines.last().map_or("nothing", |line| &line.text);
                fail!("{} ended before {what}; its last words: {last}", self.name);
            }
            if left.is_zero() {
                fail!("{}: {what} did not come within {} s", self.name, patience.as_secs());
            }
            lines = self.said.wait(lines, left);
        }
    }

    /// Waits until all lines after `from` together please `done`.
    pub(crate) fn wait_lines(
        &self,
        from: LineMark,
        patience: Duration,
        what: &str,
        done: impl Fn(&[&str]) -> bool,
    ) -> Outcome<()> {
        let deadline = Instant::now() + patience;
        let mut lines = self.said.lock();
        loop {
            let said: Vec<&str> =
                lines.lines.get(from.0..).unwrap_or_default().iter().map(|line| line.text.as_str()).collect();
            if done(&said) {
                return Ok(());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                fail!("{}: {what} did not come within {} s", self.name, patience.as_secs());
            }
            drop(said);
            lines = self.said.wait(lines, left);
        }
    }

    /// Everything the program wrote to standard output so far.
    pub(crate) fn output(&self) -> Vec<String> {
        self.written(false)
    }

    /// Everything the program wrote to standard error so far.
    pub(crate) fn errors(&self) -> Vec<String> {
        self.written(true)
    }

    fn written(&self, to_stderr: bool) -> Vec<String> {
        let lines = self.said.lock();
        lines.lines.iter().filter(|line| line.to_stderr == to_stderr).map(|line| line.text.clone()).collect()
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the program ends by itself and all it wrote has been read.
    pub(crate) fn wait_end(&mut self, patience: Duration) -> Outcome<ExitStatus> {
        self.input = None;
        let deadline = Instant::now() + patience;
        let mut lines = self.said.lock();
        while lines.open_streams > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                fail!("{} did not end within {} s", self.name, patience.as_secs());
            }
            lines = self.said.wait(lines, left);
        }
        drop(lines);
        Ok(self.child.wait()?)
    }

    /// Asks the program to end, by SIGTERM.
    pub(crate) fn terminate(&self) -> Outcome<()> {
        self.signal("TERM")
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) -> Outcome<()> {
        let status = Command::new("kill").args(["-s", name, &self.id().to_string()]).status()?;
        if !status.success() {
            fail!("{} (process {}) could not be signalled", self.name, self.id());
        }
        Ok(())
    }

    /// Ends the program at once, by SIGKILL, and waits for its end.
    pub(crate) fn kill(&mut self) {
        // An error means that it is gone already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Said {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, lines: MutexGuard<'a, Lines>, patience: Duration) -> MutexGuard<'a, Lines> {
        self.0.1.wait_timeout(lines, patience).unwrap_or_else(PoisonError::into_inner).0
    }

    fn collect(&self, stream: impl Read + Send + 'static, to_stderr: bool) {
        self.lock().open_streams += 1;
        let said = self.clone();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(stream);
            let mut line = Vec::new();
            while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                said.lock().lines.push(Line { to_stderr, text });
                said.0.1.notify_all();
                line.clear();
            }
            said.lock().open_streams -= 1;
            said.0.1.notify_all();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn shell(script: &str) -> Program {
        Program::start("sh", "sh", ["-c", script], |_| {}).expect("sh starts")
    }

    #[test]
    fn lines_are_waited_for_from_a_mark() {
        let mut echo = shell("while read line; do echo got $line; done");
        echo.tell("one").expect("told");
        echo.wait_line(LineMark::START, PATIENCE, "an echo", |line| (line == "got one").then_some(()))
            .expect("heard");
        let mark = echo.mark();
        echo.tell("two").expect("told");
        let second = echo.wait_line(mark, PATIENCE, "an echo", |line| Some(line.to_owned()));
        assert_eq!(second.expect("heard"), "got two");
    }

    #[test]
    fn the_end_is_known_with_its_status_and_last_words() {
        let mut ended = shell("echo out; echo alas >&2; exit 3");
        assert_eq!(ended.wait_end(PATIENCE).expect("ended").code(), Some(3));
        assert_eq!(ended.output(), ["out"]);
        assert_eq!(ended.errors(), ["alas"]);
        let failure = ended.wait_line(ended.mark(), PATIENCE, "more", |_| Some(())).expect_err("ended");
        assert!(failure.to_string().contains("ended before more"), "{failure}");
    }

    #[test]
    fn a_dropped_program_is_gone() {
        let sleeper = shell("exec sleep 1000");
        let id = sleeper.id();
        drop(sleeper);
        assert!(!std::path::Path::new(&format!("/proc/{id}")).exists());
    }
}
