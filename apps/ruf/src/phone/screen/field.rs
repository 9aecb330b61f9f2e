//! [`Field`]: one line of text that is typed.

use super::event::Key;
use super::line::plain;

/// Letters that fit into a field.
const LETTERS_MAX: usize = 500;

/// One line of text, and where the next letter goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Field {
    letters: Vec<char>,
    cursor: usize,
}

impl Field {
    pub(crate) fn text(&self) -> String {
        self.letters.iter().collect()
    }

    pub(crate) fn set(&mut self, text: &str) {
        *self = Field::default();
        self.insert(text);
    }

    pub(crate) fn clear(&mut self) {
        *self = Field::default();
    }

    /// Letters before the cursor, and those from it on.
    pub(crate) fn halves(&self) -> (String, String) {
        let (before, after) = self.letters.split_at(self.cursor.min(self.letters.len()));
        (before.iter().collect(), after.iter().collect())
    }

    /// Puts text in at the cursor.
    pub(crate) fn insert(&mut self, text: &str) {
        let text = if text == " " { text.to_owned() } else { plain(text) };
        for letter in text.chars() {
            if self.letters.len() < LETTERS_MAX {
                self.letters.insert(self.cursor, letter);
                self.cursor += 1;
            }
        }
    }

    /// Does what a key means in a field; `false`: nothing.
    pub(crate) fn press(&mut self, key: Key) -> bool {
        match key {
            Key::Char(letter) => self.insert(&letter.to_string()),
            Key::Backspace if self.cursor > 0 => {
                self.cursor -= 1;
                self.letters.remove(self.cursor);
            }
            Key::Delete if self.cursor < self.letters.len() => {
                self.letters.remove(self.cursor);
            }
            Key::Left => self.cursor = self.cursor.saturating_sub(1),
            Key::Right => self.cursor = (self.cursor + 1).min(self.letters.len()),
            Key::Home => self.cursor = 0,
            Key::End => self.cursor = self.letters.len(),
            Key::Escape => self.clear(),
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_go_where_the_cursor_is() {
        let mut field = Field::default();
        for key in [Key::Char('b'), Key::Char('ö'), Key::Char('b'), Key::Left, Key::Backspace, Key::Char('o')]
        {
            assert!(field.press(key));
        }
        assert_eq!(field.halves(), ("bo".to_owned(), "b".to_owned()));
        field.press(Key::Home);
        field.press(Key::Delete);
        field.press(Key::End);
        field.insert("\u{1b}[31m x");
        assert_eq!(field.text(), "ob[31m x");
        assert!(!field.press(Key::Enter));
        field.press(Key::Escape);
        assert!(field.text().is_empty() && !field.press(Key::Backspace));
        field.insert(&"9".repeat(10_000));
        assert!(field.text().len() <= LETTERS_MAX);
    }
}
