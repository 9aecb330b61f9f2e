//! Every file of the corpora in `fuzz/corpus` holds what its target says.

use ruf_fuzz_replay::TARGETS;
use std::path::PathBuf;

#[test]
fn the_corpora_hold() {
    for (name, run) in TARGETS {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
        let mut files = 0;
        for entry in std::fs::read_dir(&folder).expect("a corpus") {
            let path = entry.expect("an entry").path();
            let octets = std::fs::read(&path).expect("a file");
            println!("{}", path.display());
            run(&octets);
            files += 1;
        }
        assert!(files > 10, "{name}: a corpus of {files} files");
    }
}
