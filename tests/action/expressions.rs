//! The few expressions of GitHub's that the action and its workflow use: names, texts, `||` and `format`.

use serde_json::Value;

/// A text with the value of each `${{ … }}` in its place. `contexts` has `inputs`, `github` and the like.
///
/// # Panics
/// At anything that is not among the few.
pub(super) fn filled(text: &str, contexts: &Value) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, opened)) = rest.split_once("${{") {
        let (expression, after) = opened.split_once("}}").expect("an expression ends");
        out += before;
        out += &value(expression, contexts);
        rest = after;
    }
    out + rest
}

fn value(expression: &str, contexts: &Value) -> String {
    let mut reader = Reader {
        rest: expression,
        contexts,
    };
    let value = reader.either();
    assert_eq!(reader.rest.trim(), "", "{expression:?} is not read to its end");
    value
}

struct Reader<'a> {
    rest: &'a str,
    contexts: &'a Value,
}

impl Reader<'_> {
    fn takes(&mut self, word: &str) -> bool {
        self.rest = self.rest.trim_start();
        let rest = self.rest.strip_prefix(word);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// The first of those that is not empty, else the last.
    fn either(&mut self) -> String {
        let mut value = self.one();
        while self.takes("||") {
            let other = self.one();
            if value.is_empty() {
                value = other;
            }
        }
        value
    }

    fn one(&mut self) -> String {
        if self.takes("'") {
            let (text, rest) = self.rest.split_once('\'').expect("a text ends");
            assert!(!rest.starts_with('\''), "no quotes within texts");
            self.rest = rest;
            return text.to_owned();
        }
        let end = self
            .rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')));
        let (name, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        if self.takes("(") {
            assert_eq!(name, "format", "the only function");
            return self.formatted();
        }
        self.named(name)
    }

    fn formatted(&mut self) -> String {
        let mut text = self.either();
        let mut at = 0;
        while self.takes(",") {
            text = text.replace(&format!("{{{at}}}"), &self.either());
            at += 1;
        }
        assert!(self.takes(")"), "a call ends");
        text
    }

    /// What a name stands for. GitHub gives an empty text for one that is not there; here that is said aloud, except of
    /// the event's own fields, which depend on the event.
    fn named(&self, name: &str) -> String {
        let found = self.contexts.pointer(&format!("/{}", name.replace('.', "/")));
        match found {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            None | Some(Value::Null) if name.starts_with("github.event.") => String::new(),
            other => panic!("{name:?} is {other:?}"),
        }
    }
}

#[test]
fn what_is_used_is_understood() {
    let contexts = serde_json::json!({ "inputs": { "a": "", "b": "x" }, "github": { "event": {} } });
    let all = "1 ${{ inputs.a || format('{0}/{1}', inputs.b, 'y') }} 2 ${{ github.event.none.at_all }}3${{inputs.b}}";
    assert_eq!(filled(all, &contexts), "1 x/y 2 3x");
}
