//! The messages with somebody: the last ones, and the one that is typed.

use jiff::Timestamp;
use ratatui::Frame;
use ratatui::layout::Rect;

use super::super::chat::{Fate, Note, Talk};
use super::super::model::Model;
use super::text::{Row, row, strong};

/// Columns before a text: when, and who.
const MARGIN: usize = 10;

pub(super) fn draw(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let (words, theme) = (model.words, &model.theme);
    let last = area.height.saturating_sub(1);
    let Some((talk, number, all)) = model.chat.shown() else {
        let typed = Row::new().put(words.write_to, theme.faint).put(": ", theme.faint);
        let rows = [
            (1, typed.put(&model.chat.field.text(), strong(theme.party)).put("_", theme.party)),
            (3, Row::new().put(words.write_hint, theme.faint)),
        ];
        for (at, content) in rows {
            if let Some(row) = row(area, at) {
                content.draw(frame, row);
            }
        }
        return;
    };
    let whom = Row::new().put(talk.party.title(), strong(theme.party)).put("  ", theme.text);
    let whom = if talk.party.name.is_empty() { whom } else { whom.put(&talk.party.address, theme.faint) };
    let mut rows = vec![whom.right(&format!("{number}/{all}"), theme.faint)];
    let room = usize::from(area.height).saturating_sub(3);
    let lines = said(model, talk, usize::from(area.width).saturating_sub(MARGIN + 2));
    let skipped = lines.len().saturating_sub(room);
    rows.extend(lines.into_iter().skip(skipped));
    rows.resize_with(usize::from(area.height).saturating_sub(2), Row::new);
    let (before, after) = model.chat.field.halves();
    let room = usize::from(area.width).saturating_sub(6);
    let typed: String = before.chars().skip(before.chars().count().saturating_sub(room)).collect();
    rows.push(
        Row::new()
            .put("> ", theme.key)
            .put(&typed, theme.party)
            .put("_", theme.party)
            .put(&after, theme.party),
    );
    rows.push(Row::new().put(words.chat_hint, theme.faint));
    for (at, content) in (0..=last).zip(rows) {
        if let Some(row) = row(area, at) {
            content.draw(frame, row);
        }
    }
}

/// All messages in rows of so many letters.
fn said(model: &Model, talk: &Talk, columns: usize) -> Vec<Row> {
    let (words, theme) = (model.words, &model.theme);
    let mut rows = Vec::new();
    for Note { text, unix_secs, fate } in &talk.notes {
        let at = Timestamp::from_second(*unix_secs).unwrap_or_default().to_zoned(model.zone.clone());
        let (who, style) = if *fate == Fate::Received { ("<", theme.text) } else { (">", theme.party) };
        for (number, piece) in wrapped(text, columns).into_iter().enumerate() {
            let margin = if number == 0 { format!("{} {who}", at.strftime("%H:%M")) } else { String::new() };
            let row = Row::new().cell(&margin, MARGIN - 1, theme.faint).put(" ", theme.text);
            rows.push(row.put(&piece, style));
        }
        let fate = match fate {
            Fate::Received | Fate::Sent => continue,
            Fate::Sending(_) => Row::new().cell("", MARGIN, theme.text).put(words.sending, theme.faint),
            Fate::Failed(error) => {
                let why = format!("{}: {}", words.not_sent, words.error(error));
                Row::new().cell("", MARGIN, theme.text).put(&why, strong(theme.alert))
            }
        };
        rows.push(fate);
    }
    rows
}

/// A text in rows of at most so many letters, broken between words where that is possible.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut rows = vec![String::new()];
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        for (number, piece) in letters.chunks(columns.max(1)).enumerate() {
            let Some(row) = rows.last_mut() else { continue };
            let gap = usize::from(number == 0 && !row.is_empty());
            match row.chars().count() + gap + piece.len() <= columns {
                true => row.extend(" ".repeat(gap).chars().chain(piece.iter().copied())),
                false if row.is_empty() => row.extend(piece),
                false => rows.push(piece.iter().collect()),
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_broken_between_words_and_within_those_that_are_too_long() {
        assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
        assert_eq!(wrapped("a abcdefghij b", 4), ["a", "abcd", "efgh", "ij b"]);
        assert_eq!(wrapped("", 4), [""]);
        assert_eq!(wrapped("ab", 0), ["a", "b"]);
    }
}
