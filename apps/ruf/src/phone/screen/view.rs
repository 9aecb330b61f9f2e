//! What the screen shows of a [`Model`]. Everything has its place, whatever goes on:
//!
//! ```text
//!  1 the tabs, the time                       3 do not disturb, auto answer, sound
//!  2 the account and its registration         4 .. the tab
//!  the call window: who, how long, how good, other calls (8 rows)
//!  what happened last (1 row), the keys (2 rows)
//! ```

mod call_window;
mod chat;
mod head;
mod tabs;
mod text;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::widgets::Block;

use super::keys::{self, Verb};
use super::model::Model;
use text::Row;
pub(crate) use text::duration;

/// What the screen must be.
const COLUMNS_MIN: u16 = 80;
const ROWS_MIN: u16 = 24;
/// Rows above the tab.
const HEAD_ROWS: u16 = 3;
/// Rows of the call window with its frame.
const WINDOW_ROWS: u16 = 8;
/// Rows below it.
const FOOT_ROWS: u16 = 3;

/// Rows of a tab on a screen of so many.
pub(crate) fn content_rows(rows: u16) -> u16 {
    rows.saturating_sub(HEAD_ROWS + WINDOW_ROWS + FOOT_ROWS)
}

/// Draws all of it.
pub(crate) fn view(model: &Model, frame: &mut Frame<'_>) {
    let whole = frame.area();
    frame.render_widget(Block::new().style(model.theme.text), whole);
    if whole.width < COLUMNS_MIN || whole.height < ROWS_MIN {
        // Whom one talks with and how to end it is in sight all the same.
        let row = |y| Rect { y, height: 1, ..whole };
        Row::new().put(model.words.too_small, model.theme.text).draw(frame, row(0));
        if whole.height > 1 {
            call_window::short(model).draw(frame, row(1));
        }
        return;
    }
    let mut top = whole.y;
    let mut take = |height: u16| {
        let area = Rect { y: top, height, ..whole };
        top += height;
        area
    };
    head::draw(model, frame, take(HEAD_ROWS));
    tabs::draw(model, frame, take(content_rows(whole.height)));
    call_window::draw(model, frame, take(WINDOW_ROWS));
    notice(model).draw(frame, take(1));
    let keys = [
        &[Verb::Answer, Verb::Refuse, Verb::Hold, Verb::HangUp, Verb::Mute, Verb::Transfer][..],
        &[Verb::Redial, Verb::NextCall, Verb::Keypad, Verb::NextTab, Verb::Quit],
    ];
    for verbs in keys {
        let mut row = Row::new();
        for verb in verbs {
            let (key, word) = keys::shown(*verb, model.words);
            row = row.put(key, model.theme.key).put(" ", model.theme.text).put(word, model.theme.text);
            row = row.put("  ", model.theme.text);
        }
        row.draw(frame, take(1));
    }
}

/// What was last said to the user, or asked.
fn notice(model: &Model) -> Row {
    let (words, theme) = (model.words, &model.theme);
    let row = Row::new().put(" ", theme.text);
    let Some(party) = model.asking() else { return row.put(&model.notice, text::strong(theme.text)) };
    let mut row = row.put(party.title(), text::strong(theme.party)).put(" ", theme.text);
    row = row.put(words.asks_to_watch, text::strong(theme.alert)).put(": ", theme.text);
    for (verb, word) in [(Verb::Answer, words.yes), (Verb::Refuse, words.no)] {
        row = row.put(keys::shown(verb, words).0, theme.key).put(" ", theme.text);
        row = row.put(word, theme.text).put("  ", theme.text);
    }
    row
}

#[cfg(test)]
mod tests;
