//! Which crate may name which. The table below is the truth: a crate that needs another one writes it here, where it
//! is read by whoever reviews the change.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::run::Job;

/// A crate, and all that its manifest may name in `[dependencies]`.
struct Layer {
    name: &'static str,
    may_use: &'static [&'static str],
    /// Names that must not be anywhere below it either.
    never_below: &'static [&'static str],
}

/// Nothing that judges may reach a network, a window, a keychain or a clock's runtime.
const JUDGE_NEVER: &[&str] = &[
    "gtk",
    "hyper",
    "keyring",
    "keyring-core",
    "octocrab",
    "reqwest",
    "rusqlite",
    "tauri",
    "tokio",
    "webkit2gtk",
    "wry",
    "zbus",
];

const LAYERS: &[Layer] = &[
    Layer {
        name: "countersign-core",
        may_use: &[
            "base64",
            "globset",
            "jiff",
            "regex",
            "serde",
            "serde_json",
            "sha1",
            "sha2",
            "ssh-key",
            "thiserror",
            "toml",
        ],
        never_below: JUDGE_NEVER,
    },
    Layer {
        name: "countersign-assess",
        may_use: &[
            "countersign-core",
            "github-actions-models",
            "globset",
            "hcl-edit",
            "regex",
            "serde",
            "serde_json",
            "sqlparser",
            "squawk-linter",
            "squawk-syntax",
            "thiserror",
            "toml",
            "tree-sitter",
            "tree-sitter-bash",
            "yaml_serde",
        ],
        never_below: JUDGE_NEVER,
    },
    Layer {
        name: "countersign-engine",
        may_use: &[
            "ammonia",
            "anyhow",
            "base64",
            "comrak",
            "countersign-assess",
            "countersign-core",
            "countersign-prompt",
            "flate2",
            "getrandom",
            "http",
            "hyper-util",
            "jiff",
            "keyring",
            "keyring-core",
            "notify-rust",
            "octocrab",
            "regex",
            "reqwest",
            "rusqlite",
            "rustls",
            "rustls-platform-verifier",
            "secrecy",
            "serde",
            "serde_json",
            "sha2",
            "ssh-key",
            "syntect",
            "thiserror",
            "tokio",
            "tokio-rustls",
            "tracing",
            "zbus",
            "zbus-secret-service-keyring-store",
        ],
        never_below: &["gtk", "tauri", "webkit2gtk", "wry"],
    },
    Layer {
        name: "countersign-prompt",
        may_use: &[
            "block2",
            "objc2",
            "objc2-foundation",
            "objc2-local-authentication",
            "thiserror",
            "tokio",
            "windows",
            "zbus",
        ],
        never_below: &["countersign-core", "gtk", "tauri", "webkit2gtk", "wry"],
    },
    Layer {
        name: "countersign",
        may_use: &[
            "anyhow",
            "countersign-engine",
            "directories",
            "gtk",
            "rustix",
            "serde",
            "serde_json",
            "tauri",
            "tauri-plugin-dialog",
            "tauri-plugin-opener",
            "tauri-plugin-single-instance",
            "tauri-plugin-window-state",
            "tokio",
            "tracing",
            "tracing-appender",
            "tracing-subscriber",
        ],
        never_below: &[],
    },
    Layer {
        name: "countersign-verify",
        may_use: &["clap", "countersign-core", "jiff", "serde", "serde_json"],
        never_below: JUDGE_NEVER,
    },
];

/// Every breach, in words; empty = the house stands as drawn.
pub(crate) fn breaches() -> Result<Vec<String>> {
    let words = ["metadata", "--format-version", "1", "--no-deps", "--locked"];
    let metadata = Job::offline(&words).silent().run()?;
    if !metadata.ok {
        bail!("cargo metadata failed: {}", metadata.err.trim());
    }
    let metadata: Value = serde_json::from_str(&metadata.out).context("cargo metadata is not JSON")?;
    let mut found = direct(&metadata, LAYERS);
    for layer in LAYERS.iter().filter(|layer| !layer.never_below.is_empty()) {
        let words = [
            "tree",
            "--package",
            layer.name,
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--locked",
        ];
        let tree = Job::offline(&words).silent().run()?;
        if !tree.ok {
            bail!("cargo tree failed: {}", tree.err.trim());
        }
        found.extend(below(layer, &tree.out));
    }
    Ok(found)
}

/// Manifests against the table. `metadata` is `cargo metadata --no-deps`.
fn direct(metadata: &Value, layers: &[Layer]) -> Vec<String> {
    let packages = metadata["packages"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let mut found = Vec::new();
    for layer in layers {
        let Some(package) = packages.iter().find(|package| package["name"] == layer.name) else {
            found.push(format!("{} is not in the workspace", layer.name));
            continue;
        };
        let dependencies = package["dependencies"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        // `kind` is null for what the crate itself links; tests and build scripts may use more.
        let linked = dependencies
            .iter()
            .filter(|dependency| dependency["kind"].is_null());
        let names: BTreeSet<&str> = linked
            .filter_map(|dependency| dependency["name"].as_str())
            .collect();
        for name in names.iter().filter(|name| !layer.may_use.contains(name)) {
            found.push(format!(
                "{} names {name}, which its layer does not allow",
                layer.name
            ));
        }
    }
    found
}

/// A dependency tree (`cargo tree --prefix none`, one `name vVERSION` a line) against what must not be in it.
fn below(layer: &Layer, tree: &str) -> Vec<String> {
    let names: BTreeSet<&str> = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    if !names.contains(layer.name) {
        return vec![format!("the dependency tree of {} could not be read", layer.name)];
    }
    let bad = layer.never_below.iter().filter(|name| names.contains(**name));
    bad.map(|name| format!("{} links {name}, by way of another crate", layer.name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const LAYER: Layer = Layer {
        name: "judge",
        may_use: &["serde"],
        never_below: &["tokio"],
    };

    #[test]
    fn a_dependency_outside_the_table_is_named() {
        let package = |kind: Value| {
            json!({"packages": [{"name": "judge", "dependencies": [
                {"name": "serde", "kind": null}, {"name": "tokio", "kind": kind}]}]})
        };
        assert_eq!(
            direct(&package(Value::Null), &[LAYER]),
            ["judge names tokio, which its layer does not allow"]
        );
        assert!(direct(&package(json!("dev")), &[LAYER]).is_empty());
        assert_eq!(direct(&json!({"packages": []}), &[LAYER]).len(), 1);
    }

    #[test]
    fn the_judge_and_what_it_stands_on_reach_no_network_window_or_keychain() {
        for name in ["countersign-verify", "countersign-core"] {
            let layer = LAYERS.iter().find(|layer| layer.name == name).unwrap();
            for never in [
                "tokio",
                "webkit2gtk",
                "wry",
                "keyring",
                "keyring-core",
                "reqwest",
                "zbus",
            ] {
                assert!(layer.never_below.contains(&never), "{name} may link {never}");
            }
        }
        assert_eq!(breaches().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_tree_is_searched_to_its_leaves() {
        assert_eq!(
            below(&LAYER, "judge v0.1.0 (/x)\nserde v1.0.0\ntokio v1.54.0 (*)\n").len(),
            1
        );
        assert!(below(&LAYER, "judge v0.1.0 (/x)\ntokio-util v1.0.0\n").is_empty());
        assert_eq!(below(&LAYER, "").len(), 1, "an empty answer proves nothing");
    }
}
