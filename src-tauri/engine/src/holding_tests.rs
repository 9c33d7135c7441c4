use countersign_core::change::Oid;
use countersign_core::decision::{
    BreakGlass, ChangeContext, Changeset, Claims, ForgeContext, OutboxState, PolicyContext, Predicate,
    PresenceClaim, Reviewer, Seen, Subject, SubjectDigest, acknowledged_digest, subject_name,
};
use countersign_core::evidence::{Classification, Involvement};
use countersign_core::finding::Assessment;
use countersign_core::signature::{NAMESPACE, envelope_body, sign};
use ssh_key::PrivateKey;
use ssh_key::private::{Ed25519Keypair, KeypairData};

use super::*;
use crate::example;
use crate::store::Facts;

const DAY: SignedDuration = SignedDuration::from_hours(24);
const POLICY: &str = "version = 1\nallowed_signers = \"a\"\nrevoked_keys = \"r\"\n\n[signoff]\nbind = \"head\"\n\n\
                      [[senior]]\nlogin = \"priya-n\"\nid = \"7\"\nprincipal = \"priya@acme.example\"\n";

fn at() -> Timestamp {
    "2026-11-24T10:00:00Z".parse().unwrap()
}

fn oid(digit: &str) -> Oid {
    digit.repeat(40).parse().unwrap()
}

fn key(seed: u8) -> PrivateKey {
    PrivateKey::new(KeypairData::Ed25519(Ed25519Keypair::from_seed(&[seed; 32])), "").unwrap()
}

fn public(seed: u8) -> String {
    key(seed).public_key().to_openssh().unwrap()
}

fn signers(options: &str) -> String {
    format!(
        "priya@acme.example {options}namespaces=\"{NAMESPACE}\" {}\n",
        public(1)
    )
}

fn viewer() -> Person {
    Person {
        login: "priya-n".into(),
        id: Some("7".into()),
        kind: AccountKind::User,
    }
}

/// The body of an approval of head 1 whose changeset is `c…`, signed with the first key.
fn body(change_of: impl FnOnce(&mut Predicate)) -> String {
    let change = example::change();
    let mut predicate = Predicate {
        decision: Decision::Approve,
        forge: ForgeContext {
            kind: "github".into(),
            host: change.id.host.clone(),
            repo: change.id.repo.clone(),
            repo_id: change.repo_id.clone(),
            change: change.id.number.to_string(),
            change_id: change.change_id.clone(),
        },
        change: ChangeContext {
            target_ref: "refs/heads/main".into(),
            base_commit: oid("2"),
            merge_base: oid("3"),
            changeset: Some(Changeset::git_raw_v1("c".repeat(64))),
        },
        reviewer: Reviewer {
            id: "7".into(),
            login: "priya-n".into(),
        },
        policy: PolicyContext {
            path: countersign_core::policy::PATH.into(),
            git_blob: None,
            rule: "ai-assisted".into(),
            role: "senior".into(),
        },
        seen: Seen {
            patch: "0".repeat(64),
            assessment: "0".repeat(64),
            findings: 0,
            acknowledged: acknowledged_digest(&[]),
            files: 1,
            viewed: 1,
        },
        issued_at: at(),
        expires_at: at() + DAY * 7,
        nonce: countersign_core::decision::nonce([1; 16]),
        claims: Claims {
            ai: Vec::new(),
            app: "countersign/1".into(),
            presence: PresenceClaim::None,
            ledger: "0".repeat(64),
        },
        break_glass: None,
    };
    change_of(&mut predicate);
    let subject = Subject {
        name: subject_name(&change.id.host, &change.id.repo),
        uri: "https://github.com/acme/infra/pull/1".into(),
        digest: SubjectDigest {
            git_commit: oid("1"),
            git_tree: oid("4"),
        },
    };
    let statement = Statement::new(subject, predicate);
    let envelope = sign(&key(1), &statement.to_payload()).unwrap();
    envelope_body(&statement.readable_line(), "", &envelope).unwrap()
}

/// What is known, in a case of its own.
struct Scene {
    entry: Entry,
    held: Held,
    read_at: Timestamp,
    other_withdrawn_at: Option<Timestamp>,
    diff: Option<Vec<u8>>,
    now: Timestamp,
}

impl Scene {
    /// Approved and confirmed at once, read an hour later.
    fn new() -> Self {
        let mut change = example::change();
        change.commit_count = 0;
        change.own_review = Some(Review {
            id: "9".into(),
            author: Some(viewer()),
            state: ReviewState::Approved,
            submitted_at: Some(at()),
            edited_at: None,
            commit: Some(oid("1")),
            body: String::new(),
        });
        let entry = Entry {
            entry: "n".into(),
            change: change.id.clone(),
            head: oid("1"),
            target: "main".into(),
            reviewer: "7".into(),
            title: String::new(),
            decision: Decision::Approve,
            words: String::new(),
            body: body(|_| ()),
            state: OutboxState::Confirmed,
            review: Some("9".into()),
            message: None,
            signed_at: at(),
            not_after: at() + DAY,
            settled_at: Some(at()),
            hidden: false,
            withdrawn: None,
        };
        let held = Held {
            change,
            section: None,
            needs_sign_off: true,
            involvement_words: String::new(),
            classification: Classification {
                involvement: Involvement::Authored,
                tool: None,
                evidence: Vec::new(),
                automation: None,
                commits_unread: 0,
            },
            assessment: Assessment::default(),
            facts: Facts {
                merge_base: Some(oid("3")),
                head_tree: Some(oid("4")),
                changeset: Some("c".repeat(64)),
                policy: Some(POLICY.into()),
                allowed_signers: Some(signers("")),
                revoked_keys: Some(String::new()),
                pushers: Some(Vec::new()),
                ..Facts::default()
            },
            seen: String::new(),
            patch_sha256: String::new(),
            assessment_sha256: String::new(),
            read: true,
        };
        let now = at() + SignedDuration::from_hours(1);
        Self {
            entry,
            held,
            read_at: now,
            other_withdrawn_at: None,
            diff: None,
            now,
        }
    }

    fn policy(&mut self, from: &str, to: &str) {
        self.held.facts.policy = Some(POLICY.replace(from, to));
    }

    fn bound_to_the_changeset(&mut self) {
        self.policy("\"head\"", "\"changeset\"");
    }

    /// The branch was brought up to date: another head with another tree, that does the same.
    fn updated(&mut self) {
        self.held.change.head.oid = oid("5");
        self.held.facts.head_tree = Some(oid("6"));
        self.held.facts.merge_base = Some(oid("2"));
    }

    fn judge(&self) -> Holding {
        let given = Given {
            viewer: &viewer(),
            entry: &self.entry,
            held: &self.held,
            read_at: self.read_at,
            other_withdrawn_at: self.other_withdrawn_at,
        };
        given.judge(|| self.diff.clone(), self.now)
    }

    fn own_review(&mut self) -> &mut Review {
        self.held.change.own_review.as_mut().unwrap()
    }
}

#[test]
fn what_was_read_long_ago_or_is_of_the_future_says_nothing_about_now() {
    let scene = Scene::new();
    let approval = Approval {
        holding: scene.judge(),
        entry: scene.entry,
        held: scene.held,
        read_at: scene.read_at,
    };
    for (minutes, state) in [
        (0, HoldingState::Holds),
        (29, HoldingState::Holds),
        (30, HoldingState::Unknown),
        (-120, HoldingState::Unknown),
    ] {
        let now = scene.read_at + SignedDuration::from_mins(minutes);
        assert_eq!(approval.view(true, now).state, state, "{minutes} min");
    }
}

type Case = (&'static str, fn(&mut Scene), &'static str);

/// Each with what it begins with, and a word of why.
#[test]
fn an_approval_holds_exactly_as_long_as_the_gate_would_count_it() {
    let cases: &[Case] = &[
        ("holds", |_| (), "2026-12-01T10:00:00Z"),
        ("holds", |s| s.bound_to_the_changeset(), "2026-12-01"),
        // "Update branch".
        ("ended", |s| s.updated(), "head moved to 55555555"),
        (
            "holds, though the head moved",
            |s| {
                s.bound_to_the_changeset();
                s.updated();
            },
            "2026-12-01",
        ),
        (
            "ended",
            |s| {
                s.bound_to_the_changeset();
                s.updated();
                s.held.facts.changeset = Some("d".repeat(64));
            },
            "What the change does",
        ),
        (
            "unknown",
            |s| {
                s.bound_to_the_changeset();
                s.updated();
                s.held.facts.changeset = None;
            },
            "read whole",
        ),
        (
            "ended",
            |s| {
                s.bound_to_the_changeset();
                s.entry.body = body(|predicate| predicate.change.changeset = None);
            },
            "names none",
        ),
        // The same head on another merge base does something else.
        (
            "ended",
            |s| s.held.facts.changeset = Some("d".repeat(64)),
            "What the change does",
        ),
        (
            "ended",
            |s| s.held.change.target.branch = "release".into(),
            "bound for release",
        ),
        // A rule binds to the head where it applies.
        (
            "ended",
            |s| {
                s.policy(
                    "bind = \"head\"\n",
                    "bind = \"changeset\"\n[[rule]]\nname = \"x\"\npaths = [\"a.rs\"]\nbind = \"head\"\n",
                );
                s.updated();
                s.diff = Some(diff("a.rs"));
            },
            "head moved",
        ),
        (
            "holds, though the head moved",
            |s| {
                s.policy(
                    "bind = \"head\"\n",
                    "bind = \"changeset\"\n[[rule]]\nname = \"x\"\npaths = [\"a.rs\"]\nbind = \"head\"\n",
                );
                s.updated();
                s.diff = Some(diff("b.rs"));
            },
            "2026-12-01",
        ),
        (
            "unknown",
            |s| {
                s.policy(
                    "bind = \"head\"\n",
                    "bind = \"changeset\"\n[[rule]]\nname = \"x\"\npaths = [\"a.rs\"]\nbind = \"head\"\n",
                );
                s.updated();
            },
            "Which of the policy's rules",
        ),
        // Time.
        (
            "holds",
            |s| s.now = at() + DAY * 7 - SignedDuration::from_secs(1),
            "2026-12-01",
        ),
        ("ended", |s| s.now = at() + DAY * 7, "expired"),
        (
            "ended",
            |s| s.policy("\"head\"\n", "\"head\"\nmax_age = \"2d\"\n"),
            "longer than the policy allows",
        ),
        // The key.
        (
            "holds",
            |s| s.held.facts.allowed_signers = Some(signers("valid-before=\"20261125Z\",")),
            "2026-11-25T00:00:00Z",
        ),
        (
            "ended",
            |s| s.held.facts.allowed_signers = Some(signers("valid-before=\"20261124105959Z\",")),
            "up to an earlier date",
        ),
        (
            "ended",
            |s| s.held.facts.revoked_keys = Some(public(1)),
            "revoked",
        ),
        (
            "holds",
            |s| s.held.facts.revoked_keys = Some(public(2)),
            "2026-12-01",
        ),
        (
            "ended",
            |s| s.held.facts.allowed_signers = Some(String::new()),
            "not one of theirs",
        ),
        ("ended", |s| s.policy("\"7\"", "\"8\""), "not a senior"),
        (
            "ended",
            |s| s.policy("\"head\"\n", "\"head\"\npresence = \"touch\"\n"),
            "touch",
        ),
        // What it was given as.
        (
            "ended, and would again",
            |s| s.entry.body = body(|predicate| predicate.policy.role = "security".into()),
            "a role that the current policy does not give",
        ),
        (
            "unknown",
            |s| {
                s.entry.body = body(|predicate| {
                    predicate.break_glass = Some(BreakGlass {
                        reason: "The ledger is down and pays nobody.".into(),
                    });
                });
            },
            "breaks the glass",
        ),
        // The review.
        (
            "ended",
            |s| s.own_review().state = ReviewState::Dismissed,
            "not an approval any more",
        ),
        ("ended", |s| s.own_review().edited_at = Some(at()), "edited"),
        (
            "ended",
            |s| s.own_review().commit = Some(oid("8")),
            "attributes the review",
        ),
        (
            "ended",
            |s| {
                let mut later = s.own_review().clone();
                later.id = "10".into();
                later.state = ReviewState::ChangesRequested;
                later.submitted_at = Some(at() + DAY);
                s.held.change.reviews.push(later);
            },
            "decided again later",
        ),
        // A comment takes nothing back.
        (
            "holds",
            |s| {
                let mine = s.own_review().clone();
                s.held.change.reviews.push(mine);
                s.own_review().id = "10".into();
                s.own_review().state = ReviewState::Commented;
            },
            "2026-12-01",
        ),
        (
            "unknown",
            |s| s.held.change.own_review = None,
            "did not show this review",
        ),
        (
            "holds",
            |s| {
                s.held.change.own_review = None;
                s.entry.settled_at = Some(s.read_at);
            },
            "2026-12-01",
        ),
        (
            "unknown",
            |s| s.other_withdrawn_at = Some(at()),
            "found dismissed",
        ),
        (
            "holds",
            |s| s.other_withdrawn_at = Some(at() - SignedDuration::from_secs(1)),
            "2026-12-01",
        ),
        // Who had a part: the button "Update branch" is a push.
        (
            "ended, and would again",
            |s| {
                s.bound_to_the_changeset();
                s.updated();
                s.held.facts.pushers = Some(vec![viewer()]);
            },
            "You pushed",
        ),
        (
            "unknown",
            |s| s.held.change.commit_count = 1,
            "Not all of its commits",
        ),
        // What could not be read.
        (
            "unknown",
            |s| {
                s.held.facts = Facts::default();
                s.held.read = false;
            },
            "could not be read whole",
        ),
        ("unknown", |s| s.held.facts.policy = None, "no policy"),
        (
            "unknown",
            |s| s.held.facts.policy = Some("not toml".into()),
            "cannot be read",
        ),
        (
            "unknown",
            |s| s.policy("version = 1", "version = 1\nextends = \"acme/policies:p.toml\""),
            "could not be read here",
        ),
        ("unknown", |s| s.held.change.draft = true, "draft"),
    ];
    for (number, (expected, change, word)) in cases.iter().enumerate() {
        let mut scene = Scene::new();
        change(&mut scene);
        let found = scene.judge();
        let (state, words) = match &found {
            Holding::Holds { until, moved: false } => ("holds", until.to_string()),
            Holding::Holds { until, moved: true } => ("holds, though the head moved", until.to_string()),
            Holding::Ended(ended) if expected.ends_with("would again") => {
                assert!(!ended.again, "{ended:?}");
                ("ended, and would again", ended.what.clone())
            }
            Holding::Ended(ended) => ("ended", ended.what.clone()),
            Holding::Unknown(why) => ("unknown", why.what.clone()),
        };
        assert_eq!(state, *expected, "case {number}: {found:?}");
        assert!(
            words.contains(word),
            "case {number}: {word:?} is not in {words:?}"
        );
    }
}

fn diff(path: &str) -> Vec<u8> {
    let blobs = format!("{}..{} 100644", "1".repeat(40), "2".repeat(40));
    format!("diff --git a/{path} b/{path}\nindex {blobs}\n--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-a\n+b\n")
        .into_bytes()
}

#[test]
fn what_was_read_long_ago_or_cannot_be_asked_is_not_said_to_hold_now() {
    let view = |change: fn(&mut Scene), online: bool, later: SignedDuration| {
        let mut scene = Scene::new();
        change(&mut scene);
        let given = Approval {
            holding: scene.judge(),
            entry: scene.entry,
            held: scene.held,
            read_at: scene.read_at,
        };
        given.view(online, scene.now + later)
    };
    let fresh = view(|_| (), true, SignedDuration::ZERO);
    assert_eq!(fresh.state, HoldingState::Holds);
    assert!(fresh.words.starts_with("Holds until 1 Dec 2026, "), "{fresh:?}");
    for (online, later) in [(false, SignedDuration::ZERO), (true, STALE)] {
        let old = view(|_| (), online, later);
        assert_eq!(
            (old.state, old.as_of.as_str()),
            (HoldingState::Unknown, "2026-11-24T11:00:00Z")
        );
        assert!(
            old.words
                .starts_with("It held when the forge was last read, 24 Nov 2026"),
            "{old:?}"
        );
        // What has ended does not come back by not looking.
        let ended = view(|s| s.now = at() + DAY * 7, online, later);
        assert_eq!(ended.state, HoldingState::Ended);
        assert!(
            ended
                .words
                .starts_with("No longer holds: the approval has expired"),
            "{ended:?}"
        );
    }
    let moved = view(
        |s| {
            s.bound_to_the_changeset();
            s.updated();
        },
        true,
        SignedDuration::ZERO,
    );
    assert!(moved.words.contains("still what you approved"), "{moved:?}");
}
