//! What others say, fit for a terminal: no letter of theirs moves the cursor, begins a line, or turns the direction of what
//! is read.

/// So many letters of this text; lines become one.
pub(crate) fn plain_of(text: &str, letters_max: usize) -> String {
    let text = text.replace(['\n', '\t'], " ");
    let turns =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let kept = text.chars().filter(|c| !c.is_control() && !turns(*c));
    kept.take(letters_max).collect::<String>().trim().to_owned()
}

/// One line of text.
pub(crate) fn plain_line(text: impl std::fmt::Display) -> String {
    plain_of(&text.to_string(), usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_and_moves_nothing() {
        assert_eq!(plain_line("a\u{1b}[31m\r\ncalled by sip:b\u{9b}2J\u{202e}"), "a[31m called by sip:b2J");
        assert_eq!(plain_of("abc", 2), "ab");
    }
}
