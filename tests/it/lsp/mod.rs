//! `ngxc lsp`: each feature of the language server, asked by a scripted client.
#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a test that cannot go on fails; values of JSON are made for the call"
)]

mod client;

use serde_json::{Value, json};

use client::{Client, codes, range};

const MAIN: &str = "events {}\nhttp {\n    include conf.d/*.conf;\n    log_format main '$host';\n    limit_req_zone $remote_addr zone=slow:1m rate=1r/s;\n}\n";
const SITE: &str = "upstream app {\n    server 10.0.0.1;\n}\nserver {\n    listen 80;\n    server_name a.example;\n    set $who $arg_who;\n    location / {\n        limit_req zone=slow;\n        proxy_pass http://app;\n    }\n    location ~ \\.php$ {\n        return 200 $who;\n    }\n    location @gone {\n        return 410;\n    }\n    error_page 404 @gone;\n}\n";

fn site() -> Client {
    Client::new(&[("nginx.conf", MAIN), ("conf.d/a.conf", SITE)])
}

#[test]
fn findings_of_a_fragment_are_those_inside_its_main_file() {
    let mut client = site();
    let findings = client.open("conf.d/a.conf");
    let found = codes(&findings);
    // The zone is defined in the main file, so it is no finding here.
    assert!(found.contains(&"upstream-not-pooled") && !found.contains(&"undefined-zone"), "{found:?}");
    let pool = findings.iter().find(|one| one["code"] == "upstream-not-pooled").unwrap();
    assert_eq!((&pool["source"], &pool["range"]["start"]["line"]), (&json!("ngxc"), &json!(0)));
    assert!(pool["codeDescription"]["href"].as_str().unwrap().starts_with("https://nginx.org/"), "{pool}");
    // An unsaved text counts, and the findings go with the fault.
    let findings = client.change("conf.d/a.conf", [8, 23, 8, 27], "fast");
    let zone = findings.iter().find(|one| one["code"] == "undefined-zone");
    assert_eq!(zone.map(|one| &one["severity"]), Some(&json!(1)), "{findings:?}");
    assert!(!codes(&client.change("conf.d/a.conf", [8, 23, 8, 27], "slow")).contains(&"undefined-zone"));
    assert_eq!(client.end(), Some(0));
}

#[test]
fn findings_of_all_files_of_the_configuration_are_sent() {
    let mut client = site();
    client.open("nginx.conf");
    assert!(codes(&client.findings[&client.uri("conf.d/a.conf")]).contains(&"upstream-not-pooled"));
    // A closed configuration has none.
    client.tell("textDocument/didClose", json!({"textDocument": {"uri": client.uri("nginx.conf")}}));
    client.settled("nginx.conf");
    assert!(client.findings.values().all(Vec::is_empty), "{:?}", client.findings);
}

#[test]
fn a_finding_of_one_of_two_main_files_says_of_which() {
    let other = MAIN.replace("zone=slow", "zone=other");
    let settings = "roots = [\"nginx.conf\", \"other.conf\"]\n";
    let files =
        [("nginx.conf", MAIN), ("other.conf", &other), ("ngxc.toml", settings), ("conf.d/a.conf", SITE)];
    let mut client = Client::new(&files);
    let findings = client.open("conf.d/a.conf");
    let zone = findings.iter().find(|one| one["code"] == "undefined-zone").unwrap();
    assert!(zone["message"].as_str().unwrap().contains("as a part of"), "{zone}");
    let pools = codes(&findings).into_iter().filter(|code| *code == "upstream-not-pooled").count();
    assert_eq!(pools, 1, "{findings:?}");
}

#[test]
fn settings_and_versions_are_noticed_when_they_change() {
    let mut client = Client::new(&[("nginx.conf", "events {}\nhttp { server { http2 on; } }\n")]);
    assert!(!codes(&client.open("nginx.conf")).contains(&"directive-of-other-version"));
    // The server asks to be told of such changes.
    let watched = &client.requests[0];
    assert!(
        watched["method"] == "client/registerCapability" && watched.to_string().contains("ngxc.toml"),
        "{watched}"
    );
    std::fs::write(client.path("ngxc.toml"), "nginx-version = \"1.24.0\"\n").unwrap();
    let change = json!({"changes": [{"uri": client.uri("ngxc.toml"), "type": 1}]});
    client.tell("workspace/didChangeWatchedFiles", change);
    let findings = client.settled("nginx.conf");
    assert!(
        codes(&findings).iter().any(|code| code.contains("version") || *code == "unknown-directive"),
        "{findings:?}"
    );
}

fn actions(client: &mut Client, name: &str, only: Option<&str>, at: [u32; 4]) -> Vec<Value> {
    let context = match only {
        Some(only) => json!({"diagnostics": [], "only": [only]}),
        None => json!({"diagnostics": []}),
    };
    let params = json!({"textDocument": {"uri": client.uri(name)}, "range": range(at), "context": context});
    client.ask("textDocument/codeAction", params).unwrap().as_array().unwrap().clone()
}

#[test]
fn fixes_and_suppressions_are_code_actions() {
    let mut client =
        Client::new(&[("nginx.conf", "events {}\nhttp {\n    server { listen 80\n    root /a; }\n}\n")]);
    assert!(codes(&client.open("nginx.conf")).contains(&"missing-semicolon"));
    let found = actions(&mut client, "nginx.conf", None, [2, 0, 3, 0]);
    let fix = found.iter().find(|one| one["isPreferred"] == true).unwrap();
    assert_eq!(fix["kind"], "quickfix");
    let edits = &fix["edit"]["changes"][client.uri("nginx.conf")];
    assert_eq!(edits[0]["newText"], ";", "{fix}");
    assert!(!found.iter().any(|one| one["title"].as_str().unwrap().contains("allow")), "{found:?}");
    let all = actions(&mut client, "nginx.conf", Some("source.fixAll"), [0, 0, 0, 0]);
    assert_eq!((all.len(), &all[0]["kind"]), (1, &json!("source.fixAll.ngxc")), "{all:?}");

    let mut client = site();
    client.open("conf.d/a.conf");
    let found = actions(&mut client, "conf.d/a.conf", None, [0, 0, 0, 12]);
    let allow = found.iter().find(|one| one["title"].as_str().unwrap().contains("allow")).unwrap();
    let edit = &allow["edit"]["changes"][client.uri("conf.d/a.conf")][0];
    let text = edit["newText"].as_str().unwrap().to_owned();
    let findings = client.change("conf.d/a.conf", [0, 0, 0, 0], &text);
    assert!(!codes(&findings).contains(&"upstream-not-pooled"), "{text} {findings:?}");
}

fn hover(client: &mut Client, name: &str, line: u32, character: u32) -> String {
    let answer = client.at("textDocument/hover", name, line, character).unwrap();
    answer["contents"]["value"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_hover_tells_what_holds() {
    let mut client = site();
    client.open("conf.d/a.conf");
    let zone = hover(&mut client, "conf.d/a.conf", 8, 10);
    assert!(zone.contains("ngx_http_limit_req_module") && zone.contains("set here"), "{zone}");
    let upstream = hover(&mut client, "conf.d/a.conf", 9, 28);
    assert!(upstream.contains("`10.0.0.1`") && upstream.contains("Locations that pass"), "{upstream}");
    let location = hover(&mut client, "conf.d/a.conf", 7, 8);
    assert!(location.contains("http://a.example/") && location.contains("location ~ \\.php$"), "{location}");
    let variable = hover(&mut client, "conf.d/a.conf", 12, 21);
    assert!(variable.contains("defined in conf.d/a.conf:7") || variable.contains("a.conf:7"), "{variable}");
    assert!(variable.contains("$arg_who"), "{variable}");
    let server = hover(&mut client, "conf.d/a.conf", 3, 2);
    assert!(server.contains("a request that reaches this server: `http://a.example/"), "{server}");
}

#[test]
fn a_hover_on_a_bucket_tells_its_share() {
    let text = "events {}\nhttp {\n    split_clients $remote_addr $ip {\n        25% 10.0.0.1;\n        * 10.0.0.2;\n    }\n}\n";
    let mut client = Client::new(&[("nginx.conf", text)]);
    client.open("nginx.conf");
    let bucket = hover(&mut client, "nginx.conf", 3, 9);
    assert!(bucket.contains("25.0000 %") && bucket.contains("hashes 0 to 1073741822"), "{bucket}");
}

/// Labels that fit what is typed at the end of a text.
fn completed(text: &str) -> Vec<Value> {
    let mut client = Client::new(&[("nginx.conf", text)]);
    client.open("nginx.conf");
    let (line, last) = (text.lines().count() as u32 - 1, text.lines().last().unwrap());
    let character = last.encode_utf16().count() as u32;
    let list = client.at("textDocument/completion", "nginx.conf", line, character).unwrap();
    list["items"].as_array().cloned().unwrap_or_default()
}

fn item<'i>(items: &'i [Value], label: &str) -> &'i Value {
    let labels: Vec<_> = items.iter().map(|one| one["label"].as_str().unwrap()).collect();
    items.iter().find(|one| one["label"] == label).unwrap_or_else(|| panic!("no `{label}` in {labels:?}"))
}

#[test]
fn completion_knows_context_version_and_names() {
    let items = completed("events {}\nhttp { server { lis");
    assert_eq!(item(&items, "listen")["textEdit"]["newText"], "listen $1;$0");
    assert!(!items.iter().any(|one| one["label"] == "worker_processes"));
    assert_eq!(item(&items, "location")["textEdit"]["newText"], "location $1 {\n\t$0\n}");
    assert_eq!(
        item(&items, "server_tokens")["textEdit"]["newText"].as_str().unwrap().split(' ').next(),
        Some("server_tokens")
    );

    let head = "events {}\nhttp { upstream app { server a; } map $host $mine { default 1; } limit_req_zone $host zone=z:1m rate=1r/s; ";
    let items = completed(&format!("{head}server {{ location / {{ proxy_pass http://"));
    assert_eq!(item(&items, "app")["textEdit"]["newText"], "http://app");
    let items = completed(&format!("{head}server {{ location / {{ limit_req "));
    assert_eq!(item(&items, "zone=z")["textEdit"]["newText"], "zone=z");
    let items = completed(&format!("{head}server {{ set $a x$mi"));
    assert_eq!(item(&items, "$mine")["textEdit"]["newText"], "x$mine");
    item(&items, "$remote_addr");
    let items = completed(&format!("{head}server {{ gzip o"));
    assert_eq!(item(&items, "off")["textEdit"]["newText"], "off");
    let items = completed(&format!("{head}server {{ expires "));
    for word in ["modified", "epoch", "max", "off"] {
        item(&items, word);
    }
    assert!(completed(&format!("{head} # comp")).is_empty());
}

#[test]
fn completion_lists_files() {
    let text = "events {}\nhttp { include conf.d/";
    let mut client =
        Client::new(&[("nginx.conf", text), ("conf.d/one.conf", ""), ("conf.d/in/two.conf", "")]);
    client.open("nginx.conf");
    let list = client.at("textDocument/completion", "nginx.conf", 1, 22).unwrap();
    let items = list["items"].as_array().unwrap();
    assert_eq!(item(items, "one.conf")["textEdit"]["newText"], "conf.d/one.conf");
    assert_eq!(item(items, "in/")["textEdit"]["newText"], "conf.d/in/");
}

#[test]
fn names_lead_to_their_definitions_across_files() {
    let mut client = site();
    client.open("conf.d/a.conf");
    let lines = |answer: &Value| {
        let all = answer.as_array().unwrap().iter();
        all.map(|one| one["range"]["start"]["line"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let zone = client.at("textDocument/definition", "conf.d/a.conf", 8, 25).unwrap();
    assert_eq!((&zone[0]["uri"], lines(&zone)), (&json!(client.uri("nginx.conf")), vec![4]), "{zone}");
    let named = client.at("textDocument/definition", "conf.d/a.conf", 17, 22).unwrap();
    assert_eq!(lines(&named), [14]);
    let uses = client.at("textDocument/references", "conf.d/a.conf", 0, 10).unwrap();
    assert_eq!(lines(&uses), [0, 9]);
    let same = client.at("textDocument/documentHighlight", "conf.d/a.conf", 6, 10).unwrap();
    assert_eq!(lines(&same), [6, 12]);
    client.open("nginx.conf");
    let include = client.at("textDocument/definition", "nginx.conf", 2, 15).unwrap();
    assert_eq!(include[0]["uri"], json!(client.uri("conf.d/a.conf")));
    let links = client.of("textDocument/documentLink", "nginx.conf").unwrap();
    assert_eq!(links[0]["target"], json!(client.uri("conf.d/a.conf")));
}

#[test]
fn a_rename_changes_every_place_or_nothing() {
    let mut client = site();
    client.open("conf.d/a.conf");
    let rename = |client: &mut Client, line: u32, character: u32, name: &str| {
        let uri = client.uri("conf.d/a.conf");
        let at = json!({"line": line, "character": character});
        client.ask(
            "textDocument/rename",
            json!({"textDocument": {"uri": uri}, "position": at, "newName": name}),
        )
    };
    let edit = rename(&mut client, 8, 25, "few").unwrap();
    let changes = edit["changes"].as_object().unwrap();
    assert_eq!(changes.len(), 2, "{edit}");
    assert_eq!(edit["changes"][client.uri("nginx.conf")][0]["range"], range([4, 37, 4, 41]));
    let variable = rename(&mut client, 12, 20, "$name").unwrap();
    let edits = variable["changes"][client.uri("conf.d/a.conf")].as_array().unwrap();
    assert!(edits.len() == 2 && edits.iter().all(|one| one["newText"] == "name"), "{variable}");
    assert_eq!(edits[0]["range"], range([6, 9, 6, 12]));
    let message = |answer: client::Answer| answer.unwrap_err()["message"].as_str().unwrap().to_owned();
    assert!(message(rename(&mut client, 6, 15, "x")).contains("variable of nginx"));
    assert!(message(rename(&mut client, 0, 10, "a b")).contains("expected a word"));
    assert!(message(rename(&mut client, 4, 6, "x")).contains("no name"));
    assert!(message(rename(&mut client, 12, 20, "host")).contains("variable of nginx"));
    assert!(message(rename(&mut client, 12, 20, "1x")).contains("no digit first"));
    assert!(message(rename(&mut client, 0, 10, "a/b")).contains("expected a word"));
}

#[test]
fn symbols_folds_tokens_and_layout_follow_the_blocks() {
    let mut client = site();
    client.open("conf.d/a.conf");
    let outline = client.of("textDocument/documentSymbol", "conf.d/a.conf").unwrap();
    assert_eq!((&outline[0]["name"], &outline[1]["detail"]), (&json!("upstream app"), &json!("a.example")));
    assert_eq!(outline[1]["children"][0]["name"], "location /");
    let all = client.ask("workspace/symbol", json!({"query": "slw"})).unwrap();
    assert_eq!(all[0]["name"], "slow");
    let folds = client.of("textDocument/foldingRange", "conf.d/a.conf").unwrap();
    assert!(
        folds.as_array().unwrap().iter().any(|one| one["startLine"] == 3 && one["endLine"] == 17),
        "{folds}"
    );
    let tokens = client.of("textDocument/semanticTokens/full", "conf.d/a.conf").unwrap();
    // `upstream`: line 0, column 0, 8 letters, a block.
    assert_eq!(tokens["data"].as_array().unwrap()[..5], [json!(0), json!(0), json!(8), json!(1), json!(0)]);
    let selection = json!({"textDocument": {"uri": client.uri("conf.d/a.conf")}, "positions": [{"line": 9, "character": 12}]});
    let ranges = client.ask("textDocument/selectionRange", selection).unwrap();
    assert_eq!(ranges[0]["range"], range([9, 8, 9, 18]));
    assert_eq!(ranges[0]["parent"]["range"], range([9, 8, 9, 29]));

    client.change("conf.d/a.conf", [1, 0, 1, 4], "  ");
    let edits = client.of("textDocument/formatting", "conf.d/a.conf");
    let options = json!({"textDocument": {"uri": client.uri("conf.d/a.conf")}, "options": {"tabSize": 4, "insertSpaces": true}});
    assert!(edits.is_err(), "the parameters need options");
    let edits = client.ask("textDocument/formatting", options).unwrap();
    assert_eq!(
        (&edits[0]["newText"], &edits[0]["range"]),
        (&json!("    server 10.0.0.1;\n"), &range([1, 0, 2, 0]))
    );
}

#[test]
fn hints_and_lenses_tell_what_is_not_written() {
    let mut client = site();
    client.open("conf.d/a.conf");
    let params = json!({"textDocument": {"uri": client.uri("conf.d/a.conf")}, "range": range([0, 0, 30, 0])});
    let hints = client.ask("textDocument/inlayHint", params).unwrap();
    let labels: Vec<&str> =
        hints.as_array().unwrap().iter().map(|one| one["label"].as_str().unwrap()).collect();
    assert!(labels.iter().any(|label| label.contains("idle connections")), "{labels:?}");
    assert!(labels.iter().any(|label| label.contains("connections are")), "{labels:?}");
    let lenses = client.of("textDocument/codeLens", "conf.d/a.conf").unwrap();
    let lenses = lenses.as_array().unwrap();
    let takes =
        lenses.iter().find(|one| one["command"]["title"].as_str().unwrap().contains("/.php")).unwrap();
    let run = |client: &mut Client, command: &Value| {
        let params = json!({"command": command["command"], "arguments": command["arguments"]});
        client.ask("workspace/executeCommand", params).unwrap().as_str().unwrap().to_owned()
    };
    let way = run(&mut client, &takes["command"]);
    assert!(way.contains("location ~ \\.php$") && way.contains("answer:"), "{way}");
    let test = lenses.iter().find(|one| one["command"]["command"] == "ngxc.test").unwrap();
    assert!(
        run(&mut client, &test["command"]).contains("[[test]]")
            || run(&mut client, &test["command"]).contains("url = ")
    );
    let findings = lenses.iter().find(|one| one["command"]["command"] == "ngxc.findings").unwrap();
    assert!(run(&mut client, &findings["command"]).contains('['));
    let explain = json!({"command": "ngxc.explain", "arguments": ["proxy_pass"]});
    let page = client.ask("workspace/executeCommand", explain).unwrap();
    assert!(page.as_str().unwrap().contains("ngx_http_proxy_module"));
}

#[test]
fn a_location_behind_the_answer_of_its_server_takes_no_request() {
    let text = "events {}\nhttp {\n    server {\n        return 410;\n        location /x { return 200; }\n    }\n}\n";
    let mut client = Client::new(&[("nginx.conf", text)]);
    client.open("nginx.conf");
    let location = hover(&mut client, "nginx.conf", 4, 10);
    assert!(location.contains("no request of its own"), "{location}");
    assert!(!client.of("textDocument/codeLens", "nginx.conf").unwrap().to_string().contains("/x"));
}

#[test]
fn positions_count_utf_16_units() {
    let text = "events {}\r\nhttp {\r\n    # 𝄞é\r\n    log_format a \"𝄞\" $host; foo;\r\n}\r\n";
    let mut client = Client::new(&[("nginx.conf", text)]);
    let findings = client.open("nginx.conf");
    let unknown = findings.iter().find(|one| one["code"] == "unknown-directive").unwrap();
    assert_eq!(unknown["range"], range([3, 29, 3, 32]), "{unknown}");
    let findings = client.change("nginx.conf", [3, 29, 3, 33], "");
    assert!(!codes(&findings).contains(&"unknown-directive"), "{findings:?}");
}

#[test]
fn bad_messages_end_nothing() {
    let mut client = site();
    client.open("conf.d/a.conf");
    let error = client.ask("textDocument/hover", json!({"textDocument": 3})).unwrap_err();
    assert_eq!(error["code"], -32602);
    assert_eq!(client.ask("textDocument/unheardOf", json!({})).unwrap_err()["code"], -32601);
    client.tell("textDocument/didChange", json!([1, 2]));
    let far = client.at("textDocument/hover", "conf.d/a.conf", u32::MAX, u32::MAX).unwrap();
    assert!(far.is_null(), "{far}");
    assert!(client.at("textDocument/completion", "never/opened.conf", 0, 0).unwrap().is_null());
    // A text that is no file, and files that vanish.
    let untitled =
        json!({"uri": "untitled:Untitled-1", "languageId": "nginx", "version": 1, "text": "events {}"});
    client.tell("textDocument/didOpen", json!({"textDocument": untitled}));
    std::fs::remove_file(client.path("nginx.conf")).unwrap();
    client.tell("textDocument/didSave", json!({"textDocument": {"uri": client.uri("conf.d/a.conf")}}));
    client.settled("conf.d/a.conf");
    std::fs::remove_dir_all(client.path("conf.d")).unwrap();
    client.change("conf.d/a.conf", [0, 0, 0, 0], "# x\n");
    assert_eq!(client.end(), Some(0));
}

#[test]
fn a_huge_file_is_named_and_not_judged() {
    let mut client = site();
    let text = "# line of a comment\n".repeat((17 << 20) / 20);
    client.open_as("huge.conf", &text);
    assert!(client.of("textDocument/documentSymbol", "huge.conf").unwrap().is_null());
    assert!(client.shown.iter().any(|text| text.contains("larger than 16 MiB")), "{:?}", client.shown);
    // The other files are served as before.
    let findings = client.open("conf.d/a.conf");
    assert!(!findings.is_empty());
    assert_eq!(client.end(), Some(0));
}

#[test]
fn a_cancelled_request_is_not_answered_with_a_result() {
    let mut client = site();
    client.open("conf.d/a.conf");
    let request = json!({
        "jsonrpc": "2.0", "id": 900, "method": "textDocument/hover",
        "params": {"textDocument": {"uri": client.uri("conf.d/a.conf")}, "position": {"line": 0, "character": 0}},
    });
    let cancel = json!({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 900}});
    // Both messages come at once, behind a change that keeps the server busy for a moment.
    let mut bytes = Vec::new();
    for message in [&request, &cancel] {
        let text = message.to_string();
        bytes.extend(format!("Content-Length: {}\r\n\r\n{text}", text.len()).into_bytes());
    }
    client.send_raw(&bytes);
    // The server may have begun before it saw the second message; either answer is one.
    match client.answer(900) {
        Ok(result) => assert!(result.is_object() || result.is_null()),
        Err(error) => assert_eq!(error["code"], -32800),
    }
    assert_eq!(client.end(), Some(0));
}
