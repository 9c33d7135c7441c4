//! The parts of a repository by its own manifests, for where no policy names them: Cargo, npm and pnpm, Go, Maven,
//! Python.
//!
//! A part is a folder with a manifest that names it; a file belongs to the deepest one around it. It depends on
//! another where its manifest asks for that one by the name or path under which it stands in the same repository.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use countersign_core::finding::NotAssessed;
use toml::Value;

/// A manifest as it stands at the base of the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Its path from the repository's root.
    pub path: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// Whether a file of the repository is a manifest that tells of its parts: what to fetch for [`Manifest`].
pub fn is_manifest(path: &str) -> bool {
    let foreign = ["node_modules", "vendor", "testdata", "fixtures", "third_party"];
    let known = System::of(path).is_some();
    known && !path.split('/').any(|part| foreign.contains(&part))
}

/// Larger ones are generated.
const LARGEST: usize = 1 << 20;

/// Parts and what they depend on.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    pub(crate) parts: Vec<Part>,
    /// Which kinds of manifest they come from, in words.
    pub(crate) from: String,
    pub(crate) not_read: Vec<NotAssessed>,
    by_dir: HashMap<String, usize>,
}

/// One part.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) depends_on: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum System {
    Cargo,
    Npm,
    Go,
    Maven,
    Python,
}

impl System {
    fn of(path: &str) -> Option<Self> {
        match path.rsplit_once('/').map_or(path, |(_, name)| name) {
            "Cargo.toml" => Some(Self::Cargo),
            "package.json" => Some(Self::Npm),
            "go.mod" => Some(Self::Go),
            "pom.xml" => Some(Self::Maven),
            "pyproject.toml" => Some(Self::Python),
            _ => None,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Cargo => "Cargo packages",
            Self::Npm => "npm packages",
            Self::Go => "Go modules",
            Self::Maven => "Maven modules",
            Self::Python => "Python projects",
        }
    }
}

/// What one manifest says.
#[derive(Debug, Default)]
struct Said {
    name: Option<String>,
    /// Names that it asks for.
    names: BTreeSet<String>,
    /// Folders that it asks for, from the root.
    dirs: BTreeSet<String>,
}

impl Parts {
    /// Reads the manifests of a repository.
    pub(crate) fn of(manifests: &[Manifest]) -> Self {
        let mut out = Self::default();
        let mut said: BTreeMap<(String, System), Said> = BTreeMap::new();
        let shared = workspace_paths(manifests);
        for manifest in manifests.iter().filter(|one| is_manifest(&one.path)) {
            let Some(system) = System::of(&manifest.path) else {
                continue;
            };
            let dir = dir(&manifest.path);
            let read = match str::from_utf8(&manifest.bytes) {
                Ok(text) if text.len() <= LARGEST => match system {
                    System::Cargo => cargo(text, &dir, &shared),
                    System::Npm => npm(text, &dir),
                    System::Go => Ok(go(text)),
                    System::Maven => Ok(maven(text)),
                    System::Python => python(text, &dir),
                },
                Ok(_) => Err("larger than 1 MiB".to_owned()),
                Err(_) => Err("not UTF-8".to_owned()),
            };
            match read {
                Ok(read) if read.name.is_some() => {
                    said.insert((dir, system), read);
                }
                Ok(_) => {}
                Err(reason) => out.not_read.push(NotAssessed {
                    path: manifest.path.clone(),
                    reason: format!("what depends on what is not known from it: {reason}"),
                }),
            }
        }
        out.link(&said);
        out
    }

    fn link(&mut self, said: &BTreeMap<(String, System), Said>) {
        let mut shown: BTreeMap<&str, usize> = BTreeMap::new();
        for name in said.values().filter_map(|one| one.name.as_deref()) {
            *shown.entry(name).or_default() += 1;
        }
        // Two systems in one folder are one part; equal names elsewhere are told apart by their folders.
        let mut names: BTreeMap<&str, String> = BTreeMap::new();
        for ((dir, _), one) in said {
            let Some(name) = one.name.as_deref() else { continue };
            let twice = shown[name] > 1 && !names.contains_key(dir.as_str()) && !dir.is_empty();
            let name = if twice {
                format!("{name} ({dir})")
            } else {
                name.to_owned()
            };
            names.entry(dir).or_insert(name);
        }
        let homes: HashMap<(System, &str), &str> = said
            .iter()
            .filter_map(|((dir, system), one)| Some(((*system, one.name.as_deref()?), dir.as_str())))
            .collect();
        let mut depends: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for ((dir, system), one) in said {
            let by_name = one
                .names
                .iter()
                .filter_map(|name| homes.get(&(*system, name.as_str())).copied());
            let homes = by_name.chain(one.dirs.iter().map(String::as_str));
            let others = homes
                .filter(|home| home != dir)
                .filter_map(|home| names.get(home).cloned());
            depends.entry(dir).or_default().extend(others);
        }
        for (dir, name) in names {
            self.by_dir.insert(dir.to_owned(), self.parts.len());
            let depends_on = depends.remove(dir).unwrap_or_default().into_iter().collect();
            self.parts.push(Part { name, depends_on });
        }
        let systems: BTreeSet<System> = said.keys().map(|(_, system)| *system).collect();
        self.from = systems
            .iter()
            .map(|one| one.words())
            .collect::<Vec<_>>()
            .join(", ");
    }

    /// The part that a file belongs to: the deepest around it.
    pub(crate) fn of_path(&self, path: &str) -> Option<usize> {
        let mut rest = path;
        while let Some((dir, _)) = rest.rsplit_once('/') {
            if let Some(at) = self.by_dir.get(dir) {
                return Some(*at);
            }
            rest = dir;
        }
        self.by_dir.get("").copied()
    }
}

fn dir(path: &str) -> String {
    path.rsplit_once('/').map_or("", |(dir, _)| dir).to_owned()
}

/// A relative path from a folder, from the root; `None` where it leaves the repository.
fn resolve(dir: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = dir.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            other => parts.push(other),
        }
    }
    Some(parts.join("/"))
}

/// Folders that a Cargo workspace gives names to, for its members to ask for.
fn workspace_paths(manifests: &[Manifest]) -> HashMap<String, String> {
    let mut paths = HashMap::new();
    for manifest in manifests
        .iter()
        .filter(|one| System::of(&one.path) == Some(System::Cargo))
    {
        let text = str::from_utf8(&manifest.bytes)
            .ok()
            .filter(|text| text.len() <= LARGEST);
        let Some(Ok(value)) = text.map(str::parse::<toml::Table>) else {
            continue;
        };
        let shared = value
            .get("workspace")
            .and_then(|workspace| workspace.get("dependencies"));
        for (name, entry) in shared.and_then(Value::as_table).into_iter().flatten() {
            let path = entry.get("path").and_then(Value::as_str);
            if let Some(path) = path.and_then(|path| resolve(&dir(&manifest.path), path)) {
                paths.insert(name.clone(), path);
            }
        }
    }
    paths
}

fn cargo(text: &str, dir: &str, shared: &HashMap<String, String>) -> Result<Said, String> {
    let value: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| error.message().to_owned())?;
    let name = value
        .get("package")
        .and_then(|package| package.get("name"))
        .and_then(Value::as_str);
    let mut said = Said {
        name: name.map(str::to_owned),
        ..Said::default()
    };
    let targets = value
        .get("target")
        .and_then(Value::as_table)
        .into_iter()
        .flatten();
    let tables = targets
        .filter_map(|(_, target)| target.as_table())
        .chain([&value]);
    for table in tables {
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (name, entry) in table.get(section).and_then(Value::as_table).into_iter().flatten() {
                let own = entry.get("path").and_then(Value::as_str);
                let inherits = entry.get("workspace").and_then(Value::as_bool) == Some(true);
                let shared = shared.get(name).filter(|_| inherits).cloned();
                said.dirs
                    .extend(own.and_then(|path| resolve(dir, path)).or(shared));
            }
        }
    }
    Ok(said)
}

fn npm(text: &str, dir: &str) -> Result<Said, String> {
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let mut said = Said {
        name: value["name"].as_str().map(str::to_owned),
        ..Said::default()
    };
    for section in [
        "dependencies",
        "devDependencies",
        "peerDependencies",
        "optionalDependencies",
    ] {
        for (name, version) in value[section].as_object().into_iter().flatten() {
            said.names.insert(name.clone());
            let version = version.as_str().unwrap_or_default();
            let path = ["file:", "link:", "portal:"]
                .iter()
                .find_map(|kind| version.strip_prefix(kind));
            said.dirs.extend(path.and_then(|path| resolve(dir, path)));
        }
    }
    Ok(said)
}

fn go(text: &str) -> Said {
    let mut said = Said::default();
    let mut requires = false;
    for line in text.lines() {
        let words: Vec<&str> = line
            .split("//")
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        match words.as_slice() {
            ["module", name] => said.name = Some(name.trim_matches('"').to_owned()),
            ["require", "("] => requires = true,
            [")"] => requires = false,
            ["require", name, _] => {
                said.names.insert((*name).to_owned());
            }
            [name, _] if requires => {
                said.names.insert((*name).to_owned());
            }
            _ => {}
        }
    }
    said
}

/// The artifact of the project and those of its dependencies: all that is asked of the XML.
fn maven(text: &str) -> Said {
    let mut said = Said::default();
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
            continue;
        }
        let Some((tag, after)) = after.split_once('>') else {
            break;
        };
        if tag.starts_with('/') {
            match open.as_slice() {
                ["project", "artifactId"] => said.name = Some(before.trim().to_owned()),
                [.., "dependency" | "parent", "artifactId"] => {
                    said.names.insert(before.trim().to_owned());
                }
                _ => {}
            }
            open.pop();
        } else if !tag.ends_with('/') && !tag.starts_with(['?', '!']) && open.len() < 64 {
            open.push(tag.split_whitespace().next().unwrap_or_default());
        }
        rest = after;
    }
    said
}

fn python(text: &str, dir: &str) -> Result<Said, String> {
    let value: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| error.message().to_owned())?;
    let project = value.get("project");
    let poetry = value.get("tool").and_then(|tool| tool.get("poetry"));
    let name = |table: Option<&Value>| table?.get("name")?.as_str().map(normal);
    let mut said = Said {
        name: name(project).or_else(|| name(poetry)),
        ..Said::default()
    };
    let listed = project.and_then(|project| project.get("dependencies"));
    let optional = project.and_then(|project| project.get("optional-dependencies"));
    let groups = [optional, value.get("dependency-groups")];
    let groups = groups.into_iter().flatten().filter_map(Value::as_table);
    for list in listed.into_iter().chain(groups.flat_map(|table| table.values())) {
        let words = list.as_array().into_iter().flatten().filter_map(Value::as_str);
        said.names.extend(words.map(normal));
    }
    for (name, entry) in poetry
        .and_then(|one| one.get("dependencies"))
        .and_then(Value::as_table)
        .into_iter()
        .flatten()
    {
        said.names.insert(normal(name));
        let path = entry.get("path").and_then(Value::as_str);
        said.dirs.extend(path.and_then(|path| resolve(dir, path)));
    }
    Ok(said)
}

/// A Python project's name as the index compares it, cut off what stands behind.
fn normal(text: &str) -> String {
    let name = text
        .trim()
        .split(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.')));
    name.take(1)
        .collect::<String>()
        .to_lowercase()
        .replace(['_', '.'], "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(files: &[(&str, &str)]) -> Parts {
        let manifest = |(path, text): &(&str, &str)| Manifest {
            path: (*path).to_owned(),
            bytes: text.as_bytes().to_vec(),
        };
        Parts::of(&files.iter().map(manifest).collect::<Vec<_>>())
    }

    fn edges(parts: &Parts) -> Vec<(&str, Vec<&str>)> {
        (parts.parts.iter())
            .map(|part| {
                (
                    part.name.as_str(),
                    part.depends_on.iter().map(String::as_str).collect(),
                )
            })
            .collect()
    }

    #[test]
    fn cargo_depends_by_path_and_through_the_workspace() {
        let found = parts(&[
            (
                "Cargo.toml",
                "[workspace.dependencies]\ncore = { path = \"crates/core\" }\nserde = \"1\"\n",
            ),
            (
                "crates/core/Cargo.toml",
                "[package]\nname = \"core\"\n[dependencies]\nserde.workspace = true\n",
            ),
            (
                "crates/app/Cargo.toml",
                "[package]\nname = \"app\"\n[dependencies]\ncore.workspace = true\n[target.'cfg(unix)'.dependencies]\nos = { path = \"../os\" }\n",
            ),
            (
                "crates/os/Cargo.toml",
                "[package]\nname = \"os\"\n[dependencies]\napp = \"1\"\n",
            ),
        ]);
        assert_eq!(
            edges(&found),
            [("app", vec!["core", "os"]), ("core", vec![]), ("os", vec![])]
        );
        assert_eq!(found.from, "Cargo packages");
        assert_eq!(found.of_path("crates/app/src/main.rs"), Some(0));
        assert_eq!(found.of_path("README.md"), None);
    }

    #[test]
    fn packages_of_other_systems_depend_by_name() {
        let found = parts(&[
            (
                "web/package.json",
                "{\"name\": \"web\", \"dependencies\": {\"@a/ui\": \"workspace:*\", \"react\": \"1\"}}",
            ),
            ("ui/package.json", "{\"name\": \"@a/ui\"}"),
            ("ui/node_modules/react/package.json", "{\"name\": \"react\"}"),
            (
                "api/go.mod",
                "module x.io/api\nrequire (\n\tx.io/lib v1.0.0 // indirect\n)\n",
            ),
            ("lib/go.mod", "module x.io/lib\n"),
            (
                "m/a/pom.xml",
                "<project><parent><artifactId>root</artifactId></parent><!-- <artifactId>no</artifactId> --><artifactId>a</artifactId><dependencies><dependency><artifactId>b</artifactId></dependency></dependencies></project>",
            ),
            (
                "m/b/pom.xml",
                "<?xml version=\"1.0\"?><project>\n<artifactId> b </artifactId></project>",
            ),
            (
                "py/a/pyproject.toml",
                "[project]\nname = \"Py_A\"\ndependencies = [\"py.b[x]>=1; os\"]\n",
            ),
            ("py/b/pyproject.toml", "[tool.poetry]\nname = \"py-b\"\n"),
        ]);
        assert_eq!(
            edges(&found),
            [
                ("x.io/api", vec!["x.io/lib"]),
                ("x.io/lib", vec![]),
                ("a", vec!["b"]),
                ("b", vec![]),
                ("py-a", vec!["py-b"]),
                ("py-b", vec![]),
                ("@a/ui", vec![]),
                ("web", vec!["@a/ui"]),
            ]
        );
        assert_eq!(
            found.from,
            "npm packages, Go modules, Maven modules, Python projects"
        );
    }

    #[test]
    fn equal_names_are_told_apart_and_what_cannot_be_read_is_said() {
        let found = parts(&[
            ("a/package.json", "{\"name\": \"x\"}"),
            ("b/package.json", "{\"name\": \"x\"}"),
            ("c/package.json", "{"),
            ("Cargo.toml", "= 1"),
        ]);
        assert_eq!(edges(&found), [("x (a)", vec![]), ("x (b)", vec![])]);
        let paths: Vec<_> = found.not_read.iter().map(|one| one.path.as_str()).collect();
        assert_eq!(paths, ["c/package.json", "Cargo.toml"]);
        assert_eq!(resolve("a/b", "../../../c"), None);
    }
}
