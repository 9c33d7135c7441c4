//! The ledger leaves the app as it is, and what its chain says goes with it; as a bundle, with what proves it.

use std::path::Path;
use std::process::Command;

use countersign_core::ledger;
use countersign_core::signature::Envelope;
use countersign_core::verify::Input;
use countersign_engine::view::{DecisionView, ExportForm, Exported, Failure, OutboxStateView};
use countersign_tests::forge::collect;
use countersign_tests::forge::faults::{Effect, Fault};
use countersign_tests::forge::git::Edit;
use countersign_tests::gate;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::bench::{Bench, POLICY, REPO, change};
use super::main_job::openssh_says;

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_is_exported_byte_for_byte_where_the_user_says() {
    let bench = Bench::with_one_change().await;
    let empty = bench.engine.export_ledger(ExportForm::Lines).await.unwrap_err();
    assert!(empty.message.contains("The ledger is empty"), "{}", empty.message);
    let view = bench.read(1).await;
    bench.decide(&view, DecisionView::Approve, "").await.unwrap();
    bench.comes_to(OutboxStateView::Confirmed).await;

    let none = bench.engine.export_ledger(ExportForm::Lines).await.unwrap();
    assert!(!none.saved && none.message.what.contains("no file was chosen"));

    let folder = TempDir::new().unwrap();
    bench
        .desktop
        .with(|seen| seen.saves_in = Some(folder.path().to_owned()));
    let done = bench.engine.export_ledger(ExportForm::Lines).await.unwrap();
    assert!(done.saved && done.message.what.starts_with("2 lines were written to "));
    assert!(done.message.kept.contains("chain is whole"), "{:?}", done.message);
    let files: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let text = std::fs::read_to_string(&files[0]).unwrap();
    assert_eq!(text, format!("{}\n", bench.engine.ledger().unwrap().join("\n")));
    ledger::check(text.lines()).unwrap();

    let missing = folder.path().join("none");
    bench.desktop.with(|seen| seen.saves_in = Some(missing.clone()));
    let failure = bench.engine.export_ledger(ExportForm::Lines).await.unwrap_err();
    assert!(
        failure.message.contains("cannot be written"),
        "{}",
        failure.message
    );
    assert!(!missing.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_chain_is_said_and_exported_all_the_same() {
    for (change, said) in [
        (
            "UPDATE ledger SET line = replace(line, 'queued', 'refused') WHERE seq = 1",
            "line 2 of the ledger does not follow the line before it",
        ),
        (
            "UPDATE ledger SET line = replace(line, 'confirmed', 'refused') WHERE seq = 2",
            "the last line of the ledger is not the one that was written",
        ),
    ] {
        let bench = Bench::with_one_change().await;
        let view = bench.read(1).await;
        bench.decide(&view, DecisionView::Approve, "").await.unwrap();
        bench.comes_to(OutboxStateView::Confirmed).await;
        let folder = TempDir::new().unwrap();
        bench
            .desktop
            .with(|seen| seen.saves_in = Some(folder.path().to_owned()));
        let bench = bench
            .reopened_after(|path| {
                let db = rusqlite::Connection::open(path).unwrap();
                assert_eq!(db.execute(change, []).unwrap(), 1);
            })
            .await;
        let done = bench.engine.export_ledger(ExportForm::Lines).await.unwrap();
        assert!(
            done.saved && done.message.what.contains(said),
            "{:?}",
            done.message
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

/// Exports into a folder of its own; what was said, and the one file that was written, as JSON.
async fn bundled(bench: &Bench) -> (Exported, Value, String) {
    let folder = TempDir::new().unwrap();
    bench
        .desktop
        .with(|seen| seen.saves_in = Some(folder.path().to_owned()));
    let done = bench.engine.export_ledger(ExportForm::Bundle).await.unwrap();
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(files.len(), 1);
    let text = std::fs::read_to_string(files[0].as_ref().unwrap().path()).unwrap();
    (done, serde_json::from_str(&text).unwrap(), text)
}

/// What `countersign-verify bundle` says of it: the exit status and its answer.
fn checked(bundle: &str) -> (i32, Value) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("bundle.json");
    std::fs::write(&path, bundle).unwrap();
    let output = Command::new(gate()).arg("bundle").arg(&path).output().unwrap();
    let said = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code().unwrap(), said)
}

/// Three changes, all of them decided on: two approved, changes asked for on the third.
async fn three_decided() -> Bench {
    let bench = Bench::with(|world| {
        for name in ["one", "two", "three"] {
            let edit = Edit::write(&format!("src/{name}.txt"), "new\n");
            world.open(change(name, vec![edit])).unwrap();
        }
    })
    .await;
    let decisions = [
        (1, DecisionView::Approve, ""),
        (2, DecisionView::Approve, "Fine."),
        (3, DecisionView::RequestChanges, "Two views still read it."),
    ];
    for (number, decision, words) in decisions {
        let view = bench.read(number).await;
        bench.decide(&view, decision, words).await.unwrap();
        confirmed(&bench, usize::try_from(number).unwrap()).await;
    }
    bench
}

/// Waits until so many decisions were confirmed.
async fn confirmed(bench: &Bench, count: usize) {
    bench
        .until("the confirmation", async |bench| {
            let rows = bench.rows().await;
            let done = rows.iter().filter_map(|row| row.decision.as_ref());
            done.filter(|one| one.state == OutboxStateView::Confirmed).count() == count
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_is_proved_with_no_forge_after_everything_there_has_gone() {
    let bench = three_decided().await;
    bench.forge.with(|world| {
        world.merge(REPO, 1, "sol-v").unwrap();
        world.close(REPO, 2, "mika").unwrap();
        let git = &world.find_mut(REPO).unwrap().git;
        for branch in ["one", "two", "three"] {
            git.run(&["update-ref", "-d", &format!("refs/heads/{branch}")])
                .unwrap();
        }
    });
    // Another process, without a token and without a network.
    let bench = bench.reopened().await;
    bench.forge.faults([Fault::always("*", "*", Effect::ResetBefore)]);
    let (done, bundle, text) = bundled(&bench).await;
    let said = &done.message;
    assert!(
        done.saved && said.what.starts_with("A bundle of 3 decisions was written to "),
        "{said:?}"
    );
    assert!(
        said.what.ends_with(": 3 proved by it.") && said.kept.is_empty(),
        "{said:?}"
    );

    let (code, found) = checked(&text);
    assert_eq!((code, &found["consistent"]), (0, &json!(true)), "{found:#}");
    let decisions = found["decisions"].as_array().unwrap();
    for (decision, verdict) in decisions.iter().zip(["accepted", "accepted", "rejected"]) {
        assert_eq!(decision["standing"], json!("accepted"), "{decision:#}");
        assert_eq!(decision["signer"]["login"], json!("priya-n"));
        assert_eq!(decision["signer"]["principal"], json!("priya@acme.example"));
        assert_eq!(decision["then"]["verdict"], json!(verdict));
    }
    assert_eq!(decisions.len(), 3);
    assert_eq!(decisions[2]["decision"], json!("request_changes"));

    // The chain is that of the other form.
    let folder = TempDir::new().unwrap();
    bench
        .desktop
        .with(|seen| seen.saves_in = Some(folder.path().to_owned()));
    bench.engine.export_ledger(ExportForm::Lines).await.unwrap();
    let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap();
    let lines = std::fs::read_to_string(file.path()).unwrap();
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(bundle["ledger"], json!(lines));
    let (read, end) = ledger::check(lines.iter().copied()).unwrap();
    assert_eq!(found["ledger"], json!({"lines": 6, "end": end}));

    // And OpenSSH agrees about each signature, with the keys that the bundle holds.
    for (at, line) in read.iter().filter(|line| line.envelope.is_some()).enumerate() {
        let envelope = Envelope::from_json(line.envelope.as_ref().unwrap().as_bytes()).unwrap();
        let input = bundle["inputs"][at]["input"].as_str().unwrap();
        let input = Input::from_json(input.as_bytes()).unwrap();
        assert!(openssh_says(
            &envelope,
            &input.trust.allowed_signers.unwrap().text
        ));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_what_git_itself_says() {
    let policy = POLICY.replace(
        "\n[signoff]",
        "revoked_keys = \"keys/revoked\"\nextends = \"Acme/policies:rules/countersign.toml\"\n\n[signoff]",
    );
    let bench = Bench::with(|world| {
        let signers = world
            .find(REPO)
            .unwrap()
            .git
            .run(&["show", "main:.github/allowed_signers"]);
        let signers = String::from_utf8(signers.unwrap()).unwrap();
        let theirs = POLICY.replace(".github/allowed_signers", "rules/signers");
        let files = [
            Edit::write("rules/countersign.toml", &theirs),
            Edit::write("rules/signers", &signers),
        ];
        world
            .repo("acme/policies", 4_000_009, true, &["priya-n"], &files)
            .unwrap();
        for (path, text) in [
            (".github/countersign.toml", policy.as_str()),
            ("keys/revoked", ""),
        ] {
            world.set_file(REPO, "main", path, text.as_bytes()).unwrap();
        }
        let edits = vec![
            Edit::write("src/app.txt", "one\n2\nthree\n"),
            Edit::write("a/b/c/new file.txt", "new\n"),
        ];
        world.open(change("feature", edits)).unwrap();
        world
            .review(REPO, 1, "sol-v", "COMMENTED", "Nice.", jiff::SignedDuration::ZERO)
            .unwrap();
    })
    .await;
    let view = bench.read(1).await;
    assert_eq!(view.will_count.answer, "yes", "{:?}", view.will_count);
    bench.decide(&view, DecisionView::Approve, "").await.unwrap();
    bench.comes_to(OutboxStateView::Confirmed).await;
    let (_, bundle, text) = bundled(&bench).await;
    let (code, found) = checked(&text);
    assert_eq!(
        (code, &found["decisions"][0]["standing"]),
        (0, &json!("accepted")),
        "{found:#}"
    );
    let then = &found["decisions"][0]["then"];
    assert_eq!(
        then["policy"]["extends"]["repo"],
        json!("acme/policies"),
        "{then:#}"
    );

    let mut kept: Value = serde_json::from_str(bundle["inputs"][0]["input"].as_str().unwrap()).unwrap();
    let mut git = bench.forge.with(|world| collect::input(world, REPO, 1)).unwrap();
    let organisation = kept["trust"]["organisation"].take();
    assert_eq!(organisation["policy"]["path"], json!("rules/countersign.toml"));
    assert_eq!(organisation["allowed_signers"]["path"], json!("rules/signers"));
    let tip = bench
        .forge
        .with(|world| world.find("acme/policies").unwrap().git.tip("main"));
    assert_eq!(organisation["tip"], json!(tip));
    // Where they were read differs, and nothing else; whether the target is protected CI takes for granted as well.
    for document in [&mut kept, &mut git] {
        document["trust"].as_object_mut().unwrap().remove("organisation");
        document["change"]["target_protected"] = json!(true);
        for part in [
            "trust",
            "commits",
            "reviews",
            "dismissals",
            "content",
            "same_head",
        ] {
            document[part]["source"] = Value::Null;
        }
        document["mails"] = Value::Null;
    }
    assert_eq!(kept["content"]["total"], json!(2));
    for (part, value) in git.as_object().unwrap() {
        assert_eq!(kept[part], *value, "{part}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_of_which_a_byte_was_changed_is_rejected_by_name() {
    let bench = three_decided().await;
    let (_, whole, text) = bundled(&bench).await;
    assert_eq!(checked(&text).0, 0);
    let edited = |edit: &dyn Fn(&mut Value)| {
        let mut bundle = whole.clone();
        edit(&mut bundle);
        assert_ne!(bundle, whole, "nothing was changed");
        let (code, said) = checked(&bundle.to_string());
        let of_one = said["decisions"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["standing"] == "contradicted");
        let name = of_one.map_or(said["reason"].clone(), |one| one["reason"].clone());
        (code, name)
    };
    let replaced = |place: &mut Value, from: &str, to: &str| {
        *place = json!(place.as_str().unwrap().replacen(from, to, 1));
    };
    let in_input =
        |from: &str, to: &str| edited(&|bundle| replaced(&mut bundle["inputs"][1]["input"], from, to));
    // The policy, the keys, the envelope in the review, what the change did, who pushed.
    for (from, to) in [
        ("ai-assisted", "ai-assistee"),
        ("ssh-ed25519", "ssh-ed25510"),
        ("countersign-dsse-v1\\n", "countersign-dsse-v1\\nA"),
        ("\"total\":1", "\"total\":2"),
        ("\"login\":\"mika\"", "\"login\":\"sika\""),
    ] {
        assert_eq!(in_input(from, to), (1, json!("INPUT_CHANGED")), "{from}");
    }
    // The lines: the envelope, a state, their order, one taken out.
    let line = |from: &str, to: &str| edited(&|bundle| replaced(&mut bundle["ledger"][2], from, to));
    for (from, to) in [
        ("\\\"payload\\\":\\\"e", "\\\"payload\\\":\\\"f"),
        ("queued", "queuee"),
        ("SHA256:", "SHA255:"),
    ] {
        assert_eq!(line(from, to), (1, json!("LEDGER_BROKEN")), "{from}");
    }
    let swapped = |bundle: &mut Value| bundle["ledger"].as_array_mut().unwrap().swap(2, 3);
    assert_eq!(edited(&swapped), (1, json!("LEDGER_BROKEN")));
    let cut = |bundle: &mut Value| drop(bundle["ledger"].as_array_mut().unwrap().remove(0));
    assert_eq!(edited(&cut), (1, json!("LEDGER_BROKEN")));
    let left_out = |bundle: &mut Value| drop(bundle["inputs"].as_array_mut().unwrap().remove(1));
    assert_eq!(edited(&left_out), (1, json!("INPUTS_DIFFER")));
    let exchanged = |bundle: &mut Value| {
        bundle["inputs"][0]["input"] = whole["inputs"][1]["input"].clone();
    };
    assert_eq!(edited(&exchanged), (1, json!("INPUT_CHANGED")));

    // The whole chain made anew behind a changed line: what was signed later names the line that was there.
    let rechained = |bundle: &mut Value| {
        let mut previous = ledger::START.to_owned();
        for (at, text) in bundle["ledger"].as_array_mut().unwrap().iter_mut().enumerate() {
            let mut line: ledger::Line = serde_json::from_str(text.as_str().unwrap()).unwrap();
            line.previous = previous;
            if at == 1 {
                line.why = Some("Another end.".into());
            }
            let (sealed, hash) = line.seal();
            *text = json!(sealed);
            previous = hash;
        }
    };
    assert_eq!(edited(&rechained), (1, json!("LEDGER_REWRITTEN")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_kept_is_said_in_the_window_and_in_the_bundle() {
    // The forge merges as soon as it is approved; and it gives no trees.
    let merges = Effect::Hook(Box::new(|world| {
        let _ = world.merge(REPO, 1, "sol-v");
    }));
    let broken = Effect::Status {
        status: 500,
        headers: Vec::new(),
        body: "{}".into(),
    };
    let faults = [
        (
            Fault::once("GET", "*/pulls/1/reviews", merges).after(2),
            "it was merged before its facts were read",
        ),
        (Fault::always("GET", "*/git/trees/*", broken), "answered 500"),
    ];
    for (fault, why) in faults {
        let bench = Bench::with_one_change().await;
        let view = bench.read(1).await;
        bench.forge.faults([fault]);
        bench.decide(&view, DecisionView::Approve, "").await.unwrap();
        bench.comes_to(OutboxStateView::Confirmed).await;
        let (done, bundle, text) = bundled(&bench).await;
        let said = &done.message;
        assert!(said.what.ends_with(": 1 not provable here."), "{said:?}");
        assert!(
            said.kept.starts_with("Not provable: acme/web #1: ") && said.kept.contains(why),
            "{said:?}"
        );
        let written = bundle["inputs"][0]["why"].as_str().unwrap();
        assert!(written.contains(why), "{written}");
        let (code, found) = checked(&text);
        let decision = &found["decisions"][0];
        assert_eq!(
            (code, &decision["standing"]),
            (0, &json!("not_provable")),
            "{found:#}"
        );
        assert_eq!(decision["detail"], json!(written));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_waits_or_is_older_than_bundles_is_in_it_with_the_reason() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    bench.forge.faults([Fault::always("*", "*", Effect::ResetBefore)]);
    bench.decide(&view, DecisionView::Approve, "").await.unwrap();
    let (done, _, text) = bundled(&bench).await;
    assert!(
        done.message.kept.contains("the forge has not confirmed it yet"),
        "{:?}",
        done.message
    );
    assert_eq!(checked(&text).0, 0);

    // As an earlier version left it, and as a damaged file does.
    for (sql, why) in [
        ("DELETE FROM input", "kept only the ledger"),
        (
            "UPDATE input SET bytes = x'00'",
            "what was kept of it cannot be read",
        ),
        ("DELETE FROM policy_file", "what was kept of it cannot be read"),
    ] {
        let bench = Bench::with_one_change().await;
        let view = bench.read(1).await;
        bench.decide(&view, DecisionView::Approve, "").await.unwrap();
        bench.comes_to(OutboxStateView::Confirmed).await;
        let bench = bench
            .reopened_after(|path| {
                let db = rusqlite::Connection::open(path).unwrap();
                assert!(db.execute(sql, []).unwrap() > 0);
            })
            .await;
        let (done, _, text) = bundled(&bench).await;
        assert!(done.message.kept.contains(why), "{sql}: {:?}", done.message);
        let (code, found) = checked(&text);
        assert_eq!(
            (code, &found["counts"]["not_provable"]),
            (0, &json!(1)),
            "{found:#}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_contradicts_itself_or_cannot_be_written_is_said_to() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    bench.decide(&view, DecisionView::Approve, "").await.unwrap();
    bench.comes_to(OutboxStateView::Confirmed).await;
    let bench = bench
        .reopened_after(|path| {
            let db = rusqlite::Connection::open(path).unwrap();
            let sql = "UPDATE ledger SET line = replace(line, 'queued', 'refused') WHERE seq = 1";
            assert_eq!(db.execute(sql, []).unwrap(), 1);
        })
        .await;
    let (done, bundle, text) = bundled(&bench).await;
    let said = &done.message.what;
    assert!(
        said.contains("but it contradicts itself: Line 2 of the ledger does not follow"),
        "{said}"
    );
    assert_eq!(bundle["ledger"].as_array().unwrap().len(), 2);
    assert_eq!(checked(&text).0, 1);

    let cannot = async |folder: &Path| -> Failure {
        bench.desktop.with(|seen| seen.saves_in = Some(folder.to_owned()));
        bench.engine.export_ledger(ExportForm::Bundle).await.unwrap_err()
    };
    let missing = TempDir::new().unwrap().path().join("none");
    let failure = cannot(&missing).await;
    assert!(
        failure.message.contains("cannot be written") && !missing.exists(),
        "{}",
        failure.message
    );
    // Every write to it is one to a full disk.
    let full = TempDir::new().unwrap();
    std::os::unix::fs::symlink("/dev/full", full.path().join(part_of_today())).unwrap();
    let failure = cannot(full.path()).await;
    assert!(failure.message.contains("No space left"), "{}", failure.message);
    assert_eq!(
        std::fs::read_dir(full.path()).unwrap().count(),
        0,
        "nothing half is left"
    );
}

/// Where today's bundle is written before it takes its place.
fn part_of_today() -> String {
    format!(
        "countersign-bundle-{}.json.part",
        jiff::Timestamp::now().strftime("%Y-%m-%d")
    )
}
