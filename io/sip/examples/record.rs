//! Answers one call and records what the caller says: `record IP:PORT FILE`

use std::time::Duration;

use ruf_sip::device::{Null, Recorder};
use ruf_sip::{Account, Phone};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(at), Some(file)) = (arguments.next(), arguments.next()) else {
        return Err("usage: record IP:PORT FILE".into());
    };
    let recorder = Recorder::create(file.as_ref())?;
    let mut phone = Phone::open(Account::direct("recorder").listen(at.parse()?)).await?;
    println!("listening at sip:{}", phone.address());
    let mut call = phone.incoming().await.ok_or("closed")?.answer();
    call.hear_with(recorder.heard(Box::new(Null)));
    println!("{}", call.ended().await);
    match recorder.finish(Duration::from_secs(10)).trouble {
        Some(why) => Err(why.into()),
        None => Ok(()),
    }
}
