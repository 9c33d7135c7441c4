//! Windows Hello. Compiled, never tried. Source: Microsoft's documentation of `UserConsentVerifier`.
//!
//! It is not told which window asks, which takes an `unsafe` call: its question may come up behind that.

use std::time::Duration;

use tokio::time::timeout;
use windows::Security::Credentials::UI::{
    UserConsentVerificationResult as Outcome, UserConsentVerifier,
    UserConsentVerifierAvailability as Availability,
};
use windows::core::HSTRING;

use crate::{Purpose, Unprompted};

pub(crate) async fn ask(purpose: Purpose, limit: Duration) -> Result<(), Unprompted> {
    let broke = |error: windows::core::Error| Unprompted::BrokeOff {
        why: error.message().trim_end_matches('.').to_owned(),
    };
    let late = |_| Unprompted::Late {
        seconds: limit.as_secs(),
    };
    // Asked first: where nothing is set up, the question itself may never end.
    let available = UserConsentVerifier::CheckAvailabilityAsync().map_err(broke)?;
    let available = timeout(limit, available).await.map_err(late)?.map_err(broke)?;
    standing(available)?;
    let message = HSTRING::from(format!("Countersign wants to {}.", purpose.words()));
    let question = UserConsentVerifier::RequestVerificationAsync(&message).map_err(broke)?;
    match timeout(limit, question.clone()).await {
        Ok(answer) => outcome(answer.map_err(broke)?),
        Err(elapsed) => {
            // Whether it worked changes nothing: a yes that comes now is heard by nobody.
            let _ = question.Cancel();
            Err(late(elapsed))
        }
    }
}

fn standing(available: Availability) -> Result<(), Unprompted> {
    match available {
        Availability::Available => Ok(()),
        Availability::DisabledByPolicy => Err(Unprompted::Forbidden),
        Availability::NotConfiguredForUser => Err(not_set_up("Windows Hello is not set up for you")),
        Availability::DeviceNotPresent => Err(not_set_up("it has no Windows Hello")),
        Availability::DeviceBusy => Err(busy()),
        other => Err(unknown(other.0)),
    }
}

fn outcome(answer: Outcome) -> Result<(), Unprompted> {
    match answer {
        Outcome::Verified => Ok(()),
        Outcome::Canceled => Err(Unprompted::Dismissed),
        Outcome::RetriesExhausted => Err(Unprompted::Refused),
        Outcome::DisabledByPolicy => Err(Unprompted::Forbidden),
        Outcome::NotConfiguredForUser => Err(not_set_up("Windows Hello is not set up for you")),
        Outcome::DeviceNotPresent => Err(not_set_up("it has no Windows Hello")),
        Outcome::DeviceBusy => Err(busy()),
        other => Err(unknown(other.0)),
    }
}

fn not_set_up(why: &str) -> Unprompted {
    Unprompted::NotSetUp { why: why.into() }
}

fn busy() -> Unprompted {
    Unprompted::BrokeOff {
        why: "Windows Hello is busy".into(),
    }
}

fn unknown(code: i32) -> Unprompted {
    Unprompted::BrokeOff {
        why: format!("Windows Hello answered {code}"),
    }
}
