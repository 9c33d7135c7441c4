//! What manifests ask for, format by format.

use serde_json::Value as Json;
use toml::{Table, Value as Toml};

use super::{Format, Lets, Said};

/// Reads a manifest.
pub(super) fn read(format: Format, text: &str) -> Result<Said, String> {
    let toml = |text: &str| {
        text.parse::<Table>()
            .map_err(|error| format!("not read as TOML ({})", error.message()))
    };
    match format {
        Format::Cargo => toml(text).map(|table| cargo(&table)),
        Format::Pyproject => toml(text).map(|table| pyproject(&table)),
        Format::Npm => serde_json::from_str(text)
            .map(|value| npm(&value))
            .map_err(|error| format!("not read as JSON ({error})")),
        Format::Go => Ok(go(text)),
        Format::Maven => Ok(maven(text)),
        Format::Requirements => Ok(requirements(text)),
    }
}

fn cargo(table: &Table) -> Said {
    let mut said = Said::default();
    let targets = table.get("target").and_then(Toml::as_table).into_iter().flatten();
    let targets = targets.filter_map(|(_, target)| target.as_table());
    let workspace = table.get("workspace").and_then(Toml::as_table);
    for table in targets.chain(workspace).chain([table]) {
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (name, entry) in table.get(section).and_then(Toml::as_table).into_iter().flatten() {
                let (range, lets) = of_cargo(entry);
                said.ask(name, range, lets);
            }
        }
    }
    for (_, patched) in table.get("patch").and_then(Toml::as_table).into_iter().flatten() {
        for (name, entry) in patched.as_table().into_iter().flatten() {
            said.install(name, &entry.to_string());
        }
    }
    said
}

fn of_cargo(entry: &Toml) -> (&str, Option<Lets>) {
    let key = |key: &str| entry.get(key).and_then(Toml::as_str);
    if let Some(url) = key("git") {
        let pinned = key("rev").map(|rev| (rev, Lets::Exact));
        let tagged = key("tag").map(|tag| (tag, Lets::Within));
        let (range, lets) = pinned.or(tagged).unwrap_or((url, Lets::Any));
        return (range, Some(lets));
    }
    let range = entry.as_str().or_else(|| key("version"));
    range.map_or(("", None), |range| (range, Some(caret(range))))
}

/// Ranges of Cargo and Poetry: a bare version stands for all that are compatible.
fn caret(range: &str) -> Lets {
    match range.trim() {
        "" | "*" => Lets::Any,
        range if range.starts_with('=') => Lets::Exact,
        range if range.starts_with('>') && !range.contains('<') => Lets::From,
        _ => Lets::Within,
    }
}

fn npm(value: &Json) -> Said {
    let mut said = Said::default();
    let sections = [
        &value["dependencies"],
        &value["devDependencies"],
        &value["peerDependencies"],
        &value["optionalDependencies"],
        &value["overrides"],
        &value["resolutions"],
        &value["pnpm"]["overrides"],
    ];
    for (name, range) in sections.into_iter().filter_map(Json::as_object).flatten() {
        let range = range.as_str().unwrap_or_default();
        said.ask(name, range, of_npm(range));
    }
    for script in ["preinstall", "install", "postinstall", "prepare"] {
        let run = value["scripts"][script].as_str();
        if let Some(run) = run.filter(|run| script != "prepare" || !run.trim().starts_with("husky")) {
            said.install(script, run);
        }
    }
    said
}

fn of_npm(range: &str) -> Option<Lets> {
    let range = range.trim();
    // Another name for a package of the registry, with its own range.
    let range = match range.strip_prefix("npm:") {
        Some(alias) => alias.get(1..)?.split_once('@').map_or("", |(_, range)| range),
        None => range,
    };
    if ["file:", "link:", "portal:", "workspace:", "catalog:", "patch:"]
        .iter()
        .any(|kind| range.starts_with(kind))
    {
        return None;
    }
    if range.contains("://") || range.contains('/') {
        let commit = range.rsplit_once('#').map(|(_, commit)| commit);
        return Some(match commit {
            Some(commit) if is_commit(commit) => Lets::Exact,
            Some(commit) if commit.starts_with("semver:") => Lets::Within,
            _ if range.ends_with(".tgz") => Lets::Exact,
            _ => Lets::Any,
        });
    }
    let one = |range: &str| match range.trim() {
        "" | "*" | "x" | "X" => Lets::Any,
        range if range.starts_with('>') && !range.contains('<') => Lets::From,
        range if range.starts_with(['^', '~', '<', '>']) || range.contains([' ', 'x', '*']) => Lets::Within,
        range if range.starts_with(|c: char| c.is_ascii_digit() || c == '=' || c == 'v') => {
            let parts = range
                .split(['-', '+'])
                .next()
                .unwrap_or_default()
                .split('.')
                .count();
            if parts >= 3 { Lets::Exact } else { Lets::Within }
        }
        // A tag of the registry: whatever it points to.
        _ => Lets::Any,
    };
    range.split("||").map(one).max()
}

fn is_commit(text: &str) -> bool {
    text.len() >= 7 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn go(text: &str) -> Said {
    let mut said = Said::default();
    let mut section = String::new();
    for line in text.lines() {
        let code = line.split("//").next().unwrap_or_default();
        let mut words: Vec<&str> = code.split_whitespace().collect();
        match words.as_slice() {
            [word, "("] => {
                section = (*word).to_owned();
                continue;
            }
            [")"] => {
                section.clear();
                continue;
            }
            _ if !section.is_empty() => words.insert(0, &section),
            _ => {}
        }
        match words.as_slice() {
            ["require", name, version] => {
                said.ask(name, version, Some(Lets::Exact));
                if line.ends_with("// indirect") {
                    said.indirect.insert((*name).to_owned());
                }
            }
            // Code of another module under the name of this one; a folder of the repository has no version.
            ["replace", .., "=>", name, version] => said.install(name, version),
            _ => {}
        }
    }
    said
}

/// The dependencies of a project's model: all that is asked of the XML. Plugins run at build and are among them.
fn maven(text: &str) -> Said {
    let mut said = Said::default();
    let text = without_xml_comments(text);
    for (open, close) in [
        ("<dependency>", "</dependency>"),
        ("<plugin>", "</plugin>"),
        ("<parent>", "</parent>"),
    ] {
        for part in text.split(open).skip(1) {
            let part = part.split(close).next().unwrap_or_default();
            let own = part.split("<dependencies>").next().unwrap_or_default();
            let Some(name) = element(own, "artifactId") else {
                continue;
            };
            let range = element(own, "version").unwrap_or_default();
            let lets = (!range.is_empty() && !range.contains('$')).then(|| match range {
                "LATEST" | "RELEASE" => Lets::Any,
                range if range.ends_with(",)") => Lets::From,
                range if range.contains(',') => Lets::Within,
                _ => Lets::Exact,
            });
            said.ask(name, range, lets);
        }
    }
    for part in text
        .split("epository>")
        .skip(1)
        .filter(|part| part.trim_start().starts_with('<'))
    {
        if let Some(url) = element(part, "url") {
            said.install(url, "");
        }
    }
    said
}

fn without_xml_comments(text: &str) -> String {
    let mut parts = text.split("<!--");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.map(|part| part.split_once("-->").map_or("", |(_, rest)| rest));
    rest.fold(first, |all, part| all + part)
}

fn element<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split_once("</").map(|(value, _)| value.trim())
}

fn pyproject(table: &Table) -> Said {
    let mut said = Said::default();
    let project = table.get("project");
    let get = |value: Option<&'_ Toml>, key: &str| value.and_then(|value| value.get(key)).cloned();
    let mut lists = vec![
        get(project, "dependencies"),
        get(table.get("build-system"), "requires"),
    ];
    for groups in [
        get(project, "optional-dependencies"),
        table.get("dependency-groups").cloned(),
    ] {
        let groups = groups.as_ref().and_then(Toml::as_table).into_iter().flatten();
        lists.extend(groups.map(|(_, list)| Some(list.clone())));
    }
    for list in lists.iter().flatten() {
        for one in list.as_array().into_iter().flatten().filter_map(Toml::as_str) {
            python(one, &mut said);
        }
    }
    let tool = |name: &str| table.get("tool").and_then(|tool| tool.get(name));
    let poetry = tool("poetry");
    let groups = get(poetry, "group");
    let groups = groups.as_ref().and_then(Toml::as_table).into_iter().flatten();
    let groups = groups.map(|(_, group)| get(Some(group), "dependencies"));
    let poetry = [get(poetry, "dependencies"), get(poetry, "dev-dependencies")];
    for table in poetry.into_iter().chain(groups).flatten() {
        for (name, entry) in table
            .as_table()
            .into_iter()
            .flatten()
            .filter(|(name, _)| *name != "python")
        {
            let (range, lets) = of_cargo(entry);
            let exact = range.starts_with(|c: char| c.is_ascii_digit()) && !range.contains(['*', ',']);
            said.ask(
                name,
                range,
                lets.map(|lets| if exact { Lets::Exact } else { lets }),
            );
        }
    }
    for (tool, key) in [(tool("poetry"), "source"), (tool("uv"), "index")] {
        for source in get(tool, key)
            .as_ref()
            .and_then(Toml::as_array)
            .into_iter()
            .flatten()
        {
            said.install(source.get("url").and_then(Toml::as_str).unwrap_or_default(), "");
        }
    }
    said
}

fn requirements(text: &str) -> Said {
    let mut said = Said::default();
    for line in text.replace("\\\n", " ").lines() {
        let line = line.split(" #").next().unwrap_or_default().trim();
        let option = line.split([' ', '=']).next().unwrap_or_default();
        if ["-i", "--index-url", "--extra-index-url", "-f", "--find-links"].contains(&option) {
            said.install(
                option,
                line.trim_start_matches(option).trim_start_matches([' ', '=']),
            );
        } else if !line.starts_with(['-', '#']) {
            python(line.split(" --hash").next().unwrap_or_default(), &mut said);
        }
    }
    said
}

/// One requirement of Python: a name, what is wanted of it besides, and a range. Source: PEP 508 and PEP 440.
fn python(text: &str, said: &mut Said) {
    let text = text.split(';').next().unwrap_or_default().trim();
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() || rest.starts_with([':', '/']) {
        return;
    }
    let rest = rest.trim_start();
    let rest = if rest.starts_with('[') {
        rest.split_once(']').map_or("", |(_, rest)| rest)
    } else {
        rest
    };
    let range = rest.trim().trim_matches(['(', ')']);
    let lets = match range.strip_prefix('@') {
        Some(url) if url.rsplit_once('@').is_some_and(|(_, commit)| is_commit(commit)) => Lets::Exact,
        Some(url) if !url.contains("git+") => Lets::Exact,
        Some(_) => Lets::Any,
        None if range.contains("==") && !range.contains('*') => Lets::Exact,
        None if range.contains("==") || range.contains("~=") || range.contains('<') => Lets::Within,
        None if range.contains('>') => Lets::From,
        None => Lets::Any,
    };
    said.ask(name, range, Some(lets));
}
