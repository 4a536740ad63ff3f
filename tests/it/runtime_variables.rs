//! Every variable beside a real nginx: in subrequests, and in a request after others of the same connection or process.

#![allow(clippy::unwrap_used, reason = "what helpers of tests unwrap is a failed test")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use ngxc::catalog::{Subsystem, Tier, VARIABLES};
use ngxc::version::Version;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::common::http::{Backend, Client, once};
use crate::common::nginx;
use crate::common::proxy::Proxy;

/// Other modules have no variable here, or only one that a build of nginx may lack.
const MODULES: &[&str] = &[
    "ngx_http_browser_module",
    "ngx_http_core_module",
    "ngx_http_gzip_module",
    "ngx_http_limit_conn_module",
    "ngx_http_limit_req_module",
    "ngx_http_proxy_module",
    "ngx_http_realip_module",
    "ngx_http_referer_module",
    "ngx_http_secure_link_module",
    "ngx_http_upstream_module",
];

/// They say something else each time, or how much was written by then, or tell of the program.
const VOLATILE: &[&str] = &[
    "body_bytes_sent",
    "bytes_sent",
    "connection",
    "connection_time",
    "msec",
    "nginx_version",
    "pid",
    "proxy_internal_body_length",
    "proxy_internal_chunked",
    "realip_remote_port",
    "remote_port",
    "request_body_file",
    "request_id",
    "request_time",
    "server_port",
    "tcpinfo_rcv_space",
    "tcpinfo_rtt",
    "tcpinfo_rttvar",
    "tcpinfo_snd_cwnd",
    "time_iso8601",
    "time_local",
    "upstream_bytes_sent",
    "upstream_connect_time",
    "upstream_header_time",
    "upstream_queue_time",
    // nginx does not read the response to `post_action`.
    "upstream_response_length",
    "upstream_response_time",
];

/// nginx finds them out once for a request and all its subrequests, so that a main request shows those of the first
/// subrequest that told of them.
const KEPT: &[&str] = &[
    "request_body",
    "request_completion",
    "sent_http_cache_control",
    "sent_http_connection",
    "sent_http_content_length",
    "sent_http_content_type",
    "sent_http_keep_alive",
    "sent_http_last_modified",
    "sent_http_link",
    "sent_http_location",
    "sent_http_transfer_encoding",
    "sent_http_x_sent",
];

/// Some of the families, and those that the configuration has.
const OTHERS: &[&str] = &[
    "arg_a",
    "cookie_c",
    "http_cookie",
    "http_host",
    "http_referer",
    "http_x_real_ip",
    "mapped",
    "sent_http_content_type",
    "sent_http_x_sent",
    "set",
    "upstream_cookie_k",
    "upstream_http_x_peer",
];

/// The names of the variables that a version of nginx has.
fn names(version: Version) -> Vec<&'static str> {
    let known = VARIABLES.iter().filter(|v| {
        v.subsystem == Subsystem::Http
            && v.tier == Tier::OpenSource
            && !v.prefix
            && !v.internal
            && v.since.is_none_or(|since| since <= version)
            && MODULES.contains(&v.module)
            && !VOLATILE.contains(&v.name)
    });
    let mut names: Vec<_> = known.map(|v| v.name).chain(OTHERS.iter().copied()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Those of the nginx at hand, else of the newest that the test knows.
fn names_of_nginx() -> Vec<&'static str> {
    let release = nginx::program().map(|_| nginx::Nginx::start("server { listen PORT; }").unwrap().version);
    names(release.unwrap_or(Version::new(1, 31, 5)))
}

/// All of them with their values, as one text.
fn all(names: &[&str], but: &[&str]) -> String {
    let names = names.iter().filter(|name| !but.contains(name));
    names.fold(String::new(), |all, name| all + name + "=$" + name + "|")
}

/// Waits until a log has that many lines.
fn lines(log: &Path, count: usize) -> Vec<String> {
    let begun = Instant::now();
    loop {
        let text = String::from_utf8_lossy(&std::fs::read(log).unwrap_or_default()).into_owned();
        // A line counts once its end is there: a write that crosses a page can be seen in two steps.
        let lines: Vec<String> = text
            .split_inclusive('\n')
            .filter_map(|line| line.strip_suffix('\n'))
            .map(str::to_owned)
            .collect();
        if lines.len() >= count {
            return lines;
        }
        assert!(begun.elapsed().as_secs() < 10, "{count} lines expected, {} found: {:?}", lines.len(), lines);
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The values of a line, and what tells it from the other lines of its server.
fn parsed(lines: &[String]) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for line in lines {
        let pairs = line.split('|').filter_map(|pair| pair.split_once('='));
        let values: BTreeMap<String, String> =
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let about = ["line", "request_method", "request", "uri"]
            .map(|name| values.get(name).map(std::string::String::as_str).unwrap_or_default());
        let key = about.join(" ");
        assert!(all.insert(key.clone(), values).is_none(), "two lines of {key}");
    }
    all
}

/// Differences between the answers of two servers, by variable.
fn differences(ours: &[String], theirs: &[String]) -> Vec<String> {
    let (ours, theirs) = (parsed(ours), parsed(theirs));
    let mut found = Vec::new();
    for (key, our) in &ours {
        let Some(their) = theirs.get(key) else {
            found.push(format!("nginx has no {key}"));
            continue;
        };
        let is_main = !["/sub", "/copy"].contains(&our["uri"].as_str());
        for (name, value) in our.iter().filter(|(name, value)| their.get(*name) != Some(value)) {
            if is_main && KEPT.contains(&name.as_str()) {
                continue;
            }
            found.push(format!("{key}: ${name} is {value:?}, of nginx {:?}", their.get(name)));
        }
    }
    found.extend(
        theirs.keys().filter(|key| !ours.contains_key(*key)).map(|key| format!("only nginx has {key}")),
    );
    found
}

/// A peer whose pages include others.
fn pages() -> Backend {
    Backend::new(|request| {
        let uri = request.split(' ').nth(1).unwrap_or_default();
        let body = match uri.split(['?', '/']).nth(1).unwrap_or_default() {
            "page" => "<!--# include virtual=\"/sub?a=2\" -->",
            "deep" => "<!--# include virtual=\"/page?a=3\" -->",
            _ => "ok",
        };
        let shown = if request.starts_with("HEAD ") { "" } else { body };
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Peer: {uri}\r\nX-Sent: {uri}\r\nSet-Cookie: k=v\r\n\
             Connection: close\r\nContent-Length: {}\r\n\r\n{shown}",
            body.len()
        )
    })
}

/// Every variable of requests inside of others, when they ask a peer and when they are logged.
#[test]
fn variables_of_subrequests() {
    let directory = tempfile::tempdir().unwrap();
    let peer = pages();
    let http = |listen: &str, log: &Path, names: &[&str]| {
        let told = all(names, &[KEPT, &["binary_remote_addr"]].concat());
        format!(
            "map $uri $mapped {{ default of:$uri; }} log_format all escape=json '{logged}';\n\
             limit_req_zone $uri zone=r:1m rate=1000r/s; limit_conn_zone $uri zone=c:1m;\n\
             server {{ listen {listen}; server_name one.test; root /nowhere; set $set $uri;\n\
             set_real_ip_from 127.0.0.1; real_ip_header X-Real-IP; valid_referers one.test;\n\
             limit_req zone=r burst=100 nodelay; limit_conn c 10; secure_link $arg_a,$arg_b; secure_link_md5 s;\n\
             log_subrequest on; access_log {log} all; proxy_set_header X-All '{told}'; server_tokens off;\n\
             proxy_http_version 1.1; proxy_set_header Connection '';\n\
             location /auth {{ auth_request /sub; proxy_pass http://{peer}/main; }}\n\
             location /mirror {{ mirror /copy; proxy_pass http://{peer}/main; }}\n\
             location /less {{ mirror /sub; mirror_request_body off; proxy_pass http://{peer}/main; }}\n\
             location /page {{ ssi on; proxy_pass http://{peer}/page; }}\n\
             location /deep {{ ssi on; proxy_pass http://{peer}/deep; }}\n\
             location /post {{ post_action /sub; proxy_pass http://{peer}/main; }}\n\
             location /error {{ error_page 403 /auth/error; return 403; }}\n\
             location /copy {{ proxy_pass http://{peer}/copy; }}\n\
             location /sub {{ proxy_pass_request_body off; proxy_set_header Content-Length ''; \
             proxy_set_header X-All '{told}'; proxy_pass http://{peer}/sub; }} }}",
            logged = all(names, &[]),
            log = log.display(),
            peer = peer.address,
        )
    };
    // With how many lines of the log each comes to.
    let cases =
        [("auth", 2), ("mirror", 2), ("less", 2), ("page", 2), ("deep", 3), ("post", 1), ("error", 2)];
    let run = |to: SocketAddr, log: &Path| {
        let (mut told, mut count) = (Vec::new(), 0);
        for method in ["GET", "HEAD", "POST", "DELETE", "PROPFIND"] {
            for (path, more) in cases {
                // A page of which only the head is asked for includes nothing.
                let more = if method == "HEAD" && ["page", "deep"].contains(&path) { 1 } else { more };
                let before = peer.requests().len();
                let (length, body) =
                    if method == "POST" { ("Content-Length: 4\r\n", "body") } else { ("", "") };
                let request = format!(
                    "{method} /{path}/%61?a=1 HTTP/1.1\r\nHost: One.Test:81\r\nConnection: close\r\n\
                     Authorization: Basic YW5uOng=\r\nCookie: c=1; d=2\r\nReferer: http://one.test/\r\n\
                     User-Agent: none\r\nX-Real-IP: 192.0.2.7\r\nContent-Type: a/b\r\n{length}\r\n{body}"
                );
                let response = once(to, &request);
                assert!(response.starts_with("HTTP/1.1 "), "{method} {path}: {response}");
                count += more;
                lines(log, count);
                let mut asked: Vec<String> =
                    peer.requests().split_off(before).into_iter().map(|(_, r)| r).collect();
                for request in &mut asked {
                    let line = request.lines().next().unwrap().to_owned();
                    let all = request.lines().find_map(|line| line.strip_prefix("X-All: ")).unwrap();
                    *request = format!("line={line}|{all}");
                }
                asked.sort();
                told.extend(asked);
            }
        }
        let mut logged = lines(log, count);
        assert_eq!(logged.len(), count);
        logged.sort();
        (told, logged)
    };
    let log = directory.path().join("nginx.log");
    let names = names_of_nginx();
    assert!(names.len() > 70, "{names:?}");
    let ours = {
        let log = directory.path().join("ours.log");
        let ours = Proxy::new(&http("127.0.0.1:9", &log, &names));
        run(ours.address, &log)
    };
    let methods = |told: &[String], line: &str, method: &str| {
        told.iter().filter(|one| one.contains(line) && one.contains(method)).count()
    };
    assert_eq!(methods(&ours.0, "line=GET /sub", "|request_method=DELETE|"), 3, "{:#?}", ours.0);
    if let Some(real) = nginx::Nginx::start(&http("PORT", &log, &names)) {
        let theirs = run(real.address, &log);
        let mut found = differences(&ours.0, &theirs.0);
        found.extend(differences(&ours.1, &theirs.1));
        assert!(found.is_empty(), "{found:#?}");
    }
}

/// Sends a request and takes its response, if there is one; then sends the rest, says that nothing follows, and takes
/// what comes until the server has closed the connection.
fn send(to: SocketAddr, whole: &str, rest: &str) {
    let mut client = Client::new(to);
    client.send(&(whole.to_owned() + rest));
    if !whole.is_empty() {
        client.responded();
    }
    client.end();
    client.rest();
}

const FRESH: &str = "GET /fresh HTTP/1.1\r\nHost: a\r\n\r\n";

/// The same as the last request of its connection.
const LAST: &str = "GET /fresh HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// Requests that leave much behind.
const WHOLE: &[&str] =
    &["/", "/page", "/gone", "/many", "/limited", "/rewritten", "/post", "/mirror", "/auth", "/none/a"];

/// Requests that end too soon or are malformed.
const CUT: &[&str] = &[
    "GET /cut",
    "GET /cut HTTP/1.1\r\nHost: b\r\nCookie: c=1\r\n",
    "POST /cut HTTP/1.1\r\nHost: b\r\nContent-Length: 9\r\n\r\nabc",
    "POST /cut HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
    "POST /cut HTTP/1.1\r\nHost: b\r\nContent-Length: 99\r\n\r\nabc",
    "BAD\r\n\r\n",
    "GET /cut HTTP/1.1\r\nHost: /\r\n\r\n",
    "GET /cut HTTP/1.1\r\n: x\r\n\r\n",
    "GET /drop HTTP/1.1\r\nHost: b\r\n\r\n",
];

fn get(path: &str) -> String {
    format!(
        "GET {path}?a=1&set=2 HTTP/1.1\r\nHost: b:82\r\nCookie: c=1\r\nX-Real-IP: 192.0.2.7\r\n\
         Authorization: Basic YW5uOng=\r\nReferer: r\r\n\r\n"
    )
}

/// A server whose log tells of every variable.
fn told(listen: &str, log: &Path, names: &[&str], peer: SocketAddr) -> String {
    format!(
        "map $arg_a $mapped {{ default of:$arg_a; }} log_format all escape=json '{logged}';\n\
         limit_req_zone $uri zone=r:1m rate=1r/m; limit_conn_zone $uri zone=c:1m;\n\
         server {{ listen {listen}; root /nowhere; access_log {log} all; client_max_body_size 10;\n\
         set_real_ip_from 127.0.0.1; real_ip_header X-Real-IP; if ($arg_set) {{ set $set $arg_set; }}\n\
         location / {{ proxy_pass http://{peer}/main; }} location /fresh {{ return 200 fresh; }}\n\
         location /drop {{ return 444; }} location /page {{ ssi on; proxy_pass http://{peer}/page; }}\n\
         location /sub {{ proxy_pass http://{peer}/sub; }}\n\
         location /gone {{ proxy_pass http://127.0.0.1:1; error_page 502 /page; }}\n\
         location /many {{ limit_req zone=r; limit_conn c 1; add_header X-Sent many; return 204; }}\n\
         location /limited {{ limit_req zone=r; limit_conn c 1; proxy_pass http://{peer}/main; }}\n\
         location /rewritten {{ rewrite ^(.*)$ /fresh$1? last; }}\n\
         location /post {{ post_action /sub; proxy_pass http://{peer}/main; }}\n\
         location /mirror {{ mirror /sub; proxy_pass http://{peer}/main; }}\n\
         location /auth {{ auth_request /sub; proxy_pass http://{peer}/main; }} }}",
        logged = all(names, &[]),
        log = log.display(),
    )
}

/// Whatever clients did before, and however they left, the next request is logged as by a process that has just begun.
#[test]
fn nothing_is_left_of_the_request_before() {
    let directory = tempfile::tempdir().unwrap();
    let peer = pages();
    let run = |to: SocketAddr, log: &Path| {
        let mut seen = 0;
        let mut all = Vec::new();
        // The last line of the log is that of the fresh request.
        let mut last = |what: String, count: usize| {
            let found = lines(log, seen + count);
            assert_eq!(found.len(), seen + count, "{what}");
            seen = found.len();
            all.push((what, found.last().unwrap().clone()));
        };
        let alone = |what: String, last: &mut dyn FnMut(String, usize), count: usize| {
            once(to, LAST);
            last(what, count);
        };
        alone("first".to_owned(), &mut last, 1);
        for &path in WHOLE {
            // On a connection of its own, on the same one, and together with it.
            send(to, &get(path), "");
            alone(format!("after {path}"), &mut last, 2);
            let mut kept = Client::new(to);
            kept.send(&get(path));
            kept.responded();
            kept.send(LAST);
            kept.rest();
            last(format!("kept after {path}"), 2);
            once(to, &(get(path) + LAST));
            last(format!("together with {path}"), 2);
            alone(format!("after what came together with {path}"), &mut last, 1);
            for &cut in CUT {
                send(to, &get(path), cut);
                alone(format!("after {path} and {cut:?}"), &mut last, 3);
            }
        }
        for &cut in CUT {
            send(to, "", cut);
            alone(format!("after {cut:?}"), &mut last, 2);
        }
        all
    };
    let names = names_of_nginx();
    let ours = {
        let log = directory.path().join("ours.log");
        let ours = Proxy::new(&told("127.0.0.1:9", &log, &names, peer.address));
        run(ours.address, &log)
    };
    let theirs = {
        let log = directory.path().join("nginx.log");
        nginx::Nginx::start(&told("PORT", &log, &names, peer.address)).map(|real| run(real.address, &log))
    };
    for all in [Some(ours), theirs].into_iter().flatten() {
        let first = all[0].1.clone();
        assert!(first.contains("|pipe=.|"), "{first}");
        for (what, line) in all {
            let mut expected = first.clone();
            let is_second = what.starts_with("kept") || what.starts_with("together");
            if is_second {
                expected = expected.replace("connection_requests=1|", "connection_requests=2|");
            }
            if what.starts_with("together") {
                expected = expected.replace("|pipe=.|", "|pipe=p|");
            }
            assert_eq!(line, expected, "{what}");
        }
    }
}

/// Next step of one of several clients.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Asks for a page and takes it.
    Whole(usize),
    /// Asks for a page and goes away.
    Leave(usize),
    /// Asks for a page and, without waiting, for the fresh one.
    Together(usize),
    /// Says what ends too soon or badly.
    Cut(usize),
    /// Begins a request that another step may end.
    Begin(usize),
    /// Asks for the fresh page.
    Fresh,
}

fn step() -> impl Strategy<Value = (usize, Step)> {
    let step = prop_oneof![
        (0..WHOLE.len()).prop_map(Step::Whole),
        (0..WHOLE.len()).prop_map(Step::Leave),
        (0..WHOLE.len()).prop_map(Step::Together),
        (0..CUT.len()).prop_map(Step::Cut),
        (0..WHOLE.len()).prop_map(Step::Begin),
        Just(Step::Fresh),
    ];
    (0..3_usize, step)
}

/// State of a client: its connection, and the rest of the request that it has begun.
#[derive(Default)]
struct At {
    client: Option<Client>,
    left: Option<String>,
}

impl At {
    /// A connection on which the next request can begin.
    fn ready(&mut self, to: SocketAddr) -> &mut Client {
        let client = self.client.get_or_insert_with(|| Client::new(to));
        if let Some(left) = self.left.take() {
            client.send(&left);
            client.responded();
        }
        client
    }

    fn follow(&mut self, to: SocketAddr, step: Step) {
        match step {
            Step::Whole(n) => {
                self.ready(to).send(&get(WHOLE[n]));
                self.client.as_mut().unwrap().responded();
            }
            Step::Leave(n) => {
                self.ready(to).send(&get(WHOLE[n]));
                self.client = None;
            }
            Step::Together(n) => {
                let client = self.ready(to);
                client.send(&(get(WHOLE[n]) + FRESH));
                client.responded();
                client.responded();
            }
            Step::Cut(n) => {
                self.ready(to).send(CUT[n]);
                let client = self.client.take().unwrap();
                client.end();
                client.rest();
            }
            Step::Begin(n) => {
                let text = get(WHOLE[n]);
                let (now, later) = text.split_at(text.len() / 2);
                self.ready(to).send(now);
                self.left = Some(later.to_owned());
            }
            Step::Fresh => {
                let client = self.ready(to);
                client.send(FRESH);
                client.responded();
            }
        }
    }
}

/// The lines of the fresh page, without what tells of the connection.
fn fresh_lines(log: &Path) -> Vec<String> {
    let text = String::from_utf8_lossy(&std::fs::read(log).unwrap_or_default()).into_owned();
    let whole = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
    let fresh = whole.filter(|line| line.contains("|request=GET /fresh HTTP/1.1|"));
    let fresh = fresh.map(|line| {
        let values = line.split('|');
        let kept = values.filter(|v| !v.starts_with("connection_requests=") && !v.starts_with("pipe="));
        kept.collect::<Vec<_>>().join("|")
    });
    fresh.collect()
}

/// However several clients interleave what they do, a request is logged as the first one of a process.
#[test]
fn nothing_is_left_of_other_clients() {
    let directory = tempfile::tempdir().unwrap();
    let peer = pages();
    let log = directory.path().join("ours.log");
    let names = names(Version::new(1, 31, 5));
    let ours = Proxy::new(&told("127.0.0.1:9", &log, &names, peer.address));
    let to = ours.address;
    let mut first = Client::new(to);
    first.send(FRESH);
    first.responded();
    drop(first);
    let wait = |count: usize| {
        let begun = Instant::now();
        while fresh_lines(&log).len() < count && begun.elapsed().as_secs() < 10 {
            std::thread::sleep(Duration::from_millis(2));
        }
        fresh_lines(&log)
    };
    let expected = wait(1)[0].clone();
    assert!(expected.contains("|status=200|"), "{expected}");
    let mut runner = TestRunner::new(Config { cases: 64, failure_persistence: None, ..Config::default() });
    let seen = std::cell::Cell::new(1);
    let result = runner.run(&prop::collection::vec(step(), 1..16), |steps| {
        let mut clients: [At; 3] = std::array::from_fn(|_| At::default());
        let mut count = seen.get();
        for (client, step) in steps {
            clients[client].follow(to, step);
            count += usize::from(matches!(step, Step::Fresh | Step::Together(_)));
        }
        drop(clients);
        let lines = wait(count);
        prop_assert_eq!(lines.len(), count);
        for line in &lines[seen.get()..] {
            prop_assert_eq!(line, &expected);
        }
        seen.set(count);
        Ok(())
    });
    assert!(result.is_ok(), "{}", result.unwrap_err());
}
