//! polkit, over the system bus. Source: polkit's reference manual, "D-Bus API", `org.freedesktop.PolicyKit1.Authority`.
//!
//! It is asked twice: first without letting it ask the user, because an authority that says yes by itself (to root, by
//! a rule, for an answer that it remembers) has checked nobody; then with the question. The subject is our own name on
//! the bus: the bus itself vouches for who has it, where a process id could have been given to another process.
//!
//! No details go along: polkit takes them from root only, so each question's words stand in the `.policy` file.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::timeout;
use zbus::Connection;
use zbus::zvariant::Value;

use crate::{Purpose, Unprompted};

const AUTHORITY: &str = "org.freedesktop.PolicyKit1";
const PATH: &str = "/org/freedesktop/PolicyKit1/Authority";
const INTERFACE: &str = "org.freedesktop.PolicyKit1.Authority";

/// `CheckAuthorizationFlags`: nobody is asked.
const SILENT: u32 = 0;
/// `CheckAuthorizationFlags.AllowUserInteraction`.
const INTERACTIVE: u32 = 1;
/// Names our one check on this connection.
const CANCELLATION: &str = "countersign";
/// Set where the user closed the question.
const DISMISSED: &str = "polkit.dismissed";

/// Longest wait for what nobody has to answer. The bus may have to start the service first.
const PROMPT: Duration = Duration::from_secs(10);
/// Longest text of the system's in a sentence of ours, in characters.
const LONGEST: usize = 200;

/// `AuthorizationResult`: authorised, would be after a challenge, details.
type Answer = (bool, bool, HashMap<String, String>);

pub(crate) async fn ask(purpose: Purpose, limit: Duration) -> Result<(), Unprompted> {
    let quick = limit.min(PROMPT);
    let silent = || Unprompted::BrokeOff {
        why: format!("polkit did not answer within {} s", quick.as_secs()),
    };
    // A connection of its own: should it go, by whatever way, polkit closes the question too.
    let bus = timeout(quick, Connection::system()).await.map_err(|_| silent())?;
    let bus = bus.map_err(|_| Unprompted::NoService)?;
    let before = timeout(quick, check(&bus, purpose, SILENT)).await;
    before
        .map_err(|_| silent())?
        .map_err(|error| fault(&error))
        .and_then(|answer| standing(&answer))?;
    match timeout(limit, check(&bus, purpose, INTERACTIVE)).await {
        Ok(answer) => answer
            .map_err(|error| fault(&error))
            .and_then(|answer| outcome(&answer)),
        Err(_) => {
            // Whether it worked changes nothing: a yes that comes now is heard by nobody.
            let _ = timeout(quick, call(&bus, "CancelCheckAuthorization", &CANCELLATION)).await;
            Err(Unprompted::Late {
                seconds: limit.as_secs(),
            })
        }
    }
}

async fn check(bus: &Connection, purpose: Purpose, flags: u32) -> zbus::Result<Answer> {
    let name = bus.unique_name().map(|name| name.as_str()).unwrap_or_default();
    let subject = ("system-bus-name", HashMap::from([("name", Value::from(name))]));
    let details: HashMap<&str, &str> = HashMap::new();
    let words = (subject, purpose.action(), details, flags, CANCELLATION);
    let (answer,) = call(bus, "CheckAuthorization", &words)
        .await?
        .body()
        .deserialize()?;
    Ok(answer)
}

async fn call<B>(bus: &Connection, method: &str, body: &B) -> zbus::Result<zbus::Message>
where
    B: zbus::export::serde::Serialize + zbus::zvariant::DynamicType,
{
    bus.call_method(Some(AUTHORITY), PATH, Some(INTERFACE), method, body)
        .await
}

/// What polkit would do if it might ask.
fn standing((authorised, challenge, _): &Answer) -> Result<(), Unprompted> {
    match (authorised, challenge) {
        (true, _) => Err(Unprompted::Unasked),
        (false, true) => Ok(()),
        (false, false) => Err(Unprompted::Forbidden),
    }
}

/// What came of asking.
fn outcome((authorised, challenge, details): &Answer) -> Result<(), Unprompted> {
    match (authorised, challenge) {
        (true, _) => Ok(()),
        (false, _) if details.contains_key(DISMISSED) => Err(Unprompted::Dismissed),
        // Still to be challenged: there was nobody to do it.
        (false, true) => Err(Unprompted::NoAgent),
        (false, false) => Err(Unprompted::Refused),
    }
}

/// What an error of the bus or of polkit means. Source: polkit's error domain `org.freedesktop.PolicyKit1.Error`, which
/// has no name of its own for an unknown action, and the D-Bus specification's standard errors.
fn fault(error: &zbus::Error) -> Unprompted {
    let (name, text) = if let zbus::Error::MethodError(name, text, _) = error {
        (name.as_str(), text.clone().unwrap_or_default())
    } else {
        ("", error.to_string())
    };
    let starting = name.starts_with("org.freedesktop.DBus.Error.Spawn.");
    match name {
        "org.freedesktop.DBus.Error.ServiceUnknown" | "org.freedesktop.DBus.Error.NameHasNoOwner" => {
            Unprompted::NoService
        }
        _ if starting => Unprompted::NoService,
        "org.freedesktop.PolicyKit1.Error.Failed" if text.ends_with("is not registered") => {
            Unprompted::NotRegistered
        }
        _ => Unprompted::BrokeOff { why: plain(&text) },
    }
}

/// One line that ends without a full stop, and is not endless.
fn plain(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST)
        .collect();
    line.trim().trim_end_matches('.').to_owned()
}

#[cfg(test)]
#[path = "polkit_tests.rs"]
mod tests;
