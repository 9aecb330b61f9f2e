//! What `ruf phone` keeps of calls: recordings at a key, and the messages of its voicemail.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{BERT_HERTZ, DORA_HERTZ, Day, GREETING_HERTZ, OUR_HERTZ, REST};
use crate::failure::{Outcome, ensure};
use crate::recording;
use crate::server::DOMAIN;
use crate::talk::Side;
use crate::talk::hearing::heard;

/// How long something may take that is kept.
const PATIENCE: Duration = Duration::from_secs(15);
/// A message that is long enough: some seconds of Opus.
const MESSAGE_BYTES: u64 = 10_000;

impl Day {
    /// A conference with dora in the window and bert beside her: all are in it, and dora, whose call it is, on the left.
    pub(super) fn records_all(&mut self) -> Outcome<()> {
        self.screen.press(&["C-e"])?;
        self.screen.shows(&["CONFERENCE", "RECORDING: Dora"])?;
        let file = self.kept("calls", "_Dora")?;
        recording::ends_with(&file, 0, DORA_HERTZ, PATIENCE)?;
        recording::ends_mixed(&file, 1, &[OUR_HERTZ, BERT_HERTZ], DORA_HERTZ, PATIENCE)
    }

    pub(super) fn records(&mut self) -> Outcome<()> {
        self.dials("bert")?;
        self.screen.shows(&["Bert", "it rings there"])?;
        self.bert.keys().answer()?;
        self.talks(BERT_HERTZ)?;
        self.screen.press(&["C-e"])?;
        self.screen.shows(&["RECORDING: Bert", "^E Stop recording"])?;
        let file = self.kept("calls", "_Bert")?;
        recording::ends_with(&file, 0, BERT_HERTZ, PATIENCE)?;
        recording::ends_with(&file, 1, OUR_HERTZ, PATIENCE)?;
        self.screen.press(&["C-e"])?;
        let shown = self.screen.shows(&["the recording has ended", "^E Record"])?;
        ensure!(!shown.contains("RECORDING"), "it is recorded on:\n{shown}");
        self.talks(BERT_HERTZ)?;
        self.screen.press(&["F8"])?;
        self.screen.shows(&["No call."]).map(drop)
    }

    pub(super) fn takes_a_message(&mut self) -> Outcome<()> {
        self.screen.press(&["C-v"])?;
        self.screen.shows(&["^V [x] Voicemail"])?;
        self.bert.keys().dial(&format!("sip:anna@{DOMAIN}"))?;
        self.screen.shows(&["Bert", "CALLS YOU"])?;
        self.screen.shows(&["Bert", "leaves a message", "F5 Answer  F8 Hang up"])?;
        let from = self.tap.mark();
        heard(&self.tap, true, self.ip, Side::Ruf, GREETING_HERTZ, from)?;
        heard(&self.tap, true, self.ip, Side::Peer, BERT_HERTZ, from)?;
        let message = self.kept("messages", "_Bert")?;
        let deadline = Instant::now() + PATIENCE;
        while std::fs::metadata(&message)?.len() < MESSAGE_BYTES {
            ensure!(Instant::now() < deadline, "{} stays short", message.display());
            std::thread::sleep(REST);
        }
        self.bert.keys().hang_up()?;
        self.screen.shows(&["No call.", "Bert: left a message, 00:0", "Voicemail (1)"])?;
        self.screen.press(&["C-v", "Tab", "Down"])?;
        self.screen.shows(&["MISSED      Bert", "NEW message 00:0", "Space plays"])?;
        let before = files(&self.folder, "heard")?;
        self.screen.press(&["Space"])?;
        self.screen.shows(&["Playing, Space stops: Bert"])?;
        let deadline = Instant::now() + PATIENCE;
        let played = loop {
            let now = files(&self.folder, "heard")?;
            if let Some(new) = now.into_iter().find(|file| !before.contains(file)) {
                break new;
            }
            ensure!(Instant::now() < deadline, "nothing is played");
            std::thread::sleep(REST);
        };
        recording::ends_with(&played, 0, BERT_HERTZ, PATIENCE)?;
        self.screen.press(&["DC", "DC"])?;
        let shown = self.screen.shows(&["The message is deleted.", "MISSED      Bert"])?;
        ensure!(!shown.contains("message 00:"), "it is still there:\n{shown}");
        ensure!(!message.exists(), "{} is still there", message.display());
        self.screen.press(&["BTab"])?;
        self.screen.shows(&["[Dial]"]).map(drop)
    }

    /// The file that was kept in this folder of a call with them.
    fn kept(&self, folder: &str, whom: &str) -> Outcome<PathBuf> {
        let folder = self.folder.join(folder);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let is_theirs = |file: &PathBuf| file.to_string_lossy().contains(whom);
            if let Some(file) = files(&folder, "")?.into_iter().find(is_theirs) {
                return Ok(file);
            }
            ensure!(Instant::now() < deadline, "nothing is kept in {}", folder.display());
            std::thread::sleep(REST);
        }
    }
}

/// The files of a folder whose names begin so; of one that is not there, none.
fn files(folder: &Path, begins: &str) -> Outcome<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let file = entry?.path();
        if file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(begins)) {
            files.push(file);
        }
    }
    Ok(files)
}
