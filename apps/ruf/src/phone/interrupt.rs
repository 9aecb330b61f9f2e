//! [`Interrupt`]: somebody wants the command to end: Ctrl-C, the system by SIGTERM, or a terminal that is gone, by SIGHUP. One
//! that comes while something else is looked at is not lost. A second one does not want to wait for anybody.

use std::fs;
use std::time::Duration;

use ruf_sip::{Error, Phone};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;

/// How long what is owed to others may take to be sent, before anybody answers it: it does not, unless this machine can
/// do nothing else either.
pub(super) const LEAVE_MAX: Duration = Duration::from_millis(500);

/// The wish that the command ends, from now on.
pub(super) struct Interrupt {
    keyboard: Signal,
    system: Signal,
    /// `None`: who started the command has it outlive the terminal (`nohup`).
    terminal: Option<Signal>,
    came: u32,
}

impl Interrupt {
    /// # Errors
    /// The system lets nobody listen.
    pub(super) fn listen() -> Result<Interrupt, Error> {
        let open = |kind| signal(kind).map_err(|error| Error::System(format!("signals: {error}")));
        let (keyboard, system) = (open(SignalKind::interrupt())?, open(SignalKind::terminate())?);
        let terminal = if is_hangup_ignored() { None } else { Some(open(SignalKind::hangup())?) };
        Ok(Interrupt { keyboard, system, terminal, came: 0 })
    }

    /// Waits for the next one. May be dropped and called again.
    pub(super) async fn next(&mut self) {
        let gone = async {
            match &mut self.terminal {
                Some(terminal) => terminal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.keyboard.recv() => {}
            _ = self.system.recv() => {}
            _ = gone => {}
        }
        self.came = self.came.saturating_add(1);
    }

    /// Waits for this, unless somebody wants the end meanwhile.
    pub(super) async fn unless<T>(&mut self, wanted: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = wanted => Some(done),
            () = self.next() => None,
        }
    }

    /// One came, at some time.
    pub(super) fn has_come(&self) -> bool {
        self.came > 0
    }

    /// Who wants the end does not want to wait for it.
    pub(super) fn came_twice(&self) -> bool {
        self.came > 1
    }

    /// Closes a phone in good order. Who wants the end for the second time waits for no answer; what is owed to others
    /// was sent by then.
    pub(super) async fn close(&mut self, phone: Phone) {
        // The process ends with this, and the phone's thread with it.
        let _ = timeout(LEAVE_MAX, phone.leave()).await;
        let twice = async {
            while !self.came_twice() {
                self.next().await;
            }
        };
        tokio::select! {
            () = phone.close() => {}
            () = twice => {}
        }
    }
}

/// Whether this process was started with SIGHUP ignored: to listen for it would undo that.
fn is_hangup_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // Bit 0 is signal 1.
    ignored.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & 1 == 1))
}
