//! What a run came to, for people and for programs, and the live line while it goes on.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

use crate::mix::Kind;
use crate::plan::Plan;
use crate::schedule::{Pace, Spacing};
use crate::tally::{Span, Tally};

/// The quantiles that are printed.
const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];

/// A run that is over.
pub(crate) struct Report {
    pub(crate) place: String,
    pub(crate) plan: Plan,
    pub(crate) tally: Tally,
    /// From the first intended start to the last.
    pub(crate) starting: Duration,
    /// From the first intended start to the end of the last unit.
    pub(crate) lasted: Duration,
    /// Of this process, from the first intended start on.
    pub(crate) cpu: Duration,
}

impl Report {
    /// All units ended well.
    pub(crate) fn is_good(&self) -> bool {
        self.tally.failed(None) == 0
    }

    /// Starts a second: between so many starts lies one span less.
    fn started_per_s(&self) -> f64 {
        per_second(self.tally.started().saturating_sub(1), self.starting)
    }

    fn good_per_s(&self) -> f64 {
        per_second(self.tally.good(None), self.lasted)
    }

    /// The table.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let (plan, tally) = (&self.plan, &self.tally);
        writeln!(out, "{} at {}, {}, mix {}", plan.domain, self.place, asked(plan.pace), plan.mix)?;
        writeln!(out, "\n{:<22}{:>12}{:>12}{:>12}", "", "attempted", "ok", "failed")?;
        let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| tally.started_of(*kind) > 0).collect();
        for kind in &kinds {
            let (good, failed) = (tally.good(Some(*kind)), tally.failed(Some(*kind)));
            writeln!(out, "{:<22}{:>12}{good:>12}{failed:>12}", kind.as_str(), tally.started_of(*kind))?;
        }
        if kinds.len() != 1 {
            let (good, failed) = (tally.good(None), tally.failed(None));
            writeln!(out, "{:<22}{:>12}{good:>12}{failed:>12}", "all", tally.started())?;
        }
        for (kind, outcome, count) in tally.failures() {
            writeln!(out, "{:>46}{count:>12}  {}: {outcome}", "", kind.as_str())?;
        }
        writeln!(
            out,
            "\n{:<22}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}",
            "ms from intended start", "count", "p50", "p90", "p99", "p99.9", "max"
        )?;
        for span in Span::OF_THE_SERVER {
            let Some(took) = tally.spanned(span) else { continue };
            write!(out, "{:<22}{:>9}", span.as_str(), took.count())?;
            for (_, share) in QUANTILES {
                write!(out, "{:>9.2}", millis(took.quantile(share)))?;
            }
            writeln!(out, "{:>9.2}", millis(took.max()))?;
        }
        let (started, good) = (self.started_per_s(), self.good_per_s());
        writeln!(
            out,
            "\nrate        {} asked, {started:.1}/s started in {:.1} s, {good:.1}/s ended well in {:.1} s",
            wanted(plan.pace),
            self.starting.as_secs_f64(),
            self.lasted.as_secs_f64()
        )?;
        writeln!(
            out,
            "repeated    {} messages of ours were sent again, {} came that belong to nothing under way",
            tally.resent, tally.strays
        )?;
        let answered = &tally.answered;
        writeln!(
            out,
            "callees     {} calls answered ({} acknowledged, {} ended by BYE, {} withdrawn while ringing), {} messages, {} requests refused",
            answered.calls,
            answered.acknowledged,
            answered.ended,
            answered.cancelled,
            answered.messages,
            answered.refused
        )?;
        if tally.notifies > 0 {
            writeln!(out, "events      {} NOTIFYs", tally.notifies)?;
        }
        let share =
            if self.lasted.is_zero() { 0.0 } else { self.cpu.as_secs_f64() / self.lasted.as_secs_f64() };
        writeln!(
            out,
            "generator   {:.2} s of CPU, {:.0} percent of a core; {}{}",
            self.cpu.as_secs_f64(),
            share * 100.0,
            rests(plan.grain),
            self.punctuality()
        )
    }

    /// Whether the generator kept its schedule.
    fn punctuality(&self) -> String {
        let tally = &self.tally;
        let Some(behind) = tally.spanned(Span::Behind) else { return "nothing was started".to_owned() };
        let (p99, max) = (millis(behind.quantile(0.99)), millis(behind.max()));
        if tally.behind == 0 {
            format!("on schedule (99 percent of starts within {p99:.2} ms, all within {max:.2} ms)")
        } else {
            format!(
                "IT FELL BEHIND: {} of {} units started more than {} ms late (at most {max:.1} ms), and the times above include that",
                tally.behind,
                tally.started(),
                Tally::BEHIND.as_millis()
            )
        }
    }

    /// The same as one JSON object.
    pub(crate) fn json(&self) -> Value {
        let tally = &self.tally;
        let of = |kind: Kind| {
            let failures: Vec<Value> = tally
                .failures()
                .filter(|(of, ..)| *of == kind)
                .map(|(_, outcome, count)| json!({"reason": outcome.to_string(), "count": count}))
                .collect();
            let (good, failed) = (tally.good(Some(kind)), tally.failed(Some(kind)));
            json!({"attempted": tally.started_of(kind), "ok": good, "failed": failed, "failures": failures})
        };
        let kinds = Kind::ALL.into_iter().filter(|kind| tally.started_of(*kind) > 0);
        let units: serde_json::Map<String, Value> =
            kinds.map(|kind| (kind.as_str().to_owned(), of(kind))).collect();
        let spans = Span::OF_THE_SERVER.into_iter().chain([Span::Behind]);
        let times: serde_json::Map<String, Value> = spans
            .filter_map(|span| {
                let took = tally.spanned(span)?;
                let quantiles =
                    QUANTILES.map(|(name, share)| (name.to_owned(), json!(millis(took.quantile(share)))));
                let ends = [
                    ("count".to_owned(), json!(took.count())),
                    ("max".to_owned(), json!(millis(took.max()))),
                ];
                Some((span.as_str().to_owned(), Value::Object(quantiles.into_iter().chain(ends).collect())))
            })
            .collect();
        let answered = &tally.answered;
        json!({
            "target": self.place,
            "domain": self.plan.domain,
            "mix": self.plan.mix.to_string(),
            "asked": asked(self.plan.pace),
            "grain_ms": millis(self.plan.grain),
            "attempted": tally.started(),
            "ok": tally.good(None),
            "failed": tally.failed(None),
            "units": units,
            "times_ms": times,
            "started_per_s": self.started_per_s(),
            "ok_per_s": self.good_per_s(),
            "starting_s": self.starting.as_secs_f64(),
            "lasted_s": self.lasted.as_secs_f64(),
            "cpu_s": self.cpu.as_secs_f64(),
            "resent": tally.resent,
            "strays": tally.strays,
            "notifies": tally.notifies,
            "behind": tally.behind,
            "callees": {
                "calls": answered.calls,
                "acknowledged": answered.acknowledged,
                "ended": answered.ended,
                "cancelled": answered.cancelled,
                "messages": answered.messages,
                "refused": answered.refused,
            },
        })
    }
}

/// The live line.
pub(crate) fn progress(tally: &Tally, in_flight: u32, since: Duration) -> String {
    let mut line = format!(
        "{:>5.0} s  {} started  {} ok  {} failed  {in_flight} under way",
        since.as_secs_f64(),
        tally.started(),
        tally.good(None),
        tally.failed(None)
    );
    if let Some(took) = tally.spanned(Span::InviteToAnswer) {
        let (p50, p99) = (millis(took.quantile(0.5)), millis(took.quantile(0.99)));
        let _ = write!(line, "  INVITE to 200: p50 {p50:.1} ms, p99 {p99:.1} ms");
    }
    line
}

fn asked(pace: Pace) -> String {
    match pace {
        Pace::Open { rate, spacing: Spacing::Even } => format!("open loop, {rate}/s"),
        Pace::Open { rate, spacing: Spacing::Poisson } => format!("open loop, {rate}/s at random"),
        Pace::Closed { in_flight } => format!("closed loop, {in_flight} under way"),
    }
}

fn wanted(pace: Pace) -> String {
    match pace {
        Pace::Open { rate, .. } => format!("{rate:.1}/s"),
        Pace::Closed { .. } => "as many as came through".to_owned(),
    }
}

fn rests(grain: Duration) -> String {
    if grain.is_zero() { String::new() } else { format!("looked every {} ms, ", millis(grain)) }
}

fn per_second(count: u64, over: Duration) -> f64 {
    if over.is_zero() { 0.0 } else { count as f64 / over.as_secs_f64() }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
