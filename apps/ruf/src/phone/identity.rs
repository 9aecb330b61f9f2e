//! Who we are on the command line: the flags that all commands of the phone have.

use std::net::SocketAddr;
use std::path::PathBuf;

use ruf_sip::{Account, Error};

use crate::secret;

/// Who calls, or is called.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Identity {
    /// Our address: sip:alice@example.org. Without one, we call and are called directly.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) account: Option<String>,
    /// Its password; @FILE keeps it out of `ps`.
    #[arg(long, value_name = "SECRET", requires = "account")]
    pub(super) password: Option<String>,
    /// The name that goes with the password, if it is not the user of the address.
    #[arg(long, value_name = "NAME", requires = "password")]
    pub(super) auth_user: Option<String>,
    /// The server, if the domain of the address does not lead to it: HOST or HOST:PORT, or a SIP URI with `transport`.
    #[arg(long, value_name = "SERVER")]
    pub(super) server: Option<String>,
    /// What others see beside the address.
    #[arg(long, value_name = "NAME", default_value = "")]
    pub(super) display: String,
    /// Where to be reached [default: any port of any address].
    #[arg(long, value_name = "IP:PORT")]
    pub(super) listen: Option<SocketAddr>,
    /// Where to be reached over TLS [default: any port].
    #[arg(long, value_name = "IP:PORT")]
    pub(super) listen_tls: Option<SocketAddr>,
    /// The PEM file of the certificate that we show over TLS.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(super) certificate: Option<PathBuf>,
    /// The PEM file of its key.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(super) key: Option<PathBuf>,
    /// A PEM file with the authority of the server's certificate (repeatable).
    #[arg(long, value_name = "FILE")]
    pub(super) ca: Vec<PathBuf>,
}

impl Identity {
    /// The account that is meant; without an address, a phone of this name.
    pub(crate) fn account(&self, name: &str) -> Result<Account, Error> {
        let mut account = match &self.account {
            Some(address) => Account::new(address)?,
            None => Account::direct(name),
        };
        if let Some(password) = &self.password {
            let read = secret::read(password).map_err(|error| format!("the password: {error}"));
            let password = read.map_err(Error::Address)?;
            account = match &self.auth_user {
                Some(user) => account.credentials(user, &password),
                None => account.password(&password),
            };
        }
        if let Some(server) = &self.server {
            account = account.server(server)?;
        }
        if let Some(at) = self.listen {
            account = account.listen(at);
        }
        if let Some(at) = self.listen_tls {
            account = account.listen_tls(at);
        }
        if let (Some(certificate), Some(key)) = (&self.certificate, &self.key) {
            account = account.certificate(certificate, key);
        }
        for file in &self.ca {
            account = account.trust(file);
        }
        Ok(account.display(&self.display).over_tls().user_agent(concat!("ruf/", env!("CARGO_PKG_VERSION"))))
    }

    /// It has a server to register with.
    pub(crate) fn registers(&self) -> bool {
        self.account.is_some()
    }
}
