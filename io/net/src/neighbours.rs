//! What goes between the workers of one server: messages to their owners, octets for another's
//! connection, and the news that a connection is gone.
//!
//! Each worker has one inbox. What a turn has for another worker goes there as one batch, so that a
//! sleeping worker is woken once; the letters that wait for one are counted, and bounded by
//! [`LETTERS_MAX`]. Which message belongs to whom is the node's to say.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use ruf_message::{Flow, Transmit};
use tokio::sync::mpsc;

/// Letters that may wait for one worker. At 1 kB each that is 64 MB, which it works off in a second or two.
const LETTERS_MAX: usize = 65_536;

/// One thing that another worker has to do.
pub(crate) enum Letter<C> {
    /// A message that it owns.
    Crossing(C),
    /// To be sent over a connection that it has.
    Transmit(Transmit),
    /// A connection of somebody's is gone.
    Gone(Flow),
}

/// The way to one worker's inbox.
struct Postbox<C> {
    batch: Vec<Letter<C>>,
    sender: mpsc::UnboundedSender<Vec<Letter<C>>>,
    waiting: Arc<AtomicUsize>,
}

/// One worker's inbox and the ways to those of the others.
pub(crate) struct Neighbours<C> {
    me: u8,
    /// In the order of the workers; `None` at our own place.
    others: Vec<Option<Postbox<C>>>,
    inbox: mpsc::UnboundedReceiver<Vec<Letter<C>>>,
    waiting: Arc<AtomicUsize>,
    /// Who has nothing left to wait for, while the server stops.
    drained: Arc<[AtomicBool]>,
}

impl<C> Neighbours<C> {
    /// Those of each of so many workers.
    pub(crate) fn of_all(workers: u8) -> Vec<Neighbours<C>> {
        let (ways, inboxes): (Vec<_>, Vec<_>) = (0..workers).map(|_| mpsc::unbounded_channel()).unzip();
        let counts: Vec<Arc<AtomicUsize>> = inboxes.iter().map(|_| Arc::default()).collect();
        let drained: Arc<[AtomicBool]> = inboxes.iter().map(|_| AtomicBool::new(false)).collect();
        let postbox = |(sender, waiting): (&mpsc::UnboundedSender<_>, &Arc<AtomicUsize>)| Postbox {
            batch: Vec::new(),
            sender: sender.clone(),
            waiting: waiting.clone(),
        };
        let neighbours = |((me, inbox), waiting): ((u8, _), &Arc<AtomicUsize>)| {
            let others = (0..workers).zip(ways.iter().zip(&counts));
            let others = others.map(|(other, way)| (other != me).then(|| postbox(way))).collect();
            Neighbours { me, others, inbox, waiting: waiting.clone(), drained: drained.clone() }
        };
        (0..workers).zip(inboxes).zip(&counts).map(neighbours).collect()
    }

    /// Our own number.
    pub(crate) fn me(&self) -> u8 {
        self.me
    }

    /// Puts a letter into the batch for a worker; back if it has too many already, or does not exist.
    pub(crate) fn post(&mut self, to: u8, letter: Letter<C>) -> Result<(), Letter<C>> {
        let Some(Some(postbox)) = self.others.get_mut(usize::from(to)) else { return Err(letter) };
        if postbox.waiting.load(Ordering::Relaxed) >= LETTERS_MAX {
            return Err(letter);
        }
        postbox.waiting.fetch_add(1, Ordering::Relaxed);
        postbox.batch.push(letter);
        Ok(())
    }

    /// Tells all others that a flow is gone. One that has no room is not told: what it still sends over
    /// that flow comes back, and the rest ends by its timers.
    pub(crate) fn tell_gone(&mut self, flow: Flow) {
        for other in (0..=u8::MAX).take(self.others.len()) {
            let _ = self.post(other, Letter::Gone(flow));
        }
    }

    /// Sends the batches of this turn.
    pub(crate) fn flush(&mut self) {
        for postbox in self.others.iter_mut().flatten().filter(|postbox| !postbox.batch.is_empty()) {
            // A worker that is gone has nobody to miss them.
            let _ = postbox.sender.send(std::mem::take(&mut postbox.batch));
        }
    }

    /// The next batch; never, for the only worker.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Vec<Letter<C>>> {
        match self.inbox.poll_recv(cx) {
            Poll::Ready(Some(batch)) => {
                self.waiting.fetch_sub(batch.len(), Ordering::Relaxed);
                Poll::Ready(batch)
            }
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    /// Notes whether we have anything left to wait for, and says whether anybody has.
    pub(crate) fn all_drained(&self, drained: bool) -> bool {
        if let Some(own) = self.drained.get(usize::from(self.me)) {
            own.store(drained, Ordering::Release);
        }
        self.drained.iter().all(|worker| worker.load(Ordering::Acquire))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> [Neighbours<u32>; 3] {
        Neighbours::of_all(3).try_into().unwrap_or_else(|_| panic!("three"))
    }

    async fn next(neighbours: &mut Neighbours<u32>) -> Vec<Letter<u32>> {
        std::future::poll_fn(|cx| neighbours.poll_next(cx)).await
    }

    fn numbers(batch: Vec<Letter<u32>>) -> Vec<u32> {
        let number = |letter| match letter {
            Letter::Crossing(number) => number,
            Letter::Transmit(_) | Letter::Gone(_) => panic!("another letter"),
        };
        batch.into_iter().map(number).collect()
    }

    #[tokio::test]
    async fn a_turn_has_one_batch_for_each_worker() {
        let [mut a, mut b, mut c] = three();
        for (to, number) in [(1, 10), (2, 20), (1, 11)] {
            assert!(a.post(to, Letter::Crossing(number)).is_ok());
        }
        assert!(c.post(1, Letter::Crossing(30)).is_ok());
        a.flush();
        c.flush();
        assert_eq!(numbers(next(&mut b).await), [10, 11]);
        assert_eq!(numbers(next(&mut b).await), [30]);
        assert_eq!(numbers(next(&mut c).await), [20]);
    }

    #[test]
    fn there_is_no_post_to_oneself_or_to_nobody() {
        let [mut a, ..] = three();
        assert!(a.post(0, Letter::Crossing(1)).is_err() && a.post(3, Letter::Crossing(1)).is_err());
        assert_eq!(a.me(), 0);
    }

    #[tokio::test]
    async fn a_worker_that_does_not_keep_up_gets_no_more() {
        let [mut a, mut b, mut c] = three();
        for number in 0..LETTERS_MAX {
            assert!(a.post(1, Letter::Crossing(number as u32)).is_ok());
        }
        assert!(a.post(1, Letter::Crossing(0)).is_err());
        assert!(c.post(1, Letter::Crossing(0)).is_err(), "whoever it is from");
        assert!(a.post(2, Letter::Crossing(0)).is_ok(), "another has room");
        a.flush();
        assert_eq!(next(&mut b).await.len(), LETTERS_MAX);
        assert!(a.post(1, Letter::Crossing(0)).is_ok());
    }

    #[test]
    fn all_are_drained_when_the_last_one_is() {
        let [a, b, c] = three();
        assert!(!a.all_drained(true) && !b.all_drained(true) && c.all_drained(true));
        assert!(!a.all_drained(false), "something came over");
        assert!(!c.all_drained(true) && a.all_drained(true));
    }
}
