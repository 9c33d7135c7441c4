//! What a line of a manifest asks for: a new name, a looser version.

use countersign_core::finding::Side;
use countersign_core::patch::LineKind;

use crate::filter::Spot;
use crate::table::Rule;
use crate::view::{View, contains, on_side};

/// Whether the name stands nowhere before the change, in a part of the manifest that lists dependencies.
pub(crate) fn is_new_name(rule: &Rule, view: &View<'_>, spot: Spot) -> bool {
    let Some(own) = name(rule, view.code(spot.row, Side::New)) else {
        return false;
    };
    let near = view
        .near(spot.row, 40)
        .filter(|at| on_side(view.rows[*at].line, Side::Old));
    if near
        .filter_map(|at| name(rule, view.text(at)))
        .any(|other| other == own)
    {
        return false;
    }
    let text = view.code(spot.row, Side::New).trim_ascii();
    let parent = view.parents(spot.row, Side::New).into_iter().next();
    if view.name().ends_with(".toml") {
        let header = header(view, spot.row);
        if text.starts_with(b"\"") && !contains(text, b"=") || text.starts_with(b"\"") && parent.is_some() {
            let groups =
                header.is_some_and(|header| contains(header, b"dependenc") && contains(header, b"project"));
            return parent.is_none_or(lists) || groups;
        }
        return header.is_none_or(lists);
    }
    if view.name().ends_with(".json") {
        return contains(text, b":") && parent.is_none_or(lists);
    }
    let bare = text
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    !bare || view.name().ends_with(".txt")
}

/// Whether the line replaces a tighter one about the same name.
pub(crate) fn loosens(rule: &Rule, view: &View<'_>, spot: Spot) -> bool {
    let Some(own) = name(rule, view.code(spot.row, Side::New)) else {
        return false;
    };
    view.near(spot.row, 12).any(|at| {
        let text = view.text(at);
        let rest = text.trim_ascii().strip_prefix(b"\"").unwrap_or(text.trim_ascii());
        let same = rest.strip_prefix(own.as_slice()).is_some_and(|rest| {
            !rest
                .first()
                .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
        });
        view.rows[at].line.kind == LineKind::Removed && same && !rule.matches(text)
    })
}

fn name(rule: &Rule, text: &[u8]) -> Option<Vec<u8>> {
    let found = rule.captures(text)?;
    let name = (1..found.len()).find_map(|part| found.get(part))?;
    Some(name.as_bytes().to_vec())
}

/// The table of a TOML file in which a row stands, where the hunk shows it.
fn header<'p>(view: &View<'p>, row: usize) -> Option<&'p [u8]> {
    let above = (row.saturating_sub(200)..row)
        .rev()
        .take_while(|at| view.rows[*at].hunk == view.rows[row].hunk);
    above.map(|at| view.text(at)).find(|text| text.starts_with(b"["))
}

/// Whether the opening of a section says that dependencies follow.
fn lists(text: &[u8]) -> bool {
    let text = text.to_ascii_lowercase();
    [
        &b"ependenc"[..],
        b"require",
        b"packages",
        b"overrides",
        b"resolutions",
        b"optional",
        b"group",
        b"libraries",
    ]
    .iter()
    .any(|word| contains(&text, word))
}

/// The ecosystem of a manifest, or of a lock file.
pub(crate) fn ecosystem(name: &str, lock: bool) -> Option<&'static str> {
    let system = match (name, lock) {
        ("package.json", false) | ("package-lock.json" | "yarn.lock" | "pnpm-lock.yaml", true) => "npm",
        ("pnpm-workspace.yaml", false) => "npm",
        ("Cargo.toml", false) | ("Cargo.lock", true) => "cargo",
        ("pyproject.toml", false) | ("poetry.lock" | "uv.lock", true) => "python",
        ("go.mod", false) | ("go.sum", true) => "go",
        ("Gemfile", false) | ("Gemfile.lock", true) => "ruby",
        ("composer.json", false) | ("composer.lock", true) => "php",
        (other, false) if other.ends_with(".gemspec") => "ruby",
        _ => return None,
    };
    Some(system)
}
