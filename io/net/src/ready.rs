//! Which connections have something to do: each has a bell, and the worker that waits hears it.
//!
//! A connection is no task of the runtime and has no queue of its own: the runtime rings its bell when
//! its socket can be read or written, the bell puts its number on this list, and wakes the worker. So an
//! idle connection costs its own few words.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};

/// The numbers of the connections whose bell rang.
#[derive(Default)]
struct Rung {
    numbers: Vec<u64>,
    worker: Option<Waker>,
}

/// What the bells of one worker ring on.
#[derive(Clone, Default)]
pub(crate) struct ReadyList(Arc<Mutex<Rung>>);

impl ReadyList {
    /// A bell for the connection of this number.
    pub(crate) fn bell(&self, number: u64) -> Arc<Bell> {
        Arc::new(Bell { number, has_rung: AtomicBool::new(false), list: self.clone() })
    }

    /// Moves the numbers whose bell rang to `into`, and has the worker woken by the next.
    pub(crate) fn take(&self, cx: &Context<'_>, into: &mut Vec<u64>) {
        let mut rung = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        into.append(&mut rung.numbers);
        match &rung.worker {
            Some(worker) if worker.will_wake(cx.waker()) => {}
            Some(_) | None => rung.worker = Some(cx.waker().clone()),
        }
    }
}

/// Rings for one connection.
pub(crate) struct Bell {
    number: u64,
    has_rung: AtomicBool,
    list: ReadyList,
}

impl Bell {
    /// Heard: the next ring counts again.
    pub(crate) fn hear(&self) {
        self.has_rung.store(false, Ordering::Release);
    }

    /// Puts the connection on the list, once, and wakes the worker.
    pub(crate) fn ring(&self) {
        if self.has_rung.swap(true, Ordering::AcqRel) {
            return;
        }
        let worker = {
            let mut rung = self.list.0.lock().unwrap_or_else(PoisonError::into_inner);
            rung.numbers.push(self.number);
            rung.worker.take()
        };
        if let Some(worker) = worker {
            worker.wake();
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bell_that_rings_often_is_on_the_list_once_until_it_was_heard() {
        let list = ReadyList::default();
        let (a, b) = (list.bell(1), list.bell(2));
        let mut rung = Vec::new();
        let cx = Context::from_waker(Waker::noop());
        a.ring();
        b.ring();
        a.ring();
        list.take(&cx, &mut rung);
        assert_eq!(rung, [1, 2]);
        a.ring();
        list.take(&cx, &mut rung);
        assert_eq!(rung, [1, 2], "not heard yet");
        a.hear();
        a.ring();
        list.take(&cx, &mut rung);
        assert_eq!(rung, [1, 2, 1]);
    }
}
