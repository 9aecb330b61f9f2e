//! Secrets: what may be one, and a random one that can be typed into a phone. They are never kept:
//! [`ruf_auth::Ha1`] is.

use ruf_message::Entropy;

use crate::name::{NameError, check};

/// The longest secret, in bytes.
pub const SECRET_BYTES_MAX: usize = 256;
/// Characters of a random secret: 5 bits each, 100 in all.
const RANDOM_LEN: usize = 20;
/// Thirty-two that nobody takes for another: no `l` beside `1`, no `o` beside `0`.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Whether `secret` may be the secret of an account: anything but control characters.
///
/// # Errors
/// [`NameError`] says what is wrong with it.
pub fn check_secret(secret: &str) -> Result<(), NameError> {
    check(secret, SECRET_BYTES_MAX, |character| !character.is_control())
}

/// A new secret of 100 random bits.
#[must_use]
pub fn random_secret(entropy: &mut Entropy) -> String {
    let mut random = [0; RANDOM_LEN];
    entropy.fill(&mut random);
    // Five bits of each octet: every one of the 32 characters is equally likely.
    random.iter().filter_map(|octet| ALPHABET.get(usize::from(octet % 32))).copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_anything_that_can_be_typed() {
        assert_eq!(check_secret("c0rrect: \"horse\", @battery ☎"), Ok(()));
        assert_eq!(check_secret("a\nb"), Err(NameError::Character('\n')));
        assert_eq!(check_secret(""), Err(NameError::Empty));
        assert_eq!(check_secret(&"s".repeat(256)), Ok(()));
        assert_eq!(check_secret(&"s".repeat(257)), Err(NameError::TooLong(256)));
    }

    #[test]
    fn a_random_secret_is_new_each_time_and_easy_to_type() {
        let mut entropy = Entropy::from_seed([3; 32]);
        let secrets: Vec<String> = (0..100).map(|_| random_secret(&mut entropy)).collect();
        for secret in &secrets {
            assert_eq!(secret.len(), RANDOM_LEN);
            assert_eq!(check_secret(secret), Ok(()));
            assert!(!secret.contains(['l', 'o', '0', '1']), "{secret}");
        }
        let different: std::collections::HashSet<&String> = secrets.iter().collect();
        assert_eq!(different.len(), 100);
    }
}
