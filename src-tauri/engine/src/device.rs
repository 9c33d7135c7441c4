//! Signing in at the forge's own page, by the device flow: the page of this app shows the code and never sees the token.
//!
//! It takes the client id of an OAuth app that is registered at the forge, which is no secret. A build can bring one for
//! GitHub.com along; for any forge one can be set.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::engine::Engine;
use crate::ports::{Address, Desktop, DeviceAnswer, DeviceCode, Forge, ForgeError};
use crate::session::step;
use crate::view::{DeviceView, Failure, SignInResult};
use crate::words;

/// The client id that this build brings along for GitHub.com: `COUNTERSIGN_CLIENT_ID` where it was built.
const BUILT_IN: Option<&str> = option_env!("COUNTERSIGN_CLIENT_ID");

/// What is asked for, and no more. Source: GitHub's documentation on OAuth scopes.
const SCOPES: &str = "repo read:org";

/// After an answer that does not say by how much. Source: RFC 8628, 3.5.
const SLOWER: Duration = Duration::from_secs(5);

const CONFIRMED: &str = "Confirmed at the forge";

/// A sign-in that waits for the user.
pub(crate) struct Waiting {
    forge: String,
    address: Address,
    client: String,
    code: DeviceCode,
    until: Instant,
    /// Told when it is given up.
    given_up: watch::Sender<bool>,
}

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// The client id for a forge; empty where there is none.
    pub(crate) fn client_id(&self, address: &Address) -> String {
        let set = self.network().now().settings.clients.get(&address.host).cloned();
        let built_in = BUILT_IN.filter(|_| address.host == "github.com");
        set.or_else(|| built_in.map(str::to_owned)).unwrap_or_default()
    }

    /// Sets the client id for a forge, or with an empty one takes it back.
    ///
    /// # Errors
    /// It is none, or cannot be kept. Then nothing was changed.
    pub async fn set_client_id(&self, forge: String, id: String) -> Result<(), Failure> {
        let address = address(&forge)?;
        let id = id.trim().to_owned();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if id.len() > 100 || !id.bytes().all(plain) {
            return Err(Failure::other(
                "This is no client id: one is made of letters, digits and dots. Nothing was changed.",
                "Copy it from the OAuth app's page at the forge. The app's secret is not needed, and does not belong here.",
            ));
        }
        let changed = self.network().change(|settings| {
            if id.is_empty() {
                settings.clients.remove(&address.host);
            } else {
                settings.clients.insert(address.host.clone(), id);
            }
        });
        changed.map_err(|error| {
            Failure::other(
                format!("The client id cannot be written: {error}. Nothing was changed."),
                "Make room, or make the profile's folder writable.",
            )
        })
    }

    /// Begins a sign-in by a code; one that waits is given up.
    ///
    /// # Errors
    /// There is no client id, or the forge gives no code.
    pub async fn device_start(&self, forge: String) -> Result<DeviceView, Failure> {
        self.device_cancel().await?;
        let address = address(&forge)?;
        let client = self.client_id(&address);
        if client.is_empty() {
            return Err(Failure::other(
                format!("No client id is set for {}.", address.host),
                "Set one, or sign in with a token.",
            ));
        }
        let code = F::device_code(&address, self.network(), &client, SCOPES)
            .await
            .map_err(|error| not_begun(&address, &error))?;
        let view = DeviceView {
            user_code: code.user_code.clone(),
            page: code.page.clone(),
        };
        let waiting = Waiting {
            until: Instant::now() + code.expires_in,
            forge,
            address,
            client,
            code,
            given_up: watch::Sender::new(false),
        };
        *self.device() = Some(Arc::new(waiting));
        Ok(view)
    }

    /// Waits until the user has confirmed the code, and signs in with the token that comes of it.
    ///
    /// # Errors
    /// No sign-in was begun. All else that can happen is a step.
    pub async fn device_wait(&self) -> Result<SignInResult, Failure> {
        let begun = self.device().clone();
        let Some(waiting) = begun else {
            return Err(Failure::other("No sign-in was begun.", "Begin it anew."));
        };
        let mut given_up = waiting.given_up.subscribe();
        let came = tokio::select! {
            came = self.token_of(&waiting) => came,
            _ = given_up.wait_for(|up| *up) => Err("You gave it up. Nobody was signed in.".to_owned()),
        };
        {
            let mut held = self.device();
            if held.as_ref().is_some_and(|held| Arc::ptr_eq(held, &waiting)) {
                *held = None;
            }
        }
        match came {
            Ok(token) => {
                let mut result = self.sign_in_with(waiting.forge.clone(), token).await?;
                result.steps.insert(0, step(CONFIRMED, true, ""));
                Ok(result)
            }
            Err(why) => Ok(SignInResult {
                ok: false,
                steps: vec![step(CONFIRMED, false, why)],
            }),
        }
    }

    /// The token, or in words why none came.
    async fn token_of(&self, waiting: &Waiting) -> Result<SecretString, String> {
        const EXPIRED: &str = "The code has expired before it was confirmed. Begin anew.";
        let mut interval = waiting.code.interval;
        loop {
            if Instant::now() + interval > waiting.until {
                tokio::time::sleep_until(waiting.until).await;
                return Err(EXPIRED.into());
            }
            tokio::time::sleep(interval).await;
            let answer = F::device_token(
                &waiting.address,
                self.network(),
                &waiting.client,
                &waiting.code.device_code,
            );
            match answer.await {
                Ok(DeviceAnswer::Token(token)) => return Ok(token),
                Ok(DeviceAnswer::Pending) => {}
                Ok(DeviceAnswer::SlowDown(to)) => {
                    interval = to.unwrap_or(interval + SLOWER).max(interval);
                }
                Ok(DeviceAnswer::Expired) => return Err(EXPIRED.into()),
                Ok(DeviceAnswer::Denied) => {
                    return Err("It was refused at the forge. Begin anew, or sign in with a token.".into());
                }
                Ok(DeviceAnswer::Refused(why)) => {
                    return Err(format!(
                        "The forge refuses: {} Begin anew.",
                        words::sentence(&why)
                    ));
                }
                // The code holds on, and the user may be confirming it just now.
                Err(error) if error.is_passing() => {
                    tracing::info!(%error, "the sign-in by a code waits for the network");
                    interval += SLOWER;
                }
                Err(error) => return Err(words::forge_error(&error)),
            }
        }
    }

    /// Gives up the sign-in that waits, if one does.
    ///
    /// # Errors
    /// None yet.
    pub async fn device_cancel(&self) -> Result<(), Failure> {
        if let Some(waiting) = self.device().take() {
            waiting.given_up.send_replace(true);
        }
        Ok(())
    }

    /// The forge's page where the code of the sign-in that waits is confirmed.
    ///
    /// # Errors
    /// None waits.
    pub async fn device_page(&self) -> Result<String, Failure> {
        let page = self.device().as_ref().map(|waiting| waiting.code.page.clone());
        page.ok_or_else(|| Failure::other("No sign-in waits any more.", "Begin it anew."))
    }
}

fn address(forge: &str) -> Result<Address, Failure> {
    Address::parse(forge).map_err(|error| Failure::other(words::sentence(&error.to_string()), ""))
}

fn not_begun(address: &Address, error: &ForgeError) -> Failure {
    if matches!(error, ForgeError::NotFound { .. } | ForgeError::Refused { .. }) {
        let why = words::sentence(&error.to_string());
        return Failure::other(
            format!("{} gives no code: {why} Nothing was changed.", address.host),
            "Check the client id, and that device flow is enabled for its app; or sign in with a token.",
        );
    }
    Failure::other(words::forge_error(error), "Or sign in with a token.")
}
