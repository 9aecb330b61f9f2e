//! The device as its servers know it: a URN that is drawn once and kept on the disk, so that a phone that starts again
//! takes the place of the one it was (RFC 5626 §4.1).

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::private;

/// The name of the file in the place for what programs keep.
const FILE: &str = "phone-device";

/// The URN of this user's phone on this machine; `None`: nobody says where it is kept.
///
/// # Errors
/// It cannot be read, or not be written.
pub(super) fn urn() -> io::Result<Option<String>> {
    let path = super::settings::folder("XDG_STATE_HOME", ".local/state").map(|folder| folder.join(FILE));
    path.as_deref().map(kept).transpose()
}

/// What the file says; a new one says something new.
fn kept(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Ok(urn) => return Ok(urn.trim().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // Two phones may start at once: whoever puts its file there first has drawn for both.
    let new = PathBuf::from(format!("{}.{}", path.display(), std::process::id()));
    let mut file = private::file(&new, OpenOptions::new().write(true).truncate(true))?;
    file.write_all(drawn()?.as_bytes())?;
    file.sync_all()?;
    let placed = fs::hard_link(&new, path);
    fs::remove_file(&new)?;
    match placed {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    Ok(fs::read_to_string(path)?.trim().to_owned())
}

// rfc5626 §4.1: a UUID URN
fn drawn() -> io::Result<String> {
    let mut octets = [0; 16];
    getrandom::fill(&mut octets).map_err(|error| io::Error::other(error.to_string()))?;
    let [.., six, _, eight, _, _, _, _, _, _, _] = &mut octets;
    // RFC 9562, section 5.4: version 4, drawn at random
    (*six, *eight) = (*six & 0x0F | 0x40, *eight & 0x3F | 0x80);
    let hex: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| hex.get(part).unwrap_or_default());
    Ok(format!("urn:uuid:{}", parts.join("-")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_drawn_once_and_is_a_urn() {
        // tests rfc5626 §4.1
        let folder = std::env::temp_dir().join(format!("ruf-device-{}", std::process::id()));
        let path = folder.join("ruf").join(FILE);
        let urn = kept(&path).unwrap();
        assert_eq!(kept(&path).unwrap(), urn);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing else is left");
        assert!(ruf_sip::Account::direct("").device(&urn).is_ok());
        let parts: Vec<usize> = urn.split('-').map(str::len).collect();
        assert_eq!(parts, ["urn:uuid:".len() + 8, 4, 4, 4, 12]);
        assert!(urn.split('-').nth(2).unwrap().starts_with('4'), "{urn}");
        assert!(urn.split('-').nth(3).unwrap().starts_with(['8', '9', 'a', 'b']), "{urn}");
        fs::remove_file(&path).unwrap();
        assert_ne!(kept(&path).unwrap(), urn);
        fs::remove_dir_all(&folder).unwrap();
    }
}
