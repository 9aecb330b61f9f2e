//! What is for its owner alone: folders and files that nobody else may look into.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Makes a folder, and those it is in, where they are not.
///
/// # Errors
/// It cannot be made.
pub(super) fn folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Opens a file so; where it is not, makes it, and its folder.
///
/// # Errors
/// It cannot be made, or not be opened.
pub(super) fn file(path: &Path, how: &mut OpenOptions) -> io::Result<File> {
    path.parent().map_or(Ok(()), folder)?;
    how.create(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn nobody_else_may_look_into_them() {
        let above = std::env::temp_dir().join(format!("ruf-private-{}", std::process::id()));
        let path = above.join("ruf").join("kept");
        file(&path, OpenOptions::new().append(true)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!([&above, &above.join("ruf"), &path].map(|path| mode(path)), [0o700, 0o700, 0o600]);
        fs::remove_dir_all(&above).unwrap();
    }
}
