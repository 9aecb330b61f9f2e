//! The rows at the top: tabs, account, switches.

use jiff::Timestamp;
use ratatui::Frame;
use ratatui::layout::Rect;

use super::super::event::Registration;
use super::super::keys::{self, Verb};
use super::super::model::{Model, SoundKind, Tab};
use super::text::{Row, row, strong};

pub(super) fn draw(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let rows = [tabs(model), account(model), switches(model)];
    for (number, content) in (0..).zip(rows) {
        if let Some(row) = row(area, number) {
            content.draw(frame, row);
        }
    }
}

fn tabs(model: &Model) -> Row {
    let (words, theme) = (model.words, &model.theme);
    let mut all = Row::new().put("ruf phone  ", strong(theme.text));
    for tab in Tab::ALL {
        let name = match tab {
            Tab::Dial => words.tab_dial.to_owned(),
            Tab::Calls if model.calls.missed() > 0 => {
                format!("{} ({})", words.tab_calls, model.calls.missed())
            }
            Tab::Calls => words.tab_calls.to_owned(),
            Tab::Contacts => words.tab_contacts.to_owned(),
            Tab::Messages if model.chat.unread() > 0 => {
                format!("{} ({})", words.tab_messages, model.chat.unread())
            }
            Tab::Messages => words.tab_messages.to_owned(),
        };
        // In brackets: seen without colours, too.
        all = match tab == model.tab {
            true => all.put(&format!("[{name}]"), strong(theme.chosen)),
            false => all.put(&format!(" {name} "), theme.title),
        };
        all = all.put(" ", theme.text);
    }
    all.right(&clock(model), theme.text)
}

fn clock(model: &Model) -> String {
    let now = Timestamp::from_second(model.now.unix_secs).unwrap_or_default();
    now.to_zoned(model.zone.clone()).strftime("%H:%M").to_string()
}

fn account(model: &Model) -> Row {
    let (words, theme) = (model.words, &model.theme);
    let Some(account) = model.accounts.get(model.account) else { return Row::new() };
    let (mark, said, style) = match &account.registration {
        Registration::Direct => ("-", words.no_server.to_owned(), theme.faint),
        Registration::Trying => ("…", words.registering.to_owned(), theme.faint),
        Registration::Registered => ("*", words.registered.to_owned(), theme.good),
        Registration::Failed { error, is_retried } => {
            let again = if *is_retried { format!(" ({})", words.tried_again) } else { String::new() };
            ("!", format!("{}: {}{again}", words.not_registered, words.error(error)), theme.alert)
        }
    };
    let row = Row::new()
        .put(mark, strong(style))
        .put(" ", theme.text)
        .put(&account.address, theme.text)
        .put("  ", theme.text)
        .put(&said, style);
    let waits = mailbox(model);
    let row = row.right(&waits, strong(theme.alert));
    if model.accounts.len() < 2 {
        return row;
    }
    let row = if waits.is_empty() { row } else { row.right("  ", theme.text) };
    let (key, word) = keys::shown(Verb::NextAccount, words);
    let word = format!(" {word} ({}/{})", model.account + 1, model.accounts.len());
    row.right(key, theme.key).right(&word, theme.text)
}

/// What waits in the mailbox of this account; or, if nothing does, in that of another one.
fn mailbox(model: &Model) -> String {
    let waits = |at: &usize| model.accounts.get(*at)?.mailbox.filter(|mailbox| mailbox.is_waiting);
    let here = waits(&model.account).map(|mailbox| (model.words.mailbox, mailbox));
    let other = || Some((model.words.other_mailbox, (0..model.accounts.len()).find_map(|at| waits(&at))?));
    let Some((name, mailbox)) = here.or_else(other) else { return String::new() };
    match mailbox.new_voice.filter(|new| *new > 0) {
        Some(new) => format!("{name}: {new} {}", model.words.new),
        None => format!("{name}: {}", model.words.new),
    }
}

fn switches(model: &Model) -> Row {
    let (words, theme) = (model.words, &model.theme);
    let mut all = Row::new();
    let switches = [
        (Verb::DoNotDisturb, model.is_do_not_disturb),
        (Verb::AutoAnswer, model.is_auto_answer),
        (Verb::Voicemail, model.voicemail.is_on),
    ];
    for (verb, is_on) in switches {
        let (key, word) = keys::shown(verb, words);
        let (mark, style) = if is_on { (" [x] ", theme.alert) } else { (" [ ] ", theme.text) };
        all = all.put(key, theme.key).put(mark, style).put(word, style);
        let new = if verb == Verb::Voicemail { model.calls.new_messages() } else { 0 };
        let count = if new > 0 { format!(" ({new})") } else { String::new() };
        all = all.put(&count, strong(theme.alert)).put("  ", theme.text);
    }
    if model.forwarding.always.is_some() {
        return all.right(words.forwards, strong(theme.alert));
    }
    let sound = match model.sound {
        SoundKind::None => words.no_sound,
        SoundKind::Card => words.sound_is_card,
        SoundKind::File => words.sound_is_file,
        SoundKind::Loopback => words.sound_is_loopback,
    };
    all.right(sound, theme.faint)
}
