//! The laws of the house, checked: `cargo xtask tidy` and `cargo xtask rfc`.
//!
//! `tidy` enforces what the compiler cannot: which crate may import which, what
//! may be named how, how long a file may grow, and what the pure floor may touch.
//! `rfc` turns the citations in the source into the pages of `docs/rfc`.
//! Formatting, lints, licences and advisories are not here: rustfmt, clippy and
//! cargo-deny check those, and `make check` calls them all.

use std::io::Write as _;
use std::process::ExitCode;

mod laws;
mod rfc;
mod source;
mod tidy;
mod tree;

/// What goes wrong in the tool itself, as opposed to what it finds.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Prints a line; a reader that has gone away is no reason to stop.
fn say(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

const USAGE: &str = "usage: cargo xtask tidy
       cargo xtask rfc [--check]
       cargo xtask rfc --sections FILE...          lists the sections of RFC texts in docs/rfc/sections
       cargo xtask rfc --clauses FILE SECTION...   extracts the MUSTs of these sections into docs/rfc/clauses";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["tidy"] => tidy::run(),
        ["rfc"] => rfc::run(rfc::Mode::Write),
        ["rfc", "--check"] => rfc::run(rfc::Mode::Check),
        ["rfc", "--sections", files @ ..] if !files.is_empty() => rfc::import_sections(files),
        ["rfc", "--clauses", file, sections @ ..] if !sections.is_empty() => {
            rfc::import_clauses(file, sections)
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
