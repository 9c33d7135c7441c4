//! The merge group that is to be judged.

use serde::{Deserialize, Serialize};

use super::form::nullable;
use super::{Input, Listed};
use crate::change::Oid;

/// What a merge queue has put together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MergeGroup {
    /// Where the queue began: the target's tip.
    pub base: Oid,
    /// What it merged, in its order; the last is the change that the group is judged for.
    pub members: Listed<Member>,
}

/// One change of the group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// The commit that the queue made of it.
    pub commit: Oid,
    /// The change; `null` for the one whose document this is.
    #[serde(deserialize_with = "nullable")]
    pub change: Option<Box<Input>>,
}
