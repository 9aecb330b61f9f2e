//! What must not get through: every kind of request by every kind of impostor, calls beyond the size of
//! the table, and connections that do not speak as they should. Raw UDP; the wire shows that the server sent nothing to anybody but the impostor.

mod attack;
mod crowd;
mod rude;
mod scene;

use std::path::Path;

use crate::failure::Outcome;
use crate::place;
use crate::wire::Wire;
use attack::{ATTACKS, Attack, VERBS, Verb};
use scene::Scene;

/// Runs the matrix and the crowd; true if nothing got through.
pub(crate) fn run(folder: &Path) -> Outcome<bool> {
    let wire = Wire::open()?;
    let mut scene = Scene::start(&wire, &folder.join("matrix"), place::net(115))?;
    let mut failures = Vec::new();
    let mut lines = Vec::new();
    let mut recordings = Vec::new();
    for verb in VERBS {
        recordings.push(scene.record(verb)?);
    }
    for attack in ATTACKS {
        if attack == Attack::ReplayAfterCrash {
            scene.crash()?;
        }
        for (verb, recording) in VERBS.into_iter().zip(&recordings) {
            let outcome = attack.variations(&scene, verb, recording).and_then(|variations| {
                variations.into_iter().try_for_each(|variation| scene.repel(variation))
            });
            lines.push((verb, attack, outcome.is_ok()));
            if let Err(failure) = outcome {
                failures.push(format!("{} by {}: {failure}", verb.title, attack.title()));
            }
        }
    }
    print(&lines);
    scene.end()?;
    for (title, check) in crowd::CHECKS {
        match check(&wire, &folder.join("crowd")) {
            Ok(seen) => println!("{title}: {seen}"),
            Err(failure) => failures.push(format!("{title}: {failure}")),
        }
    }
    for (title, outcome) in rude::check(&folder.join("rude")) {
        match outcome {
            Ok(seen) => println!("{title}: {seen}"),
            Err(failure) => failures.push(format!("{title}: {failure}")),
        }
    }
    for failure in &failures {
        println!("FAILED  {failure}");
    }
    Ok(failures.is_empty())
}

fn print(lines: &[(Verb, Attack, bool)]) {
    let width = ATTACKS.iter().map(|attack| attack.title().len()).max().unwrap_or_default();
    let heads: Vec<&str> = VERBS.iter().map(|verb| verb.title).collect();
    println!("{:width$}  {}", "", heads.join("  "));
    for attack in ATTACKS {
        let cells: Vec<String> = VERBS
            .iter()
            .map(|verb| {
                let fine = lines.iter().any(|(of, by, fine)| of == verb && *by == attack && *fine);
                format!("{:1$}", if fine { "ok" } else { "FAILED" }, verb.title.len())
            })
            .collect();
        println!("{:width$}  {}", attack.title(), cells.join("  ").trim_end());
    }
}
