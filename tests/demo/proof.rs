//! Proof with standard tools alone: the envelope is cut out of the review as the forge stored it, and OpenSSH says
//! whether the signature holds. Nothing of Countersign's own code is used here, so that both cannot be wrong together.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::Value;

/// SSHSIG namespace of an approval.
const NAMESPACE: &str = "approval@countersign.dev";
/// Payload type of the envelope.
const TYPE: &str = "application/vnd.in-toto+json";

/// What a review carries.
pub(crate) struct Evidence {
    /// The envelope's JSON.
    pub(crate) envelope: Vec<u8>,
    /// The statement's bytes, as they were signed.
    pub(crate) statement: Vec<u8>,
    /// The armored signature.
    signature: Vec<u8>,
}

impl Evidence {
    /// Cuts it out of a review's body.
    pub(crate) fn of(body: &str) -> Result<Self> {
        let body = body.replace("\r\n", "\n");
        let inside = body
            .split_once("```countersign-dsse-v1\n")
            .and_then(|(_, rest)| rest.split_once("\n```"));
        let (block, _) = inside.context("the review carries no signed envelope")?;
        let envelope = decode(block).context("the envelope is not base64")?;
        let json: Value = serde_json::from_slice(&envelope).context("the envelope is not JSON")?;
        let text = |value: &Value| {
            value
                .as_str()
                .map(decode)
                .context("the envelope is not complete")?
        };
        Ok(Self {
            statement: text(&json["payload"])?,
            signature: text(&json["signatures"][0]["sig"])?,
            envelope,
        })
    }

    /// Writes envelope, statement and signature into `folder`, and lets `ssh-keygen -Y verify` judge them there. The
    /// answer is its own words.
    pub(crate) fn judged_by_openssh(
        &self,
        folder: &Path,
        allowed_signers: &str,
        principal: &str,
    ) -> Result<String> {
        std::fs::write(folder.join("envelope.json"), &self.envelope)?;
        std::fs::write(folder.join("statement.json"), &self.statement)?;
        std::fs::write(folder.join("approval.sig"), &self.signature)?;
        std::fs::write(folder.join("allowed_signers"), allowed_signers)?;
        let mut signed = format!("DSSEv1 {} {TYPE} {} ", TYPE.len(), self.statement.len()).into_bytes();
        signed.extend(&self.statement);
        let file = folder.join("signed-bytes");
        std::fs::write(&file, signed)?;
        let words = [
            "-Y",
            "verify",
            "-n",
            NAMESPACE,
            "-f",
            "allowed_signers",
            "-I",
            principal,
            "-s",
            "approval.sig",
        ];
        let mut command = Command::new("ssh-keygen");
        let command = command
            .args(words)
            .current_dir(folder)
            .stdin(Stdio::from(std::fs::File::open(file)?));
        let output = command
            .output()
            .context("ssh-keygen (package openssh-client) could not be started")?;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat())
            .trim()
            .to_owned();
        if output.status.success() {
            Ok(said)
        } else {
            bail!("ssh-keygen rejects it: {said}")
        }
    }
}

fn decode(text: &str) -> Result<Vec<u8>> {
    let text: String = text.split_whitespace().collect();
    BASE64_STANDARD
        .decode(&text)
        .map_err(|error| anyhow::anyhow!("{error}"))
}
