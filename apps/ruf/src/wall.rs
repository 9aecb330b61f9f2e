//! Wall-clock time for what is kept over a restart, though a clock may be set by a day.
//!
//! While the machine runs, time goes on by its own count since it booted (`CLOCK_BOOTTIME`), whatever
//! happens to the clock: a registration that was granted for an hour ends after an hour, also over a
//! restart of the server. Only after a boot is the clock asked, and it is not believed to be earlier than
//! what was seen before.
//!
//! Not here: the tick of a running server (io/net), certificates, which need the clock itself.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ruf_message::Tick;
use ruf_net::Clock;
use ruf_registrar::Epoch;
use ruf_store::{Error, Space, Store};
use rustix::time::{ClockId, clock_gettime};

const CLOCK: Space = Space::new("clock");
/// Which boot it was, and the time at its beginning, by the clock of then.
const BOOT: &[u8] = b"boot";
/// The time at the last start.
const SEEN: &[u8] = b"seen";

/// What the machine says of time.
struct Machine {
    /// Different after each boot.
    boot: Vec<u8>,
    since_boot_micros: u64,
    clock_micros: u64,
}

/// What the ticks of this clock mean.
pub(crate) fn epoch(store: &mut Store, clock: Clock) -> Result<Epoch, Error> {
    let machine = Machine::now();
    epoch_of(store, &machine, clock.now())
}

/// What ticks mean of which it is `now` while the machine says this.
fn epoch_of(store: &mut Store, machine: &Machine, now: Tick) -> Result<Epoch, Error> {
    let seen = number(store.get(CLOCK, SEEN)?.as_deref()).unwrap_or(0);
    let kept = store.get(CLOCK, BOOT)?;
    let known = kept.as_deref().and_then(|kept| kept.split_last_chunk::<8>());
    let booted_at = match known {
        Some((boot, at)) if boot == machine.boot && !boot.is_empty() => u64::from_le_bytes(*at),
        Some(_) | None => machine.clock_micros.max(seen).saturating_sub(machine.since_boot_micros),
    };
    let now_micros = booted_at.saturating_add(machine.since_boot_micros);
    store.put(CLOCK, BOOT, &[&machine.boot[..], &booted_at.to_le_bytes()].concat())?;
    store.put(CLOCK, SEEN, &now_micros.max(seen).to_le_bytes())?;
    Ok(Epoch { zero_micros: now_micros.saturating_sub(now.as_micros()) })
}

fn number(octets: Option<&[u8]>) -> Option<u64> {
    octets?.try_into().ok().map(u64::from_le_bytes)
}

impl Machine {
    /// A machine that does not name its boot has its clock alone.
    fn now() -> Machine {
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let since_boot = clock_gettime(ClockId::Boottime);
        let since_boot = Duration::try_from(since_boot).unwrap_or_default();
        let boot = std::fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Machine {
            boot: boot.trim_ascii().to_vec(),
            since_boot_micros: micros(since_boot),
            clock_micros: micros(clock),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000_000;
    const NOON: u64 = 1_790_000_000_000_000;

    fn at(store: &mut Store, boot: &str, since_boot_micros: u64, clock_micros: u64) -> u64 {
        let machine = Machine { boot: boot.into(), since_boot_micros, clock_micros };
        epoch_of(store, &machine, Tick::ZERO).expect("stored").zero_micros
    }

    #[test]
    fn a_clock_that_jumps_a_day_between_two_starts_changes_nothing() {
        let mut store = Store::memory();
        assert_eq!(at(&mut store, "a", HOUR, NOON), NOON);
        assert_eq!(at(&mut store, "a", 2 * HOUR, NOON + 25 * HOUR), NOON + HOUR, "forwards");
        assert_eq!(at(&mut store, "a", 3 * HOUR, NOON - 22 * HOUR), NOON + 2 * HOUR, "backwards");
    }

    #[test]
    fn a_clock_that_has_run_for_a_while_began_so_much_earlier() {
        let mut store = Store::memory();
        let machine = Machine { boot: "a".into(), since_boot_micros: HOUR, clock_micros: NOON };
        let epoch = epoch_of(&mut store, &machine, Tick::from_micros(7)).expect("stored");
        assert_eq!(epoch.zero_micros, NOON - 7);
        assert_eq!(at(&mut store, "a", HOUR, NOON), NOON, "what is kept is the time, not the start");
    }

    #[test]
    fn after_a_boot_the_clock_is_asked_and_never_runs_backwards() {
        let mut store = Store::memory();
        at(&mut store, "a", HOUR, NOON);
        assert_eq!(at(&mut store, "b", HOUR, NOON + 9 * HOUR), NOON + 9 * HOUR);
        // A machine without a battery begins in 1970.
        assert_eq!(at(&mut store, "c", HOUR, HOUR), NOON + 9 * HOUR);
        assert_eq!(at(&mut store, "d", HOUR, NOON + 10 * HOUR), NOON + 10 * HOUR);
    }

    #[test]
    fn a_machine_that_does_not_count_has_its_clock() {
        let mut store = Store::memory();
        assert_eq!(at(&mut store, "", 0, NOON), NOON);
        assert_eq!(at(&mut store, "", 0, NOON + HOUR), NOON + HOUR);
    }

    #[test]
    fn this_machine_says_what_time_it_is() {
        let machine = Machine::now();
        assert!(machine.clock_micros > machine.since_boot_micros && !machine.boot.is_empty());
    }
}
