//! What `collect` asks is what GitHub's own schema has.
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy excuses only the test functions themselves"
)]

use apollo_compiler::{ExecutableDocument, Schema};
use countersign_core::collect::{HEAD, ORGANISATION, QUERIES, QUEUE};

const SCHEMA: &str = include_str!("../../../tests/forge/descriptions/schema.graphql");

#[test]
fn the_queries_are_valid() {
    let schema = Schema::parse_and_validate(SCHEMA, "schema.graphql").unwrap();
    let valid = |query: &str| ExecutableDocument::parse_and_validate(&schema, query, "query").is_ok();
    let queries: Vec<&str> = QUERIES.into_iter().chain([QUEUE, HEAD, ORGANISATION]).collect();
    for query in &queries {
        if let Err(errors) = ExecutableDocument::parse_and_validate(&schema, *query, "query") {
            panic!("{}", errors.errors);
        }
        assert!(!query.contains('\''), "it stands in single quotes: {query}");
    }
    assert!(!valid(&queries[0].replace("isDraft", "isDraught")));
}
