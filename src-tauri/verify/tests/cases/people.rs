//! Steps 14 and 15: who may approve, how many, and other changes with the same head.

use serde_json::{Value, json};

use super::*;

pub(super) fn authority(cases: &mut Cases) {
    let priya = person(PRIYA.0, PRIYA.1);
    cases.rejected(
        "role",
        "E_ROLE",
        "A role that the policy does not give.",
        stated(|predicate| predicate["policy"]["role"] = json!("release-manager")),
    );
    cases.rejected(
        "self-opened",
        "E_SELF_APPROVAL",
        "The signer opened the change.",
        with(|input| input["change"]["author"] = priya.clone()),
    );
    cases.rejected(
        "self-pushed",
        "E_SELF_APPROVAL",
        "The signer pushed to the branch.",
        with(|input| {
            input["pushes"] = json!([
                push("0", "5", priya.clone()),
                push("5", "1", person(SAM.0, SAM.1))
            ]);
        }),
    );
    let coauthor = "E_COAUTHOR";
    cases.rejected(
        "author",
        coauthor,
        "The signer wrote a commit.",
        with(|input| {
            input["commits"]["items"][0]["author"] =
                json!({"name": "P", "email": "p@home.example", "account": priya});
        }),
    );
    for (name, what, trailer) in [
        (
            "co-author-noreply",
            "The signer is named in a trailer, by id.",
            "1234567+someone@users.noreply.github.com",
        ),
        (
            "co-author-old-noreply",
            "The signer is named in a trailer, by login.",
            "Priya-N@users.noreply.github.com",
        ),
        (
            "co-author-principal",
            "The signer is named in a trailer, by the address of their key.",
            "priya@acme.example",
        ),
    ] {
        cases.rejected(
            name,
            coauthor,
            what,
            with(|input| {
                input["commits"]["items"][0]["message"] =
                    json!(format!("Pay\n\nCo-authored-by: P <{trailer}>\n\nMore text\n"));
            }),
        );
    }
    cases.rejected(
        "co-author-mapped",
        coauthor,
        "The signer is named in a trailer, by an address that the forge maps.",
        with(|input| {
            input["commits"]["items"][0]["message"] = json!("Pay\n\nco-authored-by: P <p@home.example>\n");
            input["mails"] = json!([{"email": "P@home.example", "account": priya}]);
        }),
    );
    for (name, what, message) in [
        (
            "co-author-folded",
            "The signer is named in a trailer whose address stands in the next line.",
            "Pay\n\nCo-authored-by: Priya\n <priya@acme.example>\n",
        ),
        (
            "co-author-folded-crlf",
            "The same, with CRLF line ends.",
            "Pay\r\n\r\nCo-authored-by: Priya\r\n <priya@acme.example>\r\n",
        ),
        (
            "co-author-bulleted",
            "The signer is named in a list, as a squash merge leaves it.",
            "Pay\n\n* Co-authored-by: Priya <priya@acme.example>\n\nMore text\n",
        ),
        (
            "co-author-second-address",
            "The signer's is the second address in one trailer.",
            "Pay\n\nCo-authored-by: Sam <sam@acme.example>, Priya <priya@acme.example>\n",
        ),
        (
            "co-author-co-developed",
            "The signer is named by the kernel's word for a co-author.",
            "Pay\n\nCo-developed-by: Priya <priya@acme.example>\n",
        ),
    ] {
        cases.rejected(
            name,
            coauthor,
            what,
            with(|input| input["commits"]["items"][0]["message"] = json!(message)),
        );
    }
    cases.rejected(
        "committer",
        coauthor,
        "The signer committed what somebody else wrote.",
        with(|input| {
            input["commits"]["items"][0]["committer"] =
                json!({"name": "P", "email": "p@home.example", "account": priya});
        }),
    );
    cases.accepted(
        "ok-committer-web-flow",
        "The forge itself committed, as it does for whoever uses its web page.",
        with(|input| {
            input["commits"]["items"][0]["committer"] = json!({
                "name": "GitHub", "email": "noreply@github.com", "account": person("web-flow", "19864447"),
            });
        }),
    );
    cases.rejected(
        "co-author-principal-of-other-account",
        coauthor,
        "A commit has the address of the signer's key, and the forge maps it to another account.",
        with(|input| {
            input["commits"]["items"][0]["author"]["email"] = json!(PRIYA.2);
        }),
    );
    cases.rejected(
        "co-author-mapped-twice",
        coauthor,
        "An address is mapped to two accounts, and one is the signer's.",
        with(|input| {
            input["commits"]["items"][0]["message"] = json!("Pay\n\nCo-authored-by: P <p@home.example>\n");
            input["mails"] = json!([
                {"email": "p@home.example", "account": person(SAM.0, SAM.1)},
                {"email": "p@home.example", "account": priya},
            ]);
        }),
    );
    let nameless = |second: bool| {
        with(|input| {
            input["commits"]["items"][0]["message"] = json!("Pay\n\nCo-authored-by: Priya\n");
            if second {
                add_review(input, at(approval("9002", RAVI, PATH), "2026-11-23T22:11:00Z"));
            }
        })
    };
    cases.rejected(
        "co-author-unknown",
        "E_COAUTHOR_UNKNOWN",
        "A co-author is named without an address, and one senior approved.",
        nameless(false),
    );
    cases.accepted(
        "ok-co-author-unknown-two",
        "A co-author is named without an address: two seniors approved.",
        nameless(true),
    );
    cases.rejected(
        "operator",
        "E_OPERATOR",
        "The signer set the agent to work.",
        with(|input| input["operators"] = operators(std::slice::from_ref(&priya))),
    );
    let unknown = |field: &str, second: bool| {
        with(|input| {
            input[field] = Value::Null;
            if second {
                add_review(input, at(approval("9002", RAVI, PATH), "2026-11-23T22:11:00Z"));
            }
        })
    };
    cases.rejected(
        "pusher-unknown",
        "E_PUSHER_UNKNOWN",
        "Nobody can tell who pushed, and one senior approved.",
        unknown("pushes", false),
    );
    let sam = person(SAM.0, SAM.1);
    for (name, what, pushes) in [
        (
            "pushes-empty",
            "No movement of the branch was collected: somebody must have pushed.",
            json!([]),
        ),
        (
            "pushes-before-the-last",
            "The branch's movements do not lead to the head.",
            json!([push("0", "5", sam.clone())]),
        ),
        (
            "pushes-with-a-gap",
            "One of the branch's movements is missing: it may be the signer's.",
            json!([push("0", "5", sam.clone()), push("6", "1", sam.clone())]),
        ),
        (
            "pushes-without-beginning",
            "The first of the branch's movements is missing.",
            json!([push("5", "1", sam.clone())]),
        ),
        (
            "pushes-by-nobody",
            "One of the branch's movements was by an account that is not there any more.",
            json!([push("0", "5", Value::Null), push("5", "1", sam.clone())]),
        ),
    ] {
        cases.rejected(
            name,
            "E_PUSHER_UNKNOWN",
            what,
            with(|input| input["pushes"] = pushes),
        );
    }
    cases.accepted(
        "ok-pushes-from-merge-base",
        "The branch was where the target is before the first push that was collected.",
        with(|input| input["pushes"] = json!([push("4", "5", sam.clone()), push("5", "1", sam)])),
    );
    cases.rejected(
        "operator-unknown",
        "E_OPERATOR_UNKNOWN",
        "Nobody can tell who set the agent to work, and one senior approved.",
        unknown("operators", false),
    );
    cases.accepted(
        "ok-pusher-unknown-two",
        "Nobody can tell who pushed: two seniors approved.",
        unknown("pushes", true),
    );
    cases.accepted(
        "ok-operator-unknown-two",
        "Nobody can tell who set the agent to work: two seniors approved.",
        unknown("operators", true),
    );
    let path = "infra/main.tf";
    let infra = |people: &[Who]| {
        let mut input = scene(path);
        for (at_id, who) in ["9001", "9002"].into_iter().zip(people) {
            add_review(&mut input, approval(at_id, *who, path));
        }
        input
    };
    cases
        .rejected(
            "quorum",
            "E_QUORUM",
            "A rule wants two people, one approved.",
            infra(&[PRIYA]),
        )
        .reviews = vec![("9001", None)];
    cases.rejected(
        "quorum-same-person",
        "E_QUORUM",
        "A rule wants two people, one approved twice.",
        infra(&[PRIYA, PRIYA]),
    );
    cases.accepted(
        "ok-quorum",
        "A rule wants two people, two approved.",
        infra(&[PRIYA, RAVI]),
    );
}

pub(super) fn twins(cases: &mut Cases) {
    let twin = |approved_too: bool| {
        let mut other = scene(PATH);
        other["change"]["number"] = json!("4300");
        other["change"]["change_id"] = json!("2345679999");
        other["change"]["target_ref"] = json!("refs/heads/release");
        if approved_too {
            let mut statement = statement(PRIYA, PATH);
            statement["predicate"]["forge"]["change"] = json!("4300");
            statement["predicate"]["forge"]["changeId"] = json!("2345679999");
            statement["predicate"]["change"]["targetRef"] = json!("refs/heads/release");
            add_review(
                &mut other,
                review(
                    "9100",
                    PRIYA,
                    "approved",
                    &signed_body(&statement, &key_of(PRIYA), &USUAL),
                ),
            );
        }
        other
    };
    let beside = |other: Value| with(|input| add(input, "same_head", other));
    cases.rejected(
        "twin-to-block",
        "E_HEAD_SHARED",
        "Another open change has the same head and no approval.",
        beside(twin(false)),
    );
    cases.accepted(
        "ok-twin-approved",
        "Another open change has the same head and is approved itself.",
        beside(twin(true)),
    );
    cases.accepted("ok-twin-closed", "The other change is closed.", {
        let mut other = twin(false);
        other["change"]["state"] = json!("closed");
        beside(other)
    });
    cases.accepted(
        "ok-twin-unprotected",
        "The other change goes to a branch that is not protected.",
        {
            let mut other = twin(false);
            other["change"]["target_protected"] = json!(false);
            beside(other)
        },
    );
    for (name, what, edit) in [
        (
            "twin-is-itself",
            "The change was collected as its own twin.",
            (|other| other["change"]["change_id"] = json!("2345678901")) as fn(&mut Value),
        ),
        (
            "twin-of-other-forge",
            "A change of another forge was collected as a twin.",
            |other| other["forge"]["host"] = json!("git.acme.example"),
        ),
    ] {
        let mut other = twin(true);
        edit(&mut other);
        cases.undecided(name, "E_INPUT_MISSING", what, beside(other));
    }
    cases.undecided(
        "twin-twice",
        "E_INPUT_MISSING",
        "One twin stands twice and makes up the number: another may hide.",
        with(|input| {
            add(input, "same_head", twin(true));
            add(input, "same_head", twin(true));
        }),
    );
    cases.undecided(
        "twin-of-other-head",
        "E_INPUT_MISSING",
        "A change with another head was collected as a twin.",
        {
            let mut other = twin(true);
            other["change"]["head"] = json!(oid("5"));
            beside(other)
        },
    );
}
