//! Signing in, and the main job once through the window.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use countersign_tests::desk::window::Window;
use countersign_tests::desk::{Desk, PATIENCE};
use countersign_tests::forge::Forge;

use crate::bench::{Bench, NUMBER, REPO, TITLE, app, plain, within, world};

/// All that the page holds and could give away.
const PAGE: &str = "
    const fields = [...document.querySelectorAll('input, textarea')].map((field) => field.value);
    const kept = [localStorage, sessionStorage].map((store) => JSON.stringify({ ...store }));
    return [document.documentElement.outerHTML, document.cookie, location.href, ...fields, ...kept].join('\\n');";

/// The field that is labelled *Forge*.
const FORGE: &str = "//input[@id = //label[normalize-space() = 'Forge']/@for]";

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_shows_the_queue_and_leaves_the_token_nowhere() -> Result<()> {
    within(async {
        let desk = Desk::start(plain())?;
        let mut forge = Forge::start(world()?).await?;
        let profile = desk.home().join("profile");
        let window = Window::open(&desk, &app()?, &["--profile", &profile.to_string_lossy()]).await?;

        window.fill(FORGE, forge.url()).await?;
        window.fill("//input[@id='token']", "ghp_wrong").await?;
        window.press_button("Sign in").await?;
        window.says("How it went").await?;
        assert_eq!(
            window.count("//*[@role='option']").await?,
            0,
            "a wrong token opens nothing"
        );

        let token = forge.token();
        window.fill("//input[@id='token']", &token).await?;
        window.press_button("Sign in").await?;
        // What was checked stays to be read; then comes the key.
        window.press_button("Continue").await?;
        window.press_button("Make a key in the keychain").await?;
        window.says("allowed_signers").await?;
        window.press_button("Open the queue").await?;
        window.find("//*[@role='option']").await?;
        window.says(TITLE).await?;

        let page = window.script(PAGE).await?;
        assert!(
            !page.as_str().context("the page is text")?.contains(&token),
            "the token is in the page"
        );
        // The whole home: database, log, the web view's own store, the keychain's file.
        let (files, processes) = (files_below(&desk.home())?, processes()?);
        let log = |file: &&PathBuf| file.extension().is_some_and(|end| end == "log");
        assert!(files.iter().any(|file| file.starts_with(&profile)));
        assert!(
            files.iter().any(|file| log(&file)),
            "there is a log to look into: {files:?}"
        );
        for file in files.iter().chain(&processes) {
            let bytes = std::fs::read(file).unwrap_or_default();
            let found = bytes.windows(token.len()).any(|part| part == token.as_bytes());
            assert!(!found, "the token is in {}", file.display());
        }
        window.end().await;
        forge.assert_clean();
        Ok(())
    })
    .await
}

fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let (mut folders, mut files) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        // What goes away while it is looked at holds nothing.
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    assert!(!files.is_empty(), "nothing is where it was looked for");
    Ok(files)
}

/// What anybody may see of the processes that run: how each was called, and with which environment.
fn processes() -> Result<Vec<PathBuf>> {
    let mut seen = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let entry = entry?;
        if entry
            .file_name()
            .to_string_lossy()
            .bytes()
            .all(|byte| byte.is_ascii_digit())
        {
            seen.extend(["cmdline", "environ"].map(|name| entry.path().join(name)));
        }
    }
    assert!(seen.len() > 4, "processes run");
    Ok(seen)
}

/// Opens the one change and reads all of it, up to the sheet.
async fn read_up_to_the_sheet(window: &Window<'_>) -> Result<()> {
    window.click("//*[@role='option']").await?;
    window.find(&format!("//h1[contains(., '{TITLE}')]")).await?;
    let (files, findings) = window.read_change().await?;
    assert_eq!(files, 1);
    assert!(findings >= 1, "a dropped table is a finding");
    window.open_sheet().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_is_approved_signed_and_confirmed_at_the_forge() -> Result<()> {
    within(async {
        let bench = Bench::set(plain()).await?;
        let window = bench.window().await?;
        read_up_to_the_sheet(&window).await?;
        assert_eq!(bench.reviews_posted(), 0, "nothing is sent before the question");
        let question = window.sign_and_approve().await?;
        bench.desk.confirm(&question)?;

        window.says("Done today").await?;
        let reviews = bench.stage.forge.reviews(REPO, NUMBER);
        let [review] = &reviews[..] else {
            panic!("one decision is one review: {reviews:?}");
        };
        assert_eq!((review.author.as_str(), review.state), ("priya-n", "APPROVED"));
        assert!(review.submitted_at.is_some());
        assert!(
            review.body.contains("```countersign-dsse-v1\n"),
            "{}",
            review.body
        );
        window.end().await;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn return_alone_in_the_native_question_signs_nothing() -> Result<()> {
    within(async {
        let bench = Bench::set(plain()).await?;
        let window = bench.window().await?;
        read_up_to_the_sheet(&window).await?;
        let question = window.sign_and_approve().await?;
        window.says("Answer the question").await?;
        bench.desk.press(&question, "Return")?;
        bench.desk.lose_window("^Approve", PATIENCE)?;

        // The sheet waits for the answer, and then for the next attempt.
        window
            .wait_for("the sheet to go on", async || {
                Ok((!window.text().await?.contains("Answer the question")).then_some(()))
            })
            .await?;
        window
            .find("//dialog[@open]//button[contains(., 'Sign and approve')]")
            .await?;
        assert_eq!(bench.reviews_posted(), 0);
        window.end().await;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_approved_is_withdrawn_and_the_ledger_is_saved_through_native_windows() -> Result<()> {
    within(async {
        let bench = Bench::set(plain()).await?;
        let window = bench.window().await?;
        read_up_to_the_sheet(&window).await?;
        let question = window.sign_and_approve().await?;
        bench.desk.confirm(&question)?;
        window.press_button("Withdraw approval…").await?;
        window
            .fill("//textarea[@id='withdraw-words']", "The wrong table.")
            .await?;
        window.press_button("Withdraw… Ctrl ⏎").await?;
        let question = window.native("^Withdraw your approval").await?;
        bench.desk.confirm(&question)?;
        window.says("Withdrawn by you: The wrong table.").await?;
        let reviews = bench.stage.forge.reviews(REPO, NUMBER);
        assert_eq!((reviews.len(), reviews[0].state), (1, "DISMISSED"));

        window.press_button("Outbox 0").await?;
        window.press_button("Export the ledger…").await?;
        let dialog = window.native("^Export the ledger").await?;
        let file = bench.desk.scratch().join("ledger.jsonl");
        bench.desk.press(&dialog, "ctrl+a")?;
        let path = file.to_string_lossy();
        bench.desk.xdotool(&["type", "--delay", "20", &path])?;
        bench.desk.press(&dialog, "Return")?;
        window.says("3 lines were written to").await?;
        window.says("The chain is whole").await?;
        let text = std::fs::read_to_string(&file)?;
        let (lines, _) = countersign_core::ledger::check(text.lines())?;
        assert_eq!(lines.len(), 3);
        window.end().await;
        Ok(())
    })
    .await
}
