//! `policy check` and `policy test`, as people run them in a working tree.
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy excuses only the test functions themselves"
)]

mod support;

use std::fs;
use std::process::{Command, Output};

use support::allowed_signers;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_countersign-verify"))
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn a_policy_is_checked_in_its_working_tree() {
    let folder = tempfile::tempdir().unwrap();
    let check = || {
        let root = folder.path().to_str().unwrap();
        let output = run(&["policy", "check", "--root", root]);
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(check().0, Some(2), "there is none");
    let github = folder.path().join(".github");
    fs::create_dir(&github).unwrap();
    fs::write(github.join("countersign.toml"), support::policy_text()).unwrap();
    fs::write(github.join("allowed_signers"), allowed_signers()).unwrap();
    let (code, said) = check();
    assert_eq!(code, Some(1), "the revoked keys are not there: {said}");
    fs::write(github.join("revoked_keys"), "").unwrap();
    let (code, said) = check();
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("warning: \"priya-n\" has no enrolled security key"),
        "{said}"
    );
    fs::write(
        github.join("countersign.toml"),
        support::policy_text() + "more = 1\n",
    )
    .unwrap();
    let (code, said) = check();
    assert_eq!(code, Some(1));
    assert!(
        said.starts_with("error: .github/countersign.toml, line "),
        "{said}"
    );
    fs::remove_file(github.join("revoked_keys")).unwrap();
    fs::write(github.join("countersign.toml"), support::policy_text()).unwrap();
    std::os::unix::fs::symlink("allowed_signers", github.join("revoked_keys")).unwrap();
    let (code, said) = check();
    assert!(code == Some(1) && said.contains("is a link"), "{said}");
}

#[test]
fn a_policy_is_looked_at_with_the_organisations() {
    let [own, theirs] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    for folder in [&own, &theirs] {
        let github = folder.path().join(".github");
        fs::create_dir(&github).unwrap();
        fs::write(github.join("countersign.toml"), support::policy_text()).unwrap();
        fs::write(github.join("allowed_signers"), allowed_signers()).unwrap();
        fs::write(github.join("revoked_keys"), "").unwrap();
    }
    let extends = "extends = \"acme/policies:.github/countersign.toml\"\n\n[signoff]";
    let policy = support::policy_text().replacen("[signoff]", extends, 1);
    fs::write(own.path().join(".github/countersign.toml"), policy).unwrap();
    let example = "[[change]]\nname = \"source\"\npaths = [\"a.rs\"]\napprovals = 1\n";
    fs::write(own.path().join(".github/countersign-examples.toml"), example).unwrap();
    let look = |what: &str, more: &[&str]| {
        let root = own.path().to_str().unwrap();
        let output = run(&[&["policy", what, "--root", root], more].concat());
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let with = ["--extends", theirs.path().to_str().unwrap()];
    let (code, said) = look("check", &[]);
    assert!(code == Some(0) && said.contains("was not looked at"), "{said}");
    let (code, said) = look("check", &with);
    assert!(code == Some(0) && !said.contains("was not looked at"), "{said}");
    assert_eq!(
        look("test", &with),
        (Some(0), "1 examples; 0 differences\n".to_owned())
    );
    let (code, said) = look("test", &[]);
    assert!(code == Some(1) && said.contains("--extends"), "{said}");

    let write = |text: &str| fs::write(theirs.path().join(".github/countersign.toml"), text).unwrap();
    write(&support::policy_text().replacen("approvals = 1", "approvals = 4", 1));
    let (code, said) = look("test", &with);
    assert!(
        code == Some(1) && said.contains("approvals: expected 1, found 4"),
        "{said}"
    );
    let (_, said) = look("check", &with);
    assert!(said.contains("asks for 4 approvals: not reachable"), "{said}");
    write(&support::policy_text().replacen("[signoff]", extends, 1));
    for what in ["check", "test"] {
        let (code, said) = look(what, &with);
        assert!(code == Some(1) && said.contains("one level only"), "{said}");
    }
    fs::remove_file(theirs.path().join(".github/countersign.toml")).unwrap();
    assert_eq!(look("check", &with).0, Some(1));
}

#[test]
fn a_policy_is_tested_by_examples() {
    let folder = tempfile::tempdir().unwrap();
    let github = folder.path().join(".github");
    fs::create_dir(&github).unwrap();
    fs::write(github.join("countersign.toml"), support::policy_text()).unwrap();
    let test = |examples: &str| {
        fs::write(github.join("countersign-examples.toml"), examples).unwrap();
        let root = folder.path().to_str().unwrap();
        let output = run(&["policy", "test", "--root", root]);
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let example = "[[change]]\nname = \"infrastructure\"\npaths = [\"infra/a.tf\"]\napprovals = ";
    assert_eq!(
        test(&format!("{example}2\n")),
        (Some(0), "1 examples; 0 differences\n".to_owned())
    );
    let (code, said) = test(&format!("{example}1\n"));
    assert_eq!(code, Some(1));
    assert!(
        said.starts_with("error: infrastructure: approvals: expected 1, found 2\n"),
        "{said}"
    );
    let (code, said) = test("[[change]]\nname = 1\n");
    assert!(
        code == Some(1) && said.starts_with("error: .github/countersign-examples.toml, line 2"),
        "{said}"
    );
}
