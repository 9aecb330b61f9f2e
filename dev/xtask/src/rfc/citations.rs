//! Citations: what the comments of the source say about the RFCs.
//!
//! Code cites the section that it carries out by `rfc` and the number, a space, the
//! sign § and the section, in a `//` or `///` comment; after it may stand `step 8`
//! (of a numbered procedure) or, right behind the section, `-3` (the third clause
//! of our table). A test says `tests` before it. Several sections are parted by commas.

use super::text::is_section_number;
use crate::source::{CommentKind, Source};

/// One section of one RFC, cited at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Citation {
    pub(crate) rfc: u32,
    pub(crate) section: String,
    pub(crate) step: Option<u16>,
    pub(crate) clause: Option<u16>,
    /// Whether a test cites it.
    pub(crate) by: By,
    pub(crate) path: String,
    /// Counted from 1.
    pub(crate) line: usize,
    /// The function, or other item, that cites it.
    pub(crate) item: Option<String>,
}

/// Who cites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// What carries the section out.
    Code,
    /// What proves it.
    Test,
    /// A mention: in the head of a module, or within a test without the word `tests`.
    Mention,
}

/// All citations of a file; an error names the place of one that cannot be read.
pub(crate) fn citations(source: &Source) -> (Vec<Citation>, Vec<String>) {
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for comment in &source.comments {
        let place = format!("{}:{}", source.path, comment.line + 1);
        let by = if comment.text.starts_with("tests rfc") {
            By::Test
        } else if comment.kind == CommentKind::Module || source.is_test(comment.line) {
            By::Mention
        } else {
            By::Code
        };
        if comment.kind == CommentKind::Plain && misspelt(&comment.text) {
            errors.push(format!("{place}: a citation is spelt like `rfc3261 §16.6`"));
        }
        for reference in references(&comment.text) {
            match reference {
                Ok((rfc, section, clause, step)) => found.push(Citation {
                    rfc,
                    section,
                    step,
                    clause,
                    by,
                    path: source.path.clone(),
                    line: comment.line + 1,
                    item: source.item_at(comment.line).map(str::to_owned),
                }),
                Err(says) => errors.push(format!("{place}: {says}")),
            }
        }
    }
    (found, errors)
}

type Reference = (u32, String, Option<u16>, Option<u16>);

/// Reads `rfc3261 §16.6 step 8, §16.7-3, rfc6026 §7.2`.
fn references(comment: &str) -> Vec<Result<Reference, String>> {
    let mut found = Vec::new();
    let mut rfc = None;
    for (at, sign) in comment.match_indices('§') {
        let before = comment.get(..at).unwrap_or_default().trim_end();
        let word = before.rsplit([' ', ',', '(', '`']).next().unwrap_or_default();
        if let Some(number) = word.strip_prefix("rfc").and_then(|number| number.parse().ok()) {
            rfc = Some(number);
        }
        let Some(rfc) = rfc else {
            continue; // a section of something else
        };
        let after = comment.get(at + sign.len()..).unwrap_or_default();
        found.push(section_of(after).map(|(section, clause, step)| (rfc, section, clause, step)));
    }
    found
}

fn section_of(after: &str) -> Result<(String, Option<u16>, Option<u16>), String> {
    let end = after
        .find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '.' || letter == '-'))
        .unwrap_or(after.len());
    let (word, rest) = after.split_at(end);
    let (section, clause) = match word.trim_end_matches(['.', '-']).split_once('-') {
        Some((section, clause)) => (section, Some(clause)),
        None => (word.trim_end_matches(['.', '-']), None),
    };
    let clause = match clause.map(str::parse) {
        Some(Err(_)) => return Err(format!("§{word} names no clause")),
        Some(Ok(clause)) => Some(clause),
        None => None,
    };
    if !is_section_number(section) {
        return Err(format!("§{word} is no section"));
    }
    let step = rest.trim_start().strip_prefix("step ").and_then(|rest| {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit());
        rest.get(..digits.unwrap_or(rest.len()))?.parse().ok()
    });
    Ok((section.to_owned(), clause, step))
}

/// `RFC 3261 §9`, `rfc 3261 §9` at the beginning: meant as a citation, but not spelt as one. Within a
/// sentence it is prose.
fn misspelt(comment: &str) -> bool {
    let comment = comment.strip_prefix("tests ").unwrap_or(comment);
    let number = ["RFC ", "RFC", "rfc "].iter().find_map(|name| comment.strip_prefix(name));
    number.is_some_and(|number| {
        let after = number.trim_start_matches(|letter: char| letter.is_ascii_digit());
        after.len() < number.len() && after.trim_start().starts_with('§')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<Citation>, Vec<String>) {
        citations(&Source::new("core/a/src/lib.rs", text))
    }

    #[test]
    fn code_and_tests_cite_apart() {
        let (found, errors) = read(
            "//! rfc3261 §1\nfn send() { // rfc3261 §16.6 step 8, rfc6026 §7.2\n}\n#[cfg(test)]\nmod tests {\n  #[test]\n  fn it_sends() { // tests rfc3261 §9.1, §16.6-3.\n    // rfc3261 §15\n  }\n}\n",
        );
        let brief: Vec<String> = found
            .iter()
            .map(|cited| {
                let item = cited.item.as_deref().unwrap_or("-");
                format!(
                    "{} {} {:?} {:?} {:?} {item}",
                    cited.rfc, cited.section, cited.step, cited.clause, cited.by
                )
            })
            .collect();
        assert_eq!(errors, [""; 0]);
        assert_eq!(
            brief,
            [
                "3261 1 None None Mention send",
                "3261 16.6 Some(8) None Code send",
                "6026 7.2 None None Code send",
                "3261 9.1 None None Test it_sends",
                "3261 16.6 None Some(3) Test it_sends",
                "3261 15 None None Mention it_sends",
            ]
        );
    }

    #[test]
    fn a_misspelt_citation_is_an_error() {
        assert_eq!(read("// RFC 3261 §9\n").1.len(), 1);
        assert_eq!(read("// rfc 3261 §9\n").1.len(), 1);
        assert_eq!(read("// rfc3261 §nine\n").1.len(), 1);
        assert_eq!(read("// tests RFC 3261 §9\n").1.len(), 1);
        assert_eq!(read("// see RFC 3261 §9 and the law\n").1.len(), 0);
    }
}
