//! The checked-in lists under `docs/rfc`: sections, clauses and gaps.
//!
//! Lines of text, fields parted by ` | `, `#` before a remark. Sections and clauses
//! are made from the RFC texts; gaps are written by hand, each with its reason.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::text::{Section, Sentence, is_section_number};
use crate::Outcome;

/// Letters of a sentence that a table keeps.
const QUOTE_LETTERS_MAX: usize = 240;

/// One binding sentence of an RFC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Clause {
    pub(crate) section: String,
    /// Counted from 1 within the section; the clause is cited as `§16.6-3`.
    pub(crate) number: u16,
    pub(crate) step: Option<u16>,
    pub(crate) words: String,
}

impl Clause {
    /// `16.6-3`
    pub(crate) fn id(&self) -> String {
        format!("{}-{}", self.section, self.number)
    }
}

/// What is known about one RFC.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) sections: Vec<Section>,
    pub(crate) clauses: Vec<Clause>,
    /// Why a clause (`16.6-3`) or all clauses of a section (`§16.11`) lack code or test.
    pub(crate) gaps: BTreeMap<String, String>,
}

impl Ledger {
    /// Reads the three lists; those of clauses and gaps may be absent.
    pub(crate) fn read(sections: &str, clauses: Option<&str>, gaps: Option<&str>) -> Outcome<Ledger> {
        let mut ledger = Ledger::default();
        for line in lines(sections) {
            let (number, title) = line.split_once(' ').unwrap_or((line, ""));
            if !is_section_number(number) {
                return Err(format!("`{line}`: no section number").into());
            }
            ledger.sections.push(Section { number: number.to_owned(), title: title.to_owned() });
        }
        for line in clauses.into_iter().flat_map(lines) {
            let clause = clause(line).ok_or_else(|| format!("`{line}`: no `id | step | words`"))?;
            ledger.clauses.push(clause);
        }
        for line in gaps.into_iter().flat_map(lines) {
            let (id, reason) = line
                .split_once(" | ")
                .filter(|(_, reason)| !reason.trim().is_empty())
                .ok_or_else(|| format!("`{line}`: no `clause | reason`"))?;
            if ledger.gaps.insert(id.to_owned(), reason.to_owned()).is_some() {
                return Err(format!("{id}: two reasons").into());
            }
        }
        for id in ledger.gaps.keys() {
            let is_known = |clause: &Clause| clause.id() == *id || format!("§{}", clause.section) == *id;
            if !ledger.clauses.iter().any(is_known) {
                return Err(format!("a reason is given for {id}, which is no clause").into());
            }
        }
        Ok(ledger)
    }

    /// The reason why a clause lacks code or test, if one is given.
    pub(crate) fn gap(&self, clause: &Clause) -> Option<&str> {
        self.gaps
            .get(&clause.id())
            .or_else(|| self.gaps.get(&format!("§{}", clause.section)))
            .map(String::as_str)
    }

    /// The title of a section, if it exists.
    pub(crate) fn title(&self, number: &str) -> Option<&str> {
        self.sections.iter().find(|section| section.number == number).map(|section| section.title.as_str())
    }
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn clause(line: &str) -> Option<Clause> {
    let mut fields = line.splitn(3, " | ");
    let (section, number) = fields.next()?.split_once('-')?;
    let step = fields.next()?;
    Some(Clause {
        section: section.to_owned(),
        number: number.parse().ok()?,
        step: if step == "-" { None } else { Some(step.parse().ok()?) },
        words: fields.next()?.to_owned(),
    })
}

/// The list of sections as it is checked in.
pub(crate) fn print_sections(rfc: u32, sections: &[Section]) -> String {
    let mut text = format!("# Sections of RFC {rfc}, by `cargo xtask rfc --sections`.\n");
    for section in sections {
        let _ = writeln!(text, "{} {}", section.number, section.title);
    }
    text
}

/// The table of clauses as it is checked in: those of `covered` sections and of what is below them.
pub(crate) fn print_clauses(rfc: u32, sentences: &[Sentence], covered: &[&str]) -> String {
    let mut text = format!(
        "# Clauses of RFC {rfc} that bind, of the sections {}; by `cargo xtask rfc --clauses`.\n# clause | step of a numbered procedure | words\n",
        covered.join(", ")
    );
    let mut counts: BTreeMap<&str, u16> = BTreeMap::new();
    for sentence in sentences {
        let is_covered = covered.iter().any(|section| {
            let below = sentence.section.strip_prefix(*section);
            below.is_some_and(|below| below.is_empty() || below.starts_with('.'))
        });
        if !is_covered {
            continue;
        }
        let number = counts.entry(&sentence.section).or_default();
        *number += 1;
        let step = sentence.step.map_or("-".to_owned(), |step| step.to_string());
        let words = quote(&sentence.words);
        let _ = writeln!(text, "{}-{number} | {step} | {words}", sentence.section);
    }
    text
}

/// A sentence, cut at a word where it is long.
fn quote(words: &str) -> String {
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(QUOTE_LETTERS_MAX) {
        None => words,
        Some((end, _)) => {
            let cut = words.get(..end).unwrap_or_default();
            let cut = cut.rsplit_once(' ').map_or(cut, |(cut, _)| cut);
            format!("{cut} …")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read() {
        let sections = [Section { number: "16.6".into(), title: "Request Forwarding".into() }];
        let sentence = |section: &str, step, words: &str| Sentence {
            section: section.into(),
            step,
            words: words.into(),
        };
        let sentences = [
            sentence("16.6", Some(8), "It MUST add a Via."),
            sentence("16.6", None, &"MUST ".repeat(100)),
            sentence("16.61", None, "It MUST be another section."),
        ];
        let clauses = print_clauses(3261, &sentences, &["16.6"]);
        let gaps = "# by hand\n16.6-2 | not ours\n";
        let ledger = Ledger::read(&print_sections(3261, &sections), Some(&clauses), Some(gaps)).unwrap();
        assert_eq!(ledger.sections, sections);
        let ids: Vec<String> = ledger.clauses.iter().map(Clause::id).collect();
        assert_eq!(ids, ["16.6-1", "16.6-2"]);
        assert_eq!(ledger.clauses[0].step, Some(8));
        assert!(ledger.clauses[1].words.ends_with(" …"));
        assert_eq!(ledger.gap(&ledger.clauses[1]), Some("not ours"));
    }

    #[test]
    fn a_reason_for_no_clause_is_an_error() {
        let read = |gaps| Ledger::read("1 A\n", Some("1-1 | - | It MUST.\n"), Some(gaps));
        assert!(read("1-1 | later\n").is_ok());
        assert!(read("§1 | later\n").is_ok());
        assert!(read("1-2 | later\n").is_err());
        assert!(read("1-1 |\n").is_err());
        assert!(read("1-1 | a\n1-1 | b\n").is_err());
    }
}
