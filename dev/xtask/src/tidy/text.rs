//! What no tracked text contains: paths of one machine, and conflict marks.

use super::Finding;

/// Folders that exist on one machine only.
const MACHINE: &[&str] = &[concat!("/", "work/"), concat!("/", "root/"), concat!("/", "tmp/ruf")];

/// Checks any tracked text file.
pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, words) in text.lines().enumerate() {
        let place = || format!("{path}:{}", line + 1);
        if MACHINE.iter().any(|folder| names_folder(words, folder)) {
            findings.push(Finding::broken(place(), "a path of one machine"));
        }
        if words.starts_with("<<<<<<< ") || words.starts_with(">>>>>>> ") {
            findings.push(Finding::broken(place(), "a merge left unfinished"));
        }
    }
    findings
}

/// Whether the folder stands at the beginning of a path, not within one or within a URL.
fn names_folder(words: &str, folder: &str) -> bool {
    words.match_indices(folder).any(|(at, _)| {
        let before = words.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|letter| letter.is_alphanumeric() || "._-~/$}".contains(letter))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_one_machine_are_found() {
        let planted = format!("read {}shared/rfc", concat!("/", "work/"));
        assert_eq!(check("README.md", &planted).len(), 1);
        assert!(check("README.md", "https://example.com/work/a and $HOME/work/b").is_empty());
    }

    #[test]
    fn an_unfinished_merge_is_found() {
        assert_eq!(check("README.md", "a\n<<<<<<< HEAD\nb\n").len(), 1);
    }
}
