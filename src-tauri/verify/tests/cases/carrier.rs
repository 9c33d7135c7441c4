//! Step 4: the envelope in the body.

use serde_json::json;

use super::*;

pub(super) fn carrier(cases: &mut Cases) {
    let good = body_of(&approved());
    let fence = "```countersign-dsse-v1\n";
    cases.rejected(
        "stolen-token",
        "E_NO_ENVELOPE",
        "A stolen token approves without the key.",
        bodied("LGTM"),
    );
    cases.rejected(
        "two-envelopes",
        "E_ENVELOPE_AMBIGUOUS",
        "Two envelopes in one body.",
        bodied(&format!("{good}\n{good}")),
    );
    cases.rejected(
        "quoted-envelope",
        "E_ENVELOPE_AMBIGUOUS",
        "A second envelope, quoted.",
        {
            let quoted: String = good.lines().map(|line| format!("> {line}\n")).collect();
            bodied(&format!("{quoted}\n{good}"))
        },
    );
    cases.rejected(
        "tilde-envelope",
        "E_ENVELOPE_AMBIGUOUS",
        "A second fence, with tildes and capitals.",
        bodied(&format!("~~~ Countersign-DSSE-v1\n~~~\n{good}")),
    );
    cases.rejected(
        "envelope-too-large",
        "E_ENVELOPE_TOO_LARGE",
        "An envelope of more than 16 KiB.",
        stated(|predicate| predicate["claims"]["ai"] = json!(vec!["x".repeat(100); 130])),
    );
    cases.rejected(
        "base64",
        "E_BASE64",
        "A letter that is not base64.",
        bodied(&good.replacen(fence, &format!("{fence}*"), 1)),
    );
    cases.rejected(
        "json",
        "E_JSON",
        "The fence holds no JSON.",
        enveloped(|json| json[1..].to_owned()),
    );
    cases.rejected(
        "dupkey",
        "E_JSON_DUPKEY",
        "The envelope names a key twice.",
        enveloped(|json| json.replacen("{\"payload\"", "{\"payload\":\"\",\"payload\"", 1)),
    );
    cases.rejected(
        "payload-type",
        "E_PAYLOAD_TYPE",
        "Another payload type.",
        enveloped(|json| json.replace("vnd.in-toto+json", "json")),
    );
    let encoding = "E_ENCODING";
    cases.rejected(
        "encoding-before-payload-type",
        encoding,
        "Another payload type in JSON that is not canonical: the encoding is looked at first.",
        enveloped(|json| json.replace("vnd.in-toto+json", "json").replacen(":[", ": [", 1)),
    );
    cases.rejected(
        "encoding-space",
        encoding,
        "A space in the JSON.",
        enveloped(|json| json.replacen(":[", ": [", 1)),
    );
    cases.rejected(
        "encoding-keyid",
        encoding,
        "A keyid.",
        enveloped(|json| json.replacen("{\"sig\"", "{\"keyid\":\"\",\"sig\"", 1)),
    );
    cases.rejected(
        "encoding-two-signatures",
        encoding,
        "Two signatures.",
        enveloped(|json| json.replacen("[{", "[{\"sig\":\"\"},{", 1)),
    );
    cases.rejected("encoding-wrap", encoding, "The base64 in one long line.", {
        let payload = payload(&statement(PRIYA, PATH));
        let json = envelope(&payload, &armor(&sshsig(&key_of(PRIYA), &payload, &USUAL)));
        use base64::prelude::{BASE64_STANDARD, Engine as _};
        bodied(&format!(
            "{fence}{}\n```\n",
            BASE64_STANDARD.encode(json.as_bytes())
        ))
    });
    cases.rejected(
        "encoding-indented",
        encoding,
        "The fence is indented.",
        bodied(&good.replacen(fence, &format!(" {fence}"), 1)),
    );
    cases.rejected(
        "encoding-open",
        encoding,
        "The fence is not closed.",
        bodied(good.split("\n```\n").next().unwrap()),
    );
    cases.rejected(
        "encoding-armor",
        encoding,
        "The armor is wrapped at another column.",
        {
            let payload = payload(&statement(PRIYA, PATH));
            let mut armor = armor(&sshsig(&key_of(PRIYA), &payload, &USUAL));
            armor = armor.replacen("-----\n", "-----\n\n", 1);
            bodied(&body(&envelope(&payload, &armor)))
        },
    );
}
