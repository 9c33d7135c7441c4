//! Codes of forges that mean no good.

use super::*;
use crate::github::device::{code, token};

const CODE: &str = "3584d83530557fdd1f46af8289938c8ef79f9dc5";

fn address(server: &MockServer) -> Address {
    Address::parse(&server.uri()).unwrap()
}

async fn given(edit: impl FnOnce(&mut Value, &str)) -> Result<DeviceCode, ForgeError> {
    let server = MockServer::start().await;
    let mut told = json!({
        "device_code": CODE, "user_code": "WDJB-MJHT", "verification_uri": format!("{}/login/device", server.uri()),
        "expires_in": 900, "interval": 5,
    });
    edit(&mut told, &server.uri());
    Mock::given(method("POST"))
        .and(path("/login/device/code"))
        .respond_with(good(&told))
        .mount(&server)
        .await;
    code(&address(&server), &Network::usual(), "Iv1.x", "repo").await
}

#[tokio::test]
async fn a_code_that_cannot_be_typed_or_is_typed_elsewhere_is_none() {
    let good = given(|_, _| {}).await.unwrap();
    assert_eq!(
        (good.user_code.as_str(), good.interval, good.expires_in),
        ("WDJB-MJHT", Duration::from_secs(5), Duration::from_secs(900))
    );
    for user_code in ["", "abc", "12 34", "W\u{202e}DJB", "<b>A</b>", &"A".repeat(21)] {
        let refused = given(|told, _| told["user_code"] = json!(user_code)).await;
        assert!(
            matches!(refused, Err(ForgeError::Garbled { .. })),
            "{user_code:?}"
        );
    }
    for page in [
        |_: &str| "https://evil.example/login/device".to_owned(),
        |web: &str| format!("{web}.evil.example/login/device"),
        |web: &str| web.replace("http://", "http://x@"),
        |_: &str| "javascript:alert(1)".to_owned(),
    ] {
        let refused = given(|told, web| told["verification_uri"] = json!(page(web))).await;
        assert!(matches!(refused, Err(ForgeError::Garbled { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn whatever_times_it_names_nobody_is_asked_without_pause_or_waits_for_ever() {
    for (interval, expected) in [(json!(0), 1), (json!(u64::MAX), 60), (Value::Null, 5)] {
        let given = given(|told, _| {
            told["interval"] = interval;
            told["expires_in"] = json!(u64::MAX);
        });
        let given = given.await.unwrap();
        assert_eq!(given.interval, Duration::from_secs(expected));
        assert_eq!(given.expires_in, Duration::from_secs(60 * 60));
    }
    for (interval, expected) in [(0, 1), (u64::MAX, 60)] {
        let server = MockServer::start().await;
        Mock::given(path("/login/oauth/access_token"))
            .respond_with(good(&json!({ "error": "slow_down", "interval": interval })))
            .mount(&server)
            .await;
        let answer = token(
            &address(&server),
            &Network::usual(),
            "Iv1.x",
            &CODE.to_owned().into(),
        )
        .await;
        assert!(
            matches!(answer, Ok(DeviceAnswer::SlowDown(Some(to))) if to == Duration::from_secs(expected)),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_with_an_error_is_no_token() {
    let server = MockServer::start().await;
    Mock::given(path("/login/oauth/access_token"))
        .respond_with(good(
            &json!({ "error": "access_denied", "access_token": "gho_x" }),
        ))
        .mount(&server)
        .await;
    let answer = token(
        &address(&server),
        &Network::usual(),
        "Iv1.x",
        &CODE.to_owned().into(),
    )
    .await;
    assert!(matches!(answer, Ok(DeviceAnswer::Denied)), "{answer:?}");
}
