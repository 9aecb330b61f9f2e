//! Answers one call and sends the caller on to somebody else: `transfer IP:PORT ADDRESS`

use ruf_sip::{Account, CallEvent, Phone};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(at), Some(to)) = (arguments.next(), arguments.next()) else {
        return Err("usage: transfer IP:PORT ADDRESS".into());
    };
    let mut phone = Phone::open(Account::direct("operator").listen(at.parse()?)).await?;
    println!("listening at sip:{}", phone.address());
    let mut call = phone.incoming().await.ok_or("closed")?.answer();
    while let Some(event) = call.next().await {
        println!("{event}");
        match event {
            CallEvent::Answered => call.transfer(&to)?,
            CallEvent::Transferred => call.hang_up(),
            _ => {}
        }
    }
    Ok(())
}
