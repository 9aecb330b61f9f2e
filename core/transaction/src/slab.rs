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
/// back: a page without content is let go, unless no other has room.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    pages: Vec<Page<T>>,
    /// Pages that are held and have room. The last one is filled first, so that the others run empty.
    roomy: Vec<u32>,
    /// Pages that were let go.
    gone: Vec<u32>,
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
        Slab { pages: Vec::new(), roomy: Vec::new(), gone: Vec::new(), len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The id that the next `insert` gives.
    pub(crate) fn next_id(&self) -> Id {
        let next = self.roomy.last().or(self.gone.last()).copied().unwrap_or(self.pages.len() as u32);
        let Some(page) = self.pages.get(next as usize) else { return id(next, 0, 0) };
        let place = page.vacant.last().copied().unwrap_or_default();
        let slot = page.slots.get(usize::from(place));
        id(next, place, slot.map_or(page.generation, |slot| slot.generation))
    }

    pub(crate) fn insert(&mut self, content: T) -> Id {
        if self.roomy.is_empty() {
            self.make_room();
        }
        let id = self.next_id();
        if let Some(page) = self.pages.get_mut(id.page()) {
            page.vacant.pop();
            if page.vacant.is_empty() {
                self.roomy.pop();
            }
            if let Some(slot) = page.slots.get_mut(id.place()) {
                slot.content = Some(content);
                self.len += 1;
            }
        }
        id
    }

    /// Takes a page that was let go, or one more.
    fn make_room(&mut self) {
        let next = self.gone.pop().unwrap_or_else(|| {
            self.pages.push(Page::new());
            self.pages.len() as u32 - 1
        });
        if let Some(page) = self.pages.get_mut(next as usize) {
            page.hold();
            self.roomy.push(next);
        }
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
        let is_empty = page.vacant.len() == PAGE;
        if was_full {
            self.roomy.push(id.page() as u32);
        } else if is_empty && self.roomy.len() > 1 {
            page.let_go();
            self.roomy.retain(|page| *page as usize != id.page());
            self.gone.push(id.page() as u32);
        }
        Some(content)
    }
}

fn id(page: u32, place: u8, generation: u32) -> Id {
    Id { index: page * PAGE as u32 + u32::from(place), generation }
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

    #[test]
    fn what_a_busy_hour_took_is_given_back_and_its_ids_stay_stale() {
        let mut slab = Slab::new();
        let held = |slab: &Slab<usize>| slab.pages.iter().filter(|page| !page.slots.is_empty()).count();
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
        assert!(new.iter().all(|id| id.page() == new[0].page()));
        left.iter()
            .filter(|id| id.page() != new[0].page())
            .for_each(|id| assert_eq!(slab.remove(*id), Some(())));
        let held = slab.pages.iter().filter(|page| !page.slots.is_empty()).count();
        assert_eq!((held, slab.len()), (2, PAGE), "the page of the new ones, and one with room");
    }
}
