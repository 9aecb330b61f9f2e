//! The gate: what each case took when somebody last looked, against what it takes.
//!
//! The file has a line of [`tools`], a line of titles, and `case,instructions,allocations` for each case. Cheaper
//! than the baseline fails, too: else the next change could spend what this one gained, unseen.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use crate::cases::CASES;
use crate::counts::{Counts, count, tools};

/// What instructions may differ by, in percent of the baseline's.
const INSTRUCTIONS_PERCENT_MAX: u64 = 3;
/// What allocations may differ by, in hundredths.
const ALLOCATIONS_HUNDREDTHS_MAX: f64 = 5.0;
const TITLES: &str = "case,instructions,allocations";
const MOVE: &str = "make counts BASELINE=write";

type Named = BTreeMap<String, Counts>;

/// Counts every case and holds it against the file. What it gives is for people; `Err` if the gate is shut.
pub(crate) fn check(path: &Path) -> Result<String, String> {
    let text =
        std::fs::read_to_string(path).map_err(|e| format!("{}: {e}; write it: {MOVE}", path.display()))?;
    let baseline = parse(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    let counted = counted()?;
    let table = table(&baseline, &counted);
    let complaints = complaints(&baseline, &counted);
    if complaints.is_empty() {
        return Ok(format!("{table}all within {INSTRUCTIONS_PERCENT_MAX} % and 0.05 allocations\n"));
    }
    let mut said = format!("{table}\n{}\n\n", complaints.join("\n"));
    said += &format!("If this is meant: {MOVE}, and commit {} with the reason.\n", path.display());
    let (then, now) = (text.lines().next().unwrap_or_default().trim_start_matches("# "), tools());
    if then != now {
        said += &format!(
            "The baseline is of other tools, which alone may make the difference:\n  {then}\n  {now}\n"
        );
    }
    Err(said)
}

/// Counts every case and writes the file. A row that the gate lets pass stays: else what is borne would be borne
/// anew each time another row moves.
pub(crate) fn write(path: &Path) -> Result<String, String> {
    let baseline = std::fs::read_to_string(path).ok().and_then(|text| parse(&text).ok()).unwrap_or_default();
    let counted = counted()?;
    let rows = CASES
        .iter()
        .filter_map(|case| Some(row(case.name, baseline.get(case.name), counted.get(case.name)?)));
    let text = format!("# {}\n{TITLES}\n{}", tools(), rows.collect::<String>());
    std::fs::write(path, &text).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(text)
}

fn row(name: &str, then: Option<&Counts>, now: &Counts) -> String {
    let stays = then.filter(|then| instructions_pass(then, now) && allocations_pass(then, now));
    let counts = stays.unwrap_or(now);
    format!("{name},{},{:.2}\n", counts.instructions, counts.allocations)
}

fn counted() -> Result<Named, String> {
    CASES.iter().map(|case| Ok((case.name.to_owned(), count(case)?))).collect()
}

fn parse(text: &str) -> Result<Named, String> {
    let rows = text.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && *line != TITLES);
    rows.map(|(at, line)| {
        let row = || -> Option<(String, Counts)> {
            let mut parts = line.split(',');
            let name = parts.next()?.to_owned();
            let counts = Counts {
                instructions: parts.next()?.parse().ok()?,
                allocations: parts.next()?.parse().ok()?,
            };
            parts.next().is_none().then_some((name, counts))
        };
        row().ok_or_else(|| format!("line {}: `{line}` is not `{TITLES}`", at + 1))
    })
    .collect()
}

fn table(baseline: &Named, counted: &Named) -> String {
    let mut table =
        format!("{:<20} {:>12} {:>8} {:>12} {:>8}\n", "case", "instructions", "", "allocations", "");
    for (name, now) in CASES.iter().filter_map(|case| counted.get_key_value(case.name)) {
        let (more, allocations) = match baseline.get(name) {
            Some(then) => (
                format!(
                    "{:+.1} %",
                    (now.instructions as f64 / (then.instructions as f64).max(1.0) - 1.0) * 100.0
                ),
                format!("{:+.2}", now.allocations - then.allocations),
            ),
            None => ("new".to_owned(), "new".to_owned()),
        };
        let Counts { instructions, allocations: count } = now;
        let _ = writeln!(table, "{name:<20} {instructions:>12} {more:>8} {count:>12.2} {allocations:>8}"); // to a String
    }
    table
}

/// What is wrong, a line each.
fn complaints(baseline: &Named, counted: &Named) -> Vec<String> {
    let mut complaints = Vec::new();
    for name in baseline.keys().filter(|name| !counted.contains_key(*name)) {
        complaints.push(format!("{name}: in the baseline, and no case of this program"));
    }
    for (name, now) in counted {
        let Some(then) = baseline.get(name) else {
            complaints.push(format!("{name}: a case that the baseline does not have"));
            continue;
        };
        if !instructions_pass(then, now) {
            let (instructions, before) = (now.instructions, then.instructions);
            let how = verdict(instructions > before);
            complaints.push(format!("{name}: {instructions} instructions, {before} in the baseline: {how}"));
        }
        if !allocations_pass(then, now) {
            let (allocations, before) = (now.allocations, then.allocations);
            let how = verdict(allocations > before);
            complaints
                .push(format!("{name}: {allocations:.2} allocations, {before:.2} in the baseline: {how}"));
        }
    }
    complaints
}

fn instructions_pass(then: &Counts, now: &Counts) -> bool {
    now.instructions.abs_diff(then.instructions) * 100 <= then.instructions * INSTRUCTIONS_PERCENT_MAX
}

fn allocations_pass(then: &Counts, now: &Counts) -> bool {
    ((now.allocations - then.allocations) * 100.0).round().abs() <= ALLOCATIONS_HUNDREDTHS_MAX
}

fn verdict(more: bool) -> &'static str {
    if more { "it costs more" } else { "it costs less, so the baseline must come down, too" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, instructions: u64, allocations: f64) -> Named {
        Named::from([(name.to_owned(), Counts { instructions, allocations })])
    }

    #[test]
    fn three_percent_and_a_twentieth_of_an_allocation_are_borne_in_both_directions() {
        let baseline = of("call", 1_000, 2.0);
        for (instructions, allocations) in [(1_000, 2.0), (1_030, 2.05), (970, 1.95)] {
            assert_eq!(complaints(&baseline, &of("call", instructions, allocations)), Vec::<String>::new());
        }
    }

    #[test]
    fn what_costs_more_is_named_with_both_figures() {
        let complaints = complaints(&of("call", 1_000, 2.0), &of("call", 1_031, 2.06));
        assert_eq!(
            complaints,
            [
                "call: 1031 instructions, 1000 in the baseline: it costs more",
                "call: 2.06 allocations, 2.00 in the baseline: it costs more"
            ]
        );
    }

    #[test]
    fn what_costs_less_asks_for_a_lower_baseline() {
        let complaints = complaints(&of("call", 1_000, 2.0), &of("call", 969, 1.94));
        assert_eq!(complaints.len(), 2);
        assert!(
            complaints.iter().all(|said| said.ends_with("the baseline must come down, too")),
            "{complaints:?}"
        );
    }

    #[test]
    fn a_case_on_one_side_only_is_named() {
        let complaints = complaints(&of("gone", 1, 0.0), &of("new", 1, 0.0));
        assert_eq!(complaints.len(), 2);
        assert!(complaints.iter().any(|said| said.starts_with("gone: in the baseline")));
        assert!(
            complaints.iter().any(|said| said.starts_with("new: a case that the baseline does not have"))
        );
    }

    #[test]
    fn a_row_that_passes_stays_when_others_are_moved() {
        let of = |instructions, allocations| Counts { instructions, allocations };
        let row = |now| row("call", Some(&of(1_000, 2.0)), &now);
        assert_eq!(row(of(1_030, 2.05)), "call,1000,2.00\n");
        assert_eq!(row(of(1_031, 2.0)), "call,1031,2.00\n");
        assert_eq!(row(of(1_000, 1.9)), "call,1000,1.90\n");
        assert_eq!(super::row("new", None, &of(7, 1.0)), "new,7,1.00\n");
    }

    #[test]
    fn a_line_that_is_no_row_is_named() {
        assert_eq!(parse("# tools\ncase,instructions,allocations\ncall,10,2.50\n"), Ok(of("call", 10, 2.5)));
        for bad in ["call,10", "call,ten,2", "call,10,2,3", ""] {
            let error = parse(&format!("{TITLES}\n{bad}\n")).unwrap_err();
            assert!(error.starts_with("line 2: "), "{error}");
        }
    }
}
