//! Which crate may import which: down the floors, and on one floor by the table only.
//!
//! Read from the manifests: what is not a dependency cannot be imported.

use super::Finding;
use crate::laws::{Floor, IO_FOR_SERVICES, NOT_IN_CORE, SAME_FLOOR};
use crate::tree::{Dependency, Package};

/// Checks the direct dependencies of every package.
pub(super) fn check(packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        let place = format!("{}/Cargo.toml", package.folder);
        let Some(floor) = Floor::of(&package.folder) else {
            findings.push(Finding::broken(place, "stands on no floor of the house"));
            continue;
        };
        for dependency in &package.dependencies {
            let ours = packages.iter().find(|other| other.name == dependency.name);
            let verdict = match ours.and_then(|other| Some((other, Floor::of(&other.folder)?))) {
                Some((other, below)) => import(package, floor, other, below, dependency),
                None => foreign(floor, dependency),
            };
            if let Err(says) = verdict {
                findings.push(Finding::broken(place.clone(), says));
            }
        }
    }
    findings
}

fn import(
    package: &Package,
    floor: Floor,
    other: &Package,
    below: Floor,
    dependency: &Dependency,
) -> Result<(), String> {
    let (name, import) = (&package.name, &other.name);
    if below > floor {
        return Err(format!("{name} imports {import}, which stands above it"));
    }
    if dependency.for_tests || floor == Floor::Dev {
        return Ok(());
    }
    if below == floor {
        let listed = SAME_FLOOR.iter().any(|(from, to)| from == name && to.contains(&import.as_str()));
        return if listed {
            Ok(())
        } else if floor == Floor::Services {
            Err(format!("{name} imports {import}: a service asks another through the node"))
        } else {
            Err(format!("{name} imports {import}: no such edge is listed for this floor"))
        };
    }
    if floor == Floor::Services && below == Floor::Io && !IO_FOR_SERVICES.contains(&import.as_str()) {
        return Err(format!("{name} imports {import}: of io, a service sees the store only"));
    }
    if name == "ruf-store" {
        return Err(format!("{name} imports {import}: the store knows no domain type"));
    }
    Ok(())
}

fn foreign(floor: Floor, dependency: &Dependency) -> Result<(), String> {
    let name = dependency.name.as_str();
    if floor == Floor::Core && !dependency.for_tests && NOT_IN_CORE.contains(&name) {
        return Err(format!("depends on {name}: the core is pure"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, folder: &str, dependencies: &[&str]) -> Package {
        let dependencies = dependencies.iter().map(|name| Dependency {
            name: name.trim_end_matches(" (test)").to_owned(),
            for_tests: name.ends_with(" (test)"),
        });
        Package { name: name.to_owned(), folder: folder.to_owned(), dependencies: dependencies.collect() }
    }

    fn broken(importer: &Package) -> Vec<String> {
        let mut house = vec![
            package("ruf-message", "core/message", &[]),
            package("ruf-auth", "core/auth", &[]),
            package("ruf-proxy", "core/proxy", &[]),
            package("ruf-net", "io/net", &[]),
            package("ruf-store", "io/store", &[]),
            package("ruf-routing", "services/routing", &[]),
            package("ruf-node", "apps/node", &[]),
            package("ruf-sim", "dev/sim", &[]),
        ];
        house.retain(|package| package.name != importer.name);
        house.push(importer.clone());
        check(&house).into_iter().map(|finding| finding.says).collect()
    }

    #[test]
    fn imports_go_down_only() {
        assert!(broken(&package("ruf-node", "apps/node", &["ruf-routing", "ruf-proxy"])).is_empty());
        assert_eq!(broken(&package("ruf-net", "io/net", &["ruf-node"])).len(), 1);
        assert_eq!(broken(&package("ruf-proxy", "core/proxy", &["ruf-store"])).len(), 1);
        assert_eq!(broken(&package("ruf-node", "apps/node", &["ruf-sim (test)"])).len(), 1);
    }

    #[test]
    fn on_one_floor_only_listed_edges_stand() {
        assert!(broken(&package("ruf-auth", "core/auth", &["ruf-message"])).is_empty());
        assert_eq!(broken(&package("ruf-auth", "core/auth", &["ruf-proxy"])).len(), 1);
        assert!(broken(&package("ruf-auth", "core/auth", &["ruf-proxy (test)"])).is_empty());
        // An edge that another crate has is none of this one's.
        assert_eq!(broken(&package("ruf-proxy", "core/proxy", &["ruf-auth"])).len(), 1);
        assert_eq!(broken(&package("ruf-net", "io/net", &["ruf-store"])).len(), 1);
    }

    #[test]
    fn services_see_no_service_and_of_io_the_store_only() {
        let calls = |import| package("ruf-calls", "services/calls", &[import]);
        assert!(broken(&calls("ruf-store")).is_empty());
        assert_eq!(broken(&calls("ruf-net")).len(), 1);
        assert_eq!(
            broken(&calls("ruf-routing")),
            ["ruf-calls imports ruf-routing: a service asks another through the node"]
        );
    }

    #[test]
    fn the_core_waits_for_nothing() {
        assert_eq!(broken(&package("ruf-auth", "core/auth", &["tokio"])).len(), 1);
        assert!(broken(&package("ruf-auth", "core/auth", &["tokio (test)"])).is_empty());
        assert!(broken(&package("ruf-net", "io/net", &["tokio", "ruf-message"])).is_empty());
    }

    #[test]
    fn the_store_knows_no_domain_type() {
        assert_eq!(broken(&package("ruf-store", "io/store", &["ruf-auth"])).len(), 1);
    }

    #[test]
    fn a_crate_outside_of_the_floors_is_found() {
        assert_eq!(broken(&package("ruf-attic", "attic", &[])).len(), 1);
    }
}
