use countersign_core::signature::{assemble, to_be_signed};
use keyring_core::mock;

use super::*;

fn vault() -> Vault {
    Vault::with_store("test", mock::Store::new().unwrap())
}

#[tokio::test]
async fn a_key_made_here_is_listed_and_signs_what_core_accepts() {
    let vault = vault();
    let first = make_key(&vault, "priya\u{202e}-n").await.unwrap();
    let second = make_key(&vault, "priya-n").await.unwrap();
    assert_ne!(first.fingerprint, second.fingerprint);
    let (found, problems) = keys(&vault, None).await;
    assert_eq!(found, [first.clone(), second]);
    assert!(!first.comment.contains('\u{202e}'), "{}", first.comment);
    assert!(
        problems.len() == 1 && problems[0].what.contains("SSH_AUTH_SOCK"),
        "{problems:?}"
    );

    let payload = br#"{"_type":"x"}"#;
    let raw = sign(&vault, None, &first.fingerprint, &to_be_signed(payload))
        .await
        .unwrap();
    assert_eq!(raw.key, first.key.blob());
    assemble(&raw.key, &raw.signature, payload).unwrap();
    assert!(assemble(&raw.key, &raw.signature, b"other").is_err());
}

#[tokio::test]
async fn no_key_is_made_that_the_next_start_would_miss() {
    let store = mock::Store::new().unwrap();
    let vault = Vault::with_store("test", store.clone());
    for entry in ["self-test", INDEX] {
        let entry = keyring_core::api::CredentialStoreApi::build(&*store, "test", entry, None).unwrap();
        let cred: &mock::Cred = entry.as_any().downcast_ref().unwrap();
        cred.set_error(keyring_core::Error::NoStorageAccess("prompt dismissed".into()));
        let error = make_key(&vault, "x").await.unwrap_err();
        assert!(
            matches!(&error, SignError::NoKeychain { why } if why.contains("locked")),
            "{error}"
        );
    }
    assert_eq!(keys(&vault, None).await.0, []);
}

#[tokio::test]
async fn what_is_not_there_or_not_what_it_should_be_does_not_sign() {
    let vault = vault();
    let key = make_key(&vault, "one").await.unwrap();
    let error = sign(&vault, None, "SHA256:nobody", b"x").await.unwrap_err();
    assert!(error.to_string().contains("SSH_AUTH_SOCK"), "{error}");
    let other = make_key(&vault, "two").await.unwrap();
    let pem = vault.get(&entry_name(&other.fingerprint)).await.unwrap().unwrap();
    vault.set(&entry_name(&key.fingerprint), pem).await.unwrap();
    let error = sign(&vault, None, &key.fingerprint, b"x").await.unwrap_err();
    assert!(matches!(error, SignError::Damaged { .. }), "{error}");
    vault
        .set(&entry_name(&key.fingerprint), SecretString::from("no key"))
        .await
        .unwrap();
    let error = sign(&vault, None, &key.fingerprint, b"x").await.unwrap_err();
    assert!(
        matches!(error, SignError::Damaged { .. }) && !error.to_string().contains("no key"),
        "{error}"
    );
}
