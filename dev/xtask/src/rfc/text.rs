//! The text of an RFC as the RFC editor prints it: sections, paragraphs, sentences.
//!
//! Used once per RFC, to make the lists under `docs/rfc`; the texts themselves are
//! no part of the project.

/// A numbered section or appendix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    /// As cited: `17.1.1.2`, `A.1`.
    pub(crate) number: String,
    pub(crate) title: String,
}

/// A sentence that binds its reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sentence {
    pub(crate) section: String,
    /// The numbered step of a procedure that it stands in.
    pub(crate) step: Option<u16>,
    pub(crate) words: String,
}

/// Words that bind, in capitals (RFC 2119).
const BINDING: &[&str] = &["MUST", "SHALL", "REQUIRED"];

/// All sections, in order.
pub(crate) fn sections(text: &str) -> Vec<Section> {
    paragraphs(text).iter().filter_map(|lines| heading(lines)).collect()
}

/// The binding sentences, in order.
pub(crate) fn binding_sentences(text: &str) -> Vec<Sentence> {
    let (mut section, mut step) = (String::new(), None);
    let mut step_indent = 0;
    let mut sentences = Vec::new();
    for lines in paragraphs(text) {
        if let Some(heading) = heading(&lines) {
            (section, step) = (heading.number, None);
            continue;
        }
        if lines.iter().any(|line| line.contains("+--") || line.contains('|') || line.contains("-->")) {
            continue; // a figure
        }
        let (number, words) = numbered(&join(&lines));
        let indent = lines.first().map_or(0, |line| line.len() - line.trim_start().len());
        if number.is_some() || indent < step_indent {
            (step, step_indent) = (number, indent);
        }
        for sentence in split(&words) {
            let binds =
                sentence.split(|letter: char| !letter.is_alphanumeric()).any(|word| BINDING.contains(&word));
            if binds {
                sentences.push(Sentence { section: section.clone(), step, words: sentence });
            }
        }
    }
    sentences
}

/// The lines between blank ones; a paragraph cut by a page is one again.
fn paragraphs(text: &str) -> Vec<Vec<String>> {
    let mut paragraphs: Vec<Vec<String>> = vec![Vec::new()];
    let (mut turned_page, mut blank) = (false, true);
    for line in text.trim_start_matches('\u{feff}').lines() {
        let line = line.trim_end();
        let page_foot = line.ends_with(']') && line.contains("[Page ");
        let page_head = turned_page && line.starts_with("RFC ");
        if page_foot || page_head || line.contains('\u{c}') {
            turned_page = true;
            continue;
        }
        if line.is_empty() {
            blank = true;
            continue;
        }
        let unfinished = paragraphs
            .last()
            .and_then(|lines| lines.last())
            .is_some_and(|last| last.starts_with(' ') && !last.ends_with(['.', ':', ';']));
        let continues = turned_page && unfinished && line.starts_with(' ');
        let item = line.trim_start().starts_with("-  ");
        if (blank && !continues) || item {
            paragraphs.push(Vec::new());
        }
        if let Some(lines) = paragraphs.last_mut() {
            lines.push(line.to_owned());
        }
        (turned_page, blank) = (false, false);
    }
    paragraphs.retain(|lines| !lines.is_empty());
    paragraphs
}

fn heading(lines: &[String]) -> Option<Section> {
    let line = lines.first()?;
    if line.contains("....") || line.contains(". . .") {
        return None; // the table of contents
    }
    let line = line.strip_prefix("Appendix ").unwrap_or(line);
    let (number, title) = line.split_once(char::is_whitespace)?;
    let number = number.trim_end_matches(['.', ':']);
    is_section_number(number).then(|| Section { number: number.to_owned(), title: title.trim().to_owned() })
}

/// `17.1.1.2`, `A`, `A.1`: numbers, the first of them perhaps a letter.
pub(crate) fn is_section_number(number: &str) -> bool {
    let mut parts = number.split('.');
    let is_number =
        |part: &str| !part.is_empty() && part.len() < 4 && part.bytes().all(|byte| byte.is_ascii_digit());
    let first = parts.next().unwrap_or_default();
    let letter = first.len() == 1 && first.bytes().all(|byte| byte.is_ascii_uppercase());
    (letter || is_number(first)) && parts.all(is_number)
}

/// One line; two spaces after what ends a sentence, as the RFC editor writes them.
fn join(lines: &[String]) -> String {
    let mut joined = String::new();
    for line in lines {
        let line = line.trim();
        if joined.ends_with(['.', ':', '"', ')']) && !joined.is_empty() {
            let ends = joined.trim_end_matches(['"', ')']).ends_with(['.', ':']);
            joined.push_str(if ends { "  " } else { " " });
        } else if !joined.is_empty() && !joined.ends_with('-') {
            joined.push(' ');
        }
        joined.push_str(line);
    }
    joined
}

/// Takes `8. ` or `-  ` from the front of a paragraph.
fn numbered(words: &str) -> (Option<u16>, String) {
    let words = words.strip_prefix("-  ").unwrap_or(words);
    if let Some((number, rest)) = words.split_once(". ")
        && let Ok(number) = number.parse()
    {
        return (Some(number), rest.trim().to_owned());
    }
    (None, words.to_owned())
}

fn split(words: &str) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut begin = 0;
    for (at, _) in words.match_indices("  ") {
        let ends = |sentence: &str| sentence.trim_end_matches(['"', ')']).ends_with(['.', ':', '!', '?']);
        if let Some(sentence) = words.get(begin..at)
            && ends(sentence)
        {
            sentences.push(sentence.trim().to_owned());
            begin = at;
        }
    }
    sentences.extend(words.get(begin..).map(|rest| rest.trim().to_owned()));
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
Table of Contents

   1 Introduction .......... 1

1 Introduction

   A proxy MUST be
   kind (see \"here\").  It may rest.  A server
   is REQUIRED to stand.

      2. Route

         A cut para-



Somebody               Standards Track               [Page 7]
\u{c}
RFC 9999          A Text          June 2002


         graph MUST NOT
         grow.

         -  It SHALL list.

   Steps end: one MUST see it.

1.1.  Deeper

   +-----+  MUST not be read: a figure

Appendix A.  Letters

   Nothing.
";

    #[test]
    fn sections_are_the_headings_and_not_the_contents() {
        let numbers: Vec<String> = sections(TEXT).into_iter().map(|section| section.number).collect();
        assert_eq!(numbers, ["1", "1.1", "A"]);
        assert_eq!(sections(TEXT)[1].title, "Deeper");
    }

    #[test]
    fn binding_sentences_keep_their_section_and_step() {
        let found: Vec<(String, Option<u16>, String)> = binding_sentences(TEXT)
            .into_iter()
            .map(|sentence| (sentence.section, sentence.step, sentence.words))
            .collect();
        let one = |step, words: &str| ("1".to_owned(), step, words.to_owned());
        assert_eq!(
            found,
            [
                one(None, "A proxy MUST be kind (see \"here\")."),
                one(None, "A server is REQUIRED to stand."),
                one(Some(2), "A cut para-graph MUST NOT grow."),
                one(Some(2), "It SHALL list."),
                one(None, "Steps end: one MUST see it."),
            ]
        );
    }
}
