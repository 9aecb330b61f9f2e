//! How long a file and a function may grow.

use super::Finding;
use crate::laws::{FILE_LINES_ASKED, FILE_LINES_MAX, FUNCTION_LINES_ASKED};
use crate::source::Source;

/// Measures one file.
pub(super) fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = match source.code.split_last() {
        Some((last, rest)) if last.is_empty() => rest.len(),
        _ => source.code.len(),
    };
    if lines > FILE_LINES_MAX {
        let says = format!("{lines} lines: more than {FILE_LINES_MAX} do not land");
        findings.push(Finding::broken(&source.path, says));
    } else if lines > FILE_LINES_ASKED {
        findings.push(Finding::asked(&source.path, format!("{lines} lines: why in one file?")));
    }
    for function in &source.functions {
        let lines = function.last - function.first + 1;
        if lines > FUNCTION_LINES_ASKED {
            let place = format!("{}:{}", source.path, function.first + 1);
            let says = format!("fn {}: {lines} lines: why in one function?", function.name);
            findings.push(Finding::asked(place, says));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::Weight;
    use super::*;

    fn weights(text: &str) -> Vec<Weight> {
        let findings = check(&Source::new("core/a/src/lib.rs", text));
        findings.into_iter().map(|finding| finding.weight).collect()
    }

    #[test]
    fn a_long_file_is_asked_and_a_longer_one_does_not_land() {
        assert_eq!(weights(&"let a;\n".repeat(400)), []);
        assert_eq!(weights(&"let a;\n".repeat(401)), [Weight::Asked]);
        assert_eq!(weights(&"let a;\n".repeat(1_000)), [Weight::Asked]);
        assert_eq!(weights(&"let a;\n".repeat(1_001)), [Weight::Broken]);
    }

    #[test]
    fn a_long_function_is_asked() {
        let function = |lines| format!("fn long() {{\n{}}}\n", "let a;\n".repeat(lines));
        assert_eq!(weights(&function(68)), []);
        assert_eq!(weights(&function(69)), [Weight::Asked]);
    }
}
