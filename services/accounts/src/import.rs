//! Reading a list of accounts from a file: one line each, `user,secret` or
//! `user@domain,secret[,alias...]`.
//!
//! Fields may stand in double quotes, as spreadsheets write them (`""` is one quote within). Blank
//! lines, lines that begin with `#` and a first line `user,secret` are skipped. Everything wrong in
//! the file is reported at once, each with the number of its line; a file with anything wrong in it
//! changes nothing. Storing the rows is [`crate::Accounts::import`].

use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufRead};

use crate::name::{NameError, canonical_alias, check_name};
use crate::secret::check_secret;

/// The longest line, in bytes.
pub const LINE_BYTES_MAX: usize = 4_096;
/// As many wrong lines are shown; the rest is counted.
pub const WRONG_LINES_SHOWN_MAX: usize = 20;

/// One account of a file. Every name in it was checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    /// Where it stands, from 1.
    pub line: usize,
    /// The canonical domain.
    pub domain: String,
    /// The name.
    pub user: String,
    /// The secret, as the phone will know it.
    pub secret: String,
    /// Other names and numbers.
    pub aliases: Vec<String>,
}

impl fmt::Debug for Row {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}@{} {:?}", self.line, self.user, self.domain, self.aliases)
    }
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Longer than [`LINE_BYTES_MAX`].
    TooLong,
    /// Its bytes are no UTF-8.
    NotUtf8,
    /// A quote that is not closed, or something behind one that is.
    Quote,
    /// No secret: there must be at least two fields.
    NoSecret,
    /// The domain is none of ours.
    Domain(String),
    /// The first field.
    User(NameError),
    /// The second field. It is never shown.
    Secret(NameError),
    /// One of the other fields.
    Alias(String, NameError),
    /// The name or alias already stands on an earlier line.
    Twice(String, usize),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "the line is longer than {LINE_BYTES_MAX} bytes"),
            Self::NotUtf8 => f.write_str("the line is not UTF-8; save the file as UTF-8"),
            Self::Quote => f.write_str("a quoted field must end with a quote before the next comma"),
            Self::NoSecret => f.write_str("expected user,secret or user@domain,secret,alias..."),
            Self::Domain(domain) => write!(f, "{domain} is not a domain of this server"),
            Self::User(error) => write!(f, "the user {error}"),
            Self::Secret(error) => write!(f, "the secret {error}"),
            Self::Alias(alias, error) => write!(f, "the alias {alias:?} {error}"),
            Self::Twice(name, line) => write!(f, "{name} already stands on line {line}"),
        }
    }
}

/// Why a file was not taken.
#[derive(Debug)]
pub enum ReadError {
    /// It could not be read to its end.
    Io(io::Error),
    /// Lines are wrong.
    Lines {
        /// The first [`WRONG_LINES_SHOWN_MAX`] of them, by number.
        first: Vec<(usize, Wrong)>,
        /// How many there are in all.
        total: usize,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot read the file: {error}"),
            Self::Lines { first, total } => {
                for (line, wrong) in first {
                    writeln!(f, "line {line}: {wrong}")?;
                }
                let hidden = total.saturating_sub(first.len());
                if hidden > 0 {
                    writeln!(f, "and {hidden} more")?;
                }
                f.write_str("nothing was imported")
            }
        }
    }
}

impl std::error::Error for ReadError {}

/// Reads a whole file. `canonical` gives the name of the domain that a text means (its own name, or
/// that of which it is an alias), `None` if it is not ours; a user without a domain gets
/// `default_domain`.
///
/// # Errors
/// [`ReadError`]; then no row is returned, however many were right.
pub fn read(
    mut file: impl BufRead,
    default_domain: &str,
    canonical: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<Row>, ReadError> {
    let mut reading = Reading { default_domain, canonical, rows: Vec::new(), seen: HashMap::new() };
    let (mut first, mut total) = (Vec::new(), 0);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if read_line(&mut file, &mut line).map_err(ReadError::Io)? == 0 {
            break;
        }
        if let Err(wrong) = reading.line(number, &line) {
            total += 1;
            if first.len() < WRONG_LINES_SHOWN_MAX {
                first.push((number, wrong));
            }
        }
    }
    if total > 0 { Err(ReadError::Lines { first, total }) } else { Ok(reading.rows) }
}

/// Reads one line with its end; of one that is too long, just enough to know. Returns the bytes taken.
fn read_line(file: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    let mut taken = 0;
    loop {
        let available = file.fill_buf()?;
        let end = available.iter().position(|&byte| byte == b'\n').map(|at| at + 1);
        let part = available.get(..end.unwrap_or(available.len())).unwrap_or_default();
        let room = (LINE_BYTES_MAX + 2).saturating_sub(line.len()).min(part.len());
        line.extend_from_slice(part.get(..room).unwrap_or_default());
        let used = part.len();
        file.consume(used);
        taken += used;
        if end.is_some() || used == 0 {
            return Ok(taken);
        }
    }
}

struct Reading<'a> {
    default_domain: &'a str,
    canonical: &'a dyn Fn(&str) -> Option<String>,
    rows: Vec<Row>,
    /// Every name and alias by `name@domain`, with its line.
    seen: HashMap<String, usize>,
}

impl Reading<'_> {
    fn line(&mut self, number: usize, line: &[u8]) -> Result<(), Wrong> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        if line.len() > LINE_BYTES_MAX {
            return Err(Wrong::TooLong);
        }
        let text = str::from_utf8(line).map_err(|_| Wrong::NotUtf8)?;
        let text = if number == 1 { text.trim_start_matches('\u{feff}') } else { text };
        if text.trim().is_empty() || text.trim_start().starts_with('#') {
            return Ok(());
        }
        let mut fields = fields(text)?.into_iter();
        let (Some(who), Some(secret)) = (fields.next(), fields.next()) else {
            return Err(Wrong::NoSecret);
        };
        if number == 1 && is_heading(&who, &secret) {
            return Ok(());
        }
        // The last @: a name has none, so what is before it must pass as a name anyway.
        let (user, domain) = match who.rsplit_once('@') {
            None => (who.as_str(), self.default_domain.to_owned()),
            Some((user, host)) => {
                (user, (self.canonical)(host).ok_or_else(|| Wrong::Domain(host.to_owned()))?)
            }
        };
        check_name(user).map_err(Wrong::User)?;
        check_secret(&secret).map_err(Wrong::Secret)?;
        // A spreadsheet writes as many commas on each line as the longest one needs.
        let mut aliases = Vec::new();
        for alias in fields.filter(|alias| !alias.is_empty()) {
            let kept = canonical_alias(&alias).map_err(|error| Wrong::Alias(alias, error))?;
            if kept != user {
                aliases.push(kept);
            }
        }
        for name in std::iter::once(user).chain(aliases.iter().map(String::as_str)) {
            let address = if name.contains('@') { name.to_owned() } else { format!("{name}@{domain}") };
            if let Some(earlier) = self.seen.insert(address, number) {
                return Err(Wrong::Twice(name.to_owned(), earlier));
            }
        }
        self.rows.push(Row { line: number, domain, user: user.to_owned(), secret, aliases });
        Ok(())
    }
}

fn is_heading(who: &str, secret: &str) -> bool {
    let any = |text: &str, words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    any(who, &["user", "username", "name"]) && any(secret, &["secret", "password"])
}

/// The fields of a line: trimmed, or as they stand between quotes.
fn fields(line: &str) -> Result<Vec<String>, Wrong> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let trimmed = rest.trim_start();
        let after = match trimmed.strip_prefix('"') {
            None => {
                let (field, after) = match trimmed.split_once(',') {
                    Some((field, after)) => (field, Some(after)),
                    None => (trimmed, None),
                };
                fields.push(field.trim_end().to_owned());
                after
            }
            Some(quoted) => {
                let (field, after) = unquote(quoted)?;
                fields.push(field);
                match after.trim() {
                    "" => None,
                    _ => Some(after.trim_start().strip_prefix(',').ok_or(Wrong::Quote)?),
                }
            }
        };
        match after {
            Some(after) => rest = after,
            None => return Ok(fields),
        }
    }
}

/// What stands before the closing quote, and what behind it.
fn unquote(quoted: &str) -> Result<(String, &str), Wrong> {
    let mut field = String::new();
    let mut rest = quoted;
    loop {
        let (part, after) = rest.split_once('"').ok_or(Wrong::Quote)?;
        field.push_str(part);
        match after.strip_prefix('"') {
            Some(after) => {
                field.push('"');
                rest = after;
            }
            None => return Ok((field, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(file: &str) -> Result<Vec<Row>, ReadError> {
        let canonical = |host: &str| match host {
            "b.example" | "alias.example" => Some("b.example".to_owned()),
            _ => None,
        };
        read(file.as_bytes(), "a.example", &canonical)
    }

    fn wrong(file: &str) -> Vec<(usize, Wrong)> {
        match parse(file) {
            Err(ReadError::Lines { first, total }) => {
                assert_eq!(first.len(), total);
                first
            }
            other => panic!("{other:?}"),
        }
    }

    fn row(line: usize, domain: &str, user: &str, secret: &str, aliases: &[&str]) -> Row {
        let aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
        Row { line, domain: domain.into(), user: user.into(), secret: secret.into(), aliases }
    }

    #[test]
    fn lines_comments_domains_and_aliases_are_read() {
        let file = "# phones of the office\n\nalice,wonder\r\nbob@b.example , s3cret , +49 30-123,200\n  # more\ncarol@alias.example,x,,";
        assert_eq!(
            parse(file).unwrap(),
            [
                row(3, "a.example", "alice", "wonder", &[]),
                row(4, "b.example", "bob", "s3cret", &["+4930123", "200"]),
                row(6, "b.example", "carol", "x", &[]),
            ]
        );
    }

    #[test]
    fn quoted_fields_keep_commas_quotes_and_spaces() {
        let file = "\"alice\",\" a,b \"\"c\"\" \"  ,\"#31#\"\n\"#1\",x";
        assert_eq!(
            parse(file).unwrap(),
            [row(1, "a.example", "alice", " a,b \"c\" ", &["#31#"]), row(2, "a.example", "#1", "x", &[]),]
        );
    }

    #[test]
    fn a_heading_and_a_byte_order_mark_are_skipped_on_the_first_line_only() {
        assert_eq!(
            parse("\u{feff}User,Secret\nalice,x\n").unwrap(),
            [row(2, "a.example", "alice", "x", &[])]
        );
        assert_eq!(parse("alice,x\nuser,secret\n").unwrap().len(), 2);
        assert_eq!(parse("\u{feff}alice,x").unwrap(), [row(1, "a.example", "alice", "x", &[])]);
    }

    #[test]
    fn every_wrong_line_is_named_and_no_row_is_returned() {
        let long = "x".repeat(LINE_BYTES_MAX + 1);
        let file = format!(
            "alice,x\nbob\nc d,x\n,x\ndave,\neve@elsewhere.example,x\n\"frank,x\n\"gina\"x,y\n{long}\nhal,x,a b\nalice,y\n"
        );
        let expected = [
            (2, Wrong::NoSecret),
            (3, Wrong::User(NameError::Character(' '))),
            (4, Wrong::User(NameError::Empty)),
            (5, Wrong::Secret(NameError::Empty)),
            (6, Wrong::Domain("elsewhere.example".into())),
            (7, Wrong::Quote),
            (8, Wrong::Quote),
            (9, Wrong::TooLong),
            (10, Wrong::Alias("a b".into(), NameError::Character(' '))),
            (11, Wrong::Twice("alice".into(), 1)),
        ];
        assert_eq!(wrong(&file), expected);
        let message = parse(&file).unwrap_err().to_string();
        assert!(message.contains("line 11: alice already stands on line 1"), "{message}");
        assert!(message.ends_with("nothing was imported"), "{message}");
    }

    #[test]
    fn a_name_is_taken_within_its_domain_only_and_by_aliases_too() {
        assert_eq!(parse("alice,x\nalice@b.example,x\n").unwrap().len(), 2);
        assert_eq!(wrong("alice,x,100\nbob,x,100\n"), [(2, Wrong::Twice("100".into(), 1))]);
        assert_eq!(
            wrong("info@b.example,x\nbob,x,info@b.example\n"),
            [(2, Wrong::Twice("info@b.example".into(), 1))]
        );
        assert_eq!(wrong("alice,x,100,100\n"), [(1, Wrong::Twice("100".into(), 1))]);
        assert_eq!(parse("alice,x,alice\n").unwrap(), [row(1, "a.example", "alice", "x", &[])]);
    }

    #[test]
    fn bytes_that_are_not_text_are_an_error_of_their_line() {
        let file = b"alice,x\nbob,\xff\xfe\n";
        let error = read(&file[..], "a.example", &|_| None).unwrap_err();
        assert!(matches!(error, ReadError::Lines { ref first, total: 1 } if first == &[(2, Wrong::NotUtf8)]));
    }

    #[test]
    fn a_thousand_wrong_lines_are_counted_and_not_shown() {
        let error = parse(&"nothing\n".repeat(1_000)).unwrap_err();
        let message = error.to_string();
        assert_eq!(message.lines().count(), WRONG_LINES_SHOWN_MAX + 2, "{message}");
        assert!(message.contains("and 980 more"), "{message}");
    }

    #[test]
    fn a_line_without_end_costs_no_memory() {
        let mut line = Vec::new();
        let file = [vec![b'x'; 1_000_000], b"\nalice,x\n".to_vec()].concat();
        let mut file = file.as_slice();
        assert_eq!(read_line(&mut file, &mut line).unwrap(), 1_000_001);
        assert_eq!((line.len(), file), (LINE_BYTES_MAX + 2, &b"alice,x\n"[..]));
    }

    #[test]
    fn a_secret_is_never_printed() {
        let rows = parse("alice,wonder").unwrap();
        assert!(!format!("{rows:?}").contains("wonder"));
        assert!(!Wrong::Secret(NameError::Character('\u{1}')).to_string().contains("wonder"));
    }
}
