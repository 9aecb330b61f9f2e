//! `ruf answer`: waits for calls, answers them, and says how they went.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use ruf_sip::device::{Recorded, Recorder};
use ruf_sip::{Call, Error, Incoming, Phone, PhoneEvent, Presence, StatusCode};

use super::conversation::Around;
use super::identity::Identity;
use super::interrupt::Interrupt;
use super::order::{NoOrder, Order, Orders};
use super::recording::{Finishing, begin, tell};
use super::report::Report;
use super::talk::{Talk, TalkArgs, seconds};
use super::watch::presence;
use super::{EXIT_UNANSWERED, help, status_of};
use crate::EXIT_OK;

/// Flags of `ruf answer`.
#[derive(clap::Args)]
#[command(after_help = help())]
pub(crate) struct AnswerArgs {
    #[command(flatten)]
    talk: TalkArgs,
    /// Say this WAV file, over and over.
    #[arg(long, value_name = "FILE", conflicts_with = "echo")]
    play: Option<PathBuf>,
    /// Ring for so many seconds before answering.
    #[arg(long, value_name = "SECS", default_value = "0", value_parser = seconds)]
    ring: Duration,
    /// End after the first call; its outcome is the exit status.
    #[arg(long)]
    once: bool,
    /// Tell whoever watches us that we are available, busy, away or offline; a note may follow after a colon.
    #[arg(long, value_name = "STATUS[:NOTE]", value_parser = presence)]
    presence: Option<Presence>,
    #[command(flatten)]
    identity: Identity,
}

pub(super) async fn run(args: &AnswerArgs) -> Result<u8, Error> {
    let report = Report::new(args.talk.json);
    let account = args.talk.account(&args.identity)?;
    // What cannot be played or recorded is said before anybody calls. A signal ends what waits for that.
    let first = prepared(args)?.recorded(args.talk.recorder(args.play.as_deref())?);
    let mut interrupt = Interrupt::listen()?;
    let mut phone = Phone::open(account).await?;
    if args.identity.registers() {
        match interrupt.unless(phone.registered()).await {
            Some(answered) => answered?,
            None => {
                interrupt.close(phone).await;
                return Ok(EXIT_UNANSWERED);
            }
        }
    }
    let unkept = match &args.presence {
        Some(presence) => interrupt.unless(phone.publish(presence)).await.and_then(Result::err),
        None => None,
    };
    report.say("listening", &address(&phone, &args.identity));
    if let Some(error) = unkept {
        // Who asks us ourselves is told all the same.
        report.say("note", &format!("the server does not keep our presence: {error}"));
    }
    let mut finishing = Finishing::default();
    let status = Answering {
        args,
        first: Some(first),
        finishing: &mut finishing,
        phone: &mut phone,
        orders: Orders::listen(args.talk.control),
        interrupt: &mut interrupt,
        report: &report,
        waiting: VecDeque::new(),
    }
    .serve()
    .await;
    interrupt.close(phone).await;
    finishing.end(&mut interrupt, &report).await;
    status
}

/// How we are called.
fn address(phone: &Phone, identity: &Identity) -> String {
    match phone.address_tls().filter(|_| identity.listen_tls.is_some()) {
        _ if identity.registers() => phone.aor().to_string(),
        Some(at) => format!("sip:{at};transport=tls"),
        None => format!("sip:{}", phone.address()),
    }
}

/// What happens to somebody who waits for calls.
enum Next {
    Call(Incoming),
    Phone(PhoneEvent),
    Order(Result<Order, NoOrder>),
    Recorded(Recorded),
    Interrupted,
}

struct Answering<'a> {
    args: &'a AnswerArgs,
    /// What is said and recorded in the first call.
    first: Option<Talk>,
    finishing: &'a mut Finishing,
    phone: &'a mut Phone,
    orders: Orders,
    interrupt: &'a mut Interrupt,
    report: &'a Report,
    /// Who called while somebody was talked to.
    waiting: VecDeque<Incoming>,
}

/// Calls that may wait until another one is over; who calls then hears busy.
const WAITING_MAX: usize = 16;

/// Has a call wait; those who gave up meanwhile wait no longer.
fn wait(waiting: &mut VecDeque<Incoming>, report: &Report, incoming: Incoming) {
    waiting.retain(|before| {
        let Some(why) = before.over() else { return true };
        report.called(before);
        report.say("missed", &why.to_string());
        false
    });
    if waiting.len() < WAITING_MAX {
        return waiting.push_back(incoming);
    }
    report.called(&incoming);
    incoming.reject(StatusCode::BUSY_HERE);
    report.say("missed", "busy");
}

impl Answering<'_> {
    /// One call after the other; who calls meanwhile waits until it rings no longer.
    async fn serve(mut self) -> Result<u8, Error> {
        while !self.interrupt.has_come() {
            let incoming = match self.next().await? {
                Next::Call(incoming) => incoming,
                Next::Phone(event) => {
                    self.report.phone(&event);
                    continue;
                }
                Next::Order(order) => {
                    let (line, why) = match order {
                        Ok(order) => (order.to_string(), "there is no call".to_owned()),
                        Err(NoOrder { line, why }) => (line, why),
                    };
                    self.report.failed(&line, &why);
                    continue;
                }
                Next::Recorded(recorded) => {
                    tell(self.report, &recorded);
                    continue;
                }
                Next::Interrupted => continue,
            };
            let Some(call) = self.ring(incoming).await else { continue };
            let Some(talk) = self.talk().await? else { continue };
            let Answering { phone, orders, interrupt, report, waiting, finishing, .. } = &mut self;
            let around = Around { phone, orders, interrupt, report };
            let wait = |incoming| wait(waiting, report, incoming);
            let (ended, measured) = talk.run(call, around, finishing, wait).await;
            self.report.end(&ended, &measured);
            if self.args.once {
                return Ok(status_of(&ended, &measured));
            }
        }
        Ok(EXIT_OK)
    }

    async fn next(&mut self) -> Result<Next, Error> {
        if let Some(incoming) = self.waiting.pop_front() {
            return Ok(Next::Call(incoming));
        }
        Ok(tokio::select! {
            event = self.phone.next() => match event.ok_or(Error::Closed)? {
                PhoneEvent::Incoming(incoming) => Next::Call(incoming),
                event => Next::Phone(event),
            },
            order = self.orders.next() => Next::Order(order),
            Some(recorded) = self.finishing.next() => Next::Recorded(recorded),
            () = self.interrupt.next() => Next::Interrupted,
        })
    }

    /// What is said in the next call, and a recording of its own: one that cannot be made ends no call. `None`: we are to
    /// end.
    async fn talk(&mut self) -> Result<Option<Talk>, Error> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        let talk = prepared(self.args)?;
        let Some(wanted) = &self.args.talk.record else { return Ok(Some(talk)) };
        let begin = begin(wanted, |path| Recorder::create(path).map_err(|error| error.to_string()));
        let Some(begun) = self.interrupt.unless(begin).await else { return Ok(None) };
        match &begun {
            Ok((_, file)) => self.report.say("note", &format!("recorded into {}", file.display())),
            Err(why) => self.report.say("recording", why),
        }
        Ok(Some(talk.recorded(begun.ok().map(|(recorder, _)| recorder))))
    }

    /// Answers when it has rung for long enough; `None`: the caller gave up, or we are to refuse it or to end.
    async fn ring(&mut self, mut incoming: Incoming) -> Option<Call> {
        self.report.called(&incoming);
        if self.args.ring.is_zero() {
            return Some(incoming.answer());
        }
        incoming.ring();
        let patience = tokio::time::sleep(self.args.ring);
        tokio::pin!(patience);
        loop {
            tokio::select! {
                () = &mut patience => return Some(incoming.answer()),
                () = self.interrupt.next() => return None,
                ended = incoming.ended() => {
                    self.report.say("missed", &ended.to_string());
                    return None;
                }
                event = self.phone.next() => match event? {
                    PhoneEvent::Incoming(other) => wait(&mut self.waiting, self.report, other),
                    event => self.report.phone(&event),
                },
                order = self.orders.next() => match order {
                    Ok(Order::HangUp) => {
                        incoming.reject(StatusCode::DECLINE);
                        self.report.say("missed", "declined");
                        return None;
                    }
                    Ok(order) => self.report.failed(&order.to_string(), "nobody has answered yet"),
                    Err(NoOrder { line, why }) => self.report.failed(&line, &why),
                },
            }
        }
    }
}

fn prepared(args: &AnswerArgs) -> Result<Talk, Error> {
    let talk = Talk::new(&args.talk);
    match &args.play {
        Some(file) => talk.playing(file, true),
        None => Ok(talk),
    }
}
