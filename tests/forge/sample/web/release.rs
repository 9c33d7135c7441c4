//! A workflow that gains every permission by an applied suggestion.

use anyhow::Result;

use super::REPO;
use crate::forge::git::Edit;
use crate::forge::sample::{change, commit, swap, team};
use crate::forge::world::{NewChange, World};

const WORKFLOW: &str = r"name: release

on:
  push:
    tags: ['v*']

permissions:
  contents: read

jobs:
  publish:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683
      - uses: actions/setup-node@49933ea5288caeca8642d1e84afbd3f7d6820020
        with:
          node-version: 22
          cache: npm
      - run: npm ci
      - run: npm test
      - run: npm publish --workspaces
        env:
          NODE_AUTH_TOKEN: ${{ secrets.GITHUB_TOKEN }}
";

/// What is there before.
pub(super) fn files() -> Vec<Edit> {
    vec![Edit::write(".github/workflows/release.yml", WORKFLOW)]
}

/// Opens the change.
pub(super) fn open(world: &mut World) -> Result<()> {
    world.open(workflow()?)?;
    world.check(REPO, 1890, "actionlint", Some("success"))
}

fn workflow() -> Result<NewChange> {
    let mut new = change(
        REPO,
        1890,
        "Let the release job write packages",
        "ade-o",
        "release-packages",
        305,
    );
    new.body = "Publishing fails with 403 since the token became read only.\n".to_owned();
    new.asked = team("platform");
    let first = swap(
        WORKFLOW,
        &[("  contents: read\n", "  contents: read\n  packages: write\n")],
    )?;
    let second = swap(
        &first,
        &[(
            "permissions:\n  contents: read\n  packages: write\n",
            "permissions: write-all\n",
        )],
    )?;
    new.commits = vec![
        commit(
            "Let the release job write packages",
            "ade-o",
            340,
            vec![Edit::write(".github/workflows/release.yml", &first)],
        ),
        commit(
            "Apply suggestion from review\n\nCo-authored-by: Copilot <175728472+Copilot@users.noreply.github.com>",
            "ade-o",
            308,
            vec![Edit::write(".github/workflows/release.yml", &second)],
        ),
    ];
    Ok(new)
}
