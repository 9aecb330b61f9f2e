//! Answers one call, calls somebody else, and puts the two together: `attended_transfer IP:PORT ADDRESS`

use ruf_sip::{Account, CallEvent, Phone};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(at), Some(to)) = (arguments.next(), arguments.next()) else {
        return Err("usage: attended_transfer IP:PORT ADDRESS".into());
    };
    let mut phone = Phone::open(Account::direct("operator").listen(at.parse()?)).await?;
    println!("listening at sip:{}", phone.address());
    let mut caller = phone.incoming().await.ok_or("closed")?.answer();
    caller.answered().await?;
    caller.hold();
    let mut other = phone.call(&to).await?;
    other.answered().await?;
    caller.transfer_to(&other);
    while let Some(event) = caller.next().await {
        println!("{event}");
        if event == CallEvent::Transferred {
            caller.hang_up();
        }
    }
    Ok(())
}
