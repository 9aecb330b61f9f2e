//! Recordings: their files, and their end, which waits for the disk, and so must not be where anybody waits.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ruf_sip::device::{Recorded, Recorder};
use tokio::sync::oneshot;
use tokio::task::{self, JoinSet};
use tokio::time::{sleep, timeout};

use super::interrupt::{Interrupt, LEAVE_MAX};
use super::report::Report;

/// Why a part of a recording is silence.
pub(super) const SLOW: &str = "since the disk is too slow";

/// How long a disk may take for the rest of a recording, and for a new file.
pub(super) const DISK_MAX: Duration = Duration::from_secs(5);
/// How long a script that ends waits for it before saying so.
const DISK_SLOW: Duration = Duration::from_secs(1);

/// Recordings whose names are tried beside the one that was asked for.
const NAMES_TRIED: usize = 10_000;
/// How often another recording may come first with a name that was unused.
const NAMES_LOST_MAX: u32 = 10;

/// Ends a recording, unless somebody else still holds it. Its file is whole after this, or the disk is not waited for any
/// more.
pub(super) async fn finish(recorder: Recorder) -> Recorded {
    let finished = task::spawn_blocking(move || recorder.finish(DISK_MAX)).await;
    // It does not panic.
    finished.unwrap_or_else(|error| Recorded { trouble: Some(error.to_string()), ..Recorded::default() })
}

/// Begins a recording into a file of this name, or of one like it that is none yet.
///
/// # Errors
/// It cannot be written, in words.
pub(super) async fn begin(
    path: &Path,
    record: impl Fn(&Path) -> Result<Recorder, String> + Send + 'static,
) -> Result<(Recorder, PathBuf), String> {
    let wanted = path.to_owned();
    let (tell, told) = oneshot::channel();
    task::spawn_blocking(move || {
        let begun = begin_now(&wanted, record);
        // A file that comes too late is nobody's.
        if let Err(Ok((_, path))) = tell.send(begun)
            && path.is_file()
        {
            let _ = fs::remove_file(path);
        }
    });
    let late = || format!("{}: the disk has made no file in {} s", path.display(), DISK_MAX.as_secs());
    timeout(DISK_MAX, told).await.ok().and_then(Result::ok).unwrap_or_else(|| Err(late()))
}

/// The same, for as long as it takes.
fn begin_now(
    wanted: &Path,
    record: impl Fn(&Path) -> Result<Recorder, String>,
) -> Result<(Recorder, PathBuf), String> {
    let mut tries = 0;
    loop {
        let path = unused(wanted);
        match record(&path) {
            Ok(recorder) => return Ok((recorder, path)),
            // Another one, that begins in the same moment, has it.
            Err(_) if tries < NAMES_LOST_MAX && unused(wanted) != path => tries += 1,
            Err(why) => return Err(why),
        }
    }
}

/// This name, or the first of `name-2.wav`, `name-3.wav`, … that is no file: no recording is written over. What is
/// there and can hold none, a device, is written to.
pub(super) fn unused(path: &Path) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let ending = path.extension().map_or_else(String::new, |ending| format!(".{}", ending.to_string_lossy()));
    let numbered = (2..NAMES_TRIED).map(|number| path.with_file_name(format!("{stem}-{number}{ending}")));
    let mut names = std::iter::once(path.to_owned()).chain(numbered);
    let is_unused =
        |name: &PathBuf| name.metadata().map_or(true, |found| !found.is_file() && !found.is_dir());
    names.find(is_unused).unwrap_or_else(|| path.to_owned())
}

/// The recordings of a script that are over and wait for the disk.
#[derive(Default)]
pub(super) struct Finishing(JoinSet<Recorded>);

impl Finishing {
    pub(super) fn add(&mut self, recorder: Recorder) {
        self.0.spawn(finish(recorder));
    }

    /// What became of the next one; `None`: there is none. May be dropped and called again.
    pub(super) async fn next(&mut self) -> Option<Recorded> {
        self.0.join_next().await?.ok()
    }

    /// Waits until the disk has all of them, unless somebody wants the end.
    pub(super) async fn end(mut self, interrupt: &mut Interrupt, report: &Report) {
        let is_urgent = interrupt.came_twice();
        let (slow, over) = (sleep(DISK_SLOW), sleep(LEAVE_MAX));
        tokio::pin!(slow, over);
        let mut is_told = false;
        loop {
            tokio::select! {
                biased;
                recorded = self.next() => match recorded {
                    Some(recorded) => tell(report, &recorded),
                    None => return,
                },
                () = &mut over, if is_urgent => break,
                () = interrupt.next() => break,
                () = &mut slow, if !is_told => {
                    report.say("note", "waiting for the disk to take the rest of the recording; a signal ends at once");
                    is_told = true;
                }
            }
        }
        report.say("recording", "its end may not be in the file: the disk was not waited for");
    }
}

/// Says what is wrong with a recording that is over, if anything is.
pub(super) fn tell(report: &Report, recorded: &Recorded) {
    let secs = |millis: u64| millis as f64 / 1_000.0;
    if let Some(why) = &recorded.trouble {
        report.say("recording", &format!("{:.1} s of it are in the file: {why}", secs(recorded.millis)));
    }
    if recorded.lost_millis > 0 {
        report.say("recording", &format!("{:.1} s of it are silence, {SLOW}", secs(recorded.lost_millis)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Mutex, mpsc};

    #[test]
    fn no_recording_is_written_over() {
        let folder = std::env::temp_dir().join(format!("ruf-recording-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("out.wav");
        assert_eq!(unused(&file), file);
        std::fs::write(&file, "").unwrap();
        std::fs::write(folder.join("out-2.wav"), "").unwrap();
        assert_eq!(unused(&file), folder.join("out-3.wav"));
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(unused(Path::new("/dev/null")), Path::new("/dev/null"));
    }

    #[tokio::test]
    async fn who_begins_at_the_same_moment_takes_another_name() {
        let folder = std::env::temp_dir().join(format!("ruf-recording-same-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("a.wav");
        let other = file.clone();
        let begun = begin(&file, move |path| {
            if path == other {
                std::fs::write(&other, "").unwrap();
            }
            Recorder::create_private(path).map_err(|error| error.to_string())
        });
        assert_eq!(begun.await.unwrap().1, folder.join("a-2.wav"));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[tokio::test]
    async fn a_disk_that_hangs_is_given_up_and_a_file_that_comes_too_late_does_not_stay() {
        let path = std::env::temp_dir().join(format!("ruf-recording-late-{}.wav", std::process::id()));
        let (go, goes) = mpsc::channel::<()>();
        let (makes, made) = mpsc::channel();
        let goes = Mutex::new(goes);
        let begun = begin(&path, move |path| {
            // Until the other end is gone.
            let _ = goes.lock().unwrap().recv();
            let recorder = Recorder::create(path).map_err(|error| error.to_string());
            makes.send(()).unwrap();
            recorder
        });
        let why = begun.await.unwrap_err();
        assert!(why.ends_with("the disk has made no file in 5 s"), "{why}");
        drop(go);
        made.recv().unwrap();
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while path.exists() {
            assert!(std::time::Instant::now() < deadline, "it stays");
            std::thread::yield_now();
        }
    }
}
