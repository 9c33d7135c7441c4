//! A key that the policy does not know is enrolled by a change that the app opens.

use countersign_engine::view::KeyProposal;
use countersign_tests::forge::faults::{Effect, Fault};
use countersign_tests::forge::git::Edit;
use countersign_tests::forge::world::{Life, World};

use super::bench::{Agent, Bench, REPO, change, run, world};

const LIST: &str = ".github/allowed_signers";

/// Somebody else's key, which stands there already.
const OTHERS: &str = "sol@acme.example namespaces=\"approval@countersign.dev\" ssh-ed25519 \
                      AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB\n";

/// One change open, and a list that does not have the viewer's key.
async fn unknown() -> Bench {
    unknown_in(|_| {}).await
}

async fn unknown_in(also: impl FnOnce(&mut World)) -> Bench {
    let mut world = world(OTHERS);
    let edit = Edit::write("src/app.txt", "one\n2\nthree\n");
    world.open(change("feature", vec![edit])).unwrap();
    also(&mut world);
    Bench::over(Agent::start(), world).await
}

fn line(bench: &Bench) -> String {
    format!(
        "priya@acme.example namespaces=\"approval@countersign.dev\" {}\n",
        bench.agent.public_key()
    )
}

/// Branches that the app has made, and the numbers of the changes open from them.
fn made(bench: &Bench) -> (Vec<String>, Vec<u64>) {
    bench.forge.with(|world| {
        let repo = world.find(REPO).unwrap();
        let format = "--format=%(refname:short)";
        let refs = repo
            .git
            .run(&["for-each-ref", format, "refs/heads/countersign/"])
            .unwrap();
        let branches: Vec<String> = String::from_utf8(refs)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect();
        let open = repo.changes.values().filter(|one| one.life == Life::Open);
        let open = open
            .filter(|one| branches.contains(&one.branch))
            .map(|one| one.number);
        let open = open.collect();
        (branches, open)
    })
}

async fn propose(bench: &Bench) -> Result<Option<KeyProposal>, countersign_engine::view::Failure> {
    bench.engine.propose_key(&bench.id(1)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_change_adds_the_line_and_the_key_counts_once_it_is_merged() {
    let bench = unknown().await;
    let before = bench.engine.change(bench.id(1)).await.unwrap().will_count;
    assert_eq!((before.answer.as_str(), before.enrol), ("no", true), "{before:?}");

    bench.desktop.answers(false);
    assert_eq!(propose(&bench).await.unwrap(), None);
    assert_eq!(made(&bench), (vec![], vec![]), "nothing without a yes");
    bench.desktop.answers(true);
    let proposal = propose(&bench).await.unwrap().unwrap();
    let url = format!("{}/{REPO}/pull/2", bench.forge.url());
    assert_eq!(proposal.url.as_deref(), Some(url.as_str()), "{proposal:?}");
    assert!(
        proposal.said.contains("#2 was opened") && proposal.said.contains("two other seniors"),
        "{proposal:?}"
    );
    assert_eq!(bench.engine.open_link(url.clone()).await.unwrap(), url);
    let question = bench.desktop.with(|seen| seen.questions[1].text.clone());
    for part in ["priya-n", "main", LIST, "priya@acme.example", "SHA256:"] {
        assert!(question.contains(part), "{part}: {question}");
    }

    // Nothing but the one line, at the end of what was there.
    let (diff, body, author) = bench.forge.with(|world| {
        let change = world.change(REPO, 2).unwrap().clone();
        let git = &world.find(REPO).unwrap().git;
        let diff = git.run(&["diff", "--numstat", "main", change.head()]).unwrap();
        (String::from_utf8(diff).unwrap(), change.body, change.author)
    });
    assert_eq!(diff, format!("1\t0\t{LIST}\n"));
    assert_eq!(author, "priya-n");
    assert!(body.contains("SHA256:"), "{body}");

    let again = propose(&bench).await.unwrap().unwrap();
    assert!(
        again.said.contains("#2 is open already") && again.url == proposal.url,
        "{again:?}"
    );
    assert_eq!(made(&bench).1, [2]);

    bench.forge.with(|world| world.merge(REPO, 2, "mika").unwrap());
    let list = bench.forge.with(|world| {
        let git = &world.find(REPO).unwrap().git;
        git.run(&["show", &format!("main:{LIST}")]).unwrap()
    });
    assert_eq!(
        String::from_utf8(list).unwrap(),
        format!("{OTHERS}{}", line(&bench))
    );
    bench.poll().await;
    let after = bench.engine.change(bench.id(1)).await.unwrap().will_count;
    assert_eq!((after.answer.as_str(), after.enrol), ("yes", false), "{after:?}");
    let known = propose(&bench).await.unwrap().unwrap();
    assert!(known.said.contains("already") && known.url.is_none(), "{known:?}");
    assert_eq!(bench.forge.take_violations(), Vec::<String>::new());
}

/// At every call that writes, and those that look: what an earlier attempt made is found and finished.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_breaks_on_the_way_there_is_one_change_in_the_end() {
    let calls = [
        ("GET", "*/git/ref/*"),
        ("GET", "*/git/matching-refs/*"),
        ("POST", "*/git/refs"),
        ("GET", "*/contents/*"),
        ("PUT", "*/contents/*"),
        ("POST", "*/pulls"),
    ];
    for (method, path) in calls {
        for effect in [Effect::ResetBefore, Effect::ResetAfter, Effect::trouble(502)] {
            let bench = unknown().await;
            bench.forge.faults([Fault::once(method, path, effect)]);
            let failure = propose(&bench).await.unwrap_err();
            assert!(
                failure.message.starts_with("Not opened: ") && failure.hint.contains("again"),
                "{method} {path}: {failure:?}"
            );
            let proposal = propose(&bench).await.unwrap().unwrap();
            assert!(proposal.url.is_some(), "{method} {path}: {proposal:?}");
            let (branches, open) = made(&bench);
            assert_eq!(
                (branches.len(), open.len()),
                (1, 1),
                "{method} {path}: {branches:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_begun_on_an_older_tip_does_not_stand_in_the_way() {
    let bench = unknown().await;
    bench
        .forge
        .faults([Fault::once("POST", "*/pulls", Effect::ResetBefore)]);
    propose(&bench).await.unwrap_err();
    // Another key is enrolled meanwhile: the half-made branch would take its line away, or conflict.
    let more = format!("{OTHERS}# and others\n");
    bench.forge.with(|world| {
        world.set_file(REPO, "main", LIST, more.as_bytes()).unwrap();
    });
    propose(&bench).await.unwrap().unwrap();
    let (branches, open) = made(&bench);
    assert_eq!((branches.len(), open.len()), (2, 1));
    let merged = bench.forge.with(|world| {
        world.merge(REPO, open[0], "mika").unwrap();
        let git = &world.find(REPO).unwrap().git;
        git.run(&["show", &format!("main:{LIST}")]).unwrap()
    });
    assert_eq!(
        String::from_utf8(merged).unwrap(),
        format!("{more}{}", line(&bench))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_the_way_is_said_and_nothing_is_made() {
    let reader = unknown_in(|world| {
        let repo = world.find_mut(REPO).unwrap();
        repo.access.insert("priya-n".into(), "READ");
    })
    .await;
    let failure = propose(&reader).await.unwrap_err();
    assert!(
        failure.message.contains("may not write to acme/web") && failure.hint.contains("Copy the line"),
        "{failure:?}"
    );
    assert_eq!(made(&reader), (vec![], vec![]));

    let unread = unknown_in(|world| {
        world
            .set_file(REPO, "main", LIST, b"priya@acme.example\n")
            .unwrap();
    })
    .await;
    let failure = propose(&unread).await.unwrap_err();
    assert!(failure.message.contains("cannot be read"), "{failure:?}");
    assert!(
        unread.desktop.with(|seen| seen.questions.is_empty()),
        "and nobody is asked"
    );
    assert_eq!(made(&unread), (vec![], vec![]));
}

/// Real `ssh-keygen` takes the list that the change makes.
#[tokio::test(flavor = "multi_thread")]
async fn the_written_list_is_openssh_s() {
    let bench = unknown().await;
    propose(&bench).await.unwrap().unwrap();
    let list = bench.forge.with(|world| {
        let head = world.change(REPO, 2).unwrap().head().to_owned();
        let git = &world.find(REPO).unwrap().git;
        git.run(&["show", &format!("{head}:{LIST}")]).unwrap()
    });
    let folder = tempfile::TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("list"), list).unwrap();
    std::fs::write(at("text"), "signed").unwrap();
    std::fs::write(at("key.pub"), bench.agent.public_key()).unwrap();
    run(std::process::Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", "approval@countersign.dev", "-f"])
        .arg(at("key.pub"))
        .arg(at("text"))
        .env("SSH_AUTH_SOCK", bench.agent.socket()));
    run(std::process::Command::new("ssh-keygen")
        .args(["-q", "-Y", "verify", "-n", "approval@countersign.dev"])
        .args(["-I", "priya@acme.example", "-f"])
        .arg(at("list"))
        .arg("-s")
        .arg(at("text.sig"))
        .stdin(std::fs::File::open(at("text")).unwrap()));
}
