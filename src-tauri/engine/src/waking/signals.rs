//! What logind and NetworkManager say on the system bus: the machine woke, the session was unlocked, the network is
//! another one. Neither has to be there, and the bus may go and come back.
//!
//! Sources: `org.freedesktop.login1(5)`; NetworkManager's reference, `NMState` and `NMConnectivityState`.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use zbus::export::futures_core::Stream;
use zbus::message::Type;
use zbus::zvariant::OwnedValue;
use zbus::{Connection, Message, MessageStream};

/// After the bus went, or where none is.
const AGAIN: Duration = Duration::from_secs(5);
/// Longest wait for the bus itself.
const PROMPT: Duration = Duration::from_secs(10);

const MANAGER: &str = "org.freedesktop.login1.Manager";
const SESSION: &str = "org.freedesktop.login1.Session";
const NETWORK: &str = "org.freedesktop.NetworkManager";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// `NM_STATE_CONNECTED_SITE`: more than this machine's own network; above it is `NM_STATE_CONNECTED_GLOBAL`.
const CONNECTED: u32 = 60;
/// `NM_CONNECTIVITY_FULL`.
const FULL: u32 = 4;

/// What the bus is to pass on.
const RULES: [&str; 5] = [
    "type='signal',sender='org.freedesktop.login1',interface='org.freedesktop.login1.Manager',member='PrepareForSleep'",
    "type='signal',sender='org.freedesktop.login1',interface='org.freedesktop.login1.Session',member='Unlock'",
    "type='signal',sender='org.freedesktop.login1',interface='org.freedesktop.DBus.Properties',\
     member='PropertiesChanged',arg0='org.freedesktop.login1.Session'",
    "type='signal',sender='org.freedesktop.NetworkManager',interface='org.freedesktop.NetworkManager',\
     member='StateChanged'",
    "type='signal',sender='org.freedesktop.NetworkManager',interface='org.freedesktop.DBus.Properties',\
     member='PropertiesChanged',arg0='org.freedesktop.NetworkManager'",
];

/// Calls `heard` whenever the world may have changed. Does not end.
pub(super) async fn listen(heard: impl Fn()) {
    loop {
        if let Err(error) = follow(&heard).await {
            tracing::debug!(%error, "the system bus cannot be heard now");
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Follows one connection to its end.
async fn follow(heard: &impl Fn()) -> zbus::Result<()> {
    let late = |_| zbus::Error::Failure("it did not answer".into());
    let bus = tokio::time::timeout(PROMPT, subscribe()).await.map_err(late)??;
    // After the calls: a stream that is not read would hold up their answers.
    let mut stream = MessageStream::from(&bus);
    while let Some(message) = poll_fn(|cx| Pin::new(&mut stream).poll_next(cx)).await {
        if tells(&message?) {
            heard();
        }
    }
    Ok(())
}

async fn subscribe() -> zbus::Result<Connection> {
    const BUS: &str = "org.freedesktop.DBus";
    let bus = Connection::system().await?;
    for rule in RULES {
        let path = "/org/freedesktop/DBus";
        bus.call_method(Some(BUS), path, Some(BUS), "AddMatch", &rule)
            .await?;
    }
    Ok(bus)
}

/// Whether something is better now than it was: nothing is to be read on the way into sleep.
fn tells(message: &Message) -> bool {
    if message.message_type() != Type::Signal {
        return false;
    }
    let (header, body) = (message.header(), message.body());
    let interface = header.interface().map(|name| name.as_str());
    let member = header.member().map(|name| name.as_str());
    match (interface, member) {
        (Some(MANAGER), Some("PrepareForSleep")) => body.deserialize::<bool>().is_ok_and(|before| !before),
        (Some(SESSION), Some("Unlock")) => true,
        (Some(NETWORK), Some("StateChanged")) => body.deserialize().is_ok_and(is_connected),
        (Some(PROPERTIES), Some("PropertiesChanged")) => {
            type Changed = (String, HashMap<String, OwnedValue>, Vec<String>);
            body.deserialize::<Changed>()
                .is_ok_and(|(whose, now, _)| is_better(&whose, &now))
        }
        _ => false,
    }
}

fn is_connected(state: u32) -> bool {
    state >= CONNECTED
}

fn is_better(whose: &str, now: &HashMap<String, OwnedValue>) -> bool {
    let number = |name: &str| now.get(name).and_then(|value| u32::try_from(value).ok());
    match whose {
        SESSION => now.get("LockedHint").and_then(|value| bool::try_from(value).ok()) == Some(false),
        NETWORK => number("Connectivity") == Some(FULL) || number("State").is_some_and(is_connected),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use zbus::zvariant::{DynamicType, Value};

    use super::*;

    fn signal<B: zbus::export::serde::Serialize + DynamicType>(
        interface: &str,
        member: &str,
        body: &B,
    ) -> bool {
        let message = Message::signal("/x", interface, member).unwrap();
        tells(&message.build(body).unwrap())
    }

    fn changed(whose: &str, name: &str, value: impl Into<Value<'static>>) -> bool {
        let now = HashMap::from([(name, value.into())]);
        signal(PROPERTIES, "PropertiesChanged", &(whose, now, Vec::<&str>::new()))
    }

    #[test]
    fn what_is_better_now_tells_and_nothing_else_does() {
        assert!(signal(MANAGER, "PrepareForSleep", &false));
        assert!(signal(SESSION, "Unlock", &()));
        assert!(signal(NETWORK, "StateChanged", &70_u32));
        assert!(changed(SESSION, "LockedHint", false));
        assert!(changed(NETWORK, "Connectivity", 4_u32));
        assert!(changed(NETWORK, "State", 60_u32));

        assert!(!signal(MANAGER, "PrepareForSleep", &true));
        assert!(!signal(SESSION, "Lock", &()));
        assert!(!signal(NETWORK, "StateChanged", &20_u32));
        assert!(!changed(SESSION, "LockedHint", true));
        assert!(!changed(SESSION, "IdleHint", false));
        assert!(!changed(NETWORK, "Connectivity", 2_u32));
        assert!(!changed("org.example.Other", "Connectivity", 4_u32));
    }

    #[test]
    fn a_signal_of_another_shape_tells_nothing() {
        assert!(!signal(MANAGER, "PrepareForSleep", &"false"));
        assert!(!signal(NETWORK, "StateChanged", &"70"));
        assert!(!signal(PROPERTIES, "PropertiesChanged", &()));
        assert!(!changed(SESSION, "LockedHint", 0_u32));
        assert!(!changed(NETWORK, "State", "70"));
        let call = Message::method_call("/x", "PrepareForSleep").unwrap();
        assert!(!tells(&call.interface(MANAGER).unwrap().build(&false).unwrap()));
    }
}
