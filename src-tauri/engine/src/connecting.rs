//! The network's settings as the user changes them: the proxy, who signs in at it, and authorities besides the system's.
//!
//! A proxy and an authority together could read the token, so neither is taken from the page's word: the user is asked
//! outside of it.

use std::io::Read as _;
use std::path::Path;

use secrecy::SecretString;

use crate::engine::Engine;
use crate::hidden::visible;
use crate::network::certificate::{self, Certificate};
use crate::network::route::{Route, proxy_address, proxy_name, route};
use crate::network::{Network, ProxyChoice, ProxyUser};
use crate::ports::{Address, Desktop, Forge, Question};
use crate::vault::Kept;
use crate::view::{AuthorityView, Code, Failure, Message, NetworkView, ProxyMode};
use crate::words;

const UNCHANGED: &str = "The network's settings stay as they were.";

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// The network's settings, as they bear on one forge.
    pub async fn network_settings(&self, forge: String) -> Result<NetworkView, Failure> {
        let now = self.network().now();
        let (proxy, address) = match &now.settings.proxy {
            ProxyChoice::System => (ProxyMode::System, String::new()),
            ProxyChoice::Direct => (ProxyMode::Direct, String::new()),
            ProxyChoice::At(address) => (ProxyMode::At, address.clone()),
        };
        let session_only = |user: &ProxyUser| self.inner.vault.is_session_only(&user.password_name());
        let authority = |one: &Certificate| AuthorityView {
            name: one.subject(),
            fingerprint: one.fingerprint(),
        };
        Ok(NetworkView {
            proxy,
            address,
            of_system: proxy_of_system(self.network(), &forge),
            user: (now.settings.user.as_ref()).map_or_else(String::new, |user| user.user.clone()),
            password_held: now.password.is_some(),
            session_only: now.password.is_some() && now.settings.user.as_ref().is_some_and(session_only),
            client_id: Address::parse(&forge).map_or_else(|_| String::new(), |at| self.client_id(&at)),
            authorities: now.settings.authorities.iter().map(authority).collect(),
            message: now.trouble.map(|what| Message {
                what: words::sentence(&what),
                kept: "Tokens and what was read are not touched.".into(),
                todo: "Set the proxy and the authorities again.".into(),
            }),
        })
    }

    /// Chooses the proxy, after a question outside the page where it is one that was typed. Without a password the one
    /// that is kept for the same user at the same proxy stays. `false`: the user said no.
    pub async fn set_proxy(
        &self,
        forge: String,
        proxy: ProxyMode,
        address: String,
        user: String,
        password: String,
    ) -> Result<bool, Failure> {
        let password = SecretString::from(password);
        let user = user.trim();
        let (choice, name) = match proxy {
            ProxyMode::System => (ProxyChoice::System, proxy_of_system(self.network(), &forge)),
            ProxyMode::Direct => (ProxyChoice::Direct, None),
            ProxyMode::At => {
                let uri = proxy_address(&address).map_err(|why| {
                    Failure::other(
                        format!("{} is no proxy's address: {why}. {UNCHANGED}", visible(&address)),
                        "Type it as http://proxy.example:3128.",
                    )
                })?;
                let name = proxy_name(&uri);
                let scheme = uri.scheme_str().unwrap_or("http");
                (ProxyChoice::At(format!("{scheme}://{name}")), Some(name))
            }
        };
        let who = match (name, user) {
            (_, "") => None,
            (Some(proxy), user) if !user.contains(':') => Some(ProxyUser {
                proxy,
                user: user.to_owned(),
            }),
            (Some(_), _) => {
                return Err(Failure::other(
                    format!("A proxy's user cannot have a colon in its name. {UNCHANGED}"),
                    "The password has a field of its own.",
                ));
            }
            (None, _) => {
                return Err(Failure::other(
                    format!("There is no proxy that could be told of a user. {UNCHANGED}"),
                    "Leave the user empty, or type the proxy's address.",
                ));
            }
        };
        if let ProxyChoice::At(address) = &choice
            && !self
                .inner
                .desktop
                .confirm(proxy_question(address, who.as_ref()))
                .await
        {
            return Ok(false);
        }
        self.keep_proxy(choice, who, password).await?;
        Ok(true)
    }

    /// The password first: without it the proxy that is chosen would only ask.
    async fn keep_proxy(
        &self,
        choice: ProxyChoice,
        who: Option<ProxyUser>,
        password: SecretString,
    ) -> Result<(), Failure> {
        use secrecy::ExposeSecret as _;
        let before = self.network().now().settings.user;
        let new = who.as_ref().filter(|_| !password.expose_secret().is_empty());
        if let Some(who) = new {
            let kept = self.inner.vault.set(&who.password_name(), password.clone()).await;
            if let Kept::SessionOnly { why } =
                kept.map_err(|error| Failure::coded(Code::Keys, format!("{error} {UNCHANGED}"), ""))?
            {
                tracing::warn!(why, "the proxy's password is held for this session only");
            }
        }
        self.network()
            .change(|settings| {
                settings.proxy = choice;
                settings.user.clone_from(&who);
            })
            .map_err(|error| unkept(&error))?;
        if new.is_some() {
            self.network().hold_password(Some(password));
        }
        if let Some(before) = before.filter(|before| who.as_ref() != Some(before))
            && let Err(error) = self.inner.vault.delete(&before.password_name()).await
        {
            tracing::warn!(%error, "the password of the proxy before stays in the keychain");
        }
        self.take_up_proxy_password().await;
        self.tried_anew();
        Ok(())
    }

    /// Takes the proxy's password out of the keychain, where it is wanted and not at hand.
    pub(crate) async fn take_up_proxy_password(&self) {
        let now = self.network().now();
        let Some(user) = now.settings.user.filter(|_| now.password.is_none()) else {
            return;
        };
        match self.inner.vault.get(&user.password_name()).await {
            Ok(Some(password)) => self.network().hold_password(Some(password)),
            Ok(None) => tracing::warn!("the keychain does not hold the proxy's password"),
            Err(error) => tracing::warn!(%error, "the proxy's password is not at hand"),
        }
    }

    /// Asks outside the page for a file of certificates and whether to trust what is in it. `false`: the user chose
    /// none, or said no.
    pub async fn add_authority(&self) -> Result<bool, Failure> {
        let title = "Choose the certificate of your company's authority".to_owned();
        let Some(path) = self.inner.desktop.open_file(title).await else {
            return Ok(false);
        };
        let found = read(&path).map_err(|why| {
            Failure::other(
                format!(
                    "{}: {why}. Nothing was added.",
                    visible(&path.display().to_string())
                ),
                "Choose a file with certificates, PEM or DER, as the IT department hands it out.",
            )
        })?;
        let held = self.network().now().settings.authorities;
        let new: Vec<Certificate> = found.into_iter().filter(|one| !held.contains(one)).collect();
        if new.is_empty() {
            return Err(Failure::other(
                "All that is in this file is trusted already. Nothing was added.",
                "If the connection still fails, test it to see who issued the certificate.",
            ));
        }
        if !self.inner.desktop.confirm(authority_question(&new)).await {
            return Ok(false);
        }
        self.network()
            .change(|settings| settings.authorities.extend(new))
            .map_err(|error| unkept(&error))?;
        self.tried_anew();
        Ok(true)
    }

    /// No longer trusts an authority that was added.
    pub async fn remove_authority(&self, fingerprint: String) -> Result<(), Failure> {
        self.network()
            .change(|settings| {
                settings
                    .authorities
                    .retain(|one| one.fingerprint() != fingerprint)
            })
            .map_err(|error| unkept(&error))?;
        self.tried_anew();
        Ok(())
    }

    /// Name of the entry with the proxy's password, where a user is set.
    pub(crate) fn proxy_password(&self) -> Option<String> {
        let user = self.network().now().settings.user?;
        Some(user.password_name())
    }

    /// There may be a way to the forge now.
    pub(crate) fn tried_anew(&self) {
        self.nudge();
        self.changed();
    }
}

/// The proxy that the system names for a forge, in words.
pub(crate) fn proxy_of_system(network: &Network, forge: &str) -> Option<String> {
    let address = Address::parse(forge).ok()?;
    let mut now = network.now();
    now.settings.proxy = ProxyChoice::System;
    match route(&now, &address.rest.parse().ok()?) {
        Ok(Route::Direct) => None,
        Ok(Route::Through(proxy)) => Some(proxy.name()),
        Err(foreign) => Some(foreign.0),
    }
}

fn proxy_question(address: &str, who: Option<&ProxyUser>) -> Question {
    let told = who.map_or_else(String::new, |who| {
        format!(
            "\n\nIt is told the user {} and the password, {}.",
            visible(&who.user),
            if address.starts_with("https://") {
                "over TLS"
            } else {
                "in the clear, as proxies at http:// want it"
            }
        )
    });
    Question {
        title: "Use this proxy?".into(),
        text: format!(
            "{address}\n\nEverything that is sent to a forge goes through it, encrypted: it sees the forge's name and \
             how much is sent, not what.{told}"
        ),
        confirm: "Use the proxy".into(),
    }
}

fn authority_question(new: &[Certificate]) -> Question {
    let one = |one: &Certificate| format!("{}\nSHA-256 {}", one.subject(), one.fingerprint());
    let list: Vec<String> = new.iter().take(5).map(one).collect();
    let more = new.len().saturating_sub(5);
    let more = if more == 0 {
        String::new()
    } else {
        format!("\n\nand {more} more")
    };
    Question {
        title: if new.len() == 1 {
            "Trust this authority?".into()
        } else {
            format!("Trust these {} authorities?", new.len())
        },
        text: format!(
            "{}{more}\n\nWho holds its key can read and change all that is sent to a forge, your token among it. Go on \
             only if your IT department gave you the file.",
            list.join("\n\n")
        ),
        confirm: "Trust it".into(),
    }
}

pub(crate) fn unkept(error: &std::io::Error) -> Failure {
    Failure::other(
        format!("The network's settings cannot be written: {error}. {UNCHANGED}"),
        "Make room, or make the profile's folder writable.",
    )
}

fn read(path: &Path) -> Result<Vec<Certificate>, String> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| format!("it cannot be opened ({error})"))?;
    file.take(certificate::LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("it cannot be read ({error})"))?;
    if bytes.len() as u64 > certificate::LARGEST {
        return Err("it is larger than 1 MiB, so it is no file of certificates".into());
    }
    Certificate::read_all(&bytes).map_err(|why| why.to_string())
}
