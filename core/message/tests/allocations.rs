//! Reading a message takes no allocation, and the steps of forwarding take few: counted.

#![allow(clippy::unwrap_used, clippy::panic)] // a test may

use bytes::Bytes;
use ruf_message::{Message, Request, Room, StatusCode};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static ALLOCATED: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator; counts what this thread asks for.
struct Counting;

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATED.with(|count| count.set(count.get() + 1));
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The INVITE of 1 kB that `dev/bench` measures.
static INVITE: &[u8] = include_bytes!("../../../dev/bench/invite.sip");

fn allocations<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let before = ALLOCATED.get();
    let result = work();
    (result, ALLOCATED.get() - before)
}

fn invite() -> Request {
    match Message::parse(Bytes::from_static(INVITE)) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

#[test]
fn parsing_allocates_nothing() {
    // As a socket gives it: octets that a Bytes owns; in the room of one that has left.
    let wire = Bytes::copy_from_slice(INVITE);
    let room = Room::from(invite());
    let (message, count) = allocations(|| Message::parse_in(wire, room));
    assert!(message.is_ok());
    assert_eq!(count, 0);
}

#[test]
fn reading_allocates_nothing() {
    let request = invite();
    let (read, count) = allocations(|| {
        let addresses = [request.from(), request.to()].map(|address| address.uri().as_bytes().len());
        let contacts = request.contacts().filter_map(|contact| contact.uri()?.port()).count();
        let tags = request.supported().filter(|tag| *tag == "timer").count();
        let via = request.via();
        (addresses, contacts, tags, via.branch().is_some(), request.routes().count(), request.cseq().number)
    });
    assert_eq!(read, ([29, 26], 1, 1, true, 1, 12_841));
    assert_eq!(count, 0);
}

#[test]
fn a_hop_takes_one_buffer_for_what_is_new_and_one_for_the_output() {
    let mut request = invite();
    let (_, edits) = allocations(|| {
        request.push_via("SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKmM3gq1Zw9fAa;rport");
        request.pop_route();
        request.push_record_route("<sip:dGhlIHRva2VuIG9mIGEgZGlhbG9n@192.0.2.10:5060;lr>");
        request.set_max_forwards(69);
    });
    let mut out = Vec::with_capacity(2048);
    let (_, writing) = allocations(|| request.write_to(&mut out));
    assert_eq!((edits, writing), (1, 0));
    let (_, reply) = allocations(|| request.reply(StatusCode::TRYING));
    assert!(reply <= 2, "{reply}");
}
