//! Which Rust files does the workspace compile?

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use anyhow::{Context, Result, bail};
use regex::Regex;
use serde_json::Value;

/// The files of all targets of all members: those that Cargo names, and the
/// modules that are declared in them.
pub fn compiled_files(repository: &Path) -> Result<BTreeSet<PathBuf>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(repository);
    command.args(["metadata", "--no-deps", "--offline"]);
    command.args(["--format-version", "1"]);
    let output = command.output().context("cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut files = BTreeSet::new();
    for package in list(&metadata["packages"]) {
        for target in list(&package["targets"]) {
            let root = target["src_path"].as_str().context("no src_path")?;
            let root = fs::canonicalize(root)?;
            let folder = root.parent().context("no folder")?.to_path_buf();
            add_module(&root, &folder, &mut files);
        }
    }
    Ok(files)
}

/// Adds a file and the modules that it declares; those without a path of
/// their own stand in `folder`.
fn add_module(file: &Path, folder: &Path, files: &mut BTreeSet<PathBuf>) {
    static MODULE: LazyLock<Regex> = LazyLock::new(|| {
        let path = r##"(?:#\[path = "([^"]+)"\]\s*)?"##;
        let module = r"(?:pub(?:\([^)]*\))? )?mod (\w+);";
        Regex::new(&format!("(?m)^{path}{module}")).unwrap()
    });
    let Ok(text) = fs::read_to_string(file) else { return };
    if !files.insert(file.to_path_buf()) {
        return;
    }
    for found in MODULE.captures_iter(&text) {
        let name = &found[2];
        let beside = file.parent().unwrap_or(folder);
        let place = match found.get(1) {
            Some(path) => beside.join(path.as_str()),
            None => folder.join(format!("{name}.rs")),
        };
        let place = match fs::canonicalize(place) {
            Ok(place) => place,
            Err(_) => folder.join(name).join("mod.rs"),
        };
        add_module(&place, &folder.join(name), files);
    }
}
