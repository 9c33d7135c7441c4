//! What a query costs, by GitHub's published formula: one request for each connection of each parent, a hundred
//! requests a point, at least one. Source: docs.github.com, "Rate limits and query limits for the GraphQL API".

use apollo_compiler::ExecutableDocument;
use apollo_compiler::ast;
use apollo_compiler::executable::{Field, Operation, Selection, SelectionSet};
use serde_json::{Value, json};

/// Price of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Price {
    /// Points.
    pub(super) points: u64,
    /// Nodes that it may return.
    pub(super) nodes: u64,
}

/// Most nodes of one query.
const MOST_NODES: u64 = 500_000;

struct Sum<'a> {
    document: &'a ExecutableDocument,
    variables: &'a Value,
    requests: u64,
    nodes: u64,
}

/// The price, or GitHub's error for a connection without bounds and for too many nodes.
pub(super) fn price(
    document: &ExecutableDocument,
    operation: &Operation,
    variables: &Value,
) -> Result<Price, Value> {
    let mut sum = Sum {
        document,
        variables,
        requests: 0,
        nodes: 0,
    };
    sum.set(&operation.selection_set, 1)?;
    if sum.nodes > MOST_NODES {
        let message = format!(
            "This query requests up to {} possible nodes which exceeds the maximum limit of {MOST_NODES}.",
            sum.nodes
        );
        return Err(json!({ "type": "MAX_NODE_LIMIT_EXCEEDED", "message": message }));
    }
    // Rounded to the nearest point.
    Ok(Price {
        points: ((sum.requests + 50) / 100).max(1),
        nodes: sum.nodes,
    })
}

impl Sum<'_> {
    fn set(&mut self, set: &SelectionSet, parents: u64) -> Result<(), Value> {
        for selection in &set.selections {
            match selection {
                Selection::Field(field) => self.field(field, parents)?,
                Selection::InlineFragment(fragment) => self.set(&fragment.selection_set, parents)?,
                Selection::FragmentSpread(spread) => {
                    let document = self.document;
                    if let Some(fragment) = document.fragments.get(&spread.fragment_name) {
                        self.set(&fragment.selection_set, parents)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn field(&mut self, field: &Field, parents: u64) -> Result<(), Value> {
        let name = field.name.as_str();
        let mut below = parents;
        if field
            .definition
            .ty
            .inner_named_type()
            .as_str()
            .ends_with("Connection")
        {
            let (first, last) = (self.number(field, "first"), self.number(field, "last"));
            let Some(size) = first.or(last) else {
                let message = format!(
                    "You must provide a `first` or `last` value to properly paginate the `{name}` connection."
                );
                return Err(json!({ "type": "MISSING_PAGINATION_BOUNDARIES", "message": message }));
            };
            if size > 100 {
                let which = if first.is_some() { "first" } else { "last" };
                let message = format!(
                    "Requesting {size} records on the `{name}` connection exceeds the `{which}` limit of 100 records."
                );
                return Err(json!({ "type": "EXCESSIVE_PAGINATION", "message": message }));
            }
            self.requests += parents;
            self.nodes += parents * size;
            below = parents * size;
        } else if name == "nodes"
            && let Some(list) = self.argument(field, "ids")
        {
            let given = list
                .as_variable()
                .and_then(|name| self.variables[name.as_str()].as_array())
                .map(Vec::len);
            let count = given.or_else(|| list.as_list().map(<[_]>::len)).unwrap_or(1);
            if count > 100 {
                let message = format!("You may not provide more than 100 node ids; you provided {count}.");
                return Err(json!({ "type": "ARGUMENT_LIMIT", "message": message }));
            }
            below = parents * u64::try_from(count).unwrap_or(u64::MAX);
            self.nodes += below;
        }
        self.set(&field.selection_set, below)
    }

    fn argument<'f>(&self, field: &'f Field, name: &str) -> Option<&'f ast::Value> {
        field
            .arguments
            .iter()
            .find(|one| one.name.as_str() == name)
            .map(|one| one.value.as_ref())
    }

    fn number(&self, field: &Field, name: &str) -> Option<u64> {
        let value = self.argument(field, name)?;
        match value.as_variable() {
            Some(name) => self.variables[name.as_str()].as_u64(),
            None => value.to_i32().and_then(|number| u64::try_from(number).ok()),
        }
    }
}
