//! Every commit of a repository of somebody's own: its diff survives the parser byte for byte, and the window shows it.

use anyhow::{Context, Result, bail, ensure};
use countersign_core::patch::Patch;
use countersign_tests::desk::window::Window;
use serde_json::Value;

use crate::Stage;
use crate::job::picture;
use crate::transcript::Transcript;

/// How many of them are left behind as pictures.
const PICTURES: usize = 3;

/// What the window shows of the change that is selected. A diff below many findings is drawn when it is scrolled to.
const SHOWN: &str = "
    const table = document.querySelector('[role=table]');
    if (table !== null && table.querySelector('.line') === null) table.scrollIntoView();
    const words = (selector, within = document) => within.querySelector(selector)?.textContent.trim() ?? '';
    const rows = [...document.querySelectorAll('[role=option]')];
    const row = rows.findIndex((one) => one.getAttribute('aria-selected') === 'true');
    return {
        row,
        chosen: row < 0 ? '' : words('.title', rows[row]),
        title: words('main h1'),
        lines: table?.querySelectorAll('.line').length ?? 0,
        without: words('.empty'),
    };";

/// Goes through all of it.
pub(crate) async fn all(stage: &Stage<'_>, transcript: &mut Transcript) -> Result<()> {
    transcript.doing("parsing every diff");
    let parsed = parse_all(stage)?;
    transcript.say(&format!(
        "{parsed} diffs were parsed, and written again byte for byte."
    ));

    transcript.doing("waiting for the window");
    let window = stage.open().await?;
    window.find("//*[@role='option']").await?;
    let rows = window.count("//*[@role='option']").await?;
    ensure!(rows == parsed, "the queue shows {rows} of {parsed} changes");
    picture(&window, transcript, "queue").await?;
    for row in 0..rows {
        transcript.doing(&format!("opening change {} of {rows}", row + 1));
        // The first one is open already where the window opens it by itself.
        if row > 0 || window.script(SHOWN).await?["row"] != 0 {
            window.keys("j").await?;
        }
        let shown = shown(&window, row).await?;
        transcript.say(&format!("{} of {rows}: {shown}", row + 1));
        if row < PICTURES {
            picture(&window, transcript, "change").await?;
        }
    }
    window.end().await;
    Ok(())
}

/// Waits until the diff of the row's own change is shown: its title and how much of it.
async fn shown(window: &Window<'_>, row: usize) -> Result<String> {
    window
        .wait_for(&format!("the diff of change {}", row + 1), async || {
            let seen = window.script(SHOWN).await?;
            let text = |name: &str| seen[name].as_str().unwrap_or_default().to_owned();
            let is_it = seen["row"] == row && !text("title").is_empty() && text("title") == text("chosen");
            let how = match (lines(&seen), text("without")) {
                (0, words) if words.is_empty() => return Ok(None),
                (0, words) => words,
                (lines, _) => format!("{lines} lines in sight"),
            };
            Ok(is_it.then(|| format!("{} ({how})", text("title"))))
        })
        .await
}

fn lines(seen: &Value) -> u64 {
    seen["lines"].as_u64().unwrap_or_default()
}

/// Parses the diff of every change and writes it again: how many there are.
fn parse_all(stage: &Stage<'_>) -> Result<usize> {
    stage.forge.with(|world| {
        let mut parsed = 0;
        for repo in &world.repos {
            for change in repo.changes.values() {
                round_trip(repo, change)
                    .with_context(|| format!("{:?} ({})", change.title, change.head()))?;
                parsed += 1;
            }
        }
        Ok(parsed)
    })
}

fn round_trip(
    repo: &countersign_tests::forge::world::Repo,
    change: &countersign_tests::forge::world::Change,
) -> Result<()> {
    let (base, head) = (repo.merge_base(change), change.head());
    let diff = repo.git.diff(&base, head)?;
    let patch = Patch::parse(&diff).map_err(|error| anyhow::anyhow!("its diff cannot be parsed: {error}"))?;
    ensure!(patch.to_bytes() == diff, "its diff is another one after parsing");
    // Asked apart from the diff, of another part of git.
    let raw = repo.git.run(&[
        "diff-tree",
        "-r",
        "-z",
        "--no-renames",
        "--name-only",
        &base,
        head,
    ])?;
    let changed = raw.iter().filter(|byte| **byte == 0).count();
    if changed > 0 && patch.files.is_empty() {
        bail!("git says that {changed} files changed, and its diff has none");
    }
    Ok(())
}
