//! A table of slots with generations: an id that outlived its slot's content finds nothing.
//!
//! Not here: what a slot holds (`entry.rs`).

/// A slot and the generation of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Id {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

/// A client transaction. Stale once it has ended: calls with it then do nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(pub(crate) Id);

/// A server transaction. Stale once it has ended: calls with it then do nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerId(pub(crate) Id);

/// Slots of one page. Few pages make a busy table; a quiet one keeps one of them.
const PAGE: usize = 256;

/// The slots stand in pages, so that a table that grows is never copied, and what a busy hour took is given
/// back: what is new goes to the lowest page that has room, so the highest run empty when there is less, and those
/// are let go, but for one.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    pages: Vec<Page<T>>,
    /// Which pages have room, those that were let go among them.
    roomy: Bits,
    /// The lowest of them; past the last page if there is none.
    lowest: usize,
    /// The one page that is held without content.
    kept: Option<usize>,
    len: usize,
}

#[derive(Debug)]
struct Page<T> {
    /// [`PAGE`] of them, or none.
    slots: Vec<Slot<T>>,
    /// Vacant slots; the one vacated last is used first, while it is in the cache.
    vacant: Vec<u8>,
    /// Of the slots when there are slots again: no id of an earlier content has it.
    generation: u32,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    content: Option<T>,
}

// Places in a page are bytes.
const _: () = assert!(PAGE == u8::MAX as usize + 1);

impl<T> Page<T> {
    /// Without slots.
    const fn new() -> Self {
        Page { slots: Vec::new(), vacant: Vec::new(), generation: 0 }
    }

    fn hold(&mut self) {
        let generation = self.generation;
        self.slots = (0..PAGE).map(|_| Slot { generation, content: None }).collect();
        self.vacant = (0..=u8::MAX).rev().collect();
    }

    fn let_go(&mut self) {
        // A generation that came round to 0 is 2**32 contents old.
        self.generation = self.slots.iter().map(|slot| slot.generation).max().unwrap_or_default();
        self.slots = Vec::new();
        self.vacant = Vec::new();
    }
}

impl<T> Slab<T> {
    pub(crate) fn new() -> Self {
        Slab { pages: Vec::new(), roomy: Bits::default(), lowest: 0, kept: None, len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The id that the next `insert` gives.
    pub(crate) fn next_id(&self) -> Id {
        let Some(page) = self.pages.get(self.lowest) else { return id(self.lowest, 0, 0) };
        let place = page.vacant.last().copied().unwrap_or_default();
        let slot = page.slots.get(usize::from(place));
        id(self.lowest, place, slot.map_or(page.generation, |slot| slot.generation))
    }

    pub(crate) fn insert(&mut self, content: T) -> Id {
        let id = self.next_id();
        if self.lowest == self.pages.len() {
            self.pages.push(Page::new());
            self.roomy.set(self.lowest);
        }
        if let Some(page) = self.pages.get_mut(self.lowest) {
            if page.slots.is_empty() {
                page.hold();
            } else if self.kept == Some(self.lowest) {
                self.kept = None;
            }
            page.vacant.pop();
            if let Some(slot) = page.slots.get_mut(id.place()) {
                slot.content = Some(content);
                self.len += 1;
            }
            if page.vacant.is_empty() {
                self.roomy.clear(self.lowest);
                self.lowest = self.roomy.first_from(self.lowest).unwrap_or(self.pages.len());
            }
        }
        id
    }

    pub(crate) fn get(&self, id: Id) -> Option<&T> {
        let slot = self.pages.get(id.page())?.slots.get(id.place())?;
        if slot.generation == id.generation { slot.content.as_ref() } else { None }
    }

    pub(crate) fn get_mut(&mut self, id: Id) -> Option<&mut T> {
        let slot = self.pages.get_mut(id.page())?.slots.get_mut(id.place())?;
        if slot.generation == id.generation { slot.content.as_mut() } else { None }
    }

    pub(crate) fn remove(&mut self, id: Id) -> Option<T> {
        let page = self.pages.get_mut(id.page())?;
        let slot = page.slots.get_mut(id.place()).filter(|slot| slot.generation == id.generation)?;
        let content = slot.content.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.len -= 1;
        let was_full = page.vacant.is_empty();
        page.vacant.push(id.index as u8);
        if was_full {
            self.roomy.set(id.page());
            self.lowest = self.lowest.min(id.page());
        } else if page.vacant.len() == PAGE {
            self.keep_one(id.page());
        }
        Some(content)
    }

    /// Of the pages without content, of which this is a new one, the lowest is held.
    fn keep_one(&mut self, empty: usize) {
        let lowest = self.kept.map_or(empty, |kept| kept.min(empty));
        if let Some(kept) = self.kept.replace(lowest)
            && let Some(highest) = self.pages.get_mut(kept.max(empty))
        {
            highest.let_go();
        }
    }
}

/// A set of small numbers.
#[derive(Debug, Default)]
struct Bits(Vec<u64>);

impl Bits {
    fn set(&mut self, number: usize) {
        let word = number / WORD;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        if let Some(word) = self.0.get_mut(word) {
            *word |= 1 << (number % WORD);
        }
    }

    fn clear(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / WORD) {
            *word &= !(1 << (number % WORD));
        }
    }

    /// The first that is set, if none is below the word of `number`.
    fn first_from(&self, number: usize) -> Option<usize> {
        let words = self.0.iter().enumerate().skip(number / WORD);
        let (at, word) = words.into_iter().find(|(_, word)| **word != 0)?;
        Some(at * WORD + word.trailing_zeros() as usize)
    }
}

const WORD: usize = u64::BITS as usize;

fn id(page: usize, place: u8, generation: u32) -> Id {
    Id { index: (page * PAGE) as u32 + u32::from(place), generation }
}

impl Id {
    fn page(self) -> usize {
        self.index as usize / PAGE
    }

    fn place(self) -> usize {
        self.index as usize % PAGE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruf_message::Entropy;

    #[test]
    fn a_stale_id_finds_nothing_in_a_reused_slot() {
        let mut slab = Slab::new();
        let first = slab.insert("first");
        assert_eq!(slab.remove(first), Some("first"));
        let second = slab.insert("second");
        assert_eq!(second.index, first.index);
        assert_eq!(slab.get(first), None);
        assert_eq!(slab.get_mut(first), None);
        assert_eq!(slab.remove(first), None);
        assert_eq!(slab.get(second), Some(&"second"));
        assert_eq!(slab.len(), 1);
    }

    #[test]
    fn the_next_id_is_the_one_that_insert_gives() {
        let mut slab = Slab::new();
        for _ in 0..3 {
            let expected = slab.next_id();
            assert_eq!(slab.insert(()), expected);
        }
        let id = Id { index: 1, generation: 0 };
        slab.remove(id);
        assert_eq!(slab.next_id(), Id { index: 1, generation: 1 });
        assert_eq!(slab.insert(()), Id { index: 1, generation: 1 });
    }

    fn held<T>(slab: &Slab<T>) -> usize {
        slab.pages.iter().filter(|page| !page.slots.is_empty()).count()
    }

    #[test]
    fn what_a_busy_hour_took_is_given_back_and_its_ids_stay_stale() {
        let mut slab = Slab::new();
        let busy: Vec<Id> = (0..10 * PAGE).map(|number| slab.insert(number)).collect();
        assert_eq!((held(&slab), slab.len()), (10, 10 * PAGE));
        for (number, id) in busy.iter().enumerate() {
            assert_eq!(slab.remove(*id), Some(number));
        }
        assert_eq!((held(&slab), slab.len()), (1, 0), "one is kept for the next");
        let again: Vec<Id> = (0..10 * PAGE)
            .map(|number| {
                let expected = slab.next_id();
                assert_eq!(slab.insert(number), expected);
                expected
            })
            .collect();
        assert_eq!((held(&slab), slab.pages.len()), (10, 10));
        assert!(busy.iter().all(|id| slab.get(*id).is_none() && !again.contains(id)));
        assert!(again.iter().enumerate().all(|(number, id)| slab.get(*id) == Some(&number)));
    }

    #[test]
    fn a_table_that_runs_empty_gathers_what_is_new() {
        let mut slab = Slab::new();
        let mut old: Vec<Id> = (0..10 * PAGE).map(|_| slab.insert(())).collect();
        // One is left in each page.
        let left: Vec<Id> = old.iter().copied().step_by(PAGE).collect();
        old.retain(|id| !left.contains(id));
        old.iter().for_each(|id| assert_eq!(slab.remove(*id), Some(())));
        let new: Vec<Id> = (0..PAGE - 1).map(|_| slab.insert(())).collect();
        assert!(new.iter().all(|id| id.page() == 0));
        left.iter().filter(|id| id.page() != 0).for_each(|id| assert_eq!(slab.remove(*id), Some(())));
        assert_eq!((held(&slab), slab.len()), (2, PAGE), "the page of the new ones, and one with room");
    }

    #[test]
    fn who_comes_and_goes_at_the_edge_of_a_page_has_it_kept() {
        let mut slab = Slab::new();
        let full: Vec<Id> = (0..PAGE).map(|_| slab.insert(())).collect();
        let [one, other] = [slab.insert(()), slab.insert(())];
        let page = slab.pages[1].slots.as_ptr();
        for id in [one, other] {
            slab.remove(id);
        }
        for _ in 0..3 {
            let id = slab.insert(());
            assert_eq!((id.page(), slab.pages[1].slots.as_ptr()), (1, page));
            slab.remove(id);
        }
        full.iter().for_each(|id| assert_eq!(slab.remove(*id), Some(())));
        assert_eq!((held(&slab), slab.kept), (1, Some(0)), "the lower one");
    }

    #[test]
    fn what_is_new_goes_to_the_lowest_page_with_room_whatever_came_and_went() {
        for seed in 0..8 {
            let mut entropy = Entropy::from_seed([seed; 32]);
            let (mut slab, mut open) = (Slab::new(), Vec::new());
            for number in 0..12_000_u64 {
                // It grows for a while, and gets less for a while.
                let more = if number / 3_000 % 2 == 0 { 70 } else { 30 };
                if entropy.u64() % 100 < more {
                    let has_room = |page: &Page<u64>| page.slots.is_empty() || !page.vacant.is_empty();
                    let lowest = slab.pages.iter().position(has_room).unwrap_or(slab.pages.len());
                    let id = slab.insert(number);
                    assert_eq!(id.page(), lowest);
                    open.push((id, number));
                } else if !open.is_empty() {
                    let (id, number) = open.swap_remove(entropy.u64() as usize % open.len());
                    assert_eq!((slab.remove(id), slab.remove(id)), (Some(number), None));
                }
                let is_empty = |page: &&Page<u64>| page.vacant.len() == PAGE;
                assert!(slab.pages.iter().filter(is_empty).count() <= 1);
            }
            assert!(open.iter().all(|(id, number)| slab.get(*id) == Some(number)));
            assert_eq!(slab.len(), open.len());
        }
    }
}
