//! What the policies at the target ask of a change: whether it needs a sign-off at all, and which. The gate decides
//! again by itself; where something could not be read here, the stricter reading is shown.

use countersign_core::evidence::Involvement;
use countersign_core::patch::Patch;
use countersign_core::policy::{Extended, Policy, Require, Requirement, Touched, Undeclared, Unreadable};

use crate::rows::visible;
use crate::store::Facts;

/// The target's policy and, where it extends one, the organisation's.
pub(crate) enum Policies {
    /// The target has none.
    Missing,
    /// The repository's own cannot be read.
    Unreadable(Unreadable),
    /// Only the repository's own could be read.
    Without { own: Box<Policy>, extended: Extended },
    /// All that there are: the repository's own first.
    Whole(Vec<Policy>),
}

impl Policies {
    /// As they are held.
    pub(crate) fn of(facts: &Facts) -> Self {
        let Some(text) = &facts.policy else {
            return Self::Missing;
        };
        let own = match Policy::parse(text) {
            Ok(own) => own,
            Err(error) => return Self::Unreadable(error),
        };
        let Some(extended) = own.extended() else {
            return Self::Whole(vec![own]);
        };
        let organisation = facts
            .organisation
            .as_ref()
            .and_then(|organisation| Policy::parse(&organisation.policy).ok());
        match organisation {
            Some(organisation) => Self::Whole(vec![own, organisation]),
            None => Self::Without {
                own: Box::new(own),
                extended,
            },
        }
    }

    /// Those that could be read, the repository's own first.
    pub(crate) fn read(&self) -> &[Policy] {
        match self {
            Self::Missing | Self::Unreadable(_) => &[],
            Self::Without { own, .. } => std::slice::from_ref(own),
            Self::Whole(all) => all,
        }
    }

    /// The strictest of what they ask of a change with this diff; without a diff, every rule counts.
    pub(crate) fn requirement(&self, patch: Option<&Patch<'_>>) -> Option<Requirement> {
        let (own, others) = self.read().split_first()?;
        let asking = others
            .iter()
            .fold(own.clone(), |own, other| own.asking_also(other));
        Some(requirement(&asking, patch))
    }
}

/// What one policy asks of a change with this diff; without one, every rule counts.
pub(crate) fn requirement(policy: &Policy, patch: Option<&Patch<'_>>) -> Requirement {
    let touched: Option<Vec<Touched<'_>>> = patch.map(|patch| {
        patch
            .files
            .iter()
            .flat_map(|file| {
                let paths = [&file.old_path, &file.new_path].into_iter().flatten();
                let modes = [file.old_mode, file.new_mode];
                paths.map(move |path| Touched::new(path.as_ref(), modes.into_iter().flatten()))
            })
            .collect()
    });
    policy.requirement_for(touched.as_deref(), &[])
}

/// What is known of a change when it is asked whether it needs a sign-off.
pub(crate) struct Found<'p> {
    /// By the marks of every policy; `None` where those of one cannot be used.
    pub(crate) involvement: Option<Involvement>,
    /// Commits that were not read.
    pub(crate) unread: u64,
    /// Its diff, where there is one.
    pub(crate) patch: Option<&'p Patch<'p>>,
}

/// Whether the change needs a sign-off, and why, in words; none where the evidence speaks for itself.
pub(crate) fn needs_sign_off(found: &Found<'_>, policies: &Policies) -> (bool, String) {
    let who = match found.involvement {
        None => {
            let why = "The policy's own marks of AI tools cannot be used, so it is treated as AI-assisted.";
            return (true, why.into());
        }
        Some(Involvement::Authored | Involvement::Assisted | Involvement::SuggestionApplied) => {
            return (true, String::new());
        }
        Some(Involvement::Suspected) => {
            let why = "Only weak marks: it may be AI-assisted, so it is treated as such.";
            return (true, why.into());
        }
        Some(Involvement::DeclaredNone) => {
            "The author says that no AI was used, which is a claim and not a clearance"
        }
        Some(Involvement::Undeclared) => "Nobody said whether AI helped",
    };
    let Some(asked) = policies.requirement(found.patch) else {
        let why = "and the target branch has no readable policy: shown to be safe.";
        return (true, format!("{who}, {why}"));
    };
    let safe = |why: String| (true, format!("{who}; {why}: shown to be safe."));
    match (asked.require, asked.undeclared) {
        (Require::All, _) => (
            true,
            format!("{who}; the policy asks for a sign-off on every change."),
        ),
        (Require::AiAssisted, Undeclared::Require) => {
            (true, format!("{who}; the policy asks for a sign-off then."))
        }
        (Require::AiAssisted, Undeclared::Allow) => {
            if asked.guarded && found.patch.is_some() {
                let why = "it touches the policy or what guards it, and that always needs one.";
                (true, format!("{who}; {why}"))
            } else if asked.guarded {
                safe("which files it touches is not known".into())
            } else if let Policies::Without { extended, .. } = policies {
                let extended = visible(&extended.to_string());
                safe(format!("the policy extends {extended}, which could not be read"))
            } else if found.unread > 0 {
                safe("not all of its commits were read".into())
            } else {
                (false, format!("{who}; the policy asks for no sign-off then."))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Organisation;

    fn policy(signoff: &str, rest: &str) -> String {
        format!(
            "version = 1\nallowed_signers = \".github/allowed_signers\"\n{rest}\n[signoff]\n{signoff}\n\
             [[senior]]\nlogin = \"priya-n\"\nid = \"1234567\"\nprincipal = \"priya@acme.example\"\n"
        )
    }

    const EXTENDS: &str = "extends = \"acme/policies:.github/countersign.toml\"";
    const ALLOW: &str = "undeclared = \"allow\"";

    fn facts(policy: Option<String>, organisation: Option<String>) -> Facts {
        Facts {
            policy,
            organisation: organisation.map(|policy| Organisation {
                policy,
                allowed_signers: None,
                revoked_keys: None,
            }),
            ..Facts::default()
        }
    }

    fn diff(path: &str) -> Vec<u8> {
        let blobs = format!("{}..{} 100644", "1".repeat(40), "2".repeat(40));
        format!(
            "diff --git a/{path} b/{path}\nindex {blobs}\n--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-a\n+b\n"
        )
        .into_bytes()
    }

    #[test]
    fn where_the_gate_would_ask_for_a_sign_off_it_is_not_said_to_need_none() {
        let code = diff("src/app.txt");
        let guard = diff(".github/workflows/ci.yml");
        let alone = || facts(Some(policy(ALLOW, "")), None);
        let extending =
            |organisation: &str| facts(Some(policy(ALLOW, EXTENDS)), Some(policy(organisation, "")));
        let undeclared = Some(Involvement::Undeclared);
        // Facts, involvement, commits unread, diff; needed, and a word of why.
        let cases = [
            (alone(), undeclared, 0, Some(&code), false, "asks for no sign-off"),
            (alone(), undeclared, 0, Some(&guard), true, "what guards it"),
            (alone(), undeclared, 0, None, true, "which files it touches"),
            (
                alone(),
                undeclared,
                3,
                Some(&code),
                true,
                "not all of its commits",
            ),
            (
                alone(),
                None,
                0,
                Some(&code),
                true,
                "marks of AI tools cannot be used",
            ),
            (
                alone(),
                Some(Involvement::Suspected),
                0,
                Some(&code),
                true,
                "weak marks",
            ),
            (
                alone(),
                Some(Involvement::DeclaredNone),
                0,
                Some(&code),
                false,
                "not a clearance",
            ),
            (
                extending(ALLOW),
                undeclared,
                0,
                Some(&code),
                false,
                "asks for no sign-off",
            ),
            (
                extending("undeclared = \"require\""),
                undeclared,
                0,
                Some(&code),
                true,
                "sign-off then",
            ),
            (
                extending("undeclared = \"allow\"\nrequire = \"all\""),
                undeclared,
                0,
                Some(&code),
                true,
                "every change",
            ),
            (
                facts(Some(policy(ALLOW, EXTENDS)), None),
                undeclared,
                0,
                Some(&code),
                true,
                "could not be read",
            ),
            (
                facts(Some(policy(ALLOW, EXTENDS)), Some("not toml".into())),
                undeclared,
                0,
                Some(&code),
                true,
                "could not be read",
            ),
            (
                facts(Some("not toml".into()), None),
                undeclared,
                0,
                Some(&code),
                true,
                "no readable policy",
            ),
            (
                facts(None, None),
                undeclared,
                0,
                Some(&code),
                true,
                "no readable policy",
            ),
        ];
        for (facts, involvement, unread, diff, needed, word) in cases {
            let patch = diff.map(|diff| Patch::parse(diff).unwrap());
            let found = Found {
                involvement,
                unread,
                patch: patch.as_ref(),
            };
            let (needs, why) = needs_sign_off(&found, &Policies::of(&facts));
            assert_eq!(needs, needed, "{why}");
            assert!(why.contains(word), "{word}: {why}");
        }
    }
}
