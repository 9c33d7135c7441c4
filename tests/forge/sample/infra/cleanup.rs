//! A cleanup script that empties whatever directory it is given.

use anyhow::Result;

use super::REPO;
use crate::forge::git::Edit;
use crate::forge::sample::{change, commit, viewer};
use crate::forge::world::{NewChange, World};

const CLEANUP: &str = r#"#!/usr/bin/env bash
# Frees disk space on the build hosts. Run by cron every night.
set -euo pipefail

CACHE=/var/cache/acme-build

find "$CACHE" -type f -mtime +14 -delete
find "$CACHE" -type d -empty -delete

df -h "$CACHE"
"#;

const CLEANUP_AFTER: &str = r#"#!/usr/bin/env bash
# Frees disk space on the build hosts. Run by cron every night.

CONFIG=${CONFIG:-/etc/acme/cleanup.conf}

if [ -f "$CONFIG" ]; then
  . "$CONFIG"
fi

clean() {
  local DIR=$1
  echo "cleaning $DIR"
  rm -rf "$DIR/"*
}

clean "$BUILD_CACHE"
clean "$DOCKER_CACHE/layers"

if [ "${DEEP_CLEAN:-0}" = 1 ]; then
  docker system prune --all --force --volumes
  rm -rf "$ARTIFACT_DIR/"
fi

df -h /
"#;

const CLEANUP_CONF: &str = "# Sourced by scripts/cleanup.sh.\nBUILD_CACHE=/var/cache/acme-build\nDOCKER_CACHE=/var/lib/docker/acme\n";

/// What is there before.
pub(super) fn files() -> Vec<Edit> {
    vec![Edit::script("scripts/cleanup.sh", CLEANUP)]
}

/// Opens the change.
pub(super) fn open(world: &mut World) -> Result<()> {
    world.open(cleanup())?;
    world.check(REPO, 479, "shellcheck", Some("success"))
}

fn cleanup() -> NewChange {
    let mut new = change(
        REPO,
        479,
        "Clean more caches every night",
        "jun-p",
        "nightly-cleanup",
        1_560,
    );
    new.body = "The build hosts run full twice a week. Also cleans the docker layers, and takes the paths from a file.\n".into();
    new.asked = viewer();
    new.commits = vec![
        commit(
            "Take the cleanup paths from a file",
            "jun-p",
            1_600,
            vec![Edit::script("scripts/cleanup.sh", CLEANUP_AFTER)],
        ),
        commit(
            "Add the default paths",
            "jun-p",
            1_570,
            vec![Edit::write("scripts/cleanup.conf", CLEANUP_CONF)],
        ),
    ];
    new
}
