//! What is done with hostile bytes, one function for each reader of them: run by `fuzz.rs` as ordinary tests and by
//! cargo-fuzz through `../fuzz`. Each asks for more than not to panic, so that a fuzzer has something to find.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "shared by crates that each use a part of it"
)]

use countersign_assess::{Known, Manifest, Sides, assess_with, wants_sides};
use countersign_core::change::{Change, Commit, Identity};
use countersign_core::evidence::{Extra, classify};
use countersign_core::finding::Side;
use countersign_core::owners::Owners;
use countersign_core::patch::{LineKind, Patch};
use countersign_core::policy::{AllowedSigners, Policy, RevokedKeys, Touched};
use countersign_core::signature::{self, Envelope};
use countersign_core::trailers;
use countersign_core::verify::{Input, Outcome, judge as judged};

use crate::common::{change, file};

/// A diff is refused, or it is read to its last byte.
pub fn patch(data: &[u8]) {
    if let Ok(patch) = Patch::parse(data) {
        assert_eq!(patch.to_bytes(), data);
    }
}

/// Trailers stand in the message, and git's own reading of a part is not longer than the message.
pub fn trailers(data: &[u8]) {
    let message = String::from_utf8_lossy(data);
    for trailer in trailers::parse(&message) {
        assert!(!trailer.key.is_empty() && message.contains(&trailer.key));
        // Git's blanks, not Unicode's.
        let blank = [' ', '\t', '\n', '\r'];
        assert_eq!(trailer.value.trim_matches(blank), trailer.value);
    }
    let lines = message.split('\n').count();
    for by in trailers::by_lines(&message) {
        assert!(by.line < lines && by.key.to_lowercase() == by.key);
    }
}

/// Whoever owns a path is named on a line of the file.
pub fn owners(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let owners = Owners::parse(&text);
    let lines = text.lines().count();
    // A backslash takes the next character as it stands.
    let bare = |text: &str| text.replace('\\', "");
    let whole = bare(&text);
    for path in ["README.md", "services/ledger/src/lib.rs", "a b/é", "docs/x.md"] {
        if let Some(ground) = owners.of(path) {
            assert!(ground.line >= 1 && ground.line <= lines);
            assert!(ground.owners.iter().all(|owner| whole.contains(&bare(owner))));
        }
    }
    assert!(owners.faults.iter().all(|fault| fault.line <= lines.max(1)));
}

/// A policy is refused with its place, or asks at least as much of files that cannot be known as of any.
pub fn policy(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match Policy::parse(&text) {
        Ok(policy) => {
            let gate = ["tools/gate".to_owned()];
            let one = [Touched::new(b"infra/main.tf", [0o100_644])];
            let known = policy.requirement_for(Some(&one), &gate);
            let unknown = policy.requirement_for(None, &gate);
            assert!(unknown.approvals >= known.approvals);
        }
        Err(refused) => assert!(!refused.to_string().is_empty()),
    }
}

/// An envelope is taken out of a review in its one encoding, or not at all; so is the signature in it.
pub fn envelope(data: &[u8]) {
    let body = String::from_utf8_lossy(data);
    let Ok(envelope) = signature::extract(&body) else {
        return;
    };
    assert_eq!(
        Envelope::from_json(envelope.to_json().as_bytes()),
        Ok(envelope.clone())
    );
    if let Ok(sshsig) = envelope.sshsig() {
        assert_eq!(sshsig.to_armor(), envelope.armor());
    }
}

/// Lists of keys are refused with their place, or everybody in them is named there.
pub fn signers(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match AllowedSigners::parse(&text) {
        Ok(signers) => assert!(signers.principals().all(|principal| text.contains(principal))),
        Err(refused) => assert!(!refused.to_string().is_empty()),
    }
    if let Err(refused) = RevokedKeys::parse(&text) {
        assert!(!refused.to_string().is_empty());
    }
}

/// What CI collected is refused or judged, each time alike; and nothing is accepted that nobody signed.
pub fn judge(data: &[u8]) {
    let Ok(input) = Input::from_json(data) else {
        return;
    };
    let now = "2026-11-23T23:00:00Z".parse().unwrap();
    let verdict = judged(&input, now);
    assert!(
        verdict.verdict != Outcome::Accepted || !verdict.signers.is_empty() || verdict.break_glass.is_some()
    );
    let said = |verdict| serde_json::to_string(verdict).unwrap();
    assert_eq!(said(&verdict), said(&judged(&input, now)));
}

/// Description, branch and message of the same bytes: the same answer each time, and no mark out of nowhere.
pub fn evidence(data: &[u8]) {
    let about = said(&String::from_utf8_lossy(data));
    let found = classify(&about, Extra::default());
    assert_eq!(found, classify(&about, Extra::default()));
    assert!(!found.involvement.is_ai() || !found.evidence.is_empty());
    assert!(found.evidence.iter().all(|one| one.text.chars().count() <= 301));
}

/// A change whose parts are divided by lines `%%`.
fn said(text: &str) -> Change {
    let mut parts = text.split("\n%%\n");
    let mut about = change("x");
    about.body = parts.next().unwrap_or_default().to_owned();
    about.head.branch = parts.next().unwrap_or_default().to_owned();
    let nobody = Identity {
        name: String::new(),
        email: String::new(),
        account: None,
    };
    about.commits = parts
        .map(|message| Commit {
            oid: about.head.oid.clone(),
            tree: None,
            message: message.to_owned(),
            author: nobody.clone(),
            committer: nobody.clone(),
            committed_at: None,
        })
        .collect();
    about
}

/// The bytes as a diff, where they are one; and as the lines of one, whole files and manifests with them: every
/// finding stands on a line of its file, and the same bytes give the same findings.
pub fn assess(data: &[u8]) {
    let about = change("x");
    if let Ok(patch) = Patch::parse(data) {
        let _ = assess_with(&about, Ok(&patch), Known::default());
    }
    let text = String::from_utf8_lossy(data);
    let (path, body) = text.split_once('\n').unwrap_or(("main.tf", &text));
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let path: String = path.chars().filter(|c| plain(*c)).take(80).collect();
    let path = if path.is_empty() {
        "main.tf".to_owned()
    } else {
        path
    };
    let lines: String = body.split('\n').map(signed).collect();
    let diff = file(&path, &lines);
    let Ok(patch) = Patch::parse(diff.as_bytes()) else {
        return;
    };
    let sides: Vec<Sides> = (patch.files.iter().filter(|file| wants_sides(file)))
        .map(|one| {
            let side = |left_out: LineKind| {
                let lines = one.lines().filter(|line| line.kind != left_out);
                lines
                    .flat_map(|line| [line.text, b"\n"].concat())
                    .collect::<Vec<u8>>()
            };
            Sides {
                path: one.display_path(),
                old: one.old_path.is_some().then(|| side(LineKind::Added)),
                new: one.new_path.is_some().then(|| side(LineKind::Removed)),
                missing: None,
            }
        })
        .collect();
    let manifests = [Manifest {
        path: path.clone(),
        bytes: body.as_bytes().to_vec(),
    }];
    let known = Known {
        sides: &sides,
        manifests: &manifests,
        ..Known::default()
    };
    let found = assess_with(&about, Ok(&patch), known);
    let total = [LineKind::Added, LineKind::Removed].map(|left_out| {
        let count = |kind| patch.files.iter().map(|file| file.count(kind)).sum::<u64>();
        count(LineKind::Added) + count(LineKind::Removed) + count(LineKind::Context) - count(left_out)
    });
    for finding in &found.findings {
        let most = total[usize::from(finding.side == Side::New)];
        assert!(
            finding.line.is_none_or(|line| u64::from(line) <= most.max(1)),
            "{finding:?}"
        );
    }
    assert_eq!(found, assess_with(&about, Ok(&patch), known));
}

/// A line of a diff; one without a sign comes.
fn signed(line: &str) -> String {
    match line.chars().next() {
        Some('+' | '-' | ' ') => format!("{line}\n"),
        _ => format!("+{line}\n"),
    }
}
