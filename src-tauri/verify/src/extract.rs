//! The parts of an envelope as files, so that anybody can check them with tools they have already.

use std::path::Path;

use countersign_core::reason::Fault;
use countersign_core::signature::{NAMESPACE, extract, pae};

/// File names with their bytes. The envelope is decoded in full, the signature is not judged.
pub(crate) fn files(body: &str) -> Result<[(&'static str, Vec<u8>); 4], Fault> {
    let envelope = extract(body)?;
    envelope.sshsig()?;
    Ok([
        ("e.json", envelope.to_json().into_bytes()),
        ("st.json", envelope.payload().to_vec()),
        ("a.sig", envelope.armor().as_bytes().to_vec()),
        ("message", pae(envelope.payload())),
    ])
}

/// The line that checks the signature.
pub(crate) fn how_to_check(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "Wrote e.json, st.json, a.sig and message to {folder}. To check the signature:\n  \
         ssh-keygen -Y verify -n {NAMESPACE} -f ALLOWED_SIGNERS -I PRINCIPAL -s {folder}/a.sig < {folder}/message\n\
         It does not check touch, expiry of the approval, or what the statement is about: judge does."
    )
}
