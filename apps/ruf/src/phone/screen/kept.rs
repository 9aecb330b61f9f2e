//! [`Kept`]: what a phone keeps on the disk for the next time: its call list with the messages in it, and who may watch us.
//! Where nobody says where, nothing is kept. Not here: what the files look like (`call_file`, `consent_file`, `sound_file`).

use std::io;

use super::call_file::CallFile;
use super::call_list::CallList;
use super::consent_file::{Consent, ConsentFile};
use super::event::Effect;
use super::sound_file;
use super::words::Words;

/// Where it is kept.
pub(super) struct Kept {
    calls: Option<CallFile>,
    consents: Option<ConsentFile>,
}

impl Kept {
    /// In the files of this user.
    pub(super) fn usual() -> Kept {
        Kept { calls: CallFile::usual(), consents: ConsentFile::usual() }
    }

    /// The calls that were.
    ///
    /// # Errors
    /// They cannot be read.
    pub(super) fn calls(&self) -> io::Result<CallList> {
        self.calls.as_ref().map_or_else(|| Ok(CallList::default()), CallFile::load)
    }

    /// What was said of who may watch us, the oldest first.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn consents(&self) -> io::Result<Vec<Consent>> {
        self.consents.as_ref().map_or_else(|| Ok(Vec::new()), ConsentFile::load)
    }

    /// Does what is to be done on the disk, if this is.
    ///
    /// # Errors
    /// What failed, in words; a disk that is full ends no call.
    pub(super) fn perform(&self, effect: &Effect, words: &Words) -> Result<(), String> {
        let calls = |write: &dyn Fn(&CallFile) -> io::Result<()>| {
            self.calls
                .as_ref()
                .map_or(Ok(()), write)
                .map_err(|error| format!("{}: {error}", words.list_broken))
        };
        match effect {
            Effect::Remember(entry) => calls(&|file| file.add(entry)),
            Effect::RememberLook => calls(&CallFile::looked),
            Effect::RememberHeard(message) => calls(&|file| file.heard(message)),
            Effect::DeleteMessage(message) => {
                sound_file::delete(message).map_err(|why| format!("{}: {why}", words.not_deleted))?;
                calls(&|file| file.deleted(message))
            }
            Effect::Consent(consent) => {
                let kept = self.consents.as_ref().map_or(Ok(()), |file| file.add(consent));
                kept.map_err(|error| format!("{}: {error}", words.consent_broken))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::words::Language;
    use super::*;

    #[test]
    fn a_message_is_deleted_though_no_call_list_is_kept_and_what_fails_is_said() {
        let folder = std::env::temp_dir().join(format!("ruf-kept-{}", std::process::id()));
        fs::create_dir_all(folder.join("full.opus").join("x")).unwrap();
        let message = folder.join("1.opus");
        fs::write(&message, "sound").unwrap();
        let kept = Kept { calls: None, consents: None };
        let delete = |message| kept.perform(&Effect::DeleteMessage(message), Language::En.words());
        assert_eq!((delete(message.clone()), message.exists()), (Ok(()), false));
        // Somebody did so already.
        assert_eq!(delete(message), Ok(()));
        let why = delete(folder.join("full.opus")).unwrap_err();
        assert!(why.starts_with("the message is not deleted: ") && why.contains("full.opus"), "{why}");
        fs::remove_dir_all(&folder).unwrap();
    }
}
