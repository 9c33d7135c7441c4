//! Text that strangers wrote, wherever a change has some: it is shown as text, and a decision about it is one like any
//! other. What a script would do in the window is tried there.

use std::path::Path;
use std::time::Duration;

use countersign_engine::view::{ChangeView, DecisionView, OutboxStateView};
use countersign_tests::forge::git::Edit;
use countersign_tests::forge::world::{NewChange, World};
use countersign_tests::tally::{Tally, holding};
use serde_json::Value;

use super::bench::{Bench, REPO, change, commit};
use super::network::judged;

const KINDS: [&str; 4] = [
    "<script>globalThis.owned=1</script>",
    "<img/src=x/onerror=globalThis.owned=1>",
    "evil\u{202e}txt.\u{2066}exe",
    "..\u{ff0f}..\\escape%2e%2e%2f",
];
/// What makes a reader believe that text stands elsewhere, or that there is none.
const HIDDEN: [char; 3] = ['\u{202e}', '\u{2066}', '\0'];

/// A change with this wherever its author can write.
fn full_of(kind: &str, change: &mut NewChange) {
    change.title = format!("Change {kind}");
    change.body = format!("{kind}\n\n[here](javascript:{kind}) ![it](https://tracker.example/{kind})\n");
    change.branch = format!("topic-{}", in_a_branch(kind));
    change.base = format!("line-{}", in_a_branch(kind));
    change.labels = vec![kind.to_owned()];
    let commit = &mut change.commits[0];
    commit.message.insert_str(0, &format!("{kind}\n\n"));
    commit.edits = vec![
        Edit::write(&format!("src/{kind}.sql"), "DROP TABLE ledger;\n"),
        Edit::write("src/app.txt", &format!("one\n{kind}\nthree\n")),
    ];
}

/// What a change has, and how it is written into one; the long line is given.
type Case = (&'static str, fn(&mut NewChange, &str));

/// Git takes neither of these in the name of a branch.
fn in_a_branch(text: &str) -> String {
    text.replace("..", ".").replace('\\', "")
}

/// Signed in, with the changes read, however long that takes.
async fn reading(open: impl FnOnce(&mut World)) -> Bench {
    let bench = Bench::with(|_| {}).await;
    bench.forge.with(open);
    bench.poll().await;
    bench
}

/// Opens one more change.
fn opened(world: &mut World, make: impl FnOnce(&mut NewChange)) {
    let number = world.find(REPO).unwrap().changes.len() + 1;
    let edits = vec![Edit::write("src/app.txt", "one\n2\nthree\n")];
    let mut new = change(&format!("topic-{number}"), edits);
    make(&mut new);
    world.open(new).unwrap();
}

/// Every text of a value.
fn texts(value: &Value, hear: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => hear(text),
        Value::Array(list) => list.iter().for_each(|one| texts(one, hear)),
        // Ids name things in commands, and are never drawn.
        Value::Object(map) => map
            .iter()
            .filter(|(name, _)| *name != "id")
            .for_each(|(_, one)| texts(one, hear)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// How often the window would be given what it must not be.
async fn slips(bench: &Bench, view: &ChangeView) -> Vec<String> {
    let mut shown = vec![serde_json::to_value(view).unwrap()];
    shown.push(serde_json::to_value(bench.queue().await).unwrap());
    for index in 0..view.files.len() {
        let index = u32::try_from(index).unwrap();
        let file = bench.engine.file(view.id.clone(), view.head.clone(), index).await;
        shown.push(serde_json::to_value(file.unwrap()).unwrap());
    }
    bench.desktop.with(|seen| {
        for one in &seen.questions {
            shown.push(Value::from(format!("{} {} {}", one.title, one.text, one.confirm)));
        }
        for one in &seen.notices {
            shown.push(Value::from(format!("{} {}", one.title, one.body)));
        }
    });
    let mut slips = Vec::new();
    for value in &shown {
        texts(value, &mut |text| {
            if text.contains(HIDDEN) {
                slips.push(format!("hidden characters in {text:?}"));
            }
        });
    }
    // The one text that the window takes for markup.
    for bad in ["<script", "<img", "javascript:", "onerror=\""] {
        if view.html.contains(bad) {
            slips.push(format!("{bad} in {}", view.html));
        }
    }
    slips
}

/// Names of files below a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        names.push(path.file_name().unwrap().to_string_lossy().into_owned());
        if path.is_dir() {
            names.extend(self::names(&path));
        }
    }
    names
}

/// Reads, decides and waits for each change of the bench; says what was amiss.
async fn counted(bench: &Bench, what: &[String], tally: &mut Tally) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, what) in (1..).zip(what) {
        let view = bench.read(number).await;
        let decided = bench.decide(&view, DecisionView::Approve, "Read it all.").await;
        assert!(decided.unwrap().signed, "{what}");
        bench
            .until("the end", async |bench| {
                let rows = bench.rows().await;
                let row = rows
                    .into_iter()
                    .find(|row| row.number == number && row.decision.is_some());
                row.and_then(|row| row.decision)
                    .is_some_and(|decision| decision.state == OutboxStateView::Confirmed)
            })
            .await;
        let reviews = bench.forge.reviews(REPO, number);
        let approved = reviews.iter().filter(|review| review.state == "APPROVED").count();
        tally.tried += 1;
        tally.lost += u64::from(approved == 0);
        tally.doubled += u64::from(reviews.len() > 1);
        let slips = slips(bench, &view).await;
        tally.leaked += slips.len() as u64;
        wrong.extend(slips.into_iter().map(|slip| format!("{what}: {slip}")));
    }
    tally.leaked += holding(bench.profile.path(), &bench.forge.token());
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn script_markup_and_direction_marks_wherever_a_change_has_text() {
    let bench = reading(|world| {
        for kind in KINDS {
            let tip = world.find(REPO).unwrap().git.tip("main").unwrap();
            let aside = commit("Branch off", "mika", vec![Edit::write("NOTES.md", "x\n")]);
            let target = format!("line-{}", in_a_branch(kind));
            world.write_commits(REPO, &target, Some(&tip), &[aside]).unwrap();
            opened(world, |change| full_of(kind, change));
        }
    })
    .await;
    let what = KINDS.map(|kind| format!("{kind:?}"));
    let mut tally = Tally::of("hostile content: script, markup, direction marks, paths");
    let mut wrong = counted(&bench, &what, &mut tally).await;
    let known = [
        "countersign.db",
        "countersign.db-shm",
        "countersign.db-wal",
        "countersign.lock",
        "countersign.was-here",
        "countersign.whose.json",
    ];
    let more: Vec<String> = names(bench.profile.path())
        .into_iter()
        .filter(|name| !known.contains(&name.as_str()))
        .collect();
    if !more.is_empty() {
        wrong.push(format!("files of the change's in the profile: {more:?}"));
    }
    judged(&tally, &wrong);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_text_or_is_far_too_long() {
    let long = "x".repeat(10_000_000);
    let cases: [Case; 6] = [
        ("NULs in title and description", |change, _| {
            change.title = "Change \0 it".into();
            change.body = "What \0 it does".into();
        }),
        ("a description as long as the forge takes", |change, _| {
            change.body = "<b>".repeat(65_536 / 3);
        }),
        ("NULs in a line", |change, _| {
            change.commits[0].edits = vec![Edit::write("src/app.txt", "one\n\0\nthree\n")];
        }),
        ("no UTF-8 in a line", |change, _| {
            change.commits[0].edits = vec![Edit::bytes("src/app.txt", b"one\n\xff\xfe\xc0\nthree\n")];
        }),
        ("no UTF-8 in a file's name", |change, _| {
            change.commits[0].edits = vec![Edit::bytes(b"src/\xff\xfe\xc0.sql", b"DROP TABLE ledger;\n")];
        }),
        ("a line of ten megabytes", |change, long| {
            change.commits[0].edits = vec![
                Edit::write("src/app.txt", &format!("one\n{long}\nthree\n")),
                Edit::write("src/drop.sql", "DROP TABLE ledger;\n"),
            ];
        }),
    ];
    let bench = reading(|world| {
        for (_, make) in cases {
            opened(world, |change| make(change, &long));
        }
    })
    .await;
    let what = cases.map(|(name, _)| name.to_owned());
    let mut tally = Tally::of("hostile content: NULs, no UTF-8, a line of 10 MB");
    let wrong = counted(&bench, &what, &mut tally).await;
    judged(&tally, &wrong);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes: cargo xtask test --soak"]
async fn a_hundred_thousand_files() {
    let bench = reading(|world| {
        opened(world, |change| {
            let many = (0..100_000).map(|n| Edit::write(&format!("many/{}/{n}.txt", n % 100), "x\n"));
            let last = Edit::write("migrations/1.sql", "DROP TABLE ledger;\n");
            change.commits[0].edits = many.chain([last]).collect();
        });
    })
    .await;
    let view = bench.engine.change(bench.id(1)).await.unwrap();
    let decided = bench.decide(&view, DecisionView::Approve, "").await;
    let mut tally = Tally::of("hostile content: 100,000 files");
    tally.tried = 1;
    let mut wrong = Vec::new();
    match decided {
        // The forge may give up on such a diff: then that is said, and nothing is signed.
        Err(refusal) => {
            if !refusal.message.starts_with("Not signed") || view.not_assessed.is_empty() {
                wrong.push(format!("{refusal:?}"));
            }
        }
        Ok(decided) => {
            assert!(decided.signed);
            let found = (view.findings.iter()).any(|finding| finding.path == "migrations/1.sql");
            let is_whole = view.files.len() == 100_001 && found;
            if !is_whole && view.not_assessed.is_empty() {
                wrong.push(format!(
                    "{} files, and nothing is said of the others",
                    view.files.len()
                ));
            }
            for _ in 0..3_000 {
                if bench.decision().await.state == OutboxStateView::Confirmed {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            let reviews = bench.forge.reviews(REPO, 1);
            tally.lost = u64::from(reviews.is_empty());
            tally.doubled = u64::from(reviews.len() > 1);
        }
    }
    judged(&tally, &wrong);
}
