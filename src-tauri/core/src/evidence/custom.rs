//! Marks that a policy adds (`[[marker]]`) and mutes (`mute = [...]`): an unknown agent needs no code.

use std::collections::BTreeSet;

use serde::Deserialize;
use toml::Spanned;

use super::table::{Marker, Markers, Surface};
use super::{Role, Strength};

/// What a policy adds to the compiled-in marks, and what it mutes. What it mutes is not shown as evidence; what
/// a change needs does not depend on it ([`Markers::for_gate`]).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Custom {
    add: Vec<Marker>,
    mute: BTreeSet<String>,
}

/// `[[marker]]` in a policy, as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MarkerTable {
    id: Spanned<String>,
    tool: Option<String>,
    surface: Surface,
    strength: Strength,
    role: Spanned<Role>,
    pattern: Spanned<String>,
    #[serde(default)]
    examples: Vec<Spanned<String>>,
    #[serde(default)]
    counter_examples: Vec<Spanned<String>>,
}

/// More than a policy can need; each costs time on every text.
const MOST: usize = 200;

impl Custom {
    /// Checks what a policy says. An error has the byte where it stands, and what was expected.
    pub(crate) fn read(add: Vec<MarkerTable>, mute: Vec<Spanned<String>>) -> Result<Self, (usize, String)> {
        let builtin = Markers::builtin();
        let mut custom = Self::default();
        for table in add {
            let place = table.id.span().start;
            let id = table.id.get_ref().as_str();
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            if id.is_empty() || !id.bytes().all(plain) {
                return Err((
                    place,
                    format!("expected a marker's id such as \"acme.bot\", found {id:?}"),
                ));
            }
            if builtin.knows(id) || custom.add.iter().any(|marker| marker.id == *id) {
                return Err((place, format!("the marker's id {id:?} stands already")));
            }
            if custom.add.len() == MOST {
                return Err((place, format!("expected at most {MOST} markers")));
            }
            custom.add.push(checked(table)?);
        }
        for id in mute {
            if !builtin.knows(id.get_ref()) {
                return Err((
                    id.span().start,
                    format!(
                        "expected the id of a compiled-in marker, found {:?}",
                        id.get_ref()
                    ),
                ));
            }
            custom.mute.insert(id.into_inner());
        }
        Ok(custom)
    }

    pub(super) fn marks(&self) -> impl Iterator<Item = Marker> {
        self.add.iter().cloned()
    }

    pub(super) fn mutes(&self, id: &str) -> bool {
        self.mute.contains(id)
    }
}

fn checked(table: MarkerTable) -> Result<Marker, (usize, String)> {
    match table.role.get_ref() {
        Role::Author | Role::Assisted | Role::Suggestion => {}
        // Neither can ask for a sign-off, and a claim would only ever make a change look better.
        Role::Claim | Role::Context => {
            let message = "expected the role \"author\", \"assisted\" or \"suggestion\"".to_owned();
            return Err((table.role.span().start, message));
        }
    }
    let pattern_at = table.pattern.span().start;
    let marker = Marker {
        id: table.id.into_inner(),
        tool: table.tool,
        surface: table.surface,
        strength: table.strength,
        role: table.role.into_inner(),
        pattern: table.pattern.into_inner(),
        reads: None,
        comments: false,
        examples: table.examples.iter().map(|text| text.get_ref().clone()).collect(),
        counter_examples: Vec::new(),
    };
    let alone = Markers::alone(marker.clone());
    let alone = alone.map_err(|error| (pattern_at, format!("expected a regular expression: {}", error.0)))?;
    if alone.match_somewhere("") {
        let message = "expected a pattern that does not match an empty text".to_owned();
        return Err((pattern_at, message));
    }
    for (texts, wanted) in [(&table.examples, true), (&table.counter_examples, false)] {
        for text in texts {
            if alone.match_somewhere(text.get_ref()) != wanted {
                let verb = if wanted { "matches" } else { "does not match" };
                let message = format!(
                    "expected a text that the pattern {verb}, found {:?}",
                    text.get_ref()
                );
                return Err((text.span().start, message));
            }
        }
    }
    Ok(marker)
}
