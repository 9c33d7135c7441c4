//! LocalAuthentication: Touch ID, a watch, or the password. Compiled, never tried. Source: Apple's documentation of
//! `LAContext` and `LAError`.
#![allow(unsafe_code, reason = "Objective-C has no safe calls")]

use std::sync::mpsc;
use std::time::Duration;

use block2::RcBlock;
use objc2::runtime::Bool;
use objc2_foundation::{NSError, NSString};
use objc2_local_authentication::{LAContext, LAError, LAPolicy};

use crate::{Purpose, Unprompted};

/// Touch ID or a watch where there is one, else the password.
const POLICY: LAPolicy = LAPolicy::DeviceOwnerAuthentication;

pub(crate) async fn ask(purpose: Purpose, limit: Duration) -> Result<(), Unprompted> {
    // A thread of its own, because what is asked with stays on the thread that made it.
    let asked = tokio::task::spawn_blocking(move || wait(purpose, limit)).await;
    asked.unwrap_or_else(|error| {
        Err(Unprompted::BrokeOff {
            why: error.to_string(),
        })
    })
}

fn wait(purpose: Purpose, limit: Duration) -> Result<(), Unprompted> {
    // SAFETY: takes nothing, and gives an object that we own. A new one each time: one that has passed passes again.
    let context = unsafe { LAContext::new() };
    // SAFETY: the policy is one of the framework's own.
    let possible = unsafe { context.canEvaluatePolicy_error(POLICY) };
    possible.map_err(|error| meaning(error.code()))?;
    let (tell, told) = mpsc::channel();
    let reply = RcBlock::new(move |passed: Bool, error: *mut NSError| {
        let outcome = if passed.as_bool() {
            Ok(())
        } else {
            // SAFETY: null, or an error that lives as long as this call.
            Err(unsafe { error.as_ref() }.map_or(Unprompted::Refused, |error| meaning(error.code())))
        };
        // Nobody listens any more where it took too long.
        let _ = tell.send(outcome);
    });
    // SAFETY: the policy is the framework's own, the reason is not empty, and the framework keeps the block.
    unsafe {
        context.evaluatePolicy_localizedReason_reply(POLICY, &NSString::from_str(purpose.words()), &reply);
    }
    told.recv_timeout(limit).unwrap_or_else(|_| {
        // SAFETY: takes nothing; it closes the question.
        unsafe { context.invalidate() };
        Err(Unprompted::Late {
            seconds: limit.as_secs(),
        })
    })
}

fn meaning(code: isize) -> Unprompted {
    let not_set_up = |why: &str| Unprompted::NotSetUp { why: why.into() };
    match LAError(code) {
        LAError::UserCancel | LAError::AppCancel | LAError::SystemCancel | LAError::UserFallback => {
            Unprompted::Dismissed
        }
        LAError::AuthenticationFailed | LAError::BiometryLockout => Unprompted::Refused,
        LAError::PasscodeNotSet => not_set_up("the account has no password"),
        LAError::BiometryNotAvailable | LAError::BiometryNotEnrolled => {
            not_set_up("neither Touch ID nor a password can be used")
        }
        LAError::NotInteractive => Unprompted::NoAgent,
        other => Unprompted::BrokeOff {
            why: format!("LocalAuthentication's error {}", other.0),
        },
    }
}
