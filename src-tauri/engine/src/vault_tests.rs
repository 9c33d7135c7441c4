use std::sync::atomic::{AtomicUsize, Ordering};

use keyring_core::mock;

use super::*;

fn secret(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

fn mock_store() -> Arc<CredentialStore> {
    mock::Store::new().unwrap()
}

/// The next call on this entry fails.
fn fail_next(store: &Arc<CredentialStore>, name: &str, error: Error) {
    let entry = store.build("test", name, None).unwrap();
    entry
        .as_any()
        .downcast_ref::<mock::Cred>()
        .unwrap()
        .set_error(error);
}

fn broken(text: &str) -> Box<dyn std::error::Error + Send + Sync> {
    text.into()
}

async fn text(vault: &Vault, name: &str) -> Option<String> {
    vault
        .get(name)
        .await
        .unwrap()
        .map(|secret| secret.expose_secret().to_owned())
}

#[tokio::test]
async fn kept_read_replaced_and_removed() {
    let vault = Vault::with_store("test", mock_store());
    assert_eq!(text(&vault, "token").await, None);
    assert_eq!(vault.set("token", secret("one")).await, Ok(Kept::Keychain));
    assert_eq!(vault.set("token", secret("two")).await, Ok(Kept::Keychain));
    assert_eq!(text(&vault, "token").await.as_deref(), Some("two"));
    assert!(!vault.is_session_only("token"));
    vault.delete("token").await.unwrap();
    vault.delete("token").await.unwrap();
    assert_eq!(text(&vault, "token").await, None);
    assert_eq!(vault.probe().await, KeychainState::Unlocked);
}

#[tokio::test]
async fn without_a_keychain_for_this_session_and_with_it_once_it_appears() {
    let store = mock_store();
    let there = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let open = {
        let (store, there) = (Arc::clone(&store), Arc::clone(&there));
        move |_: bool| {
            if there.load(Ordering::SeqCst) {
                Ok(Arc::clone(&store))
            } else {
                Err(Error::PlatformFailure(broken("no such service")))
            }
        }
    };
    let vault = Vault::build("test", LIMIT, Box::new(open));
    assert_eq!(vault.probe().await, KeychainState::Absent);
    let Ok(Kept::SessionOnly { why }) = vault.set("token", secret("one")).await else {
        panic!("kept where?")
    };
    assert!(why.contains("no such service"), "{why}");
    assert_eq!(text(&vault, "token").await.as_deref(), Some("one"));
    let error = vault.get("other").await.unwrap_err().to_string();
    assert!(error.contains("Start a keychain"), "{error}");

    there.store(true, Ordering::SeqCst);
    assert_eq!(vault.probe().await, KeychainState::Unlocked);
    assert!(!vault.is_session_only("token"));
    assert_eq!(
        text(&Vault::with_store("test", store), "token").await.as_deref(),
        Some("one")
    );
}

#[tokio::test]
async fn a_store_that_died_is_built_anew_once() {
    let store = mock_store();
    let opened = Arc::new(AtomicUsize::new(0));
    let open = {
        let (store, opened) = (Arc::clone(&store), Arc::clone(&opened));
        move |afresh: bool| {
            assert_eq!(afresh, opened.fetch_add(1, Ordering::SeqCst) > 0);
            Ok(Arc::clone(&store))
        }
    };
    let vault = Vault::build("test", LIMIT, Box::new(open));
    vault.set("token", secret("one")).await.unwrap();
    fail_next(&store, "token", Error::PlatformFailure(broken("NoSession")));
    assert_eq!(text(&vault, "token").await.as_deref(), Some("one"));
    assert_eq!(opened.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_locked_keychain_is_told_from_one_that_refuses() {
    let store = mock_store();
    let vault = Vault::with_store("test", Arc::clone(&store));
    fail_next(
        &store,
        "token",
        Error::NoStorageAccess(broken("prompt dismissed")),
    );
    let Ok(Kept::SessionOnly { why }) = vault.set("token", secret("one")).await else {
        panic!("kept where?")
    };
    assert!(why.contains("locked"), "{why}");
    assert!(vault.is_session_only("token"));
    fail_next(&store, "long", Error::TooLong("secret".into(), 10));
    assert!(matches!(
        vault.set("long", secret("12345678901")).await,
        Err(VaultError::Refused { .. })
    ));
    assert!(!vault.is_session_only("long"), "it was said not to be kept");
    fail_next(
        &store,
        SELF_TEST,
        Error::NoStorageAccess(broken("prompt dismissed")),
    );
    assert_eq!(vault.probe().await, KeychainState::Locked);
}

#[tokio::test]
async fn a_keychain_that_blocks_is_locked_and_takes_the_secret_when_it_wakes() {
    let store = mock_store();
    let (wake, asleep) = std::sync::mpsc::channel::<()>();
    let asleep = Mutex::new(asleep);
    let open = {
        let store = Arc::clone(&store);
        move |_: bool| {
            let _ = held(&asleep).recv();
            Ok(Arc::clone(&store))
        }
    };
    let vault = Vault::build("test", Duration::from_millis(100), Box::new(open));
    assert!(matches!(
        vault.set("token", secret("one")).await,
        Ok(Kept::SessionOnly { .. })
    ));
    // The second call waits for the first and opens no second prompt.
    assert_eq!(vault.probe().await, KeychainState::Locked);
    assert_eq!(text(&vault, "token").await.as_deref(), Some("one"));
    wake.send(()).unwrap();
    let settled = tokio::time::timeout(Duration::from_secs(5), async {
        while vault.is_session_only("token") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    settled.await.expect("the secret reaches the keychain");
    assert_eq!(
        text(&Vault::with_store("test", store), "token").await.as_deref(),
        Some("one")
    );
}

#[tokio::test]
async fn nothing_that_is_printed_shows_a_secret() {
    let vault = Vault::with_store("test", mock_store());
    vault.set("token", secret("ghp_secret")).await.unwrap();
    let found = vault.get("token").await.unwrap();
    assert!(!format!("{vault:?} {found:?}").contains("ghp_secret"));
}
