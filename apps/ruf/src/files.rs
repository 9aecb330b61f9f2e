//! Open files: a shell gives a program 1,024, and each connection is one. The server takes what the
//! system grants it, and accepts no more connections than that holds.
//!
//! Not here: what happens to a connection beyond the bound (io/net).

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are no connection of a phone: the store, sockets of listeners, the control socket.
const OTHERS: usize = 256;

/// Raises the bound of open files as far as the system lets us; of the bounds that are wanted in all, those of
/// each worker that fit it.
pub(crate) fn connections(wanted: ruf_net::Limits, workers: u8) -> ruf_net::Limits {
    let granted = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: granted.maximum, ..granted };
    let in_force = if setrlimit(Resource::Nofile, raised).is_ok() { raised } else { granted };
    let connections_max = holds(in_force.current, wanted.connections_max);
    if connections_max < wanted.connections_max {
        tracing::info!("{connections_max} connections at once: the system grants no more files (ulimit -Hn)");
    }
    let connections_max = (connections_max / usize::from(workers.max(1))).max(1);
    ruf_net::Limits { connections_max, ..wanted }
}

/// How many of `wanted` connections so many files hold; `None` is no bound.
fn holds(files: Option<u64>, wanted: usize) -> usize {
    let Some(files) = files else { return wanted };
    usize::try_from(files).unwrap_or(usize::MAX).saturating_sub(OTHERS).clamp(1, wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_other_files() {
        assert_eq!(holds(Some(1_024), 100_000), 1_024 - OTHERS);
        assert_eq!(holds(Some(1 << 20), 100_000), 100_000);
        assert_eq!(holds(Some(10), 100_000), 1);
        assert_eq!(holds(None, 100_000), 100_000);
    }
}
