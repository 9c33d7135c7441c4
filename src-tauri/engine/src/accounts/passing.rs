//! What is asked of one account goes to that account's engine, and what is about none to any of them.

use super::{Accounts, Seat, ended};
use crate::engine::Engine;
use crate::ports::{Address, Desktop, Forge};
use crate::view::{
    ChangeView, Code, Decided, DecisionView, DeviceView, ExportForm, Exported, Failure, FileView,
    KeyProposal, KeyView, Keys, NetworkView, ProxyMode, Rotation, Sheet, SignInResult, Withdrawn,
};

impl<F: Forge, D: Desktop> Accounts<F, D> {
    /// As [`Engine::change`].
    pub async fn change(&self, id: String) -> Result<ChangeView, Failure> {
        self.of(&id)?.change(id).await
    }

    /// As [`Engine::file`].
    pub async fn file(&self, id: String, head: String, index: u32) -> Result<FileView, Failure> {
        self.of(&id)?.file(id, head, index).await
    }

    /// As [`Engine::mark_viewed`].
    pub async fn mark_viewed(
        &self,
        id: String,
        head: String,
        index: u32,
        viewed: bool,
    ) -> Result<(), Failure> {
        self.of(&id)?.mark_viewed(id, head, index, viewed).await
    }

    /// As [`Engine::acknowledge`].
    pub async fn acknowledge(
        &self,
        id: String,
        head: String,
        finding: String,
        acknowledged: bool,
        note: Option<String>,
    ) -> Result<(), Failure> {
        let engine = self.of(&id)?;
        engine.acknowledge(id, head, finding, acknowledged, note).await
    }

    /// As [`Engine::preflight`].
    pub async fn preflight(
        &self,
        id: String,
        head: String,
        seen: String,
        decision: DecisionView,
        words: String,
    ) -> Result<Sheet, Failure> {
        self.of(&id)?.preflight(id, head, seen, decision, words).await
    }

    /// As [`Engine::decide`]: signed for, and sent by, the account whose handle this is.
    pub async fn decide(
        &self,
        id: String,
        head: String,
        seen: String,
        decision: DecisionView,
        words: String,
    ) -> Result<Decided, Failure> {
        self.of(&id)?.decide(id, head, seen, decision, words).await
    }

    /// As [`Engine::discard`], in the outbox of the account whose change this is.
    pub async fn discard(&self, id: &str, entry: String) -> Result<(), Failure> {
        self.of(id)?.discard(entry).await
    }

    /// As [`Engine::withdraw`].
    pub async fn withdraw(&self, id: String, review: String, words: String) -> Result<Withdrawn, Failure> {
        self.of(&id)?.withdraw(id, review, words).await
    }

    /// As [`Engine::propose_key`].
    pub async fn propose_key(&self, id: &str) -> Result<Option<KeyProposal>, Failure> {
        self.of(id)?.propose_key(id).await
    }

    /// As [`Engine::export_ledger`], of one account.
    pub async fn export_ledger(&self, account: &str, form: ExportForm) -> Result<Exported, Failure> {
        self.account(account)?.export_ledger(form).await
    }

    /// As [`Engine::keys`], of one account.
    pub async fn keys(&self, account: &str) -> Result<Keys, Failure> {
        self.account(account)?.keys().await
    }

    /// As [`Engine::choose_key`], for one account.
    pub async fn choose_key(&self, account: &str, fingerprint: String) -> Result<(), Failure> {
        self.account(account)?.choose_key(fingerprint).await
    }

    /// As [`Engine::make_key`], for one account.
    pub async fn make_key(&self, account: &str) -> Result<KeyView, Failure> {
        self.account(account)?.make_key().await
    }

    /// As [`Engine::register_key`], for one account.
    pub async fn register_key(&self, account: &str) -> Result<Option<String>, Failure> {
        self.account(account)?.register_key().await
    }

    /// As [`Engine::rotation`], of one account.
    pub async fn rotation(&self, account: &str, fingerprint: Option<String>) -> Result<Rotation, Failure> {
        self.account(account)?.rotation(fingerprint).await
    }

    /// As [`Engine::set_prompted`], for one account.
    pub async fn set_prompted(&self, account: &str, on: bool) -> Result<(), Failure> {
        self.account(account)?.set_prompted(on).await
    }

    /// Answers with `url` if it is at the forge of one of the accounts.
    ///
    /// # Errors
    /// It is somewhere else, or nobody is signed in.
    pub async fn open_link(&self, url: String) -> Result<String, Failure> {
        let mut refused = None;
        for engine in self.engines() {
            match engine.open_link(url.clone()).await {
                Ok(url) => return Ok(url),
                // That an address is elsewhere says more than that somebody is signed out.
                Err(failure) if refused.is_none() || failure.code != Code::SignedOut => {
                    refused = Some(failure);
                }
                Err(_) => {}
            }
        }
        Err(refused.unwrap_or_else(ended))
    }

    /// As [`Engine::network_settings`].
    pub async fn network_settings(&self, forge: String) -> Result<NetworkView, Failure> {
        self.any()?.network_settings(forge).await
    }

    /// As [`Engine::set_proxy`], for all accounts.
    pub async fn set_proxy(
        &self,
        forge: String,
        proxy: ProxyMode,
        address: String,
        user: String,
        password: String,
    ) -> Result<bool, Failure> {
        let set = self
            .any()?
            .set_proxy(forge, proxy, address, user, password)
            .await?;
        self.tried_anew();
        Ok(set)
    }

    /// As [`Engine::add_authority`], for all accounts.
    pub async fn add_authority(&self) -> Result<bool, Failure> {
        let added = self.any()?.add_authority().await?;
        self.tried_anew();
        Ok(added)
    }

    /// As [`Engine::remove_authority`], for all accounts.
    pub async fn remove_authority(&self, fingerprint: String) -> Result<(), Failure> {
        self.any()?.remove_authority(fingerprint).await?;
        self.tried_anew();
        Ok(())
    }

    fn tried_anew(&self) {
        for engine in self.engines() {
            engine.tried_anew();
        }
    }

    /// As [`Engine::test_connection`]; without a token, with that of an account at this forge, where there is one.
    pub async fn test_connection(&self, forge: String, token: String) -> Result<SignInResult, Failure> {
        let address = Address::parse(&forge).ok();
        let there = |engine: &Engine<F, Seat<D>>| {
            let account = engine.account();
            account.is_some_and(|account| Some(&account.address) == address.as_ref())
        };
        let engine = self.engines().into_iter().find(there);
        let engine = engine.map_or_else(|| self.any(), Ok)?;
        engine.test_connection(forge, token).await
    }

    /// As [`Engine::set_client_id`].
    pub async fn set_client_id(&self, forge: String, id: String) -> Result<(), Failure> {
        self.any()?.set_client_id(forge, id).await
    }

    /// As [`Engine::device_start`].
    pub async fn device_start(&self, forge: String) -> Result<DeviceView, Failure> {
        self.any()?.device_start(forge).await
    }

    /// As [`Engine::device_cancel`].
    pub async fn device_cancel(&self) -> Result<(), Failure> {
        self.any()?.device_cancel().await
    }

    /// As [`Engine::device_page`].
    pub async fn device_page(&self) -> Result<String, Failure> {
        self.any()?.device_page().await
    }
}
