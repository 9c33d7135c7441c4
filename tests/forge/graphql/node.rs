//! Objects of the graph: a type's name and a function from a field's name and arguments to its value.

use std::borrow::Cow;

use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::JsonMap;
use serde_json::Value;

use super::TYPED;

/// A field's value.
pub(super) enum Val<'w> {
    Leaf(Value),
    Node(Node<'w>),
    List(Vec<Val<'w>>),
    /// The type of an error and its words.
    Fail(&'static str, String),
}

impl<'w> Val<'w> {
    pub(super) fn null() -> Self {
        Self::Leaf(Value::Null)
    }

    pub(super) fn leaf(value: impl serde::Serialize) -> Self {
        Self::Leaf(serde_json::to_value(value).unwrap_or(Value::Null))
    }

    pub(super) fn maybe(node: Option<Node<'w>>) -> Self {
        node.map_or_else(Self::null, Self::Node)
    }
}

/// A field's name and its coerced arguments.
pub(super) struct Asked<'a> {
    pub(super) name: &'a str,
    pub(super) arguments: &'a JsonMap,
}

impl Asked<'_> {
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.arguments.get(name).and_then(|value| value.as_str())
    }

    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.arguments
            .get(name)
            .and_then(|value| value.as_u64())
            .and_then(|value| usize::try_from(value).ok())
    }

    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let list = self.arguments.get(name).and_then(|value| value.as_array());
        list.into_iter()
            .flatten()
            .filter_map(|value| value.as_str())
            .map(str::to_owned)
            .collect()
    }

    pub(super) fn inside(&self, name: &str, field: &str) -> Option<&str> {
        self.arguments
            .get(name)
            .and_then(|value| value.get(field))
            .and_then(|value| value.as_str())
    }
}

type Fields<'w> = Box<dyn Fn(&Asked<'_>) -> Option<Val<'w>> + 'w>;

/// An object.
pub(super) struct Node<'w> {
    kind: Cow<'static, str>,
    fields: Fields<'w>,
}

impl<'w> Node<'w> {
    /// `fields` answers `None` for a field of the schema that the forge does not serve.
    pub(super) fn new(kind: &'static str, fields: impl Fn(&Asked<'_>) -> Option<Val<'w>> + 'w) -> Self {
        Self {
            kind: Cow::Borrowed(kind),
            fields: Box::new(fields),
        }
    }
}

impl ObjectValue for Node<'_> {
    fn type_name(&self) -> &str {
        &self.kind
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        let asked = Asked {
            name: info.field_name(),
            arguments: info.arguments(),
        };
        match (self.fields)(&asked) {
            Some(value) => resolved(value),
            None => {
                let message = format!("the test forge does not serve {}.{}", self.kind, asked.name);
                Err(FieldError { message })
            }
        }
    }
}

fn resolved<'a, 'w: 'a>(value: Val<'w>) -> Result<ResolvedValue<'a>, FieldError> {
    match value {
        Val::Leaf(value) => Ok(ResolvedValue::Leaf(value.into())),
        Val::Node(node) => Ok(ResolvedValue::Object(Box::new(node))),
        Val::List(list) => Ok(ResolvedValue::List(Box::new(list.into_iter().map(item)))),
        Val::Fail(kind, words) => Err(FieldError {
            message: message(kind, &words),
        }),
    }
}

fn message(kind: &str, words: &str) -> String {
    format!("{TYPED}{kind}{TYPED}{words}{TYPED}")
}

/// An item of a list. For one that fails, the engine would null the list; GitHub nulls the item. An object of a type
/// that does not exist fails inside the item, and the engine's message then holds the type's name: ours.
fn item<'a, 'w: 'a>(value: Val<'w>) -> Result<ResolvedValue<'a>, FieldError> {
    match value {
        Val::Fail(kind, words) => {
            let node = Node {
                kind: Cow::Owned(message(kind, &words)),
                fields: Box::new(|_| None),
            };
            Ok(ResolvedValue::Object(Box::new(node)))
        }
        other @ (Val::Leaf(_) | Val::Node(_) | Val::List(_)) => resolved(other),
    }
}

/// A connection's window on a list: `first`, `last`, `after`, `before`; cursors name places in the list.
///
/// `more` answers the connection's own fields beside the usual ones.
pub(super) fn connection<'w, T: Clone + 'w>(
    kind: &'static str,
    items: Vec<T>,
    asked: &Asked<'_>,
    show: impl Fn(&T) -> Val<'w> + Clone + 'w,
    more: impl Fn(&str, usize) -> Option<Val<'w>> + 'w,
) -> Val<'w> {
    let total = items.len();
    let place = |name: &str| {
        asked
            .text(name)
            .and_then(|text| text.strip_prefix("cursor:"))
            .and_then(|text| text.parse::<usize>().ok())
    };
    let mut start = place("after").map_or(0, |at| at.min(total));
    let mut end = place("before").map_or(total, |at| at.saturating_sub(1).min(total));
    if let Some(first) = asked.number("first") {
        end = end.min(start + first);
    }
    if let Some(last) = asked.number("last") {
        start = start.max(end.saturating_sub(last));
    }
    let end = end.max(start);
    let edge_kind: String = kind.replace("Connection", "Edge");
    Val::Node(Node::new(kind, move |asked| {
        Some(match asked.name {
            "totalCount" => Val::leaf(total),
            "nodes" => Val::List(items[start..end].iter().map(&show).collect()),
            "edges" => {
                let edges = items[start..end].iter().enumerate().map(|(at, item)| {
                    let cursor = format!("cursor:{}", start + at + 1);
                    let (show, item) = (show.clone(), item.clone());
                    let fields = move |asked: &Asked<'_>| match asked.name {
                        "cursor" => Some(Val::leaf(&cursor)),
                        "node" => Some(show(&item)),
                        _ => None,
                    };
                    Val::Node(Node {
                        kind: Cow::Owned(edge_kind.clone()),
                        fields: Box::new(fields),
                    })
                });
                Val::List(edges.collect())
            }
            "pageInfo" => Val::Node(Node::new("PageInfo", move |asked| {
                let cursor = |at: usize| {
                    if start == end {
                        Val::null()
                    } else {
                        Val::leaf(format!("cursor:{at}"))
                    }
                };
                Some(match asked.name {
                    "hasNextPage" => Val::leaf(end < total),
                    "hasPreviousPage" => Val::leaf(start > 0),
                    "startCursor" => cursor(start + 1),
                    "endCursor" => cursor(end),
                    _ => return None,
                })
            })),
            other => return more(other, total),
        })
    }))
}
