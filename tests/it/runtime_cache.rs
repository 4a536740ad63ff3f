//! Kept and changed responses: `proxy_cache`, `proxy_store`, `sub_filter`, additions and ranges behave as nginx's.

#![allow(clippy::unwrap_used, reason = "what helpers of tests unwrap is a failed test")]

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::common::http::{Backend, once};
use crate::common::nginx;
use crate::common::proxy::Proxy;

fn ask(to: SocketAddr, method: &str, uri: &str, headers: &str) -> String {
    once(to, &format!("{method} {uri} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n"))
}

fn get(to: SocketAddr, uri: &str) -> String {
    ask(to, "GET", uri, "")
}

fn body(response: &str) -> &str {
    response.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

fn answer(head: &str, text: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{head}Content-Length: {}\r\n\r\n{text}", text.len())
}

/// A backend that counts: each answer has another number.
fn counting(head: &'static str) -> Backend {
    let count = AtomicUsize::new(0);
    Backend::new(move |_| answer(head, &format!("n{}", count.fetch_add(1, Ordering::SeqCst))))
}

fn cached(backend: SocketAddr, settings: &str) -> Proxy {
    Proxy::new(&format!(
        "proxy_cache_path cache levels=1:2 keys_zone=z:1m;\n\
         server {{ listen 127.0.0.1:9; proxy_cache z; add_header Cache $upstream_cache_status always;\n\
         location / {{ proxy_pass http://{backend}; {settings} }} }}"
    ))
}

/// Asks and says what the cache did, and the body.
fn step(to: SocketAddr, method: &str, uri: &str, headers: &str) -> (String, String) {
    let response = ask(to, method, uri, headers);
    let status = response.lines().find_map(|line| line.strip_prefix("Cache: ")).unwrap_or("none");
    (status.to_owned(), body(&response).to_owned())
}

fn steps(proxy: &Proxy, list: &[(&str, &str, &str, &str, &str)]) {
    for (n, (method, uri, headers, status, text)) in list.iter().enumerate() {
        let got = step(proxy.address, method, uri, headers);
        assert_eq!((&*got.0, &*got.1), (*status, *text), "{n}: {method} {uri} {headers:?}\n{}", proxy.log());
    }
}

#[test]
fn a_fresh_response_is_not_asked_for_again() {
    let backend = counting("");
    let proxy = cached(backend.address, "proxy_cache_valid 1m;");
    steps(
        &proxy,
        &[
            ("GET", "/a", "", "MISS", "n0"),
            ("GET", "/a", "", "HIT", "n0"),
            ("GET", "/a?x", "", "MISS", "n1"),
            ("HEAD", "/a", "", "HIT", ""),
            ("POST", "/a", "", "none", "n2"),
            ("GET", "/a", "", "HIT", "n0"),
            // The whole response is fetched for HEAD.
            ("HEAD", "/head", "", "MISS", ""),
            ("GET", "/head", "", "HIT", "n3"),
        ],
    );
    assert!(backend.requests()[3].1.starts_with("GET /head "));
}

#[test]
fn what_may_not_be_kept_is_not() {
    for (head, settings, second) in [
        ("", "", "MISS"),
        ("Cache-Control: max-age=60\r\n", "", "HIT"),
        ("Cache-Control: private\r\n", "proxy_cache_valid 1m;", "MISS"),
        ("Set-Cookie: a=b\r\n", "proxy_cache_valid 1m;", "MISS"),
        ("Set-Cookie: a=b\r\n", "proxy_cache_valid 1m; proxy_ignore_headers Set-Cookie;", "HIT"),
        ("Vary: *\r\n", "proxy_cache_valid 1m;", "MISS"),
        ("X-Accel-Expires: 0\r\n", "proxy_cache_valid 1m;", "MISS"),
        ("X-Accel-Expires: 60\r\n", "", "HIT"),
        ("", "proxy_cache_valid 404 1m;", "MISS"),
        ("", "proxy_cache_valid any 1m;", "HIT"),
        ("", "proxy_cache_valid any 1m; proxy_no_cache 0 $arg_none yes;", "MISS"),
        ("", "proxy_cache_valid any 1m; proxy_cache_bypass yes;", "BYPASS"),
        ("", "proxy_cache_valid any 1m; proxy_cache_min_uses 3;", "MISS"),
        ("", "proxy_cache_valid any 1m; proxy_buffering off;", "MISS"),
        ("", "proxy_cache_valid any 1m; proxy_cache off;", "none"),
    ] {
        let backend = counting(head);
        let proxy = cached(backend.address, settings);
        get(proxy.address, "/");
        let (status, text) = step(proxy.address, "GET", "/", "");
        assert_eq!(status, second, "{head:?} {settings}\n{}", proxy.log());
        assert_eq!(text, if second == "HIT" { "n0" } else { "n1" }, "{head:?} {settings}");
    }
}

#[test]
fn what_is_incomplete_is_not_kept() {
    for response in [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 10\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
    ] {
        let backend = Backend::new(move |_| response.to_owned());
        let proxy = cached(backend.address, "proxy_cache_valid 1m;");
        for _ in 0..2 {
            assert_eq!(step(proxy.address, "GET", "/", "").0, "MISS", "{response}");
        }
        assert_eq!(files(proxy.directory.path()), Vec::<PathBuf>::new(), "{response}");
    }
}

#[test]
fn variants_are_told_apart() {
    let backend = Backend::new(|request| {
        let language = request.lines().find_map(|line| line.strip_prefix("Accept-Language: "));
        answer("Vary: Accept-Language\r\n", language.unwrap_or("none"))
    });
    let proxy = cached(backend.address, "proxy_cache_valid 1m;");
    let (de, en) = ("Accept-Language: de\r\n", "Accept-Language: en,  de\r\n");
    steps(
        &proxy,
        &[
            ("GET", "/", de, "MISS", "de"),
            ("GET", "/", en, "MISS", "en,  de"),
            ("GET", "/", de, "HIT", "de"),
            ("GET", "/", "Accept-Language: en,de\r\n", "HIT", "en,  de"),
            ("GET", "/", "", "MISS", "none"),
            ("GET", "/", "", "HIT", "none"),
        ],
    );
}

/// A backend that answers once, with what is stale after a second, and fails from then on.
fn failing(second: &'static str, then: &'static str) -> Backend {
    let count = AtomicUsize::new(0);
    Backend::new(move |request| match count.fetch_add(1, Ordering::SeqCst) {
        0 => answer("Cache-Control: max-age=1\r\nETag: \"x\"\r\n", "first"),
        1 if second == "304" && request.contains("If-None-Match: \"x\"\r\n") => {
            "HTTP/1.1 304 Not Modified\r\nConnection: close\r\nCache-Control: max-age=60\r\n\r\n".to_owned()
        }
        1 => second.to_owned(),
        _ => then.to_owned(),
    })
}

const UNAVAILABLE: &str =
    "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno";

#[test]
fn what_is_stale_is_of_use() {
    for (settings, second, expected, third) in [
        ("", UNAVAILABLE, ("EXPIRED", "no"), ("EXPIRED", "no")),
        ("proxy_cache_use_stale http_503;", UNAVAILABLE, ("STALE", "first"), ("STALE", "first")),
        ("proxy_cache_use_stale error;", "", ("STALE", "first"), ("EXPIRED", "no")),
        ("proxy_cache_revalidate on;", "304", ("REVALIDATED", "first"), ("HIT", "first")),
    ] {
        let backend = failing(second, UNAVAILABLE);
        let proxy = cached(backend.address, settings);
        steps(&proxy, &[("GET", "/", "", "MISS", "first"), ("GET", "/", "", "HIT", "first")]);
        std::thread::sleep(Duration::from_millis(2100));
        let (a, b) = (expected, third);
        steps(&proxy, &[("GET", "/", "", a.0, a.1), ("GET", "/", "", b.0, b.1)]);
    }
}

#[test]
fn a_stale_response_is_renewed_behind_the_clients_back() {
    let backend = counting("Cache-Control: max-age=1\r\n");
    let proxy = cached(backend.address, "proxy_cache_use_stale updating; proxy_cache_background_update on;");
    steps(&proxy, &[("GET", "/", "", "MISS", "n0")]);
    std::thread::sleep(Duration::from_millis(2100));
    steps(&proxy, &[("GET", "/", "", "STALE", "n0")]);
    std::thread::sleep(Duration::from_millis(300));
    steps(&proxy, &[("GET", "/", "", "HIT", "n1")]);
    assert_eq!(backend.requests().len(), 2);
}

#[test]
fn one_request_fetches_and_the_others_wait() {
    let backend = Backend::new(|_| {
        std::thread::sleep(Duration::from_millis(300));
        answer("", "slow")
    });
    let proxy = cached(backend.address, "proxy_cache_valid 1m; proxy_cache_lock on;");
    let address = proxy.address;
    let asking: Vec<_> = (0..5).map(|_| std::thread::spawn(move || get(address, "/"))).collect();
    for one in asking {
        assert_eq!(body(&one.join().unwrap()), "slow");
    }
    assert_eq!(backend.requests().len(), 1);
}

#[test]
fn failures_are_kept_for_a_time() {
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    let backend = Backend::new(move |_| {
        seen.fetch_add(1, Ordering::SeqCst);
        String::new()
    });
    let proxy = cached(backend.address, "proxy_cache_valid 502 1m;");
    for status in ["MISS", "HIT"] {
        let response = get(proxy.address, "/");
        assert!(response.starts_with("HTTP/1.1 502") && response.contains(&format!("Cache: {status}")));
    }
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(path) = open.pop() {
        for entry in std::fs::read_dir(path).unwrap().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_dir() {
                open.push(entry.path());
            } else if name.len() >= 32 {
                found.push(entry.path());
            }
        }
    }
    found
}

#[test]
fn what_nobody_asks_for_is_removed() {
    let backend = counting("");
    let proxy = Proxy::new(&format!(
        "proxy_cache_path c levels=2 keys_zone=z:1m inactive=1s;\nproxy_cache_path d keys_zone=y:1m max_size=1k;\n\
         server {{ listen 127.0.0.1:9; proxy_cache_valid 1m; location / {{ proxy_pass http://{0}; proxy_cache z; }}\n\
         location /d {{ proxy_pass http://{0}; proxy_cache y; }} }}",
        backend.address
    ));
    for n in 0..9 {
        get(proxy.address, &format!("/{n}"));
        get(proxy.address, &format!("/d{n}"));
    }
    let (c, d) = (proxy.directory.path().join("c"), proxy.directory.path().join("d"));
    assert_eq!(files(&c).len(), 9);
    let end = Instant::now() + Duration::from_secs(10);
    while (!files(&c).is_empty() || files(&d).len() > 2) && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!((files(&c).len(), files(&d).len()), (0, 2));
}

#[test]
fn nginx_and_this_program_use_each_others_files() {
    let directory = tempfile::tempdir().unwrap();
    let backend = counting("Last-Modified: Thu, 01 Jan 1970 00:00:01 GMT\r\nETag: \"q\"\r\nX: y\r\n");
    let http = |listen: &str| {
        format!(
            "proxy_cache_path {} levels=1:2 keys_zone=z:1m use_temp_path=off;\n\
             server {{ listen {listen}; proxy_cache z; add_header Cache $upstream_cache_status;\n\
             proxy_cache_key $uri; proxy_cache_valid 1m; location / {{ proxy_pass http://{}; }} }}",
            directory.path().display(),
            backend.address
        )
    };
    let proxy = Proxy::new(&http("127.0.0.1:9"));
    steps(&proxy, &[("GET", "/ours", "", "MISS", "n0")]);
    let Some(nginx) = nginx::Nginx::start(&http("PORT")) else { return };
    assert_eq!(step(nginx.address, "GET", "/ours", ""), ("HIT".to_owned(), "n0".to_owned()));
    assert_eq!(step(nginx.address, "GET", "/theirs", ""), ("MISS".to_owned(), "n1".to_owned()));
    drop(proxy);
    let proxy = Proxy::new(&http("127.0.0.1:9"));
    steps(&proxy, &[("GET", "/theirs", "", "HIT", "n1"), ("GET", "/ours", "", "HIT", "n0")]);
}

#[test]
fn ranges_and_conditions_of_kept_responses() {
    let backend = Backend::new(|request| {
        assert!(!request.contains("Range:") && !request.contains("If-None-Match:"), "{request}");
        answer("Accept-Ranges: bytes\r\nETag: \"e\"\r\n", "0123456789")
    });
    let proxy = cached(backend.address, "proxy_cache_valid 1m;");
    for status in ["MISS", "HIT"] {
        let response = ask(proxy.address, "GET", "/", "Range: bytes=2-4\r\n");
        assert!(response.starts_with("HTTP/1.1 206"), "{response}");
        assert!(response.contains("Content-Range: bytes 2-4/10\r\n"), "{response}");
        assert!(response.contains(&format!("Cache: {status}")), "{response}");
        assert_eq!(body(&response), "234");
    }
    assert_eq!(body(&get(proxy.address, "/")), "0123456789");
    let same = ask(proxy.address, "GET", "/", "If-None-Match: \"e\"\r\n");
    assert!(same.starts_with("HTTP/1.1 304"), "{same}");
    let none = ask(proxy.address, "GET", "/", "Range: bytes=50-\r\n");
    assert!(none.starts_with("HTTP/1.1 416"), "{none}");
}

#[test]
fn forced_ranges_are_cut_while_the_response_passes() {
    let big = (0..20_000).fold(String::new(), |all, n| all + &format!("{n:05}"));
    let text = big.clone();
    let backend = Backend::new(move |_| answer("", &text));
    let proxy = Proxy::new(&format!(
        "server {{ listen 127.0.0.1:9; location / {{ proxy_pass http://{}; proxy_force_ranges on; }} }}",
        backend.address
    ));
    for (from, to) in [(0, 5), (16_380, 16_390), (99_990, 100_000), (7, 90_000)] {
        let response = ask(proxy.address, "GET", "/", &format!("Range: bytes={from}-{}\r\n", to - 1));
        assert_eq!(body(&response), &big[from..to], "{from}");
        assert!(response.contains(&format!("Content-Length: {}\r\n", to - from)));
    }
    assert_eq!(body(&get(proxy.address, "/")), big);
}

#[test]
fn copies_are_stored() {
    let backend = Backend::new(|request| {
        if request.contains("/short") {
            return "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nx".to_owned();
        }
        answer("Last-Modified: Thu, 01 Jan 1970 00:00:09 GMT\r\n", "copy")
    });
    let proxy = Proxy::new(&format!(
        "server {{ listen 127.0.0.1:9; location / {{ proxy_pass http://{0}; proxy_store on;\n\
         proxy_store_access user:rw group:rw all:r; }}\n\
         location /at/ {{ proxy_pass http://{0}; proxy_store store/$arg_name; }} }}",
        backend.address
    ));
    for uri in ["/a/b", "/short", "/at/?name=n"] {
        get(proxy.address, uri);
    }
    let path = |name: &str| proxy.directory.path().join(name);
    for name in ["a/b", "store/n"] {
        assert_eq!(std::fs::read_to_string(path(name)).unwrap(), "copy", "{name}");
        let modified = path(name).metadata().unwrap().modified().unwrap();
        assert_eq!(modified.duration_since(std::time::UNIX_EPOCH).unwrap(), Duration::from_secs(9));
    }
    assert_eq!(path("a/b").metadata().unwrap().permissions().mode() & 0o777, 0o664);
    assert!(!path("short").exists());
}

#[test]
fn texts_are_replaced_and_added() {
    let backend = Backend::new(|_| answer("Content-Type: text/html\r\nETag: \"a\"\r\n", "one two one"));
    let http = |listen: &str, root: &Path| {
        format!(
            "root {root};\nserver {{ listen {listen}; sub_filter one $arg_x; sub_filter two 2;\n\
             location /once {{ proxy_pass http://{0}; }}\n\
             location /all {{ proxy_pass http://{0}; sub_filter_once off; sub_filter_last_modified on; }}\n\
             location /type {{ proxy_pass http://{0}; sub_filter_types text/plain; }}\n\
             location /plain {{ proxy_pass http://{0}; sub_filter_types none/none; }}\n\
             location /around {{ proxy_pass http://{0}; add_before_body /p; add_after_body /p; }}\n\
             location = /f.html {{ add_after_body /p; sub_filter_once off; }}\n\
             location = /p {{ return 200 [one]; }} }}",
            backend.address,
            root = root.display(),
        )
    };
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("f.html"), "file ONE").unwrap();
    let proxy = Proxy::new(&http("127.0.0.1:9", directory.path()).replace("root ", "#"));
    std::fs::write(proxy.directory.path().join("f.html"), "file ONE").unwrap();
    let theirs = nginx::Nginx::start(&http("PORT", directory.path()));
    for (uri, expected) in [
        ("/once?x=1", "1 2 one"),
        ("/all?x=1", "1 2 1"),
        ("/all", " 2 "),
        ("/type?x=1", "1 2 one"),
        ("/plain?x=1", "1 2 one"),
        ("/around?x=1", "[one]1 2 one[one]"),
        ("/f.html?x=yes", "file yes[one]"),
    ] {
        let ours = once(proxy.address, &format!("GET {uri} HTTP/1.0\r\n\r\n"));
        assert_eq!(body(&ours), expected, "{uri}\n{ours}");
        if let Some(nginx) = &theirs {
            let theirs = once(nginx.address, &format!("GET {uri} HTTP/1.0\r\n\r\n"));
            assert_eq!(body(&theirs), expected, "nginx {uri}\n{theirs}");
            let tag =
                |response: &str| response.lines().find(|line| line.starts_with("ETag")).map(str::to_owned);
            if !uri.starts_with("/f") {
                assert_eq!(tag(&ours), tag(&theirs), "{uri}");
            }
        }
    }
}

#[test]
fn an_if_passes_on_as_the_location_around_it() {
    let backend = Backend::new(|request| answer("", request.lines().next().unwrap()));
    let proxy = Proxy::new(&format!(
        "server {{ listen 127.0.0.1:9; location /a {{ proxy_pass http://{0}/b; if ($arg_x) {{ }} }}\n\
         location /l {{ proxy_pass http://{0}/b; limit_except POST {{ }} }}\n\
         location /i {{ if ($arg_x) {{ proxy_pass http://{0}; }} if ($arg_x) {{ }} }} }}",
        backend.address
    ));
    for uri in ["/a/c", "/l/c"] {
        assert_eq!(body(&get(proxy.address, uri)), "GET /b/c HTTP/1.1", "{uri}");
    }
    assert_eq!(body(&get(proxy.address, "/a/c?x=1")), "GET /b/c?x=1 HTTP/1.1");
    let lost = get(proxy.address, "/i?x=1");
    assert!(lost.starts_with("HTTP/1.1 500") && proxy.log().contains("no upstream configuration"), "{lost}");
}
