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

#[derive(Debug)]
pub(crate) struct Slab<T> {
    slots: Vec<Slot<T>>,
    /// Indices of vacant slots; the one vacated last is used first, while it is in the cache.
    vacant: Vec<u32>,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    content: Option<T>,
}

impl<T> Slab<T> {
    pub(crate) fn new() -> Self {
        Slab { slots: Vec::new(), vacant: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.vacant.len()
    }

    /// The id that the next `insert` gives.
    pub(crate) fn next_id(&self) -> Id {
        match self.vacant.last().and_then(|&index| Some((index, self.slots.get(index as usize)?))) {
            Some((index, slot)) => Id { index, generation: slot.generation },
            None => Id { index: self.slots.len() as u32, generation: 0 },
        }
    }

    pub(crate) fn insert(&mut self, content: T) -> Id {
        let id = self.next_id();
        match self.slots.get_mut(id.index as usize) {
            Some(slot) => {
                self.vacant.pop();
                slot.content = Some(content);
            }
            None => self.slots.push(Slot { generation: 0, content: Some(content) }),
        }
        id
    }

    pub(crate) fn get(&self, id: Id) -> Option<&T> {
        let slot = self.slots.get(id.index as usize)?;
        if slot.generation == id.generation { slot.content.as_ref() } else { None }
    }

    pub(crate) fn get_mut(&mut self, id: Id) -> Option<&mut T> {
        let slot = self.slots.get_mut(id.index as usize)?;
        if slot.generation == id.generation { slot.content.as_mut() } else { None }
    }

    pub(crate) fn remove(&mut self, id: Id) -> Option<T> {
        let slot = self.slots.get_mut(id.index as usize)?;
        if slot.generation != id.generation {
            return None;
        }
        let content = slot.content.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.vacant.push(id.index);
        Some(content)
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
}
