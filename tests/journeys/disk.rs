//! What a disk does to the database: it is told in plain words, and nothing is reset on the quiet.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use countersign_engine::engine::{Engine, Options};
use countersign_engine::github::GitHub;
use countersign_engine::vault::Vault;
use countersign_engine::view::{Code, DecisionView, Failure, Queue, QueueFilter};
use countersign_tests::forge::faults::{Effect, Fault};
use secrecy::SecretString;
use tempfile::TempDir;

use super::bench::{Agent, Bench, REPO, Remembering};

fn database(bench: &Bench) -> PathBuf {
    bench.profile.path().join("countersign.db")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_deleted_while_it_is_used_takes_no_further_decision() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    std::fs::remove_file(database(&bench)).unwrap();
    let failure = bench.decide(&view, DecisionView::Approve, "").await.unwrap_err();
    assert_eq!(
        failure.message,
        "The database's file was moved or deleted while Countersign ran."
    );
    assert!(failure.hint.starts_with("Put it back"), "{}", failure.hint);
    bench.poll().await;
    assert!(bench.forge.reviews(REPO, 1).is_empty(), "nothing was sent");
    let banners = bench.queue().await.banners;
    assert!(
        banners
            .iter()
            .any(|banner| banner.message.what == failure.message),
        "{banners:?}"
    );
    assert!(!database(&bench).exists(), "no empty one was made in its place");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_deleted_while_nothing_runs_is_told_before_anything_begins_anew() {
    let bench = Bench::with_one_change().await;
    let view = bench.read(1).await;
    bench.forge.faults([Fault::always("*", "*", Effect::ResetBefore)]);
    bench.decide(&view, DecisionView::Approve, "").await.unwrap();
    let closed = Closed::of(bench).await;
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(closed.profile.path().join(format!("countersign.db{end}")));
    }
    let failure = closed.start().await.err().unwrap();
    assert_eq!(failure.message, "The database of this profile is gone.");
    for said in ["Put countersign.db back", "start Countersign again", "the outbox"] {
        assert!(failure.hint.contains(said), "{}", failure.hint);
    }
    assert!(!closed.path().exists(), "no empty one was made in its place");
    closed.start().await.unwrap().close().await;
}

/// Writes over the page where a table or an index of a closed database begins.
pub(crate) fn damage_part(database: &Path, part: &str) {
    let root: u32 = rusqlite::Connection::open(database)
        .unwrap()
        .query_row(
            "SELECT rootpage FROM sqlite_master WHERE name = ?1",
            [part],
            |row| row.get(0),
        )
        .unwrap();
    damage(database, |page| page == root);
}

/// Writes over pages of a database (the first is 1), as a failing disk does; what the file holds then.
pub(crate) fn damage(database: &Path, pages: impl Fn(u32) -> bool) -> Vec<u8> {
    let mut bytes = std::fs::read(database).unwrap();
    let size = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
    let all = (1..).zip(bytes.chunks_mut(size));
    all.filter(|(number, _)| pages(*number))
        .for_each(|(_, page)| page.fill(0xA5));
    std::fs::write(database, &bytes).unwrap();
    bytes
}

fn empty_vault() -> Vault {
    Vault::with_store("Countersign", keyring_core::mock::Store::new().unwrap())
}

/// What is left of a bench when its engine has ended and let go of the database.
struct Closed {
    agent: Agent,
    profile: TempDir,
}

impl Closed {
    async fn of(bench: Bench) -> Self {
        let Bench {
            agent,
            engine,
            profile,
            ..
        } = bench;
        engine.close().await;
        Self { agent, profile }
    }

    fn path(&self) -> PathBuf {
        self.profile.path().join("countersign.db")
    }

    async fn start(&self) -> Result<Engine<GitHub, Remembering>, Failure> {
        self.start_with(Remembering::default(), empty_vault()).await
    }

    async fn start_with(
        &self,
        desktop: Remembering,
        vault: Vault,
    ) -> Result<Engine<GitHub, Remembering>, Failure> {
        let mut options = Options::new(self.profile.path());
        options.agent = Some(self.agent.socket());
        Engine::start_with(options, vault, desktop).await
    }
}

/// What the queue answers once the account of the last session is taken up.
async fn taken_up(engine: &Engine<GitHub, Remembering>) -> Result<Queue, Failure> {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        match engine.queue(QueueFilter::All).await {
            Err(failure) if failure.code == Code::SignedOut => assert!(Instant::now() < until, "{failure:?}"),
            answer => return answer,
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn told(failure: &Failure) {
    let said = (failure.message.as_str(), failure.hint.as_str());
    assert!(said.0.starts_with("The database is damaged"), "{said:?}");
    assert!(said.1.starts_with("Nothing was reset."), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_is_refused_and_left_as_it_is() {
    let closed = Closed::of(Bench::with_one_change().await).await;
    let before = damage(&closed.path(), |page| page > 1);
    told(&closed.start().await.err().unwrap());
    assert_eq!(std::fs::read(closed.path()).unwrap().len(), before.len());
    // The first page says when it was last opened.
    assert_eq!(std::fs::read(closed.path()).unwrap()[4096..], before[4096..]);
}

/// Neither where its rows are damaged nor where what finds them is.
#[tokio::test(flavor = "multi_thread")]
async fn an_outbox_that_cannot_be_read_is_told_and_never_looks_empty() {
    for part in ["outbox", "outbox_state"] {
        let bench = Bench::with_one_change().await;
        let view = bench.read(1).await;
        bench.forge.faults([Fault::always("*", "*", Effect::ResetBefore)]);
        bench.decide(&view, DecisionView::Approve, "").await.unwrap();
        let closed = Closed::of(bench).await;
        damage_part(&closed.path(), part);
        let engine = closed.start().await.unwrap();
        told(&taken_up(&engine).await.unwrap_err());
        engine.close().await;
    }
}

/// It opens, so it is no account that cannot be opened; and it is refused wherever it is read.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_any_more_can_be_told_of_and_erased() {
    for (part, figure, named) in [
        ("ledger", "ledger, lines", "The ledger, which cannot be read"),
        ("outbox", "outbox", "The outbox, which cannot be read"),
        ("change", "changes that wait", "The ledger: 1 line."),
    ] {
        let bench = Bench::with_one_change().await;
        let view = bench.read(1).await;
        let token = format!("token priya-n@{}", view.host);
        bench.forge.faults([Fault::always("*", "*", Effect::ResetBefore)]);
        bench.decide(&view, DecisionView::Approve, "").await.unwrap();
        let closed = Closed::of(bench).await;
        let (desktop, vault) = (Remembering::default(), empty_vault());
        let secret = SecretString::from("ghp_journey");
        vault.set(&token, secret).await.unwrap();
        damage_part(&closed.path(), part);
        let engine = closed.start_with(desktop.clone(), vault.clone()).await.unwrap();
        let _ = taken_up(&engine).await;
        let log = closed.profile.path().join("log");
        std::fs::create_dir_all(&log).unwrap();
        std::fs::write(log.join("countersign.log"), "polled acme/web").unwrap();
        let told = engine.diagnostics().await.unwrap().text;
        assert!(
            told.contains(&format!("{figure}: cannot be read: ")),
            "{part}: {told}"
        );
        assert_eq!(told.contains("polled owner-"), part != "change", "{part}: {told}");
        for name in ["priya-n", "acme"] {
            assert!(!told.contains(name), "{part}: {told}");
        }
        let done = engine.erase().await.unwrap().unwrap();
        assert!(done.what.starts_with("All data"), "{part}: {done:?}");
        let question = desktop.with(|seen| seen.questions[0].text.clone());
        assert!(
            question.contains(named) && question.contains("The token of priya-n"),
            "{part}: {question}"
        );
        assert!(vault.get(&token).await.unwrap().is_none(), "{part}");
        engine.close().await;
        let engine = closed.start().await.unwrap();
        let refused = engine.queue(QueueFilter::All).await.unwrap_err();
        assert_eq!(refused.code, Code::SignedOut, "{part}: as new");
        engine.close().await;
    }
}
