//! [`Contact`]: a name and an address.

/// Somebody we know.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Contact {
    pub(crate) name: String,
    /// A number, or a SIP address.
    pub(crate) address: String,
    /// It is shown how they are.
    #[serde(default)]
    pub(crate) watch: bool,
}

impl std::str::FromStr for Contact {
    type Err = String;

    /// `NAME=ADDRESS`.
    fn from_str(text: &str) -> Result<Contact, String> {
        match text.split_once('=') {
            Some((name, address)) if !name.trim().is_empty() && !address.trim().is_empty() => {
                Ok(Contact { name: name.trim().to_owned(), address: address.trim().to_owned(), watch: false })
            }
            _ => Err(format!("`{text}`: expected NAME=ADDRESS")),
        }
    }
}

impl Contact {
    /// This is the contact's address: the same but for scheme, case of the host and parameters; or, if the contact
    /// has only a number or a name, its user.
    pub(crate) fn is_at(&self, address: &str) -> bool {
        let (ours, theirs) = (bare(&self.address), bare(address));
        ours == theirs || (!ours.contains('@') && theirs.split('@').next() == Some(ours.as_str()))
    }
}

/// `user@host` of an address, or all of it.
pub(crate) fn bare(address: &str) -> String {
    let address = address.trim();
    let lower = address.to_ascii_lowercase();
    let scheme = ["sip:", "sips:"].into_iter().find(|scheme| lower.starts_with(scheme)).map_or(0, str::len);
    let rest = address.get(scheme..).unwrap_or_default();
    let rest = rest.split([';', '?']).next().unwrap_or_default();
    match rest.split_once('@') {
        Some((user, host)) => format!("{user}@{}", host.to_ascii_lowercase()),
        None => rest.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_known_by_address_or_by_number() {
        let contact =
            |address: &str| Contact { name: "Bob".to_owned(), address: address.to_owned(), watch: false };
        assert!(contact("sip:bob@example.org").is_at("sips:bob@EXAMPLE.org;transport=tls"));
        assert!(contact("bob@example.org").is_at("sip:bob@example.org"));
        assert!(contact("4711").is_at("sip:4711@anywhere.test"));
        assert!(!contact("bob@example.org").is_at("sip:bob@example.com"));
        assert!(!contact("sip:bob@example.org").is_at("sip:BOB@example.org"));
        assert_eq!("Bob = b@h;x=y".parse(), Ok(contact("b@h;x=y")));
        assert!("Bob=".parse::<Contact>().unwrap_err().contains("expected NAME=ADDRESS"));
        assert!(!contact("47").is_at("sip:4711@h"));
    }
}
