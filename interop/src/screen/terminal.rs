//! A terminal of 80 columns and 24 rows with `ruf phone` in it, by tmux: keys go in, and the screen is read.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome, ensure, fail};
use crate::server;

/// How long anything that was asked for may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// Between two looks at the screen.
const REST: Duration = Duration::from_millis(50);

pub(super) struct Terminal {
    socket: PathBuf,
}

impl Terminal {
    /// Opens `ruf phone` with this file of settings; its state is kept beside that.
    pub(super) fn open(folder: &Path, config: &Path) -> Outcome<Terminal> {
        let terminal = Terminal { socket: folder.join("tmux") };
        let (state, error) = (folder.join("state"), folder.join("phone.log"));
        let program = format!(
            "env TZ=UTC XDG_STATE_HOME={} {} phone --config {} 2>{error}; echo it ended with $?; cat {error}; sleep 600",
            state.display(),
            server::binary()?.display(),
            config.display(),
            error = error.display(),
        );
        terminal.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", &program])?;
        Ok(terminal)
    }

    fn tmux(&self, arguments: &[&str]) -> Outcome<String> {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(&self.socket).args(arguments).env_remove("TMUX").stdin(Stdio::null());
        let done = command.output()?;
        let said = String::from_utf8_lossy(&done.stderr);
        ensure!(done.status.success(), "tmux {arguments:?}: {said}");
        String::from_utf8(done.stdout).map_err(Failure::new)
    }

    /// Presses keys, by their names.
    pub(super) fn press(&self, keys: &[&str]) -> Outcome<()> {
        self.tmux(&[&["send-keys"], keys].concat()).map(drop)
    }

    /// Types a text.
    pub(super) fn type_text(&self, text: &str) -> Outcome<()> {
        self.tmux(&["send-keys", "-l", text]).map(drop)
    }

    /// Waits until all of this is on the screen, and gives the screen.
    pub(super) fn shows(&self, wanted: &[&str]) -> Outcome<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = self.tmux(&["capture-pane", "-p"])?;
            if wanted.iter().all(|wanted| text.contains(wanted)) {
                return Ok(text);
            }
            if Instant::now() > deadline {
                fail!("{wanted:?} is not on the screen:\n{text}");
            }
            std::thread::sleep(REST);
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // One that is gone already is what is wanted.
        let _ = Command::new("tmux").arg("-S").arg(&self.socket).arg("kill-server").output();
    }
}
