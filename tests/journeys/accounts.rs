//! Several accounts at once: two forges, or two people at one. What happens to one touches no other, and a decision is
//! made and sent by the account whose row was decided on.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use countersign_engine::accounts::Accounts;
use countersign_engine::engine::Options;
use countersign_engine::github::GitHub;
use countersign_engine::vault::Vault;
use countersign_engine::view::{
    AccountView, ChangeView, Code, Connection, DecisionView, Failure, OutboxStateView, ProxyMode, Queue,
    QueueFilter, Row, SignInResult, Status,
};
use countersign_tests::forge::Forge;
use countersign_tests::forge::faults::{Effect, Fault};
use countersign_tests::forge::git::Edit;
use countersign_tests::forge::world::{Asked, Scopes, World};
use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::bench::{Agent, REPO, Remembering, change, world};

const PRIYA: &str = "ghp_journey";
const SOL: &str = "ghp_sol";

type Engines = Accounts<GitHub, Remembering>;

/// A profile, its keychain, and the accounts in it while it is open.
struct Desk {
    accounts: Option<Engines>,
    vault: Vault,
    desktop: Remembering,
    agent: Agent,
    profile: TempDir,
}

fn signers(agent: &Agent) -> String {
    format!(
        "priya@acme.example namespaces=\"approval@countersign.dev\" {}\n",
        agent.public_key()
    )
}

fn scopes() -> Scopes {
    Scopes::Classic(vec!["repo".into(), "read:org".into()])
}

/// A forge with one change, that asks both people.
async fn forge(agent: &Agent, branch: &str) -> Forge {
    let mut world = world(&signers(agent));
    world.token(SOL, "sol-v", scopes());
    open(&mut world, branch);
    Forge::start(world).await.unwrap()
}

fn open(world: &mut World, branch: &str) {
    let mut new = change(branch, vec![Edit::write(&format!("src/{branch}.txt"), "x\n")]);
    new.asked = vec![Asked::User("priya-n".into()), Asked::User("sol-v".into())];
    world.open(new).unwrap();
}

fn revoke(forge: &Forge, secret: &str) {
    forge.with(|world| world.tokens.retain(|token| token.secret != secret));
}

fn host(forge: &Forge) -> &str {
    forge.url().trim_start_matches("http://")
}

/// The same change, as `account` would name it.
fn handle(account: &str, forge: &Forge, number: u64) -> String {
    format!("{account}:{}/{REPO}#{number}", host(forge))
}

impl Desk {
    async fn new(agent: Agent) -> Self {
        let mut desk = Self {
            accounts: None,
            vault: Vault::with_store("Countersign", keyring_core::mock::Store::new().unwrap()),
            desktop: Remembering::default(),
            agent,
            profile: TempDir::new().unwrap(),
        };
        desk.open().await.unwrap();
        desk
    }

    /// Two people at one forge, of whom both are asked for one change.
    async fn with_two_people() -> (Self, Forge) {
        let agent = Agent::start();
        let forge = forge(&agent, "feature").await;
        let desk = Self::new(agent).await;
        desk.sign_in(&forge, PRIYA).await;
        desk.sign_in(&forge, SOL).await;
        desk.both_read().await;
        (desk, forge)
    }

    /// One person at two forges, with one change at each.
    async fn with_two_forges() -> (Self, Forge, Forge) {
        let agent = Agent::start();
        let (first, second) = (forge(&agent, "here").await, forge(&agent, "there").await);
        let desk = Self::new(agent).await;
        desk.sign_in(&first, PRIYA).await;
        desk.sign_in(&second, PRIYA).await;
        desk.both_read().await;
        (desk, first, second)
    }

    async fn both_read(&self) {
        self.until("both to be read", async |desk| {
            // The tray is told when the poll has ended.
            desk.rows().await.len() == 2 && desk.desktop.with(|seen| seen.tray.pending == 2)
        })
        .await;
    }

    async fn open(&mut self) -> Result<(), Failure> {
        let mut options = Options::new(self.profile.path());
        options.agent = Some(self.agent.socket());
        let until = Instant::now() + Duration::from_secs(5);
        loop {
            let options = options.clone();
            let started = Accounts::start_with(options, self.vault.clone(), self.desktop.clone()).await;
            match started {
                // A program that a test beside this one is just starting has all open files until it runs, the lock too.
                Err(failure) if failure.message.contains("Another Countersign") && Instant::now() < until => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                started => {
                    self.accounts = Some(started?);
                    return Ok(());
                }
            }
        }
    }

    async fn close(&mut self) {
        self.accounts.take().unwrap().close().await;
    }

    fn on(&self) -> &Engines {
        self.accounts.as_ref().unwrap()
    }

    async fn try_to_sign_in(&self, forge: &Forge, token: &str) -> SignInResult {
        self.on()
            .sign_in(forge.url().to_owned(), token.to_owned())
            .await
            .unwrap()
    }

    /// Signs in; what the account is called.
    async fn sign_in(&self, forge: &Forge, token: &str) -> String {
        let result = self.try_to_sign_in(forge, token).await;
        assert!(result.ok, "{:?}", result.steps);
        result.account.unwrap()
    }

    async fn status(&self) -> Status {
        self.on().status().await.unwrap()
    }

    /// How the account at this forge stands; `None` where nobody is signed in there.
    async fn at(&self, forge: &Forge) -> Option<AccountView> {
        let accounts = self.status().await.accounts;
        accounts.into_iter().find(|account| account.host == host(forge))
    }

    async fn queue(&self) -> Queue {
        self.on().queue(QueueFilter::All).await.unwrap()
    }

    async fn rows(&self) -> Vec<Row> {
        let Ok(queue) = self.on().queue(QueueFilter::All).await else {
            return Vec::new();
        };
        queue
            .sections
            .into_iter()
            .flat_map(|section| section.rows)
            .collect()
    }

    async fn until(&self, what: &str, done: impl AsyncFn(&Self) -> bool) {
        let until = Instant::now() + Duration::from_secs(30);
        while !done(self).await {
            assert!(Instant::now() < until, "{what} did not come in 30 s");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn read(&self, id: &str) -> ChangeView {
        let view = self.on().change(id.to_owned()).await.unwrap();
        for (index, _) in (0..).zip(&view.files) {
            let viewed = self
                .on()
                .mark_viewed(view.id.clone(), view.head.clone(), index, true);
            viewed.await.unwrap();
        }
        for finding in &view.findings {
            let (id, head) = (view.id.clone(), view.head.clone());
            let done = self.on().acknowledge(id, head, finding.id.clone(), true, None);
            done.await.unwrap();
        }
        view
    }

    async fn approve(&self, view: &ChangeView) -> Result<bool, Failure> {
        let (id, head, seen) = (view.id.clone(), view.head.clone(), view.seen.clone());
        let decided = self
            .on()
            .decide(id, head, seen, DecisionView::Approve, "Read.".into())
            .await;
        decided.map(|decided| decided.signed)
    }

    /// What became of the decision on this row.
    async fn decision(&self, id: &str) -> Option<(OutboxStateView, String)> {
        let rows = self.rows().await.into_iter().filter(|row| row.id == id);
        let decision = rows.filter_map(|row| row.decision).next()?;
        let message = decision.message.map(|message| message.what).unwrap_or_default();
        Some((decision.state, message))
    }

    async fn confirmed(&self, id: &str) {
        self.until("the decision to be confirmed", async |desk| {
            let decision = desk.decision(id).await;
            decision.is_some_and(|(state, _)| state == OutboxStateView::Confirmed)
        })
        .await;
    }

    async fn token(&self, forge: &Forge, login: &str) -> Option<String> {
        let name = format!("token {login}@{}", host(forge));
        let token = self.vault.get(&name).await.unwrap();
        token.map(|token| token.expose_secret().to_owned())
    }

    /// Where further accounts are kept, by the name of each.
    fn folder(&self, account: &str) -> PathBuf {
        self.profile.path().join("accounts").join(account)
    }
}

fn authors(forge: &Forge) -> Vec<String> {
    let reviews = forge.reviews(REPO, 1).into_iter();
    let mut authors: Vec<String> = reviews.map(|review| review.author).collect();
    authors.sort();
    authors
}

#[tokio::test(flavor = "multi_thread")]
async fn all_are_polled_and_one_queue_one_tray_and_the_notices_say_whose() {
    let (desk, first, second) = Desk::with_two_forges().await;
    let status = desk.status().await;
    let labels: Vec<&str> = status
        .accounts
        .iter()
        .map(|account| account.label.as_str())
        .collect();
    assert_eq!(labels, [host(&first), host(&second)]);
    assert_eq!(
        (status.pending, desk.desktop.with(|seen| seen.tray.pending)),
        (2, 2)
    );
    let mut rows: Vec<(String, String)> = desk
        .rows()
        .await
        .into_iter()
        .map(|row| (row.account, row.id))
        .collect();
    rows.sort();
    let further = status.accounts[1].name.clone();
    let mut expected = [
        ("first".to_owned(), handle("first", &first, 1)),
        (further.clone(), handle(&further, &second, 1)),
    ];
    expected.sort();
    assert_eq!(rows, expected);
    assert!(desk.profile.path().join("countersign.db").is_file());
    assert!(desk.folder(&further).join("countersign.db").is_file());

    // Each is synced once, and silently; what comes then is told by the account that sees it.
    assert!(desk.desktop.with(|seen| seen.notices.is_empty()));
    second.with(|world| open(world, "more"));
    desk.on().refresh().await.unwrap();
    let notice = desk.desktop.with(|seen| seen.notices.pop().unwrap());
    assert!(
        notice.title.contains("acme/web #2") && notice.body.starts_with(&format!("{}\n", host(&second))),
        "{notice:?}"
    );
    desk.on().open(notice.change.as_deref());
    let asked = desk.status().await.open;
    assert_eq!(asked, Some(handle(&further, &second, 2)));
    assert_eq!(
        desk.on().change(asked.unwrap()).await.unwrap().host,
        host(&second)
    );
    assert_eq!(desk.status().await.open, None, "once");
    assert_eq!(desk.desktop.with(|seen| seen.tray.pending), 3);
    let there = |url: String| desk.on().open_link(url);
    assert!(there(format!("{}/acme/web", first.url())).await.is_ok());
    assert!(there(format!("{}/acme/web", second.url())).await.is_ok());
    assert!(there("https://example.com/acme".into()).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_one_account_nothing_says_whose() {
    let agent = Agent::start();
    let forge = forge(&agent, "feature").await;
    let desk = Desk::new(agent).await;
    assert_eq!(desk.sign_in(&forge, PRIYA).await, "first");
    desk.until("the first sync", async |desk| desk.rows().await.len() == 1)
        .await;
    forge.with(|world| open(world, "more"));
    desk.on().refresh().await.unwrap();
    let said = desk
        .desktop
        .with(|seen| (seen.notices[0].body.clone(), seen.tray.first.clone()));
    assert!(!said.0.contains(host(&forge)), "{said:?}");
    assert!(
        said.1.iter().all(|(_, line)| !line.contains(host(&forge))),
        "{said:?}"
    );
    let view = desk.read(&handle("first", &forge, 1)).await;
    assert!(desk.approve(&view).await.unwrap());
    let question = desk.desktop.with(|seen| seen.questions[0].text.clone());
    assert!(!question.contains(" at "), "{question}");
    assert!(!desk.profile.path().join("accounts").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_refused_leaves_the_other_account_polling_and_sending() {
    let (desk, first, second) = Desk::with_two_forges().await;
    revoke(&second, PRIYA);
    let _ = desk.on().refresh().await;
    desk.until("the refusal", async |desk| {
        desk.at(&second).await.unwrap().trouble.is_some()
    })
    .await;
    assert_eq!(
        desk.status().await.account.unwrap().host,
        host(&second),
        "the worst leads"
    );
    first.with(|world| open(world, "more"));
    desk.on().refresh().await.unwrap();
    let here = desk.at(&first).await.unwrap();
    assert_eq!((here.pending, here.trouble), (2, None));
    let banners = desk.queue().await.banners;
    assert!(
        banners.len() == 1 && banners[0].message.what.starts_with(host(&second)),
        "{banners:?}"
    );
    let id = handle("first", &first, 1);
    assert!(desk.approve(&desk.read(&id).await).await.unwrap());
    desk.confirmed(&id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_change_is_decided_once_by_each_account_in_its_own_name() {
    let (desk, forge) = Desk::with_two_people().await;
    let accounts = desk.status().await.accounts;
    let labels: Vec<String> = accounts.iter().map(|account| account.label.clone()).collect();
    assert_eq!(
        labels,
        ["priya-n", "sol-v"].map(|login| format!("{login}@{}", host(&forge)))
    );
    let ids = [0, 1].map(|index| handle(&accounts[index].name, &forge, 1));
    assert!(desk.approve(&desk.read(&ids[1]).await).await.unwrap());
    desk.confirmed(&ids[1]).await;
    assert_eq!(authors(&forge), ["sol-v"]);
    assert_eq!(
        desk.decision(&ids[0]).await,
        None,
        "the other has decided nothing"
    );
    assert!(desk.approve(&desk.read(&ids[0]).await).await.unwrap());
    desk.confirmed(&ids[0]).await;
    assert_eq!(authors(&forge), ["priya-n", "sol-v"]);
    let questions = desk.desktop.with(|seen| seen.questions.clone());
    let whose: Vec<&str> = questions
        .iter()
        .filter_map(|question| question.text.lines().next())
        .collect();
    assert_eq!(
        whose,
        ["sol-v", "priya-n"].map(|login| format!("As {login} at {}", host(&forge)))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_account_acts_on_what_another_holds() {
    let (desk, first, second) = Desk::with_two_forges().await;
    let further = desk.at(&second).await.unwrap().name;
    let theirs = handle(&further, &second, 1);
    let view = desk.read(&theirs).await;
    for forged in [
        handle("first", &second, 1),
        handle(&further, &first, 1),
        handle("sol-v@127.0.0.1", &second, 1),
        theirs.trim_start_matches(&format!("{further}:")).to_owned(),
        format!("first:{theirs}"),
        format!("../{theirs}"),
        theirs.to_uppercase(),
        String::new(),
    ] {
        let forged_view = ChangeView {
            id: forged.clone(),
            ..view.clone()
        };
        let codes = [
            desk.on().change(forged.clone()).await.map(drop),
            desk.on()
                .file(forged.clone(), view.head.clone(), 0)
                .await
                .map(drop),
            desk.on()
                .mark_viewed(forged.clone(), view.head.clone(), 0, true)
                .await,
            desk.approve(&forged_view).await.map(drop),
        ]
        .map(|answer| answer.unwrap_err().code);
        assert_eq!(codes, [Code::UnknownChange; 4], "{forged:?}");
        assert!(
            desk.on()
                .withdraw(forged.clone(), "1".into(), "No.".into())
                .await
                .is_err()
        );
        assert!(desk.on().propose_key(&forged).await.is_err());
    }
    // Nor does an entry of one outbox leave it by a handle of the other account.
    second.faults([Fault::always("*", "*", Effect::ResetBefore)]);
    assert!(desk.approve(&view).await.unwrap());
    let row = desk
        .rows()
        .await
        .into_iter()
        .find(|row| row.decision.is_some())
        .unwrap();
    let entry = row.decision.unwrap().entry;
    desk.on()
        .discard(&handle("first", &first, 1), entry)
        .await
        .unwrap();
    assert!(desk.decision(&theirs).await.is_some());
    for name in ["", "nobody", "..", "sol-v@127.0.0.1"] {
        assert!(
            desk.on().keys(name).await.is_err() && desk.on().sign_out(name, true).await.is_err(),
            "{name}"
        );
    }
    assert_eq!(desk.desktop.with(|seen| seen.questions.len()), 1);
    assert!(first.reviews(REPO, 1).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_brings_all_back_and_no_second_process_has_the_profile() {
    let (mut desk, first, second) = Desk::with_two_forges().await;
    let names = async |desk: &Desk| -> Vec<String> {
        desk.status()
            .await
            .accounts
            .into_iter()
            .map(|account| account.name)
            .collect()
    };
    let before = names(&desk).await;
    let other = Accounts::<GitHub, _>::start_with(
        Options::new(desk.profile.path()),
        desk.vault.clone(),
        Remembering::default(),
    )
    .await;
    assert!(
        other
            .err()
            .unwrap()
            .message
            .contains("Another Countersign uses this profile")
    );
    desk.close().await;
    desk.open().await.unwrap();
    desk.until("both to be taken up", async |desk| {
        let accounts = desk.status().await.accounts;
        accounts.len() == 2 && accounts.iter().all(|one| one.connection == Connection::Online)
    })
    .await;
    assert_eq!(names(&desk).await, before);
    assert_eq!(desk.rows().await.len(), 2);
    assert!(
        desk.desktop.with(|seen| seen.notices.is_empty()),
        "nothing is told again"
    );
    for forge in [&first, &second] {
        let account = desk.at(forge).await.unwrap().name;
        let id = handle(&account, forge, 1);
        assert!(desk.approve(&desk.read(&id).await).await.unwrap());
        desk.confirmed(&id).await;
        assert_eq!(authors(forge), ["priya-n"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_of_one_leaves_the_other() {
    let (mut desk, forge) = Desk::with_two_people().await;
    desk.on().sign_out("first", false).await.unwrap();
    assert_eq!(desk.token(&forge, "priya-n").await, None);
    assert_eq!(desk.token(&forge, "sol-v").await.as_deref(), Some(SOL));
    let (rows, status) = (desk.rows().await, desk.status().await);
    assert_eq!((rows.len(), status.accounts.len()), (1, 1));
    assert_eq!(status.account.unwrap().login, "sol-v");
    let tray = desk.desktop.with(|seen| seen.tray.clone());
    assert_eq!((tray.pending, tray.attention), (1, false));
    desk.on().refresh().await.unwrap();
    let refused = desk.on().change(handle("first", &forge, 1)).await.unwrap_err();
    assert_eq!(refused.code, Code::SignedOut);

    desk.close().await;
    desk.open().await.unwrap();
    desk.until("the start", async |desk| !desk.status().await.restoring)
        .await;
    assert_eq!(desk.status().await.accounts.len(), 1);
    assert_eq!(
        desk.sign_in(&forge, PRIYA).await,
        "first",
        "back in its own place"
    );
    desk.until("both", async |desk| desk.rows().await.len() == 2)
        .await;
    assert_eq!(
        std::fs::read_dir(desk.profile.path().join("accounts"))
            .unwrap()
            .count(),
        1
    );
}

/// A token that was revoked while a decision waited.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_token_takes_the_old_ones_place_and_the_outbox_goes_on_with_it() {
    let (desk, first, second) = Desk::with_two_forges().await;
    let account = desk.at(&second).await.unwrap().name;
    let id = handle(&account, &second, 1);
    let view = desk.read(&id).await;
    revoke(&second, PRIYA);
    assert!(desk.approve(&view).await.unwrap());
    desk.until("the refusal", async |desk| {
        let (state, message) = desk.decision(&id).await.unwrap();
        state == OutboxStateView::Queued && message.contains("token")
    })
    .await;
    second.with(|world| world.token("ghp_next", "priya-n", scopes()));
    let result = desk.try_to_sign_in(&second, "ghp_next").await;
    assert!(
        result.ok && result.account.as_ref() == Some(&account),
        "{result:?}"
    );
    assert!(
        result
            .steps
            .iter()
            .any(|step| step.detail.contains("outbox and ledger are as they were")),
        "{result:?}"
    );
    desk.confirmed(&id).await;
    let reviews = second.reviews(REPO, 1);
    assert_eq!((reviews.len(), reviews[0].state), (1, "APPROVED"));
    assert_eq!(
        desk.token(&second, "priya-n").await.as_deref(),
        Some("ghp_next"),
        "in the old one's place"
    );
    assert_eq!(
        desk.token(&first, "priya-n").await.as_deref(),
        Some(PRIYA),
        "the other account's is not"
    );
    let now = desk.on().change(id.clone()).await.unwrap();
    assert_eq!(now.head, view.head);
    assert!(
        !now.files.is_empty() && now.files.iter().all(|file| file.viewed),
        "marks stay"
    );
    assert_eq!(desk.status().await.accounts.len(), 2, "none was added");
    assert_eq!(
        std::fs::read_dir(desk.profile.path().join("accounts"))
            .unwrap()
            .count(),
        1
    );
    desk.until("no trouble", async |desk| {
        desk.at(&second).await.unwrap().trouble.is_none()
    })
    .await;
}

/// At the forge a login can be changed; the person is the same.
#[tokio::test(flavor = "multi_thread")]
async fn under_another_login_the_same_person_is_the_same_account_and_leaves_no_token_behind() {
    let agent = Agent::start();
    let forge = forge(&agent, "feature").await;
    let desk = Desk::new(agent).await;
    desk.sign_in(&forge, PRIYA).await;
    desk.until("the first sync", async |desk| desk.rows().await.len() == 1)
        .await;
    forge.with(|world| {
        world.user("priya-nash", 1_234_567, "Priya N", "priya@acme.example");
        world.token("ghp_next", "priya-nash", scopes());
    });
    assert_eq!(desk.sign_in(&forge, "ghp_next").await, "first");
    assert_eq!(desk.token(&forge, "priya-n").await, None);
    assert_eq!(
        desk.token(&forge, "priya-nash").await.as_deref(),
        Some("ghp_next")
    );
    assert_eq!(desk.rows().await.len(), 1);
    assert_eq!(desk.at(&forge).await.unwrap().login, "priya-nash");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_old_token_meets_on_its_way_says_nothing_of_the_new_one() {
    let agent = Agent::start();
    let forge = forge(&agent, "feature").await;
    let desk = Desk::new(agent).await;
    desk.sign_in(&forge, PRIYA).await;
    desk.until("the first sync", async |desk| desk.rows().await.len() == 1)
        .await;
    forge.with(|world| {
        open(world, "more");
        world.token("ghp_next", "priya-n", scopes());
    });
    // The poll asks with the old token; before it has its answer, that token ends and the new one is here.
    forge.faults([Fault::once(
        "POST",
        "*graphql",
        Effect::Slow(Duration::from_secs(1)),
    )]);
    let before = forge.count("POST", "*graphql");
    let accounts = desk.on().clone();
    let poll = tokio::spawn(async move { accounts.refresh().await });
    desk.until("the poll to ask", async |_| {
        forge.count("POST", "*graphql") > before
    })
    .await;
    revoke(&forge, PRIYA);
    desk.sign_in(&forge, "ghp_next").await;
    poll.await.unwrap().unwrap();
    desk.until("the new change", async |desk| desk.rows().await.len() == 2)
        .await;
    let account = desk.at(&forge).await.unwrap();
    assert_eq!(account.trouble, None);
    assert!(account.next_poll_at.is_some(), "it goes on polling");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_cannot_be_opened_is_named_and_the_others_go_on() {
    let (mut desk, first, second) = Desk::with_two_forges().await;
    let account = desk.at(&second).await.unwrap().name;
    let database = desk.folder(&account).join("countersign.db");
    desk.close().await;
    let kept = std::fs::read(&database).unwrap();
    let damaged = [&kept[..1024], &vec![0xA5; kept.len() - 1024]].concat();
    std::fs::write(&database, damaged).unwrap();
    desk.open().await.unwrap();
    desk.until("the first account", async |desk| {
        desk.at(&first)
            .await
            .is_some_and(|account| account.connection == Connection::Online)
    })
    .await;
    let status = desk.status().await;
    assert_eq!((status.accounts.len(), status.unopened.len()), (1, 1));
    let message = &status.unopened[0];
    assert!(
        message.what.contains(&account) && message.what.contains("damaged"),
        "{message:?}"
    );
    assert!(
        message.todo.contains("Move the file away") && message.todo.contains(&account),
        "{message:?}"
    );
    assert!(desk.desktop.with(|seen| seen.tray.attention));
    assert_eq!(desk.rows().await.len(), 1);
    let refused = desk.try_to_sign_in(&second, PRIYA).await;
    let why = &refused.steps.last().unwrap().detail;
    assert!(
        !refused.ok && why.contains("damaged") && why.contains("Move the file away"),
        "{refused:?}"
    );

    // In use is as good as damaged; and with neither, it is back as it was.
    desk.close().await;
    std::fs::write(&database, &kept).unwrap();
    let other = rusqlite::Connection::open(&database).unwrap();
    other
        .execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")
        .unwrap();
    desk.open().await.unwrap();
    let unopened = desk.status().await.unopened;
    assert!(
        unopened.len() == 1 && unopened[0].what.contains("uses this profile"),
        "{unopened:?}"
    );
    desk.close().await;
    drop(other);
    desk.open().await.unwrap();
    desk.until("both", async |desk| desk.rows().await.len() == 2)
        .await;
    assert!(desk.status().await.unopened.is_empty());
}

/// Makes the database unreadable from its second page on.
fn damage(database: &std::path::Path) {
    let kept = std::fs::read(database).unwrap();
    let damaged = [&kept[..1024], &vec![0xA5; kept.len() - 1024]].concat();
    std::fs::write(database, damaged).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_the_first_was_is_not_added_again_while_it_cannot_be_opened() {
    for noted in [true, false] {
        let (mut desk, first, second) = Desk::with_two_forges().await;
        desk.close().await;
        let database = desk.profile.path().join("countersign.db");
        let kept = std::fs::read(&database).unwrap();
        damage(&database);
        let whose = desk.profile.path().join("countersign.whose.json");
        assert!(whose.exists());
        if !noted {
            std::fs::remove_file(whose).unwrap();
        }
        desk.open().await.unwrap();
        desk.until("the other account", async |desk| desk.at(&second).await.is_some())
            .await;
        let refused = desk.try_to_sign_in(&first, PRIYA).await;
        let why = &refused.steps.last().unwrap().detail;
        assert!(
            !refused.ok && why.contains("damaged") && why.contains("Move the file away"),
            "{refused:?}"
        );
        // Somebody else is added where it is certain that they are somebody else.
        let other = desk.try_to_sign_in(&first, SOL).await;
        assert_eq!(other.ok, noted, "{other:?}");
        // Who is here and can be opened gets the new token.
        assert_ne!(desk.sign_in(&second, PRIYA).await, "first");
        desk.close().await;
        std::fs::write(&database, kept).unwrap();
        desk.open().await.unwrap();
        let accounts = if noted { 3 } else { 2 };
        desk.until("all", async |desk| desk.status().await.accounts.len() == accounts)
            .await;
        assert_eq!(desk.sign_in(&first, PRIYA).await, "first");
        assert_eq!(desk.status().await.accounts.len(), accounts);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_cannot_be_opened_is_erased_with_the_others() {
    for (damaged_first, noted) in [(true, true), (false, true), (true, false)] {
        let (mut desk, first, second) = Desk::with_two_forges().await;
        let further = desk.at(&second).await.unwrap().name;
        desk.close().await;
        let (folder, owner) = if damaged_first {
            (desk.profile.path().to_owned(), &first)
        } else {
            (desk.folder(&further), &second)
        };
        let database = folder.join("countersign.db");
        damage(&database);
        std::fs::write(folder.join("countersign.db.layout-1"), "an older copy").unwrap();
        if !noted {
            std::fs::remove_file(folder.join("countersign.whose.json")).unwrap();
        }
        desk.open().await.unwrap();
        let other = if damaged_first { &second } else { &first };
        desk.until("the other account", async |desk| desk.at(other).await.is_some())
            .await;
        assert!(desk.token(&first, "priya-n").await.is_some());
        assert!(desk.token(&second, "priya-n").await.is_some());

        let told = desk.on().erase().await.unwrap().unwrap();
        let question = desk
            .desktop
            .with(|seen| seen.questions.last().unwrap().text.clone());
        let called = if damaged_first {
            "the first here"
        } else {
            further.as_str()
        };
        assert!(
            question.contains(called) && question.contains("cannot be opened"),
            "{question}"
        );
        assert_eq!(
            question.contains(&format!("priya-n at {}", host(owner))),
            noted,
            "{question}"
        );
        assert_eq!(desk.token(other, "priya-n").await, None);
        // Whose it was cannot be told where nothing noted it: then that is said.
        assert_eq!(desk.token(owner, "priya-n").await.is_none(), noted);
        assert_eq!(told.todo.is_empty(), noted, "{told:?}");
        assert_eq!(told.todo.contains(called), !noted, "{told:?}");
        assert_eq!(told.what.starts_with("All data"), noted, "{told:?}");
        assert!(!desk.profile.path().join("accounts").exists());
        assert!(!folder.join("countersign.db.layout-1").exists());
        assert!(!folder.join("countersign.whose.json").exists());

        // It is as new, now and at the next start.
        for _ in 0..2 {
            let status = desk.status().await;
            assert!(
                status.accounts.is_empty() && status.unopened.is_empty(),
                "{status:?}"
            );
            desk.close().await;
            desk.open().await.unwrap();
        }
        assert_eq!(desk.sign_in(&second, PRIYA).await, "first");
        desk.until("the queue", async |desk| desk.rows().await.len() == 1)
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_one_account_is_not_answered_for_another() {
    let (desk, first, second) = Desk::with_two_forges().await;
    let further = desk.at(&second).await.unwrap().name;
    desk.on().set_prompted("first", true).await.unwrap();
    assert!(
        !desk.on().keys(&further).await.unwrap().prompted,
        "each account chooses for itself"
    );
    let view = desk.read(&handle("first", &first, 1)).await;
    let answer = desk.desktop.holds_prompts();
    let accounts = desk.on().clone();
    let wish = (view.id.clone(), view.head.clone(), view.seen.clone());
    let signing = tokio::spawn(async move {
        let (id, head, seen) = wish;
        accounts
            .decide(id, head, seen, DecisionView::Approve, String::new())
            .await
    });
    desk.until("the system's own check", async |desk| {
        desk.desktop.with(|seen| seen.prompts.len() == 2)
    })
    .await;
    let refused = desk.on().set_prompted(&further, true).await.unwrap_err();
    assert!(refused.message.contains("being confirmed"), "{refused:?}");
    let other = desk.read(&handle(&further, &second, 1)).await;
    assert!(
        desk.approve(&other)
            .await
            .unwrap_err()
            .message
            .contains("being confirmed")
    );
    answer.notify_one();
    assert!(signing.await.unwrap().unwrap().signed);
    assert_eq!(
        desk.desktop
            .with(|seen| (seen.prompts.len(), seen.questions.len())),
        (2, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_goes_through_all_accounts_and_each_hit_opens_where_it_was_found() {
    let (desk, first, second) = Desk::with_two_forges().await;
    let further = desk.at(&second).await.unwrap().name;
    let (mut found, mut searched, mut after) = (Vec::new(), 0, None);
    loop {
        let step = desk.on().search("Change".into(), after).await.unwrap();
        assert_eq!(step.of, 2);
        searched += step.searched;
        found.extend(step.changes);
        after = step.next;
        if after.is_none() {
            break;
        }
    }
    let ids: Vec<&str> = found.iter().map(|change| change.id.as_str()).collect();
    assert_eq!(ids, [handle("first", &first, 1), handle(&further, &second, 1)]);
    assert_eq!(searched, 2);
    assert_eq!(found[1].account, further);
    for change in found {
        assert_eq!(desk.on().change(change.id.clone()).await.unwrap().id, change.id);
    }
    for place in ["", "first", "nobody>", "sol-v@127.0.0.1>1|x|y"] {
        assert!(
            desk.on()
                .search("Change".into(), Some(place.into()))
                .await
                .is_err(),
            "{place:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_diagnostics_of_all_name_none() {
    let (desk, first, second) = Desk::with_two_forges().await;
    let log = desk.profile.path().join("log");
    std::fs::create_dir_all(&log).unwrap();
    let said = format!("polled {} and {} for priya-n", host(&first), host(&second));
    std::fs::write(log.join("countersign.log"), said).unwrap();
    let shown = desk.on().diagnostics().await.unwrap();
    assert!(
        shown.text.contains("[account 1]") && shown.text.contains("[account 2]"),
        "{}",
        shown.text
    );
    for name in [host(&first), host(&second), "priya-n", "acme"] {
        assert!(!shown.text.contains(name), "{name}: {}", shown.text);
    }
    let folder = TempDir::new().unwrap();
    desk.desktop
        .with(|seen| seen.saves_in = Some(folder.path().to_owned()));
    assert!(desk.on().export_diagnostics("0".repeat(64)).await.is_err());
    assert!(desk.on().export_diagnostics(shown.sha256).await.unwrap().saved);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_way_to_the_forges_is_tried_by_all() {
    let (desk, first, second) = Desk::with_two_forges().await;
    let polls = |forge: &Forge| forge.count("POST", "*/graphql");
    let before = [polls(&first), polls(&second)];
    let none = (String::new(), String::new(), String::new(), String::new());
    let set = desk
        .on()
        .set_proxy(none.0, ProxyMode::Direct, none.1, none.2, none.3);
    assert!(set.await.unwrap());
    desk.until("both to be polled", async |_| {
        polls(&first) > before[0] && polls(&second) > before[1]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_one_account_knows_is_named_by_none() {
    let (desk, _forge) = Desk::with_two_people().await;
    let log = desk.profile.path().join("log");
    std::fs::create_dir_all(&log).unwrap();
    std::fs::write(log.join("countersign.log"), "polled for priya-n and sol-v").unwrap();
    let shown = desk.on().diagnostics().await.unwrap();
    assert!(shown.text.contains("polled for person-"), "{}", shown.text);
    for name in ["priya-n", "sol-v"] {
        assert!(!shown.text.contains(name), "{name}: {}", shown.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_tested_with_the_token_of_the_account_that_is_there() {
    let (desk, first, second) = Desk::with_two_forges().await;
    for forge in [&first, &second] {
        let tested = desk
            .on()
            .test_connection(forge.url().into(), String::new())
            .await
            .unwrap();
        assert!(
            tested
                .steps
                .iter()
                .any(|step| step.name == "The token is accepted"),
            "{tested:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forge_that_asks_to_wait_is_named_where_one_polls_now_and_the_other_is_polled() {
    let (desk, first, second) = Desk::with_two_forges().await;
    second.faults([Fault::once("*", "*", Effect::secondary_limit(429, Some(60)))]);
    let _ = desk.on().refresh().await;
    first.with(|world| open(world, "more"));
    let told = desk.on().refresh().await.unwrap_err();
    assert!(
        told.message
            .starts_with(&format!("{}: The forge asked to wait", host(&second))),
        "{told:?}"
    );
    assert_eq!(desk.at(&first).await.unwrap().pending, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn erasing_all_data_asks_once_and_leaves_nothing_of_any_account() {
    let (mut desk, first, second) = Desk::with_two_forges().await;
    let further = desk.at(&second).await.unwrap().name;
    desk.desktop.answers(false);
    assert!(desk.on().erase().await.unwrap().is_none());
    assert_eq!(desk.rows().await.len(), 2);
    let shown = desk.on().diagnostics().await.unwrap();
    desk.on().open(Some(&handle(&further, &second, 1)));
    desk.desktop.answers(true);
    assert!(desk.on().erase().await.unwrap().is_some());
    assert!(
        desk.on().export_diagnostics(shown.sha256).await.is_err(),
        "what they said is gone too"
    );
    let question = desk
        .desktop
        .with(|seen| seen.questions.last().unwrap().text.clone());
    for forge in [&first, &second] {
        assert!(
            question.contains(&format!("priya-n at {}", host(forge))),
            "{question}"
        );
        assert_eq!(desk.token(forge, "priya-n").await, None);
    }
    assert!(!desk.folder(&further).exists());
    let status = desk.status().await;
    assert!(status.account.is_none() && status.accounts.is_empty());
    assert_eq!(status.open, None);
    desk.close().await;
    desk.open().await.unwrap();
    desk.until("the start", async |desk| !desk.status().await.restoring)
        .await;
    assert!(desk.status().await.accounts.is_empty());
    assert_eq!(desk.sign_in(&second, PRIYA).await, "first", "as new");
    desk.until("the first sync", async |desk| desk.rows().await.len() == 1)
        .await;
}
