//! Parting code from strings and comments, letter by letter.

use super::{Comment, CommentKind};

/// Parts code from strings and comments; lines keep their numbers and their length.
pub(super) fn separate(text: &str) -> (Vec<String>, Vec<Comment>) {
    let letters: Vec<char> = text.chars().collect();
    let peek = |at: usize| letters.get(at).copied().unwrap_or('\0');
    let mut code = vec![String::new()];
    let mut comments = Vec::new();
    let mut at = 0;
    let keep = |code: &mut Vec<String>, letter: char, visible: bool| match letter {
        '\n' => code.push(String::new()),
        _ => {
            if let Some(line) = code.last_mut() {
                line.push(if visible { letter } else { ' ' });
            }
        }
    };
    while at < letters.len() {
        let word_before = at > 0 && is_word(peek(at - 1));
        let end = match peek(at) {
            '/' if peek(at + 1) == '/' => {
                let end = find(&letters, at, |at| peek(at) == '\n');
                let text: String = letters.iter().take(end).skip(at + 2).collect();
                comments.push(comment(code.len() - 1, &text));
                end
            }
            '/' if peek(at + 1) == '*' => end_of_block(&letters, at),
            '"' => end_of_string(&letters, at),
            'r' | 'b' | 'c' if !word_before => match raw_string(&letters, at) {
                Some(end) => end,
                None => at,
            },
            '\'' => end_of_character(&letters, at),
            _ => at,
        };
        if end == at {
            keep(&mut code, peek(at), true);
            at += 1;
        } else {
            for letter in letters.iter().take(end).skip(at) {
                keep(&mut code, *letter, false);
            }
            at = end;
        }
    }
    (code, comments)
}

fn comment(line: usize, text: &str) -> Comment {
    let (kind, text) = match text.chars().next() {
        Some('!') => (CommentKind::Module, text.trim_start_matches('!')),
        Some('/') => (CommentKind::Item, text.trim_start_matches('/')),
        _ => (CommentKind::Plain, text),
    };
    Comment { line, kind, text: text.trim().to_owned() }
}

pub(super) fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn find(letters: &[char], from: usize, is_end: impl Fn(usize) -> bool) -> usize {
    (from..letters.len()).find(|at| is_end(*at)).unwrap_or(letters.len())
}

fn end_of_block(letters: &[char], from: usize) -> usize {
    let pair = |at: usize| (letters.get(at).copied(), letters.get(at + 1).copied());
    let mut depth = 0usize;
    let mut at = from;
    while at < letters.len() {
        match pair(at) {
            (Some('/'), Some('*')) => {
                depth += 1;
                at += 2;
            }
            (Some('*'), Some('/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    letters.len()
}

/// The end of a string that opens at `from` with a quote.
fn end_of_string(letters: &[char], from: usize) -> usize {
    let mut at = from + 1;
    while let Some(letter) = letters.get(at) {
        match letter {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    letters.len()
}

/// The end of `r"…"`, `r#"…"#`, `b"…"`, `b'…'`, `br"…"`, `c"…"`, if one begins here.
fn raw_string(letters: &[char], from: usize) -> Option<usize> {
    let peek = |at: usize| letters.get(at).copied().unwrap_or('\0');
    let mut at = from;
    if matches!(peek(at), 'b' | 'c') {
        at += 1;
    }
    let raw = peek(at) == 'r';
    at += usize::from(raw);
    let mut hashes = 0;
    while raw && peek(at) == '#' {
        hashes += 1;
        at += 1;
    }
    match (peek(at), raw) {
        ('"', false) => Some(end_of_string(letters, at)),
        ('\'', false) => Some(end_of_character(letters, at)),
        ('"', true) => Some({
            let is_end = |at| peek(at) == '"' && (1..=hashes).all(|hash| peek(at + hash) == '#');
            (find(letters, at + 1, is_end) + 1 + hashes).min(letters.len())
        }),
        _ => None,
    }
}

/// The end of a character literal; `from` itself when the quote begins a lifetime.
fn end_of_character(letters: &[char], from: usize) -> usize {
    let peek = |at: usize| letters.get(at).copied().unwrap_or('\0');
    if peek(from + 1) == '\\' {
        // The escaped letter may itself be a quote.
        (find(letters, from + 3, |at| peek(at) == '\'') + 1).min(letters.len())
    } else if peek(from + 2) == '\'' {
        from + 3
    } else {
        from
    }
}
