//! What every backend must do alike: each test below runs once over each of them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod scratch;

use std::ops::ControlFlow;

use ruf_store::{Batch, Error, Journal, KEY_BYTES_MAX, QueueLimits, Record, Space, Store, VALUE_BYTES_MAX};
use scratch::Scratch;

const A: Space = Space::new("a");
const B: Space = Space::new("b");

fn scanned(store: &Store, space: Space, prefix: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut seen = Vec::new();
    store
        .scan(space, prefix, |key, value| {
            seen.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        })
        .unwrap();
    seen
}

fn keys(store: &Store, space: Space, prefix: &[u8]) -> Vec<Vec<u8>> {
    scanned(store, space, prefix).into_iter().map(|(key, _)| key).collect()
}

/// Appends one group: a value, or `None` to remove.
fn append(store: &mut Store, space: Space, records: &[(&[u8], Option<&[u8]>)]) {
    let journal = Journal::new(QueueLimits::default());
    for (key, value) in records {
        match value {
            Some(value) => journal.put(key, |out| out.extend_from_slice(value)).unwrap(),
            None => journal.remove(key).unwrap(),
        };
    }
    store.append(space, &journal.take().unwrap()).unwrap();
}

/// What the records of a journal come to.
fn replayed(store: &Store, space: Space) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut newest = std::collections::BTreeMap::new();
    store
        .replay(space, |record| match record {
            Record::Put(key, value) => drop(newest.insert(key.to_vec(), value.to_vec())),
            Record::Removed(key) => drop(newest.remove(key)),
            Record::Damaged(octets) => panic!("{octets} octets make no sense"),
        })
        .unwrap();
    newest.into_iter().collect()
}

macro_rules! on_every_backend {
    ($($(#[$doc:meta])* fn $name:ident($store:ident) $body:block)*) => {
        mod memory {
            use super::*;
            $(#[test] fn $name() { super::$name(Store::memory()) })*
        }
        mod sqlite {
            use super::*;
            $(#[test] fn $name() { let dir = Scratch::new(stringify!($name)); super::$name(Store::open(&dir).unwrap()) })*
        }
        $(fn $name(mut $store: Store) { let _ = &mut $store; $body })*
    };
}

on_every_backend! {
    fn a_journal_is_replayed_in_order_and_each_space_has_its_own(store) {
        append(&mut store, A, &[(b"k", Some(b"1")), (b"l", Some(b"1")), (b"k", Some(b"2"))]);
        append(&mut store, B, &[(b"k", Some(b"other"))]);
        append(&mut store, A, &[(b"l", None), (b"m", Some(b""))]);
        assert_eq!(replayed(&store, A), [(b"k".to_vec(), b"2".to_vec()), (b"m".to_vec(), b"".to_vec())]);
        assert_eq!(replayed(&store, B), [(b"k".to_vec(), b"other".to_vec())]);
        assert_eq!(scanned(&store, A, b""), [], "it is no entry");
    }

    fn a_fold_changes_nothing_at_any_step_and_empties_the_journal(store) {
        let keys: Vec<Vec<u8>> = (0..25u8).map(|n| vec![n % 10]).collect();
        for (n, key) in keys.iter().enumerate() {
            let value = [n as u8];
            append(&mut store, A, &[(key, (n % 7 != 3).then_some(&value[..]))]);
        }
        append(&mut store, B, &[(b"k", Some(b"other"))]);
        let before = replayed(&store, A);
        let mut fold = store.begin_fold(A).unwrap();
        let mut steps = 0;
        while !store.fold(&mut fold, 3).unwrap() {
            assert_eq!(replayed(&store, A), before);
            steps += 1;
        }
        assert!(steps >= 4, "{steps}");
        assert_eq!((replayed(&store, A), store.journal_bytes(A).unwrap()), (before, 0));
        assert!(store.journal_bytes(B).unwrap() > 0);
        assert_eq!(replayed(&store, B).len(), 1);
    }

    fn what_is_appended_during_a_fold_is_not_folded_away(store) {
        append(&mut store, A, &[(b"k", Some(b"old")), (b"l", Some(b"old"))]);
        let mut fold = store.begin_fold(A).unwrap();
        assert!(!store.fold(&mut fold, 1).unwrap());
        append(&mut store, A, &[(b"k", Some(b"new")), (b"l", None)]);
        while !store.fold(&mut fold, 1).unwrap() {}
        assert_eq!(replayed(&store, A), [(b"k".to_vec(), b"new".to_vec())]);
        let mut fold = store.begin_fold(A).unwrap();
        while !store.fold(&mut fold, 100).unwrap() {}
        assert_eq!(replayed(&store, A), [(b"k".to_vec(), b"new".to_vec())]);
        assert_eq!(store.journal_bytes(A).unwrap(), 0);
    }

    fn what_was_put_is_got(store) {
        store.put(A, b"k", b"v").unwrap();
        assert_eq!(store.get(A, b"k").unwrap().unwrap(), b"v");
        assert_eq!(store.get(A, b"other").unwrap(), None);
    }

    fn a_second_put_replaces_the_first(store) {
        store.put(A, b"k", b"1").unwrap();
        store.put(A, b"k", b"2").unwrap();
        assert_eq!(scanned(&store, A, b""), [(b"k".to_vec(), b"2".to_vec())]);
    }

    fn a_deleted_key_is_gone_and_deleting_it_again_is_no_error(store) {
        store.put(A, b"k", b"v").unwrap();
        store.delete(A, b"k").unwrap();
        store.delete(A, b"k").unwrap();
        assert_eq!(store.get(A, b"k").unwrap(), None);
    }

    fn spaces_do_not_meet(store) {
        store.put(A, b"k", b"in a").unwrap();
        store.put(B, b"k", b"in b").unwrap();
        store.delete(A, b"k").unwrap();
        assert_eq!(store.get(B, b"k").unwrap().unwrap(), b"in b");
        assert!(scanned(&store, A, b"").is_empty());
    }

    fn empty_keys_and_values_and_any_bytes_are_kept(store) {
        store.put(A, b"", b"").unwrap();
        store.put(A, b"\0\xff", b"\xff\0").unwrap();
        assert_eq!(store.get(A, b"").unwrap().unwrap(), b"");
        assert_eq!(store.get(A, b"\0\xff").unwrap().unwrap(), b"\xff\0");
    }

    fn a_scan_shows_the_keys_of_its_prefix_in_the_order_of_their_bytes(store) {
        for key in [&b"b"[..], b"ab", b"\xff\xff", b"a", b"\xff", b"aa", b"A"] {
            store.put(A, key, b"v").unwrap();
        }
        assert_eq!(keys(&store, A, b""), [&b"A"[..], b"a", b"aa", b"ab", b"b", b"\xff", b"\xff\xff"]);
        assert_eq!(keys(&store, A, b"a"), [&b"a"[..], b"aa", b"ab"]);
        assert_eq!(keys(&store, A, b"\xff"), [&b"\xff"[..], b"\xff\xff"]);
        assert_eq!(keys(&store, A, b"ac"), Vec::<Vec<u8>>::new());
    }

    fn a_scan_ends_when_it_is_told_to(store) {
        for key in [b"1", b"2", b"3"] {
            store.put(A, key, b"v").unwrap();
        }
        let mut seen = 0;
        store.scan(A, b"", |_, _| { seen += 1; if seen == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) } }).unwrap();
        assert_eq!(seen, 2);
        assert_eq!(keys(&store, A, b"").len(), 3, "and the next one starts afresh");
    }

    fn a_batch_happens_in_its_order(store) {
        store.put(A, b"old", b"v").unwrap();
        let batch = Batch::new()
            .put(A, b"k", b"1")
            .delete(A, b"k")
            .put(A, b"k", b"2")
            .delete(A, b"old")
            .put(B, b"k", b"3");
        assert_eq!(batch.len(), 5);
        store.batch(batch).unwrap();
        assert_eq!(scanned(&store, A, b""), [(b"k".to_vec(), b"2".to_vec())]);
        assert_eq!(store.get(B, b"k").unwrap().unwrap(), b"3");
    }

    fn an_empty_batch_does_nothing(store) {
        assert!(Batch::new().is_empty());
        store.batch(Batch::new()).unwrap();
    }

    fn one_write_that_is_too_large_stops_the_whole_batch(store) {
        let key = vec![b'k'; KEY_BYTES_MAX + 1];
        let value = vec![b'v'; VALUE_BYTES_MAX + 1];
        let error = store.batch(Batch::new().put(A, b"k", b"v").put(A, &key, b"v")).unwrap_err();
        assert!(matches!(error, Error::TooLarge { key_bytes, value_bytes: 1 } if key_bytes == KEY_BYTES_MAX + 1));
        assert!(store.batch(Batch::new().put(A, b"k", b"v").put(A, b"l", &value)).is_err());
        assert!(scanned(&store, A, b"").is_empty());
        store.put(A, &key[1..], &value[1..]).unwrap();
        assert_eq!(store.get(A, &key[1..]).unwrap().unwrap().len(), VALUE_BYTES_MAX);
    }

    fn many_writes_are_one_batch(store) {
        let mut batch = Batch::new();
        for n in 0_u32..10_000 {
            batch.push_put(A, &n.to_be_bytes(), b"v");
        }
        store.batch(batch).unwrap();
        let mut batch = Batch::new();
        for n in 0_u32..9_999 {
            batch.push_delete(A, &n.to_be_bytes());
        }
        store.batch(batch).unwrap();
        assert_eq!(keys(&store, A, b""), [9_999_u32.to_be_bytes().to_vec()]);
    }
}
