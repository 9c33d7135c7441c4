//! No byte of an accepted envelope can be changed: ten thousand damaged bodies, none accepted.
#![allow(
    clippy::unwrap_used,
    reason = "a test may panic; clippy excuses only the test functions themselves"
)]

mod support;

use countersign_core::verify::{Input, Outcome, judge};
use serde_json::json;
use support::{HANA, NOW, OMAR, PATH, PRIYA, RAVI, Who, add_review, approval, review, scene};

/// Marsaglia's xorshift64: the same damage on every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}

/// What is judged but for the body, which is read once: most of the time goes into that.
fn with_review_of(who: Who) -> Input {
    let mut input = scene(PATH);
    add_review(&mut input, review("9001", who, "approved", ""));
    // The least that is needed: it is read ten thousand times.
    let (login, id, principal) = who;
    let policy = format!(
        "version = 1\nallowed_signers = \".github/allowed_signers\"\n\
         [[senior]]\nlogin = \"{login}\"\nid = \"{id}\"\nprincipal = \"{principal}\"\n"
    );
    let signers = support::signer_line(who, "", &support::key_of(who));
    for (file, text) in [("policy", policy), ("allowed_signers", signers)] {
        input["trust"][file]["blob"] = json!(support::blob_name(&text));
        input["trust"][file]["text"] = json!(text);
    }
    Input::from_json(input.to_string().as_bytes()).unwrap()
}

fn judged(input: &mut Input, body: &str) -> Outcome {
    body.clone_into(&mut input.reviews.items[0].body);
    judge(input, NOW.parse().unwrap()).verdict
}

#[test]
fn no_damage_inside_the_fence_is_accepted() {
    let mut input = with_review_of(PRIYA);
    let good = approval("9001", PRIYA, PATH)["body"].as_str().unwrap().to_owned();
    assert_eq!(judged(&mut input, &good), Outcome::Accepted);
    let start = good.find("```countersign").unwrap();
    let end = good.rfind("```").unwrap() + 3;
    let mut dice = Dice(0x5eed_2026_1123);
    let mut tried = 0;
    while tried < 10_000 {
        let mut bytes = good.clone().into_bytes();
        let at = start + dice.below(end - start);
        let byte = match dice.below(3) {
            0 => u8::try_from(dice.below(128)).unwrap(),
            1 => b"ABCDwxyz0189+/=\n\r `"[dice.below(19)],
            _ => bytes[at] ^ (1 << dice.below(7)),
        };
        match dice.below(4) {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            2 => drop(bytes.remove(at)),
            _ => {
                let other = start + dice.below(end - start);
                bytes.swap(at, other);
            }
        }
        let bad = String::from_utf8(bytes).unwrap();
        // A line end that became CRLF is what forges do, and is folded back before anything is read.
        if bad.replace("\r\n", "\n") == good {
            continue;
        }
        assert_ne!(
            judged(&mut input, &bad),
            Outcome::Accepted,
            "damage at {at}:\n{bad}"
        );
        tried += 1;
    }
}

#[test]
fn every_byte_of_the_signature_and_of_the_statement_counts() {
    for who in [PRIYA, RAVI, HANA, OMAR] {
        let mut input = with_review_of(who);
        let payload = support::payload(&support::statement(who, PATH));
        let key = support::key_of(who);
        let sshsig = support::sshsig(&key, &payload, &support::USUAL);
        let body = |payload: &[u8], sshsig: &[u8]| {
            support::body(&support::envelope(payload, &support::armor(sshsig)))
        };
        assert_eq!(judged(&mut input, &body(&payload, &sshsig)), Outcome::Accepted);
        for at in 0..sshsig.len() {
            let mut bad = sshsig.clone();
            bad[at] ^= 1 << (at % 8);
            assert_ne!(
                judged(&mut input, &body(&payload, &bad)),
                Outcome::Accepted,
                "byte {at} of the signature by {}",
                who.0
            );
        }
        // Every third is enough to meet every field, and how a statement is read does not depend on the key.
        for at in (0..payload.len()).step_by(if who == PRIYA { 3 } else { 61 }) {
            let mut bad = payload.clone();
            bad[at] ^= 1;
            assert_ne!(
                judged(&mut input, &body(&bad, &sshsig)),
                Outcome::Accepted,
                "byte {at} of the statement by {}",
                who.0
            );
        }
        let other = support::sshsig(
            &key,
            &payload,
            &support::Making {
                high_s: true,
                ..support::USUAL
            },
        );
        if other != sshsig {
            assert_ne!(
                judged(&mut input, &body(&payload, &other)),
                Outcome::Accepted,
                "by {}",
                who.0
            );
        }
    }
}
