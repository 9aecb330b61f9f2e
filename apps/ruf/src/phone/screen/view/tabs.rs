//! The tabs: the dial field, the call list, the contacts.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use super::super::call_list::{CallEntry, Mark, VoiceMessage, Way};
use super::super::keys::{self, Verb};
use super::super::model::{Model, Tab};
use super::text::{Row, duration, row, strong};

pub(super) fn draw(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    match model.tab {
        Tab::Dial => dial(model, frame, area),
        Tab::Calls => calls(model, frame, area),
        Tab::Contacts => contacts(model, frame, area),
        Tab::Messages => super::chat::draw(model, frame, area),
    }
}

fn dial(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let (words, theme) = (model.words, &model.theme);
    let (before, after) = model.dial.halves();
    let label = format!("{}: ", words.dial_field);
    if let Some(row) = row(area, 1) {
        // A text that is too long shows where its cursor is.
        let room = usize::from(row.width).saturating_sub(label.chars().count() + 1);
        let skip = before.chars().count().saturating_sub(room);
        let before: String = before.chars().skip(skip).collect();
        let content = Row::new().put(&label, theme.faint).put(&before, strong(theme.party));
        let at = label.chars().count() + ratatui::text::Span::raw(before.as_str()).width();
        content.put(&after, strong(theme.party)).draw(frame, row);
        if !model.is_keypad && model.transfer.is_none() {
            let x = row.x.saturating_add(u16::try_from(at).unwrap_or(u16::MAX)).min(row.right() - 1);
            frame.set_cursor_position(Position { x, y: row.y });
        }
    }
    let suggestions = model.suggestions();
    let hint = if suggestions.is_empty() { words.dial_hint } else { words.suggestions };
    if let Some(row) = row(area, 3) {
        Row::new().put(hint, theme.faint).draw(frame, row);
    }
    for (at, suggestion) in suggestions.iter().enumerate() {
        let is_chosen = model.choice == Some(at);
        let style = if is_chosen { theme.chosen } else { theme.text };
        let content = Row::new()
            .put(if is_chosen { "> " } else { "  " }, style)
            .cell(&suggestion.name, 24, style)
            .put(" ", style)
            .put(&suggestion.address, style);
        if let Some(row) = u16::try_from(at + 4).ok().and_then(|at| row(area, at)) {
            content.draw(frame, row);
        }
    }
}

fn calls(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let entries = model.calls.entries().map(|entry| call(model, entry));
    let newer =
        (model.calls.mark.first > 0).then(|| format!("^ {} {}", model.calls.mark.first, model.words.newer));
    let is_kept = |entry: &CallEntry| entry.message.is_some() || !entry.recordings.is_empty();
    let hint = match model.calls.marked().is_some_and(is_kept) {
        true => model.words.kept_hint,
        false => model.words.call_list_hint,
    };
    list(model, frame, area, entries, model.calls.mark, (model.words.call_list_empty, hint), newer);
}

fn call(model: &Model, entry: &CallEntry) -> Vec<(String, usize)> {
    let time = when(entry.began_unix_secs, model.now.unix_secs, &model.zone, model.words.today);
    vec![
        (time, 17),
        (model.words.way(entry.way).to_owned(), 11),
        (entry.party.title().to_owned(), 24),
        (outcome(model, entry), 22),
    ]
}

/// How long it was, why it came to nothing, what was kept of it.
fn outcome(model: &Model, entry: &CallEntry) -> String {
    let words = model.words;
    if let Some(VoiceMessage { secs, is_heard, .. }) = &entry.message {
        let word = if *is_heard { words.message } else { words.new_message };
        return format!("{word} {}", duration(*secs));
    }
    match entry.talked_secs {
        Some(secs) if entry.recordings.is_empty() => duration(secs),
        Some(secs) => format!("{}  {}", duration(secs), words.recorded),
        None if matches!(entry.way, Way::Dialled | Way::Forwarded) => entry.why.clone(),
        None => String::new(),
    }
}

/// `today 14:03`, `2026-11-29 14:03`.
fn when(unix_secs: i64, now_secs: i64, zone: &TimeZone, today: &str) -> String {
    let at = |secs| Timestamp::from_second(secs).unwrap_or_default().to_zoned(zone.clone());
    let (then, now) = (at(unix_secs), at(now_secs));
    match then.date() == now.date() {
        true => format!("{today} {}", then.strftime("%H:%M")),
        false => then.strftime("%Y-%m-%d %H:%M").to_string(),
    }
}

fn contacts(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let entries = model.contacts.iter().enumerate().map(|(number, contact)| {
        let (name, address) = (contact.name.clone(), contact.address.clone());
        match model.standing_of(number) {
            Some(standing) => {
                vec![(name, 28), (model.words.standing(standing).to_owned(), 14), (address, 31)]
            }
            None => vec![(name, 28), (address, 46)],
        }
    });
    list(
        model,
        frame,
        area,
        entries,
        model.contact_mark,
        (model.words.contacts_empty, model.words.contacts_hint),
        None,
    );
}

/// Entries in columns of so many letters, and a hint below them.
fn list(
    model: &Model,
    frame: &mut Frame<'_>,
    area: Rect,
    entries: impl ExactSizeIterator<Item = Vec<(String, usize)>>,
    mark: Mark,
    (empty, hint): (&str, &str),
    more: Option<String>,
) {
    let theme = &model.theme;
    let rows = area.height.saturating_sub(1);
    let is_empty = entries.len() == 0;
    let hint = if is_empty { empty } else { hint };
    for (at, columns) in entries.enumerate().skip(mark.first).take(usize::from(rows)) {
        let is_marked = mark.at == Some(at);
        let style = if is_marked { theme.chosen } else { theme.text };
        let mut content = Row::new().put(if is_marked { "> " } else { "  " }, style);
        for (text, columns) in columns {
            content = content.cell(&text, columns, style).put(" ", style);
        }
        if let Some(row) = u16::try_from(at - mark.first).ok().and_then(|at| row(area, at)) {
            content.draw(frame, row);
        }
    }
    if let Some(row) = row(area, rows) {
        let (key, word) = keys::shown(Verb::Write, model.words);
        let mut content = Row::new().put(hint, theme.faint);
        if !is_empty {
            content = content
                .put(", ", theme.faint)
                .put(key, theme.key)
                .put(" ", theme.faint)
                .put(word, theme.faint);
        }
        content.right(&more.unwrap_or_default(), theme.faint).draw(frame, row);
    }
}
