//! [`Row`]: one row of text, in pieces; and how times and levels are written.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

pub(super) use super::super::theme::strong;

/// One row. What does not fit is cut off at its end.
#[derive(Default)]
pub(super) struct Row {
    left: Vec<Span<'static>>,
    right: Vec<Span<'static>>,
}

impl Row {
    pub(super) fn new() -> Row {
        Row::default()
    }

    /// The next piece.
    pub(super) fn put(mut self, text: &str, style: Style) -> Row {
        self.left.push(Span::styled(text.to_owned(), style));
        self
    }

    /// The next piece, if there is one, after a gap of two.
    pub(super) fn also(self, text: Option<&str>, style: Style) -> Row {
        match text {
            Some(text) => self.put("  ", Style::new()).put(text, style),
            None => self,
        }
    }

    /// The next piece in exactly so many columns.
    pub(super) fn cell(mut self, text: &str, columns: usize, style: Style) -> Row {
        let cut: String = text.chars().take(columns).collect();
        self.left.push(Span::styled(format!("{cut:columns$}"), style));
        self
    }

    /// The next piece of those at the right edge, which are never cut off.
    pub(super) fn right(mut self, text: &str, style: Style) -> Row {
        self.right.push(Span::styled(text.to_owned(), style));
        self
    }

    pub(super) fn draw(self, frame: &mut Frame<'_>, area: Rect) {
        let right = Line::from(self.right);
        let wide = u16::try_from(right.width()).unwrap_or(u16::MAX).min(area.width);
        let gap = u16::from(wide > 0);
        let left = Rect { width: area.width.saturating_sub(wide + gap), ..area };
        let edge = Rect { x: area.x + area.width - wide, width: wide, ..area };
        frame.render_widget(Line::from(self.left), left);
        frame.render_widget(right, edge);
    }
}

/// The row with this number of an area, without its outermost columns; `None`: there is none.
pub(super) fn row(area: Rect, number: u16) -> Option<Rect> {
    (number < area.height).then(|| Rect {
        x: area.x + 1,
        y: area.y + number,
        width: area.width.saturating_sub(2),
        height: 1,
    })
}

/// `00:12`, `1:02:03`.
pub(crate) fn duration(secs: u64) -> String {
    let (hours, minutes, secs) = (secs / 3_600, secs / 60 % 60, secs % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{secs:02}") } else { format!("{minutes:02}:{secs:02}") }
}

/// A bar of ten for a level of 0 to 10.
pub(super) fn bar(level: u8) -> String {
    let level = usize::from(level.min(10));
    format!("[{}{}]", "#".repeat(level), " ".repeat(10 - level))
}
