//! The page of one RFC: each clause with its code and its test, or why not.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::citations::{By, Citation};
use super::ledger::{Clause, Ledger};

/// A page, and the clauses on it that have neither code and test nor a reason.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) text: String,
    pub(crate) open: Vec<String>,
}

/// Writes the page of one RFC from its ledger and all citations of it.
pub(crate) fn page(rfc: u32, ledger: &Ledger, citations: &[Citation]) -> Page {
    let mut open = Vec::new();
    let mut tables = String::new();
    let mut section = "";
    let (mut proven, mut excused) = (0, 0);
    for clause in &ledger.clauses {
        if clause.section != section {
            section = &clause.section;
            let title = ledger.title(section).unwrap_or_default();
            let _ = write!(
                tables,
                "\n## {section} {title}\n\n| clause | says | code | test |\n|---|---|---|---|\n"
            );
        }
        let step = clause.step.map_or(String::new(), |step| format!(", step {step}"));
        let words = clause.words.replace('|', "\\|");
        let _ = write!(tables, "| {}{step} | {words} ", clause.id());
        if let Some(reason) = ledger.gap(clause) {
            excused += 1;
            let _ = writeln!(tables, "| *{reason}* | |");
            continue;
        }
        let code = about(clause, citations, By::Code);
        let test = about(clause, citations, By::Test);
        if code.is_empty() || test.is_empty() {
            open.push(clause.id());
        } else {
            proven += 1;
        }
        let _ = writeln!(tables, "| {} | {} |", places(&code), places(&test));
    }
    let mut text = format!(
        "# RFC {rfc}: where it is built and proven\n\nMade by `cargo xtask rfc` from the citations in the source; not edited by hand.\n"
    );
    if !ledger.clauses.is_empty() {
        let total = ledger.clauses.len();
        let _ = writeln!(
            text,
            "Of {total} binding clauses {proven} have code and test, {excused} a reason why not, {} are open.",
            open.len()
        );
    }
    text.push_str(&tables);
    text.push_str(&other_sections(ledger, citations));
    Page { text, open }
}

/// The citations that speak of a clause: those that name it, else those that name its step or, of a
/// clause outside of any step, its section. A citation of the whole section says nothing of a step.
fn about<'a>(clause: &Clause, citations: &'a [Citation], by: By) -> Vec<&'a Citation> {
    let of = |wanted: (Option<u16>, Option<u16>)| -> Vec<&'a Citation> {
        let section = citations.iter().filter(|cited| cited.by == by && cited.section == clause.section);
        section.filter(|cited| (cited.clause, cited.step) == wanted).collect()
    };
    match of((Some(clause.number), None)) {
        none if none.is_empty() => of((None, clause.step)),
        exact => exact,
    }
}

/// A section that has no clauses in the table, and who cites it.
struct CitedSection<'a> {
    number: &'a str,
    code: Vec<&'a Citation>,
    test: Vec<&'a Citation>,
}

/// Sections that are cited but have no clauses in the table.
fn other_sections(ledger: &Ledger, citations: &[Citation]) -> String {
    let mut sections: BTreeMap<Vec<u32>, CitedSection> = BTreeMap::new();
    for cited in citations.iter().filter(|cited| cited.by != By::Mention) {
        if ledger.clauses.iter().any(|clause| clause.section == cited.section) {
            continue;
        }
        let entry = sections.entry(order(&cited.section));
        let entry = entry.or_insert_with(|| CitedSection {
            number: &cited.section,
            code: Vec::new(),
            test: Vec::new(),
        });
        match cited.by {
            By::Test => entry.test.push(cited),
            By::Code | By::Mention => entry.code.push(cited),
        }
    }
    if sections.is_empty() {
        return String::new();
    }
    let heading = if ledger.clauses.is_empty() { "Sections cited" } else { "Other sections cited" };
    let mut text = format!("\n## {heading}\n\n| section | code | test |\n|---|---|---|\n");
    for CitedSection { number, code, test } in sections.values() {
        let title = ledger.title(number).unwrap_or_default();
        let _ = writeln!(text, "| {number} {title} | {} | {} |", places(code), places(test));
    }
    text
}

/// Orders `9` before `10` and letters after numbers.
fn order(section: &str) -> Vec<u32> {
    let part = |part: &str| {
        part.parse().unwrap_or_else(|_| part.chars().next().map_or(0, |letter| 1_000 + u32::from(letter)))
    };
    section.split('.').map(part).collect()
}

/// Files and the items in them; without lines, which change at every edit.
fn places(citations: &[&Citation]) -> String {
    let mut files: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for cited in citations {
        let items = files.entry(&cited.path).or_default();
        let item = cited.item.as_deref().unwrap_or_default();
        if !item.is_empty() && !items.contains(&item) {
            items.push(item);
        }
    }
    let files = files.iter().map(|(path, items)| {
        let items: String = items.iter().map(|item| format!(" `{item}`")).collect();
        format!("[{path}](../../{path}){items}")
    });
    files.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cite(section: &str, step: Option<u16>, clause: Option<u16>, by: By, item: &str) -> Citation {
        Citation {
            rfc: 3261,
            section: section.into(),
            step,
            clause,
            by,
            path: "core/a/src/lib.rs".into(),
            line: 1,
            item: Some(item.into()),
        }
    }

    fn ledger(gaps: &str) -> Ledger {
        let clauses = "16.6-1 | 2 | It MUST a.\n16.6-2 | 8 | It MUST b.\n16.7-1 | - | It MUST c.\n";
        Ledger::read("9 Nine\n16.6 Six\n16.7 Seven\n", Some(clauses), Some(gaps)).unwrap()
    }

    #[test]
    fn a_clause_needs_code_and_test_or_a_reason() {
        let cited = [
            cite("16.6", None, None, By::Code, "all"),
            cite("16.6", Some(8), None, By::Code, "via"),
            cite("16.6", Some(8), None, By::Test, "via_is_added"),
        ];
        let page = page(3261, &ledger("16.7-1 | *not* ours\n"), &cited);
        assert_eq!(page.open, ["16.6-1"]);
        assert!(page.text.contains(
            "| 16.6-2, step 8 | It MUST b. | [core/a/src/lib.rs](../../core/a/src/lib.rs) `via` | [core/a/src/lib.rs](../../core/a/src/lib.rs) `via_is_added` |"
        ));
        assert!(page.text.contains("1 have code and test, 1 a reason why not, 1 are open"));
    }

    #[test]
    fn a_citation_covers_what_it_names_and_no_more() {
        let both = |section, step, clause| {
            [cite(section, step, clause, By::Code, "a"), cite(section, step, clause, By::Test, "b")]
        };
        let open = |cited: &[Citation]| page(3261, &ledger(""), cited).open;
        assert_eq!(open(&both("16.6", None, Some(2))), ["16.6-1", "16.7-1"]);
        assert_eq!(open(&both("16.6", Some(2), None)), ["16.6-2", "16.7-1"]);
        assert_eq!(open(&both("16.6", None, None)), ["16.6-1", "16.6-2", "16.7-1"]);
        assert_eq!(open(&both("16.7", None, None)), ["16.6-1", "16.6-2"]);
    }

    #[test]
    fn a_mention_covers_nothing() {
        let cited = [cite("16.7", None, None, By::Mention, "a"), cite("16.7", None, None, By::Test, "b")];
        assert!(page(3261, &ledger(""), &cited).open.contains(&"16.7-1".to_owned()));
    }

    #[test]
    fn sections_without_clauses_are_listed() {
        let page = page(3261, &ledger(""), &[cite("9", None, None, By::Test, "a")]);
        assert!(page.text.contains("| 9 Nine |  | [core/a/src/lib.rs](../../core/a/src/lib.rs) `a` |"));
    }
}
