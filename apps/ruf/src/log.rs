//! The log on standard error, whose level may change while the server runs.

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

/// The level in force.
pub(crate) struct LogLevel(reload::Handle<EnvFilter, Registry>);

impl LogLevel {
    /// Begins to log at this level.
    pub(crate) fn begin(level: &str) -> LogLevel {
        let (filter, handle) = reload::Layer::new(EnvFilter::new(level));
        let lines = fmt::layer()
            .with_writer(std::io::stderr)
            .with_target(false)
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
        tracing_subscriber::registry().with(filter).with(lines).init();
        LogLevel(handle)
    }

    /// Logs at this level from now on.
    pub(crate) fn set(&self, level: &str) {
        if let Err(error) = self.0.reload(EnvFilter::new(level)) {
            tracing::warn!(%error, "the log level stays as it is");
        }
    }
}
