//! The signing keys of the user's account. Source: GitHub's REST reference, "SSH signing keys".

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::GitHub;
use crate::ports::ForgeError;

const KEYS: &str = "/user/ssh_signing_keys";
const PER_PAGE: usize = 100;

impl GitHub {
    /// The first hundred: nobody has more.
    pub(super) async fn list_signing_keys(&self) -> Result<Vec<String>, ForgeError> {
        let path = format!("{KEYS}?per_page={PER_PAGE}");
        let keys: Vec<SigningKey> = self
            .client
            .call(&self.client.get(&path, "your signing keys"))
            .await?
            .json()?;
        let bare = |key: SigningKey| key.key.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        Ok(keys.into_iter().map(bare).collect())
    }

    pub(super) async fn create_signing_key(&self, title: &str, key: &str) -> Result<(), ForgeError> {
        let body = json!({ "title": title, "key": key });
        let ask = self
            .client
            .send_json(Method::POST, KEYS, &body, "your signing keys");
        self.client.call(&ask).await.map(drop)
    }
}

#[derive(Deserialize)]
struct SigningKey {
    key: String,
}
