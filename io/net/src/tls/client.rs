//! Certificates of a program that is no server: whom it believes, and what it shows to who connects to it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use ruf_message::HostBuf;

use super::{CertificateError, Certificates, DomainNames, PemFiles, Wanted};

impl Certificates {
    /// Believes the authorities of these PEM files and the system's; shows what is in `shown` to everybody, or a
    /// certificate of this moment that nobody vouches for. `token` names a directory that is gone when this returns: nobody must be able to guess it.
    ///
    /// # Errors
    /// A file cannot be read, or is none.
    pub fn of_a_client(
        trust: Vec<PathBuf>,
        shown: Option<PemFiles>,
        token: &str,
    ) -> Result<Certificates, CertificateError> {
        let scratch = Scratch(std::env::temp_dir().join(format!("ruf-client-{token}")));
        let name = HostBuf::Name("localhost".to_owned());
        let ourselves = DomainNames { name, aliases: Vec::new(), files: shown };
        let wanted = Wanted { domains: vec![ourselves], hosts: BTreeSet::new(), trust };
        Certificates::open(&scratch.0, wanted).map(|(certificates, _)| certificates)
    }
}

/// A directory that is read once.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_on_the_disk_and_a_file_that_is_none_is_said() {
        let token = format!("test-{}", std::process::id());
        let place = std::env::temp_dir().join(format!("ruf-client-{token}"));
        Certificates::of_a_client(Vec::new(), None, &token).unwrap();
        assert!(!place.exists());
        let error = Certificates::of_a_client(vec!["/nowhere/at/all.pem".into()], None, &token).unwrap_err();
        assert!(error.to_string().contains("/nowhere/at/all.pem"), "{error}");
        assert!(!place.exists());
        let files = PemFiles { certificate: "/nowhere/ours.pem".into(), key: "/nowhere/ours.key".into() };
        let error = Certificates::of_a_client(Vec::new(), Some(files), &token).unwrap_err();
        assert!(error.to_string().contains("/nowhere/ours."), "{error}");
        assert!(!place.exists());
    }
}
