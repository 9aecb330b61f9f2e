//! What phones write of the SIP they carry over TLS, which nobody else can read: their own traces, put
//! on a tap as if the messages had been seen on the wire.
//!
//! A message is trusted to have passed when the phone at either end says so, with all its octets. The
//! ends are named as the phone's place and the server's, whatever ports the kernel chose.

use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::failure::Outcome;
use crate::sip::find;
use crate::wire::{Packet, Tap, cut};

/// Between two looks at a trace that has nothing new.
const REST: Duration = Duration::from_millis(5);

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the server.
    Out,
    /// To the phone.
    In,
}

/// Octets that went one way, and how much of the trace is told by them. `None`: the trace goes on.
pub(crate) type Passage = Option<(Way, Vec<u8>, usize)>;

/// Finds the next passage of a trace.
pub(crate) type Reading = fn(&[u8], SocketAddr) -> Passage;

/// A trace that is being read, as long as this lives.
pub(crate) struct Trace(Arc<AtomicBool>);

impl Trace {
    /// Reads `file` from its beginning on, and puts what it tells of `phone` and `server` on the tap.
    pub(crate) fn follow(
        file: &Path,
        reading: Reading,
        (phone, server): (SocketAddr, SocketAddr),
        tap: &Tap,
    ) -> Outcome<Trace> {
        let mut file = File::open(file)?;
        let (over, tap) = (Arc::new(AtomicBool::new(false)), tap.clone());
        let is_over = over.clone();
        std::thread::spawn(move || {
            let (mut unread, mut out, mut back) = (Vec::new(), Vec::new(), Vec::new());
            while !is_over.load(Ordering::Relaxed) {
                if !matches!(file.read_to_end(&mut unread), Ok(1..)) {
                    std::thread::sleep(REST);
                    continue;
                }
                while let Some((way, octets, told)) = reading(&unread, server) {
                    unread.drain(..told);
                    let (stream, source, destination) = match way {
                        Way::Out => (&mut out, phone, server),
                        Way::In => (&mut back, server, phone),
                    };
                    stream.extend(octets);
                    while let Some(message) = cut(stream) {
                        tap.push(Arc::new(Packet::new(source, destination, message)));
                    }
                }
            }
        });
        Ok(Trace(over))
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A passage that is announced by a line with its length, and follows that line. `announced` reads the
/// line.
pub(crate) fn behind_its_length(trace: &[u8], announced: impl Fn(&str) -> Option<(Way, usize)>) -> Passage {
    let mut at = 0;
    while let Some(length) = find(trace.get(at..)?, b"\n") {
        let line = String::from_utf8_lossy(trace.get(at..at + length)?);
        at += length + 1;
        if let Some((way, count)) = announced(&line) {
            return Some((way, trace.get(at..at + count)?.to_vec(), at + count));
        }
    }
    None
}

/// The number between two words of a line.
pub(crate) fn number_between(line: &str, before: &str, after: &str) -> Option<usize> {
    line.split_once(before)?.1.split_once(after)?.0.trim().parse().ok()
}
