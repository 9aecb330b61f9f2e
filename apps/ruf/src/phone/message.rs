//! `ruf message URI TEXT`: one text, delivered or not (RFC 3428).

use std::io::Read;

use ruf_sip::{Error, Phone};

use super::identity::Identity;
use crate::EXIT_OK;

/// Flags of `ruf message`.
#[derive(clap::Args)]
#[command(
    after_help = "Ends with 0 if the far side has it, 1 if not, 2 if the command line is wrong, 3 if the far side declined, 4 if nobody answered."
)]
pub(crate) struct MessageArgs {
    /// To whom: a SIP address, or a name or number of our own domain.
    to: String,
    /// What to say; `-` reads it from standard input.
    text: String,
    #[command(flatten)]
    identity: Identity,
}

pub(super) async fn run(args: &MessageArgs) -> Result<u8, Error> {
    let text = match args.text.as_str() {
        "-" => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .map_err(|error| Error::System(format!("standard input cannot be read: {error}")))?;
            text
        }
        text => text.to_owned(),
    };
    let phone = Phone::open(args.identity.account("ruf")?).await?;
    phone.message(&args.to, &text).await?;
    phone.close().await;
    Ok(EXIT_OK)
}
