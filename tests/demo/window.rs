//! The real app on a desk, driven as a person does: WebDriver for what is in the webview, xdotool for what is not
//! (the native question, a notice), pictures by ImageMagick's `import`.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use countersign_tests::desk::Desk;
use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};

/// How long anything on the screen may take: the slowest machine, not the usual one.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks.
const GLANCE: Duration = Duration::from_millis(100);

/// The app with its window, under WebDriver.
pub(crate) struct Window<'d> {
    desk: &'d Desk,
    client: Client,
    /// Ended with the window: a driver that is left behind would hold the app and its display.
    _driver: tokio::process::Child,
}

impl<'d> Window<'d> {
    /// Starts `program` with `words`, and waits for its first page.
    pub(crate) async fn open(desk: &'d Desk, program: &Path, words: &[&str]) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let driver = tokio::process::Command::from(desk.command("WebKitWebDriver"))
            .arg(format!("--port={port}"))
            .env("TAURI_AUTOMATION", "true")
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("WebKitWebDriver (package webkit2gtk-driver) could not be started")?;
        let options = json!({"binary": program, "args": words});
        let wanted = Map::from_iter([("webkitgtk:browserOptions".to_owned(), options)]);
        let address = format!("http://127.0.0.1:{port}");
        let start = Instant::now();
        let client = loop {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            let session = builder.capabilities(wanted.clone()).connect(&address);
            // The outer limit: a session that meets another instance of the app never answers.
            match tokio::time::timeout(PATIENCE, session)
                .await
                .context("the app's window never came")?
            {
                Ok(client) => break client,
                Err(_) if start.elapsed() < Duration::from_secs(5) => tokio::time::sleep(GLANCE).await,
                Err(error) => bail!("no WebDriver session: {error}"),
            }
        };
        Ok(Self {
            desk,
            client,
            _driver: driver,
        })
    }

    /// The element at `xpath`, once it is there and seen.
    pub(crate) async fn find(&self, xpath: &str) -> Result<Element> {
        let start = Instant::now();
        loop {
            for element in self.client.find_all(Locator::XPath(xpath)).await? {
                if element.is_displayed().await.unwrap_or(false) {
                    return Ok(element);
                }
            }
            if start.elapsed() > PATIENCE {
                bail!(
                    "{xpath} never came; the window says:\n{}",
                    self.text().await.unwrap_or_default()
                );
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// How many elements there are at `xpath` now.
    pub(crate) async fn count(&self, xpath: &str) -> Result<usize> {
        Ok(self.client.find_all(Locator::XPath(xpath)).await?.len())
    }

    /// Clicks the element at `xpath`, once it is there.
    pub(crate) async fn click(&self, xpath: &str) -> Result<()> {
        let start = Instant::now();
        loop {
            // Between finding and clicking, the window may have read again and drawn the element anew.
            match self.find(xpath).await?.click().await {
                Ok(()) => return Ok(()),
                Err(error) if start.elapsed() > PATIENCE => bail!("{xpath} cannot be clicked: {error}"),
                Err(_) => tokio::time::sleep(GLANCE).await,
            }
        }
    }

    /// Clicks the button with these words on it.
    pub(crate) async fn press_button(&self, words: &str) -> Result<()> {
        self.click(&button(words)).await
    }

    /// Types into the field at `xpath`, after emptying it as a person does: WebDriver's own *clear* fires no input
    /// event here.
    pub(crate) async fn fill(&self, xpath: &str, text: &str) -> Result<()> {
        let field = self.find(xpath).await?;
        field.click().await?;
        field
            .send_keys(&format!(
                "{}a{}{}",
                char::from(Key::Control),
                char::from(Key::Null),
                char::from(Key::Backspace)
            ))
            .await?;
        Ok(field.send_keys(text).await?)
    }

    /// Presses keys, wherever the focus is.
    pub(crate) async fn keys(&self, keys: &str) -> Result<()> {
        Ok(self.client.active_element().await?.send_keys(keys).await?)
    }

    /// All that the window says.
    pub(crate) async fn text(&self) -> Result<String> {
        let text = self
            .client
            .execute("return document.body.innerText", Vec::new())
            .await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until the window says `words`, in any capitals.
    pub(crate) async fn says(&self, words: &str) -> Result<()> {
        let (start, wanted) = (Instant::now(), words.to_lowercase());
        loop {
            let text = self.text().await?;
            if text.to_lowercase().contains(&wanted) {
                return Ok(());
            }
            if start.elapsed() > PATIENCE {
                bail!("the window never said {words:?}; it says:\n{text}");
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Name of what has the focus: its label, or its words.
    pub(crate) async fn focus(&self) -> Result<String> {
        let script = "const e = document.activeElement; return e.getAttribute('aria-label') ?? e.innerText";
        Ok(self.script(script).await?.as_str().unwrap_or_default().to_owned())
    }

    /// Runs a script in the page: what it returns.
    pub(crate) async fn script(&self, script: &str) -> Result<Value> {
        Ok(self.client.execute(script, Vec::new()).await?)
    }

    /// Goes on in the window that was made anew after this one was closed.
    pub(crate) async fn follow(&self) -> Result<()> {
        let start = Instant::now();
        loop {
            if let Some(newest) = self.client.windows().await?.pop() {
                return Ok(self.client.switch_to_window(newest).await?);
            }
            if start.elapsed() > PATIENCE {
                bail!("no window came back");
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Ends the session, and with it the app.
    pub(crate) async fn end(self) -> Result<()> {
        // The app ends with its session, sometimes before it has answered: what matters is that it is gone.
        let _ = tokio::time::timeout(Duration::from_secs(5), self.client.close()).await;
        Ok(())
    }

    /// The native question: waits for a window whose title has `title` in it, takes a picture if a file is named, and
    /// confirms it with the keyboard. *Cancel* has the focus, so it takes a Tab to leave it.
    pub(crate) async fn confirm(&self, title: &str, picture: Option<&Path>) -> Result<()> {
        let id = native_window(self.desk, title).await?;
        if let Some(file) = picture {
            take_picture(self.desk, file).await?;
        }
        xdotool(self.desk, &["windowactivate", "--sync", &id]).await?;
        xdotool(self.desk, &["key", "Tab"]).await?;
        tokio::time::sleep(GLANCE).await;
        xdotool(self.desk, &["key", "Return"]).await?;
        Ok(())
    }

    /// The same question, answered with Return alone, as somebody does who was typing.
    pub(crate) async fn answer_with_return(&self, title: &str) -> Result<()> {
        let id = native_window(self.desk, title).await?;
        xdotool(self.desk, &["windowactivate", "--sync", &id]).await?;
        xdotool(self.desk, &["key", "Return"]).await?;
        Ok(())
    }
}

/// XPath of the button with these words on it.
pub(crate) fn button(words: &str) -> String {
    format!("//button[contains(normalize-space(.), '{words}') or contains(@aria-label, '{words}')]")
}

/// Waits for a window of the desk whose title has `title` in it, and gives its id.
pub(crate) async fn native_window(desk: &Desk, title: &str) -> Result<String> {
    let start = Instant::now();
    loop {
        // xdotool ends with 1 while there is none.
        let found = run(desk, "xdotool", &["search", "--onlyvisible", "--name", title]).await?;
        if let Some(id) = found.1.lines().last().filter(|_| found.0) {
            return Ok(id.to_owned());
        }
        if start.elapsed() > PATIENCE {
            bail!("no window with {title:?} in its title came");
        }
        tokio::time::sleep(GLANCE).await;
    }
}

/// Waits for a notice on the screen, and gives its window's id.
pub(crate) async fn notice(desk: &Desk, patience: Duration) -> Result<String> {
    let start = Instant::now();
    loop {
        let words = ["search", "--onlyvisible", "--class", "^xfce4-notifyd$"];
        let (ok, found) = run(desk, "xdotool", &words).await?;
        if let Some(id) = found.lines().last().filter(|_| ok) {
            return Ok(id.to_owned());
        }
        if start.elapsed() > patience {
            bail!("no notice came");
        }
        tokio::time::sleep(GLANCE).await;
    }
}

/// Clicks on a window's text, left of its middle: a notice has its buttons on the right.
pub(crate) async fn click_on(desk: &Desk, id: &str) -> Result<()> {
    // A notice fades in; a click on one that is not quite there yet goes through it.
    tokio::time::sleep(Duration::from_millis(500)).await;
    xdotool(desk, &["mousemove", "--window", id, "90", "20", "click", "1"])
        .await
        .map(drop)
}

/// Runs xdotool on the desk.
pub(crate) async fn xdotool(desk: &Desk, words: &[&str]) -> Result<String> {
    let (ok, text) = run(desk, "xdotool", words).await?;
    if ok {
        Ok(text)
    } else {
        bail!("xdotool {} failed: {text}", words.join(" "))
    }
}

/// Takes a picture of the whole screen.
pub(crate) async fn take_picture(desk: &Desk, file: &Path) -> Result<()> {
    // Two frames, so that what was just shown is drawn: the X server knows nothing of the webview's own.
    tokio::time::sleep(Duration::from_millis(400)).await;
    let name = file.to_str().context("a picture needs a plain file name")?;
    let (ok, text) = run(desk, "import", &["-window", "root", name]).await?;
    if ok {
        Ok(())
    } else {
        bail!("no picture could be taken: {text}")
    }
}

/// Runs a program on the desk to its end: whether it ended well, and all that it said.
pub(crate) async fn run(desk: &Desk, program: &str, words: &[&str]) -> Result<(bool, String)> {
    let mut command = tokio::process::Command::from(desk.command(program));
    let output = command
        .args(words)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, output).await;
    let output = output.with_context(|| format!("{program} does not end"))?;
    let output = output.with_context(|| format!("{program} could not be started"))?;
    let text = [output.stdout, output.stderr].concat();
    Ok((
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    ))
}

/// Where cargo has put the programs that were built together with this one.
pub(crate) fn built(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    // A test sits one folder deeper (deps) than a program.
    let found = own
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    found.with_context(|| format!("{name} is not built; run `cargo build --workspace --bins`"))
}
