//! What a runner does with a composite action: it fills in the expressions and runs one step after the other, until one
//! fails.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::expressions::filled;

/// The folder of the action and its workflow.
const GATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../src-tauri/verify");

/// Every program that the script calls by its name is called through a note of its arguments.
const NOTED: [&str; 9] = ["base64", "bash", "cat", "gh", "git", "jq", "mktemp", "rm", "sh"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Action {
    #[serde(rename = "name")]
    _name: String,
    #[serde(rename = "description")]
    _description: String,
    inputs: BTreeMap<String, Input>,
    runs: Runs,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    #[serde(rename = "description")]
    _description: String,
    default: Option<String>,
    #[serde(default)]
    required: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Runs {
    using: String,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    shell: String,
    run: String,
    env: BTreeMap<String, String>,
}

/// A machine with the action on it, as a release has it: the program, `action.yml` and `action.sh` in one folder.
pub(super) struct Runner {
    folder: TempDir,
}

/// How a job ended.
pub(super) struct Ended {
    pub(super) succeeded: bool,
    /// What was printed, on either stream.
    pub(super) log: String,
    /// The job's page.
    pub(super) summary: String,
    /// The arguments of every program that was started.
    pub(super) arguments: String,
    /// What was left in the folder for temporary files.
    pub(super) litter: Vec<PathBuf>,
}

/// What a job is for.
pub(super) struct Job<'a> {
    pub(super) server: &'a str,
    pub(super) repo: &'a str,
    /// The files with the authorities that the programs of the machine trust.
    pub(super) gh_trusts: &'a Path,
    pub(super) git_trusts: &'a Path,
    pub(super) token: &'a str,
    /// What happened, as GitHub tells it: `github.event`.
    pub(super) event: Value,
}

impl Runner {
    pub(super) fn new() -> Self {
        let runner = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for folder in ["action", "programs", "home"] {
            fs::create_dir(runner.at(folder)).unwrap();
        }
        for file in ["action.yml", "action.sh"] {
            fs::copy(Path::new(GATE).join(file), runner.at("action").join(file)).unwrap();
        }
        symlink(countersign_tests::gate(), runner.at("action/countersign-verify")).unwrap();
        for name in NOTED {
            let program = runner.at("programs").join(name);
            let note = format!(
                "#!/bin/sh\n[ -z \"${{NOTES:-}}\" ] || printf '%s ' {name} \"$@\" >> \"$NOTES\"\nexec '{}' \"$@\"\n",
                found(name).display()
            );
            fs::write(&program, note).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        }
        runner
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Runs the job of the workflow that comes with the action.
    pub(super) fn run(&self, job: &Job<'_>) -> Ended {
        let path = self.at("action");
        let mut contexts = json!({
            "github": {
                "action_path": path, "repository": job.repo, "server_url": job.server, "token": job.token,
                "run_id": 4711, "event": job.event,
            },
        });
        let action: Action =
            yaml_serde::from_str(&fs::read_to_string(path.join("action.yml")).unwrap()).unwrap();
        contexts["inputs"] = inputs(&action, &contexts);
        assert_eq!(action.runs.using, "composite");

        let [notes, page, rooms] = ["notes", "summary.md", "tmp"].map(|name| self.at(name));
        for file in [&notes, &page] {
            fs::write(file, "").unwrap();
        }
        let _ = fs::remove_dir_all(&rooms);
        fs::create_dir(&rooms).unwrap();
        let mut ended = Ended {
            succeeded: true,
            log: String::new(),
            summary: String::new(),
            arguments: String::new(),
            litter: Vec::new(),
        };
        for (at, step) in action.runs.steps.iter().enumerate() {
            assert_eq!(step.shell, "bash");
            let script = self.at(&format!("step-{at}.sh"));
            fs::write(&script, filled(&step.run, &contexts)).unwrap();
            let mut command = Command::new("bash");
            // Source: GitHub's reference of `jobs.<job_id>.steps[*].shell`.
            command
                .args(["--noprofile", "--norc", "-eo", "pipefail"])
                .arg(&script)
                .current_dir(self.at("home"))
                .env_clear()
                .env(
                    "PATH",
                    format!("{}:/usr/local/bin:/usr/bin:/bin", self.at("programs").display()),
                )
                .env("HOME", self.at("home"))
                .env("TMPDIR", &rooms)
                .env("CI", "true")
                .env("GITHUB_ACTIONS", "true")
                .env("GITHUB_STEP_SUMMARY", &page)
                // What a machine trusts is the machine's. Besides the file, gh would read all that this one trusts.
                .env("SSL_CERT_FILE", job.gh_trusts)
                .env("SSL_CERT_DIR", self.at("home"))
                .env("GIT_SSL_CAINFO", job.git_trusts)
                .env("NOTES", &notes)
                // Git starts its helpers by itself.
                .env("GIT_TRACE", &notes);
            for (name, text) in &step.env {
                command.env(name, filled(text, &contexts));
            }
            let output = command.output().unwrap();
            for stream in [&output.stdout, &output.stderr] {
                ended.log += &String::from_utf8_lossy(stream);
            }
            if !output.status.success() {
                ended.succeeded = false;
                break;
            }
        }
        ended.summary = fs::read_to_string(&page).unwrap();
        ended.arguments = fs::read_to_string(&notes).unwrap();
        let left = fs::read_dir(&rooms).unwrap();
        ended.litter = left.map(|entry| entry.unwrap().path()).collect();
        ended
    }
}

/// What the workflow gives the action, and the defaults for the rest.
fn inputs(action: &Action, contexts: &Value) -> Value {
    let workflow = fs::read_to_string(Path::new(GATE).join("workflows/countersign.yml")).unwrap();
    let workflow: Value = yaml_serde::from_str(&workflow).unwrap();
    let steps = workflow["jobs"]["judge"]["steps"].as_array().unwrap();
    let [step] = steps.as_slice() else {
        panic!("one step: {steps:?}")
    };
    let given = step["with"].as_object().unwrap();
    for name in given.keys() {
        assert!(action.inputs.contains_key(name), "the action takes no {name:?}");
    }
    let all = action.inputs.iter().map(|(name, input)| {
        let value = match (given.get(name), &input.default) {
            (Some(text), _) => filled(text.as_str().unwrap(), contexts),
            (None, Some(text)) => filled(text, contexts),
            (None, None) => {
                assert!(!input.required, "{name} is required");
                String::new()
            }
        };
        (name.clone(), Value::from(value))
    });
    Value::Object(all.collect())
}

/// Where a program is.
fn found(name: &str) -> PathBuf {
    let folders = ["/usr/local/bin", "/usr/bin", "/bin"].map(|folder| Path::new(folder).join(name));
    let found = folders.into_iter().find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is not installed"))
}
