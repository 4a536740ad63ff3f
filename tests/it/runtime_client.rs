//! `ngxc run` and nginx tell clients apart alike: by Referer, browser and cookie; and any file of a directory may
//! stand for it. Loopback only.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::format_collect,
    clippy::format_push_string,
    reason = "what helpers of tests unwrap is a failed test; who runs it shall see what was skipped"
)]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use ngxc::compile::{Options, compile};
use ngxc::model::Endpoint;
use ngxc::runtime::{RunOptions, Running, Stop, start};
use ngxc::source::Memory;
use ngxc::syntax::{LoadOptions, load};
use ngxc::version::Version;

use crate::common::http::once;
use crate::common::nginx::Nginx;

const HTTP: &str = r#"
    map $arg_reset $again { default ""; ~. $arg_reset; }
    server {
        listen PORT; server_name own.test *.own.test ~^re\d+\.test$; default_type text/plain;
        valid_referers none blocked server_names example.com/dir/ *.example.org www.example.* ~google\.;
        set $uid_reset $again;
        location /referer { return 200 "<$invalid_referer>"; }
        location /inner { valid_referers other.test; return 200 "<$invalid_referer>"; }
        location /pattern { valid_referers ~yandex\.; return 200 "<$invalid_referer>"; }
        location /modern {
            modern_browser msie 5.5; modern_browser gecko 1.0.1; modern_browser_value new; ancient_browser_value old;
            ancient_browser Lynx netscape4; return 200 "$modern_browser/$ancient_browser/$msie";
        }
        location /listed { modern_browser opera 9.0; modern_browser unlisted; ancient_browser Lynx netscape4;
            return 200 "$modern_browser/$ancient_browser"; }
        location /ancient { ancient_browser Lynx; return 200 "$modern_browser/$ancient_browser"; }
        location /uid {
            userid on; userid_name who; userid_domain a.test; userid_path /p; userid_expires max; userid_service 16909060;
            userid_p3p "policyref=x"; userid_flags secure samesite=lax; return 200 "got $uid_got";
            location /uid/mark { userid_mark t; return 200 "got $uid_got"; }
            location /uid/log { userid log; return 200 "got $uid_got set $uid_set"; }
            location /uid/off { userid off; return 200 "got $uid_got set $uid_set"; }
            location /uid/v1 { userid v1; userid_domain none; userid_expires off; userid_flags off; userid_p3p none;
                return 200 "got $uid_got"; }
        }
    }
"#;

/// Target, further header, body, and the cookie without the number that differs each time.
type Case = (&'static str, &'static str, &'static str, &'static str);

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("/referer", "", "<>", ""),
    ("/referer", "Referer: no-scheme", "<>", ""),
    ("/referer", "Referer: http://own.test/x", "<>", ""),
    ("/referer", "Referer: http://www.own.test:81/x", "<>", ""),
    ("/referer", "Referer: https://RE7.test", "<>", ""),
    ("/referer", "Referer: http://other.test/", "<1>", ""),
    ("/referer", "Referer: http://example.com/dir/a", "<>", ""),
    ("/referer", "Referer: http://example.com/else", "<1>", ""),
    ("/referer", "Referer: http://example.com", "<1>", ""),
    ("/referer", "Referer: http://a.b.example.org/", "<>", ""),
    ("/referer", "Referer: http://example.org/", "<1>", ""),
    ("/referer", "Referer: http://www.example.net/", "<>", ""),
    ("/referer", "Referer: HTTP://search.Google.com/?q=1", "<>", ""),
    ("/referer", "Referer: http://a/", "<>", ""),
    ("/inner", "", "<1>", ""),
    ("/inner", "Referer: http://other.test/", "<>", ""),
    ("/inner", "Referer: http://own.test/", "<1>", ""),
    ("/inner", "Referer: http://search.google.com/", "<>", ""),
    ("/inner", "Referer: http://re7.test/", "<>", ""),
    ("/pattern", "Referer: http://search.google.com/", "<1>", ""),
    ("/pattern", "Referer: http://www.yandex.ru/", "<>", ""),
    ("/modern", "", "/old/", ""),
    ("/modern", "User-Agent: Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)", "new//1", ""),
    ("/modern", "User-Agent: Mozilla/4.0 (compatible; MSIE 5.0; Windows)", "/old/1", ""),
    ("/modern", "User-Agent: Mozilla/4.0 (compatible; MSIE 6.0; X11) Opera 7.50", "/old/", ""),
    ("/modern", "User-Agent: Mozilla/5.0 (X11; U; rv:1.0.0) Gecko/2002", "/old/", ""),
    ("/modern", "User-Agent: Mozilla/5.0 (X11; U; rv:1.0.1) Gecko/2002", "new//", ""),
    ("/modern", "User-Agent: Mozilla/5.0 (X11; U; rv:120.0) Gecko/2010", "new//", ""),
    ("/modern", "User-Agent: Lynx/2.8", "/old/", ""),
    ("/listed", "", "1/", ""),
    ("/listed", "User-Agent: Opera/9.01 (X11)", "1/", ""),
    ("/listed", "User-Agent: Opera/8.5 (X11)", "/1", ""),
    ("/listed", "User-Agent: Lynx/2.8", "/1", ""),
    ("/listed", "User-Agent: Mozilla/4.72 [en] (X11)", "/1", ""),
    ("/listed", "User-Agent: Mozilla/5.0 (whatever)", "1/", ""),
    ("/ancient", "User-Agent: Lynx/2.8", "/1", ""),
    ("/ancient", "User-Agent: curl", "/1", ""),
    ("/uid", "", "got ", "who=AQID*==; expires=Thu, 31-Dec-37 23:55:55 GMT; domain=a.test; path=/p; secure; samesite=lax"),
    ("/uid", "Cookie: a=b; who=AQIDBGUrPDQwOQAAAgMDAw==; c=d", "got who=04030201343C2B650000393003030302", ""),
    ("/uid", "Cookie: who=AQIDBGUrPDQwOQAAAgMDAw", "got who=04030201343C2B650000393003030302", ""),
    ("/uid", "Cookie: who=short", "got ", "who=AQID*==; expires=Thu, 31-Dec-37 23:55:55 GMT; domain=a.test; path=/p; secure; samesite=lax"),
    ("/uid", "Cookie: who=!!!DBGUrPDQwOQAAAgMDAw==", "got ", "who=AQID*==; expires=Thu, 31-Dec-37 23:55:55 GMT; domain=a.test; path=/p; secure; samesite=lax"),
    ("/uid?reset=1", "Cookie: who=AQIDBGUrPDQwOQAAAgMDAw==", "got who=04030201343C2B650000393003030302", "who=AQID*==; expires=Thu, 31-Dec-37 23:55:55 GMT; domain=a.test; path=/p; secure; samesite=lax"),
    ("/uid?reset=0", "Cookie: who=AQIDBGUrPDQwOQAAAgMDAw==", "got who=04030201343C2B650000393003030302", ""),
    ("/uid/mark", "", "got ", "who=AQID*t=; expires=Thu, 31-Dec-37 23:55:55 GMT; domain=a.test; path=/p; secure; samesite=lax"),
    ("/uid/mark", "Cookie: who=AQIDBGUrPDQwOQAAAgMDAw==", "got who=04030201343C2B650000393003030302", "who=AQID*t=; expires=Thu, 31-Dec-37 23:55:55 GMT; domain=a.test; path=/p; secure; samesite=lax"),
    ("/uid/mark", "Cookie: who=AQIDBGUrPDQwOQAAAgMDAwt=", "got who=04030201343C2B650000393003030302", ""),
    ("/uid/log", "Cookie: who=AQIDBGUrPDQwOQAAAgMDAw==", "got who=04030201343C2B650000393003030302 set ", ""),
    ("/uid/off", "Cookie: who=AQIDBGUrPDQwOQAAAgMDAw==", "got  set ", ""),
    ("/uid/v1", "", "got ", "who=BAMC*==; path=/p"),
];

fn server(http: &str, directory: &Path) -> (Running, SocketAddr) {
    let _ = std::fs::create_dir(directory.join("logs"));
    let text = format!("error_log logs/error.log info; events {{}} http {{ access_log off; {http} }}");
    let text = text.replace("PORT", "127.0.0.1:9");
    let loaded = load(&Memory::default().with("n", text), Path::new("n"), &LoadOptions::default()).unwrap();
    let compiled = compile(&loaded, &Options::new(Version::new(1, 31, 5)));
    assert!(compiled.is_valid(), "{:#?}", compiled.diagnostics);
    let mut config = compiled.config;
    for listen in config.http.servers.iter_mut().flat_map(|server| &mut server.listen) {
        if let Endpoint::Inet(address) = &mut listen.endpoint {
            address.set_port(0);
        }
    }
    let options = RunOptions { prefix: directory.to_owned(), ..RunOptions::default() };
    let running = start(Arc::new(config), &options).unwrap();
    let address = running.addresses()[0];
    (running, address)
}

/// Body, and the cookie of which all but the first and last characters of the number are a star.
fn ask(to: SocketAddr, target: &str, header: &str) -> (String, String) {
    let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
    let request = format!("GET {target} HTTP/1.1\r\nHost: own.test\r\nConnection: close\r\n{header}\r\n");
    let answer = once(to, &request);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{target} {header}: {head}");
    let cookie = head.lines().find_map(|line| line.strip_prefix("Set-Cookie: ")).unwrap_or_default();
    let cookie = match cookie.split_once(';') {
        Some((number, rest)) => {
            assert_eq!(number.len(), "who=".len() + 24, "{number}");
            format!("{}*{};{rest}", &number[..8], &number[26..])
        }
        None => cookie.to_owned(),
    };
    let policy = head.lines().any(|line| line == "P3P: policyref=x");
    assert_eq!(policy, cookie.contains("samesite"), "{target}: {head}");
    (body.to_owned(), cookie)
}

#[test]
fn clients_are_told_apart_as_by_nginx() {
    let directory = tempfile::tempdir().unwrap();
    let (running, own) = server(HTTP, directory.path());
    let real = Nginx::start(HTTP);
    for to in [Some(own), real.as_ref().map(|n| n.address)].into_iter().flatten() {
        for (target, header, body, cookie) in CASES {
            let who = if to == own { "ngxc" } else { "nginx" };
            assert_eq!(
                ask(to, target, header),
                ((*body).to_owned(), (*cookie).to_owned()),
                "{who}: {target} {header}"
            );
        }
    }
    running.stop(Stop::Fast);
    let log = std::fs::read_to_string(directory.path().join("logs/error.log")).unwrap();
    for message in
        ["too short userid cookie \"who=short\"", "invalid userid cookie \"who=!!!DBGUrPDQwOQAAAgMDAw==\""]
    {
        assert!(log.contains(&format!("client sent {message}, client: 127.0.0.1")), "{message}: {log}");
    }
}

#[test]
fn numbers_differ() {
    let directory = tempfile::tempdir().unwrap();
    let (running, address) =
        server("server { listen PORT; userid on; location / { return 200 $uid_set; } }", directory.path());
    let mut seen = BTreeSet::new();
    for _ in 0..20 {
        let answer = once(address, "GET / HTTP/1.0\r\n\r\n");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("Set-Cookie: uid=fwAAA"), "{head}");
        // 127.0.0.1 as the machine has it.
        assert!(body.starts_with("uid=0100007F") && body.len() == 36, "{body}");
        seen.insert(body.to_owned());
    }
    assert_eq!(seen.len(), 20);
    running.stop(Stop::Fast);
}

#[test]
fn any_file_of_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["html", "html/sub", "html/empty"] {
        std::fs::create_dir(directory.path().join(name)).unwrap();
    }
    for name in ["a", "b", ".hidden"] {
        std::fs::write(directory.path().join("html").join(name), name).unwrap();
    }
    std::os::unix::fs::symlink("a", directory.path().join("html/link")).unwrap();
    let http = format!(
        "server {{ listen PORT; root {}; location / {{ random_index on; index a; }} location /plain/ {{ random_index on; }} }}",
        directory.path().join("html").display()
    );
    let (running, own) = server(&http, directory.path());
    let real = Nginx::start(&http);
    for to in [Some(own), real.as_ref().map(|n| n.address)].into_iter().flatten() {
        let get = |target: &str| once(to, &format!("GET {target} HTTP/1.0\r\n\r\n"));
        let seen: BTreeSet<String> =
            (0..60).map(|_| get("/").rsplit("\r\n").next().unwrap().to_owned()).collect();
        assert_eq!(seen, ["a", "b"].map(str::to_owned).into());
        for (target, status) in [("/empty/", "403"), ("/absent/", "404"), ("/a/", "404"), ("/plain/", "404")]
        {
            assert_eq!(&get(target)[9..12], status, "{target} of {to}");
        }
    }
    running.stop(Stop::Fast);
}

const PROXIES: &str = r"
    server { listen PORT; server_name last; set_real_ip_from 127.0.0.1; set_real_ip_from 10.0.0.0/8;
        real_ip_header X-Forwarded-For; return 200 $remote_addr:$remote_port; }
    server { listen PORT; server_name all; set_real_ip_from 127.0.0.1; set_real_ip_from 10.0.0.0/8;
        real_ip_header X-Forwarded-For; real_ip_recursive on; return 200 $remote_addr; }
    server { listen PORT; server_name chunks; client_max_body_size 10; location / { proxy_pass http://PORT; } }
    server { listen PORT; server_name pages; root DIR; autoindex on; autoindex_format jsonp; }
";

/// Values of `X-Forwarded-For` with separators and addresses in unusual forms.
const LISTS: &[&str] = &[
    "1.2.3.4",
    ",1.2.3.4",
    " ,1.2.3.4",
    "1.2.3.4,",
    "1.2.3.4 , ,",
    "x, 1.2.3.4",
    "1.2.3.4, x",
    "01.2.3.04",
    "1.2.3.",
    "1..3.4",
    "1.2.3.4:80",
    "[1.2.3.4]:80",
    "[1.2.3.4]",
    "1.2.3.4:99999",
    "255.255.255.255",
    "::1",
    "[2001:DB8::1]:5",
    "1:2:3:4:5:6:7",
    "::ffff:1.2.3.4",
    "1.2.3.4, 10.0.0.1, 10.0.0.2",
    "10.0.0.1, 10.0.0.2",
    "x,10.0.0.2",
    ",10.0.0.2",
    "1.2.3.4\r\nX-Forwarded-For: 10.0.0.1",
    "1.2.3.4\r\nX-Forwarded-For: x",
];

/// Names of callbacks of a JSONP list.
const CALLBACKS: &[&str] = &["", "f", "a.b_c.0", "alert(1)//", "a%62", "é", "a[0]", "a+b", "<script>"];

/// The same question to both servers; nothing to compare if there is no nginx.
fn compare(
    ours: SocketAddr,
    real: Option<SocketAddr>,
    what: &str,
    request: &str,
    is: impl Fn(&str) -> String,
) -> String {
    let own = is(&once(ours, request));
    if let Some(real) = real {
        assert_eq!(own, is(&once(real, request)), "{what}");
    }
    own
}

#[test]
fn addresses_bodies_and_names_as_hostile_clients_write_them() {
    let directory = tempfile::tempdir().unwrap();
    let pages = directory.path().join("pages");
    std::fs::create_dir(&pages).unwrap();
    std::fs::write(pages.join("a"), "").unwrap();
    let http = PROXIES.replace("DIR", &pages.display().to_string());
    let (running, own) = server(&http, directory.path());
    // Older ones than 1.31.5 do not check callbacks.
    let real = Nginx::start(&http);
    let checks_callbacks = real.as_ref().is_some_and(|nginx| nginx.version >= Version::new(1, 31, 5));
    let real = real.as_ref().map(|nginx| nginx.address);
    let body = |answer: &str| answer.rsplit("\r\n\r\n").next().unwrap().to_owned();
    let port_is_any = |answer: &str| {
        let body = body(answer);
        let port = body.rsplit(':').next().unwrap().len();
        // The client's own port differs.
        if body.starts_with("127.") { body[..body.len() - port].to_owned() } else { body }
    };
    let mut seen = BTreeSet::new();
    for (host, list) in ["last", "all"].iter().flat_map(|host| LISTS.iter().map(move |list| (host, list))) {
        // An address in brackets without a port is as new as the check of callbacks.
        let real = real.filter(|_| checks_callbacks || !list.ends_with(']'));
        let request = format!("GET / HTTP/1.0\r\nHost: {host}\r\nX-Forwarded-For: {list}\r\n\r\n");
        seen.insert(compare(own, real, &format!("{host}: {list}"), &request, port_is_any));
    }
    assert!(seen.len() > 12, "{seen:?}");
    let status = |answer: &str| answer.get(9..12).unwrap_or("none").to_owned();
    // The size alone says that the body is too long: nobody waits for the rest of it. nginx waits for its first byte.
    let head = "POST / HTTP/1.1\r\nHost: chunks\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (body, expected) in
        [("b\r\nx", "413"), ("b;x\r\nx", "413"), ("5\r\nhello\r\n6\r\nx", "413"), ("g\r\n", "400")]
    {
        let got = compare(own, real, body, &format!("{head}{body}"), status);
        assert_eq!(got, expected, "{body}");
    }
    assert_eq!(status(&once(own, &format!("{head}b\r\n"))), "413");
    for name in CALLBACKS {
        let request = format!("GET /?callback={name} HTTP/1.0\r\nHost: pages\r\n\r\n");
        let real = real.filter(|_| checks_callbacks);
        let got = compare(own, real, name, &request, status);
        let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._".contains(&b));
        assert_eq!(got, if is_name { "200" } else { "400" }, "{name}");
    }
    let longest = |n: usize| format!("GET /?callback={} HTTP/1.0\r\nHost: pages\r\n\r\n", "a".repeat(n));
    assert_eq!([128, 129].map(|n| status(&once(own, &longest(n)))), ["200", "400"]);
    running.stop(Stop::Fast);
    let log = std::fs::read_to_string(directory.path().join("logs/error.log")).unwrap();
    assert!(log.contains("client sent invalid callback name: \"alert(1)//\", client: 127.0.0.1"), "{log}");
}
