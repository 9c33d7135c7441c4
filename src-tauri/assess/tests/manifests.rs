//! Manifests read on both sides: what only the whole file tells of a name or a range.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::change;
use countersign_assess::{Known, Sides, assess_with, wants_sides};
use countersign_core::finding::{Assessment, Severity};
use countersign_core::patch::Patch;

/// A change of whole lines in the middle of a file, the hunk without any context.
fn assessed(path: &str, [head, old, new, tail]: [&str; 4]) -> Assessment {
    let signed =
        |sign: char, text: &str| -> String { text.lines().map(|line| format!("{sign}{line}\n")).collect() };
    let above = head.lines().count();
    let start = |text: &str| above + usize::from(!text.is_empty());
    let diff = format!(
        "diff --git a/{path} b/{path}\nindex 1111111..2222222 100644\n--- a/{path}\n+++ b/{path}\n@@ -{},{} +{},{} @@\n{}{}",
        start(old),
        old.lines().count(),
        start(new),
        new.lines().count(),
        signed('-', old),
        signed('+', new)
    );
    let patch = Patch::parse(diff.as_bytes()).unwrap();
    assert!(wants_sides(&patch.files[0]), "{path}");
    let sides = [Sides {
        path: path.to_owned(),
        old: Some(format!("{head}{old}{tail}").into_bytes()),
        new: Some(format!("{head}{new}{tail}").into_bytes()),
        missing: None,
    }];
    let known = Known {
        sides: &sides,
        ..Known::default()
    };
    assess_with(&change("x"), Ok(&patch), known)
}

/// Rule, line and subject of each finding about dependencies.
fn said(path: &str, parts: [&str; 4]) -> Vec<String> {
    let assessment = assessed(path, parts);
    assert_eq!(assessment.not_assessed, [], "{path}");
    let about = assessment
        .findings
        .iter()
        .filter(|one| one.family == "dependencies");
    about
        .map(|one| {
            let subject = one.subject.as_deref().unwrap_or("-");
            format!("{} {} {subject}", one.rule, one.line.unwrap_or_default())
        })
        .collect()
}

const NPM: (&str, &str) = (
    "{\n  \"name\": \"web\",\n  \"dependencies\": {\n    \"a\": \"^1.0.0\",\n",
    "    \"z\": \"1.0.0\"\n  },\n  \"scripts\": { \"test\": \"jest\" }\n}\n",
);

#[test]
fn a_name_is_new_when_the_old_file_has_it_nowhere() {
    let npm = |old: &str, new: &str| said("web/package.json", [NPM.0, old, new, NPM.1]);
    assert_eq!(
        npm("", "    \"@acme/left-pad\": \"1.3.0\",\n"),
        ["dep.manifest_added 5 @acme/left-pad"]
    );
    // Far from its old place, which no hunk shows.
    let moved = said(
        "web/package.json",
        [
            "{\n  \"devDependencies\": {\n    \"left-pad\": \"1.3.0\"\n  },\n  \"dependencies\": {\n",
            "",
            "    \"left-pad\": \"1.3.0\",\n",
            "    \"a\": \"1.0.0\"\n  }\n}\n",
        ],
    );
    assert_eq!(moved, Vec::<String>::new());
    // What looks like a dependency and is none.
    let other = [
        "{\n  \"dependencies\": { \"a\": \"1.0.0\" },\n  \"jest\": {\n",
        "",
        "    \"retries\": \"3\",\n",
        "    \"x\": 1\n  }\n}\n",
    ];
    assert_eq!(said("web/package.json", other), Vec::<String>::new());
}

#[test]
fn each_format_knows_a_new_name() {
    let cases: [(&str, [&str; 4], &str); 6] = [
        (
            "Cargo.toml",
            [
                "[package]\nname = \"x\"\n[dependencies]\n",
                "",
                "[dependencies.leftpad]\nversion = \"1\"\n",
                "",
            ],
            "dep.manifest_added 4 leftpad",
        ),
        (
            "go.mod",
            [
                "module example.com/x\n\nrequire (\n",
                "",
                "\texample.com/leftpad v1.2.3\n",
                ")\n",
            ],
            "dep.manifest_added 4 example.com/leftpad",
        ),
        (
            "pom.xml",
            [
                "<project>\n<dependencies>\n",
                "",
                "<dependency>\n  <groupId>org.x</groupId>\n  <artifactId>leftpad</artifactId>\n</dependency>\n",
                "</dependencies>\n</project>\n",
            ],
            "dep.manifest_added 5 leftpad",
        ),
        (
            "pyproject.toml",
            [
                "[project]\ndependencies = [\n  \"a\",\n",
                "",
                "  \"leftpad[extra] >= 2; python_version < '4'\",\n",
                "]\n",
            ],
            "dep.manifest_added 4 leftpad",
        ),
        (
            "pyproject.toml",
            [
                "[tool.poetry.group.dev.dependencies]\npytest = \"^8\"\n",
                "",
                "leftpad = \"^2\"\n",
                "",
            ],
            "dep.manifest_added 3 leftpad",
        ),
        (
            "requirements-dev.txt",
            ["a==1\n", "", "leftpad==1.0\n", "b==2\n"],
            "dep.manifest_added 2 leftpad",
        ),
    ];
    for (path, parts, expected) in cases {
        assert_eq!(said(path, parts), [expected], "{path}");
    }
}

#[test]
fn a_range_is_looser_when_it_lets_more_through() {
    let npm = |old: &str, new: &str| {
        let line = |range: &str| format!("    \"left-pad\": \"{range}\",\n");
        said("package.json", [NPM.0, &line(old), &line(new), NPM.1]).len()
    };
    for (old, new) in [
        ("1.3.0", "^1.3.0"),
        ("^1.0.0", ">=1.0.0"),
        ("^1.0.0", "*"),
        ("1.3.0", "latest"),
        ("acme/left-pad#1234567", "acme/left-pad#main"),
        ("npm:@acme/pad@1.0.0", "npm:@acme/pad@^1.0.0"),
    ] {
        assert_eq!(npm(old, new), 1, "{old} to {new}");
        assert_eq!(npm(new, old), 0, "{new} to {old}");
    }
    for (old, new) in [
        ("^1.0.0", "^2.0.0"),
        ("1.0.0", "2.0.0"),
        ("^1.0.0", "workspace:*"),
        ("1.x", "~1.2"),
    ] {
        assert_eq!(npm(old, new), 0, "{old} to {new}");
    }
    let requirements = |old: &str, new: &str| said("requirements.txt", ["", old, new, "b==2\n"]).len();
    assert_eq!(requirements("leftpad==1.0\n", "leftpad>=1.0\n"), 1);
    assert_eq!(requirements("leftpad>=1.0,<2\n", "leftpad>=1.0\n"), 1);
    assert_eq!(requirements("leftpad>=1.0\n", "leftpad==1.0\n"), 0);
    let cargo = |old: &str, new: &str| said("Cargo.toml", ["[dependencies]\n", old, new, ""]).len();
    assert_eq!(
        cargo("pad = \"1\"\n", "pad = { git = \"https://example.com/pad\" }\n"),
        1
    );
    assert_eq!(cargo("pad = \"1\"\n", "pad = { workspace = true }\n"), 0);
    let loosened = assessed(
        "package.json",
        [NPM.0, "    \"b\": \"1.0.0\",\n", "    \"b\": \"*\",\n", NPM.1],
    );
    let note = loosened.findings[0].note.as_deref();
    assert_eq!(note, Some("from 1.0.0 to *"));
    assert_eq!(loosened.findings[0].title, "Loosens the version of b");
}

#[test]
fn what_runs_at_install_or_comes_from_elsewhere_is_said_once() {
    let scripts = [
        "{\n  \"scripts\": {\n",
        "",
        "    \"postinstall\": \"node x.js\",\n",
        "    \"test\": \"jest\"\n  }\n}\n",
    ];
    assert_eq!(said("package.json", scripts), ["dep.install_script 3 -"]);
    let again = [
        "{\n  \"scripts\": {\n    \"postinstall\": \"node x.js\",\n",
        "",
        "    \"lint\": \"eslint\",\n",
        "    \"test\": \"jest\"\n  }\n}\n",
    ];
    assert_eq!(said("package.json", again), Vec::<String>::new());
    let other = [
        "module x\n\nrequire example.com/a v1.0.0\n",
        "",
        "replace example.com/a => example.com/b v1.0.0\n",
        "",
    ];
    assert_eq!(said("go.mod", other), ["dep.install_script 4 -"]);
    let index = [
        "a==1\n",
        "",
        "--extra-index-url https://pypi.example.com/simple\n",
        "b==2\n",
    ];
    assert_eq!(said("requirements.txt", index), ["dep.install_script 2 -"]);
    let patched = [
        "[dependencies]\na = \"1\"\n",
        "",
        "[patch.crates-io]\na = { git = \"https://example.com/a\" }\n",
        "",
    ];
    assert_eq!(said("Cargo.toml", patched), ["dep.install_script 4 -"]);
}

#[test]
fn a_manifest_that_cannot_be_read_is_left_to_the_lines() {
    let parts = [
        "{\n  \"dependencies\": {\n",
        "",
        "    \"left-pad\": \"1.3.0\",\n",
        "    oops\n  }\n}\n",
    ];
    let assessment = assessed("package.json", parts);
    assert_eq!(assessment.findings[0].rule, "dep.manifest_added");
    assert_eq!(assessment.findings[0].severity, Severity::Medium);
    assert!(assessment.not_assessed[0].reason.contains("not read as JSON"));
}
