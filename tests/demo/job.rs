//! The main job, step by step, as a person does it: notice → open → read → acknowledge → sign → read back → verify.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use countersign_tests::forge::world::{Change, Review, World};

use crate::transcript::Transcript;
use crate::window::{self, PATIENCE, Window, take_picture};
use crate::{Stage, collect, proof};

/// The change that the job is about: an environment that is deleted under a title that says "move".
const REPO: &str = "acme/infra";
const NUMBER: u64 = 482;
/// Who signs, as `allowed_signers` names them.
const PRINCIPAL: &str = "priya@acme.example";

/// Takes the change out of the world, so that it can come while the app runs.
pub(crate) fn hold_back(world: &mut World) -> Result<Change> {
    let repo = world.find_mut(REPO)?;
    repo.changes
        .remove(&NUMBER)
        .with_context(|| format!("the sample has no {REPO} #{NUMBER}"))
}

/// Does it.
pub(crate) async fn main_job(
    stage: &Stage<'_>,
    held_back: Change,
    transcript: &mut Transcript,
) -> Result<()> {
    let title = held_back.title.clone();
    let window = open(stage).await?;
    window.find("//*[@role='option']").await?;
    picture(stage, transcript, "queue").await?;
    transcript.say("The app is open, and its queue is read.");

    stage.forge.with(|world| -> Result<()> {
        let mut change = held_back;
        // It comes now: an older one would be sorted below what the app has seen already.
        change.updated_at = world.now();
        world.find_mut(REPO)?.changes.insert(NUMBER, change);
        Ok(())
    })?;
    transcript.say(&format!(
        "{REPO} #{NUMBER} now asks for {}: {title:?}.",
        stage.forge.login()
    ));
    let notice = window::notice(stage.desk, Duration::from_secs(100)).await?;
    picture(stage, transcript, "notice").await?;
    window::click_on(stage.desk, &notice).await?;
    window.find(&format!("//h1[contains(., '{title}')]")).await?;
    transcript.say("The notice came; a click on it opened the change.");
    picture(stage, transcript, "change").await?;

    let text = window.text().await?;
    let verdict = text
        .lines()
        .find(|line| line.contains("Kiro"))
        .unwrap_or_default();
    transcript.say(&format!("The verdict: {verdict}"));
    read_it(&window, transcript).await?;
    picture(stage, transcript, "read").await?;

    window.keys("a").await?;
    window.find("//dialog[@open]").await?;
    window.says("I, priya-n").await?;
    picture(stage, transcript, "sheet").await?;
    transcript.say("The sheet says what will be signed, and that it will count.");
    window
        .click("//dialog//button[contains(., 'Sign and approve')]")
        .await?;
    let file = transcript.picture("question");
    window.confirm("Approve", Some(&file)).await?;
    transcript.say("The native question, outside the webview, was confirmed with the keyboard.");

    let review = submitted(stage).await?;
    window.says("Done today").await?;
    picture(stage, transcript, "done").await?;
    transcript.say(&format!(
        "The forge has review {} by {}: {}.",
        review.id, review.author, review.state
    ));
    prove(stage, &review, transcript).await?;
    window.end().await
}

/// Goes through every file and every finding with the keyboard: `v` and `n`, then `]` and Return.
async fn read_it(window: &Window<'_>, transcript: &mut Transcript) -> Result<()> {
    let files = files(window).await?;
    for file in 1..=files {
        window.says(&format!("File {file} of {files}")).await?;
        window.find("//*[@role='table']").await?;
        window.keys("v").await?;
        window.says(&format!("{file} of {files} viewed")).await?;
        if file < files {
            window.keys("n").await?;
        }
    }
    let todo = "//*[contains(@class, 'ack') and contains(@class, 'todo')]";
    let findings = window.count(todo).await?;
    for left in (0..findings).rev() {
        window.keys("]").await?;
        // The step scrolls to the finding and gives its button the focus.
        let start = Instant::now();
        while !window.focus().await?.starts_with("Acknowledge:") {
            if start.elapsed() > PATIENCE {
                bail!(
                    "the key ] does not lead to a finding; in focus: {:?}",
                    window.focus().await?
                );
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        window
            .keys(&char::from(fantoccini::key::Key::Enter).to_string())
            .await?;
        while window.count(todo).await? > left {
            if start.elapsed() > PATIENCE {
                bail!("a finding cannot be acknowledged");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    transcript.say(&format!(
        "All {files} files were viewed (v, n) and {findings} findings acknowledged (], Return)."
    ));
    Ok(())
}

/// How many files the change has: *File 1 of 6*.
async fn files(window: &Window<'_>) -> Result<usize> {
    let text = window
        .find("//*[@aria-label='Files']//b[starts-with(normalize-space(.), 'File ')]")
        .await?;
    let text = text.text().await?;
    let number = text.split_whitespace().last().and_then(|word| word.parse().ok());
    number.with_context(|| format!("{text:?} does not say how many files there are"))
}

/// Through the queue with `j`, for a repository of somebody's own: every change must show its diff.
pub(crate) async fn tour(stage: &Stage<'_>, transcript: &mut Transcript) -> Result<()> {
    let window = open(stage).await?;
    window.find("//*[@role='option']").await?;
    let rows = window.count("//*[@role='option']").await?;
    picture(stage, transcript, "queue").await?;
    for row in 0..rows {
        if row > 0 {
            window.keys("j").await?;
        }
        let title = window.find("//h1").await?.text().await?;
        window
            .find("//*[@role='table']//*[contains(@class, 'dl')]")
            .await?;
        transcript.say(&format!("{} of {rows}: {title}", row + 1));
        if row < 3 {
            picture(stage, transcript, "change").await?;
        }
    }
    window.end().await
}

async fn open<'d>(stage: &Stage<'d>) -> Result<Window<'d>> {
    let profile = stage.profile.to_string_lossy();
    Window::open(stage.desk, &stage.app, &["--profile", &profile]).await
}

async fn picture(stage: &Stage<'_>, transcript: &mut Transcript, name: &str) -> Result<()> {
    take_picture(stage.desk, &transcript.picture(name)).await
}

/// Waits for the review at the forge, submitted.
async fn submitted(stage: &Stage<'_>) -> Result<Review> {
    let start = Instant::now();
    loop {
        let reviews = stage.forge.reviews(REPO, NUMBER);
        match &reviews[..] {
            [one] if one.submitted_at.is_some() => return Ok(one.clone()),
            [] | [_] if start.elapsed() < PATIENCE => tokio::time::sleep(Duration::from_millis(100)).await,
            [] | [_] => bail!("the approval never came to the forge"),
            more => bail!("one decision became {} reviews", more.len()),
        }
    }
}

/// Keeps the review as the forge stored it, and has it judged: by the gate, and by OpenSSH.
async fn prove(stage: &Stage<'_>, review: &Review, transcript: &mut Transcript) -> Result<()> {
    transcript.keep("review.md", review.body.as_bytes())?;
    let facts = serde_json::json!({"id": review.id, "author": review.author, "state": review.state,
        "commit": review.commit, "submitted_at": review.submitted_at, "body": review.body});
    transcript.keep("review.json", serde_json::to_string_pretty(&facts)?.as_bytes())?;

    let folder = transcript.folder("proof")?;
    let said =
        proof::Evidence::of(&review.body)?.judged_by_openssh(&folder, &stage.allowed_signers, PRINCIPAL)?;
    transcript.say(&format!("ssh-keygen -Y verify: {said}"));

    let input = stage.forge.with(|world| collect::input(world, REPO, NUMBER))?;
    let file = transcript.keep(
        "gate-input.json",
        serde_json::to_string_pretty(&input)?.as_bytes(),
    )?;
    let mut gate = tokio::process::Command::new(&stage.gate);
    let output = gate
        .arg("judge")
        .arg("--input")
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .await?;
    transcript.keep("verdict.json", &output.stdout)?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    transcript.say(&format!("countersign-verify: {said}"));
    if !output.status.success() {
        bail!("the gate does not accept what was signed");
    }
    Ok(())
}
