use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::json;

use super::{REPO, started};

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_a_file_and_a_change_of_it() {
    let (forge, client) = started().await;
    let path = |rest: &str| format!("/repos/{REPO}/{rest}");
    let tip = forge.with(|world| world.find(REPO).unwrap().git.tip("main").unwrap());
    let made = json!({ "ref": "refs/heads/more/words", "sha": tip });
    let got = client.call("POST", &path("git/refs"), made.clone()).await;
    assert_eq!((got.status, &got.json()["object"]["sha"]), (201, &json!(tip)));
    let again = client.call("POST", &path("git/refs"), made).await;
    assert_eq!(
        (again.status, &again.json()["message"]),
        (422, &json!("Reference already exists"))
    );
    let begins = client.get(&path("git/matching-refs/heads/more/w")).await.json();
    assert_eq!(
        (begins.as_array().unwrap().len(), &begins[0]["ref"]),
        (1, &json!("refs/heads/more/words"))
    );

    let open =
        json!({ "title": "Words", "body": "Why.", "head": "more/words", "base": "main", "draft": false });
    let empty = client.call("POST", &path("pulls"), open.clone()).await;
    assert_eq!(empty.status, 422, "no commits between them");

    let put = |content: &str, sha: Option<&str>| {
        let content = BASE64_STANDARD.encode(content.as_bytes());
        let mut body = json!({ "message": "Say more", "content": content, "branch": "more/words" });
        if let Some(sha) = sha {
            body["sha"] = json!(sha);
        }
        body
    };
    let file = path("contents/a.txt");
    let unnamed = client.call("PUT", &file, put("more\n", None)).await;
    assert_eq!(
        unnamed.status, 422,
        "what is there is not written over unless it is named"
    );
    let other = client.call("PUT", &file, put("more\n", Some(&tip))).await;
    assert_eq!(other.status, 409);
    let held = client.get(&format!("{file}?ref=more/words")).await.json();
    let written = client
        .call("PUT", &file, put("more\n", held["sha"].as_str()))
        .await;
    assert_eq!(
        (written.status, &written.json()["commit"]["parents"][0]["sha"]),
        (200, &json!(tip))
    );
    let new = client
        .call("PUT", &path("contents/new/d.txt"), put("d\n", None))
        .await;
    assert_eq!(new.status, 201);

    let opened = client.call("POST", &path("pulls"), open.clone()).await;
    let opened_json = opened.json();
    assert_eq!(
        (
            opened.status,
            &opened_json["number"],
            &opened_json["changed_files"],
            &opened_json["user"]["login"]
        ),
        (201, &json!(2), &json!(2), &json!("priya-n"))
    );
    let twice = client.call("POST", &path("pulls"), open).await;
    assert!(
        twice.json()["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("already exists"),
        "{}",
        twice.json()
    );
    // A commit onto the branch moves the head of what is open from it.
    client
        .call("PUT", &path("contents/e.txt"), put("e\n", None))
        .await;
    let after = client.get(&path("pulls/2")).await.json();
    assert_ne!(after["head"]["sha"], opened_json["head"]["sha"]);
    assert_eq!(after["changed_files"], 3);
    assert_eq!(forge.take_violations(), Vec::<String>::new());
}
