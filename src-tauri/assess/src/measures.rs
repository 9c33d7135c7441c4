//! Size and spread of a change: context for the reader, never a finding by itself.
//!
//! Entropy is that of the changed lines over the files, from 0 (one file) to 100 (all files alike). Source: Hassan,
//! ICSE 2009; Kamei et al., TSE 2013.

use std::collections::BTreeSet;

use countersign_core::finding::Measures;
use countersign_core::patch::{LineKind, Patch};

use crate::table::Rules;

/// Measures a diff.
pub(crate) fn of(patch: &Patch<'_>) -> Measures {
    let rules = Rules::builtin();
    let (mut folders, mut churn) = (BTreeSet::new(), Vec::new());
    let (mut code, mut tests) = (false, false);
    for file in &patch.files {
        let path = file.display_path();
        folders.insert(path.rsplit_once('/').map_or("", |(dir, _)| dir).to_owned());
        churn.push(file.lines().filter(|line| line.kind != LineKind::Context).count());
        let adds = file.lines().any(|line| line.kind == LineKind::Added);
        if rules.is_test(&path) {
            tests = true;
        } else if adds && rules.is_code(&path) {
            code = true;
        }
    }
    Measures {
        files: patch.files.len() as u64,
        folders: folders.len() as u64,
        lines_added: patch.lines_added(),
        lines_removed: patch.lines_removed(),
        entropy: entropy(&churn),
        code_without_tests: code && !tests,
    }
}

/// In percent of the greatest that the number of files allows.
fn entropy(churn: &[usize]) -> u32 {
    let total: usize = churn.iter().sum();
    let shares = churn.iter().filter(|lines| **lines > 0);
    let bits: f64 = shares
        .map(|lines| *lines as f64 / total as f64)
        .map(|share| -share * share.log2())
        .sum();
    if churn.len() < 2 {
        return 0;
    }
    (100.0 * bits / (churn.len() as f64).log2()).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_is_how_evenly_lines_are_spread() {
        assert_eq!(entropy(&[]), 0);
        assert_eq!(entropy(&[7]), 0);
        assert_eq!(entropy(&[0, 0]), 0);
        assert_eq!(entropy(&[5, 5, 5, 5]), 100);
        assert_eq!(entropy(&[9, 1]), 47);
    }
}
