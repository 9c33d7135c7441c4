//! The verdict as a SLSA Verification Summary Attestation, for tools that read these: an in-toto statement, unsigned.
//! Whoever runs the gate signs it, since a consumer trusts a pair of signer and verifier.
//!
//! Source: SLSA, "Verification Summary Attestation", v1 of the predicate. We verify no SLSA level, so none is named: the
//! levels are words of our own, which the specification allows.

use countersign_core::changeset::sha256_hex;
use countersign_core::decision::STATEMENT_TYPE;
use countersign_core::signature::extract;
use countersign_core::verify::{Input, Outcome, Verdict};
use serde_json::{Value, json};

const PREDICATE_TYPE: &str = "https://slsa.dev/verification_summary/v1";
const VERIFIER: &str = "https://countersign.dev/verify";
const SLSA_VERSION: &str = "1.2";

/// The statement about the head of the change; `None` where nothing was decided.
pub(crate) fn statement(verdict: &Verdict, input: &Input) -> Option<Value> {
    let (result, level) = match verdict.verdict {
        Outcome::Accepted if verdict.break_glass.is_some() => {
            ("PASSED", "ORG_SOURCE_COUNTERSIGN_BREAK_GLASS")
        }
        Outcome::Accepted => ("PASSED", "ORG_SOURCE_COUNTERSIGN_SIGNED_OFF"),
        Outcome::NotRequired => ("PASSED", "ORG_SOURCE_COUNTERSIGN_NOT_REQUIRED"),
        Outcome::Rejected => ("FAILED", "FAILED"),
        Outcome::Undecided => return None,
    };
    let policy = verdict.policy.as_ref()?;
    let change = &verdict.change;
    let at = |repo: &str| format!("git+https://{}/{repo}", change.host);
    let file = |repo: &str, commit: &str, path: &str, blob: &str| json!({"uri": format!("{}@{commit}#{path}", at(repo)), "digest": {"gitBlob": blob}});
    let mut judged_by = file(&change.repo, &policy.target_tip, &policy.path, &policy.blob);
    if let Some(theirs) = &policy.extends {
        let extended = file(&theirs.repo, &theirs.tip, &theirs.path, &theirs.blob);
        judged_by["annotations"] = json!({ "extends": extended });
    }
    // Every envelope that was looked at, those that do not count too: the list is all of them or none.
    let attestations: Vec<Value> = verdict
        .reviews
        .iter()
        .filter_map(|judged| {
            let reviews = &input.reviews.items;
            let review = reviews.iter().find(|review| review.id == judged.review)?;
            let envelope = extract(&review.body).ok()?;
            let uri = format!(
                "https://{}/{}/pull/{}#pullrequestreview-{}",
                change.host, change.repo, change.number, judged.review
            );
            Some(json!({"uri": uri, "digest": {"sha256": sha256_hex(envelope.to_json().as_bytes())}}))
        })
        .collect();
    Some(json!({
        "_type": STATEMENT_TYPE,
        "subject": [{"name": at(&change.repo), "digest": {"gitCommit": change.head}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "verifier": {"id": VERIFIER, "version": {env!("CARGO_PKG_NAME"): env!("CARGO_PKG_VERSION")}},
            "timeVerified": verdict.as_of,
            "resourceUri": at(&change.repo),
            "policy": judged_by,
            "inputAttestations": attestations,
            "verificationResult": result,
            "verifiedLevels": [level],
            "slsaVersion": SLSA_VERSION,
        },
    }))
}
