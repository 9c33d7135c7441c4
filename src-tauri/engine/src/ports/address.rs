//! Where a forge is.

/// Where a forge is: host and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Host with a port where it is not the standard one: `github.com`, `ghe.example.com`, `127.0.0.1:8080`.
    pub host: String,
    /// Base of the REST API, without a slash at its end.
    pub rest: String,
    /// The GraphQL endpoint.
    pub graphql: String,
    /// Base for links that a person opens, without a slash at its end.
    pub web: String,
}

/// The text does not name a forge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} does not name a forge: type a host such as github.com; http:// is allowed for this machine only"
)]
pub struct NotAForge(pub String);

impl Address {
    /// Reads what a person typed: `github.com`, `https://ghe.example.com`, `http://127.0.0.1:8080`.
    ///
    /// GitHub.com's API lives on a host of its own, an Enterprise Server's under `/api`. A token must not travel in
    /// the clear, so `http://` is accepted for loopback addresses only. Source: "About the REST API" of both.
    pub fn parse(text: &str) -> Result<Self, NotAForge> {
        let bad = || NotAForge(text.to_owned());
        let trimmed = text.trim().trim_end_matches('/');
        let (scheme, host) = match trimmed.split_once("://") {
            Some(("https", host)) => ("https", host),
            Some(("http", host)) => ("http", host),
            Some(_) => return Err(bad()),
            None => ("https", trimmed),
        };
        let host = host.to_ascii_lowercase();
        let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
        if name.is_empty() || !host.chars().all(plain) {
            return Err(bad());
        }
        if scheme == "http" && !matches!(name, "127.0.0.1" | "localhost") {
            return Err(bad());
        }
        if host == "github.com" {
            return Ok(Self {
                host,
                rest: "https://api.github.com".into(),
                graphql: "https://api.github.com/graphql".into(),
                web: "https://github.com".into(),
            });
        }
        let web = format!("{scheme}://{host}");
        Ok(Self {
            rest: format!("{web}/api/v3"),
            graphql: format!("{web}/api/graphql"),
            web,
            host,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_three_kinds_of_forge() {
        let github = Address::parse("github.com").unwrap();
        assert_eq!(
            (github.rest.as_str(), github.web.as_str()),
            ("https://api.github.com", "https://github.com")
        );
        let server = Address::parse("https://GHE.example.com/").unwrap();
        assert_eq!(server.rest, "https://ghe.example.com/api/v3");
        assert_eq!(server.graphql, "https://ghe.example.com/api/graphql");
        let local = Address::parse("http://127.0.0.1:8080").unwrap();
        assert_eq!(
            (local.host.as_str(), local.rest.as_str()),
            ("127.0.0.1:8080", "http://127.0.0.1:8080/api/v3")
        );
    }

    #[test]
    fn a_token_does_not_travel_in_the_clear() {
        for text in [
            "http://ghe.example.com",
            "ftp://github.com",
            "",
            "github.com/acme",
            "a b",
            "http://127.0.0.1.evil.example",
        ] {
            assert!(Address::parse(text).is_err(), "{text:?}");
        }
    }
}
