//! [`Interrupt`]: somebody wants the command to end: Ctrl-C, or the system by SIGTERM. One that comes while something
//! else is looked at is not lost.

use ruf_sip::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The wish that the command ends, from now on.
pub(super) struct Interrupt {
    keyboard: Signal,
    system: Signal,
    has_come: bool,
}

impl Interrupt {
    /// # Errors
    /// The system lets nobody listen.
    pub(super) fn listen() -> Result<Interrupt, Error> {
        let open = |kind| signal(kind).map_err(|error| Error::System(format!("signals: {error}")));
        let (keyboard, system) = (open(SignalKind::interrupt())?, open(SignalKind::terminate())?);
        Ok(Interrupt { keyboard, system, has_come: false })
    }

    /// Waits for the next one. May be dropped and called again.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.keyboard.recv() => {}
            _ = self.system.recv() => {}
        }
        self.has_come = true;
    }

    /// One came, at some time.
    pub(super) fn has_come(&self) -> bool {
        self.has_come
    }
}
