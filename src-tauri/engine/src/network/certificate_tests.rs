use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::*;

/// Made for this test with `openssl req -x509 -newkey ed25519 -nodes -days 36500 -subj "/O=Example/CN=Example
/// Inspection CA"`.
const CA: &str = include_str!("example-ca.pem");

fn body() -> String {
    CA.lines().filter(|line| !line.starts_with("-----")).collect()
}

#[test]
fn a_file_with_one_with_several_and_a_bare_one() {
    let one = Certificate::read_all(CA.as_bytes()).unwrap();
    assert_eq!(one.len(), 1);
    assert_eq!(one[0].subject(), "Example Inspection CA (Example)");
    assert_eq!(one[0].fingerprint(), include_str!("example-ca.sha256").trim());
    let twice = format!(
        "# The company's\n{CA}\r\nSubject: CN = again\n{}",
        CA.replace('\n', "\r\n")
    );
    assert_eq!(Certificate::read_all(twice.as_bytes()).unwrap(), one, "each once");
    assert_eq!(
        Certificate::read_all(&BASE64_STANDARD.decode(body()).unwrap()).unwrap(),
        one
    );
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_line() {
    let first = format!("{CA}\n");
    let lines = first.lines().count();
    for (text, expected) in [
        (String::new(), "holds no certificate"),
        ("<html>Sign in</html>".into(), "holds no certificate"),
        (
            format!("{first}-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----"),
            &*format!("line {} begins a PRIVATE KEY", lines + 1),
        ),
        (
            format!("{first}-----BEGIN CERTIFICATE-----\nMIIB"),
            &*format!("begins at line {} has no end", lines + 1),
        ),
        (
            CA.replace("-----END", "-----BEGIN"),
            "begins at line 1 has no end",
        ),
        (
            format!("{first}-----BEGIN CERTIFICATE-----\n*not*\n-----END CERTIFICATE-----"),
            &*format!("begins at line {} cannot be read: it is not base64", lines + 1),
        ),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----".into(),
            "begins at line 1 cannot be read: it is not a certificate",
        ),
    ] {
        let error = Certificate::read_all(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn other_blocks_are_passed_over_and_a_whole_trust_store_is_refused() {
    let der = BASE64_STANDARD.decode(body()).unwrap();
    // Signatures of authorities are not looked at: whoever adds one trusts it for what it is.
    let several = |number: u8| -> String {
        let one = |last: u8| {
            let mut der = der.clone();
            *der.last_mut().unwrap() = last;
            let body = BASE64_STANDARD.encode(der);
            format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
        };
        (0..number).map(one).collect()
    };
    let beside = "-----BEGIN X509 CRL-----\n*not looked at*\n-----END X509 CRL-----\n";
    let read = Certificate::read_all(format!("{beside}{}{beside}", several(100)).as_bytes());
    assert_eq!(read.unwrap().len(), 100);
    let many = Certificate::read_all(several(101).as_bytes());
    assert_eq!(many.unwrap_err(), Unreadable::Many);
    let none = Certificate::read_all(beside.as_bytes());
    assert_eq!(none.unwrap_err(), Unreadable::None);
}

#[test]
fn a_certificate_is_kept_as_text_and_a_damaged_one_is_no_certificate() {
    let one = Certificate::read_all(CA.as_bytes()).unwrap().remove(0);
    let text = serde_json::to_string(&one).unwrap();
    assert_eq!(serde_json::from_str::<Certificate>(&text).unwrap(), one);
    assert!(serde_json::from_str::<Certificate>("\"AAAA\"").is_err());
}

#[test]
fn no_bytes_make_the_reader_of_names_fail_and_hidden_characters_are_named() {
    let der = BASE64_STANDARD.decode(body()).unwrap();
    assert_eq!(names(&der).unwrap().issuer, "Example Inspection CA (Example)");
    for cut in 0..der.len() {
        let _ = names(&der[..cut]);
    }
    for at in 0..der.len().min(200) {
        let mut wrong = der.clone();
        for byte in [0, 0x30, 0x7f, 0x83, 0xff] {
            wrong[at] = byte;
            let _ = names(&wrong);
        }
    }
    assert_eq!(shown("Git\u{202e}Hub".as_bytes()), "Git[U+202E]Hub");
    assert_eq!(shown("x".repeat(5000).as_bytes()).len(), 100);
}
