//! A Rust file as the checks see it: code without strings and comments, the
//! comments apart, which lines are tests, and where functions begin and end.
//!
//! This reads tokens, not syntax: enough for laws about words, cheap, and without
//! a parser to keep up with the language. What the words mean is in `tidy` and `rfc`.

mod letters;

use letters::{is_word, separate};

/// One Rust file, taken apart.
#[derive(Debug)]
pub(crate) struct Source {
    /// From the root of the workspace, with `/`.
    pub(crate) path: String,
    /// The code by lines; strings and comments are blanked, so words found here are code.
    pub(crate) code: Vec<String>,
    /// Line comments, by rising line.
    pub(crate) comments: Vec<Comment>,
    /// Functions with a body, by rising first line.
    pub(crate) functions: Vec<Function>,
    tests: Vec<bool>,
}

/// A line comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comment {
    /// Counted from 0.
    pub(crate) line: usize,
    pub(crate) kind: CommentKind,
    /// What follows the slashes.
    pub(crate) text: String,
}

/// Whom a comment addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommentKind {
    /// `//`: the reader of the code.
    Plain,
    /// `///`: the user of the item below.
    Item,
    /// `//!`: the user of the module.
    Module,
}

/// A function with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Line of the word `fn`, counted from 0.
    pub(crate) first: usize,
    /// Line of the closing brace.
    pub(crate) last: usize,
}

impl Source {
    /// Takes the text of a file apart.
    pub(crate) fn new(path: &str, text: &str) -> Source {
        let (code, comments) = separate(text);
        let whole = path.contains("/tests/")
            || path.contains("/benches/")
            || path.ends_with("/tests.rs")
            || path.starts_with("fuzz/");
        let mut tests = vec![whole; code.len()];
        let flat = Flat::new(&code);
        let mut from = 0;
        while let Some(at) = flat.find_test_attribute(from) {
            from = at + 1;
            let Some((_, last)) = flat.body_after(at) else {
                continue;
            };
            let (first, last) = (flat.line_of(at), flat.line_of(last));
            for line in tests.iter_mut().take(last + 1).skip(first) {
                *line = true;
            }
        }
        let functions = flat.functions();
        Source { path: path.to_owned(), code, comments, functions, tests }
    }

    /// Whether a line (from 0) belongs to a test.
    pub(crate) fn is_test(&self, line: usize) -> bool {
        self.tests.get(line).copied().unwrap_or(false)
    }

    /// The name of what a comment on this line speaks of: the function around it or, above an item, that item.
    pub(crate) fn item_at(&self, line: usize) -> Option<&str> {
        let around = self
            .functions
            .iter()
            .filter(|function| function.first <= line && line <= function.last)
            .min_by_key(|function| function.last - function.first);
        if let Some(function) = around {
            return Some(&function.name);
        }
        self.code
            .iter()
            .skip(line)
            .map(|code| code.trim())
            .find(|code| !code.is_empty() && !code.starts_with("#["))
            .and_then(declared)
            .or_else(|| {
                let above = self.code.iter().take(line).rev();
                above.map(|code| code.as_str()).filter(|code| !code.starts_with(' ')).find_map(declared)
            })
    }
}

/// The name that a line of code declares, if it does.
pub(crate) fn declared(code: &str) -> Option<&str> {
    let mut words = code
        .split(|letter: char| !(letter.is_alphanumeric() || letter == '_'))
        .filter(|word| !word.is_empty());
    words.find(|word| {
        matches!(*word, "fn" | "struct" | "enum" | "trait" | "const" | "static" | "mod" | "type" | "impl")
    })?;
    words.find(|word| !matches!(*word, "fn" | "unsafe" | "mut"))
}

/// The code in one piece, to follow braces over lines.
struct Flat {
    letters: Vec<char>,
    /// Where each line begins.
    lines: Vec<usize>,
}

impl Flat {
    fn new(code: &[String]) -> Flat {
        let (mut letters, mut lines) = (Vec::new(), Vec::new());
        for line in code {
            lines.push(letters.len());
            letters.extend(line.chars());
            letters.push('\n');
        }
        Flat { letters, lines }
    }

    fn line_of(&self, at: usize) -> usize {
        self.lines.partition_point(|begin| *begin <= at).saturating_sub(1)
    }

    fn begins(&self, at: usize, word: &str) -> bool {
        let rest = self.letters.get(at..).unwrap_or_default();
        word.chars().enumerate().all(|(index, letter)| rest.get(index) == Some(&letter))
    }

    /// `#[cfg(test)]`, `#[test]` and their like.
    fn find_test_attribute(&self, from: usize) -> Option<usize> {
        (from..self.letters.len()).find(|at| {
            ["#[cfg(test)]", "#[cfg(all(test", "#[test]", "#[tokio::test"]
                .iter()
                .any(|attribute| self.begins(*at, attribute))
        })
    }

    /// The next braces at the level of `from`, unless the item ends without them.
    fn body_after(&self, from: usize) -> Option<(usize, usize)> {
        let mut depth = 0i32;
        for (at, letter) in self.letters.iter().enumerate().skip(from) {
            match letter {
                '(' | '[' => depth += 1,
                ')' | ']' => depth -= 1,
                ';' if depth == 0 => return None,
                '{' if depth == 0 => return Some((at, self.closing(at))),
                _ => {}
            }
        }
        None
    }

    fn closing(&self, open: usize) -> usize {
        let mut depth = 0i32;
        for (at, letter) in self.letters.iter().enumerate().skip(open) {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return at;
            }
        }
        self.letters.len().saturating_sub(1)
    }

    fn functions(&self) -> Vec<Function> {
        let mut functions = Vec::new();
        for at in 0..self.letters.len() {
            let after_word = at > 0 && self.letters.get(at - 1).copied().is_some_and(is_word);
            if after_word || !self.begins(at, "fn ") {
                continue;
            }
            let rest = self.letters.iter().skip(at + 3);
            let name: String = rest.take_while(|letter| is_word(**letter)).collect();
            if name.is_empty() {
                continue; // the type `fn (..)`
            }
            if let Some((_, last)) = self.body_after(at) {
                functions.push(Function { name, first: self.line_of(at), last: self.line_of(last) });
            }
        }
        functions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_strings_and_comments_are_not_code() {
        let source = Source::new(
            "core/a/src/lib.rs",
            "let a = \"unsafe // no\"; // unsafe, said\nlet b = r#\"todo!()\"#; let c = b'\\''; let d: &'static str;\n/* unsafe\n /* nested */ unsafe */ let e = '\"';\nlet real = 1;",
        );
        let code = source.code.join("\n");
        assert!(!code.contains("unsafe") && !code.contains("todo"));
        assert!(code.contains("&'static str") && code.contains("let e =") && code.contains("let real"));
        assert_eq!(
            source.comments,
            [Comment { line: 0, kind: CommentKind::Plain, text: "unsafe, said".into() }]
        );
    }

    #[test]
    fn code_goes_on_behind_what_is_taken_out() {
        let code = |text: &str| Source::new("core/a/src/lib.rs", text).code.concat().replace(' ', "");
        assert_eq!(code(r##"a('\'', '(', b'"', "\"", r#"""#) /* /* x */ */ b"##), "a(,,,,)b");
        assert_eq!(code("r#fn('a, br\"x\", 'b')"), "r#fn('a,,)");
    }

    #[test]
    fn a_test_module_is_known_by_its_braces() {
        let source = Source::new(
            "core/a/src/lib.rs",
            "fn a() {\n  b()\n}\n#[cfg(test)]\nmod tests {\n  fn c() {}\n}\nfn d() {}\n",
        );
        let tests: Vec<bool> = (0..8).map(|line| source.is_test(line)).collect();
        assert_eq!(tests, [false, false, false, true, true, true, true, false]);
    }

    #[test]
    fn functions_know_their_lines_and_their_comments() {
        let source = Source::new(
            "core/a/src/lib.rs",
            "// above\n#[must_use]\npub fn long(a: [u8; 4],\n) -> fn(u8) {\n  // within\n}\n// of the table\nconst TABLE: &[u8] = &[\n  1, // in it\n];\n",
        );
        assert_eq!(source.functions.len(), 1);
        assert_eq!(source.functions[0].name, "long");
        assert_eq!((source.functions[0].first, source.functions[0].last), (2, 5));
        assert_eq!((source.item_at(0), source.item_at(5)), (Some("long"), Some("long")));
        assert_eq!(source.item_at(4), Some("long"));
        assert_eq!(source.item_at(6), Some("TABLE"));
        assert_eq!(source.item_at(8), Some("TABLE"));
    }
}
