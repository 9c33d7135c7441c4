//! Who comes and who goes: where an account that signs in has its place, and what of it is left when it leaves.

use std::sync::atomic::Ordering;

use secrecy::SecretString;

use super::{Accounts, Seat, called, held};
use crate::account::Account;
use crate::device::{confirmed, unconfirmed};
use crate::engine::Engine;
use crate::erasing::{Unopened, erase_all};
use crate::handle::AccountName;
use crate::ports::{Desktop, Forge};
use crate::rows::visible;
use crate::session::{examine, refused, typed};
use crate::view::{Failure, Message, SignInResult, SignInStep};
use crate::whose;

/// Where an account that signs in goes.
enum Place<F, D> {
    Here(Engine<F, Seat<D>>),
    New(AccountName),
    /// It is here, and its database cannot be opened.
    Unopened(Failure),
    /// It may be here: there is an account that cannot be opened, and whose that is was not noted.
    Unowned(Failure),
}

impl<F: Forge, D: Desktop> Accounts<F, D> {
    /// Signs in with a token. A person who is here already gets the new token in place of the old one, with everything
    /// else as it was; anybody else is added beside those who are here.
    ///
    /// # Errors
    /// The disk does not take the new account.
    pub async fn sign_in(&self, forge: String, token: String) -> Result<SignInResult, Failure> {
        self.take_in(&forge, typed(&token), Vec::new()).await
    }

    async fn take_in(
        &self,
        forge: &str,
        token: SecretString,
        mut steps: Vec<SignInStep>,
    ) -> Result<SignInResult, Failure> {
        let any = self.any()?;
        let Some(accepted) = examine(forge, token, any.network(), &mut steps).await else {
            return Ok(refused(steps));
        };
        let _adding = self.inner.adding.lock().await;
        let engine = match self.place(&accepted.account)? {
            Place::Here(engine) => engine,
            Place::New(name) => self.begin(&name).await?,
            Place::Unopened(failure) => {
                steps.push(SignInStep {
                    name: "Its place on this machine".into(),
                    ok: false,
                    detail: format!(
                        "This account was here before, and what it has cannot be opened. {} {}",
                        failure.message, failure.hint
                    ),
                });
                return Ok(refused(steps));
            }
            Place::Unowned(failure) => {
                steps.push(SignInStep {
                    name: "Its place on this machine".into(),
                    ok: false,
                    detail: format!(
                        "It may be the account that was the first here, and that cannot be opened. Nobody new is added \
                         until it is. {} {}",
                        failure.message, failure.hint
                    ),
                });
                return Ok(refused(steps));
            }
        };
        engine.admit(accepted, steps).await
    }

    /// As [`Engine::device_wait`]; whose the token is decides where it goes, as with [`Self::sign_in`].
    pub async fn device_wait(&self) -> Result<SignInResult, Failure> {
        match self.any()?.device_confirmed().await? {
            Ok((forge, token)) => self.take_in(&forge, token, vec![confirmed()]).await,
            Err(why) => Ok(refused(vec![unconfirmed(why)])),
        }
    }

    /// Where an account is, or is to be.
    fn place(&self, account: &Account) -> Result<Place<F, D>, Failure> {
        let mut free = None;
        for engine in self.engines() {
            match engine.owner()? {
                Some(owner) if owner.is(account) => return Ok(Place::Here(engine)),
                Some(_) => {}
                None => free = free.or(Some(engine)),
            }
        }
        let engines = held(&self.inner.engines);
        let unopened = held(&self.inner.unopened);
        for (name, failure) in unopened.iter() {
            match whose::read(&name.folder(&self.inner.options.profile)) {
                Some(owner) if owner.is(account) => return Ok(Place::Unopened(failure.clone())),
                Some(_) => {}
                // A further one is known by its name.
                None if *name == AccountName::First => return Ok(Place::Unowned(failure.clone())),
                None => {}
            }
        }
        let mut number = 1;
        loop {
            let name = AccountName::further(&account.viewer.login, &account.address.host, number);
            if let Some(failure) = unopened.get(&name) {
                return Ok(Place::Unopened(failure.clone()));
            }
            if !engines.contains_key(&name) {
                // Nobody ever signed in there: at the first start of all, or where a sign-in broke off.
                return Ok(free.map_or(Place::New(name), Place::Here));
            }
            number += 1;
        }
    }

    /// Forgets the token of one account; with `forget` also what was read with it. The others are not touched.
    ///
    /// # Errors
    /// As [`Engine::sign_out`].
    pub async fn sign_out(&self, account: &str, forget: bool) -> Result<Option<Message>, Failure> {
        self.account(account)?.sign_out(forget).await
    }

    /// As [`Engine::erase`], of all accounts, those too that could not be opened. Their folders go as well, and the first
    /// account is begun anew.
    ///
    /// # Errors
    /// As [`Engine::erase`].
    pub async fn erase(&self) -> Result<Option<Message>, Failure> {
        let _adding = self.inner.adding.lock().await;
        let profile = &self.inner.options.profile;
        let unopened: Vec<Unopened> = held(&self.inner.unopened)
            .keys()
            .map(|name| Unopened {
                called: called(name),
                folder: name.folder(profile),
            })
            .collect();
        let desktop = &self.inner.board.desktop;
        let erased = erase_all(&self.engines(), &unopened, profile, desktop).await?;
        let Some(mut message) = erased else {
            return Ok(None);
        };
        *held(&self.inner.diagnostics) = None;
        *held(&self.inner.open) = None;
        let further: Vec<AccountName> = held(&self.inner.engines)
            .keys()
            .filter(|name| **name != AccountName::First)
            .cloned()
            .collect();
        for name in &further {
            let engine = held(&self.inner.engines).remove(name);
            if let Some(engine) = engine {
                engine.close().await;
            }
            self.inner.board.forget(name);
        }
        held(&self.inner.unopened).clear();
        let first = held(&self.inner.engines).contains_key(&AccountName::First);
        if !first && let Err(failure) = self.begin(&AccountName::First).await {
            message.todo = format!("{} {} {}", message.todo, failure.message, failure.hint);
            held(&self.inner.unopened).insert(AccountName::First, failure);
        }
        self.inner
            .board
            .unopened
            .store(!held(&self.inner.unopened).is_empty(), Ordering::Relaxed);
        let folder = AccountName::further_below(profile);
        if let Err(error) = std::fs::remove_dir_all(&folder)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            message.todo = format!(
                "{} {} could not be deleted: {error}. Delete it by hand.",
                message.todo,
                visible(&folder.display().to_string())
            );
        }
        for engine in self.engines() {
            // The tray too: nothing is unopened any more.
            engine.changed();
        }
        Ok(Some(message))
    }
}
