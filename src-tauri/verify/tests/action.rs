//! The action's own script, against a stand-in for `gh` and a real repository.
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy excuses only the test functions themselves"
)]

mod repo;
mod support;

use std::fs;
use std::process::Command;

use repo::Repo;
use repo::answers::{FakeGh, answers, organisation};
use repo::signed_by;
use serde_json::{Value, json};
use support::{OLGA, PRIYA, REASON, add_review, let_break, scene};

struct World {
    repo: Repo,
    /// The organisation's.
    policies: Option<Repo>,
    gh: FakeGh,
}

impl World {
    fn new() -> Self {
        let world = Self {
            repo: Repo::new(),
            policies: None,
            gh: FakeGh::new(),
        };
        world
            .repo
            .git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
        world
    }

    fn open(&self, changes: &[&Value]) {
        let mut open = String::new();
        for change in changes {
            self.gh.answers(&answers(change));
            let (number, head) = (&change["change"]["number"], &change["change"]["head"]);
            open += &format!("{} {}\n", number.as_str().unwrap(), head.as_str().unwrap());
        }
        self.gh.write("open", &open);
    }

    /// Whether the script succeeded, and the statuses that it set: commit, state, text.
    fn act(&self, environment: &[(&str, &str)]) -> (bool, Vec<[String; 3]>) {
        let server = tempfile::tempdir().unwrap();
        fs::create_dir(server.path().join("acme")).unwrap();
        std::os::unix::fs::symlink(self.repo.path(), server.path().join("acme/payments")).unwrap();
        if let Some(policies) = &self.policies {
            fs::create_dir(server.path().join("Acme")).unwrap();
            std::os::unix::fs::symlink(policies.path(), server.path().join("Acme/policies")).unwrap();
        }
        let _ = fs::remove_file(self.gh.path().join("statuses"));
        let output = Command::new("bash")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/action.sh"))
            .env("PATH", self.gh.first_on_path())
            .env("GATE", env!("CARGO_BIN_EXE_countersign-verify"))
            .env("REPO", "acme/payments")
            .env("GH_TOKEN", "not-a-token")
            .env("SERVER", format!("file://{}", server.path().display()))
            .env("GITHUB_STEP_SUMMARY", self.gh.path().join("summary.md"))
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        let set = fs::read_to_string(self.gh.path().join("statuses")).unwrap_or_default();
        assert!(!set.is_empty(), "{output:?}");
        let cut = |line: &str, from: &str, to: &str| {
            let rest = line.split_once(from).unwrap().1;
            rest.split_once(to).map_or(rest, |(part, _)| part).to_owned()
        };
        let statuses = set.lines().map(|line| {
            assert!(line.contains("-f context=countersign"), "{line}");
            [
                cut(line, "statuses/", " "),
                cut(line, "-f state=", " "),
                cut(line, "-f description=", " -f "),
            ]
        });
        (output.status.success(), statuses.collect())
    }
}

fn status(commit: &str, state: &str, text: &str) -> [String; 3] {
    [commit, state, text].map(str::to_owned)
}

#[test]
fn each_open_changes_head_gets_its_status() {
    let world = World::new();
    let signed = world.repo.branch("signed", "ledger.rs", "signed\n");
    let unsigned = world.repo.branch("unsigned", "web.rs", "unsigned\n");
    world.open(&[
        &world.repo.approved("7", &signed),
        &world.repo.collected("8", &unsigned),
    ]);
    let (succeeded, mut statuses) = world.act(&[]);
    statuses.sort();
    let mut expected = vec![
        status(&signed, "success", "accepted"),
        status(&unsigned, "failure", "rejected: E_QUORUM"),
    ];
    expected.sort();
    assert_eq!((succeeded, &statuses), (true, &expected));
    let summary = fs::read_to_string(world.gh.path().join("summary.md")).unwrap();
    assert_eq!(summary.matches("### Sign-off: ").count(), 2, "{summary}");

    let (_, one) = world.act(&[("HEAD", &unsigned)]);
    let expected = [
        status(&unsigned, "pending", "judging"),
        status(&unsigned, "failure", "rejected: E_QUORUM"),
    ];
    assert_eq!(one, expected);
}

#[test]
fn what_cannot_be_collected_is_an_error_and_takes_an_old_success_away() {
    let world = World::new();
    let signed = world.repo.branch("signed", "ledger.rs", "signed\n");
    world.open(&[&world.repo.approved("7", &signed)]);
    fs::remove_file(world.gh.path().join("reviews.7")).unwrap();
    let (succeeded, statuses) = world.act(&[]);
    assert_eq!(statuses, [status(&signed, "error", "could not be collected")]);
    assert!(!succeeded);
}

#[test]
fn the_organisations_policy_is_fetched_from_its_default_branch() {
    let mut world = World::new();
    world.repo.extends("acme/policies:.github/countersign.toml");
    let signed = world.repo.branch("signed", "ledger.rs", "signed\n");
    world.open(&[&world.repo.approved("7", &signed)]);
    let act = |world: &World| {
        let (_, statuses) = world.act(&[]);
        let [one] = statuses.as_slice() else {
            panic!("{statuses:?}")
        };
        one.clone()
    };
    assert_eq!(act(&world), status(&signed, "error", "could not be collected"));
    for (approvals, expected) in [
        (1, status(&signed, "success", "accepted")),
        (2, status(&signed, "failure", "rejected: E_QUORUM")),
    ] {
        let policies = Repo::organisation(approvals);
        world.gh.write(
            "organisation",
            &organisation(&policies.git(&["rev-parse", "main"])).to_string(),
        );
        world.policies = Some(policies);
        assert_eq!(act(&world), expected);
    }
    // What the forge names is not there to be fetched.
    world
        .gh
        .write("organisation", &organisation(&"5".repeat(40)).to_string());
    assert_eq!(act(&world), status(&signed, "error", "could not be collected"));
    world
        .gh
        .write("organisation", &organisation("--upload-pack=x").to_string());
    assert_eq!(act(&world), status(&signed, "error", "could not be collected"));
}

#[test]
fn a_broken_glass_is_seen_in_the_status() {
    let world = World::new();
    let mut trust = scene("x");
    let_break(&mut trust);
    for (file, path) in [
        ("policy", "countersign.toml"),
        ("allowed_signers", "allowed_signers"),
    ] {
        let text = trust["trust"][file]["text"].as_str().unwrap();
        world.repo.write(&format!(".github/{path}"), text);
    }
    world.repo.commit("Emergencies");
    let head = world.repo.branch("fix", "ledger.rs", "fixed\n");
    let mut change = world.repo.collected("7", &head);
    for (id, who) in [("71", PRIYA), ("72", OLGA)] {
        let mut review = signed_by(who, &change, |predicate| {
            predicate["breakGlass"] = json!({ "reason": REASON });
        });
        review["id"] = json!(id);
        add_review(&mut change, review);
    }
    world.open(&[&change]);
    let (_, statuses) = world.act(&[]);
    let summary = fs::read_to_string(world.gh.path().join("summary.md")).unwrap();
    assert_eq!(
        statuses,
        [status(&head, "success", "accepted: BREAK GLASS")],
        "{summary}"
    );
    assert!(
        summary.starts_with("> [!CAUTION]\n> **BREAK GLASS: "),
        "{summary}"
    );
}

#[test]
fn notes_of_agents_are_fetched() {
    let world = World::new();
    let policy = support::policy_text().replacen("[signoff]", "[signoff]\nundeclared = \"allow\"", 1);
    world.repo.write(".github/countersign.toml", &policy);
    world.repo.commit("Allow");
    let head = world.repo.branch("quiet", "ledger.rs", "quiet\n");
    world.open(&[&world.repo.collected("7", &head)]);
    assert_eq!(world.act(&[]).1, [status(&head, "success", "not_required")]);
    let note = "ledger.rs\n  p1 1-1\n---\n{\"prompts\": {\"p1\": {\"agent_id\": {\"tool\": \"claude\", \"id\": \"x\"}}}}";
    world
        .repo
        .git(&["notes", "--ref", "refs/notes/ai", "add", "-m", note, &head]);
    assert_eq!(world.act(&[]).1, [status(&head, "failure", "rejected: E_QUORUM")]);
}

#[test]
fn a_merge_group_gets_its_status() {
    let world = World::new();
    let heads = [
        world.repo.branch("first", "ledger.rs", "first\n"),
        world.repo.branch("second", "web.rs", "second\n"),
    ];
    let [first, second] = [("7", 0), ("8", 1)].map(|(number, at)| world.repo.approved(number, &heads[at]));
    world.open(&[&first, &second]);
    world.repo.git(&["checkout", "--quiet", "-b", "queue"]);
    let commits = heads.each_ref().map(|head| {
        world
            .repo
            .git(&["merge", "--quiet", "--no-ff", "-m", "Queue", head]);
        world.repo.git(&["rev-parse", "queue"])
    });
    let entries: Vec<Value> = commits
        .iter()
        .zip([7, 8])
        .map(|(commit, number)| {
            json!({"position": number, "headCommit": {"oid": commit}, "pullRequest": {"number": number}})
        })
        .collect();
    let queue = |entries: &[Value]| {
        let entries = json!({"totalCount": entries.len(), "nodes": entries});
        json!({"data": {"repository": {"databaseId": 123_456_789, "mergeQueue": {"entries": entries}}}})
    };
    world.gh.write("queue", &queue(&entries).to_string());
    let act = |end: &str| {
        let (_, statuses) = world.act(&[("GROUP", end), ("QUEUE", "refs/heads/main")]);
        assert_eq!(statuses[0], status(end, "pending", "judging"));
        statuses[1..].to_vec()
    };
    for end in &commits {
        let found = act(end);
        let summary = fs::read_to_string(world.gh.path().join("summary.md")).unwrap();
        assert_eq!(found, [status(end, "success", "accepted")], "{summary}");
    }
    // The first was put in unseen: the queue does not list it.
    world.gh.write("queue", &queue(&entries[1..]).to_string());
    assert_eq!(
        act(&commits[1]),
        [status(&commits[1], "failure", "rejected: E_MERGE_REPLAY")]
    );
    world.gh.write("queue", &queue(&entries[..1]).to_string());
    assert_eq!(
        act(&commits[1]),
        [status(&commits[1], "error", "undecided: E_INPUT_MISSING")]
    );
}
