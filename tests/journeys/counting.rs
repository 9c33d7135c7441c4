//! Will it count? Before signing, each reason why an approval would not, or would not alone.

use countersign_engine::view::WillCount;
use countersign_tests::forge::git::Edit;
use countersign_tests::forge::world::World;
use jiff::SignedDuration;

use super::bench::{Bench, POLICY, REPO, change, commit};

/// One small change, in a world that `also` has had in hand.
async fn asked(also: impl FnOnce(&mut World)) -> WillCount {
    let bench = Bench::with(|world| {
        let edit = Edit::write("src/app.txt", "one\n2\nthree\n");
        world.open(change("feature", vec![edit])).unwrap();
        also(world);
    })
    .await;
    let view = bench.engine.change(bench.id(1)).await.unwrap();
    view.will_count
}

fn file(world: &mut World, path: &str, text: &str) {
    world.set_file(REPO, "main", path, text.as_bytes()).unwrap();
}

fn said(count: &WillCount) -> String {
    count
        .reasons
        .iter()
        .map(|reason| format!("{} {}\n", reason.what, reason.todo))
        .collect()
}

/// The bench's own `allowed_signers`, its one line changed.
fn signers(world: &mut World, edit: impl FnOnce(&str) -> String) {
    let git = &world.find(REPO).unwrap().git;
    let text = git
        .run(&["show", "main:.github/allowed_signers"])
        .map(|bytes| String::from_utf8(bytes).unwrap())
        .unwrap();
    file(world, ".github/allowed_signers", &edit(&text));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_approval_of_a_senior_who_had_no_part_counts() {
    let count = asked(|_| {}).await;
    assert_eq!(
        (count.answer.as_str(), count.short.as_str(), count.reasons.len()),
        ("yes", "as the 1st of 1", 2),
        "{count:?}"
    );
    assert!(
        said(&count).contains("knows this key for priya@acme.example; it proves no touch"),
        "{count:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_had_a_part_does_not_count() {
    let pushed = asked(|world| {
        let edit = Edit::write("src/other.txt", "x\n");
        let commits = [commit("More", "mika", vec![edit])];
        world.push(REPO, 1, "priya-n", &commits).unwrap();
    })
    .await;
    assert_eq!(pushed.answer, "no");
    assert!(said(&pushed).contains("You pushed to its branch"), "{pushed:?}");

    let set_to_work = asked(|world| {
        world.bot("kiro-agent[bot]", 245_459_735);
        let at = world.now();
        world.assign(REPO, 1, "kiro-agent[bot]", "priya-n", at).unwrap();
    })
    .await;
    assert_eq!(set_to_work.answer, "no");
    assert!(
        said(&set_to_work).contains("you set an agent to work"),
        "{set_to_work:?}"
    );

    // Where a person opened it, to be assigned means to be asked.
    let assigned = asked(|world| {
        let at = world.now();
        world.assign(REPO, 1, "priya-n", "mika", at).unwrap();
    })
    .await;
    assert_eq!(assigned.answer, "yes", "{assigned:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_of_who_had_a_part_takes_two() {
    let count = asked(|world| {
        let edit = Edit::write("src/other.txt", "x\n");
        let message = "More\n\nCo-authored-by: somebody\n";
        let commits = [commit(message, "mika", vec![edit])];
        world.push(REPO, 1, "mika", &commits).unwrap();
    })
    .await;
    assert_eq!(
        (count.answer.as_str(), count.short.as_str()),
        ("yes", "as the 1st of 2")
    );
    assert!(said(&count).contains("co-author without an address"), "{count:?}");

    let unknown = asked(|world| world.find_mut(REPO).unwrap().activity.clear()).await;
    assert_eq!(unknown.short, "as the 1st of 2");
    assert!(said(&unknown).contains("does not tell who pushed"), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quorum_is_counted_with_those_who_have_approved_this_head() {
    let two = POLICY.replace("[signoff]\n", "[signoff]\napprovals = 2\n")
        + "\n[[senior]]\nlogin = \"sol-v\"\nid = \"2000002\"\nprincipal = \"sol@acme.example\"\n";
    let count = asked(|world| {
        file(world, ".github/countersign.toml", &two);
        world
            .review(REPO, 1, "sol-v", "APPROVED", "yes", SignedDuration::from_mins(1))
            .unwrap();
    })
    .await;
    assert_eq!(
        (count.answer.as_str(), count.short.as_str()),
        ("yes", "as the 2nd of 2")
    );
    assert!(
        said(&count).contains("sol-v has approved this head already"),
        "{count:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_revoked_expired_or_expires_soon_is_said() {
    let revoked = asked(|world| {
        let policy = POLICY.replace(
            "\n[signoff]",
            "revoked_keys = \".github/revoked_keys\"\n\n[signoff]",
        );
        file(world, ".github/countersign.toml", &policy);
        let git = &world.find(REPO).unwrap().git;
        let line = String::from_utf8(git.run(&["show", "main:.github/allowed_signers"]).unwrap()).unwrap();
        let key: Vec<&str> = line.split_whitespace().skip(2).take(2).collect();
        file(world, ".github/revoked_keys", &format!("{}\n", key.join(" ")));
    })
    .await;
    assert_eq!(revoked.answer, "no");
    assert!(said(&revoked).contains("This key is revoked"), "{revoked:?}");

    let lost = asked(|world| {
        let policy = POLICY.replace(
            "\n[signoff]",
            "revoked_keys = \".github/revoked_keys\"\n\n[signoff]",
        );
        file(world, ".github/countersign.toml", &policy);
    })
    .await;
    assert_eq!(lost.answer, "no", "{lost:?}");
    assert!(
        said(&lost).contains("revoked keys that the policy names is not there"),
        "{lost:?}"
    );

    let dated = |date: &str| {
        let option = format!("valid-before=\"{date}\",namespaces=");
        asked(move |world| signers(world, |text| text.replace("namespaces=", &option)))
    };
    let expired = dated("20200101000000Z").await;
    assert_eq!(expired.answer, "no");
    assert!(said(&expired).contains("until 1 Jan 2020 only"), "{expired:?}");

    let soon = jiff::Timestamp::now() + SignedDuration::from_hours(72);
    let soon = dated(&soon.strftime("%Y%m%d%H%M%SZ").to_string()).await;
    assert_eq!(soon.answer, "yes", "{soon:?}");
    assert!(said(&soon).contains("Enrol its successor"), "{soon:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_and_approvals_that_outlive_a_push_are_said() {
    let count = asked(|world| {
        file(world, "src/app.txt", "one\nzwei\nthree\n");
        world.find_mut(REPO).unwrap().dismisses_stale = Some(false);
    })
    .await;
    assert_eq!(count.answer, "yes", "{count:?}");
    assert!(said(&count).contains("conflicts with its target"), "{count:?}");
    assert!(said(&count).contains("Dismiss stale approvals"), "{count:?}");

    let dismissed = asked(|world| world.find_mut(REPO).unwrap().dismisses_stale = Some(true)).await;
    assert_eq!(dismissed.reasons.len(), 2, "{dismissed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_organisation_s_policy_has_its_say_and_is_never_guessed() {
    let extends = POLICY.replace(
        "\n[signoff]",
        "extends = \"acme/policies:countersign.toml\"\n\n[signoff]",
    );
    let unread = asked(|world| file(world, ".github/countersign.toml", &extends)).await;
    assert_eq!(unread.answer, "unknown", "{unread:?}");
    assert!(said(&unread).contains("acme/policies"), "{unread:?}");

    let other = "version = 1\nallowed_signers = \"signers\"\n\n[[senior]]\nlogin = \"sol-v\"\nid = \"2000002\"\n\
                 principal = \"sol@acme.example\"\n";
    let tightened = asked(|world| {
        file(world, ".github/countersign.toml", &extends);
        let files = [Edit::write("countersign.toml", other), Edit::write("signers", "")];
        world
            .repo("acme/policies", 4_000_009, true, &["priya-n"], &files)
            .unwrap();
    })
    .await;
    assert_eq!(tightened.answer, "no", "{tightened:?}");
    assert!(
        said(&tightened).contains("does not name you as a senior"),
        "{tightened:?}"
    );
}

/// Anybody may take a name that a repository no longer has: what the forge leads to from there is nobody's word.
#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_s_repository_that_was_renamed_is_not_followed() {
    let extends = POLICY.replace(
        "\n[signoff]",
        "extends = \"acme/policies:countersign.toml\"\n\n[signoff]",
    );
    for (now, answer) in [("acme/policies", "yes"), ("acme/rules", "unknown")] {
        let count = asked(|world| {
            file(world, ".github/countersign.toml", &extends);
            let git = &world.find(REPO).unwrap().git;
            let signers = git.run(&["show", "main:.github/allowed_signers"]).unwrap();
            let files = [
                Edit::write("countersign.toml", POLICY),
                Edit::bytes(".github/allowed_signers", &signers),
            ];
            world
                .repo("acme/policies", 4_000_009, true, &["priya-n"], &files)
                .unwrap();
            if now != "acme/policies" {
                world.rename("acme/policies", now).unwrap();
            }
        })
        .await;
        assert_eq!(count.answer, answer, "{now}: {count:?}");
    }
}
