//! Hostile Markdown as HTML that is safe under `style-src 'self'` and `img-src 'self' data:`, and honest: no remote
//! image, no link whose target differs from what it seems, nothing invisible.
//!
//! comrak makes HTML of it (raw HTML included, as at the forge), ammonia leaves what is on a list, and the last step
//! walks over ammonia's output, which is regular, and turns images into words and shows where links lead.

use std::sync::LazyLock;

use ammonia::{Builder, Url, UrlRelative};
use comrak::Options;

use crate::hidden::{is_hidden, name};

/// Bytes of Markdown that are shown; the rest is said to be cut.
const MAX_BYTES: usize = 64 * 1024;

/// Elements within elements, beyond which a text is shown as it was written: cleaning takes quadratic time in it.
const MAX_DEPTH: usize = 200;

static OPTIONS: LazyLock<Options<'static>> = LazyLock::new(|| {
    let mut options = Options::default();
    options.extension.strikethrough = true;
    options.extension.table = true;
    options.extension.autolink = true;
    // Safe because ammonia follows; without it, what the author wrote as HTML would vanish silently.
    options.render.r#unsafe = true;
    options
});

static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let tags = [
        "a",
        "b",
        "blockquote",
        "br",
        "code",
        "dd",
        "del",
        "details",
        "div",
        "dl",
        "dt",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "img",
        "ins",
        "kbd",
        "li",
        "ol",
        "p",
        "pre",
        "s",
        "span",
        "strong",
        "sub",
        "summary",
        "sup",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "ul",
    ];
    let mut builder = Builder::empty();
    builder
        .tags(tags.into())
        .clean_content_tags(["script", "style"].into())
        .tag_attributes(
            [
                ("a", ["href"].into()),
                ("img", ["alt", "src"].into()),
                ("ol", ["start"].into()),
            ]
            .into(),
        )
        .generic_attributes([].into())
        .url_schemes(["http", "https"].into())
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer nofollow"))
        .strip_comments(true);
    builder
});

/// Safe HTML.
pub fn markdown(text: &str) -> String {
    let end = text.floor_char_boundary(MAX_BYTES);
    let html = comrak::markdown_to_html(&text[..end], &OPTIONS);
    let mut out = if is_too_deep(&html) {
        let mut plain =
            String::from("<p class=\"cut\">Nested too deeply, so shown as it was written.</p><pre>");
        push_text(&mut plain, &escape(&text[..end]));
        plain.push_str("</pre>");
        plain
    } else {
        honest(&CLEANER.clean(&html).to_string())
    };
    if end < text.len() {
        out.push_str(&format!(
            "<p class=\"cut\">Cut here: {} more bytes are not shown. Read the rest at the forge.</p>",
            text.len() - end
        ));
    }
    out
}

/// Counts tags that open without looking for their match: a guard, not a parser.
fn is_too_deep(html: &str) -> bool {
    let mut depth = 0usize;
    for part in html.split('<').skip(1) {
        let name: String = part.chars().take_while(char::is_ascii_alphanumeric).collect();
        if part.starts_with('/') {
            depth = depth.saturating_sub(1);
        } else if !name.is_empty()
            && !["br", "hr", "img", "input"]
                .iter()
                .any(|void| name.eq_ignore_ascii_case(void))
        {
            depth += 1;
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

/// Walks over ammonia's output: images become words, links say where they lead, hidden characters get a name.
fn honest(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    // Target and where its words begin in `out`. Links do not nest in HTML.
    let mut link: Option<(String, usize)> = None;
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        push_text(&mut out, &rest[..at]);
        let tag = &rest[at..at + end_of_tag(&rest[at..])];
        rest = &rest[at + tag.len()..];
        if tag.starts_with("<img") {
            push_image(&mut out, tag);
        } else if tag.starts_with("<a ") {
            out.push_str(tag);
            link = attribute(tag, "href").map(|target| (target, out.len()));
        } else if tag == "</a>" {
            let told = link
                .take()
                .and_then(|(target, from)| where_to(&target, &out[from..]));
            out.push_str(tag);
            if let Some(host) = told {
                out.push_str(" <span class=\"link-target\">(");
                push_text(&mut out, &escape(&host));
                out.push_str(")</span>");
            }
        } else {
            out.push_str(tag);
        }
    }
    push_text(&mut out, rest);
    out
}

/// Length of a tag that stands at the front; `>` within quotes does not end it.
fn end_of_tag(html: &str) -> usize {
    let mut quoted = false;
    for (at, c) in html.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '>' if !quoted => return at + 1,
            _ => {}
        }
    }
    html.len()
}

/// Value of an attribute, unescaped.
fn attribute(tag: &str, wanted: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {wanted}=\""))?;
    let (value, _) = rest.split_once('"')?;
    let plain = value
        .replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&nbsp;", "\u{a0}");
    Some(plain.replace("&amp;", "&"))
}

fn host(address: &str) -> String {
    let url = Url::parse(address).ok();
    let host = url.as_ref().and_then(|url| {
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        Some(format!("{}{port}", url.host_str()?))
    });
    host.unwrap_or_else(|| "unreadable address".into())
}

/// What to say about a link, unless its words are its address.
fn where_to(target: &str, words: &str) -> Option<String> {
    let plain = words.replace("&amp;", "&");
    let bare = |text: &str| text.trim_end_matches('/').to_owned();
    if bare(&plain) == bare(target) {
        None
    } else {
        Some(host(target))
    }
}

fn push_image(out: &mut String, tag: &str) {
    let alt = attribute(tag, "alt").unwrap_or_default();
    let source = attribute(tag, "src").map_or_else(|| "not shown".to_owned(), |address| host(&address));
    out.push_str("<span class=\"image\">[image");
    if !alt.trim().is_empty() {
        out.push_str(": ");
        push_text(out, &escape(alt.trim()));
    }
    out.push_str(", ");
    push_text(out, &escape(&source));
    out.push_str("]</span>");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Text that is escaped already. Line ends and tabs mean nothing in HTML or stand in a code block.
fn push_text(out: &mut String, text: &str) {
    let text = text.replace("&nbsp;", "\u{a0}");
    for c in text.chars() {
        if is_hidden(c) && !matches!(c, '\n' | '\t') {
            out.push_str(&format!("<span class=\"hidden-char\">{}</span>", name(c)));
        } else {
            out.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_keeps_its_form() {
        let html = markdown(
            "# Title\n\n- [ ] **bold** `x < y` ~~no~~\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```rust\nfn\ta() {}\n```\n",
        );
        for part in [
            "<h1>Title</h1>",
            "[ ] <strong>bold</strong> <code>x &lt; y</code> <del>no</del>",
            "<td>1</td>",
            "<pre><code>fn\ta() {}\n</code></pre>",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }

    #[test]
    fn nothing_hostile_survives() {
        let hostile = [
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "<p style=\"position:fixed\" class=\"a\" id=\"b\" onclick=\"x()\">t</p>",
            "[x](javascript:alert(1)) [y](data:text/html,x) [z](file:///etc/passwd) <a href=\"//evil.example\">w</a>",
            "<iframe src=\"https://evil.example\"></iframe><object></object><svg onload=x()></svg>",
            "<form action=\"https://evil.example\"><input><button>Approve</button></form>",
            "<base href=\"https://evil.example\"><meta http-equiv=refresh><link rel=stylesheet href=x>",
            "<style>*{display:none}</style><math><mtext></mtext></math>",
            "![<img src=x onerror=alert(1)>](https://evil.example/p.png)",
            "<img alt='\"><script>alert(1)</script>' src='https://evil.example/p.png'>",
            "<a href='https://evil.example/\"><script>'>x</a>",
        ];
        for text in hostile {
            let html = markdown(text);
            for bad in [
                "<script",
                "<img",
                "<iframe",
                "<object",
                "<svg",
                "<form",
                "<input",
                "<button",
                "<base",
                "<meta",
                "<link",
                "<style",
                "<math",
                " style=",
                " class=\"a\"",
                " id=",
                " onclick",
                "javascript:",
                "data:",
                "file:",
                "href=\"//",
            ] {
                assert!(!html.contains(bad), "{bad} from {text}: {html}");
            }
            // The tags that are left have no handlers, wherever the word may stand as text.
            for tag in html
                .split('<')
                .skip(1)
                .filter_map(|part| part.split_once('>'))
                .map(|(tag, _)| tag)
            {
                assert!(
                    !tag.contains("onerror") && !tag.contains("onload"),
                    "{tag} from {text}"
                );
            }
        }
    }

    #[test]
    fn images_are_words() {
        let image = |words: &str| format!("<span class=\"image\">[image{words}]</span>");
        for (text, expected) in [
            (
                "![a chart](https://cdn.example/x.png)",
                image(": a chart, cdn.example"),
            ),
            (
                "<img src=\"https://cdn.example:8443/x.png\">",
                image(", cdn.example:8443"),
            ),
            (
                "<img alt='a > b & \"c\"' src='https://cdn.example'>",
                image(": a &gt; b &amp; &quot;c&quot;, cdn.example"),
            ),
            ("![x](data:image/png;base64,AAAA)", image(": x, not shown")),
        ] {
            assert!(markdown(text).contains(&expected), "{}", markdown(text));
        }
    }

    #[test]
    fn links_say_where_they_lead() {
        let html = markdown("[github.com/acme](https://evil.example/?a=1&b=2) and https://github.com/acme");
        assert!(
            html.contains("github.com/acme</a> <span class=\"link-target\">(evil.example)</span>"),
            "{html}"
        );
        assert!(
            html.contains("href=\"https://evil.example/?a=1&amp;b=2\""),
            "{html}"
        );
        assert!(
            html.contains(">https://github.com/acme</a></p>"),
            "its words are its address: {html}"
        );
        assert_eq!(
            html.matches("rel=\"noopener noreferrer nofollow\"").count(),
            2,
            "{html}"
        );
        let html = markdown("[x](https://xn--80ak6aa92e.example) [y](https://аррӏе.example)");
        assert_eq!(html.matches("(xn--80ak6aa92e.example)").count(), 2, "{html}");
        assert!(markdown("[w](https://github.com@evil.example/)").contains("(evil.example)"));
    }

    #[test]
    fn hidden_characters_have_names() {
        let html = markdown("go\u{202e}od &#x200b;\u{e0041} `a\u{2066}b`\r\n");
        for code in ["U+202E", "U+200B", "U+E0041", "U+2066"] {
            assert!(
                html.contains(&format!("<span class=\"hidden-char\">{code}</span>")),
                "{code}: {html}"
            );
        }
        assert!(!html.chars().any(|c| is_hidden(c) && c != '\n'), "{html:?}");
    }

    #[test]
    fn size_and_depth_are_bounded() {
        let html = markdown(&"ß".repeat(MAX_BYTES));
        assert!(
            html.contains("Cut here: 65536 more bytes"),
            "{}",
            &html[html.len() - 200..]
        );
        assert!(!markdown("short").contains("Cut here"));
        assert!(markdown(&"> ".repeat(MAX_DEPTH - 10)).starts_with("<blockquote>"));
        let deep = markdown(&format!("{}<img src=x>", "> ".repeat(MAX_DEPTH + 10)));
        assert!(
            deep.contains("Nested too deeply") && deep.contains("&gt; &lt;img src=x&gt;</pre>"),
            "{deep}"
        );
        for nest in [
            "> ",
            "- ",
            "[",
            "![",
            "*a ",
            "<div>",
            "`",
            "<a href=x>",
            "(",
            "| ",
        ] {
            let began = std::time::Instant::now();
            let html = markdown(&nest.repeat(MAX_BYTES / nest.len()));
            assert!(html.len() < 64 * MAX_BYTES, "{nest} gives {} bytes", html.len());
            assert!(
                began.elapsed().as_secs() < 20,
                "{nest} took {:?}",
                began.elapsed()
            );
        }
    }
}
