//! Shell scripts by tree-sitter: each command in one line, however it is broken and whatever stands around it.

use countersign_core::finding::Side;
use tree_sitter::{Node, ParseOptions, Parser};

use super::{Hit, in_one_line, without_comments};
use crate::table::Rules;

/// A script that needs more steps is hostile or broken. Steps and not seconds: the same text gives the same answer.
const MOST_STEPS: usize = 100_000;

/// The dangers in a script.
pub(super) fn hits(text: &str) -> Result<Vec<Hit>, String> {
    let mut parser = Parser::new();
    parser
        .set_language(&tree_sitter_bash::LANGUAGE.into())
        .map_err(|error| format!("the parser of shell scripts cannot start ({error})"))?;
    let mut steps = 0;
    let mut late = |_: &tree_sitter::ParseState| {
        steps += 1;
        steps > MOST_STEPS
    };
    let options = ParseOptions::new().progress_callback(&mut late);
    let bytes = text.as_bytes();
    let tree = parser
        .parse_with_options(
            &mut |at, _| bytes.get(at..).unwrap_or_default(),
            None,
            Some(options),
        )
        .ok_or("the parser of shell scripts gave up")?;
    if tree.root_node().has_error() {
        return Err("not read as a shell script".to_owned());
    }
    let mut found = Vec::new();
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        let inside = node.kind() != "pipeline" && node.kind() != "command";
        if !inside {
            command(node, text, &mut found);
        }
        // A command can hold others, in substitutions; a pipeline holds its parts.
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return Ok(found);
            }
        }
    }
}

fn command(node: Node<'_>, text: &str, found: &mut Vec<Hit>) {
    let rules = Rules::builtin();
    let words = without_comments("x.sh", &text[node.byte_range()]).replace("\\\n", " ");
    let line = in_one_line(&words);
    if line.len() > 4096 {
        return;
    }
    let lines = (
        node.start_position().row as u32 + 1,
        node.end_position().row as u32 + 1,
    );
    let mask = rules.for_path("x.sh");
    rules.candidates(Side::New, mask, line.as_bytes(), |at| {
        let rule = &rules.rules[at];
        let hit = Hit {
            rule: rule.id().to_owned(),
            lines,
            text: line.clone(),
            ..Hit::default()
        };
        // A pipeline and its parts say the same thing once.
        let said = |other: &Hit| other.rule == hit.rule && other.lines == hit.lines;
        if !rule.in_comments() && rule.stands(line.as_bytes()) && !found.iter().rev().take(8).any(said) {
            found.push(hit);
        }
    });
}
