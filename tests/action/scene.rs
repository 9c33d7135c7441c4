//! A repository with a policy, a senior with a key, and a junior with changes.

use std::fs;
use std::process::Command;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use countersign_core::changeset;
use countersign_core::decision::{
    ChangeContext, Changeset, Claims, Decision, ForgeContext, PolicyContext, Predicate, PresenceClaim,
    Reviewer, Seen, Statement, Subject, SubjectDigest, acknowledged_digest, nonce, subject_name,
};
use countersign_core::signature::{Envelope, NAMESPACE, envelope_body, pae};
use countersign_core::verify::Input;
use countersign_tests::forge::git::Edit;
use countersign_tests::forge::tls::Authority;
use countersign_tests::forge::world::{NewChange, NewCommit, Scopes, Status, World};
use countersign_tests::forge::{Forge, collect};
use jiff::SignedDuration;
use serde_json::Value;
use tempfile::TempDir;

use super::runner::{Ended, Job, Runner};

pub(super) const REPO: &str = "acme/payments";
pub(super) const TOKEN: &str = "ghs_InstallationTokenOfTheJob0000000000";
/// The account of a workflow's own token. Source: GitHub.
const ACTIONS: &str = "github-actions[bot]";
pub(super) const SENIOR: &str = "priya-n";
pub(super) const JUNIOR: &str = "sam-w";

const POLICY: &str = r#"version = 1
allowed_signers = ".github/allowed_signers"

[signoff]
require = "ai-assisted"
undeclared = "require"
authors = "non-senior"
approvals = 1
presence = "none"
bind = "head"
max_age = "7d"
max_delay = "72h"

[[senior]]
login = "priya-n"
id = "1234567"
principal = "priya@acme.example"

[[senior]]
login = "ravi-k"
id = "2345678"
principal = "ravi@acme.example"
"#;

/// Which programs of the machine trust the forge's authority.
pub(super) enum Trust {
    Both,
    OnlyGh,
    Neither,
}

/// A forge over TLS, and a machine that trusts its authority.
pub(super) struct Scene {
    pub(super) forge: Forge,
    pub(super) runner: Runner,
    folder: TempDir,
}

impl Scene {
    /// `main` has a policy, or none.
    pub(super) async fn set(with_policy: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
            .arg(&key)
            .status()
            .unwrap();
        assert!(made.success());
        let public = fs::read_to_string(folder.path().join("key.pub")).unwrap();
        let signers = format!(
            "priya@acme.example namespaces=\"{NAMESPACE}\" {}\n",
            public.trim()
        );

        let mut world = World::new().unwrap();
        world.organization("acme", 9_900_001);
        world.user(SENIOR, 1_234_567, "Priya N", "priya@acme.example");
        world.user(JUNIOR, 7_000_001, "Sam W", "sam@acme.example");
        world.bot(ACTIONS, 41_898_282);
        world.token(TOKEN, ACTIONS, Scopes::Classic(vec!["repo".to_owned()]));
        let mut files = vec![
            Edit::write(".github/allowed_signers", &signers),
            Edit::write("ledger.rs", "one\ntwo\nthree\n"),
        ];
        if with_policy {
            files.push(Edit::write(".github/countersign.toml", POLICY));
        }
        let people = [SENIOR, JUNIOR, ACTIONS];
        world.repo(REPO, 123_456_789, true, &people, &files).unwrap();

        let authority = Authority::new().unwrap();
        fs::write(folder.path().join("authority.pem"), authority.pem()).unwrap();
        let other = Authority::new().unwrap();
        fs::write(folder.path().join("other.pem"), other.pem()).unwrap();
        Self {
            forge: Forge::start_secure(world, &authority).await.unwrap(),
            runner: Runner::new(),
            folder,
        }
    }

    /// Runs the job that follows such an event.
    pub(super) fn job(&self, event: Value) -> Ended {
        self.job_trusting(&Trust::Both, event)
    }

    pub(super) fn job_trusting(&self, trust: &Trust, event: Value) -> Ended {
        let [right, wrong] = ["authority.pem", "other.pem"].map(|name| self.folder.path().join(name));
        let (gh_trusts, git_trusts) = match trust {
            Trust::Both => (&right, &right),
            Trust::OnlyGh => (&right, &wrong),
            Trust::Neither => (&wrong, &wrong),
        };
        let ended = self.runner.run(&Job {
            server: self.forge.url(),
            repo: REPO,
            gh_trusts,
            git_trusts,
            token: TOKEN,
            event,
        });
        self.nothing_is_given_away(&ended);
        ended
    }

    /// The token shows nowhere, neither as it is nor as git sends it, and nothing is left behind.
    fn nothing_is_given_away(&self, ended: &Ended) {
        let basic = BASE64_STANDARD.encode(format!("x-access-token:{TOKEN}").as_bytes());
        for secret in [TOKEN, basic.as_str()] {
            for (place, text) in [
                ("the log", &ended.log),
                ("the job's page", &ended.summary),
                ("an argument", &ended.arguments),
            ] {
                assert!(!text.contains(secret), "{place} shows the token:\n{text}");
            }
        }
        assert!(ended.arguments.contains("/action.sh "), "nothing was noted");
        assert!(ended.litter.is_empty(), "left behind: {:?}", ended.litter);
    }

    /// The junior opens a change of one file; its number and head.
    pub(super) fn opened(&self, branch: &str) -> (u64, String) {
        self.forge.with(|world| {
            let mut new = change(branch, "main");
            new.commits = vec![commit(branch)];
            let number = world.open(new).unwrap();
            (number, world.change(REPO, number).unwrap().head().to_owned())
        })
    }

    /// As many changes, all with one head.
    pub(super) fn opened_often(&self, branch: &str, times: u64) {
        let (number, _) = self.opened(branch);
        self.forge.with(|world| {
            let changes = &mut world.find_mut(REPO).unwrap().changes;
            let first = changes[&number].clone();
            for more in number + 1..number + times {
                let mut change = first.clone();
                (change.number, change.id) = (more, first.id + more);
                changes.insert(more, change);
            }
        });
    }

    /// The junior opens another change with the same head, into a branch that stands where `main` does.
    pub(super) fn opened_again(&self, number: u64, into: &str) -> u64 {
        self.forge.with(|world| {
            let git = &world.find(REPO).unwrap().git;
            git.set_branch(into, &git.tip("main").unwrap()).unwrap();
            let branch = world.change(REPO, number).unwrap().branch.clone();
            world.open_twin(change(&branch, into), number).unwrap()
        })
    }

    pub(super) fn pushed(&self, number: u64) -> String {
        self.forge.push(REPO, number, JUNIOR, &[commit("more")]).unwrap()
    }

    /// The senior approves in the browser.
    pub(super) fn approved(&self, number: u64) {
        self.reviewed(number, "Looks good to me.");
    }

    /// The senior approves, signed, what is there now.
    pub(super) fn signed(&self, number: u64) {
        let statement = self.forge.with(|world| statement(world, number));
        let payload = statement.to_payload();
        let message = self.folder.path().join("message");
        fs::write(&message, pae(&payload)).unwrap();
        let signature = self.folder.path().join("message.sig");
        let _ = fs::remove_file(&signature);
        let made = Command::new("ssh-keygen")
            .args(["-q", "-Y", "sign", "-n", NAMESPACE, "-f"])
            .arg(self.folder.path().join("key"))
            .arg(&message)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let armor = fs::read(&signature).unwrap();
        let envelope = format!(
            r#"{{"payload":"{}","payloadType":"application/vnd.in-toto+json","signatures":[{{"sig":"{}"}}]}}"#,
            BASE64_STANDARD.encode(&payload),
            BASE64_STANDARD.encode(&armor)
        );
        let envelope = Envelope::from_json(envelope.as_bytes()).unwrap();
        let body = envelope_body(&statement.readable_line(), "", &envelope).unwrap();
        self.reviewed(number, &body);
    }

    /// The junior dismisses the last review, and its body comes once more.
    pub(super) fn dismissed_and_sent_again(&self, number: u64) {
        let body = self.forge.with(|world| {
            let at = world.now();
            let change = world.change_mut(REPO, number).unwrap();
            let review = change.reviews.last_mut().unwrap();
            review.was = Some(review.state);
            review.state = "DISMISSED";
            review.dismissed = Some((at, JUNIOR.to_owned(), "No longer.".to_owned()));
            review.body.clone()
        });
        self.reviewed(number, &body);
    }

    /// The senior sets an app to work.
    pub(super) fn assigned(&self, number: u64) {
        self.forge.with(|world| {
            let at = world.now();
            world.bot("kiro-agent[bot]", 245_459_735);
            world.assign(REPO, number, "kiro-agent[bot]", SENIOR, at).unwrap();
        });
    }

    /// The junior says something in a review.
    pub(super) fn commented(&self, number: u64) {
        self.said(number, JUNIOR, "COMMENTED", "As asked.");
    }

    fn reviewed(&self, number: u64, body: &str) {
        self.said(number, SENIOR, "APPROVED", body);
    }

    fn said(&self, number: u64, by: &str, state: &'static str, body: &str) {
        self.forge.with(|world| {
            world
                .review(REPO, number, by, state, body, SignedDuration::ZERO)
                .unwrap();
        });
    }

    /// State and text of every status of a commit, oldest first.
    pub(super) fn statuses(&self, commit: &str) -> Vec<(String, String)> {
        let url = format!("{}/{REPO}/actions/runs/4711", self.forge.url());
        let told = |status: &Status| {
            assert_eq!(
                (status.context.as_str(), status.creator.as_str()),
                ("countersign", ACTIONS)
            );
            assert_eq!(status.target_url.as_deref(), Some(url.as_str()));
            (status.state.clone(), status.description.clone().unwrap())
        };
        self.forge.with(|world| {
            let statuses = &world.find(REPO).unwrap().statuses;
            statuses.get(commit).into_iter().flatten().map(told).collect()
        })
    }

    /// How many statuses there are.
    pub(super) fn count(&self) -> usize {
        self.forge
            .with(|world| world.find(REPO).unwrap().statuses.values().map(Vec::len).sum())
    }
}

fn commit(name: &str) -> NewCommit {
    NewCommit {
        message: format!("Add {name}\n"),
        author: JUNIOR.to_owned(),
        committer: String::new(),
        age: SignedDuration::from_mins(10),
        edits: vec![Edit::write(&format!("{name}.rs"), "new\n")],
    }
}

fn change(branch: &str, base: &str) -> NewChange {
    NewChange {
        repo: REPO.to_owned(),
        number: None,
        title: format!("Add {branch}"),
        body: "Why.".to_owned(),
        author: JUNIOR.to_owned(),
        branch: branch.to_owned(),
        base: base.to_owned(),
        commits: Vec::new(),
        labels: Vec::new(),
        assignees: Vec::new(),
        asked: Vec::new(),
        draft: false,
        age: SignedDuration::from_mins(5),
    }
}

/// What the senior says of a change as it is now.
fn statement(world: &World, number: u64) -> Statement {
    let collected = collect::input(world, REPO, number).unwrap();
    let Input {
        forge,
        change,
        trust,
        content,
        ..
    } = Input::from_json(collected.to_string().as_bytes()).unwrap();
    let changed = content.whole().unwrap();
    let changed: Vec<_> = changed.iter().map(|path| path.read().unwrap()).collect();
    let issued_at = world.ago(SignedDuration::from_mins(1));
    let mut random = [7; 16];
    random[0] = u8::try_from(number).unwrap();
    Statement::new(
        Subject {
            name: subject_name(&forge.host, &forge.repo),
            uri: format!("{}/{REPO}/pull/{number}", world.base_url),
            digest: SubjectDigest {
                git_commit: change.head.clone(),
                git_tree: content.head_tree,
            },
        },
        Predicate {
            break_glass: None,
            decision: Decision::Approve,
            forge: ForgeContext {
                kind: forge.kind,
                host: forge.host,
                repo: forge.repo,
                repo_id: forge.repo_id,
                change: change.number,
                change_id: change.change_id,
            },
            change: ChangeContext {
                target_ref: change.target_ref,
                base_commit: content.target_tip,
                merge_base: content.merge_bases[0].clone(),
                changeset: Some(Changeset::git_raw_v1(
                    changeset::digest(content.object_format, &changed).unwrap(),
                )),
            },
            reviewer: Reviewer {
                id: "1234567".to_owned(),
                login: SENIOR.to_owned(),
            },
            policy: PolicyContext {
                path: ".github/countersign.toml".to_owned(),
                git_blob: trust.policy.map(|file| file.blob),
                rule: "ai-assisted".to_owned(),
                role: "senior".to_owned(),
            },
            seen: Seen {
                patch: "d".repeat(64),
                assessment: "e".repeat(64),
                findings: 0,
                acknowledged: acknowledged_digest([]),
                files: 1,
                viewed: 1,
            },
            issued_at,
            expires_at: issued_at + SignedDuration::from_hours(24 * 7),
            nonce: nonce(random),
            claims: Claims {
                ai: Vec::new(),
                app: "countersign/0.1.0".to_owned(),
                presence: PresenceClaim::None,
                ledger: "0".repeat(64),
            },
        },
    )
}
