//! What is true: the facts about a change, what they mean, what is signed and how it is judged.
//!
//! Invariants: no clock (time is an argument), no network, no files, no environment. Everything here is a
//! function from values to values, so that the app and the gate reach the same answer from the same input.
//!
//! | module | subject |
//! |---|---|
//! | [`change`] | a change as the forge reports it |
//! | [`trailers`] | trailers and `…-by:` lines of a commit message |
//! | [`evidence`] | which marks of AI tools a change carries, and what they add up to |
//! | [`owners`] | CODEOWNERS: whose ground a path is |
//! | [`patch`] | a strict reader for git diffs |
//! | [`finding`] | severities, findings, the assessment that they add up to |
//! | [`poller`] | when to ask the forge again, without a clock |
//! | [`queue`] | sections, what moved between two polls, which notices follow |
//! | [`decision`] | what a person decides, the statement they sign, the outbox's states |
//! | [`signature`] | the signature, its envelope, the review's body that carries it |
//! | [`collect`] | what the judge needs of the forge: what is asked, what is made of the answers |
//! | [`bundle`] | the ledger with what its decisions were judged by, for years later |
//! | [`changeset`] | digest of what a change does to the tree |
//! | [`ledger`] | the hash-chained record of decisions |
//! | [`policy`] | who is senior, which changes need a sign-off |
//! | [`reason`] | why an approval was not accepted, by name |
//! | [`strict_json`] | JSON that names no key twice |
//! | [`verify`] | the judge |

pub mod bundle;
pub mod change;
pub mod changeset;
pub mod collect;
pub mod decision;
pub mod evidence;
pub mod finding;
mod globs;
pub mod ledger;
pub mod owners;
pub mod patch;
pub mod policy;
pub mod poller;
pub mod queue;
pub mod reason;
pub mod signature;
pub mod strict_json;
pub mod trailers;
pub mod verify;
