//! The policy's JSON Schema names what the gate reads, and nothing else.
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy excuses only the test functions themselves"
)]

use std::collections::BTreeSet;
use std::process::Command;

use countersign_core::policy::Policy;
use serde_json::Value;

/// What the gate could read in a table, by its own complaint about a field that is none.
fn fields(table: &str) -> BTreeSet<String> {
    let text = format!("version = 1\nallowed_signers = \"a\"\n{table}\nnonsense = 1\n");
    let complaint = Policy::parse(&text).unwrap_err().message;
    let (_, expected) = complaint.split_once("expected one of ").expect(&complaint);
    expected
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// What it reads of words in a field, in the same way.
fn words(table: &str, field: &str) -> BTreeSet<String> {
    let text = format!("version = 1\nallowed_signers = \"a\"\n{table}\n{field} = \"nonsense\"\n");
    let complaint = Policy::parse(&text).unwrap_err().message;
    let (_, expected) = complaint.split_once("expected ").expect(&complaint);
    expected
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[test]
fn it_has_every_field_and_word() {
    let output = Command::new(env!("CARGO_BIN_EXE_countersign-verify"))
        .args(["policy", "schema"])
        .output()
        .unwrap();
    let schema: Value = serde_json::from_slice(&output.stdout).unwrap();
    let named = |at: &str| -> BTreeSet<String> {
        let table = schema.pointer(at).unwrap();
        assert_eq!(table["additionalProperties"], Value::Bool(false), "{at}");
        table["properties"].as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(named(""), fields(""));
    assert_eq!(named("/properties/signoff"), fields("[signoff]"));
    for list in ["senior", "rule", "component", "marker"] {
        let found = named(&format!("/properties/{list}/items"));
        assert_eq!(found, fields(&format!("[[{list}]]")), "{list}");
    }
    assert_eq!(
        named("/properties/break_glass"),
        words("[break_glass]", "nonsense")
    );
    assert_eq!(
        schema["properties"]["break_glass"]["properties"]["who"]["items"]["$ref"],
        "#/properties/senior/items"
    );
    assert_eq!(fields("[[break_glass.who]]"), fields("[[senior]]"));
    for field in ["require", "undeclared", "authors", "presence", "bind"] {
        let allowed = schema["$defs"][field]["enum"].as_array().unwrap();
        let allowed: BTreeSet<String> = allowed
            .iter()
            .map(|word| word.as_str().unwrap().to_owned())
            .collect();
        assert_eq!(allowed, words("[signoff]", field), "{field}");
    }
}
