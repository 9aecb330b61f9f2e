//! The table of response contexts, with generations, and [`Token`], the number that names one
//! context and one of its branches in the outside world.
//!
//! Not here: what a context holds (`context.rs`).

use crate::limits::CONTEXTS_MAX;

/// Names a response context, and possibly one of its branches. It is the tag of the proxy's
/// transactions and of its questions. A token that outlived its context finds nothing: the slot's
/// generation is part of it. It is never 0, the tag of a transaction that nobody tagged, and its top
/// byte is always zero, for whoever shares the tags of one transaction table among several users.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Token(u64);

const BRANCH_BITS: u32 = 8;
const GENERATION_BITS: u32 = 24;
const GENERATION_MAX: u32 = (1 << GENERATION_BITS) - 1;
const NO_BRANCH: u8 = u8::MAX;

// Slot, generation and branch fit below the top byte.
const _: () = assert!(CONTEXTS_MAX as u64 <= 1 << (56 - BRANCH_BITS - GENERATION_BITS));

impl Token {
    /// The token that was written as this number.
    pub const fn from_user(user: u64) -> Self {
        Token(user)
    }

    /// The number: the tag of a transaction.
    pub const fn as_user(self) -> u64 {
        self.0
    }

    /// Of the context itself.
    pub(crate) fn of_context(key: Key) -> Self {
        Token::new(key, NO_BRANCH)
    }

    /// Of one branch.
    pub(crate) fn of_branch(key: Key, branch: BranchId) -> Self {
        Token::new(key, branch.0)
    }

    fn new(key: Key, branch: u8) -> Self {
        let key = (u64::from(key.index) << GENERATION_BITS) | u64::from(key.generation);
        Token((key << BRANCH_BITS) | u64::from(branch))
    }

    pub(crate) fn key(self) -> Key {
        let key = self.0 >> BRANCH_BITS;
        Key { index: (key >> GENERATION_BITS) as u32, generation: (key & u64::from(GENERATION_MAX)) as u32 }
    }

    pub(crate) fn branch(self) -> Option<BranchId> {
        match (self.0 & 0xff) as u8 {
            NO_BRANCH => None,
            branch => Some(BranchId(branch)),
        }
    }
}

/// A slot and the generation of its content.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Key {
    index: u32,
    generation: u32,
}

/// The place of a branch in its context, in the order of opening.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct BranchId(u8);

impl BranchId {
    /// The branch opened after `opened` others; `None` past the last that a token can name.
    pub(crate) fn after(opened: usize) -> Option<Self> {
        u8::try_from(opened).ok().filter(|&branch| branch != NO_BRANCH).map(BranchId)
    }

    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

#[derive(Debug)]
pub(crate) struct Slots<T> {
    slots: Vec<Slot<T>>,
    vacant: Vec<u32>,
    max: usize,
}

#[derive(Debug)]
struct Slot<T> {
    /// 1 to [`GENERATION_MAX`]; never 0, so that no token is 0.
    generation: u32,
    content: Option<T>,
}

impl<T> Slots<T> {
    /// At most `max` contents, and never more than a token can name.
    pub(crate) fn new(max: usize) -> Self {
        Slots { slots: Vec::new(), vacant: Vec::new(), max: max.min(CONTEXTS_MAX) }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.vacant.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().filter_map(|slot| slot.content.as_ref())
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len() >= self.max
    }

    /// The key that the next `insert` gives.
    pub(crate) fn next_key(&self) -> Key {
        let vacant = self.vacant.last().and_then(|&index| Some((index, self.slots.get(index as usize)?)));
        match vacant {
            Some((index, slot)) => Key { index, generation: slot.generation },
            None => Key { index: self.slots.len() as u32, generation: 1 },
        }
    }

    pub(crate) fn insert(&mut self, content: T) -> Key {
        let key = self.next_key();
        match self.slots.get_mut(key.index as usize) {
            Some(slot) => {
                self.vacant.pop();
                slot.content = Some(content);
            }
            None => self.slots.push(Slot { generation: 1, content: Some(content) }),
        }
        key
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let slot = self.slots.get_mut(key.index as usize)?;
        if slot.generation == key.generation { slot.content.as_mut() } else { None }
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let slot = self.slots.get_mut(key.index as usize).filter(|slot| slot.generation == key.generation)?;
        let content = slot.content.take()?;
        slot.generation = (slot.generation % GENERATION_MAX) + 1;
        self.vacant.push(key.index);
        Some(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_a_context_and_a_branch() {
        let key = Key { index: 0x00ab_cdef, generation: 0x0012_3456 };
        let branch = BranchId::after(3).unwrap();
        let token = Token::from_user(Token::of_branch(key, branch).as_user());
        assert_eq!((token.key(), token.branch()), (key, Some(branch)));
        let token = Token::of_context(key);
        assert_eq!((token.key(), token.branch()), (key, None));
        assert_eq!(token.as_user() >> 56, 0);
        assert_eq!(BranchId::after(255), None);
    }

    #[test]
    fn no_token_is_the_tag_of_an_untagged_transaction() {
        let mut slots = Slots::new(1);
        let key = slots.insert(());
        assert_ne!(Token::of_branch(key, BranchId(0)).as_user(), 0);
        assert_ne!(Token::of_context(key).as_user(), 0);
        let last = Key { index: 0, generation: GENERATION_MAX };
        slots.slots[0].generation = last.generation;
        assert_eq!(slots.remove(last), Some(()));
        assert_eq!(slots.next_key(), key);
    }

    #[test]
    fn a_stale_key_finds_nothing_in_a_reused_slot() {
        let mut slots = Slots::new(2);
        let first = slots.insert('a');
        assert_eq!(slots.remove(first), Some('a'));
        assert_eq!(slots.next_key().index, first.index);
        let second = slots.insert('b');
        assert_eq!(slots.get_mut(first), None);
        assert_eq!(slots.remove(first), None);
        assert_eq!(slots.get_mut(second), Some(&mut 'b'));
        slots.insert('c');
        assert!(slots.is_full());
        assert_eq!(slots.len(), 2);
    }
}
