//! `cargo xtask tidy`: what the compiler cannot check.
//!
//! One file per family of laws, each a function from what it looks at to
//! findings, so that a test can plant a violation. The laws themselves are
//! tables in `laws`.

mod imports;
mod names;
mod purity;
mod sizes;
mod text;

use crate::source::Source;
use crate::tree::Tree;
use crate::{Outcome, say};

/// Something a law has to say about a place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    pub(crate) weight: Weight,
    /// `path` or `path:line`, counted from 1.
    pub(crate) place: String,
    pub(crate) says: String,
}

/// What a finding costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    /// A question to its author; nothing fails.
    Asked,
    /// The law is broken; the run fails.
    Broken,
}

impl Finding {
    fn broken(place: impl Into<String>, says: impl Into<String>) -> Finding {
        Finding { weight: Weight::Broken, place: place.into(), says: says.into() }
    }

    fn asked(place: impl Into<String>, says: impl Into<String>) -> Finding {
        Finding { weight: Weight::Asked, ..Finding::broken(place, says) }
    }

    /// A broken law at a line counted from 0.
    fn at(source: &Source, line: usize, says: impl Into<String>) -> Finding {
        Finding::broken(format!("{}:{}", source.path, line + 1), says)
    }
}

/// Checks the whole workspace; true if no law is broken.
pub(crate) fn run() -> Outcome<bool> {
    let tree = Tree::load()?;
    let mut findings = imports::check(&tree.packages);
    findings.extend(names::packages(&tree.packages));
    for path in &tree.files {
        let bytes = tree.read(path)?;
        let Ok(text) = std::str::from_utf8(&bytes) else {
            continue; // a test message in Latin-1, a picture: no words of ours
        };
        findings.extend(text::check(path, text));
        if path.ends_with(".rs") {
            findings.extend(check_source(&Source::new(path, text)));
        }
    }
    for package in &tree.packages {
        let manifest = format!("{}/Cargo.toml", package.folder);
        findings.extend(purity::manifest(&manifest, &tree.text(&manifest)?));
        if package.folder.starts_with("core/") {
            let root = format!("{}/src/lib.rs", package.folder);
            findings.extend(purity::crate_root(&root, &tree.text(&root)?));
        }
    }
    findings.sort();
    report(&findings);
    Ok(findings.iter().all(|finding| finding.weight < Weight::Broken))
}

fn check_source(source: &Source) -> Vec<Finding> {
    let mut findings = names::check(source);
    findings.extend(sizes::check(source));
    findings.extend(purity::check(source));
    findings
}

fn report(findings: &[Finding]) {
    for finding in findings {
        let weight = match finding.weight {
            Weight::Asked => "asked",
            Weight::Broken => "error",
        };
        say(format_args!("{weight}: {}: {}", finding.place, finding.says));
    }
    let count = |weight| findings.iter().filter(|found| found.weight == weight).count();
    say(format_args!("tidy: {} broken, {} asked", count(Weight::Broken), count(Weight::Asked)));
}
