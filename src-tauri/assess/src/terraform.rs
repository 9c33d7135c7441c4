//! Terraform blocks that go, come, or only move. Source: Terraform's language docs on `moved`, `removed`, state.
//!
//! A folder is a state: a block that goes in one folder and comes in another is destroyed and created unless its
//! state is moved by hand, which no diff shows.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use countersign_core::finding::Side;
use countersign_core::patch::LineKind;
use regex::bytes::Regex;

use crate::view::{View, pattern};

/// All blocks of a diff that come or go.
#[derive(Default)]
pub(crate) struct Blocks {
    gone: Vec<Block>,
    come: Vec<Block>,
    /// Folder and address of what a new `removed` block lets go of without destroying it.
    released: HashSet<(String, String)>,
    /// Where a new `moved` block says that it went, by folder and address.
    moved: HashMap<(String, String), String>,
    /// Folder and address of every block that stands after the change, as far as the diff shows.
    standing: HashSet<(String, String)>,
    /// Places in `gone` by file and row, in `come` by address, and those of `come` that are new, by kind.
    at: HashMap<(usize, usize), usize>,
    again: HashMap<String, Vec<usize>>,
    new: HashMap<String, Vec<usize>>,
}

#[derive(Debug, Clone)]
struct Block {
    /// `aws_db_instance.main` or `module.network`.
    address: String,
    /// The resource type, or `module`.
    kind: String,
    /// What the object is called where it runs, else the name in the code.
    called: String,
    source: Option<String>,
    dir: String,
    file: usize,
    row: usize,
}

/// What becomes of what a removed block made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nothing: the block only moved.
    Kept,
    /// It is destroyed.
    Destroyed,
    /// It is destroyed, and another of its kind is made under this name.
    Recreated(String),
    /// The same block comes in this folder, which is another state.
    OtherFolder(String),
}

static HEADER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"^\s*(resource|module)\s+"?([\w.-]+)"?(?:\s+"?([\w.-]+)"?)?\s*\{"#));
static KEEPER: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*(moved|removed)\s*\{"));
static FROM: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*from\s*=\s*(\S+)"));
static TO: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\s*to\s*=\s*(\S+)"));
static SPARES: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bdestroy\s*=\s*false\b"));
static CALLED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"^\s*(?:identifier|cluster_identifier|bucket|name|db_name|table_name|cluster_id)\s*=\s*"([^"$]+)""#,
    )
});
static SOURCE: LazyLock<Regex> = LazyLock::new(|| pattern(r#"^\s*source\s*=\s*"([^"]+)""#));

impl Blocks {
    /// Reads all Terraform files of the diff.
    pub(crate) fn of(views: &[View<'_>]) -> Self {
        let mut blocks = Self::default();
        for (file, view) in views.iter().enumerate() {
            if [".tf", ".tofu", ".hcl"]
                .iter()
                .any(|extension| view.path.ends_with(extension))
            {
                blocks.read(file, view);
            }
        }
        let gone: HashSet<&str> = blocks.gone.iter().map(|block| block.address.as_str()).collect();
        let mut new: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, block) in blocks.come.iter().enumerate() {
            if !gone.contains(block.address.as_str()) {
                new.entry(block.kind.clone()).or_default().push(at);
            }
            blocks.again.entry(block.address.clone()).or_default().push(at);
        }
        blocks.new = new;
        blocks.at = blocks
            .gone
            .iter()
            .enumerate()
            .map(|(at, block)| ((block.file, block.row), at))
            .collect();
        blocks
    }

    fn gone_at(&self, file: usize, row: usize) -> Option<&Block> {
        self.at.get(&(file, row)).map(|at| &self.gone[*at])
    }

    fn again(&self, address: &str) -> impl Iterator<Item = &Block> {
        self.again
            .get(address)
            .into_iter()
            .flatten()
            .map(|at| &self.come[*at])
    }

    fn read(&mut self, file: usize, view: &View<'_>) {
        for (row, line) in view.rows.iter().enumerate() {
            let side = match line.line.kind {
                LineKind::Removed => Side::Old,
                LineKind::Added | LineKind::Context => Side::New,
            };
            if KEEPER.is_match(line.line.text) && side == Side::New {
                self.keep(view, row);
                continue;
            }
            if !HEADER.is_match(view.text(row)) {
                continue;
            }
            let Some(found) = HEADER.captures(view.code(row, side)) else {
                continue;
            };
            let part = |at| found.get(at).map(|part| lossy(part.as_bytes()));
            let (Some(first), second) = (part(2), part(3)) else {
                continue;
            };
            let (kind, name) = match second {
                Some(name) => (first, name),
                None => ("module".to_owned(), first),
            };
            let inside = view.inside(row, side);
            let value = |regex: &Regex| {
                inside
                    .iter()
                    .find_map(|at| regex.captures(view.code(*at, side)))
                    .and_then(|found| found.get(1))
                    .map(|m| lossy(m.as_bytes()))
            };
            let block = Block {
                address: format!("{kind}.{name}"),
                called: value(&CALLED)
                    .filter(|_| kind != "module")
                    .unwrap_or_else(|| spoken(&kind, &name)),
                source: value(&SOURCE).filter(|_| kind == "module"),
                kind,
                dir: view.dir(side).to_owned(),
                file,
                row,
            };
            if side == Side::New {
                self.standing.insert((block.dir.clone(), block.address.clone()));
            }
            match line.line.kind {
                LineKind::Removed => self.gone.push(block),
                LineKind::Added => self.come.push(block),
                LineKind::Context => {}
            }
        }
    }

    /// Notes what a `moved` or `removed` block takes care of. One that stood there before the change has done
    /// its work, and one for a single instance (`x[0]`) says nothing about the others.
    fn keep(&mut self, view: &View<'_>, row: usize) {
        let header = view.code(row, Side::New).trim_ascii_start().to_owned();
        if !KEEPER.is_match(&header) {
            return;
        }
        let inside = view.inside(row, Side::New);
        let value = |regex: &Regex| {
            let found = inside.iter().find_map(|at| {
                let found = regex.captures(view.code(*at, Side::New))?.get(1)?;
                Some((*at, lossy(found.as_bytes())))
            });
            found.filter(|(_, address)| !address.contains('['))
        };
        let Some((at, from)) = value(&FROM) else { return };
        if view.rows[at].line.kind != LineKind::Added {
            return;
        }
        let dir = view.dir(Side::New).to_owned();
        if header.starts_with(b"moved") {
            if let Some((_, to)) = value(&TO) {
                self.moved.insert((dir, from), to);
            }
        } else if inside.iter().any(|at| SPARES.is_match(view.code(*at, Side::New))) {
            self.released.insert((dir, from));
        }
    }

    /// Whether the change says what becomes of the object, and that it stays.
    fn is_kept(&self, gone: &Block) -> bool {
        let key = (gone.dir.clone(), gone.address.clone());
        let arrives = |to: &String| {
            // What stands inside a module is not in this folder; the module is.
            to.starts_with("module.") && to.matches('.').count() > 1
                || self.standing.contains(&(gone.dir.clone(), to.clone()))
        };
        self.released.contains(&key) || self.moved.get(&key).is_some_and(arrives)
    }

    /// What becomes of what the block made whose header goes at this place; `None` if no block does.
    pub(crate) fn fate(&self, file: usize, row: usize) -> Option<Fate> {
        let gone = self.gone_at(file, row)?;
        if self.is_kept(gone) || self.again(&gone.address).any(|block| block.dir == gone.dir) {
            return Some(Fate::Kept);
        }
        if let Some(elsewhere) = self.again(&gone.address).next() {
            return Some(Fate::OtherFolder(elsewhere.dir.clone()));
        }
        let is_twin = |block: &&Block| {
            gone.kind != "module" || (block.source.is_some() && folder(&block.source) == folder(&gone.source))
        };
        let twins = self
            .new
            .get(&gone.kind)
            .into_iter()
            .flatten()
            .map(|at| &self.come[*at]);
        Some(match twins.into_iter().find(is_twin) {
            Some(twin) => Fate::Recreated(twin.called.clone()),
            None => Fate::Destroyed,
        })
    }

    /// Where a block that goes here comes again.
    pub(crate) fn comes_again(&self, file: usize, row: usize) -> Option<(usize, usize)> {
        let gone = self.gone_at(file, row)?;
        let again = self.again(&gone.address).next()?;
        Some((again.file, again.row))
    }

    /// Resource type (or `module`) and name of the block at this place.
    pub(crate) fn named(&self, file: usize, row: usize) -> Option<(String, String)> {
        let gone = self.gone_at(file, row)?;
        Some((gone.kind.clone(), gone.called.clone()))
    }
}

/// How an object is named in a sentence. Where its own name tells nothing, the type stands before it.
pub(crate) fn spoken(kind: &str, name: &str) -> String {
    if matches!(name, "this" | "main" | "default" | "self" | "primary") {
        format!("{kind}.{name}")
    } else {
        name.to_owned()
    }
}

/// The last part of a module's source, without version: a module that is renamed keeps it.
fn folder(source: &Option<String>) -> Option<&str> {
    let source = source.as_deref()?;
    let source = source.split_once('?').map_or(source, |(path, _)| path);
    source.trim_end_matches('/').rsplit('/').next()
}

/// What people call an object of a Terraform type; the type itself where there is no better word.
pub(crate) fn noun(kind: &str) -> &str {
    const NOUNS: &[(&[&str], &str)] = &[
        (&["module"], "module"),
        (&["environment"], "environment"),
        (&["elasticache", "redis", "memorystore"], "cache"),
        (&["dynamodb_table", "bigquery_table", "bigtable"], "table"),
        (
            &[
                "eks_cluster",
                "container_cluster",
                "kubernetes_cluster",
                "ecs_cluster",
            ],
            "cluster",
        ),
        (&["namespace"], "namespace"),
        (&["secret"], "secret"),
        (
            &[
                "db_instance",
                "rds",
                "sql",
                "redshift",
                "docdb",
                "neptune",
                "cosmosdb",
                "spanner",
            ],
            "database",
        ),
        (&["bucket"], "bucket"),
        (&["bigquery_dataset"], "dataset"),
        (
            &["ebs_volume", "disk", "persistent_volume", "efs", "filestore"],
            "volume",
        ),
        (&["sqs", "kinesis", "msk", "pubsub", "sns"], "queue"),
        (&["kms", "key_vault", "crypto_key", "key_ring"], "encryption key"),
        (&["route53_zone", "managed_zone"], "DNS zone"),
        (&["vpc", "network"], "network"),
        (&["subnet"], "subnet"),
        (&["user_pool"], "user directory"),
        (&["opensearch", "elasticsearch"], "search index"),
        (&["helm_release"], "release"),
        (&["resource_group"], "resource group"),
        (&["storage_account"], "storage account"),
        (&["google_project"], "project"),
        (&["ecr_repository"], "image repository"),
        (&["stack"], "stack"),
    ];
    NOUNS
        .iter()
        .find(|(parts, _)| parts.iter().any(|part| kind.contains(part)))
        .map_or(kind, |(_, noun)| noun)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
