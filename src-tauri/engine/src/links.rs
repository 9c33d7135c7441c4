//! Which addresses may be handed to the person's browser.

use crate::engine::Engine;
use crate::ports::{Desktop, Forge};
use crate::view::Failure;

impl<F: Forge, D: Desktop> Engine<F, D> {
    /// Answers with `url` if it is at the forge of the account: text from the forge must not choose where a browser
    /// goes.
    ///
    /// # Errors
    /// It is somewhere else, or nobody is signed in.
    pub async fn open_link(&self, url: String) -> Result<String, Failure> {
        let web = self.signed_in()?.address.web;
        if is_below(&url, &web) {
            return Ok(url);
        }
        Err(Failure::other(
            format!("Not opened: only addresses at {web} are. This one leads to {url}."),
            "If you trust it, copy it into your browser.",
        ))
    }
}

/// The slash after `web` is part of the comparison: `https://github.com.evil.example` and `https://github.com@evil`
/// begin with it too. Characters that an address cannot hold would be an argument or a second line to what opens it.
pub(crate) fn is_below(url: &str, web: &str) -> bool {
    let rest = url.strip_prefix(web).and_then(|rest| rest.strip_prefix('/'));
    rest.is_some()
        && url
            .chars()
            .all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '\'' | '\\' | '<' | '>' | '`' | '|'))
}

#[cfg(test)]
mod tests {
    use super::is_below;

    #[test]
    fn only_the_forge_itself_is_opened() {
        assert!(is_below(
            "https://github.com/acme/infra/pull/482#discussion_r1",
            "https://github.com"
        ));
        for url in [
            "https://github.com.evil.example/x",
            "https://github.com@evil.example/x",
            "http://github.com/x",
            "https://github.com",
            "file:///etc/passwd",
            "--help",
            "https://github.com/a b",
            "https://github.com/\u{202e}x",
            "https://github.com/x\nhttps://evil.example",
        ] {
            assert!(!is_below(url, "https://github.com"), "{url:?}");
        }
    }
}
