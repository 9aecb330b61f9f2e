//! The call window: whom one talks with, for how long, how good it is; and who else is there.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::Block;

use super::super::event::Quality;
use super::super::keys::{self, Verb};
use super::super::line::{Line, LineState, plain};
use super::super::model::Model;
use super::text::{Row, bar, duration, row, strong};

/// Below these a line is bad, and says so: "many users dissatisfied" (ITU-T G.107 Annex B), and loss that is heard.
const MOS_BAD: f32 = 3.1;
const LOSS_BAD_PERCENT: f32 = 5.0;
/// Letters of a name where there is not much room.
const NAME_MAX: usize = 24;
/// Other calls that are named.
const OTHERS_SHOWN: usize = 2;

pub(super) fn draw(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let title = format!(" {} ", model.words.window);
    let block = Block::bordered().title(title).title(recorded(model)).style(model.theme.text);
    let inside = block.inner(area);
    frame.render_widget(block, area);
    let mut rows = match model.shown_line() {
        Some(line) => vec![
            party(model, line),
            address(model, line),
            state(model, line),
            wire(model, line),
            levels(model, line),
        ],
        None => vec![Row::new().put(model.words.no_call, model.theme.faint)],
    };
    rows.resize_with(5, Row::new);
    rows.push(others(model));
    for (number, content) in (0..).zip(rows) {
        if let Some(row) = row(inside, number) {
            content.draw(frame, row);
        }
    }
}

/// Who is being recorded, wherever the window is.
fn recorded(model: &Model) -> ratatui::text::Line<'static> {
    let names: Vec<&str> = model.recorded().map(|line| line.party.title()).collect();
    let said = match names.as_slice() {
        [] => return ratatui::text::Line::default(),
        [name] => name.chars().take(NAME_MAX).collect(),
        names => names.len().to_string(),
    };
    let said = Span::styled(format!(" {}: {said} ", model.words.recording), strong(model.theme.alert));
    ratatui::text::Line::from(said).right_aligned()
}

/// The call in one row, where there is room for no more.
pub(super) fn short(model: &Model) -> Row {
    match model.shown_line() {
        Some(line) if model.recorded().next().is_some() => party(model, line)
            .put(" ", model.theme.text)
            .put(model.words.recording, strong(model.theme.alert)),
        Some(line) => party(model, line),
        None => Row::new().put(model.words.no_call, model.theme.faint),
    }
}

fn party(model: &Model, line: &Line) -> Row {
    let theme = &model.theme;
    let name = Row::new().put(line.party.title(), strong(theme.party));
    let verbs: &[Verb] = match line {
        line if line.rings_here() => &[Verb::Answer, Verb::Refuse],
        line if line.can_be_answered() => &[Verb::Answer, Verb::HangUp],
        _ => &[Verb::HangUp],
    };
    let mut all = name;
    for (at, verb) in verbs.iter().enumerate() {
        let (key, word) = keys::shown(*verb, model.words);
        all = all.right(if at > 0 { "  " } else { "" }, theme.text);
        all = all.right(key, strong(theme.key)).right(" ", theme.text).right(word, strong(theme.party));
    }
    all
}

fn address(model: &Model, line: &Line) -> Row {
    let theme = &model.theme;
    // Once is enough.
    let address = if line.party.name.is_empty() { "" } else { line.party.address.as_str() };
    let mut row = Row::new().put(address, theme.text);
    if let Some(meant_for) = &line.meant_for {
        let gap = if address.is_empty() { "" } else { "  " };
        row = row.put(gap, theme.text).put(model.words.meant_for, theme.alert).put(" ", theme.text);
        row = row.put(meant_for.title(), strong(theme.party));
    }
    if model.accounts.len() < 2 {
        return row;
    }
    let account = model.accounts.get(line.account).map_or("", |account| account.address.as_str());
    row.right(account, theme.faint)
}

fn state(model: &Model, line: &Line) -> Row {
    let (words, theme) = (model.words, &model.theme);
    let (said, style) = match line {
        Line { is_ending: true, .. } => (words.ending, theme.text),
        Line { state: LineState::RingingHere, joins: Some(_), .. } => {
            (words.wants_to_join, strong(theme.alert))
        }
        Line { state: LineState::RingingHere, .. } => (words.calls_you, strong(theme.alert)),
        Line { is_held: true, .. } => (words.held, strong(theme.alert)),
        Line { is_conferring: true, .. } => (words.conference, strong(theme.good)),
        Line { state: LineState::Up, .. } => (words.up, theme.good),
        Line { state, .. } => (words.state(*state), theme.text),
    };
    Row::new()
        .put(said, style)
        .put("  ", theme.text)
        .put(&duration(line.secs(model.now)), strong(theme.text))
        .also(line.is_held_by_them.then_some(words.held_by_them), theme.alert)
        .also(line.is_muted.then_some(words.muted), strong(theme.alert))
        .also((!line.keys_heard.is_empty()).then_some(words.keys_heard), theme.faint)
        .also((!line.keys_heard.is_empty()).then_some(&line.keys_heard), theme.text)
}

fn wire(model: &Model, line: &Line) -> Row {
    let (words, theme) = (model.words, &model.theme);
    let Some(codec) = line.sound.codec else { return Row::new() };
    let row = Row::new().put(codec, theme.text).put("  ", theme.text);
    let row = match &line.sound.encryption {
        Some(suite) => row
            .put(words.encrypted, theme.good)
            .put(" (", theme.faint)
            .put(suite, theme.faint)
            .put(")", theme.faint),
        None => row.put(words.not_encrypted, theme.faint),
    };
    let Some(quality) = line.sound.quality else {
        return row.also((line.state == LineState::Up).then_some(words.nothing_heard), theme.alert);
    };
    let Quality { mos, loss_percent, jitter_ms, round_trip_ms } = quality;
    let mut said =
        format!("MOS {mos:.1}  {} {loss_percent:.1} %  {} {jitter_ms:.0} ms", words.loss, words.jitter);
    if let Some(trip) = round_trip_ms {
        said += &format!("  {} {trip:.0} ms", words.round_trip);
    }
    match mos < MOS_BAD || loss_percent > LOSS_BAD_PERCENT {
        true => {
            row.right(words.bad_line, strong(theme.alert)).right(" ", theme.text).right(&said, theme.text)
        }
        false => row.right(&said, theme.text),
    }
}

fn levels(model: &Model, line: &Line) -> Row {
    let (words, theme) = (model.words, &model.theme);
    if let Some(field) = &model.transfer {
        let typed = Row::new().put(words.transfer_to, strong(theme.alert)).put(": ", theme.text);
        let typed = typed.put(&field.text(), strong(theme.party));
        return match model.counterpart().filter(|_| field.text().is_empty()) {
            Some(other) => typed
                .right(words.connect_hint, theme.text)
                .right(" ", theme.text)
                .right(other.party.title(), strong(theme.party)),
            None => typed.right(words.transfer_hint, theme.faint),
        };
    }
    if let (false, Some(to)) = (model.is_keypad, &line.referred) {
        let (key, word) = keys::shown(Verb::Follow, words);
        let asked = Row::new()
            .put(words.refers, strong(theme.alert))
            .put(" ", theme.text)
            .put(&plain(to), theme.party);
        return asked.right(key, strong(theme.key)).right(" ", theme.text).right(word, theme.text);
    }
    if model.is_keypad {
        let keys = Row::new().put(words.keypad_on, strong(theme.alert));
        return keys.right(&line.keys_pressed, strong(theme.text));
    }
    if line.state != LineState::Up {
        return Row::new();
    }
    let (key, word) = keys::shown(Verb::Record, words);
    let word = if line.is_recording { words.stop_recording } else { word };
    let quiet = line.is_held || line.is_held_by_them;
    let heard = if quiet { 0 } else { line.sound.heard };
    let said = if quiet || line.is_muted { 0 } else { line.sound.said };
    Row::new()
        .put(words.heard, theme.faint)
        .put(" ", theme.text)
        .put(&bar(heard), theme.text)
        .put("  ", theme.text)
        .put(words.said, theme.faint)
        .put(" ", theme.text)
        .put(&bar(said), theme.text)
        .right(key, theme.key)
        .right(" ", theme.text)
        .right(word, theme.text)
}

/// Those that are not in the window; whoever rings comes first.
fn others(model: &Model) -> Row {
    let (words, theme) = (model.words, &model.theme);
    let mut others: Vec<&Line> = model.lines.iter().filter(|line| Some(line.id) != model.shown).collect();
    others.sort_by_key(|line| !line.rings_here());
    if others.is_empty() {
        return Row::new();
    }
    let mut all = Row::new().put(words.other_calls, theme.faint).put(":", theme.faint);
    for line in others.iter().take(OTHERS_SHOWN) {
        let name: String = line.party.title().chars().take(NAME_MAX).collect();
        let (said, style) = match line {
            line if line.rings_here() && line.joins.is_some() => (words.wants_to_join, strong(theme.alert)),
            line if line.rings_here() => (words.calls_you, strong(theme.alert)),
            Line { is_ending: true, .. } => (words.ending, theme.text),
            Line { is_held: true, .. } => (words.held, theme.text),
            Line { is_conferring: true, .. } => (words.conference, theme.good),
            line => (words.state(line.state), theme.text),
        };
        all = all.put(" ", theme.text).put(&name, theme.party).put(" ", theme.text).put(said, style);
        all = all.put(" ", theme.text).put(&duration(line.secs(model.now)), theme.text);
    }
    match others.len().checked_sub(OTHERS_SHOWN) {
        Some(more @ 1..) => all.right(&format!("+{more} {}", words.and_more), theme.text),
        Some(0) | None if model.counterpart().is_some() => {
            let (key, word) = keys::shown(Verb::Conference, words);
            all.right(key, strong(theme.key)).right(" ", theme.text).right(word, theme.text)
        }
        Some(0) | None => all,
    }
}
