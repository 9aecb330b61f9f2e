//! Telling the service manager how the server does: datagrams of `KEY=VALUE` lines to the socket that
//! `NOTIFY_SOCKET` names (sd_notify(3)). Without one, nothing is told to nobody.

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::rc::Rc;
use std::time::Duration;

/// The way to the service manager, if there is one.
#[derive(Debug, Default, Clone)]
pub(crate) struct Notify {
    to: Option<Rc<(UnixDatagram, SocketAddr)>>,
}

impl Notify {
    /// As the environment says.
    pub(crate) fn from_environment() -> Notify {
        std::env::var_os("NOTIFY_SOCKET").map(|name| Notify::to(&name)).unwrap_or_default()
    }

    /// To a socket by its path, or by its abstract name after `@`.
    fn to(name: &OsStr) -> Notify {
        let address = match name.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name),
            None => SocketAddr::from_pathname(name),
        };
        match address.and_then(|address| Ok((UnixDatagram::unbound()?, address))) {
            Ok((socket, address)) => {
                // A manager that does not read must not hold the server up.
                let _ = socket.set_nonblocking(true);
                Notify { to: Some(Rc::new((socket, address))) }
            }
            Err(error) => {
                tracing::warn!(%error, "NOTIFY_SOCKET");
                Notify::default()
            }
        }
    }

    /// The server serves: after its start, or after a reload.
    pub(crate) fn ready(&self) {
        self.tell("READY=1\nSTATUS=serving");
    }

    /// It reads its configuration again; [`Notify::ready`] follows.
    pub(crate) fn reloading(&self) {
        self.tell("RELOADING=1\nSTATUS=reading the configuration");
    }

    /// It takes no new call and will end.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=draining");
    }

    /// It is alive.
    pub(crate) fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    fn tell(&self, lines: &str) {
        if let Some((socket, address)) = self.to.as_deref()
            && let Err(error) = socket.send_to_addr(lines.as_bytes(), address)
        {
            tracing::debug!(%error, "the service manager cannot be told");
        }
    }
}

/// How often [`Notify::alive`] must be said: twice in the time after which the manager acts.
pub(crate) fn watchdog_interval() -> Option<Duration> {
    let text = |name| std::env::var(name).ok();
    interval(text("WATCHDOG_USEC").as_deref(), text("WATCHDOG_PID").as_deref(), std::process::id())
}

fn interval(micros: Option<&str>, of: Option<&str>, own: u32) -> Option<Duration> {
    let is_for_us = of.is_none_or(|of| of.parse() == Ok(own));
    let micros: u64 = micros?.parse().ok().filter(|micros| is_for_us && *micros > 1)?;
    Some(Duration::from_micros(micros / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hears(socket: &UnixDatagram) -> String {
        socket.set_read_timeout(Some(Duration::from_secs(5))).expect("set");
        let mut buffer = [0; 128];
        let length = socket.recv(&mut buffer).expect("told");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[test]
    fn the_manager_hears_every_turn_by_path_and_by_abstract_name() {
        let path = std::env::temp_dir().join(format!("ruf-notify-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let by_path = UnixDatagram::bind(&path).expect("binds");
        let name = format!("ruf-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a name");
        let by_name = UnixDatagram::bind_addr(&address).expect("binds");
        let at = format!("@{name}");
        for (socket, name) in [(by_path, path.as_os_str()), (by_name, OsStr::new(&at))] {
            let notify = Notify::to(name);
            notify.ready();
            notify.reloading();
            notify.alive();
            notify.stopping();
            for first in ["READY=1", "RELOADING=1", "WATCHDOG=1", "STOPPING=1"] {
                assert_eq!(hears(&socket).lines().next(), Some(first));
            }
        }
        let _ = std::fs::remove_file(&path);
        // Nobody there, and nobody named: nothing happens.
        Notify::to(path.as_os_str()).ready();
        Notify::default().ready();
    }

    #[test]
    fn the_watchdog_is_fed_twice_in_its_time() {
        let second = Some(Duration::from_micros(500_000));
        assert_eq!(interval(Some("1000000"), None, 7), second);
        assert_eq!(interval(Some("1000000"), Some("7"), 7), second);
        assert_eq!(interval(Some("1000000"), Some("8"), 7), None);
        assert_eq!(interval(Some("much"), None, 7), None);
        assert_eq!(interval(None, None, 7), None);
    }
}
