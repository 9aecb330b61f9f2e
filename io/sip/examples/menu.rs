//! Answers calls with a menu: 1 and 2 are a high and a low tone, # hangs up: `menu IP:PORT`

use ruf_sip::{Account, Call, CallEvent, Phone, Rate, Tone, device::ToneGenerator};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let at = std::env::args().nth(1).ok_or("usage: menu IP:PORT")?;
    let mut phone = Phone::open(Account::direct("menu").listen(at.parse()?)).await?;
    println!("listening at sip:{}", phone.address());
    while let Some(incoming) = phone.incoming().await {
        tokio::spawn(serve(incoming.answer()));
    }
    Ok(())
}

async fn serve(mut call: Call) {
    let tone = |hz| ToneGenerator::new(Tone::sine(hz, -12.0), Rate::Hz16000);
    while let Some(event) = call.next().await {
        println!("{event}");
        match event {
            CallEvent::Digit('1') => call.say(tone(880.0)),
            CallEvent::Digit('2') => call.say(tone(440.0)),
            CallEvent::Digit('#') => call.hang_up(),
            _ => {}
        }
    }
}
