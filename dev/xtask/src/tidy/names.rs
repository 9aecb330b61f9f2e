//! Names that say nothing: of crates, of modules, and as endings of our own types.

use super::Finding;
use crate::laws::{HOLLOW_ENDINGS, NAMELESS, RFC_NAMES};
use crate::source::{Source, declared};
use crate::tree::Package;

/// Checks the names of the packages.
pub(super) fn packages(packages: &[Package]) -> Vec<Finding> {
    let nameless =
        packages.iter().filter(|package| package.name.split(['-', '_']).any(|word| NAMELESS.contains(&word)));
    nameless
        .map(|package| Finding::broken(&package.folder, format!("the name {} says nothing", package.name)))
        .collect()
}

/// Checks a file's own name, the modules it declares, and its types.
pub(super) fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let module = source.path.trim_end_matches("/mod.rs").trim_end_matches(".rs");
    if let Some(word) = module.split('/').find(|word| NAMELESS.contains(word)) {
        findings.push(Finding::broken(&source.path, format!("the name {word} says nothing")));
    }
    for (line, code) in source.code.iter().enumerate() {
        let Some((keyword, name)) = declaration(code) else {
            continue;
        };
        if keyword == "mod" && NAMELESS.contains(&name) {
            findings.push(Finding::at(source, line, format!("the name {name} says nothing")));
        }
        let hollow = HOLLOW_ENDINGS.iter().find(|ending| name.ends_with(**ending));
        if let Some(ending) = hollow
            && keyword != "mod"
            && !RFC_NAMES.contains(&name)
        {
            let says = format!("{keyword} {name}: no name of ours ends in {ending}");
            findings.push(Finding::at(source, line, says));
        }
    }
    findings
}

/// `struct`, `enum`, `trait`, `type` or `mod`, and the name it declares.
fn declaration(code: &str) -> Option<(&str, &str)> {
    let mut words = code.split_whitespace();
    let keyword = words.find(|word| !(*word == "pub" || word.starts_with("pub(") || word.ends_with(')')))?;
    matches!(keyword, "struct" | "enum" | "trait" | "type" | "mod").then_some(())?;
    Some((keyword, declared(code)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(path: &str, text: &str) -> Vec<String> {
        let findings = check(&Source::new(path, text));
        findings.into_iter().map(|finding| finding.says).collect()
    }

    #[test]
    fn hollow_names_are_found() {
        assert_eq!(
            says("core/a/src/lib.rs", "pub(crate) struct CallManager {"),
            ["struct CallManager: no name of ours ends in Manager"]
        );
        assert_eq!(says("core/a/src/lib.rs", "pub trait RequestHandler<T> {").len(), 1);
        assert_eq!(says("core/a/src/lib.rs", "enum ParseContext {").len(), 1);
        assert_eq!(says("core/a/src/lib.rs", "mod util;").len(), 1);
        assert_eq!(says("core/a/src/helpers/mod.rs", "").len(), 1);
        assert_eq!(says("core/misc/src/lib.rs", "").len(), 1);
    }

    #[test]
    fn names_of_the_rfcs_stand() {
        assert!(says("core/proxy/src/lib.rs", "pub struct ResponseContext {").is_empty());
        assert!(says("core/a/src/lib.rs", "pub struct CallInfo<'a>(&'a str);").is_empty());
        assert!(says("core/a/src/lib.rs", "fn f(a: CallManager) {} // struct FooManager").is_empty());
    }

    #[test]
    fn hollow_packages_are_found() {
        let package = Package { name: "ruf-util".into(), folder: "core/words".into(), dependencies: vec![] };
        assert_eq!(packages(&[package]).len(), 1);
    }
}
