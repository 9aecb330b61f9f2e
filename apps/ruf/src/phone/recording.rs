//! The end of a recording, which waits for the disk, and so must not be where anybody waits.

use ruf_sip::device::Recorder;
use tokio::task;

/// Why a part of a recording is silence.
pub(super) const SLOW: &str = "since the disk is too slow";

/// Ends a recording, unless somebody else still holds it; its file is whole after this.
pub(super) async fn finish(recorder: Recorder) {
    // A drop does not panic.
    let _ = task::spawn_blocking(move || drop(recorder)).await;
}
