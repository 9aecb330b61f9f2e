//! Where in a file a fault is, how it is shown, and the word that was probably meant.

use std::ops::Range;

/// A line that is wrong, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigError {
    /// The file and the place in it, or the flag.
    pub(crate) place: String,
    /// One sentence of cause.
    pub(crate) cause: String,
    /// The line with a mark under the fault, for a file.
    pub(crate) excerpt: Option<String>,
    /// One sentence of cure.
    pub(crate) cure: Option<String>,
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place, self.cause)?;
        if let Some(cure) = &self.cure {
            write!(f, "; {cure}")?;
        }
        if let Some(excerpt) = &self.excerpt {
            write!(f, "\n{excerpt}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    /// A fault of a command line flag.
    pub(crate) fn flag(flag: &str, cause: impl std::fmt::Display) -> ConfigError {
        ConfigError { place: flag.to_owned(), cause: cause.to_string(), excerpt: None, cure: None }
    }
}

/// The text of a file that is called `name`.
pub(crate) struct Source<'a> {
    pub(crate) name: &'a str,
    pub(crate) text: &'a str,
}

impl Source<'_> {
    /// A fault at a place of the text.
    pub(crate) fn at(&self, span: Range<usize>, cause: impl std::fmt::Display) -> ConfigError {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let number = before.matches('\n').count() + 1;
        let line = self.text.get(line_start..).unwrap_or_default().lines().next().unwrap_or_default();
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        let width = self
            .text
            .get(span)
            .map_or(1, |marked| marked.lines().next().unwrap_or_default().chars().count())
            .max(1);
        let gutter = number.to_string().len();
        let excerpt = format!(
            "{number} | {line}\n{:gutter$} | {:skip$}{}",
            "",
            "",
            "^".repeat(width),
            skip = column - 1
        );
        ConfigError {
            place: format!("{}:{number}:{column}", self.name),
            cause: cause.to_string(),
            excerpt: Some(excerpt),
            cure: None,
        }
    }

    /// What the TOML reader complains of, in our words where it is a misspelt key.
    pub(crate) fn syntax(&self, error: &toml::de::Error) -> ConfigError {
        let span = error.span().unwrap_or(0..0);
        let message = error.message();
        let mut at = self.at(span, message.lines().next().unwrap_or(message));
        let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
        if let (true, [unknown, known @ ..]) = (message.starts_with("unknown field"), quoted.as_slice()) {
            at.cause = format!("`{unknown}` is no key here");
            let near = nearest(unknown, known).map(|near| format!("did you mean `{near}`? "));
            at.cure = Some(format!("{}expected one of: {}", near.unwrap_or_default(), known.join(", ")));
        }
        at
    }
}

/// `; did you mean …?` where one of the known words is near.
pub(super) fn did_you_mean<const N: usize>(word: &str, known: [&str; N]) -> String {
    nearest(word, &known).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_ascii_lowercase()), *candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().div_ceil(3))
        .min()
        .map(|(_, candidate)| candidate)
}
