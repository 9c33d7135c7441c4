//! The main job, step by step, as a person does it: notice → open → read → acknowledge → sign → read back → verify.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use countersign_tests::desk::stage::PRINCIPAL;
use countersign_tests::desk::window::Window;
use countersign_tests::forge::collect;
use countersign_tests::forge::world::{Change, Review, World};

use crate::transcript::Transcript;
use crate::{Stage, proof};

/// The change that the job is about: an environment that is deleted under a title that says "move".
const REPO: &str = "acme/infra";
const NUMBER: u64 = 482;
/// The app asks the forge once a minute; half as much again for a slow machine.
const NEXT_POLL: Duration = Duration::from_secs(90);

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
    transcript.doing("waiting for the window");
    let window = stage.open().await?;
    window.find("//*[@role='option']").await?;
    picture(&window, transcript, "queue").await?;
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
    transcript.doing("waiting for the notice: the app asks the forge once a minute");
    let notice = stage.desk.find_notice(NEXT_POLL).await?;
    picture(&window, transcript, "notice").await?;
    stage.desk.click_notice(&notice)?;
    window.find(&format!("//h1[contains(., '{title}')]")).await?;
    transcript.say("The notice came; a click on it opened the change.");
    picture(&window, transcript, "change").await?;

    let text = window.text().await?;
    let verdict = text.lines().find(|line| line.contains("Kiro"));
    let verdict = verdict.context("the window does not say who wrote the change")?;
    transcript.say(&format!("The verdict: {verdict}"));
    let (files, findings) = window.read_change().await?;
    transcript.say(&format!(
        "All {files} files were viewed (v, n) and {findings} findings acknowledged (], Return)."
    ));
    picture(&window, transcript, "read").await?;

    window.open_sheet().await?;
    picture(&window, transcript, "sheet").await?;
    transcript.say("The sheet says what will be signed, and that it will count.");
    let question = window.sign_and_approve().await?;
    picture(&window, transcript, "question").await?;
    stage.desk.confirm(&question)?;
    transcript.say("The native question, outside the webview, was confirmed with the keyboard.");

    transcript.doing("waiting for the review at the forge");
    let review = submitted(&window, stage).await?;
    window.says("Done today").await?;
    picture(&window, transcript, "done").await?;
    transcript.say(&format!(
        "The forge has review {} by {}: {}.",
        review.id, review.author, review.state
    ));
    prove(stage, &review, transcript).await?;
    window.end().await;
    Ok(())
}

/// Takes a picture of the whole screen, and tells of it.
pub(crate) async fn picture(window: &Window<'_>, transcript: &mut Transcript, name: &str) -> Result<()> {
    window.picture(&transcript.picture(name)).await
}

/// Waits for the review at the forge, submitted.
async fn submitted(window: &Window<'_>, stage: &Stage<'_>) -> Result<Review> {
    window
        .wait_for("the approval at the forge", async || {
            match &stage.forge.reviews(REPO, NUMBER)[..] {
                [one] => Ok(one.submitted_at.is_some().then(|| one.clone())),
                [] => Ok(None),
                more => bail!("one decision became {} reviews", more.len()),
            }
        })
        .await
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
