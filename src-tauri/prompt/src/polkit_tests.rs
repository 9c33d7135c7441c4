#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::Event;
use zbus::names::OwnedErrorName;

use super::*;

const POLICY: &str = include_str!("../dev.countersign.desktop.policy");

fn answer(authorised: bool, challenge: bool, details: &[&str]) -> Answer {
    let details = details.iter().map(|key| ((*key).to_owned(), "true".to_owned()));
    (authorised, challenge, details.collect())
}

#[test]
fn only_a_yes_that_is_asked_for_now_passes() {
    assert_eq!(standing(&answer(false, true, &[])), Ok(()));
    assert_eq!(standing(&answer(true, false, &[])), Err(Unprompted::Unasked));
    // As polkit answers while it remembers an earlier yes.
    let kept = answer(true, false, &["polkit.temporary_authorization_id"]);
    assert_eq!(standing(&kept), Err(Unprompted::Unasked));
    assert_eq!(standing(&answer(false, false, &[])), Err(Unprompted::Forbidden));

    assert_eq!(outcome(&answer(true, false, &[])), Ok(()));
    assert_eq!(outcome(&answer(false, false, &[])), Err(Unprompted::Refused));
    assert_eq!(outcome(&answer(false, true, &[])), Err(Unprompted::NoAgent));
    for challenge in [false, true] {
        let closed = answer(false, challenge, &[DISMISSED]);
        assert_eq!(outcome(&closed), Err(Unprompted::Dismissed));
    }
}

fn error(name: &str, text: &str) -> zbus::Error {
    let message = zbus::Message::method_call("/", "M").unwrap().build(&()).unwrap();
    zbus::Error::MethodError(
        OwnedErrorName::try_from(name.to_owned()).unwrap(),
        Some(text.to_owned()),
        message,
    )
}

#[test]
fn each_error_is_its_own_reason() {
    let failed = "org.freedesktop.PolicyKit1.Error.Failed";
    let unknown = error(failed, "Action dev.countersign.desktop.sign is not registered");
    assert_eq!(fault(&unknown), Unprompted::NotRegistered);
    assert_eq!(
        fault(&error(failed, "No session\nfor you.")),
        Unprompted::BrokeOff {
            why: "No session for you".into()
        }
    );
    for name in [
        "ServiceUnknown",
        "NameHasNoOwner",
        "Spawn.ExecFailed",
        "Spawn.ServiceNotFound",
    ] {
        let name = format!("org.freedesktop.DBus.Error.{name}");
        assert_eq!(fault(&error(&name, "x")), Unprompted::NoService, "{name}");
    }
    let long = fault(&error("org.freedesktop.DBus.Error.NoReply", &"ß".repeat(1_000)));
    assert_eq!(
        long,
        Unprompted::BrokeOff {
            why: "ß".repeat(LONGEST)
        }
    );
}

/// Actions of the file: id → element (with the attribute that tells it from its like) → text.
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "comments and such say nothing here"
)]
fn actions(policy: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut reader = Reader::from_str(policy);
    reader.config_mut().check_end_names = true;
    let (mut found, mut id, mut at) = (BTreeMap::new(), String::new(), Vec::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                let name = start.name().as_ref().to_owned();
                if name == "action" {
                    let attribute = start.try_get_attribute("id").unwrap().unwrap();
                    id = attribute.value.into_owned();
                    found.insert(id.clone(), BTreeMap::new());
                }
                at.push(name);
            }
            Event::Text(text) => {
                let text: &str = &text;
                if let (Some(action), Some(name)) = (found.get_mut(&id), at.last())
                    && !text.trim().is_empty()
                {
                    action.insert(name.clone(), text.trim().to_owned());
                }
            }
            Event::End(_) => drop(at.pop()),
            Event::Eof => break,
            _ => {}
        }
    }
    assert!(at.is_empty(), "not closed: {at:?}");
    found
}

#[test]
fn the_policy_asks_for_the_users_own_password_each_time() {
    let actions = actions(POLICY);
    let ids: Vec<&str> = actions.keys().map(String::as_str).collect();
    let mut wanted = Purpose::ALL.map(Purpose::action);
    wanted.sort_unstable();
    assert_eq!(ids, wanted);
    for (id, said) in &actions {
        for allowed in ["allow_any", "allow_inactive", "allow_active"] {
            // Not `auth_self_keep`, which remembers; not `auth_admin`, which another may answer.
            assert_eq!(said[allowed], "auth_self", "{id} {allowed}");
        }
    }
    let messages: std::collections::BTreeSet<&str> =
        actions.values().map(|said| said["message"].as_str()).collect();
    assert_eq!(messages.len(), Purpose::ALL.len(), "each has words of its own");
}
