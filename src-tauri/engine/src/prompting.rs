//! The system's own check before each signature, where the user chose it.
//!
//! It is asked after the last question and before anything is signed; whatever is not the user's own yes signs nothing.
//! To choose it takes a check that works, and to leave it takes the check as well: else the page could take it away. What
//! passes was *prompted*, never *proved*: it stands in no statement, and grants nothing.

use crate::engine::Engine;
use crate::ports::{Desktop, Forge};
use crate::prompt::{Purpose, Unprompted};
use crate::view::{Code, Failure};

/// Name in the store: it is there while the check is asked.
pub(crate) const PROMPTED: &str = "prompted";

/// Where the system itself cannot ask any more.
const WAY_OUT: &str = "Or quit Countersign and start it with --stop-prompting, which takes the check back.";

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// Whether the check is asked before each signature.
    pub(crate) fn is_prompted(&self) -> Result<bool, Failure> {
        Ok(self.store().meta(PROMPTED)?.is_some())
    }

    /// From now on the check is asked before each signature, or is not; either is asked by the check itself.
    ///
    /// # Errors
    /// It stays as it was.
    pub async fn set_prompted(&self, on: bool) -> Result<(), Failure> {
        // A check that is open for a signature must not be answered for this.
        let Ok(_deciding) = self.inner.options.deciding.try_lock() else {
            return Err(Failure::other(
                "A decision is being confirmed. Nothing was changed.",
                "Answer the open question first.",
            ));
        };
        if self.is_prompted()? == on {
            return Ok(());
        }
        let purpose = if on { Purpose::TurnOn } else { Purpose::TurnOff };
        self.inner.desktop.prompt(purpose).await.map_err(|why| {
            let stays = if on { "It stays off:" } else { "It stays on:" };
            failure(Code::Other, stays, &why, !on)
        })?;
        self.store().set_meta(PROMPTED, on.then_some("1"))?;
        self.changed();
        Ok(())
    }

    /// Has the check asked, where the user chose it.
    pub(crate) async fn prompt_to_sign(&self) -> Result<(), Failure> {
        if !self.is_prompted()? {
            return Ok(());
        }
        let passed = self.inner.desktop.prompt(Purpose::Sign).await;
        passed.map_err(|why| failure(Code::CannotSign, "Not signed:", &why, true))
    }
}

/// `is_on`: it is asked, so that a system which cannot ask any more is in the way.
fn failure(code: Code, before: &str, why: &Unprompted, is_on: bool) -> Failure {
    let todo = why.todo();
    let hint = if is_on && why.is_lasting() {
        format!("{todo} {WAY_OUT}")
    } else {
        todo.to_owned()
    };
    Failure::coded(code, format!("{before} {why}."), hint)
}
