//! The real app on a desk, driven as a person does: WebDriver for what is in its page, the screen for what is not (the
//! native question, a notice).

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};

use super::processes::end_group;
use super::{Desk, GLANCE, PATIENCE};

/// The app with its window, under WebDriver. It ends with the value.
pub struct Window<'d> {
    desk: &'d Desk,
    client: Client,
    driver: Driver,
}

/// WebKit's driver, which starts the app: both are in one process group.
struct Driver {
    child: tokio::process::Child,
    group: u32,
    address: String,
}

impl Driver {
    fn start(desk: &Desk) -> Result<Self> {
        // The driver cannot be told to choose a port, and somebody else may take this one before it does.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let child = tokio::process::Command::from(desk.command("WebKitWebDriver"))
            .arg(format!("--port={port}"))
            .env("TAURI_AUTOMATION", "true")
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .stdin(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .context("WebKitWebDriver (package webkit2gtk-driver) could not be started")?;
        let group = child.id().context("it has just been started")?;
        desk.watch(group)?;
        Ok(Self {
            child,
            group,
            address: format!("http://127.0.0.1:{port}"),
        })
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        end_group(self.group);
    }
}

impl<'d> Window<'d> {
    /// Starts `program` with `words`, and waits for its first page.
    ///
    /// # Errors
    /// No window came.
    pub async fn open(desk: &'d Desk, program: &Path, words: &[&str]) -> Result<Self> {
        let options = json!({"binary": program, "args": words});
        let wanted = Map::from_iter([("webkitgtk:browserOptions".to_owned(), options)]);
        let mut driver = Driver::start(desk)?;
        let start = Instant::now();
        let client = loop {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            let session = builder.capabilities(wanted.clone()).connect(&driver.address);
            // A session that meets another instance of the app never answers.
            let session = tokio::time::timeout(PATIENCE, session).await;
            match session.context("the app's window never came")? {
                Ok(client) => break client,
                Err(error) if start.elapsed() > PATIENCE => bail!("no WebDriver session: {error}"),
                Err(_) => tokio::time::sleep(GLANCE).await,
            }
            if driver.child.try_wait()?.is_some() {
                driver = Driver::start(desk)?;
            }
        };
        Ok(Self { desk, client, driver })
    }

    /// The desk that it stands on.
    pub fn desk(&self) -> &'d Desk {
        self.desk
    }

    /// Looks again and again until there is something; the error says what the window says instead.
    ///
    /// # Errors
    /// Looking failed, or nothing came in time.
    pub async fn wait_for<T>(
        &self,
        what: &str,
        mut look: impl AsyncFnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        let start = Instant::now();
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            if start.elapsed() > PATIENCE {
                let (says, focus) = (
                    self.text().await.unwrap_or_default(),
                    self.focus().await.unwrap_or_default(),
                );
                bail!("waited for {what} in vain; in focus: {focus:?}; the window says:\n{says}");
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// The element at `xpath`, once it is there and seen.
    ///
    /// # Errors
    /// It never came.
    pub async fn find(&self, xpath: &str) -> Result<Element> {
        self.wait_for(xpath, async || {
            for element in self.client.find_all(Locator::XPath(xpath)).await? {
                if element.is_displayed().await.unwrap_or(false) {
                    return Ok(Some(element));
                }
            }
            Ok(None)
        })
        .await
    }

    /// How many elements there are at `xpath` now.
    ///
    /// # Errors
    /// The page does not answer.
    pub async fn count(&self, xpath: &str) -> Result<usize> {
        Ok(self.client.find_all(Locator::XPath(xpath)).await?.len())
    }

    /// Clicks the element at `xpath`, once it is there.
    ///
    /// # Errors
    /// It never came, or something covers it.
    pub async fn click(&self, xpath: &str) -> Result<()> {
        self.wait_for(&format!("a click on {xpath}"), async || {
            // Between finding and clicking, the window may have read again and drawn the element anew.
            Ok(self.find(xpath).await?.click().await.ok())
        })
        .await
    }

    /// Clicks the button with these words on it.
    ///
    /// # Errors
    /// There is none.
    pub async fn press_button(&self, words: &str) -> Result<()> {
        let is_it = format!("contains(normalize-space(.), '{words}') or contains(@aria-label, '{words}')");
        self.click(&format!("//button[{is_it}]")).await
    }

    /// Types into the field at `xpath`, after emptying it as a person does: WebDriver's own *clear* fires no input
    /// event here.
    ///
    /// # Errors
    /// It cannot be typed into.
    pub async fn fill(&self, xpath: &str, text: &str) -> Result<()> {
        let field = self.find(xpath).await?;
        field.click().await?;
        let (control, up, back) = (
            char::from(Key::Control),
            char::from(Key::Null),
            char::from(Key::Backspace),
        );
        field.send_keys(&format!("{control}a{up}{back}")).await?;
        Ok(field.send_keys(text).await?)
    }

    /// Presses keys, wherever the focus is.
    ///
    /// # Errors
    /// The page does not answer.
    pub async fn keys(&self, keys: &str) -> Result<()> {
        Ok(self.client.active_element().await?.send_keys(keys).await?)
    }

    /// All that the window says.
    ///
    /// # Errors
    /// The page does not answer.
    pub async fn text(&self) -> Result<String> {
        let text = self.script("return document.body.innerText").await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until the window says `words`, in any capitals.
    ///
    /// # Errors
    /// It never does.
    pub async fn says(&self, words: &str) -> Result<()> {
        let wanted = words.to_lowercase();
        self.wait_for(&format!("the words {words:?}"), async || {
            Ok(self.text().await?.to_lowercase().contains(&wanted).then_some(()))
        })
        .await
    }

    /// Name of what has the focus: its label, or its words.
    ///
    /// # Errors
    /// The page does not answer.
    pub async fn focus(&self) -> Result<String> {
        let script = "const e = document.activeElement; return e.getAttribute('aria-label') ?? e.innerText";
        Ok(self.script(script).await?.as_str().unwrap_or_default().to_owned())
    }

    /// Runs a script in the page: what it returns.
    ///
    /// # Errors
    /// It throws.
    pub async fn script(&self, script: &str) -> Result<Value> {
        Ok(self.client.execute(script, Vec::new()).await?)
    }

    /// Calls one of the app's commands out of the page, as a script that got into it would: its answer, or its refusal.
    ///
    /// # Errors
    /// The page does not answer.
    pub async fn invoke(&self, command: &str, words: Value) -> Result<Result<Value, Value>> {
        let script = "const [command, words, done] = arguments;
            window.__TAURI_INTERNALS__.invoke(command, words).then(
                (answer) => done({ answer: answer ?? null }),
                (refusal) => done({ refusal: refusal?.message ? refusal : String(refusal) }));";
        let asked = self.client.execute_async(script, vec![command.into(), words]);
        let mut told = tokio::time::timeout(PATIENCE, asked)
            .await
            .context("no answer came")??;
        Ok(match told.get_mut("refusal").map(Value::take) {
            Some(refusal) => Err(refusal),
            None => Ok(told["answer"].take()),
        })
    }

    /// Waits for a window of the app's own that is not the page (a native question), and gives its id.
    ///
    /// # Errors
    /// None came.
    pub async fn native(&self, title: &str) -> Result<String> {
        self.wait_for(&format!("a native window {title:?}"), async || {
            Ok(self.desk.look_for_window(title))
        })
        .await
    }

    /// Takes a picture of the whole screen.
    ///
    /// # Errors
    /// The page does not answer, or the file cannot be written.
    pub async fn picture(&self, file: &Path) -> Result<()> {
        // What was just shown is drawn two frames later; the X server knows nothing of the page's own.
        let frames =
            "const [done] = arguments; requestAnimationFrame(() => requestAnimationFrame(() => done(0)))";
        // A page that is covered draws no frames.
        let drawn = self.client.execute_async(frames, Vec::new());
        let _ = tokio::time::timeout(Duration::from_secs(2), drawn).await;
        tokio::time::sleep(4 * GLANCE).await;
        self.desk.screenshot(file)
    }

    /// Ends the session, and with it the app.
    pub async fn end(self) {
        // The app ends with its session, sometimes before it has answered: what matters is that it is gone.
        let _ = tokio::time::timeout(Duration::from_secs(5), self.client.close()).await;
        drop(self.driver);
    }
}

/// Where cargo has put the programs that were built together with this one.
///
/// # Errors
/// It is not built.
pub fn built(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    // A test sits one folder deeper (deps) than a program.
    let mut folders = own.ancestors().skip(1).take(2).map(|folder| folder.join(name));
    let found = folders.find(|path| path.is_file());
    found.with_context(|| format!("{name} is not built; run `cargo build --workspace --bins`"))
}
