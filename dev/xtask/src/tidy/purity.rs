//! What the core may not touch, where `unsafe` may stand, and that nothing escapes the lints.

use super::Finding;
use crate::laws::{IMPURE, UNSAFE_FILES};
use crate::source::Source;

/// Checks the words of one file.
pub(super) fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, code) in source.code.iter().enumerate() {
        let mut broken = |says: String| findings.push(Finding::at(source, line, says));
        if has_word(code, "unsafe")
            && !code.contains("unsafe_")
            && !UNSAFE_FILES.contains(&source.path.as_str())
        {
            broken("unsafe stands in the listed files only".to_owned());
        }
        if code.contains("todo!") || code.contains("unimplemented!") {
            broken("a stub: what is not done does not land".to_owned());
        }
        if code.contains("#[ignore") {
            broken("a test that is ignored proves nothing".to_owned());
        }
        if source.path.starts_with("core/") && !source.is_test(line) {
            for word in IMPURE.iter().filter(|word| has_word(code, word)) {
                broken(format!("{word}: the core is pure"));
            }
        }
    }
    findings
}

/// Checks that the root of a crate of the core forbids `unsafe`.
pub(super) fn crate_root(path: &str, text: &str) -> Option<Finding> {
    let source = Source::new(path, text);
    let forbids = |code: &String| code.trim() == "#![forbid(unsafe_code)]";
    (!source.code.iter().any(forbids))
        .then(|| Finding::broken(path, "a crate of the core says #![forbid(unsafe_code)]"))
}

/// Checks that a package takes its lints from the workspace: one that does not is not checked at all.
pub(super) fn manifest(path: &str, text: &str) -> Option<Finding> {
    let lints = text.split("[lints]").nth(1).unwrap_or_default();
    let own = lints.lines().take_while(|line| !line.starts_with('['));
    let inherits = own.into_iter().any(|line| line.replace(' ', "") == "workspace=true");
    (!inherits).then(|| Finding::broken(path, "a package says [lints] workspace = true"))
}

/// Whether `words` stands in `code` and is not a part of longer words.
fn has_word(code: &str, words: &str) -> bool {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    code.match_indices(words).any(|(at, _)| {
        let (before, rest) = code.split_at(at);
        let after = rest.get(words.len()..).unwrap_or_default();
        !before.ends_with(is_word) && !after.starts_with(is_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check(&Source::new(path, text)).len()
    }

    #[test]
    fn the_core_has_no_clock_and_no_lock() {
        assert_eq!(count("core/a/src/lib.rs", "use std::time::Instant;"), 1);
        assert_eq!(count("core/a/src/lib.rs", "let now = SystemTime::now();"), 1);
        assert_eq!(count("core/a/src/lib.rs", "table: Mutex<Table>,"), 1);
        assert_eq!(count("io/net/src/lib.rs", "use std::time::Instant;"), 0);
        assert_eq!(count("core/a/src/lib.rs", "#[cfg(test)]\nmod tests {\n use std::thread;\n}"), 0);
        assert_eq!(count("core/a/src/lib.rs", "// no std::thread here\nlet a = \"Mutex\"; MutexLike;"), 0);
    }

    #[test]
    fn unsafe_stands_in_listed_files_only() {
        assert_eq!(count("io/store/src/lib.rs", "unsafe { call() }"), 1);
        assert_eq!(count("io/net/src/batch.rs", "unsafe { call() }"), 0);
        assert_eq!(count("core/a/src/lib.rs", "#![forbid(unsafe_code)]"), 0);
    }

    #[test]
    fn stubs_and_ignored_tests_are_found() {
        assert_eq!(count("apps/ruf/src/main.rs", "fn a() { todo!() }"), 1);
        assert_eq!(count("apps/ruf/src/main.rs", "#[ignore]\nfn a() {}"), 1);
    }

    #[test]
    fn every_package_is_linted() {
        assert!(manifest("a/Cargo.toml", "[package]\n[lints]\nworkspace = true\n").is_none());
        assert!(manifest("a/Cargo.toml", "[package]\n[lints]\n[x]\nworkspace = true\n").is_some());
        assert!(manifest("a/Cargo.toml", "[package]\nversion.workspace = true\n").is_some());
    }

    #[test]
    fn the_root_of_a_core_crate_forbids_unsafe() {
        assert!(crate_root("core/a/src/lib.rs", "//! A.\n#![forbid(unsafe_code)]\n").is_none());
        assert!(crate_root("core/a/src/lib.rs", "//! #![forbid(unsafe_code)]\n").is_some());
    }
}
