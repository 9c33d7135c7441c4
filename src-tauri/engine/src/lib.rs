//! What happens: polling, storing, telling, deciding, signing and submitting.
//!
//! | module | subject |
//! |---|---|
//! | [`engine`] | shared state, and the one loop that polls and sends |
//! | [`accounts`] | several accounts of one profile, brought together for the window |
//! | [`handle`] | names of accounts, and of changes as one account sees them |
//! | `account` | who is signed in, with or without a token at hand |
//! | `session` | signing in and out, the key that signs |
//! | `whose` | whose a database is, noted beside it too |
//! | `connecting` | the proxy and the authorities, as the user changes them |
//! | `device` | signing in at the forge's own page |
//! | [`examining`] | the way to a forge, station by station, in words |
//! | [`clock`] | the two clocks, which a test may move |
//! | `waking` | wake from sleep, unlock, another network, a clock that was set |
//! | `token` | a token that was replaced or taken out under the app |
//! | `sync` | one poll: find, read, store, tell |
//! | `whole` | changed files as a whole, for the parsers |
//! | `assessing` | from the forge's answer to what is held |
//! | `asked` | whether the policies ask for a sign-off, and for which |
//! | `queue_view`, `change_view` | what the window shows, from what is held |
//! | `late` | how old a change is that could not be read again |
//! | `proof` | evidence, blast radius, size and reviews in words |
//! | `ground` | whose ground a change stands on, by CODEOWNERS |
//! | `status`, `failure` | the status line and the tray; what a command answers when it cannot |
//! | `ready`, `counting` | whether a decision can be signed, and whether it will count |
//! | `sheet`, `statement` | what the user is asked, and what is signed |
//! | `noted` | notes on acknowledged findings, and how the review carries them |
//! | `deciding` | from the question to the outbox |
//! | `prompting` | whether the system asks for the password before each signature |
//! | `enrolling` | the forge is told of the key |
//! | `outbox` | from signed to confirmed |
//! | `holding` | which approvals still hold, by the gate's own rules |
//! | `withdrawing` | an approval dismissed at the forge by who gave it |
//! | `rotating` | a key replaced or lost: what it signed, and the lines that say so |
//! | `searching` | in all that is on this machine |
//! | `diagnosing` | how this installation is doing, without names |
//! | `erasing` | all data gone, secrets too |
//! | `exporting` | the ledger as a file: lines, or a bundle |
//! | [`store`] | the local database |
//! | [`github`] | the forge, over GitHub's interfaces |
//! | [`network`] | by which proxy forges are reached, and who is trusted besides the system |
//! | [`agent`] | keys and signatures from ssh-agent |
//! | [`signer`] | the keys that sign approvals |
//! | [`vault`] | secrets, in the keychain |
//! | [`notify`] | desktop notifications |
//! | [`prompt`] | the system's own check that the user is there, a crate of its own |
//! | [`markdown`] | hostile Markdown to safe HTML |
//! | [`rows`] | a file's diff in rows, nothing invisible in them |
//! | `since` | what is new in a diff since the user last looked |
//! | [`ports`] | the forge and the desktop, as traits |
//! | [`view`] | read models for the UI |
//!
//! Data flows one way: the forge's answer into the store, the store into the views, the user's decision into the
//! outbox, the outbox to the forge. Nothing but the loop and a withdrawal writes to the forge.

mod account;
pub mod accounts;
pub mod agent;
mod asked;
mod assessing;
mod change_view;
pub mod clock;
mod connecting;
mod counting;
mod deciding;
mod device;
mod diagnosing;
pub mod engine;
mod enrolling;
mod erasing;
pub mod examining;
#[cfg(test)]
mod example;
mod exporting;
mod failure;
pub mod github;
mod ground;
pub mod handle;
mod hidden;
mod highlight;
mod holding;
mod late;
mod limited;
mod links;
pub mod markdown;
pub mod network;
mod noted;
pub mod notify;
mod outbox;
pub mod ports;
mod prompting;
mod proof;
mod proposing;
mod queue_view;
mod ready;
mod rotating;
pub mod rows;
mod searching;
mod session;
mod sheet;
pub mod signer;
mod since;
mod statement;
mod status;
pub mod store;
mod sync;
mod token;
#[cfg(test)]
mod types;
pub mod vault;
pub mod view;
mod waking;
mod whole;
mod whose;
mod withdrawing;
mod words;

pub use countersign_prompt as prompt;
