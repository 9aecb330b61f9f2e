//! A phone whose server's places fail in every way, hundreds of times: when they serve again, it is registered, and
//! whatever was asked for has one answer.

use super::*;
use std::collections::BTreeMap;

const SEEDS: u64 = 100;
const STEPS: u32 = 150;
const PLACES: [[u8; 4]; 3] = [[192, 0, 2, 9], [192, 0, 2, 10], [192, 0, 2, 11]];

/// The phone's world.
struct World {
    stage: Stage,
    entropy: Entropy,
    /// Ways that are sought.
    sought: Vec<(u64, Place)>,
    /// Connections that are open.
    open: Vec<Flow>,
    connections: u64,
    /// Requests that are not answered.
    asked: Vec<(Request, Flow)>,
    answers: Vec<oneshot::Receiver<Result<Answered, Error>>>,
    fates: BTreeMap<&'static str, u32>,
}

impl World {
    fn new(seed: u64) -> World {
        let account = if seed.is_multiple_of(2) { elsewhere::named() } else { elsewhere::over_tcp() };
        let account = if seed.is_multiple_of(3) { account } else { account.device(URN).expect("a URN") };
        let stage = Stage::registered_at(account, &PLACES);
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_be_bytes());
        let (open, connections) = (vec![stage.flow], stage.flow.connection);
        World {
            stage,
            entropy: Entropy::from_seed(key),
            sought: Vec::new(),
            open,
            connections,
            asked: Vec::new(),
            answers: Vec::new(),
            fates: BTreeMap::new(),
        }
    }

    fn below(&mut self, of: usize) -> usize {
        self.entropy.u32() as usize % of
    }

    fn fate(&mut self, fate: &'static str) {
        *self.fates.entry(fate).or_default() += 1;
    }

    /// Takes what the phone says; `answers`: it is told where it is seen.
    fn hear(&mut self, answers: bool) {
        let Stage { desk, now, told, .. } = &mut self.stage;
        while told.try_recv().is_ok() {}
        while let Some((number, _)) = desk.poll_query() {
            let records = PLACES.iter().map(|at| Record::Address((*at).into())).collect();
            desk.resolved(*now, number, Answer::Records { records, ttl_secs: 60 });
        }
        self.sought.extend(std::iter::from_fn(|| desk.poll_reach()));
        while let Some(sent) = desk.poll_transmit() {
            if stun::is_stun(&sent.bytes) {
                let transaction = sent.bytes[8..20].try_into().expect("twelve octets");
                if answers {
                    desk.mapped(*now, sent.flow, transaction, sent.flow.local);
                }
            } else if let Ok(Message::Request(request)) = Message::parse(sent.bytes)
                && self.open.contains(&sent.flow)
            {
                let branch = |of: &Request| of.via().branch().map(<[u8]>::to_vec);
                if self.asked.iter().all(|(known, _)| branch(known) != branch(&request)) {
                    self.asked.push((request, sent.flow));
                }
            }
        }
    }

    /// A way that is sought leads there, or does not.
    fn finds(&mut self, at: usize, is_there: bool) {
        let (token, place) = self.sought.swap_remove(at);
        let known = self.open.iter().find(|flow| flow.remote == place.address).copied();
        let flow = known.unwrap_or_else(|| {
            self.connections += u64::from(place.transport.is_reliable());
            let connection = if place.transport.is_reliable() { self.connections } else { 0 };
            Flow { transport: place.transport, remote: place.address, connection, ..self.stage.flow }
        });
        let found = if is_there { Ok(flow) } else { Err(ruf_net::Unreachable::Refused) };
        if is_there && known.is_none() {
            self.open.push(flow);
        }
        self.stage.desk.reached(self.stage.now, token, found);
    }

    fn breaks(&mut self) {
        if !self.open.is_empty() {
            let at = self.below(self.open.len());
            let gone = self.open.swap_remove(at);
            self.asked.retain(|(_, flow)| *flow != gone);
            self.fate("broken");
            self.stage.desk.unreachable(self.stage.now, gone);
        }
    }

    fn answers(&mut self, at: usize, status: StatusCode) {
        let (request, flow) = self.asked.swap_remove(at);
        let mut response = request.reply(status);
        if status == StatusCode::SERVICE_UNAVAILABLE && self.below(4) == 0 {
            response.add(HeaderName::RetryAfter, "40");
        }
        if status.is_success() && request.method() == Method::Register {
            response.set(HeaderName::Contact, request.raw(HeaderName::Contact).next().expect("a Contact"));
            response.set(HeaderName::Require, "outbound");
        }
        self.stage.desk.receive(self.stage.now, flow, response.to_bytes());
    }

    fn wants(&mut self) {
        let (answer, answered) = oneshot::channel();
        let to = "sip:bob@example.org".parse().expect("a URI");
        let inquiry = Inquiry { to, asked: Asked::Message("hello".to_owned()), answer };
        self.stage.desk.with(self.stage.now, |desk, now| desk.inquire(now, inquiry));
        self.answers.push(answered);
    }

    fn passes(&mut self, longest: Duration, answers: bool) {
        let end = self.stage.now + longest;
        while let Some(due) = self.stage.desk.poll_deadline().filter(|due| *due <= end) {
            self.stage.now = self.stage.now.max(due);
            self.stage.desk.tick(self.stage.now);
            self.hear(answers);
        }
        self.stage.now = end;
    }

    fn step(&mut self) {
        match self.below(12) {
            0 | 1 => self.wants(),
            2 if self.below(3) == 0 => self.breaks(),
            3..6 if !self.asked.is_empty() => {
                let at = self.below(self.asked.len());
                match self.below(4) {
                    0 => drop(self.asked.swap_remove(at)),
                    1 => self.answers(at, StatusCode::OK),
                    _ => self.answers(at, StatusCode::SERVICE_UNAVAILABLE),
                }
            }
            6..10 if !self.sought.is_empty() => {
                let (at, is_there) = (self.below(self.sought.len()), self.below(3) > 0);
                self.finds(at, is_there);
            }
            10 => {
                let longest = Duration::from_millis(self.below(40_000) as u64);
                let answers = self.below(2) == 0;
                self.passes(longest, answers);
            }
            _ => {}
        }
        let answers = self.below(2) == 0;
        self.hear(answers);
    }

    /// All places serve.
    fn heals(&mut self, seed: u64) {
        let end = self.stage.now + Duration::from_secs(4_000);
        while self.stage.now < end {
            self.hear(true);
            while !self.sought.is_empty() || !self.asked.is_empty() {
                if !self.sought.is_empty() {
                    self.finds(0, true);
                }
                self.hear(true);
                if !self.asked.is_empty() {
                    self.answers(0, StatusCode::OK);
                }
                self.hear(true);
            }
            self.passes(Duration::from_secs(1), true);
        }
        let desk = &self.stage.desk;
        assert!(desk.agent.is_registered(), "seed {seed}");
        assert!(
            matches!(&desk.home.state, State::Open { flow, .. } if self.open.contains(flow)),
            "seed {seed}"
        );
        assert!(
            desk.home.waiting.is_empty() && desk.seeking.is_empty() && desk.inquiries.is_empty(),
            "seed {seed}"
        );
        for answer in &mut self.answers {
            let fate = match answer.try_recv().unwrap_or_else(|_| panic!("seed {seed}: no answer")) {
                Ok(answer) if answer.status == StatusCode::OK => "served",
                Ok(_) => "refused",
                Err(_) => "lost",
            };
            *self.fates.entry(fate).or_default() += 1;
        }
    }
}

#[tokio::test]
async fn when_its_places_serve_again_the_phone_is_registered_and_all_is_answered() {
    // tests rfc3263 §4.3, rfc5626 §4.5
    let mut fates = BTreeMap::new();
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            world.step();
        }
        world.heals(seed);
        for (fate, count) in world.fates {
            *fates.entry(fate).or_insert(0) += count;
        }
    }
    for fate in ["broken", "served", "refused", "lost"] {
        assert!(fates.get(fate).is_some_and(|count| *count > 50), "{fate}: {fates:?}");
    }
}
