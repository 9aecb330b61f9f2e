//! Built without sound cards: there is none, which is said.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::{Device, End, Shared};

const NONE: &str = "this program was built without sound cards";

/// All that the system has.
///
/// # Errors
/// Always.
pub fn devices() -> Result<Vec<Device>, String> {
    Err(NONE.to_owned())
}

pub(super) fn is_there() -> bool {
    false
}

/// There is none.
pub(super) enum Opened {}

impl Opened {
    pub(super) fn open(_: End, _: &Arc<Shared>, _: mpsc::Sender<(End, String)>) -> Result<Opened, String> {
        Err(NONE.to_owned())
    }

    pub(super) fn idle(&mut self) -> Duration {
        match *self {}
    }
}
