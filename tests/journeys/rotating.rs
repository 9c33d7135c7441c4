//! A key is replaced, or was lost: the new one is enrolled, the old one ends or is revoked, and what it signed is listed.

use std::process::Command;

use countersign_core::policy::Policy;
use countersign_core::policy::enrolment::with_end;
use countersign_core::reason::Reason;
use countersign_core::signature::Key;
use countersign_core::verify::{Input, Verdict, judge};
use countersign_engine::view::{DecisionView, HoldingState, OutboxStateView, Rotation, SignedRow};
use countersign_tests::forge::collect;
use countersign_tests::forge::git::Edit;
use jiff::{SignedDuration, Timestamp};

use super::bench::{Bench, POLICY, REPO, change, run};

const LIST: &str = ".github/allowed_signers";
const REVOKED: &str = ".github/revoked_keys";
const NAME: &str = "priya@acme.example";

/// Two changes open, the first approved with the agent's key, confirmed and read again.
async fn approved() -> Bench {
    let bench = Bench::with(|world| {
        for (branch, path) in [("feature", "src/app.txt"), ("second", "src/more.txt")] {
            let edit = Edit::write(path, "one\n2\nthree\n");
            world.open(change(branch, vec![edit])).unwrap();
        }
    })
    .await;
    approve(&bench, 1).await;
    bench
}

async fn approve(bench: &Bench, number: u64) {
    let view = bench.read(number).await;
    bench.decide(&view, DecisionView::Approve, "Good.").await.unwrap();
    bench
        .until("the confirmation", async |bench| {
            let view = bench.engine.change(bench.id(number)).await.unwrap();
            view.decided
                .is_some_and(|row| row.state == OutboxStateView::Confirmed)
        })
        .await;
    bench.poll().await;
}

async fn asked(bench: &Bench, key: Option<&str>) -> Rotation {
    bench.engine.rotation(key.map(str::to_owned)).await.unwrap()
}

/// The one decision of the key, and whether it holds.
fn only(rotation: &Rotation) -> (&SignedRow, HoldingState) {
    let [row] = rotation.signed.as_slice() else {
        panic!("{rotation:?}");
    };
    (row, row.holding.as_ref().unwrap().state)
}

/// An administrator puts this on the target branch, and the app reads it.
async fn put(bench: &Bench, files: &[(&str, &str)]) {
    bench.forge.with(|world| {
        for (path, text) in files {
            world.set_file(REPO, "main", path, text.as_bytes()).unwrap();
        }
    });
    bench.poll().await;
}

fn gate(bench: &Bench, number: u64, at: Timestamp) -> Verdict {
    let input = bench.forge.with(|world| collect::input(world, REPO, number));
    let input = Input::from_json(input.unwrap().to_string().as_bytes()).unwrap();
    judge(&input, at)
}

fn counts(bench: &Bench, number: u64) -> bool {
    let verdict = gate(bench, number, Timestamp::now());
    assert_eq!(verdict.reviews.len(), 1, "{verdict:?}");
    verdict.reviews[0].accepted
}

fn key(bench: &Bench) -> Key {
    let public = ssh_key::PublicKey::from_openssh(&bench.agent.public_key()).unwrap();
    Key::from_blob(&public.to_bytes().unwrap()).unwrap()
}

/// The change as the ledger names it: without the account.
fn name(bench: &Bench, number: u64) -> String {
    bench.id(number).trim_start_matches("first:").to_owned()
}

/// Another key into the agent; its fingerprint.
fn add_key(bench: &Bench) -> String {
    let path = bench.profile.path().join("another");
    run(Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "another", "-f"])
        .arg(&path));
    run(Command::new("ssh-add")
        .arg("-q")
        .arg(&path)
        .env("SSH_AUTH_SOCK", bench.agent.socket()));
    let line = std::fs::read_to_string(path.with_extension("pub")).unwrap();
    let public = ssh_key::PublicKey::from_openssh(&line).unwrap();
    public.fingerprint(ssh_key::HashAlg::Sha256).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_signs_while_what_the_old_one_signed_holds_up_to_the_end_of_its_line() {
    let bench = approved().await;
    let old = key(&bench).fingerprint();
    let before = asked(&bench, None).await;
    assert_eq!(before.old.as_deref(), Some(old.as_str()));
    let (row, holding) = only(&before);
    assert_eq!(
        (row.change.as_str(), holding),
        (name(&bench, 1).as_str(), HoldingState::Holds)
    );
    assert_eq!((row.again, before.again), (true, 1));
    assert_eq!(
        (&before.new_line, before.messages.len()),
        (&None, 0),
        "{before:?}"
    );
    let until: Timestamp = before.until.parse().unwrap();
    assert!(
        until > Timestamp::now() + SignedDuration::from_hours(1),
        "{before:?}"
    );

    let made = bench.engine.make_key().await.unwrap();
    let rotation = asked(&bench, Some(&old)).await;
    assert_eq!(rotation.keys, [made.fingerprint.clone(), old.clone()]);
    assert_eq!(rotation.signed, before.signed);
    let [place] = rotation.places.as_slice() else {
        panic!("{rotation:?}");
    };
    assert_eq!((place.repo.as_str(), place.path.as_str()), (REPO, LIST));
    assert_eq!(
        (place.ended, place.revoked, &place.revoked_path),
        (false, false, &None)
    );
    assert_eq!(place.until, rotation.until);
    let list = format!("{}\n{}\n", place.line, rotation.new_line.unwrap());
    put(&bench, &[(LIST, &list)]).await;

    approve(&bench, 2).await;
    assert!(counts(&bench, 1) && counts(&bench, 2));
    let after = asked(&bench, Some(&old)).await;
    assert_eq!(only(&after).1, HoldingState::Holds);
    assert!(after.places[0].ended, "{after:?}");
    assert_eq!(after.places[0].line, place.line);
    let new = asked(&bench, None).await;
    assert_eq!(new.old.as_deref(), Some(made.fingerprint.as_str()));
    assert_eq!(only(&new).0.change, name(&bench, 2));
    for number in [1, 2] {
        let view = bench.engine.change(bench.id(number)).await.unwrap();
        assert!(
            view.approval.unwrap().holding.is_some(),
            "each change shows its own"
        );
    }

    let just_before = gate(&bench, 1, until - SignedDuration::from_secs(1));
    assert!(just_before.reviews[0].accepted, "{just_before:?}");
    let later = gate(&bench, 1, until + SignedDuration::from_secs(1));
    assert_eq!(later.reviews[0].reason, Some(Reason::KeyExpired), "{later:?}");
    assert_eq!(bench.forge.take_violations(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_end_of_its_line_nothing_that_the_key_signed_holds() {
    let bench = approved().await;
    let list = format!(
        "{NAME} namespaces=\"approval@countersign.dev\" {}\n",
        bench.agent.public_key()
    );
    let past = Timestamp::now() - SignedDuration::from_hours(1);
    let ended = with_end(&list, NAME, &key(&bench), past).unwrap().unwrap();
    put(&bench, &[(LIST, &ended.list)]).await;
    // Started anew, everything is read again.
    let bench = bench.restarted().await;
    bench.poll().await;
    let rotation = asked(&bench, None).await;
    let (row, holding) = only(&rotation);
    assert_eq!(holding, HoldingState::Ended);
    let words = &row.holding.as_ref().unwrap().words;
    assert_eq!(
        words,
        "No longer holds: the key was allowed up to an earlier date."
    );
    assert!(row.again && rotation.again == 1);
    assert!(rotation.places[0].ended, "an earlier end stays: {rotation:?}");
    let verdict = gate(&bench, 1, Timestamp::now());
    assert_eq!(verdict.reviews[0].reason, Some(Reason::KeyExpired), "{verdict:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_key_is_revoked_without_it_and_what_must_be_signed_again_is_listed() {
    let bench = approved().await;
    let old = key(&bench).fingerprint();
    bench.agent.forget();
    let other = add_key(&bench);
    bench.engine.choose_key(other).await.unwrap();
    let before = asked(&bench, Some(&old)).await;
    let line = before.revoked_line.clone().unwrap();
    assert_eq!(line, bench.agent.public_key());
    assert_eq!(
        before.places[0].revoked_path, None,
        "the policy must name a file first"
    );
    assert_eq!((only(&before).1, before.again), (HoldingState::Holds, 1));

    let named = format!("revoked_keys = {REVOKED:?}\n\n[signoff]");
    let policy = POLICY.replace("\n[signoff]", &named);
    assert!(Policy::parse(&policy).unwrap().revoked_keys.is_some());
    let list = format!(
        "{NAME} namespaces=\"approval@countersign.dev\" {}\n{}\n",
        bench.agent.public_key(),
        before.new_line.unwrap()
    );
    let files = [
        (REVOKED, format!("{line}\n")),
        (".github/countersign.toml", policy),
        (LIST, list),
    ];
    let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
    put(&bench, &files).await;
    let bench = bench.restarted().await;
    bench.poll().await;
    let after = asked(&bench, Some(&old)).await;
    let (row, holding) = only(&after);
    assert_eq!(holding, HoldingState::Ended);
    assert!(row.holding.as_ref().unwrap().words.contains("revoked"), "{row:?}");
    assert_eq!(
        (row.change.as_str(), row.again, after.again),
        (name(&bench, 1).as_str(), true, 1)
    );
    assert_eq!(after.places[0].revoked_path.as_deref(), Some(REVOKED));
    assert!(after.places[0].revoked && !counts(&bench, 1));
    assert!(
        after.until.parse::<Timestamp>().unwrap() <= Timestamp::now(),
        "nothing is left that the key would have to hold for: {after:?}"
    );

    // Signed again with the new key, nothing of the old one's is asked for any more.
    approve(&bench, 1).await;
    let anew = asked(&bench, Some(&old)).await;
    assert_eq!((anew.signed.len(), anew.again), (1, 0), "{anew:?}");
    let verdict = gate(&bench, 1, Timestamp::now());
    assert_eq!(
        verdict.reviews.iter().filter(|review| review.accepted).count(),
        1,
        "{verdict:?}"
    );
}

/// Real `ssh-keygen` takes the list with the end before it, and not after.
#[tokio::test(flavor = "multi_thread")]
async fn the_line_with_an_end_is_openssh_s() {
    let bench = approved().await;
    let rotation = asked(&bench, None).await;
    let nobodys = asked(&bench, Some("SHA256:nobody")).await;
    assert_eq!((&nobodys.old, &nobodys.keys), (&rotation.old, &rotation.keys));
    let folder = tempfile::TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("list"), format!("{}\n", rotation.places[0].line)).unwrap();
    std::fs::write(at("revoked"), format!("{}\n", rotation.revoked_line.unwrap())).unwrap();
    std::fs::write(at("text"), "signed").unwrap();
    std::fs::write(at("key.pub"), bench.agent.public_key()).unwrap();
    run(Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", "approval@countersign.dev", "-f"])
        .arg(at("key.pub"))
        .arg(at("text"))
        .env("SSH_AUTH_SOCK", bench.agent.socket()));
    let verified = |when: Timestamp, revoked: bool| {
        let mut command = Command::new("ssh-keygen");
        command
            .args(["-q", "-Y", "verify", "-n", "approval@countersign.dev", "-I", NAME])
            .arg(format!("-Overify-time={}", when.strftime("%Y%m%d%H%M%SZ")))
            .arg("-f")
            .arg(at("list"))
            .arg("-s")
            .arg(at("text.sig"));
        if revoked {
            command.arg("-r").arg(at("revoked"));
        }
        let text = std::fs::File::open(at("text")).unwrap();
        command.stdin(text).status().unwrap().success()
    };
    let until: Timestamp = rotation.until.parse().unwrap();
    assert!(verified(until, false));
    assert!(!verified(until + SignedDuration::from_secs(1), false));
    assert!(!verified(until, true));
}
