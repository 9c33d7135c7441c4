//! Faults on demand: what a forge, a proxy or a network does when it does not do its work.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;

use super::world::World;

/// What goes wrong.
pub enum Effect {
    /// Answers so instead of doing anything.
    Status {
        /// HTTP status.
        status: u16,
        /// Headers beside the usual ones.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
    /// Breaks the connection before anything is done.
    ResetBefore,
    /// Does what was asked, then breaks the connection without an answer.
    ResetAfter,
    /// Does what was asked and sends only so many bytes of the answer's body.
    CutBody(usize),
    /// Does what was asked and waits so long before the answer and in the middle of its body.
    Slow(Duration),
    /// Answers 200 with a sign-in page, as a captive portal does.
    Html,
    /// Does what was asked and answers 200 with JSON of another shape.
    WrongJson,
    /// Does what was asked and adds fields that nobody described.
    ExtraFields,
    /// Does what was asked, and answers so all the same.
    Despite(u16),
    /// Does what was asked twice over, as a proxy that sends again does, and gives the second answer.
    Twice,
    /// Sends the answer twice.
    Doubled,
    /// Does what was asked and sends the answer a few bytes at a time, with such a pause before each.
    Drip(Duration),
    /// Does what was asked, and its `Date` is so far from the forge's clock.
    Date(SignedDuration),
    /// Does what was asked, and answers something else.
    Lie(Tale),
    /// Moves the world on before the call is handled, and then handles it.
    Hook(Box<dyn FnMut(&mut World) + Send>),
    /// Handles the call, and then moves the world on before the answer is sent.
    After(Late),
}

/// What is made of the answer's body.
pub type Tale = Arc<dyn Fn(&mut Vec<u8>) + Send + Sync>;

/// What happens between the work and its answer.
pub type Late = Arc<Mutex<dyn FnMut(&mut World) + Send>>;

/// A fault and the calls that it meets.
pub struct Fault {
    /// HTTP method, or `*`.
    pub method: String,
    /// The path must match this; `*` stands for any text.
    pub path: String,
    /// So many matching calls are spared first.
    pub skip: u32,
    /// So many are met then; `u32::MAX` for all.
    pub count: u32,
    /// What happens to them.
    pub effect: Effect,
}

impl Fault {
    /// A fault for the next matching call only.
    pub fn once(method: &str, path: &str, effect: Effect) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            skip: 0,
            count: 1,
            effect,
        }
    }

    /// A fault for all matching calls.
    pub fn always(method: &str, path: &str, effect: Effect) -> Self {
        Self {
            count: u32::MAX,
            ..Self::once(method, path, effect)
        }
    }

    /// Spares so many matching calls first.
    #[must_use]
    pub fn after(self, skip: u32) -> Self {
        Self { skip, ..self }
    }

    /// Meets so many calls.
    #[must_use]
    pub fn times(self, count: u32) -> Self {
        Self { count, ..self }
    }
}

impl Effect {
    /// GitHub's secondary rate limit, with or without `Retry-After`. Source: GitHub's documentation of rate limits.
    pub fn secondary_limit(status: u16, retry_after: Option<u64>) -> Self {
        let headers = retry_after
            .map(|seconds| ("retry-after".to_owned(), seconds.to_string()))
            .into_iter()
            .collect();
        let body = r#"{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again.","documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}"#;
        Self::Status {
            status,
            headers,
            body: body.to_owned(),
        }
    }

    /// Answers JSON that is not what it would be.
    pub fn lie(tale: impl Fn(&mut serde_json::Value) + Send + Sync + 'static) -> Self {
        Self::Lie(Arc::new(move |body| {
            let Ok(mut value) = serde_json::from_slice(body) else {
                return;
            };
            tale(&mut value);
            *body = serde_json::to_vec(&value).unwrap_or_default();
        }))
    }

    /// A server in trouble.
    pub fn trouble(status: u16) -> Self {
        Self::Status {
            status,
            headers: Vec::new(),
            body: r#"{"message":"Server Error"}"#.to_owned(),
        }
    }
}

/// Whether `text` is what `pattern` describes, `*` standing for any text.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

/// Takes the faults that meet this call out of the list, counting down those that spare it.
pub(crate) fn take(world: &mut World, method: &str, path: &str) -> Vec<Taken> {
    let mut taken = Vec::new();
    let mut hooks = Vec::new();
    let mut faults = std::mem::take(&mut world.faults);
    for fault in &mut faults {
        let meets =
            (fault.method == "*" || fault.method.eq_ignore_ascii_case(method)) && matches(&fault.path, path);
        if !meets || fault.count == 0 {
            continue;
        }
        if fault.skip > 0 {
            fault.skip -= 1;
            continue;
        }
        if fault.count != u32::MAX {
            fault.count -= 1;
        }
        match &mut fault.effect {
            Effect::Status {
                status,
                headers,
                body,
            } => {
                taken.push(Taken::Status {
                    status: *status,
                    headers: headers.clone(),
                    body: body.clone(),
                });
            }
            Effect::ResetBefore => taken.push(Taken::ResetBefore),
            Effect::ResetAfter => taken.push(Taken::ResetAfter),
            Effect::CutBody(bytes) => taken.push(Taken::CutBody(*bytes)),
            Effect::Slow(delay) => taken.push(Taken::Slow(*delay)),
            Effect::Html => taken.push(Taken::Html),
            Effect::WrongJson => taken.push(Taken::WrongJson),
            Effect::ExtraFields => taken.push(Taken::ExtraFields),
            Effect::Despite(status) => taken.push(Taken::Despite(*status)),
            Effect::Twice => taken.push(Taken::Twice),
            Effect::Doubled => taken.push(Taken::Doubled),
            Effect::Drip(pause) => taken.push(Taken::Drip(*pause)),
            Effect::Date(off) => taken.push(Taken::Date(*off)),
            Effect::Lie(tale) => taken.push(Taken::Lie(Arc::clone(tale))),
            Effect::After(late) => taken.push(Taken::After(Arc::clone(late))),
            Effect::Hook(_) => hooks.push(&mut fault.effect),
        }
    }
    for hook in hooks {
        if let Effect::Hook(act) = hook {
            act(world);
        }
    }
    faults.retain(|fault| fault.count > 0);
    // A hook may have added faults of its own.
    faults.append(&mut world.faults);
    world.faults = faults;
    taken
}

/// An effect that meets the call at hand.
pub(crate) enum Taken {
    Status {
        status: u16,
        headers: Vec<(String, String)>,
        body: String,
    },
    ResetBefore,
    ResetAfter,
    CutBody(usize),
    Slow(Duration),
    Html,
    WrongJson,
    ExtraFields,
    Despite(u16),
    Twice,
    Doubled,
    Drip(Duration),
    Date(SignedDuration),
    Lie(Tale),
    After(Late),
}

/// Moves the world on after a call was handled.
pub(crate) fn afterwards(world: &mut World, taken: &[Taken]) {
    for one in taken {
        if let Taken::After(late) = one {
            late.lock().unwrap_or_else(PoisonError::into_inner)(world);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_text() {
        assert!(matches("*/reviews", "/api/v3/repos/a/b/pulls/1/reviews"));
        assert!(!matches("*/reviews", "/api/v3/repos/a/b/pulls/1/reviews/7"));
        assert!(matches(
            "/api/v3/*/reviews/*/events",
            "/api/v3/repos/a/b/pulls/1/reviews/7/events"
        ));
        assert!(matches("*", ""));
        assert!(matches("/x", "/x"));
        assert!(!matches("/x", "/xy"));
    }
}
