//! How the app starts, and how it does not.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use countersign_tests::desk::stage::prepare;
use countersign_tests::desk::{Desk, PATIENCE, wait_for};

use crate::bench::{Bench, DEMO, app, plain, within};

/// Where SQLite keeps `user_version`: https://www.sqlite.org/fileformat.html#the_database_header
const LAYOUT: std::ops::Range<usize> = 60..64;

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_from_a_newer_version_is_refused_in_words_and_not_touched() -> Result<()> {
    within(async {
        let mut desk = Desk::start(plain())?;
        let profile = desk.home().join("profile");
        let folder = profile.to_string_lossy().into_owned();
        prepare(&desk, Path::new(DEMO), &["key", &folder], "").await?;
        let file = profile.join("countersign.db");
        let mut newer = std::fs::read(&file)?;
        newer
            .get_mut(LAYOUT)
            .context("it has a header")?
            .copy_from_slice(&9_999_u32.to_be_bytes());
        std::fs::write(&file, &newer)?;

        let app = app()?.to_string_lossy().into_owned();
        desk.spawn(&app, &["--profile", &folder])?;
        let told = desk.find_window("Countersign cannot start", PATIENCE)?;
        assert_eq!(desk.look_for_window("^Countersign$"), None, "no window beside it");
        desk.press(&told, "Return")?;
        wait_for("the app's end", PATIENCE, || Ok((!desk.runs(&app)).then_some(())))?;
        let said = desk.said(&app);
        assert!(said.contains("newer version") && said.contains("9999"), "{said}");
        assert!(std::fs::read(&file)? == newer, "the profile was touched");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_made_is_told_in_a_window() -> Result<()> {
    within(async {
        let mut desk = Desk::start(plain())?;
        let file = desk.home().join("taken");
        std::fs::write(&file, "a file")?;
        let app = app()?.to_string_lossy().into_owned();
        let folder = file.join("profile").to_string_lossy().into_owned();
        desk.spawn(&app, &["--profile", &folder])?;
        let told = desk.find_window("Countersign cannot start", PATIENCE)?;
        desk.press(&told, "Return")?;
        wait_for("the app's end", PATIENCE, || Ok((!desk.runs(&app)).then_some(())))?;
        let said = desk.said(&app);
        assert!(
            said.contains(&folder) && said.contains("Nothing was started"),
            "{said}"
        );
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_log_everything_else_goes_on_and_a_crash_leaves_no_memory_on_the_disk() -> Result<()> {
    within(async {
        let mut bench = Bench::set(plain()).await?;
        let log = bench.stage.profile.join("log");
        ensure!(!log.exists(), "the window has not run in this profile");
        std::fs::write(&log, "a file")?;
        let app = bench.start_app()?;
        bench.desk.find_window("^Countersign$", PATIENCE)?;
        let said = bench.desk.said(&app);
        assert!(said.contains("log cannot be made"), "{said}");
        let id = bench.desk.id(&app).context("it runs")?;
        let limits = std::fs::read_to_string(format!("/proc/{id}/limits"))?;
        let cores = limits.lines().find(|line| line.starts_with("Max core file size"));
        let cores: Vec<&str> = cores
            .context("the limit is told")?
            .split_whitespace()
            .skip(4)
            .collect();
        assert_eq!(cores, ["0", "0", "bytes"]);
        Ok(())
    })
    .await
}

/// A picture of the screen, as bytes of red, green and blue.
fn pixels(desk: &Desk) -> Result<Vec<[u8; 3]>> {
    let file = desk.scratch().join("screen.ppm");
    desk.screenshot(&file)?;
    let bytes = std::fs::read(&file)?;
    // `P6`, width, height, deepest value; then one byte a colour.
    let body = bytes
        .len()
        .checked_sub(1280 * 860 * 3)
        .context("the picture is too small")?;
    ensure!(
        bytes.starts_with(b"P6") && bytes[..body].ends_with(b"255\n"),
        "it is another kind of picture"
    );
    Ok(bytes[body..].as_chunks::<3>().0.to_vec())
}

/// Waits until the window has drawn the queue, and gives how light the whole is, from 0 to 255.
async fn lightness(dark: bool) -> Result<u64> {
    let mut bench = Bench::set(plain()).await?;
    if dark {
        let folder = bench.desk.home().join(".config/gtk-3.0");
        std::fs::create_dir_all(&folder)?;
        std::fs::write(
            folder.join("settings.ini"),
            "[Settings]\ngtk-application-prefer-dark-theme=1\n",
        )?;
    }
    bench.start_app()?;
    bench.desk.find_window("^Countersign$", PATIENCE)?;
    wait_for("a picture with something on it", PATIENCE, || {
        let pixels = pixels(&bench.desk)?;
        let colours: std::collections::HashSet<&[u8; 3]> = pixels.iter().collect();
        let sum: u64 = pixels.iter().flatten().map(|value| u64::from(*value)).sum();
        // Letters are drawn in many shades; an empty window has a dozen.
        Ok((colours.len() > 100).then_some(sum / (3 * pixels.len() as u64)))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_drawn_light_or_dark_as_the_desktop_asks() -> Result<()> {
    within(async {
        let (light, dark) = (lightness(false).await?, lightness(true).await?);
        assert!(light > 190 && dark < 80, "light: {light}, dark: {dark}");
        Ok(())
    })
    .await
}
