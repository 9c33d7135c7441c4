//! A token and a key that nobody else has, and everything that the engine leaves behind: its files, all that it logs, what
//! a panic prints, the environment and the command lines of all processes. Neither is in any of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use countersign_tests::desk::probe::Probe;
use countersign_tests::desk::{Desk, Keychain, Options};
use countersign_tests::forge::Forge;
use countersign_tests::forge::git::Edit;
use countersign_tests::forge::world::{Asked, NewChange, NewCommit, Scopes, World};
use jiff::SignedDuration;
use serde_json::Value;
use ssh_key::PrivateKey;

const PROBE: &str = env!("CARGO_BIN_EXE_engine-probe");
const REPO: &str = "acme/web";
const TOKEN: &str = "ghp_canary4sings2in9the8coal7mine";

fn world() -> World {
    let mut world = World::new().unwrap();
    world.user("priya-n", 1_234_567, "Priya N", "priya@acme.example");
    world.user("mika", 2_000_001, "Mika", "mika@acme.example");
    world.organization("acme", 3_000_001);
    let scopes = vec!["repo".into(), "read:org".into()];
    world.token(TOKEN, "priya-n", Scopes::Classic(scopes));
    let files = [Edit::write("src/app.txt", "one\ntwo\nthree\n")];
    world
        .repo(REPO, 4_000_001, false, &["priya-n", "mika"], &files)
        .unwrap();
    let commit = NewCommit {
        message: "Change a thing\n\nCo-authored-by: Claude <noreply@anthropic.com>\n".into(),
        author: "mika".into(),
        committer: String::new(),
        age: SignedDuration::from_mins(30),
        edits: vec![Edit::write("src/part.txt", "new\n")],
    };
    let new = NewChange {
        repo: REPO.into(),
        number: None,
        title: "Part".into(),
        body: "What it does.".into(),
        author: "mika".into(),
        branch: "part".into(),
        base: "main".into(),
        commits: vec![commit],
        labels: Vec::new(),
        assignees: Vec::new(),
        asked: vec![Asked::User("priya-n".into())],
        draft: false,
        age: SignedDuration::from_mins(20),
    };
    assert_eq!(world.open(new).unwrap(), 1);
    world
}

fn ok(answer: &Value) -> &Value {
    assert!(answer.get("error").is_none(), "{answer}");
    &answer["ok"]
}

/// The probe, which logs all that it can and whose errors go to a file.
fn start(desk: &Desk) -> Probe {
    let script = desk.scratch().join("told");
    let folder = desk.home();
    let folder = folder.display();
    let text = format!(
        "#!/bin/sh\nexport PROBE_LOG='{folder}/probe.log' RUST_BACKTRACE=full\nexec '{PROBE}' 2>>'{folder}/errors'\n"
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    Probe::start(desk, &script).unwrap()
}

/// What must be nowhere: the token, and the private half of the key in each way in which it could be written.
fn canaries(pem: &str) -> Vec<Vec<u8>> {
    let key = PrivateKey::from_openssh(pem).unwrap();
    let seed = key.key_data().ed25519().unwrap().private.to_bytes();
    let hex: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut all = vec![
        TOKEN.into(),
        seed.to_vec(),
        hex.into(),
        BASE64_STANDARD.encode(seed).into(),
    ];
    all.push(BASE64_STANDARD.encode(TOKEN).into());
    // The first line is the same for every key.
    let lines = pem.lines().skip(2).filter(|line| !line.starts_with("---"));
    all.extend(lines.map(|line| line.as_bytes().to_vec()));
    all
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let below = |path: PathBuf| {
        if path.is_dir() {
            files_below(&path)
        } else {
            vec![path]
        }
    };
    entries.flat_map(|entry| below(entry.path())).collect()
}

/// How each process that runs was called, and with which environment.
fn processes() -> Vec<PathBuf> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let numbered = entries.filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok());
    numbered
        .flat_map(|entry| ["cmdline", "environ"].map(|name| entry.path().join(name)))
        .collect()
}

fn holding(files: &[PathBuf], canaries: &[Vec<u8>]) -> Vec<PathBuf> {
    let holds = |file: &&PathBuf| {
        let bytes = std::fs::read(file).unwrap_or_default();
        let in_it = |canary: &Vec<u8>| bytes.windows(canary.len()).any(|part| part == canary);
        canaries.iter().any(in_it)
    };
    files.iter().filter(holds).cloned().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn neither_the_token_nor_the_key_is_in_what_the_engine_leaves_behind() {
    let desk = Desk::start(Options {
        keychain: Keychain::Unlocked,
        ..Options::default()
    })
    .unwrap();
    let forge = Forge::start(world()).await.unwrap();
    let profile = desk.home().join("profile");
    let folder = profile.to_string_lossy().into_owned();
    let mut probe = start(&desk);
    ok(&probe.ask(&["engine", "start", &folder]).unwrap());
    let signed_in = probe.ask(&["engine", "sign-in", forge.url(), TOKEN]).unwrap();
    assert_eq!(ok(&signed_in)["ok"], true, "{signed_in}");
    let key = ok(&probe.ask(&["engine", "make-key"]).unwrap())
        .as_str()
        .unwrap()
        .to_owned();
    ok(&probe.ask(&["engine", "settle"]).unwrap());
    let id = format!("first:{}/{REPO}#1", forge.url().trim_start_matches("http://"));
    ok(&probe
        .ask(&["engine", "decide", &id, "approve", "canary words"])
        .unwrap());
    ok(&probe.ask(&["engine", "settle"]).unwrap());
    assert_eq!(ok(&probe.ask(&["engine", "panic"]).unwrap()), true);
    let pem = ok(&probe.ask(&["get", &format!("signing key {key}")]).unwrap())
        .as_str()
        .unwrap()
        .to_owned();
    let canaries = canaries(&pem);
    let running = [
        files_below(&desk.home()),
        files_below(&desk.scratch()),
        processes(),
    ]
    .concat();

    // A planted one is found, so the others would be.
    let planted = desk.scratch().join("planted");
    for canary in &canaries {
        std::fs::write(&planted, [b"before ", canary.as_slice(), b" behind"].concat()).unwrap();
        assert_eq!(
            holding(std::slice::from_ref(&planted), &canaries),
            std::slice::from_ref(&planted)
        );
    }
    std::fs::remove_file(&planted).unwrap();

    let found = holding(&running, &canaries);
    assert!(found.is_empty(), "while it runs: {found:?}");
    // It is looked at where there is something to see.
    let words = holding(&running, &[b"canary words".to_vec()]);
    assert!(words.iter().any(|file| file.starts_with(&profile)), "{words:?}");
    let said = |name: &str| std::fs::read_to_string(desk.home().join(name)).unwrap();
    assert!(said("errors").contains("on purpose, with the engine at hand"));
    let log = said("probe.log");
    assert!(
        log.contains("TRACE") && log.lines().count() > 100,
        "{} bytes of log",
        log.len()
    );

    // Ended, and taken for one of the layout before, whose copy is kept.
    drop(probe);
    let database = profile.join("countersign.db");
    {
        let database = rusqlite::Connection::open(&database).unwrap();
        let layout: i64 = database
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .unwrap();
        database.pragma_update(None, "user_version", layout - 1).unwrap();
    }
    let mut probe = start(&desk);
    let _ = probe.ask(&["engine", "start", &folder]).unwrap();
    drop(probe);
    let left = [files_below(&desk.home()), files_below(&desk.scratch())].concat();
    let copy = |file: &PathBuf| file.to_string_lossy().contains("countersign.db.layout-");
    assert!(left.iter().any(copy), "{left:?}");
    let found = holding(&left, &canaries);
    assert!(found.is_empty(), "left behind: {found:?}");
}
