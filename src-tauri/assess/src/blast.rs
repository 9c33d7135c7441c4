//! The components that a diff touches, and all that depends on them.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use countersign_core::finding::{Assessment, Component, NotAssessed, Severity};
use countersign_core::patch::Patch;
use countersign_core::policy::Pattern;

use crate::ComponentSpec;
use crate::manifests::{Manifest, Parts};

/// Fills in the components of an assessment whose findings are there already: those of the policy, else those of
/// the repository's own manifests.
pub(crate) fn radius(
    patch: &Patch<'_>,
    specs: &[ComponentSpec],
    manifests: &[Manifest],
    out: &mut Assessment,
) {
    if !specs.is_empty() {
        return by_policy(patch, specs, out);
    }
    let mut parts = Parts::of(manifests);
    out.not_assessed.append(&mut parts.not_read);
    if parts.parts.is_empty() {
        return;
    }
    out.components_from = Some(parts.from.clone());
    let nodes: Vec<Node<'_>> = (parts.parts.iter())
        .map(|part| Node {
            name: &part.name,
            tier: None,
            depends_on: &part.depends_on,
        })
        .collect();
    closure(
        patch,
        &nodes,
        |path| parts.of_path(path).into_iter().collect(),
        out,
    );
}

fn by_policy(patch: &Patch<'_>, specs: &[ComponentSpec], out: &mut Assessment) {
    out.components_from = Some("countersign.toml".to_owned());
    let mut patterns: Vec<Vec<Pattern>> = Vec::with_capacity(specs.len());
    for spec in specs {
        let mut own = Vec::new();
        for path in &spec.paths {
            match Pattern::new(path) {
                Ok(pattern) => own.push(pattern),
                Err(error) => out.not_assessed.push(NotAssessed {
                    path: String::new(),
                    reason: format!(
                        "the component {} has a path that cannot be used: {error}",
                        spec.name
                    ),
                }),
            }
        }
        patterns.push(own);
    }
    let nodes: Vec<Node<'_>> = (specs.iter())
        .map(|spec| Node {
            name: &spec.name,
            tier: spec.tier,
            depends_on: &spec.depends_on,
        })
        .collect();
    let owners = |path: &str| {
        let owns = |at: &usize| patterns[*at].iter().any(|pattern| pattern.matches(path));
        (0..patterns.len()).filter(owns).collect()
    };
    closure(patch, &nodes, owners, out);
}

/// A component before it is known whether the change reaches it.
struct Node<'a> {
    name: &'a str,
    tier: Option<u32>,
    depends_on: &'a [String],
}

/// Adds what is touched and all that depends on it, with the steps between. `owners`: whose a path is.
fn closure(patch: &Patch<'_>, nodes: &[Node<'_>], owners: impl Fn(&str) -> Vec<usize>, out: &mut Assessment) {
    let paths: BTreeSet<String> = patch
        .files
        .iter()
        .flat_map(|file| [file.display_path(), file.display_old_path()])
        .filter(|path| !path.is_empty())
        .collect();
    let mut dependants: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, node) in nodes.iter().enumerate() {
        for name in node.depends_on {
            dependants.entry(name).or_default().push(at);
        }
    }
    let mut distance: BTreeMap<usize, u32> = BTreeMap::new();
    let mut next = VecDeque::new();
    let touched: BTreeSet<usize> = paths.iter().flat_map(|path| owners(path)).collect();
    for at in touched {
        distance.insert(at, 0);
        next.push_back(at);
    }
    while let Some(at) = next.pop_front() {
        let steps = distance.get(&at).copied().unwrap_or_default() + 1;
        for dependant in dependants.get(nodes[at].name).into_iter().flatten() {
            if !distance.contains_key(dependant) {
                distance.insert(*dependant, steps);
                next.push_back(*dependant);
            }
        }
    }
    let names: BTreeSet<&str> = distance.keys().map(|at| nodes[*at].name).collect();
    let mut worst: BTreeMap<usize, Severity> = BTreeMap::new();
    for finding in out.findings.iter().filter(|finding| !finding.path.is_empty()) {
        for at in owners(&finding.path) {
            let so_far = worst.entry(at).or_insert(finding.severity);
            *so_far = finding.severity.max(*so_far);
        }
    }
    for (at, steps) in &distance {
        let node = &nodes[*at];
        let depends_on = node
            .depends_on
            .iter()
            .filter(|name| names.contains(name.as_str()));
        out.components.push(Component {
            name: node.name.to_owned(),
            tier: node.tier,
            distance: *steps,
            depends_on: depends_on.cloned().collect(),
            severity: worst.get(at).copied(),
        });
    }
    out.components
        .sort_by(|a, b| (a.distance, &a.name).cmp(&(b.distance, &b.name)));
}
