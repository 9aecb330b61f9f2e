//! [`Terminal`]: the screen and the keys. Whatever ends the program, the terminal is what it was before.

use std::io::{self, IsTerminal, Write};

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{
    DisableBracketedPaste, EnableBracketedPaste, Event as Input, KeyCode, KeyEvent, KeyEventKind,
    KeyModifiers,
};
use ratatui::crossterm::execute;
use ruf_sip::Error;
use tokio::sync::mpsc;

use super::event::{Event, Key};
use super::model::Model;
use super::view;

/// Keys that may wait for the model.
const KEYS_MAX: usize = 256;

/// The screen, until it is dropped.
pub(super) struct Terminal(DefaultTerminal);

impl Terminal {
    /// Takes the terminal over; its keys come by the channel.
    ///
    /// # Errors
    /// There is none, or it cannot be used.
    pub(super) fn open() -> Result<(Terminal, mpsc::Receiver<Event>), Error> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(Error::System("`ruf phone` needs a terminal; scripts have `ruf call`".to_owned()));
        }
        // From here on a panic gives the terminal back, too.
        let screen = ratatui::try_init()
            .map_err(|error| Error::System(format!("the terminal cannot be used: {error}")))?;
        // One that knows nothing of pasting gets letters, as typed.
        let _ = execute!(io::stdout(), EnableBracketedPaste);
        let (typed, keys) = mpsc::channel(KEYS_MAX);
        std::thread::Builder::new()
            .name("ruf-keys".to_owned())
            .spawn(move || read(&typed))
            .map_err(|error| Error::System(format!("the system gives no thread: {error}")))?;
        Ok((Terminal(screen), keys))
    }

    /// Its columns and rows.
    pub(super) fn size(&self) -> (u16, u16) {
        self.0.size().map_or((80, 24), |size| (size.width, size.height))
    }

    /// Shows a model.
    ///
    /// # Errors
    /// The terminal is gone.
    pub(super) fn show(&mut self, model: &Model) -> io::Result<()> {
        self.0.draw(|frame| view::view(model, frame)).map(drop)
    }

    /// Rings.
    pub(super) fn bell(&mut self) {
        let mut out = io::stdout();
        let _ = out.write_all(b"\x07").and_then(|()| out.flush());
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = execute!(io::stdout(), DisableBracketedPaste);
        let _ = ratatui::try_restore();
    }
}

/// Reads keys until nobody wants them or none can come.
fn read(typed: &mpsc::Sender<Event>) {
    while let Ok(input) = ratatui::crossterm::event::read() {
        let event = match input {
            Input::Key(key) => self::key(key).map(Event::Key),
            Input::Paste(text) => Some(Event::Paste(text)),
            Input::Resize(columns, rows) => Some(Event::Size(columns, rows)),
            Input::FocusGained | Input::FocusLost | Input::Mouse(_) => None,
        };
        if event.is_some_and(|event| typed.blocking_send(event).is_err()) {
            return;
        }
    }
}

/// A key as we know it.
fn key(key: KeyEvent) -> Option<Key> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    Some(match key.code {
        KeyCode::Char(letter) if is_control => Key::Control(letter.to_ascii_lowercase()),
        KeyCode::Char(letter) if !key.modifiers.contains(KeyModifiers::ALT) => Key::Char(letter),
        KeyCode::F(number) => Key::F(number),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_what_they_are_with_and_without_control() {
        let press = |code, modifiers| key(KeyEvent::new(code, modifiers));
        assert_eq!(press(KeyCode::Char('Q'), KeyModifiers::CONTROL), Some(Key::Control('q')));
        assert_eq!(press(KeyCode::Char('#'), KeyModifiers::NONE), Some(Key::Char('#')));
        assert_eq!(press(KeyCode::Char('B'), KeyModifiers::SHIFT), Some(Key::Char('B')));
        assert_eq!(press(KeyCode::Char('b'), KeyModifiers::ALT), None);
        assert_eq!(press(KeyCode::F(8), KeyModifiers::NONE), Some(Key::F(8)));
        let mut released = KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE);
        released.kind = KeyEventKind::Release;
        assert_eq!(key(released), None);
    }
}
