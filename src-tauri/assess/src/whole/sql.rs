//! SQL as PostgreSQL reads it, by squawk, and else in another dialect. Source of the rules: squawk's documentation, one page a rule.

use std::sync::LazyLock;

use regex::Regex;
use squawk_linter::{Linter, Rule};
use squawk_syntax::SourceFile;
use squawk_syntax::ast::{AstNode as _, Stmt};

use super::dialects;
use super::{Hit, in_one_line, line_of, without_comments};

/// The parser goes one call deeper for each level; this much room is enough for the largest file it is given.
const STACK: usize = 512 << 20;
const DEEPEST: usize = 200;
/// Its work grows with the square of an expression's depth, which no more than this can hold.
const LONGEST_EXPRESSION: usize = 4 << 10;

/// Which of our rules says what a rule of the linter finds.
fn ours(rule: Rule) -> Option<&'static str> {
    RULES
        .iter()
        .find(|(theirs, _)| *theirs == rule)
        .map(|(_, id)| *id)
}

const RULES: &[(Rule, &str)] = &[
    (Rule::BanDropTable, "sql.drop_table"),
    (Rule::BanDropDatabase, "sql.drop_database"),
    (Rule::BanDropSchema, "sql.drop_database"),
    (Rule::BanDropColumn, "sql.drop_column"),
    (Rule::RequireConcurrentIndexCreation, "sql.index_blocking"),
    (Rule::AddingNotNullableField, "sql.add_not_null"),
    (Rule::AddingRequiredField, "sql.add_not_null"),
    (Rule::ChangingColumnType, "sql.type_change"),
    (Rule::RenamingColumn, "sql.rename"),
    (Rule::RenamingTable, "sql.rename"),
    (Rule::ConstraintMissingNotValid, "sql.constraint"),
    (Rule::AddingForeignKeyConstraint, "sql.constraint"),
    (Rule::DisallowedUniqueConstraint, "sql.constraint"),
    (Rule::AddingSerialPrimaryKeyField, "sql.constraint"),
    (Rule::BanDropPolicy, "sql.grant"),
    (Rule::BanDisableTrigger, "sql.grant"),
    (Rule::BanRevoke, "sql.grant"),
];

/// The dangers in a script.
pub(super) fn hits(text: &str) -> Result<Vec<Hit>, String> {
    // Without its comments no word in them can tell the linter to look away.
    let text = without_templates(&without_comments("x.sql", text));
    let depth = text
        .bytes()
        .fold((0usize, 0usize), |(now, most), byte| match byte {
            b'(' | b'[' => (now + 1, most.max(now + 1)),
            b')' | b']' => (now.saturating_sub(1), most),
            _ => (now, most),
        });
    if depth.1 > DEEPEST
        || text
            .split([',', ';'])
            .any(|part| part.trim().len() > LONGEST_EXPRESSION)
    {
        return Err("nested too deeply for the parser of SQL".to_owned());
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, || read(&text));
        let thread = thread.map_err(|error| format!("the parser of SQL could not start ({error})"))?;
        thread
            .join()
            .unwrap_or_else(|_| Err("the parser of SQL failed".to_owned()))
    })
}

fn read(text: &str) -> Result<Vec<Hit>, String> {
    let parsed = SourceFile::parse(text);
    if let Some(error) = parsed.errors().first() {
        let line = line_of(text, usize::from(error.range().start()));
        let refused = format!("not read as PostgreSQL (line {line}: {})", error.message());
        return dialects::hits(text).ok_or(refused);
    }
    let mut statements = Vec::new();
    let mut found = Vec::new();
    for statement in parsed.tree().stmts() {
        let range = statement.syntax().text_range();
        let (start, end) = (usize::from(range.start()), usize::from(range.end()));
        statements.push((start, end));
        let all_rows = if let Stmt::Delete(delete) = &statement {
            delete.where_clause_or_current_of().is_none()
        } else if let Stmt::Update(update) = &statement {
            update.where_clause_or_current_of().is_none()
        } else {
            false
        };
        if all_rows {
            found.push(hit("sql.delete_no_where", text, start, end));
        }
        if matches!(statement, Stmt::Truncate(_)) {
            found.push(hit("sql.truncate", text, start, end));
        }
    }
    let mut linter = Linter::from(RULES.iter().map(|(rule, _)| *rule));
    for violation in linter.lint(&parsed, text) {
        let Some(id) = ours(violation.code) else { continue };
        let start = usize::from(violation.text_range.start());
        let at = statements.partition_point(|(from, _)| *from <= start);
        let end = at.checked_sub(1).map_or(text.len(), |at| statements[at].1);
        found.push(hit(
            id,
            text,
            start,
            end.max(usize::from(violation.text_range.end())),
        ));
    }
    Ok(found)
}

/// What stands for a name that a template gives later, with the point behind it.
static LATER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"_{5,}\.?").expect("a pattern that the tests compile"));

/// A text with names in the place of templates (`{{ .Schema }}`), each byte at its place.
fn without_templates(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, template)) = rest.split_once("{{") {
        let Some((template, after)) = template.split_once("}}").filter(|(name, _)| !name.contains('\n'))
        else {
            break;
        };
        out.push_str(before);
        out.extend(std::iter::repeat_n('_', template.len() + 4));
        rest = after;
    }
    out + rest
}

fn hit(rule: &str, text: &str, start: usize, end: usize) -> Hit {
    let words = text.get(start..end).unwrap_or_default();
    let start = start + (words.len() - words.trim_start().len());
    let end = start + words.trim().len();
    Hit {
        rule: rule.to_owned(),
        lines: (line_of(text, start), line_of(text, end)),
        text: format!(
            "{};",
            LATER
                .replace_all(&in_one_line(words), "")
                .trim_end_matches(';')
                .trim_end()
        ),
        ..Hit::default()
    }
}
