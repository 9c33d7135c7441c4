//! A change that the app itself opens: one file of the policy's, written anew.

use countersign_core::change::Oid;

use super::{Organisation, TrustedFile};

/// What a branch says of the policy now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trusted {
    /// The branch's tip.
    pub tip: Oid,
    /// `.github/countersign.toml` there.
    pub policy: Option<TrustedFile>,
    /// The policy's `allowed_signers` there.
    pub allowed_signers: Option<TrustedFile>,
    /// The organisation's policy, where the repository's extends one that can be read.
    pub organisation: Option<Organisation>,
    /// What is there and cannot be read, and why.
    pub missing: Vec<(String, String)>,
}

/// One file, to be written by a change of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Branch that it is to be merged into.
    pub target_branch: String,
    /// That branch's tip, from which the change's branch is made.
    pub tip: Oid,
    /// Begin of the name of the change's branch: the same for the same purpose, so that what is under way is found
    /// again. What cannot stand in a branch's name must not stand in it.
    pub purpose: String,
    /// The file's path.
    pub path: String,
    /// What it is to hold.
    pub bytes: Vec<u8>,
    /// Title of the change, and message of its one commit.
    pub title: String,
    /// Description of the change.
    pub body: String,
}

/// The change that a proposal came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposed {
    /// Its number.
    pub number: u64,
    /// It was open before.
    pub was_open: bool,
}
