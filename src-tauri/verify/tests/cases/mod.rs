//! Every case of the vectors: what happened, and what the judge must say.

mod carrier;
mod extends;
mod glass;
pub(crate) mod group;
mod input;
mod need;
mod people;
mod replay;
mod signing;
mod standing;
mod statements;
mod time;
mod trust;

use serde_json::{Value, json};

use super::support::*;

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) now: &'static str,
    pub(crate) input: Value,
    /// A repository's objects, for `git fast-import`.
    pub(crate) objects: Option<&'static str>,
    pub(crate) verdict: &'static str,
    pub(crate) reason: Option<&'static str>,
    /// Reviews whose own reason is part of the case.
    pub(crate) reviews: Vec<(&'static str, Option<&'static str>)>,
}

/// A list of cases under construction.
#[derive(Default)]
pub(crate) struct Cases(pub(crate) Vec<Case>);

impl Cases {
    fn add(
        &mut self,
        name: &'static str,
        what: &'static str,
        verdict: &'static str,
        reason: Option<&'static str>,
        mut input: Value,
    ) -> &mut Case {
        name_blobs(&mut input);
        self.0.push(Case {
            name,
            what,
            now: NOW,
            input,
            objects: None,
            verdict,
            reason,
            reviews: Vec::new(),
        });
        self.0.last_mut().unwrap()
    }

    fn accepted(&mut self, name: &'static str, what: &'static str, input: Value) -> &mut Case {
        self.add(name, what, "accepted", None, input)
    }

    fn rejected(
        &mut self,
        name: &'static str,
        reason: &'static str,
        what: &'static str,
        input: Value,
    ) -> &mut Case {
        self.add(name, what, "rejected", Some(reason), input)
    }

    fn undecided(
        &mut self,
        name: &'static str,
        reason: &'static str,
        what: &'static str,
        input: Value,
    ) -> &mut Case {
        self.add(name, what, "undecided", Some(reason), input)
    }
}

/// Cases edit texts; their names follow.
fn name_blobs(input: &mut Value) {
    for file in ["policy", "allowed_signers", "revoked_keys"] {
        for trust in ["/trust", "/trust/organisation"] {
            let file = input.pointer_mut(trust).and_then(|trust| trust.get_mut(file));
            if let Some((file, text)) = file.and_then(|file| {
                let text = file["text"].as_str()?.to_owned();
                Some((file, text))
            }) {
                file["blob"] = json!(blob_name(&text));
            }
        }
    }
}

/// Sam pushed another head.
fn push_head(input: &mut Value, head: &str, tree: &str) {
    input["change"]["head"] = json!(oid(head));
    input["commits"]["items"][0]["oid"] = json!(oid(head));
    input["commits"]["items"][0]["tree"] = json!(oid(tree));
    input["content"]["head"] = json!(oid(head));
    input["content"]["head_tree"] = json!(oid(tree));
    let pushes = input["pushes"].as_array_mut().unwrap();
    pushes.push(push("1", head, person(SAM.0, SAM.1)));
}

/// Those were assigned, and so set an agent to work.
fn operators(accounts: &[Value]) -> Value {
    let items: Vec<Value> = accounts
        .iter()
        .map(|account| json!({"source": "assignee", "account": account}))
        .collect();
    json!({"total": items.len(), "items": items})
}

/// The change touches that, and nothing else.
fn set_changed(input: &mut Value, changed: &[Value]) {
    input["content"]["total"] = json!(changed.len());
    input["content"]["changed"] = json!(changed);
}

/// The rules that ask for touched keys do not, so that a change to which every rule applies comes to the later steps.
fn without_presence(input: &mut Value) {
    for rule in ["presence = \"touch\"", "presence = \"verified\""] {
        replace_text(input, "policy", rule, "presence = \"none\"");
    }
}

/// The approved scene, with an edit.
fn with(edit: impl FnOnce(&mut Value)) -> Value {
    let mut input = approved();
    edit(&mut input);
    input
}

/// Priya's approval with an edited statement.
fn stated(edit: impl FnOnce(&mut Value)) -> Value {
    let mut statement = statement(PRIYA, PATH);
    edit(&mut statement["predicate"]);
    bodied(&signed_body(&statement, &key_of(PRIYA), &USUAL))
}

/// An approving review of Priya's with that body.
fn bodied(body: &str) -> Value {
    let mut input = scene(PATH);
    add_review(&mut input, review("9001", PRIYA, "approved", body));
    input
}

/// A signature made in another way, over the usual statement.
fn made(making: &Making) -> Value {
    bodied(&signed_body(&statement(PRIYA, PATH), &key_of(PRIYA), making))
}

/// Priya's usual envelope, its JSON edited.
fn enveloped(edit: impl FnOnce(String) -> String) -> Value {
    let payload = payload(&statement(PRIYA, PATH));
    bodied(&body(&edit(envelope(
        &payload,
        &armor(&sshsig(&key_of(PRIYA), &payload, &USUAL)),
    ))))
}

/// Priya's usual signature, its bytes edited.
fn resigned(edit: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Value {
    let payload = payload(&statement(PRIYA, PATH));
    bodied(&body(&envelope(
        &payload,
        &armor(&edit(sshsig(&key_of(PRIYA), &payload, &USUAL))),
    )))
}

fn replace_text(input: &mut Value, file: &str, from: &str, to: &str) {
    let text = input["trust"][file]["text"].as_str().unwrap().to_owned();
    assert!(text.contains(from), "{from:?} is not in {file}");
    input["trust"][file]["text"] = json!(text.replacen(from, to, 1));
}

fn body_of(input: &Value) -> String {
    input["reviews"]["items"][0]["body"].as_str().unwrap().to_owned()
}

fn dismissal(review: &str, by: (&str, &str), at: &str, was: &str) -> Value {
    json!({"review_id": review, "by": person(by.0, by.1), "at": at, "was": was})
}

fn at(mut review: Value, time: &str) -> Value {
    review["submitted_at"] = json!(time);
    review
}

pub(crate) fn all() -> Vec<Case> {
    let mut cases = Cases::default();
    accepted(&mut cases);
    trust::trust(&mut cases);
    extends::collected(&mut cases);
    extends::stricter(&mut cases);
    extends::touched(&mut cases);
    extends::exempt(&mut cases);
    input::wholeness(&mut cases);
    input::form(&mut cases);
    need::need(&mut cases);
    need::involvement(&mut cases);
    need::guarded(&mut cases);
    standing::standing(&mut cases);
    carrier::carrier(&mut cases);
    signing::signature(&mut cases);
    signing::presence(&mut cases);
    statements::statements(&mut cases);
    statements::content(&mut cases);
    time::time(&mut cases);
    replay::replay(&mut cases);
    people::authority(&mut cases);
    people::twins(&mut cases);
    glass::broken(&mut cases);
    glass::not_lifted(&mut cases);
    glass::policies(&mut cases);
    group::group_cases(&mut cases);
    cases.0
}

fn accepted(cases: &mut Cases) {
    cases.accepted("ok-ed25519", "A senior approves a junior's change.", approved());
    for (name, who) in [
        ("ok-ecdsa-p256", RAVI),
        ("ok-sk-ed25519", HANA),
        ("ok-sk-ecdsa-p256", OMAR),
    ] {
        let mut input = scene(PATH);
        add_review(&mut input, approval("9001", who, PATH));
        cases.accepted(name, "As ok-ed25519, with a key of another algorithm.", input);
    }
    cases.accepted("ok-crlf", "The forge stored the body with CRLF line ends.", {
        let body = body_of(&approved()).replace('\n', "\r\n");
        bodied(&body)
    });
    cases.accepted(
        "ok-changeset-null",
        "The trees could not be read whole when signing: the head alone binds.",
        stated(|predicate| predicate["change"]["changeset"] = Value::Null),
    );
    cases.accepted(
        "ok-bind-changeset",
        "Bound to the changeset, the approval survives a clean rebase.",
        with(|input| {
            replace_text(input, "policy", "bind = \"head\"", "bind = \"changeset\"");
            push_head(input, "5", "6");
            input["content"]["merge_bases"] = json!([oid("7")]);
        }),
    );
    cases
        .accepted(
            "ok-posted-twice",
            "The same envelope was posted twice: it counts once.",
            with(|input| {
                add_review(input, at(approval("9002", PRIYA, PATH), "2026-11-23T22:11:00Z"));
            }),
        )
        .reviews = vec![("9001", Some("E_SUPERSEDED")), ("9002", None)];
}
