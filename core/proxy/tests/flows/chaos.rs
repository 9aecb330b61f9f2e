//! Phones, network and location service that do anything at any time, by seed. Whatever they do: the
//! caller gets one final answer (or several 2xx), and nothing is left.

use std::collections::BTreeSet;
use std::time::Duration;

use ruf_message::{Entropy, Message, Method, Request};
use ruf_proxy::{Answer, Question, Refusal, Target, TargetSet, Unreachable};

use crate::net::{Net, place};
use crate::phone::{Phone, flow, target};

const SEEDS: u64 = 1_500;
const PHONES: [Phone; 4] = ['b', 'c', 'd', 't'];
const STATUSES: [u16; 14] = [100, 180, 183, 200, 200, 302, 401, 404, 407, 408, 486, 487, 503, 603];

struct Chance(Entropy);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.0.u64() % bound as u64).unwrap()
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

struct Scene {
    net: Net,
    chance: Chance,
    request: Request,
    /// What the phones were sent and may answer, again and again.
    sent: Vec<(Phone, Request)>,
    ladder: Vec<String>,
}

impl Scene {
    fn begin(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let mut chance = Chance(Entropy::from_seed(bytes));
        let mut net = Net::new().elsewhere(&[]);
        if chance.below(4) > 0 {
            let targets = some_targets(&mut chance);
            net.places.insert("bob".into(), Ok(targets));
        }
        let method = chance.of(&["INVITE", "INVITE", "INVITE", "MESSAGE"]);
        let uri = chance.of(&["sip:bob@example.org", "sip:bob@example.org", "sip:bob@far.example"]);
        let headers = chance.of(&["", "", "Max-Breadth: 1\r\n", "Max-Breadth: 2\r\n"]);
        let request = net.request('a', method, uri, headers);
        net.send('a', request.clone());
        Scene { net, chance, request, sent: Vec::new(), ladder: Vec::new() }
    }

    fn step(&mut self) {
        match self.chance.below(10) {
            0 if self.may_repeat() => self.net.send('a', self.request.clone()),
            1 if self.request.method() == Method::Invite => self.net.send('a', self.request.cancel()),
            2 => {
                let phone = self.chance.of(&PHONES);
                self.net.unreachable(phone);
            }
            3 => self.answer_a_question(),
            4 => {
                let time = self.chance.of(&[1, 300, 4_000, 33_000, 100_000, 200_000]);
                self.net.after(Duration::from_millis(time));
            }
            _ if !self.sent.is_empty() => {
                let (phone, request) = self.sent[self.chance.below(self.sent.len())].clone();
                let status = if request.method() == Method::Cancel { 200 } else { self.chance.of(&STATUSES) };
                self.net.answer(phone, &request, status);
            }
            _ => {}
        }
        self.look();
    }

    /// A request is repeated while its transaction lives; after that it would be another one.
    fn may_repeat(&self) -> bool {
        let is_final = |rung: &String| rung.starts_with("r→a ") && rung.split(' ').count() == 3;
        let answered = self.ladder.iter().any(is_final);
        !answered && (self.request.method() == Method::Invite || self.net.now.as_micros() < 30_000_000)
    }

    fn answer_a_question(&mut self) {
        if self.net.open.is_empty() {
            return;
        }
        let question = self.net.open[self.chance.below(self.net.open.len())].clone();
        let answer = match question {
            Question::Locate { token, .. } => {
                let targets = match self.chance.below(4) {
                    0 => Err(Refusal::NotFound),
                    _ => Ok(some_targets(&mut self.chance)),
                };
                Answer::Located { token, targets }
            }
            Question::Resolve { token, hop, .. } => {
                let count = self.chance.below(4);
                let found = (0..count).map(|_| place(&hop.host, &flow(self.chance.of(&PHONES)))).collect();
                let places = if self.chance.below(4) == 0 { Err(Unreachable) } else { Ok(found) };
                Answer::Resolved { token, places }
            }
            Question::Reach { token, .. } => {
                let way = self.chance.of(&PHONES);
                let flow = if self.chance.below(4) == 0 { Err(Unreachable) } else { Ok(flow(way)) };
                Answer::Reached { token, flow }
            }
        };
        self.net.reply(answer);
    }

    /// Remembers what was sent.
    fn look(&mut self) {
        for phone in PHONES {
            for message in self.net.take_all(phone) {
                match message {
                    Message::Request(request) if request.method() != Method::Ack => {
                        self.sent.push((phone, request));
                    }
                    Message::Request(_) | Message::Response(_) => {}
                }
            }
        }
        let ladder = self.net.ladder();
        self.ladder.extend(ladder.split(" | ").filter(|rung| !rung.is_empty()).map(str::to_owned));
    }

    /// Lets half an hour pass, and checks what must be true in any case.
    fn end(mut self, seed: u64) {
        self.net.after(Duration::from_secs(1_800));
        self.look();
        let ladder = self.ladder.join(" | ");
        let of = |text: &str| -> BTreeSet<String> {
            let rungs = self.ladder.iter().filter_map(|rung| rung.strip_prefix("r→a ")?.strip_suffix(text));
            rungs.map(|status| status.trim().to_owned()).filter(|status| !status.is_empty()).collect()
        };
        let invite = of(" INVITE");
        if self.request.method() == Method::Invite {
            assert_eq!(invite.len(), 1, "seed {seed}: one final answer to {ladder}");
        } else {
            let finals = of(" MESSAGE");
            assert!(finals.len() <= 1 && !finals.contains("408"), "seed {seed}: {ladder}");
            assert!(!ladder.contains("r→a 18"), "seed {seed}: {ladder}");
        }
        self.net.expect_nothing_left();
    }
}

fn some_targets(chance: &mut Chance) -> TargetSet {
    let count = chance.below(4);
    let one = |chance: &mut Chance| {
        let instance = chance.of(&[None, None, Some("desk"), Some("mobile")]);
        let instance = instance.map(|instance| instance.as_bytes().into());
        Target { instance, ..target(chance.of(&PHONES), chance.of(&[1000, 1000, 500, 100])) }
    };
    (0..count).map(|_| one(chance)).collect()
}

#[test]
fn whatever_happens_there_is_one_final_answer_and_nothing_is_left() {
    // tests rfc3261 §16.7 step 5, §16.7 step 6
    for seed in 0..SEEDS {
        let mut scene = Scene::begin(seed);
        scene.look();
        for _ in 0..25 {
            scene.step();
        }
        scene.end(seed);
    }
}
