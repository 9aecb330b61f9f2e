//! The workspace as the checks see it: its packages and its tracked files.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;
use serde_json::Value;

/// One package of the workspace.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Its folder from the root of the workspace, with `/`.
    pub(crate) folder: String,
    pub(crate) dependencies: Vec<Dependency>,
}

/// One direct dependency of a package.
#[derive(Debug, Clone)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// True for a dev-dependency: only tests see it.
    pub(crate) for_tests: bool,
}

/// The workspace on disk.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) root: PathBuf,
    pub(crate) packages: Vec<Package>,
    /// Paths of all files that are tracked or would be, from the root, with `/`.
    pub(crate) files: Vec<String>,
}

impl Tree {
    /// Asks cargo for the packages and git for the files.
    pub(crate) fn load() -> Outcome<Tree> {
        let metadata =
            capture(Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())).args([
                "metadata",
                "--format-version",
                "1",
                "--no-deps",
            ]))?;
        let metadata: Value = serde_json::from_slice(&metadata)?;
        let root = PathBuf::from(
            metadata
                .get("workspace_root")
                .and_then(Value::as_str)
                .ok_or("cargo metadata names no workspace root")?,
        );
        let packages = packages_of(&metadata, &root)?;
        let listed = capture(Command::new("git").current_dir(&root).args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ]))?;
        let mut files: Vec<String> = listed
            .split(|byte| *byte == 0)
            .filter(|name| !name.is_empty())
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .filter(|name| root.join(name).is_file())
            .collect();
        files.sort();
        files.dedup();
        Ok(Tree { root, packages, files })
    }

    /// The bytes of a file named from the root.
    pub(crate) fn read(&self, path: &str) -> Outcome<Vec<u8>> {
        std::fs::read(self.root.join(path)).map_err(|error| format!("{path}: {error}").into())
    }

    /// The text of a file named from the root.
    pub(crate) fn text(&self, path: &str) -> Outcome<String> {
        String::from_utf8(self.read(path)?).map_err(|_| format!("{path}: is not UTF-8").into())
    }
}

fn packages_of(metadata: &Value, root: &Path) -> Outcome<Vec<Package>> {
    let listed =
        metadata.get("packages").and_then(Value::as_array).ok_or("cargo metadata names no packages")?;
    let mut packages = Vec::new();
    for package in listed {
        let word = |key: &str| package.get(key).and_then(Value::as_str);
        let name = word("name").ok_or("a package has no name")?;
        let manifest = word("manifest_path").ok_or("a package has no manifest")?;
        let folder = Path::new(manifest)
            .parent()
            .and_then(|folder| folder.strip_prefix(root).ok())
            .ok_or("a package lies outside of the workspace")?;
        let mut dependencies = Vec::new();
        for dependency in package.get("dependencies").and_then(Value::as_array).into_iter().flatten() {
            let name = dependency.get("name").and_then(Value::as_str);
            dependencies.push(Dependency {
                name: name.ok_or("a dependency has no name")?.to_owned(),
                for_tests: dependency.get("kind").and_then(Value::as_str) == Some("dev"),
            });
        }
        packages.push(Package {
            name: name.to_owned(),
            folder: folder.to_string_lossy().replace('\\', "/"),
            dependencies,
        });
    }
    Ok(packages)
}

fn capture(command: &mut Command) -> Outcome<Vec<u8>> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?} failed: {}", said.trim()).into());
    }
    Ok(output.stdout)
}
