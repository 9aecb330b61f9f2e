//! Which key does what. Each verb has a function key and one with Ctrl: not every keyboard has the former, and
//! not every terminal lets the latter through.

use super::event::Key;
use super::words::Words;

/// What a key can mean wherever one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Redial,
    NextCall,
    Keypad,
    Answer,
    Refuse,
    Hold,
    HangUp,
    Mute,
    Transfer,
    Conference,
    Follow,
    Write,
    Record,
    DoNotDisturb,
    AutoAnswer,
    Voicemail,
    NextAccount,
    NextTab,
    Quit,
}

/// A verb, its keys, and how they are shown.
struct Binding {
    verb: Verb,
    keys: &'static [Key],
    shown: &'static str,
    word: fn(&Words) -> &'static str,
}

const BINDINGS: &[Binding] = &[
    Binding {
        verb: Verb::Answer,
        keys: &[Key::F(5), Key::Control('g')],
        shown: "F5",
        word: |words| words.key_answer,
    },
    Binding {
        verb: Verb::Refuse,
        keys: &[Key::F(6), Key::Control('f')],
        shown: "F6",
        word: |words| words.key_refuse,
    },
    Binding {
        verb: Verb::Hold,
        keys: &[Key::F(7), Key::Control('o')],
        shown: "F7",
        word: |words| words.key_hold,
    },
    Binding {
        verb: Verb::HangUp,
        keys: &[Key::F(8), Key::Control('x')],
        shown: "F8",
        word: |words| words.key_hang_up,
    },
    Binding {
        verb: Verb::Mute,
        keys: &[Key::F(9), Key::Control('u')],
        shown: "F9",
        word: |words| words.key_mute,
    },
    Binding {
        verb: Verb::Redial,
        keys: &[Key::F(2), Key::Control('r')],
        shown: "F2",
        word: |words| words.key_redial,
    },
    Binding {
        verb: Verb::NextCall,
        keys: &[Key::F(3), Key::Control('l')],
        shown: "F3",
        word: |words| words.key_next_call,
    },
    Binding {
        verb: Verb::Keypad,
        keys: &[Key::F(4), Key::Control('p')],
        shown: "F4",
        word: |words| words.key_keypad,
    },
    Binding { verb: Verb::NextTab, keys: &[Key::Tab], shown: "Tab", word: |words| words.key_next_tab },
    Binding {
        verb: Verb::Quit,
        keys: &[Key::Control('q'), Key::Control('c')],
        shown: "^Q",
        word: |words| words.key_quit,
    },
    Binding {
        verb: Verb::DoNotDisturb,
        keys: &[Key::Control('d')],
        shown: "^D",
        word: |words| words.do_not_disturb,
    },
    Binding {
        verb: Verb::Transfer,
        keys: &[Key::Control('b')],
        shown: "^B",
        word: |words| words.key_transfer,
    },
    Binding {
        verb: Verb::Conference,
        keys: &[Key::Control('k')],
        shown: "^K",
        word: |words| words.key_conference,
    },
    Binding { verb: Verb::Follow, keys: &[Key::Control('y')], shown: "^Y", word: |words| words.key_follow },
    Binding { verb: Verb::Write, keys: &[Key::Control('w')], shown: "^W", word: |words| words.key_write },
    Binding { verb: Verb::Record, keys: &[Key::Control('e')], shown: "^E", word: |words| words.key_record },
    Binding {
        verb: Verb::AutoAnswer,
        keys: &[Key::Control('n')],
        shown: "^N",
        word: |words| words.auto_answer,
    },
    Binding { verb: Verb::Voicemail, keys: &[Key::Control('v')], shown: "^V", word: |words| words.voicemail },
    Binding {
        verb: Verb::NextAccount,
        keys: &[Key::Control('t')],
        shown: "^T",
        word: |words| words.key_next_account,
    },
];

/// What this key means wherever one is.
pub(crate) fn verb(key: Key) -> Option<Verb> {
    BINDINGS.iter().find(|binding| binding.keys.contains(&key)).map(|binding| binding.verb)
}

/// The key of a verb and its word, as the screen shows them.
pub(crate) fn shown(verb: Verb, words: &Words) -> (&'static str, &'static str) {
    let binding = BINDINGS.iter().find(|binding| binding.verb == verb);
    binding.map_or(("", ""), |binding| (binding.shown, (binding.word)(words)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things() {
        let mut keys: Vec<String> =
            BINDINGS.iter().flat_map(|binding| binding.keys).map(|key| format!("{key:?}")).collect();
        let all = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), all);
    }
}
