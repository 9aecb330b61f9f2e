//! Presence: how contacts are, and what is told of us (RFC 3856).

use super::super::event::Effect;
use super::super::line::LineState;
use super::super::standing::Standing;
use super::Model;

impl Model {
    /// The contacts that are watched, by their number.
    pub(crate) fn watched(&self) -> impl Iterator<Item = (usize, &str)> {
        let watched = self.contacts.iter().enumerate().filter(|(_, contact)| contact.watch);
        watched.map(|(number, contact)| (number, contact.address.as_str()))
    }

    /// How a contact is; `None`: it is not watched.
    pub(crate) fn standing_of(&self, contact: usize) -> Option<Standing> {
        self.contacts.get(contact).filter(|contact| contact.watch)?;
        Some(self.standings.get(&contact).copied().unwrap_or_default())
    }

    pub(super) fn stands(&mut self, contact: usize, standing: Standing) {
        self.standings.insert(contact, standing);
    }

    /// How we are, if that is to be told and is news.
    pub(super) fn tell_standing(&mut self) -> Option<Effect> {
        if !self.is_shown {
            return None;
        }
        let talks = self.lines.iter().any(|line| line.state == LineState::Up);
        let standing = match (talks, self.is_do_not_disturb) {
            (true, _) => Standing::Talking,
            (false, true) => Standing::Busy,
            (false, false) => Standing::There,
        };
        let before = self.told.replace(standing);
        (before != Some(standing)).then_some(Effect::Tell(standing))
    }
}
