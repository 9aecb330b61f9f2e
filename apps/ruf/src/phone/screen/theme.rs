//! [`Theme`]: the colours of the screen. Each text has a contrast of at least 4.5 to what is behind it (WCAG 2.1, 1.4.3),
//! and nothing is told by colour alone.

use ratatui::style::{Color, Modifier, Style};

/// Which theme.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ThemeName {
    #[default]
    Dark,
    Light,
}

/// The colours of the screen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Theme {
    /// What is read.
    pub(crate) text: Style,
    /// What is known already.
    pub(crate) faint: Style,
    /// The first row.
    pub(crate) title: Style,
    /// What is chosen: a tab, an entry.
    pub(crate) chosen: Style,
    /// What is well.
    pub(crate) good: Style,
    /// What wants attention now.
    pub(crate) alert: Style,
    /// A key.
    pub(crate) key: Style,
    /// The party of a call.
    pub(crate) party: Style,
}

impl Theme {
    pub(crate) fn of(name: ThemeName) -> Theme {
        match name {
            ThemeName::Dark => DARK,
            ThemeName::Light => LIGHT,
        }
    }
}

// By number in the 256 colours of a terminal, whose values are fixed from 16 on.
const DARK: Theme = Theme {
    text: on(252, 233),
    faint: on(246, 233),
    title: on(252, 236),
    chosen: on(16, 153),
    good: on(114, 233),
    alert: on(16, 221),
    key: on(153, 233),
    party: on(231, 233),
};

const LIGHT: Theme = Theme {
    text: on(235, 231),
    faint: on(241, 231),
    title: on(235, 253),
    chosen: on(231, 25),
    good: on(22, 231),
    alert: on(231, 124),
    key: on(25, 231),
    party: on(16, 231),
};

const fn on(front: u8, back: u8) -> Style {
    Style::new().fg(Color::Indexed(front)).bg(Color::Indexed(back))
}

/// Stands out without colour, too.
pub(crate) fn strong(style: Style) -> Style {
    style.add_modifier(Modifier::BOLD)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance of one of the 256 colours.
    fn luminance(color: Color) -> f64 {
        let Color::Indexed(number) = color else { panic!("{color} has no fixed value") };
        let channels = match number {
            16..=231 => {
                let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
                let number = number - 16;
                [level(number / 36), level(number / 6 % 6), level(number % 6)]
            }
            232.. => [8 + 10 * (number - 232); 3],
            _ => panic!("{number} is whatever the terminal wants"),
        };
        let linear = channels.map(|value| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }

    #[test]
    fn every_text_stands_out_from_what_is_behind_it() {
        for theme in [DARK, LIGHT] {
            let Theme { text, faint, title, chosen, good, alert, key, party } = theme;
            for style in [text, faint, title, chosen, good, alert, key, party] {
                let [front, back] = [style.fg, style.bg].map(|color| luminance(color.unwrap()) + 0.05);
                let contrast = front.max(back) / front.min(back);
                assert!(contrast >= 4.5, "{style:?}: {contrast}");
            }
        }
    }
}
