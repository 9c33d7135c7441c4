//! Labelled changes: read, classified and counted. The rows of `*.jsonl` beside this file are our own; rows of
//! other corpora are turned into the same.

use std::collections::BTreeMap;
use std::path::Path;

use countersign_core::change::{
    AccountKind, Change, ChangeState, Commit, Head, Identity, Oid, Person, Target,
};
use countersign_core::evidence::{Classification, Extra, Involvement, Note, Strength, classify};
use countersign_core::patch::Patch;
use serde::Deserialize;
use serde_json::{Value, json};

/// A change and what is known about it.
pub(crate) struct Row {
    /// What it is called when it is named as missed.
    pub(crate) name: String,
    /// Groups of the table that it counts in: tools, or a word for what is no AI.
    pub(crate) groups: Vec<String>,
    /// Whether AI had a part; `None` where nobody can tell from the row.
    pub(crate) is_ai: Option<bool>,
    /// The change.
    pub(crate) change: Change,
    /// Its git notes.
    pub(crate) notes: Vec<(String, String)>,
    /// Its diff.
    pub(crate) diff: String,
    /// What it must add up to, where the corpus says so.
    pub(crate) expect: Option<Expect>,
}

/// What a change must add up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expect {
    /// The involvement.
    pub(crate) involvement: Involvement,
    /// The tool.
    pub(crate) tool: Option<String>,
}

impl Row {
    /// Classifies it.
    pub(crate) fn classify(&self) -> Classification {
        let oid = oid('1');
        let notes: Vec<Note<'_>> = self
            .notes
            .iter()
            .map(|(from, text)| Note {
                from,
                commit: &oid,
                text,
            })
            .collect();
        let patch = Patch::parse(self.diff.as_bytes()).expect("a diff that can be read");
        let extra = Extra {
            patch: (!self.diff.is_empty()).then_some(&patch),
            notes: &notes,
        };
        classify(&self.change, extra)
    }
}

/// Whether a classification rests on strong or definitive marks.
pub(crate) fn is_sure(found: &Classification) -> bool {
    found.involvement.is_ai() && found.evidence.iter().any(|one| one.strength > Strength::Weak)
}

/// How many of what was there were recognised, and how many of what was called AI were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Rows with AI.
    pub(crate) ai: u32,
    /// Of these, called AI.
    pub(crate) recognised: u32,
    /// Rows that are known either way and were called AI.
    pub(crate) called: u32,
    /// Of these, rightly.
    pub(crate) rightly: u32,
    /// All rows.
    pub(crate) rows: u32,
}

impl Counts {
    fn add(&mut self, is_ai: Option<bool>, sure: bool) {
        self.rows += 1;
        self.ai += u32::from(is_ai == Some(true));
        self.recognised += u32::from(is_ai == Some(true) && sure);
        self.called += u32::from(is_ai.is_some() && sure);
        self.rightly += u32::from(is_ai == Some(true) && sure);
    }

    /// Recognised of all with AI; none of none is all.
    pub(crate) fn recall(&self) -> f64 {
        share(self.recognised, self.ai)
    }

    /// Rightly of all called AI; none of none is all.
    pub(crate) fn precision(&self) -> f64 {
        share(self.rightly, self.called)
    }

    /// As JSON.
    pub(crate) fn json(&self) -> Value {
        json!({
            "rows": self.rows, "ai": self.ai, "recognised": self.recognised,
            "called": self.called, "rightly": self.rightly,
            "recall": self.recall(), "precision": self.precision(),
        })
    }
}

fn share(part: u32, whole: u32) -> f64 {
    if whole == 0 {
        1.0
    } else {
        f64::from(part) / f64::from(whole)
    }
}

/// Counts of one corpus.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Over all rows.
    pub(crate) overall: Counts,
    /// By tool, or by what the row is instead.
    pub(crate) groups: BTreeMap<String, Counts>,
    /// Rows that were taken for what they are not.
    pub(crate) wrong: Vec<String>,
}

/// Classifies all rows and counts.
pub(crate) fn report(rows: &[Row]) -> Report {
    let mut report = Report::default();
    for row in rows {
        let found = row.classify();
        let sure = is_sure(&found);
        report.overall.add(row.is_ai, sure);
        for group in &row.groups {
            let counts = report.groups.entry(group.clone()).or_default();
            counts.add(row.is_ai, sure);
        }
        if row.is_ai.is_some_and(|is_ai| is_ai != sure) {
            let marks = found
                .evidence
                .iter()
                .map(|one| format!("{}: {}", one.marker, one.text));
            let marks: Vec<String> = marks.collect();
            report
                .wrong
                .push(format!("{}: {:?} {marks:?}", row.name, found.involvement));
        }
    }
    report
}

/// Reads the rows of one file by a function that knows their form.
pub(crate) fn read(path: &Path, row: fn(&Value) -> Row) -> Option<Vec<Row>> {
    let text = std::fs::read_to_string(path).ok()?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let value = |line: &str| serde_json::from_str::<Value>(line).expect("a line of JSON");
    Some(lines.map(|line| row(&value(line))).collect())
}

/// Where our own rows are.
pub(crate) fn own_folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// Our own rows, by file.
pub(crate) fn own() -> Vec<(String, Vec<Row>)> {
    let folder = std::fs::read_dir(own_folder()).expect("the folder of the corpus");
    let mut paths: Vec<_> = folder
        .map(|entry| entry.expect("an entry of the corpus").path())
        .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .collect();
    paths.sort();
    let named = |path: &std::path::PathBuf| {
        path.file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    paths
        .iter()
        .map(|path| (named(path), read(path, own_row).expect("a file of the corpus")))
        .collect()
}

/// A row as our own files have it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {
    /// What the row is there for.
    why: String,
    tool: Option<String>,
    /// Human, bot, denial or hostile, where no tool had a part.
    kind: Option<String>,
    expect: Involvement,
    /// `login kind id`.
    account: Option<String>,
    branch: Option<String>,
    #[serde(default)]
    body: String,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    commits: Vec<OwnCommit>,
    #[serde(default)]
    notes: Vec<(String, String)>,
    #[serde(default)]
    diff: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnCommit {
    #[serde(default)]
    author: Option<String>,
    #[serde(default)]
    committer: Option<String>,
    message: String,
}

/// Reads a row of our own.
pub(crate) fn own_row(value: &Value) -> Row {
    let own: Own = serde_json::from_value(value.clone()).expect("a row of the corpus");
    let mika = "Mika <mika@acme.example>";
    let commits = own.commits.iter().map(|one| {
        commit(
            &one.message,
            name_and_address(one.author.as_deref().unwrap_or(mika)),
            name_and_address(one.committer.as_deref().unwrap_or(mika)),
        )
    });
    let author = own.account.as_deref().unwrap_or("mika user 77");
    let mut change = change(Some(account(author)), &own.body, commits.collect());
    change.head.branch = own.branch.unwrap_or_else(|| "topic".to_owned());
    change.labels = own.labels;
    let groups = match (&own.tool, own.kind) {
        (Some(tool), None) => vec![tool.clone()],
        (tool, Some(kind)) => tool.iter().cloned().chain([kind]).collect(),
        (None, None) => vec!["no tool".to_owned()],
    };
    // Weak marks are no answer either way.
    let is_ai = (own.expect != Involvement::Suspected).then(|| own.expect.is_ai());
    Row {
        name: own.why,
        groups,
        is_ai,
        change,
        notes: own.notes,
        diff: own.diff,
        expect: Some(Expect {
            involvement: own.expect,
            tool: own.tool,
        }),
    }
}

/// Reads a row of any of the three forms, by what only one of them has.
pub(crate) fn any_row(value: &Value) -> Row {
    if value["label"].is_string() {
        shared_commit(value)
    } else if value["agent"].is_string() {
        shared_change(value)
    } else {
        own_row(value)
    }
}

fn account(text: &str) -> Person {
    let mut words = text.split(' ');
    let login = words.next().unwrap_or_default().to_owned();
    let kind = match words.next() {
        Some("bot") => AccountKind::Bot,
        Some("user") => AccountKind::User,
        _ => AccountKind::Other,
    };
    let id = words.next().filter(|id| *id != "-").map(str::to_owned);
    Person { login, id, kind }
}

fn name_and_address(text: &str) -> Identity {
    let (name, address) = text.split_once('<').unwrap_or((text, ""));
    identity(name.trim(), address.trim_end_matches('>'))
}

fn oid(digit: char) -> Oid {
    digit.to_string().repeat(40).parse().expect("an object's name")
}

fn identity(name: &str, email: &str) -> Identity {
    Identity {
        name: name.to_owned(),
        email: email.to_owned(),
        account: None,
    }
}

fn commit(message: &str, author: Identity, committer: Identity) -> Commit {
    Commit {
        oid: oid('1'),
        tree: None,
        message: message.to_owned(),
        author,
        committer,
        committed_at: None,
    }
}

fn change(author: Option<Person>, body: &str, commits: Vec<Commit>) -> Change {
    Change {
        id: "github.com/acme/infra#1".parse().expect("a change's name"),
        node_id: String::new(),
        change_id: String::new(),
        repo_id: String::new(),
        url: String::new(),
        title: String::new(),
        body: body.to_owned(),
        author,
        state: ChangeState::Open,
        draft: false,
        created_at: jiff::Timestamp::UNIX_EPOCH,
        updated_at: jiff::Timestamp::UNIX_EPOCH,
        head: Head {
            branch: "topic".to_owned(),
            oid: oid('2'),
            repo: None,
        },
        target: Target {
            branch: "main".to_owned(),
            oid: oid('3'),
        },
        asked: Vec::new(),
        requested: Vec::new(),
        labels: Vec::new(),
        assignees: Vec::new(),
        commit_count: commits.len() as u64,
        commits,
        additions: 0,
        deletions: 0,
        changed_files: 0,
        checks: Vec::new(),
        reviews: Vec::new(),
        own_review: None,
        operators: Vec::new(),
        conflicting: false,
    }
}

fn text(row: &Value, key: &str) -> String {
    row[key].as_str().unwrap_or_default().to_owned()
}

fn plain(name: String, groups: Vec<String>, is_ai: Option<bool>, change: Change) -> Row {
    Row {
        name,
        groups,
        is_ai,
        change,
        notes: Vec::new(),
        diff: String::new(),
        expect: None,
    }
}

/// A row of the shared commits: one commit, labelled by the catalogue.
pub(crate) fn shared_commit(row: &Value) -> Row {
    let who = |name, email| identity(&text(row, name), &text(row, email));
    let commits = vec![commit(
        &text(row, "message"),
        who("author_name", "author_email"),
        who("committer_name", "committer_email"),
    )];
    let label = text(row, "label");
    let tools = row["tools"].as_array().into_iter().flatten();
    let tools: Vec<String> = tools
        .filter_map(|tool| tool.as_str().map(str::to_owned))
        .collect();
    let (groups, is_ai) = match label.as_str() {
        "ai" => (tools, Some(true)),
        "ai_suggestion" => (vec![label.clone()], None),
        _ => (vec![label.clone()], Some(false)),
    };
    let name = format!("{label} {}", row["markers"]);
    plain(name, groups, is_ai, change(None, "", commits))
}

/// A row of the shared changes: all are by agents, and nothing but the agent is known.
pub(crate) fn shared_change(row: &Value) -> Row {
    let person = |login: &str, id: Option<String>| Person {
        login: login.to_owned(),
        id,
        kind: if login.ends_with("[bot]") {
            AccountKind::Bot
        } else {
            AccountKind::User
        },
    };
    let commits = row["commits"].as_array().into_iter().flatten().map(|one| {
        let who = |key| {
            let login = text(one, key);
            Identity {
                account: Some(person(&login, None)),
                ..identity(&login, "")
            }
        };
        commit(&text(one, "message"), who("author"), who("committer"))
    });
    let id = row["author_id"].as_str().map(str::to_owned);
    let author = person(&text(row, "author"), id);
    let agent = text(row, "agent");
    let change = change(Some(author), &text(row, "body"), commits.collect());
    plain(
        format!("{agent} {}", text(row, "title")),
        vec![agent],
        Some(true),
        change,
    )
}
