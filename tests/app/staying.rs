//! The app without its window: it stays, and everything that opens the window opens it.

use anyhow::{Context, Result};
use countersign_tests::desk::{Options, PATIENCE, wait_for};

use crate::bench::{Bench, change, plain, within};
use crate::watcher::Watcher;

/// The window's title.
const WINDOW: &str = "^Countersign$";

impl Bench {
    /// Closes the window as a person does, and waits until it is gone. A window that is not managed yet misses the key:
    /// then it is pressed again.
    fn close_window(&self) -> Result<()> {
        let id = self.desk.find_window(WINDOW, PATIENCE)?;
        self.desk.press(&id, "alt+F4")?;
        if self.desk.lose_window(WINDOW, PATIENCE / 6).is_ok() {
            return Ok(());
        }
        self.desk.press(&id, "alt+F4")?;
        self.desk.lose_window(WINDOW, PATIENCE)
    }

    /// One more change that waits.
    fn open_another(&self, title: &str) -> Result<()> {
        use countersign_tests::forge::git::Edit;
        self.stage.forge.with(|world| -> Result<()> {
            let mut new = change(8, title, vec![Edit::write("src/main.txt", "one\n")]);
            new.age = jiff::SignedDuration::ZERO;
            world.open(new)?;
            Ok(())
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_it_goes_on_in_the_tray_which_counts_opens_and_quits() -> Result<()> {
    within(async {
        let mut bench = Bench::set(plain()).await?;
        let tray = Watcher::start(&bench.desk.bus()).await?;
        let app = bench.start_app()?;
        tray.wait_for("1 change needs you", PATIENCE).await?;
        bench.close_window()?;
        assert!(bench.desk.runs(&app), "closing the window ends nothing");

        bench.open_another("Add a line")?;
        tray.click("Poll now").await?;
        let menu = tray.wait_for("2 changes need you", PATIENCE).await?;
        assert!(menu.iter().any(|line| line.contains("Add a line")), "{menu:?}");
        assert_eq!(bench.desk.look_for_window(WINDOW), None, "a poll opens nothing");

        tray.click("Open Countersign").await?;
        bench.desk.find_window(WINDOW, PATIENCE)?;
        tray.click("Quit").await?;
        wait_for("the app's end", PATIENCE, || {
            Ok((!bench.desk.runs(&app)).then_some(()))
        })
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_tray_a_second_start_shows_the_window_of_the_first() -> Result<()> {
    within(async {
        let mut bench = Bench::set(plain()).await?;
        let first = bench.start_app()?;
        bench.close_window()?;
        assert!(bench.desk.runs(&first), "without a tray it goes on too");

        let words = bench.words();
        // Its end is waited for: it hands over and is gone.
        bench.desk.run(&first, &words.each_ref().map(String::as_str))?;
        bench.desk.find_window(WINDOW, PATIENCE)?;
        assert!(bench.desk.runs(&first), "the window is the first one's");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_on_a_notice_opens_its_change() -> Result<()> {
    within(async {
        let options = Options {
            notices: true,
            ..plain()
        };
        let bench = Bench::set(options).await?;
        let window = bench.window().await?;
        window.find("//*[@role='option']").await?;
        bench.open_another("Add a line")?;
        let asked = window.invoke("refresh", serde_json::json!({})).await?;
        assert!(asked.is_ok(), "{asked:?}");
        let notice = bench.desk.find_notice(PATIENCE).await?;
        assert_eq!(
            window.count("//h1[contains(., 'Add a line')]").await?,
            0,
            "it waits for the click"
        );
        bench.desk.click_notice(&notice)?;
        window
            .find("//h1[contains(., 'Add a line')]")
            .await
            .context("after the click")?;
        window.end().await;
        Ok(())
    })
    .await
}
