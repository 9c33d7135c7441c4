//! Terraform by folder, which is what a state is: blocks that are there before and not after, guards that are lost.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use countersign_core::finding::{Assessment, Finding, Side};
use hcl_edit::Span as _;
use hcl_edit::structure::{Block, Body};

use super::{AROUND, Both, line_of};
use crate::filter::{self, Kept, STATEFUL};
use crate::scan::{finding, lower_in_tests};
use crate::table::Rules;
use crate::terraform::{noun, spoken};
use crate::view::View;

/// The folders whose files change.
#[derive(Default)]
pub(super) struct Folders {
    before: BTreeMap<(String, String), Object>,
    after: BTreeMap<(String, String), Object>,
    /// Folder and address of what is moved or let go of, and where it goes.
    moved: BTreeMap<(String, String), Option<String>>,
    /// Folders of which some file could not be read: what is not found there may stand there.
    unread: BTreeSet<String>,
}

/// A resource or module.
struct Object {
    kind: String,
    called: String,
    guarded: Option<u32>,
    path: String,
    /// The file's path after the change, if it is another.
    renamed: Option<String>,
    line: u32,
    header: String,
}

fn dir(path: &str) -> String {
    path.rsplit_once('/').map_or("", |(dir, _)| dir).to_owned()
}

fn reads(path: &str) -> bool {
    path.ends_with(".tf") || path.ends_with(".tofu")
}

impl Folders {
    /// Notes a file that could not be read.
    pub(super) fn unread(&mut self, view: &View<'_>) {
        self.unread.insert(dir(view.path_on(Side::Old)));
        self.unread.insert(dir(&view.path));
    }

    /// Reads both sides of a file.
    pub(super) fn add(&mut self, view: &View<'_>, both: &Both<'_>) -> Result<(), String> {
        for (side, text) in [(Side::Old, both.old), (Side::New, both.new)] {
            let path = view.path_on(side);
            let Some(text) = text.filter(|_| reads(path)) else {
                continue;
            };
            let body: Body = match text.parse() {
                Ok(body) => body,
                Err(error) => {
                    let error: hcl_edit::parser::Error = error;
                    self.unread(view);
                    let line = error.location().line();
                    return Err(format!("not read as Terraform (line {line})"));
                }
            };
            for block in body.blocks() {
                let renamed = Some(&view.path).filter(|new| new.as_str() != path);
                self.block(side, path, renamed, text, block);
            }
        }
        Ok(())
    }

    fn block(&mut self, side: Side, path: &str, renamed: Option<&String>, text: &str, block: &Block) {
        let labels: Vec<&str> = block.labels.iter().map(|label| label.as_str()).collect();
        let (kind, name) = match (block.ident.as_str(), labels.as_slice()) {
            ("resource", [kind, name]) => ((*kind).to_owned(), *name),
            ("module", [name]) => ("module".to_owned(), *name),
            ("moved" | "removed", []) if side == Side::New => return self.keeper(path, block),
            _ => return,
        };
        let start = block.span().map_or(0, |span| span.start);
        let string = |key: &str| {
            block
                .body
                .get_attribute(key)
                .and_then(|found| found.value.as_str())
        };
        let called = [
            "identifier",
            "cluster_identifier",
            "bucket",
            "name",
            "db_name",
            "table_name",
            "cluster_id",
        ];
        let called = called
            .iter()
            .find_map(|key| string(key))
            .filter(|_| kind != "module");
        let guard = block.body.get_blocks("lifecycle").find_map(|lifecycle| {
            let guard = lifecycle.body.get_attribute("prevent_destroy")?;
            let at = guard.span().map_or(start, |span| span.start);
            (guard.value.as_bool() == Some(true)).then(|| line_of(text, at))
        });
        let line = line_of(text, start);
        let object = Object {
            called: called.map_or_else(|| spoken(&kind, name), str::to_owned),
            guarded: guard,
            path: path.to_owned(),
            renamed: renamed.cloned(),
            line,
            header: text.lines().nth(line as usize - 1).unwrap_or_default().to_owned(),
            kind: kind.clone(),
        };
        let key = (dir(path), format!("{kind}.{name}"));
        match side {
            Side::Old => self.before.insert(key, object),
            Side::New => self.after.insert(key, object),
        };
    }

    fn keeper(&mut self, path: &str, block: &Block) {
        let address = |key: &str| {
            let found = block.body.get_attribute(key)?.value.to_string();
            let address = found.trim().to_owned();
            (!address.contains('[')).then_some(address)
        };
        let Some(from) = address("from") else { return };
        if block.ident.as_str() == "moved" {
            if let Some(to) = address("to") {
                self.moved.insert((dir(path), from), Some(to));
            }
            return;
        }
        let spared = block.body.get_blocks("lifecycle").any(|lifecycle| {
            let destroy = lifecycle.body.get_attribute("destroy");
            destroy.is_some_and(|destroy| destroy.value.as_bool() == Some(false))
        });
        if spared {
            self.moved.insert((dir(path), from), None);
        }
    }

    fn is_kept(&self, key: &(String, String)) -> bool {
        match self.moved.get(key) {
            None => false,
            Some(None) => true,
            Some(Some(to)) => {
                to.starts_with("module.") && to.matches('.').count() > 1
                    || self.after.contains_key(&(key.0.clone(), to.clone()))
            }
        }
    }

    /// What is gone, and what has lost its guard.
    pub(super) fn findings(&self, out: &mut Assessment) {
        let places = self
            .after
            .keys()
            .map(|(dir, address)| (address.as_str(), dir.as_str()));
        let places: HashMap<&str, &str> = places.collect();
        for (key, object) in self
            .before
            .iter()
            .filter(|(key, _)| !self.unread.contains(&key.0))
        {
            match self.after.get(key) {
                None if !self.is_kept(key) => {
                    let elsewhere = places.get(key.1.as_str()).copied();
                    out.findings.extend(self.gone(object, elsewhere));
                }
                Some(now) if now.guarded.is_none() => {
                    if let Some(line) = object.guarded {
                        let kept = Kept {
                            note: object.note(),
                            ..Kept::default()
                        };
                        let excerpt = "prevent_destroy = true";
                        out.findings.extend(object.finding(
                            "iac.tf.prevent_destroy_off",
                            line,
                            excerpt,
                            kept,
                        ));
                    }
                }
                None | Some(_) => {}
            }
        }
    }

    /// The finding about an object whose block is gone; `elsewhere`: the folder in which its like stands now.
    fn gone(&self, object: &Object, elsewhere: Option<&str>) -> Option<Finding> {
        let stateful = Rules::builtin()
            .by_id(STATEFUL)?
            .matches(object.header.as_bytes());
        let rule = if stateful {
            STATEFUL
        } else {
            "iac.tf.block_removed"
        };
        let kind = if stateful {
            noun(&object.kind)
        } else {
            &object.kind
        };
        let mut kept = Kept {
            subject: Some(object.called.clone()),
            kind: Some(kind.to_owned()),
            note: object.note(),
            ..Kept::default()
        };
        if let Some(folder) = elsewhere {
            if !filter::holds_data(rule, kind) {
                return None;
            }
            filter::in_another_state(&mut kept, folder);
        }
        object.finding(rule, object.line, &object.header, kept)
    }
}

impl Object {
    /// Why a line says this that does not change itself.
    fn note(&self) -> Option<String> {
        Some(match &self.renamed {
            Some(to) => format!("the file is renamed to {to}"),
            None => AROUND.to_owned(),
        })
    }

    fn finding(&self, rule: &str, line: u32, excerpt: &str, kept: Kept) -> Option<Finding> {
        let rules = Rules::builtin();
        let rule = rules.by_id(rule)?;
        let mut made = finding(
            rule,
            &self.path,
            Side::Old,
            Some(line),
            excerpt.as_bytes(),
            None,
            kept,
        );
        lower_in_tests(rules, rule, &mut made);
        Some(made)
    }
}
