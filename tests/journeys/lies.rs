//! The forge says what is not so: a list that leaves things out, ids that name something else, a diff of other trees, a
//! yes to what was not done. Nothing is lost, nothing is there twice, and what was not read is not signed.

use std::sync::Arc;
use std::time::Duration;

use countersign_engine::view::{ChangeView, Code, DecisionView, OutboxStateView};
use countersign_tests::forge::faults::{Effect, Fault};
use countersign_tests::forge::git::Edit;
use countersign_tests::forge::world::World;
use countersign_tests::tally::Tally;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::bench::{Bench, REPO, change, commit};
use super::network::{CREATE, HEAD_AGAIN, Meant, READ_HEAD, Row, STEPS, SUBMIT, Step, judged, meets, step};

/// The lists of reviews on the way: before anything is made, before it is submitted, after it was.
static LISTS: [Step; 3] = [
    step("first list", "GET", "/reviews", 0),
    step("list before it is submitted", "GET", "/reviews", 1),
    step("read back", "GET", "/reviews", 2),
];

static HEADS: [Step; 3] = [
    step(READ_HEAD, "GET", "", 1),
    step(HEAD_AGAIN, "GET", "", 2),
    step("head after it was submitted", "GET", "", 3),
];

/// A lie about the lists of reviews, each so many times in a row.
async fn listed(class: &str, times: &[u32], effect: &dyn Fn() -> Effect, meant: &dyn Fn(&Step) -> Meant) {
    let (mut tally, mut wrong) = (Tally::of(class), Vec::new());
    for times in times {
        let row = Row {
            effect,
            times: *times,
            steps: &LISTS,
            meant,
            patience: Duration::from_secs(20),
        };
        row.counted(&mut tally, &mut wrong).await;
    }
    judged(&tally, &wrong);
}

/// Changes each review of a list.
fn each(tale: impl Fn(&mut Value) + Send + Sync + 'static) -> Effect {
    Effect::lie(move |list| list.as_array_mut().into_iter().flatten().for_each(&tale))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_leaves_the_review_out() {
    let lie = || Effect::lie(|list| *list = json!([]));
    listed("lies: a list leaves the review out", &[1, 2], &lie, &|_| {
        Meant::Either("does not show the review")
    })
    .await;
}

/// The worst of both: the answer to the submission is lost, and the lists that would show it leave it out.
#[tokio::test(flavor = "multi_thread")]
async fn lists_that_leave_it_out_after_the_answer_was_lost() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    bench
        .forge
        .faults([Fault::once("POST", "*/events", Effect::ResetAfter)]);
    let lists = Fault::once("GET", "*/pulls/1/reviews", Effect::lie(|list| *list = json!([])));
    bench.forge.faults([lists.after(2).times(4)]);
    bench.decide(&view, DecisionView::Approve, "").await.unwrap();
    bench
        .until("the decision to be confirmed", async |bench| {
            let _ = bench.engine.refresh().await;
            bench.decision().await.state == OutboxStateView::Confirmed
        })
        .await;
    assert_eq!(bench.forge.reviews(REPO, 1).len(), 1);
    assert!(bench.forge.with(|world| world.faults.is_empty()), "each was met");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_shows_it_as_somebody_elses() {
    let lie = || each(|review| review["user"]["id"] = json!(2_000_001));
    listed("lies: the review is somebody else's", &[1, 2], &lie, &|_| {
        Meant::Either("does not show the review")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_names_it_by_another_id() {
    let lie = || each(|review| review["id"] = json!(7));
    listed("lies: the review has another id", &[1], &lie, &|_| {
        Meant::Either("not there")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_says_it_was_dismissed_or_is_about_another_commit() {
    let lies: [fn(&mut Value); 2] = [
        |review| review["state"] = json!("DISMISSED"),
        |review| review["commit_id"] = json!("0123456789abcdef0123456789abcdef01234567"),
    ];
    let (mut tally, mut wrong) = (
        Tally::of("lies: it was dismissed, it is about another commit"),
        Vec::new(),
    );
    for lie in lies {
        let row = Row {
            effect: &|| each(lie),
            times: 1,
            steps: &LISTS[2..],
            meant: &|_| Meant::Unnoticed,
            patience: Duration::from_secs(20),
        };
        row.counted(&mut tally, &mut wrong).await;
    }
    judged(&tally, &wrong);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_what_is_there_is_not() {
    let effect = || Effect::Status {
        status: 404,
        headers: Vec::new(),
        body: r#"{"message":"Not Found"}"#.into(),
    };
    // What was asked to be made under a name that is not there was not made; the same call later makes it.
    meets("lies: 404 for what is there", 1, effect, |_| {
        Meant::Either("not there")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_to_what_was_not_done() {
    // As the forge would answer, had it done it.
    let done = |state: &str| json!({ "id": 7, "user": { "login": "priya-n", "id": 1_234_567, "type": "User" }, "body": "", "state": state });
    for (name, at, answer) in [
        ("lies: a yes to a review that was not made", 2, done("PENDING")),
        (
            "lies: a yes to a submission that was not made",
            4,
            done("APPROVED"),
        ),
    ] {
        let (mut tally, mut wrong) = (Tally::of(name), Vec::new());
        let row = Row {
            effect: &|| Effect::Status {
                status: 200,
                headers: Vec::new(),
                body: answer.to_string(),
            },
            times: 1,
            steps: &STEPS[at..=at],
            meant: &|_| Meant::Either("holds it as pending"),
            patience: Duration::from_secs(20),
        };
        row.counted(&mut tally, &mut wrong).await;
        judged(&tally, &wrong);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_id_for_what_was_made() {
    let lie = || Effect::lie(|review| review["id"] = json!(7));
    let (mut tally, mut wrong) = (Tally::of("lies: another id for what was made"), Vec::new());
    for at in [2, 4] {
        assert!([CREATE, SUBMIT].contains(&STEPS[at].name));
        let row = Row {
            effect: &lie,
            times: 1,
            steps: &STEPS[at..=at],
            meant: &|_| Meant::Unnoticed,
            patience: Duration::from_secs(20),
        };
        row.counted(&mut tally, &mut wrong).await;
    }
    judged(&tally, &wrong);
}

/// Under the name of the change that was read, the forge has another one, whose head is the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_names_another_change() {
    let lies: [fn(&mut Value); 2] = [
        |pull| pull["id"] = json!(99),
        |pull| pull["base"]["repo"]["id"] = json!(99),
    ];
    let (mut tally, mut wrong) = (Tally::of("lies: a name that names another change"), Vec::new());
    for lie in lies {
        let row = Row {
            effect: &|| Effect::lie(lie),
            times: 1,
            steps: &HEADS[..2],
            meant: &|_| Meant::Ended(OutboxStateView::HandedBack, "has another change"),
            patience: Duration::from_secs(20),
        };
        row.counted(&mut tally, &mut wrong).await;
    }
    judged(&tally, &wrong);
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    bench
        .forge
        .faults([Fault::once("GET", "*/pulls/1", Effect::lie(lies[0]))]);
    let failure = bench.decide(&view, DecisionView::Approve, "").await.unwrap_err();
    assert_eq!(failure.code, Code::Moved);
    assert!(failure.message.contains("another change"), "{}", failure.message);
    assert!(
        bench.desktop.with(|seen| seen.questions.is_empty()),
        "nobody was asked"
    );
}

/// Pushed over at every call: what stands at the end is about the head that was read, or does not stand.
#[tokio::test(flavor = "multi_thread")]
async fn pushed_over_between_any_two_calls() {
    let (mut tally, mut wrong) = (Tally::of("between any two calls: the head replaced"), Vec::new());
    for (number, step) in (1..).zip(&STEPS) {
        let effect = move || {
            let mut done = false;
            Effect::Hook(Box::new(move |world: &mut World| {
                if !std::mem::replace(&mut done, true) {
                    let over = commit("Other", "mika", vec![Edit::write("src/other.txt", "other\n")]);
                    world.force_push(REPO, 1, "mika", &[over]).unwrap();
                }
            }))
        };
        let row = Row {
            effect: &effect,
            times: 1,
            steps: std::slice::from_ref(step),
            // Before the last look at the head nothing of it stays; after it, it is dismissed.
            meant: &|_| Meant::Ended(OutboxStateView::Superseded, ""),
            patience: Duration::from_secs(20),
        };
        row.counted(&mut tally, &mut wrong).await;
        assert!(number < 7);
    }
    judged(&tally, &wrong);
}

/// The change has another name from each call on, as where its repository is renamed or goes to another owner: it is
/// the same change, and the forge leads from the old name to it.
#[tokio::test(flavor = "multi_thread")]
async fn renamed_and_transferred_between_any_two_calls() {
    let class = "between any two calls: the repository renamed or transferred";
    let (mut tally, mut wrong) = (Tally::of(class), Vec::new());
    for now in ["acme/storefront", "beta/web"] {
        for step in &STEPS {
            let bench = Bench::with_one_change().await;
            let view = bench.read(1).await;
            let move_on = move |world: &mut World| world.rename(REPO, now).unwrap();
            let path = format!("*/pulls/1{}", step.path);
            let hook = Fault::once(step.method, &path, Effect::Hook(Box::new(move_on))).after(step.skip);
            bench.forge.faults([hook]);
            bench
                .decide(&view, DecisionView::Approve, "Read it all.")
                .await
                .unwrap();
            let ended = bench.comes_to(OutboxStateView::Confirmed).await;
            let reviews = bench.forge.reviews(now, 1);
            let carrying = reviews.iter().filter(|review| review.state == "APPROVED").count();
            tally.tried += 1;
            tally.lost += u64::from(carrying == 0);
            tally.doubled += u64::from(reviews.len() > 1);
            if ended.message.is_some() || bench.forge.with(|world| !world.faults.is_empty()) {
                wrong.push(format!("{now}, {}: {:?}", step.name, ended.message));
            }
            let ledger = bench.engine.ledger().unwrap();
            if ledger.len() != 2 {
                wrong.push(format!(
                    "{now}, {}: {} lines in the ledger",
                    step.name,
                    ledger.len()
                ));
            }
        }
    }
    judged(&tally, &wrong);
}

fn shown(view: &ChangeView) -> String {
    serde_json::to_string(&(&view.files, &view.findings, &view.not_assessed)).unwrap()
}

const OTHER: &str = "diff --git a/src/app.txt b/src/app.txt\nindex 1111111..2222222 100644\n--- a/src/app.txt\n+++ b/src/app.txt\n\
                     @@ -1,3 +1,3 @@\n one\n-two\n+harmless\n three\n";

/// The diff of another pair of trees, as a cache gives it: with the same files and the same number of lines.
#[tokio::test(flavor = "multi_thread")]
async fn a_diff_of_other_trees_is_neither_shown_nor_signed() {
    let bench = Bench::with(|_| {}).await;
    let lie = Effect::Lie(Arc::new(|body| {
        if body.starts_with(b"diff --") {
            *body = OTHER.into();
        }
    }));
    bench.forge.faults([Fault::always("GET", "*/compare/*", lie)]);
    bench.forge.with(|world| {
        let edits = vec![Edit::write("src/app.txt", "one\n2\nthree\n")];
        world.open(change("feature", edits)).unwrap();
    });
    bench.poll().await;
    let view = bench.engine.change(bench.id(1)).await.unwrap();
    let said = shown(&view);
    assert!(
        said.contains("its diff is not the one between its trees"),
        "{said}"
    );
    assert!(view.files.is_empty() && !said.contains("harmless"), "{said}");
    let failure = bench.decide(&view, DecisionView::Approve, "").await.unwrap_err();
    assert!(failure.message.starts_with("Not signed"), "{}", failure.message);
    bench.forge.with(|world| world.faults.clear());
    bench.poll().await;
    let view = bench.read(1).await;
    assert!(!shown(&view).contains("between its trees") && view.files.len() == 1);
    bench.decide(&view, DecisionView::Approve, "").await.unwrap();
    bench.comes_to(OutboxStateView::Confirmed).await;
}

/// A node id that now names another change: neither what was viewed nor what was decided moves to that.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_id_that_is_used_again_moves_nothing_to_the_other_change() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    bench.forge.faults([Fault::always("*", "*", Effect::ResetBefore)]);
    bench.decide(&view, DecisionView::Approve, "").await.unwrap();
    let lie = || {
        Effect::lie(|answer| {
            for node in answer["data"]["nodes"].as_array_mut().into_iter().flatten() {
                node["number"] = json!(41);
                for id in ["fullDatabaseId", "databaseId"] {
                    if node.get(id).is_some() {
                        node[id] = json!("41");
                    }
                }
            }
        })
    };
    bench.forge.with(|world| {
        world.faults.clear();
        // So that it is read again.
        world.change_mut(REPO, 1).unwrap().updated_at = world.now();
        world.faults.push(Fault::always("POST", "*/graphql", lie()));
    });
    // The decision itself is held up for now, so that the poll comes first.
    let held = Fault::once("GET", "*/pulls/1/reviews", Effect::trouble(502)).times(2);
    bench.forge.faults([held]);
    bench.poll().await;
    let rows = bench.rows().await;
    let decided: Vec<&str> = rows
        .iter()
        .filter(|row| row.decision.is_some())
        .map(|row| row.id.as_str())
        .collect();
    assert_eq!(decided, [bench.id(1)], "the decision is about what was read");
    let other = bench.engine.change(bench.id(41)).await.unwrap();
    assert!(
        other.files.iter().all(|file| !file.viewed),
        "nobody has viewed it"
    );
    bench.forge.with(|world| world.faults.clear());
    bench
        .until("the review", async |bench| {
            let _ = bench.engine.refresh().await;
            bench
                .forge
                .reviews(REPO, 1)
                .iter()
                .any(|one| one.state == "APPROVED")
        })
        .await;
    assert_eq!(bench.forge.reviews(REPO, 1).len(), 1);
}

/// Whatever call of a poll the head is replaced at, what is shown in the end is the forge's head, whole.
#[tokio::test(flavor = "multi_thread")]
async fn read_while_it_is_pushed_over_it_is_one_head_and_never_two() {
    let bench = Bench::with(|_| {}).await;
    let mut number = 0;
    for call in 0.. {
        number += 1;
        let branch = format!("feature-{number}");
        bench.forge.with(|world| {
            let edits = vec![Edit::write("src/app.txt", "one\nfirst\nthree\n")];
            world.open(change(&branch, edits)).unwrap();
        });
        let push = move |world: &mut World| {
            let over = commit(
                "Over",
                "mika",
                vec![Edit::write("src/app.txt", "one\nsecond\nthree\n")],
            );
            world.force_push(REPO, number, "mika", &[over]).unwrap();
        };
        let hook = Fault::once("*", "*", Effect::Hook(Box::new(push))).after(call);
        bench.forge.faults([hook]);
        bench.poll().await;
        let met = bench.forge.with(|world| {
            let met = world.faults.is_empty();
            world.faults.clear();
            met
        });
        if !met {
            assert!(call > 6, "a poll that reads a change is some calls: {call}");
            break;
        }
        // What is shown between the two polls is the one or the other.
        let lines = async |bench: &Bench| {
            let view = bench.engine.change(bench.id(number)).await.ok()?;
            let file = bench.engine.file(view.id.clone(), view.head.clone(), 0).await;
            Some((view.head, serde_json::to_string(&file.ok()?).unwrap()))
        };
        let (first, head) = bench.forge.with(|world| {
            let change = world.change(REPO, number).unwrap();
            (change.heads[0].clone(), change.head().to_owned())
        });
        if let Some((at, text)) = lines(&bench).await {
            let expected = if at == first { "first" } else { "second" };
            assert!(text.contains(expected), "call {call}: {at} {text}");
        }
        bench
            .until("the head", async |bench| {
                bench.poll().await;
                lines(bench)
                    .await
                    .is_some_and(|(at, text)| at == head && text.contains("second"))
            })
            .await;
    }
}

/// One answer has a gap where a change was, with or without an error that says so: it is asked for once more, in another
/// way, before it leaves the queue.
#[tokio::test(flavor = "multi_thread")]
async fn a_gap_in_one_answer_takes_nothing_out_of_the_queue() {
    let errors = [
        Value::Null,
        json!([{ "type": "NOT_FOUND", "path": ["nodes", 0], "message": "Could not resolve to a node" }]),
    ];
    for errors in errors {
        let bench = Bench::with_one_change().await;
        let said = errors.clone();
        let gap = Effect::lie(move |answer| {
            if let Some(node) = answer.pointer_mut("/data/nodes/0") {
                *node = Value::Null;
                if !said.is_null() {
                    answer["errors"] = said.clone();
                }
            }
        });
        // The searches leave it out too: it is asked for because it waits.
        let unfound = Effect::lie(|answer| {
            for name in ["team", "name", "assigned", "reviewed"] {
                if let Some(search) = answer.pointer_mut(&format!("/data/{name}")) {
                    search["nodes"] = json!([]);
                    search["issueCount"] = json!(0);
                }
            }
        });
        bench.forge.faults([
            Fault::always("POST", "*/graphql", gap),
            Fault::always("POST", "*/graphql", unfound),
        ]);
        bench.poll().await;
        assert_eq!(bench.rows().await.len(), 1, "{errors}");
        let banners = bench.queue().await.banners;
        let said = |words: &str| banners.iter().any(|banner| banner.message.what.contains(words));
        assert!(said("shown as it was"), "{banners:?}");
        assert_eq!(bench.rows().await[0].note, None, "as old as the rest");
        bench.clock.set_by(SignedDuration::from_mins(20));
        bench
            .until("its age", async |bench| {
                bench.poll().await;
                let note = bench.rows().await[0].note.clone();
                note.is_some_and(|note| note.starts_with("as of "))
            })
            .await;
        let view = bench.engine.change(bench.id(1)).await.unwrap();
        assert!(view.as_of.is_some(), "where it is decided on too");
        // Both answers say so: then it is believed.
        let missing = Effect::Status {
            status: 404,
            headers: Vec::new(),
            body: r#"{"message":"Not Found"}"#.into(),
        };
        bench.forge.faults([Fault::always("GET", "*/pulls/1", missing)]);
        bench.poll().await;
        assert!(bench.rows().await.is_empty(), "{errors}");
    }
}

/// A list that moves on between two of its pages shows one change twice and another not at all: all that waited stays,
/// and it is said that the list was not whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_shifts_between_its_pages() {
    let bench = Bench::with(|world| {
        for number in 1..=2 {
            let edits = vec![Edit::write(&format!("src/part{number}.txt"), "x\n")];
            world.open(change(&format!("part-{number}"), edits)).unwrap();
        }
    })
    .await;
    let first = Arc::new(std::sync::Mutex::new(Value::Null));
    let kept = Arc::clone(&first);
    let one = Effect::lie(move |answer| {
        let Some(search) = answer.pointer_mut("/data/team") else {
            return;
        };
        let node = search["nodes"][0].clone();
        search["nodes"] = json!([node]);
        search["pageInfo"]["hasNextPage"] = json!(true);
        *kept.lock().unwrap() = node;
    });
    let two = Effect::lie(move |answer| {
        if let Some(search) = answer.pointer_mut("/data/team") {
            search["nodes"] = json!([*first.lock().unwrap()]);
        }
    });
    let other = || {
        Effect::lie(|answer| {
            for name in ["name", "assigned", "reviewed"] {
                if let Some(search) = answer.pointer_mut(&format!("/data/{name}")) {
                    search["nodes"] = json!([]);
                    search["issueCount"] = json!(0);
                }
            }
        })
    };
    bench.forge.faults([
        Fault::once("POST", "*/graphql", one),
        Fault::once("POST", "*/graphql", two).after(1),
        Fault::once("POST", "*/graphql", other()).times(2),
    ]);
    bench.poll().await;
    assert!(bench.forge.with(|world| world.faults.is_empty()), "each was met");
    assert_eq!(bench.rows().await.len(), 2);
    let banners = bench.queue().await.banners;
    let said = |words: &str| banners.iter().any(|banner| banner.message.what.contains(words));
    assert!(said("1 of 2 changes that wait for your review"), "{banners:?}");
}
