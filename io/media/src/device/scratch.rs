//! A file for a test.

use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// Where no other test has a file; what is there is gone with this.
pub(crate) struct Place(pub(crate) PathBuf);

impl Place {
    /// Nothing is there yet; its name ends in this.
    pub(crate) fn new(name: &str) -> Place {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Place(std::env::temp_dir().join(format!("ruf-media-{}-{number}-{name}", process::id())))
    }

    /// A file with these octets.
    pub(crate) fn holding(name: &str, octets: &[u8]) -> Place {
        let place = Place::new(name);
        std::fs::write(&place.0, octets).unwrap();
        place
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
