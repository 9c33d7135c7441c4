//! The components that a diff touches, and all that depends on them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use countersign_core::finding::{Assessment, Component, NotAssessed};
use countersign_core::patch::Patch;
use countersign_core::policy::Pattern;

use crate::ComponentSpec;

/// Fills in the components of an assessment whose findings are there already.
pub(crate) fn radius(patch: &Patch<'_>, specs: &[ComponentSpec], out: &mut Assessment) {
    if specs.is_empty() {
        return;
    }
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
    let contains = |at: usize, path: &str| patterns[at].iter().any(|pattern| pattern.matches(path));

    let paths: BTreeSet<String> = patch
        .files
        .iter()
        .flat_map(|file| [file.display_path(), file.display_old_path()])
        .filter(|path| !path.is_empty())
        .collect();
    let mut distance: BTreeMap<usize, u32> = BTreeMap::new();
    let mut next = VecDeque::new();
    for at in 0..specs.len() {
        if paths.iter().any(|path| contains(at, path)) {
            distance.insert(at, 0);
            next.push_back(at);
        }
    }
    while let Some(at) = next.pop_front() {
        let steps = distance.get(&at).copied().unwrap_or_default() + 1;
        for (dependant, spec) in specs.iter().enumerate() {
            if spec.depends_on.contains(&specs[at].name) && !distance.contains_key(&dependant) {
                distance.insert(dependant, steps);
                next.push_back(dependant);
            }
        }
    }
    let names: BTreeSet<&str> = distance.keys().map(|at| specs[*at].name.as_str()).collect();
    for (at, steps) in &distance {
        let spec = &specs[*at];
        let inside = out.findings.iter().filter(|finding| contains(*at, &finding.path));
        out.components.push(Component {
            name: spec.name.clone(),
            tier: spec.tier,
            distance: *steps,
            depends_on: spec
                .depends_on
                .iter()
                .filter(|name| names.contains(name.as_str()))
                .cloned()
                .collect(),
            severity: inside.map(|finding| finding.severity).max(),
        });
    }
    out.components
        .sort_by(|a, b| (a.distance, &a.name).cmp(&(b.distance, &b.name)));
}
