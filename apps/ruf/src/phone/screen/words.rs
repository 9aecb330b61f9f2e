//! [`Words`]: every text of the screen, in English and in German.

use ruf_sip::{Ended, Error, StatusCode};

use super::call_list::Way;
use super::line::LineState;
use super::standing::Standing;

/// A language of the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Language {
    #[default]
    En,
    De,
}

impl Language {
    pub(crate) fn words(self) -> &'static Words {
        match self {
            Language::En => &EN,
            Language::De => &DE,
        }
    }
}

macro_rules! words {
    ($($name:ident: $en:literal, $de:literal;)*) => {
        /// The texts of one language.
        #[derive(Debug)]
        pub(crate) struct Words {
            $(pub(crate) $name: &'static str,)*
        }

        const EN: Words = Words { $($name: $en,)* };
        const DE: Words = Words { $($name: $de,)* };

        #[cfg(test)]
        impl Words {
            fn all(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($name), self.$name)),*]
            }
        }
    };
}

words! {
    tab_dial: "Dial", "Wählen";
    tab_calls: "Calls", "Anrufe";
    tab_contacts: "Contacts", "Kontakte";
    tab_messages: "Messages", "Nachrichten";

    key_answer: "Answer", "Annehmen";
    key_refuse: "Refuse", "Ablehnen";
    key_hold: "Hold/resume", "Halten/weiter";
    key_hang_up: "Hang up", "Auflegen";
    key_mute: "Mute", "Stumm";
    key_redial: "Redial", "Wahlwiederh.";
    key_next_call: "Other call", "And. Gespräch";
    key_keypad: "Keypad", "Tastenfeld";
    key_next_tab: "Next tab", "Nächste Seite";
    key_conference: "Conference", "Konferenz";
    key_transfer: "Transfer", "Verbinden";
    key_follow: "calls them", "ruft dort an";
    key_write: "writes", "schreibt";
    key_record: "Record", "Aufnehmen";
    key_quit: "Quit", "Beenden";
    key_next_account: "Other account", "And. Konto";
    do_not_disturb: "Do not disturb", "Nicht stören";
    auto_answer: "Auto answer", "Selbst annehmen";

    voicemail: "Voicemail", "AB";

    registering: "registering …", "wird angemeldet …";
    registered: "registered", "angemeldet";
    not_registered: "not registered", "nicht angemeldet";
    tried_again: "tried again", "wird wieder versucht";
    mailbox: "mailbox", "Mailbox";
    other_mailbox: "other mailbox", "andere Mailbox";
    new: "new", "neu";
    no_server: "without a server", "ohne Server";
    no_sound: "no sound card", "kein Tongerät";
    sound_is_card: "sound: card", "Ton: Karte";
    sound_is_file: "sound: files", "Ton: Dateien";
    sound_is_loopback: "sound: an echo", "Ton: ein Echo";

    dial_field: "Call", "Anrufen";
    dial_hint: "Type a number, a name or an address, then Enter.", "Nummer, Name oder Adresse tippen, dann Enter.";
    nobody_meant: "Whom? Type a number, a name or an address.", "Wen? Nummer, Name oder Adresse tippen.";
    nothing_to_redial: "Nobody was called yet.", "Noch wurde niemand angerufen.";
    suggestions: "Up and Down choose:", "Auf und Ab wählen aus:";

    call_list_empty: "No calls yet.", "Noch keine Anrufe.";
    call_list_hint: "Up and Down mark a call, Enter calls back", "Auf und Ab markieren, Enter ruft zurück";
    newer: "newer above", "neuere darüber";
    contacts_empty: "No contacts yet.", "Noch keine Kontakte.";
    contacts_hint: "Up and Down mark a contact, Enter calls", "Auf und Ab markieren, Enter ruft an";
    standing_unknown: "?", "?";
    standing_there: "there", "da";
    standing_talking: "on the phone", "telefoniert";
    standing_busy: "busy", "beschäftigt";
    standing_away: "away", "abwesend";
    standing_gone: "not there", "nicht da";
    today: "today", "heute";
    write_to: "Write to", "Schreiben an";
    write_hint: "Type a number, a name or an address, then Enter. PgUp, PgDn: other messages.", "Nummer, Name oder Adresse, dann Enter. Bild auf, ab: andere Nachrichten.";
    chat_hint: "Enter sends. PgUp, PgDn: others. Esc: somebody new.", "Enter sendet. Bild auf, ab: andere. Esc: jemand Neues.";
    sending: "sending …", "wird gesendet …";
    not_sent: "NOT SENT", "NICHT GESENDET";
    transfer_to: "Transfer to", "Verbinden mit";
    transfer_hint: "Enter transfers, Esc does not", "Enter verbindet, Esc nicht";
    connect_hint: "Enter alone: with", "Enter allein: mit";
    conference: "CONFERENCE", "KONFERENZ";
    conference_needs_calls: "A conference takes two calls that are up.", "Eine Konferenz braucht zwei Gespräche.";
    transfer_needs_call: "Only who talks can be transferred.", "Verbinden geht nur im Gespräch.";
    transferred: "transferred", "verbunden";
    transfer_failed: "not transferred", "nicht verbunden";
    refers: "asks you to call", "bittet um Anruf bei";

    window: "Call", "Gespräch";
    no_call: "No call.", "Kein Gespräch.";
    other_calls: "Other calls", "Andere Gespräche";
    and_more: "more", "weitere";
    wants_to_join: "WANTS TO JOIN", "WILL DAZUKOMMEN";
    calls_you: "CALLS YOU", "RUFT AN";
    meant_for: "for", "für";
    calling: "calling", "wird gerufen";
    ringing_there: "it rings there", "es klingelt dort";
    announcement: "an announcement", "eine Ansage";
    leaves_message: "leaves a message", "spricht auf den AB";
    left_message: "left a message,", "hinterließ eine Nachricht,";
    no_message: "Voicemail cannot answer", "Der AB kann nicht antworten";
    message: "message", "Nachricht";
    new_message: "NEW message", "NEUE Nachricht";
    plays: "Playing, Space stops", "Wird abgespielt, Leertaste beendet";
    nothing_kept: "Nothing was kept of that call.", "Von diesem Anruf wurde nichts behalten.";
    play_needs_quiet: "Not while you talk.", "Nicht während eines Gesprächs.";
    delete_asks: "Del once more deletes the message of", "Noch einmal Entf löscht die Nachricht von";
    not_deleted: "the message is not deleted", "die Nachricht ist nicht gelöscht";
    deleted: "The message is deleted.", "Die Nachricht ist gelöscht.";
    kept_hint: "Space plays, Del deletes a message, Enter calls back", "Leertaste spielt ab, Entf löscht, Enter ruft zurück";
    answering: "answering", "wird angenommen";
    up: "talking", "im Gespräch";
    held: "ON HOLD", "GEHALTEN";
    held_by_them: "they hold you", "Sie werden gehalten";
    muted: "MUTED", "STUMM";
    recording: "RECORDING", "AUFNAHME";
    stop_recording: "Stop recording", "Aufnahme aus";
    recorded: "recorded", "aufgenommen";
    recorded_into: "Recorded into", "Aufnahme in";
    recording_ended: "the recording has ended", "die Aufnahme ist zu Ende";
    not_recorded: "NOT RECORDED", "KEINE AUFNAHME";
    not_all_recorded: "the disk is too slow, a part of the recording is silence", "die Platte ist zu langsam, ein Teil der Aufnahme ist still";
    record_needs_call: "Only who talks can be recorded.", "Aufnehmen geht nur im Gespräch.";
    no_folder: "Nobody says where files are kept: neither phone.toml nor HOME.", "Niemand sagt, wohin mit Dateien: weder phone.toml noch HOME.";
    ending: "hanging up", "wird aufgelegt";
    not_encrypted: "not encrypted", "unverschlüsselt";
    encrypted: "encrypted", "verschlüsselt";
    loss: "loss", "Verlust";
    jitter: "jitter", "Jitter";
    round_trip: "round trip", "Umlauf";
    bad_line: "BAD LINE", "SCHLECHTE LEITUNG";
    nothing_heard: "no sound has come yet", "noch kam kein Ton";
    heard: "They", "Sie";
    said: "You", "Ich";
    keys_heard: "their keys", "Tasten von dort";
    keypad_on: "KEYPAD: 0-9 * # A-D go to the call, Esc ends it", "TASTEN: 0-9 * # A-D gehen ins Gespräch, Esc endet";
    keypad_needs_call: "Keys need a call.", "Tasten brauchen ein Gespräch.";
    no_ringing: "Nobody calls.", "Niemand ruft an.";
    asks_to_watch: "asks to see how you are", "möchte sehen, wie es dir geht";
    yes: "yes", "ja";
    no: "no", "nein";
    too_many_calls: "There are as many calls as there may be.", "Mehr Gespräche gehen nicht.";
    not_changed: "the far side refused to be held or taken back", "die Gegenseite ließ sich nicht halten oder zurückholen";
    no_sound_way: "no way for sound leads to the far side", "kein Weg für den Ton führt zur Gegenseite";
    way_lost: "the far side is not reached any more; another way is sought", "die Gegenseite ist nicht mehr erreichbar, ein anderer Weg wird gesucht";
    sound_lost: "the far side was not reached any more", "die Gegenseite war nicht mehr erreichbar";
    takes_no_keys: "the far side takes no keys", "die Gegenseite nimmt keine Tasten";
    quit_asks: "Calls are up. Once more hangs up and quits.", "Es gibt Gespräche. Noch einmal legt auf und beendet.";
    quitting: "Hanging up …", "Es wird aufgelegt …";
    too_small: "This phone needs 80 columns and 24 rows.", "Dieses Telefon braucht 80 Spalten und 24 Zeilen.";

    wrote: "Message", "Nachricht";

    dialled: "dialled", "gewählt";
    received: "received", "angenommen";
    elsewhere: "answered elsewhere", "woanders angenommen";
    missed: "MISSED", "VERPASST";
    refused: "refused", "abgelehnt";
    forwarded: "sent on", "weitergel.";

    hung_up: "you hung up", "Sie haben aufgelegt";
    remote_hung_up: "they hung up", "die Gegenseite hat aufgelegt";
    cancelled: "given up before an answer", "vor der Antwort aufgegeben";
    remote_cancelled: "they gave up before you answered", "sie gaben vor Ihrer Antwort auf";
    declined: "you refused", "Sie haben abgelehnt";
    busy: "busy", "besetzt";
    declined_there: "they refused", "dort abgelehnt";
    not_found: "nobody has that address", "diese Adresse hat niemand";
    not_there: "not there at the moment", "zurzeit nicht da";
    unanswered: "nobody answered", "niemand hat geantwortet";
    unacknowledged: "the caller never confirmed the answer", "der Anrufer bestätigte die Antwort nie";
    nothing_in_common: "no codec or encryption in common", "kein gemeinsamer Codec, keine gemeinsame Verschlüsselung";
    undescribed: "they did not say where their sound comes from", "die Gegenseite sagte nicht, woher ihr Ton kommt";
    wrong_password: "the name or the password is wrong", "Name oder Passwort ist falsch";
    no_password: "a password is asked for, and none was given", "ein Passwort wird verlangt, und keines ist angegeben";
    not_kept: "the server accepts the registration, but for 0 seconds", "der Server nimmt die Anmeldung an, aber für 0 Sekunden";
    refused_with: "refused with", "abgelehnt mit";
    silence: "nobody answered in time", "niemand antwortete rechtzeitig";
    unreachable: "nobody listens there", "dort hört niemand zu";
    full: "there is as much going on as there may be", "mehr geht gerade nicht";
    too_long: "the text is too long for a message", "der Text ist zu lang für eine Nachricht";
    closed: "the phone is closed", "das Telefon ist geschlossen";
    no_address: "that is no address", "das ist keine Adresse";
    no_way: "no way leads there", "kein Weg führt dorthin";
    system: "the system does not give what is needed", "das System gibt nicht, was nötig ist";
    sound_broken: "no sound", "kein Ton";
    list_broken: "the call list is not kept", "die Anrufliste wird nicht behalten";
    consent_broken: "who may see how you are is not kept", "wer sehen darf, wie es dir geht, wird nicht behalten";
    forwards: "FORWARDS", "LEITET WEITER";
}

impl Words {
    /// How far a call is.
    pub(crate) fn state(&self, state: LineState) -> &'static str {
        match state {
            LineState::Calling => self.calling,
            LineState::RingingThere => self.ringing_there,
            LineState::Announcement => self.announcement,
            LineState::RingingHere => self.calls_you,
            LineState::Voicemail => self.leaves_message,
            LineState::Answering => self.answering,
            LineState::Up => self.up,
        }
    }

    /// How somebody is.
    pub(crate) fn standing(&self, standing: Standing) -> &'static str {
        match standing {
            Standing::Unknown => self.standing_unknown,
            Standing::There => self.standing_there,
            Standing::Talking => self.standing_talking,
            Standing::Busy => self.standing_busy,
            Standing::Away => self.standing_away,
            Standing::Gone => self.standing_gone,
        }
    }

    pub(crate) fn way(&self, way: Way) -> &'static str {
        match way {
            Way::Dialled => self.dialled,
            Way::Received => self.received,
            Way::Missed => self.missed,
            Way::Refused => self.refused,
            Way::Forwarded => self.forwarded,
        }
    }

    /// Why a call is over.
    pub(crate) fn ended(&self, ended: &Ended) -> String {
        let said = match ended {
            Ended::HungUp => self.hung_up,
            Ended::RemoteHungUp => self.remote_hung_up,
            Ended::Cancelled => self.cancelled,
            Ended::RemoteCancelled => self.remote_cancelled,
            Ended::Elsewhere => self.elsewhere,
            Ended::Declined(_) => self.declined,
            Ended::Failed(error) => return self.error(error),
            Ended::Unanswered => self.unanswered,
            Ended::Unacknowledged => self.unacknowledged,
            Ended::SoundLost => self.sound_lost,
            Ended::NothingInCommon => self.nothing_in_common,
            Ended::Undescribed => self.undescribed,
            // What the library learns to tell says itself.
            other => return other.to_string(),
        };
        said.to_owned()
    }

    /// Why something came to nothing.
    pub(crate) fn error(&self, error: &Error) -> String {
        let said = match error {
            Error::Refused(StatusCode::BUSY_HERE | StatusCode::BUSY_EVERYWHERE) => self.busy,
            Error::Refused(StatusCode::DECLINE) => self.declined_there,
            Error::Refused(StatusCode::NOT_FOUND) => self.not_found,
            Error::Refused(StatusCode::TEMPORARILY_UNAVAILABLE) => self.not_there,
            Error::Refused(StatusCode::UNAUTHORIZED | StatusCode::PROXY_AUTHENTICATION_REQUIRED) => {
                self.wrong_password
            }
            Error::Refused(status) => return format!("{} {status} {}", self.refused_with, status.reason()),
            Error::NoPassword => self.no_password,
            Error::NotKept => self.not_kept,
            Error::Silence => self.silence,
            Error::Unreachable => self.unreachable,
            Error::Full => self.full,
            Error::TooLong => self.too_long,
            Error::Closed => self.closed,
            Error::Address(_) => self.no_address,
            Error::NoWay(_) => self.no_way,
            Error::System(why) => return format!("{}: {why}", self.system),
            other => return other.to_string(),
        };
        said.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_there_in_both_languages() {
        for ((name, en), (_, de)) in EN.all().into_iter().zip(DE.all()) {
            assert!(!en.is_empty() && !de.is_empty(), "{name}");
            // Nothing is wider than a row.
            assert!(en.chars().count() < 78 && de.chars().count() < 78, "{name}");
        }
    }

    #[test]
    fn ends_and_errors_are_said_in_both_languages() {
        let busy = Ended::Failed(Error::Refused(StatusCode::BUSY_HERE));
        assert_eq!((EN.ended(&busy), DE.ended(&busy)), ("busy".to_owned(), "besetzt".to_owned()));
        let odd = Error::Refused(StatusCode::SERVER_INTERNAL_ERROR);
        assert_eq!(DE.error(&odd), "abgelehnt mit 500 Server Internal Error");
    }
}
