//! What a subscription is about: [`EventPackage`] (RFC 6665 §5).

/// An event package: what its RFC lays down for all who speak it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventPackage {
    /// As it stands in Event.
    pub name: &'static str,
    /// The type of body that all who know it understand; the value of Accept.
    pub content_type: &'static str,
    /// How long a subscription lasts if nobody says otherwise.
    pub expires_secs: u32,
    /// One SUBSCRIBE may lead to several subscriptions, where a proxy forked it.
    // rfc6665 §5.4.9
    pub is_forked: bool,
}
