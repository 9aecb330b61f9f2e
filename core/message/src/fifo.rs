//! [`Fifo`]: a queue in pages, whose memory follows what stands in it. One that doubles keeps the room of the
//! busiest second, and comes to use all of it, since its content walks round and round.

use std::collections::VecDeque;

/// Entries of one page.
const PAGE: usize = 512;

/// First in, first out.
#[derive(Clone, Debug)]
pub(crate) struct Fifo<T> {
    /// The page that entries are taken from: empty only if all is.
    front: VecDeque<T>,
    /// Those behind it, each full but the last.
    behind: VecDeque<VecDeque<T>>,
}

impl<T> Fifo<T> {
    pub(crate) const fn new() -> Self {
        Fifo { front: VecDeque::new(), behind: VecDeque::new() }
    }

    pub(crate) fn push(&mut self, entry: T) {
        let last = self.behind.back_mut().unwrap_or(&mut self.front);
        if last.len() < PAGE {
            return last.push_back(entry);
        }
        let mut page = VecDeque::with_capacity(PAGE);
        page.push_back(entry);
        self.behind.push_back(page);
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        let entry = self.front.pop_front();
        if self.front.is_empty()
            && let Some(next) = self.behind.pop_front()
        {
            self.front = next;
        }
        entry
    }

    pub(crate) fn first(&self) -> Option<&T> {
        self.front.front()
    }

    pub(crate) fn len(&self) -> usize {
        self.front.len() + self.behind.iter().map(VecDeque::len).sum::<usize>()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.front.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl<T> Fifo<T> {
        /// Entries that there is room for.
        fn room(&self) -> usize {
            self.behind.iter().chain([&self.front]).map(VecDeque::capacity).sum()
        }
    }

    #[test]
    fn what_came_first_leaves_first_however_many_there_are() {
        let mut fifo = Fifo::new();
        let (mut pushed, mut popped) = (0, 0);
        for most in [1, PAGE - 1, PAGE, PAGE + 1, 5 * PAGE + 3, 2, 2 * PAGE] {
            while pushed - popped < most {
                fifo.push(pushed);
                pushed += 1;
                assert_eq!(fifo.first(), Some(&popped));
            }
            for _ in 0..most.min(PAGE + 2) {
                assert_eq!(fifo.len(), pushed - popped);
                assert_eq!(fifo.pop(), Some(popped));
                popped += 1;
            }
        }
        while let Some(entry) = fifo.pop() {
            assert_eq!(entry, popped);
            popped += 1;
        }
        assert_eq!((popped, fifo.len()), (pushed, 0));
        assert!(fifo.is_empty() && fifo.first().is_none());
    }

    #[test]
    fn its_room_follows_what_stands_in_it() {
        let mut fifo = Fifo::new();
        let mut number = 0;
        let mut walk = |fifo: &mut Fifo<usize>, len: usize| {
            for _ in 0..100 * PAGE {
                fifo.push(number);
                number += 1;
                while fifo.len() > len {
                    fifo.pop();
                }
            }
            fifo.room()
        };
        assert!(walk(&mut fifo, 20 * PAGE) <= 22 * PAGE);
        assert!(walk(&mut fifo, 10 * PAGE) <= 12 * PAGE, "after the double of it");
        assert!(walk(&mut fifo, 10) <= PAGE, "a quiet one");
    }
}
