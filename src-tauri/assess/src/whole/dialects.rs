//! SQL that is not PostgreSQL's, by sqlparser: each statement as the parser writes it, read by the rules for lines.

use countersign_core::finding::Side;
use sqlparser::dialect::{
    ClickHouseDialect, Dialect, GenericDialect, MsSqlDialect, MySqlDialect, SQLiteDialect,
};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::Hit;
use crate::table::Rules;

/// The dangers in a script, in the first dialect that reads all of it; `None` where none does.
pub(super) fn hits(text: &str) -> Option<Vec<Hit>> {
    let dialects: [&dyn Dialect; 5] = [
        &MySqlDialect {},
        &ClickHouseDialect {},
        &MsSqlDialect {},
        &SQLiteDialect {},
        &GenericDialect {},
    ];
    let statements = dialects.iter().find_map(|dialect| statements(*dialect, text))?;
    let rules = Rules::builtin();
    let mut found = Vec::new();
    for (lines, statement) in statements {
        let mask = rules.for_path("x.sql") & rules.sql();
        rules.candidates(Side::New, mask, statement.as_bytes(), |at| {
            let rule = &rules.rules[at];
            if rule.stands(statement.as_bytes()) {
                found.push(Hit {
                    rule: rule.id().to_owned(),
                    lines,
                    text: statement.clone(),
                    ..Hit::default()
                });
            }
        });
    }
    Some(found)
}

/// First and last line of each statement, and what it says in one line.
fn statements(dialect: &dyn Dialect, text: &str) -> Option<Vec<((u32, u32), String)>> {
    let tokens = Tokenizer::new(dialect, text).tokenize_with_location().ok()?;
    let mut found = Vec::new();
    for tokens in tokens.split(|token| token.token == Token::SemiColon) {
        let said = |token: &&TokenWithSpan| !matches!(token.token, Token::Whitespace(_) | Token::EOF);
        let (Some(first), Some(last)) = (tokens.iter().find(said), tokens.iter().rfind(said)) else {
            continue;
        };
        let lines = (first.span.start.line as u32, last.span.end.line as u32);
        let mut parser = Parser::new(dialect).with_tokens_with_locations(tokens.to_vec());
        let statement = parser.parse_statement().ok()?;
        if parser.peek_token().token != Token::EOF {
            return None;
        }
        found.push((lines, format!("{statement};")));
    }
    Some(found)
}
