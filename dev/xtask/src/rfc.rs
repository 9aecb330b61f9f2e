//! `cargo xtask rfc`: from citations in the source to the pages of `docs/rfc`.
//!
//! Four kinds of file stand there: `sections/` and `clauses/` are made once from the
//! RFC texts, `gaps/` holds the reasons written by hand, and `rfcNNNN.md` is the page
//! made here. `--check` writes nothing and fails on a stale page or an open clause.

mod citations;
mod ledger;
mod pages;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use crate::source::Source;
use crate::tree::Tree;
use crate::{Outcome, say};
use citations::Citation;
use ledger::Ledger;
use pages::Page;

/// What to do with the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Write them; open clauses are listed.
    Write,
    /// Compare them with those checked in; open clauses fail.
    Check,
}

const FOLDER: &str = "docs/rfc";
/// Speaks of citations and makes none.
const OWN_SOURCE: &str = "dev/xtask/";

/// Makes or checks all pages; true if nothing is wrong.
pub(crate) fn run(mode: Mode) -> Outcome<bool> {
    let tree = Tree::load()?;
    let (mut cited, mut errors) = (Vec::new(), Vec::new());
    let cites = |path: &&String| path.ends_with(".rs") && !path.starts_with(OWN_SOURCE);
    for path in tree.files.iter().filter(cites) {
        let (found, wrong) = citations::citations(&Source::new(path, &tree.text(path)?));
        cited.extend(found);
        errors.extend(wrong);
    }
    let ledgers = ledgers(&tree)?;
    errors.extend(unknown(&ledgers, &cited));
    let mut open = Vec::new();
    for (rfc, page) in make_pages(&ledgers, &cited) {
        open.extend(page.open.iter().map(|clause| format!("rfc{rfc} §{clause}")));
        let path = format!("{FOLDER}/rfc{rfc}.md");
        let stale = tree.text(&path).ok().as_ref() != Some(&page.text);
        match mode {
            Mode::Write if stale => std::fs::write(tree.root.join(&path), &page.text)?,
            Mode::Check if stale => errors.push(format!("{path}: is stale, run `cargo xtask rfc`")),
            Mode::Write | Mode::Check => {}
        }
    }
    for error in &errors {
        say(format_args!("error: {error}"));
    }
    for clause in &open {
        say(format_args!("open: {clause}: neither code and test nor a reason"));
    }
    say(format_args!("rfc: {} citations, {} errors, {} clauses open", cited.len(), errors.len(), open.len()));
    Ok(errors.is_empty() && (mode == Mode::Write || open.is_empty()))
}

fn ledgers(tree: &Tree) -> Outcome<BTreeMap<u32, Ledger>> {
    let mut ledgers = BTreeMap::new();
    for path in &tree.files {
        let Some(rfc) = path
            .strip_prefix(FOLDER)
            .and_then(|path| path.strip_prefix("/sections/rfc"))
            .and_then(|path| path.strip_suffix(".txt"))
            .and_then(|number| number.parse::<u32>().ok())
        else {
            continue;
        };
        let list = |kind: &str| {
            let path = format!("{FOLDER}/{kind}/rfc{rfc}.txt");
            tree.files.contains(&path).then(|| tree.text(&path)).transpose()
        };
        let ledger = Ledger::read(&tree.text(path)?, list("clauses")?.as_deref(), list("gaps")?.as_deref());
        let ledger = ledger.map_err(|error| format!("{FOLDER}/*/rfc{rfc}.txt: {error}"))?;
        ledgers.insert(rfc, ledger);
    }
    Ok(ledgers)
}

/// Citations of what does not exist.
fn unknown(ledgers: &BTreeMap<u32, Ledger>, cited: &[Citation]) -> Vec<String> {
    let mut errors = Vec::new();
    for citation in cited {
        let Citation { rfc, section, path, line, .. } = citation;
        let Some(ledger) = ledgers.get(rfc) else {
            errors.push(format!("{path}:{line}: {FOLDER}/sections/rfc{rfc}.txt is missing: make it by `cargo xtask rfc --sections`"));
            continue;
        };
        if ledger.title(section).is_none() {
            errors.push(format!("{path}:{line}: RFC {rfc} has no section {section}"));
        } else if let Some(number) = citation.clause
            && !ledger.clauses.iter().any(|clause| clause.section == *section && clause.number == number)
        {
            errors.push(format!("{path}:{line}: the table has no clause {section}-{number}"));
        }
    }
    errors
}

fn make_pages(ledgers: &BTreeMap<u32, Ledger>, cited: &[Citation]) -> Vec<(u32, Page)> {
    let with_clauses = ledgers.iter().filter(|(_, ledger)| !ledger.clauses.is_empty());
    let mut rfcs: BTreeSet<u32> = with_clauses.map(|(rfc, _)| *rfc).collect();
    let tells = |citation: &&Citation| citation.by != citations::By::Mention;
    rfcs.extend(cited.iter().filter(tells).map(|citation| citation.rfc));
    let page = |rfc: u32| {
        let own: Vec<Citation> = cited.iter().filter(|citation| citation.rfc == rfc).cloned().collect();
        Some((rfc, pages::page(rfc, ledgers.get(&rfc)?, &own)))
    };
    rfcs.into_iter().filter_map(page).collect()
}

/// Lists the sections of RFC texts; each file is named `rfcNNNN.txt`.
pub(crate) fn import_sections(files: &[&str]) -> Outcome<bool> {
    let tree = Tree::load()?;
    for file in files {
        let (rfc, text) = read_rfc(file)?;
        let sections = text::sections(&text);
        let folder = tree.root.join(FOLDER).join("sections");
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(format!("rfc{rfc}.txt")), ledger::print_sections(rfc, &sections))?;
        say(format_args!("rfc{rfc}: {} sections", sections.len()));
    }
    Ok(true)
}

/// Extracts the binding sentences of some sections of an RFC text.
pub(crate) fn import_clauses(file: &str, covered: &[&str]) -> Outcome<bool> {
    let tree = Tree::load()?;
    let (rfc, text) = read_rfc(file)?;
    let folder = tree.root.join(FOLDER).join("clauses");
    std::fs::create_dir_all(&folder)?;
    let table = ledger::print_clauses(rfc, &text::binding_sentences(&text), covered);
    say(format_args!("rfc{rfc}: {} clauses", table.lines().count() - 2));
    std::fs::write(folder.join(format!("rfc{rfc}.txt")), table)?;
    Ok(true)
}

fn read_rfc(file: &str) -> Outcome<(u32, String)> {
    let name = std::path::Path::new(file).file_stem().and_then(|stem| stem.to_str());
    let rfc = name
        .and_then(|name| name.strip_prefix("rfc")?.parse().ok())
        .ok_or_else(|| format!("{file}: is not named rfcNNNN.txt"))?;
    let bytes = std::fs::read(file).map_err(|error| format!("{file}: {error}"))?;
    Ok((rfc, String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_citation_of_no_section_is_found() {
        let ledger = Ledger::read("9 Nine\n16.6 Six\n", Some("16.6-1 | - | It MUST.\n"), None).unwrap();
        let ledgers = BTreeMap::from([(3261, ledger)]);
        let check = |comment: &str| {
            let (cited, _) = citations::citations(&Source::new("core/a/src/lib.rs", comment));
            unknown(&ledgers, &cited)
        };
        assert!(check("// rfc3261 §9, §16.6-1\nfn a() {}\n").is_empty());
        assert_eq!(check("// rfc3261 §9.9\n"), ["core/a/src/lib.rs:1: RFC 3261 has no section 9.9"]);
        assert_eq!(check("// tests rfc3261 §16.6-2\n").len(), 1);
        assert_eq!(check("/// rfc9999 §1\n").len(), 1);
    }

    #[test]
    fn an_rfc_without_clauses_has_a_page_of_its_sections() {
        let ledgers = BTreeMap::from([(3581, Ledger::read("4 Server Behavior\n", None, None).unwrap())]);
        let (cited, _) = citations::citations(&Source::new("core/a/src/lib.rs", "fn a() {} // rfc3581 §4\n"));
        let pages = make_pages(&ledgers, &cited);
        assert_eq!(pages.len(), 1);
        assert!(pages[0].1.text.contains("| 4 Server Behavior |"));
    }
}
