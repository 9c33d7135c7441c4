//! Sets of paths: those that the tables give a name, and those where the same text does less harm.

use std::collections::BTreeMap;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// The globs of a list, names (`@sql`) replaced by what they stand for.
pub(crate) fn expand<'g>(
    list: &'g [String],
    named: &'g BTreeMap<String, Vec<String>>,
) -> Result<Vec<&'g String>, String> {
    let mut all = Vec::new();
    for glob in list {
        match glob.strip_prefix('@') {
            Some(name) => all.extend(
                named
                    .get(name)
                    .ok_or_else(|| format!("no globs are called {name}"))?,
            ),
            None => all.push(glob),
        }
    }
    Ok(all)
}

pub(crate) fn glob_of(glob: &str) -> Result<globset::Glob, String> {
    GlobBuilder::new(glob)
        .literal_separator(true)
        .build()
        .map_err(|error| error.to_string())
}

/// The paths that a name stands for.
pub(crate) fn named_set(name: &str, named: &BTreeMap<String, Vec<String>>) -> Result<GlobSet, String> {
    let mut set = GlobSetBuilder::new();
    for glob in expand(&[format!("@{name}")], named)? {
        set.add(glob_of(glob)?);
    }
    set.build().map_err(|error| error.to_string())
}

/// Paths at which the same text does less harm.
pub(crate) fn test_paths() -> Result<GlobSet, String> {
    let mut set = GlobSetBuilder::new();
    for name in [
        "test",
        "tests",
        "__tests__",
        "spec",
        "testdata",
        "fixtures",
        "e2e",
        "example",
        "examples",
        "dev",
        "local",
    ] {
        set.add(glob_of(&format!("**/{name}/**"))?);
    }
    for name in [
        "*_test.*",
        "*.test.*",
        "test_*",
        "*_spec.*",
        "*.spec.*",
        "*Test.java",
        "docker-compose.dev.*",
    ] {
        set.add(glob_of(&format!("**/{name}"))?);
    }
    set.build().map_err(|error| error.to_string())
}
