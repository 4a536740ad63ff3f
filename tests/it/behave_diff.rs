//! `ngxc diff`: edits that change behaviour are reported with a right witness, edits that do not are silent. Pairs come
//! from a generator of mutations with a seed; a real nginx is asked the witnesses too.
#![allow(
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::format_push_string,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, and one that is left out says so"
)]

use std::fs;
use std::path::Path;
use std::process::Command;

use ngxc::behaviour::diff::effect::effects;
use ngxc::behaviour::diff::node::{Node, nodes};
use ngxc::behaviour::diff::{Side, compare};
use ngxc::behaviour::outcome::Outcome;
use ngxc::behaviour::response;
use ngxc::compile::{Options, compile};
use ngxc::simulate::facts::{Facts, Files, Response};
use ngxc::simulate::imagined::DescribedRequest;
use ngxc::simulate::walk::RoutingConfiguration;
use ngxc::source::Memory;
use ngxc::syntax::{LoadOptions, load};
use ngxc::version::Version;
use serde_json::Value;

use crate::common::http::once;
use crate::common::nginx;

/// Exit status and standard output.
fn ngxc(directory: &Path, args: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ngxc"))
        .args(args)
        .current_dir(directory)
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() != Some(2), "{args:?}: {error}");
    (output.status.code().unwrap(), text)
}

/// The differences between two texts.
fn diff(directory: &Path, old: &str, new: &str) -> (i32, Value) {
    fs::write(directory.join("old.conf"), old).unwrap();
    fs::write(directory.join("new.conf"), new).unwrap();
    let (status, out) = ngxc(directory, &["diff", "old.conf", "new.conf", "--format", "json"]);
    (status, serde_json::from_str(&out).unwrap())
}

/// Numbers from a seed (`SplitMix64`).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

/// A server of a generated configuration.
#[derive(Clone)]
struct Server {
    names: Vec<String>,
    settings: Vec<String>,
    locations: Vec<(String, Vec<String>)>,
}

/// Prefixes, and expressions with a wider form of each.
const PREFIXES: [&str; 8] = ["/", "/a/", "/a/b/", "/img/", "/api", "/api/v1/", "/static/", "/down"];
const PATTERNS: [(&str, &str); 4] = [
    (r"~ \.png$", r"~ \.(png|gif)$"),
    (r"~ ^/a/[a-z]+$", r"~ ^/a/[a-z0-9]+$"),
    (r"~* \.php$", r"~* \.php"),
    (r"~ ^/u/\d\d$", r"~ ^/u/\d+$"),
];

fn config(random: &mut Random) -> Vec<Server> {
    let count = 1 + random.below(3);
    (0..count)
        .map(|number| {
            let mut names = vec![format!("s{number}.test")];
            if random.below(3) == 0 {
                names.push(format!("*.s{number}.test"));
            }
            let mut heads: Vec<String> = PREFIXES.iter().map(|p| format!("location {p}")).collect();
            heads.extend(PATTERNS.iter().map(|(p, _)| format!("location {p}")));
            heads.push("location = /exact".to_owned());
            heads.push("location ^~ /static/fixed/".to_owned());
            let mut locations = Vec::new();
            for _ in 0..2 + random.below(5) {
                let head = heads.remove(random.below(heads.len()));
                let id = random.below(1000);
                let mut body = vec![format!("add_header X-Place {number}-{id} always;")];
                match random.below(4) {
                    0 => body.push(format!("return 301 http://$host/to{id}$request_uri;")),
                    1 => body.push("if ($request_method = PUT) { return 405; }".to_owned()),
                    2 => body.push("if ($arg_key = secret) { return 403; }".to_owned()),
                    _ => {}
                }
                body.push(format!("return 200 'place {number} {id}';"));
                locations.push((head, body));
            }
            let mut settings = vec!["keepalive_timeout 30s;".to_owned()];
            if random.below(2) == 0 {
                settings.push(r"rewrite ^/old/(.*)$ /a/$1;".to_owned());
            }
            Server { names, settings, locations }
        })
        .collect()
}

fn write(servers: &[Server], listen: &str) -> String {
    let mut out = String::new();
    for server in servers {
        out += &format!("server {{\n    listen {listen};\n    server_name {};\n", server.names.join(" "));
        server.settings.iter().for_each(|setting| out += &format!("    {setting}\n"));
        for (head, body) in &server.locations {
            out += &format!("    {head} {{\n");
            for line in body {
                out += &format!("        {line}\n");
            }
            out += "    }\n";
        }
        out += "}\n";
    }
    out
}

fn whole(http: &str) -> String {
    format!("events {{}}\nhttp {{\n{http}}}\n")
}

/// Kinds of mutations; true: behaviour may change.
const KINDS: [(&str, bool); 14] = [
    ("comments and layout", false),
    ("another text", true),
    ("prefix locations in another order", false),
    ("an expression widened", true),
    ("servers in another order behind the default", false),
    ("a location shadowed", true),
    ("an included file", false),
    ("a location removed", true),
    ("a value in another unit", false),
    ("a name removed", true),
    ("a setting on another level", false),
    ("another handler", true),
    ("a header for some statuses", true),
    ("a condition on another value", true),
];

/// The mutated configuration, and a file that it includes; `None` if the kind does not apply.
fn mutate(kind: &str, servers: &[Server], random: &mut Random) -> Option<(String, String)> {
    let mut new = servers.to_vec();
    let at = random.below(new.len());
    match kind {
        "comments and layout" => {
            let text = write(&new, "8080").replace("    ", "\t").replace(";\n", "; # a comment\n");
            return Some((whole(&text), String::new()));
        }
        "prefix locations in another order" => {
            let (regexes, mut others): (Vec<_>, Vec<_>) =
                new[at].locations.drain(..).partition(|(head, _)| head.contains('~') && !head.contains("^~"));
            others.reverse();
            new[at].locations = others.into_iter().chain(regexes).collect();
        }
        "servers in another order behind the default" => new[1..].reverse(),
        "an included file" => {
            let server = new.pop()?;
            let part = write(&[server], "8080");
            return Some((whole(&(write(&new, "8080") + "include part.conf;\n")), part));
        }
        "a value in another unit" => "keepalive_timeout 30000ms;".clone_into(&mut new[at].settings[0]),
        "a setting on another level" => {
            let setting = new[at].settings.remove(0);
            new[at].locations.iter_mut().for_each(|(_, body)| body.insert(0, setting.clone()));
            new[at].settings.insert(0, setting);
        }
        "another text" => {
            let (_, body) = new[at].locations.first_mut()?;
            let last = body.last_mut()?;
            *last = last.replace("place", "other");
        }
        "another handler" => {
            let (_, body) = new[at].locations.first_mut()?;
            "proxy_pass http://127.0.0.1:1;".clone_into(body.last_mut()?);
        }
        "a header for some statuses" => {
            let (_, body) = new[at].locations.first_mut()?;
            body[0] = body[0].replace(" always;", ";");
            body.insert(1, "if ($arg_fail) { return 404; }".to_owned());
        }
        "a condition on another value" => {
            let body = new[at].locations.iter_mut().find_map(|(_, body)| {
                body.iter_mut().find(|line| line.contains("PUT") || line.contains("secret"))
            })?;
            *body = body.replace("PUT", "PATCH").replace("secret", "sesame");
        }
        "an expression widened" => {
            let (_, wide) = new[at].locations.iter_mut().find_map(|(head, body)| {
                let wide = PATTERNS.iter().find(|(narrow, _)| head == &format!("location {narrow}"))?;
                *head = format!("location {}", wide.1);
                Some((body, wide))
            })?;
            assert!(!wide.1.is_empty());
        }
        "a location shadowed" => {
            let body = vec!["return 200 shadow;".to_owned()];
            new[at].locations.insert(0, (r"location ~ ^/(a|api|img|u)".to_owned(), body));
        }
        "a location removed" => {
            let many = new[at].locations.len();
            new[at].locations.remove(random.below(many));
        }
        "a name removed" => {
            // The server keeps a name that nobody asks for.
            let last = new.last_mut()?;
            if servers.len() < 2 {
                return None;
            }
            "gone.test".clone_into(&mut last.names[0]);
        }
        _ => return None,
    }
    Some((whole(&write(&new, "8080")), String::new()))
}

/// Requests that both sides are asked by nginx.
fn requests(servers: &[Server]) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let paths = [
        "/",
        "/a/x",
        "/a/b/c",
        "/a/1",
        "/img/x.png",
        "/img/x.gif",
        "/api",
        "/api/v1/z",
        "/static/fixed/q",
        "/exact",
        "/u/12",
        "/u/123",
        "/x.php",
        "/x.phps",
        "/old/q",
        "/down",
    ];
    for server in servers.iter().take(1).chain(servers.last()) {
        all.extend(paths.iter().map(|path| (server.names[0].clone(), (*path).to_owned())));
    }
    all
}

/// A configuration with all that `compare` needs.
struct Loaded {
    configuration: ngxc::syntax::Configuration,
    ground: RoutingConfiguration,
    nodes: Vec<Node>,
}

impl Loaded {
    fn new(text: &str, part: &str) -> Self {
        let files = Memory::default().with("nginx.conf", text).with("part.conf", part);
        let configuration = load(&files, Path::new("nginx.conf"), &LoadOptions::default()).unwrap();
        let compiled = compile(&configuration, &Options::new(Version::new(1, 31, 5)));
        assert!(compiled.is_valid(), "{:#?}\n{text}", compiled.diagnostics);
        let ground = RoutingConfiguration::new(std::sync::Arc::new(compiled.config)).unwrap();
        let nodes = nodes(&configuration);
        Self { configuration, ground, nodes }
    }

    fn side(&self) -> Side<'_> {
        Side { ground: &self.ground, sources: &self.configuration.sources, nodes: &self.nodes }
    }

    /// Status, `Location`, text, upstream and headers of what a request gets.
    fn answer(&self, host: &str, path: &str, method: &str) -> String {
        let router = &self.ground.router;
        let (id, address) = router.addresses().next().unwrap();
        let asked = DescribedRequest {
            address: id,
            endpoint: address.listen.endpoint.clone(),
            scheme: "http",
            method: method.to_owned(),
            protocol: "HTTP/1.1".to_owned(),
            host: host.as_bytes().to_vec(),
            name: host.as_bytes().to_vec(),
            target: path.as_bytes().to_vec(),
            headers: Vec::new(),
            client: Some([192, 0, 2, 1].into()),
            facts: Some(Facts {
                files: Some(Files::default()),
                upstream: Some(Response { status: 200, headers: Vec::new() }),
                ..Facts::default()
            }),
        };
        let mut outcome = Outcome::of(&self.ground, &asked).unwrap();
        format!(
            "{:?} {:?} {:?} {:?}",
            outcome.status(),
            response::body(&outcome),
            response::headers(&mut outcome),
            outcome.upstream()
        )
    }
}

/// Number of pairs of a seed, and the seeds: `NGXC_DIFF_PAIRS`, `NGXC_DIFF_SEEDS=4,5,6`.
fn wanted() -> (usize, Vec<u64>) {
    let pairs = std::env::var("NGXC_DIFF_PAIRS").ok().and_then(|n| n.parse().ok()).unwrap_or(200);
    let seeds = std::env::var("NGXC_DIFF_SEEDS").unwrap_or_else(|_| "1,2,3".to_owned());
    (pairs, seeds.split(',').map(|seed| seed.trim().parse().unwrap()).collect())
}

/// A configuration and its mutation.
struct Pair {
    kind: &'static str,
    may_change: bool,
    servers: Vec<Server>,
    old: String,
    new: String,
    /// A file that the new one includes.
    part: String,
}

/// The pairs of a seed.
fn pairs(seed: u64, count: usize) -> Vec<Pair> {
    let mut random = Random(seed);
    let mut all = Vec::new();
    while all.len() < count {
        let servers = config(&mut random);
        let (kind, may_change) = KINDS[all.len() % KINDS.len()];
        // A kind that does not apply to these servers applies to the next.
        let Some((new, part)) = mutate(kind, &servers, &mut random) else { continue };
        let old = whole(&write(&servers, "8080"));
        all.push(Pair { kind, may_change, servers, old, new, part });
    }
    all
}

/// Kinds whose effect shows with some request, whatever else there is.
fn always_shows(kind: &str) -> bool {
    matches!(kind, "a name removed")
}

#[test]
fn mutations_are_reported_or_silent() {
    let (count, seeds) = wanted();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    for seed in seeds {
        let all = pairs(seed, count);
        let counts: Vec<(usize, usize)> = std::thread::scope(|scope| {
            let parts = all.chunks(all.len().div_ceil(cores).max(1));
            let workers: Vec<_> = parts
                .map(|part| {
                    scope.spawn(|| {
                        part.iter().map(|pair| judged(seed, pair)).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
                    })
                })
                .collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).collect()
        });
        let (changed, silent) = counts.iter().fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
        println!("seed {seed}: {changed} pairs with differences, {silent} silent ones");
        assert!(changed * 10 >= count * 4 && silent * 10 >= count * 4, "{changed} {silent}");
    }
}

/// Judges a pair; counts of pairs with differences, and of silent ones.
fn judged(seed: u64, pair: &Pair) -> (usize, usize) {
    let Pair { kind, may_change, servers, old, new, part } = pair;
    let (one, two) = (Loaded::new(old, ""), Loaded::new(new, part));
    let found = compare(one.side(), two.side(), None);
    let told = || format!("{kind}, seed {seed}: {:#?}\n{old}\n{new}", found.differences);
    assert!(found.undecided.is_empty() && found.is_complete, "{}", told());
    if !may_change {
        assert!(found.differences.is_empty() && found.addresses.is_empty(), "{}", told());
        return (0, 1);
    }
    // Each witness is right: asked again, both sides treat it as reported.
    for difference in &found.differences {
        let witness = &difference.witness;
        assert_ne!(witness.old, witness.new, "{}", told());
        for (side, value) in [(&one, &witness.old), (&two, &witness.new)] {
            let id = side.ground.router.addresses().next().unwrap().0;
            let asked = witness.probe.asked(&side.ground.router, id);
            let mut outcome = Outcome::of(&side.ground, &asked).unwrap();
            let effects = effects(&mut outcome, &side.configuration.sources);
            let own =
                effects.list.iter().find(|effect| effect.field == witness.field).map(|effect| &effect.value);
            assert_eq!(own, value.as_ref(), "{}", told());
        }
    }
    // No request that both sides treat differently is without a difference.
    let mut differs = false;
    for (host, path) in requests(servers) {
        for (method, args) in
            [("GET", ""), ("PUT", ""), ("GET", "?key=secret"), ("GET", "?fail=1"), ("PATCH", "?key=sesame")]
        {
            let target = format!("{path}{args}");
            differs |= one.answer(&host, &target, method) != two.answer(&host, &target, method);
        }
    }
    assert!(!differs || !found.differences.is_empty(), "{}", told());
    assert!(!always_shows(kind) || !found.differences.is_empty(), "{}", told());
    (usize::from(!found.differences.is_empty()), 0)
}

/// The report has the same: an entry for each edit, none for a pure move.
#[test]
fn an_edit_is_an_entry() {
    let directory = tempfile::tempdir().unwrap();
    for Pair { kind, may_change, old, new, part, .. } in pairs(7, KINDS.len()) {
        fs::write(directory.path().join("part.conf"), part).unwrap();
        let (status, found) = diff(directory.path(), &old, &new);
        let entries = found["differences"].as_array().unwrap();
        assert_eq!(status, i32::from(!entries.is_empty()), "{kind}");
        assert!(may_change || entries.is_empty(), "{kind}: {found:#}\n{old}\n{new}");
        let most = if kind == "a header for some statuses" { 2 } else { 1 };
        assert!(entries.len() <= most, "{kind}: {found:#}\n{old}\n{new}");
    }
    let server = |body: &str| {
        whole(&format!("server {{ listen 8080; location / {{ {body} }} location /b {{ return 204; }} }}\n"))
    };
    for (old, new, what) in [
        ("proxy_pass http://10.0.0.1:80;", "return 200 here;", "`return` in place of `proxy_pass`"),
        ("return 200 here;", "proxy_pass http://10.0.0.1:80;", "`proxy_pass` in place of `return`"),
        ("root /srv/a;", "alias /srv/b/;", "`alias` in place of `root`"),
        ("allow all;", "deny all;", "`deny` in place of `allow`: something is not reachable any more"),
    ] {
        let (_, found) = diff(directory.path(), &server(old), &server(new));
        let entries = found["differences"].as_array().unwrap();
        assert_eq!(entries.len(), 1, "{found:#}");
        assert_eq!(entries[0]["what"], what, "{found:#}");
    }
}

/// Status, `Location`, own headers and text of an answer; the port of this nginx is left out.
fn answered(nginx: &nginx::Nginx, path: &str, host: &str) -> (String, Vec<String>, String) {
    let text =
        once(nginx.address, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
    let text = text.replace(&format!(":{}", nginx.address.port()), "");
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let lines = head.lines().skip(1).filter(|line| line.starts_with("Location: ") || line.starts_with("X-"));
    (head[9..12].to_owned(), lines.map(str::to_owned).collect(), body.to_owned())
}

#[test]
fn nginx_treats_witnesses_as_reported() {
    if nginx::program().is_none() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut asked = 0;
    // All pairs take minutes: `NGXC_DIFF_NGINX=all`.
    let all = std::env::var("NGXC_DIFF_NGINX").is_ok_and(|which| which == "all");
    let (count, seeds) = if all { wanted() } else { (KINDS.len(), vec![10]) };
    let pairs = seeds.into_iter().flat_map(|seed| pairs(seed, count));
    for Pair { may_change, servers, old, new, part, .. } in pairs {
        // nginx would look for it in its own directory.
        let new = new.replace("include part.conf;", &part);
        let (_, found) = diff(directory.path(), &old, &new);
        let inside = |text: &str| {
            let text = text.strip_prefix("events {}\nhttp {\n").unwrap().strip_suffix("}\n").unwrap();
            text.replace("listen 8080", "listen PORT")
        };
        let (one, two) =
            (nginx::Nginx::start(&inside(&old)).unwrap(), nginx::Nginx::start(&inside(&new)).unwrap());
        let entries = found["differences"].as_array().unwrap();
        for request in entries.iter().flat_map(|entry| entry["requests"].as_array().unwrap()) {
            let is_plain = request["method"] == "GET"
                && request["headers"].as_array().unwrap().is_empty()
                && request["host"] != ""
                && request["all_files"] == false;
            let url = request["url"].as_str().unwrap();
            let path = url.splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap();
            if !is_plain {
                continue;
            }
            let host = request["host"].as_str().unwrap();
            let (before, after) = (answered(&one, &path, host), answered(&two, &path, host));
            asked += 1;
            let status = |value: &Value| {
                value["value"].as_str().unwrap_or_default().split(' ').next().unwrap().to_owned()
            };
            // The upstream's response is stated, and nobody listens there.
            let is_passed = [&request["old"], &request["new"]]
                .into_iter()
                .any(|side| side["value"].as_str().is_some_and(|value| value.contains("upstream")));
            if request["effect"] == "answer" && !is_passed {
                assert_ne!(before, after, "{host}{path}: {request:#}");
                assert_eq!(before.0, status(&request["old"]), "{host}{path}");
                assert_eq!(after.0, status(&request["new"]), "{host}{path}");
            }
        }
        // And twenty requests that nobody chose: what nginx treats differently is reported.
        for (host, path) in requests(&servers).into_iter().take(20) {
            let (before, after) = (answered(&one, &path, &host), answered(&two, &path, &host));
            assert!(
                before == after || may_change && !entries.is_empty(),
                "{host}{path} {before:?} {after:?}"
            );
        }
    }
    println!("{asked} witnesses");
    assert!(asked >= 3, "{asked}");
}

/// A configuration with much in it; `old` stands in it once for each case.
const SHOP: &str = r"events {}
http {
    map $http_user_agent $bot { default 0; ~*bot 1; }
    limit_req_zone $binary_remote_addr zone=one:1m rate=1r/s;
    proxy_cache_path /tmp/c keys_zone=store:1m;
    log_format main '$remote_addr $request';
    upstream app { server 10.0.0.1:8080; server 10.0.0.2:8080; keepalive 8; }
    upstream idle { server 10.0.0.3:8080; }
    server {
        listen 80;
        server_name www.test;
        access_log /tmp/a.log main;
        proxy_read_timeout 30s;
        add_header X-One 1;
        location / { proxy_pass http://app; proxy_set_header Host $host; }
        location /admin/ { allow 10.0.0.0/8; deny all; proxy_pass http://app; }
        location /old { return 301 https://new.test$request_uri; }
        location /files/ { root /srv; limit_req zone=one; }
        location /bot { if ($bot) { return 403; } return 200 ok; }
        location /cached/ { proxy_cache store; proxy_cache_key $uri; proxy_pass http://app; }
        location ~ \.php$ { fastcgi_pass 127.0.0.1:9000; }
        location /php/ { return 200 php; }
    }
    server { listen 80; server_name other.test; return 404; }
}
";

#[test]
fn one_edit_is_one_entry_of_its_class() {
    let directory = tempfile::tempdir().unwrap();
    for (old, new, class) in [
        ("deny all;", "allow all;", "access"),
        ("allow 10.0.0.0/8;", "allow 10.0.0.0/16;", "access"),
        ("return 404;", "return 200 all;", "routing"),
        ("https://new.test", "https://newer.test", "redirects"),
        ("return 301", "return 302", "redirects"),
        ("root /srv;", "root /var;", "routing"),
        ("add_header X-One 1;", "add_header X-One 2;", "headers"),
        ("proxy_set_header Host $host;", "proxy_set_header Host www.test;", "headers"),
        ("proxy_set_header Host $host;", "", "headers"),
        ("server 10.0.0.2:8080;", "server 10.0.0.9:8080;", "upstream"),
        ("keepalive 8;", "keepalive 9;", "ports"),
        ("proxy_read_timeout 30s;", "proxy_read_timeout 31s;", "limits"),
        ("limit_req zone=one;", "", "limits"),
        ("rate=1r/s", "rate=2r/s", "limits"),
        ("proxy_cache_key $uri;", "proxy_cache_key $host$uri;", "cache"),
        ("access_log /tmp/a.log main;", "access_log /tmp/b.log main;", "logs"),
        ("~*bot 1;", "~*(bot|crawler) 1;", "access"),
        ("if ($bot)", "if ($request_method = POST)", "access"),
        (r"~ \.php$", r"~ \.php", "upstream"),
        ("location /php/ {", "location ^~ /php/ {", "routing"),
        ("server_name other.test;", "server_name other.test extra.test;", "routing"),
        ("127.0.0.1:9000", "127.0.0.1:9001", "upstream"),
        ("listen 80;\n", "listen 80;\n        listen 81;\n", "access"),
        ("events {}", "events {}\nworker_processes 3;", "other"),
        (
            "proxy_pass http://app; proxy_set",
            "proxy_bind 10.0.0.7; proxy_pass http://app; proxy_set",
            "ports",
        ),
        ("location /admin/ {", "location /admin/ { client_max_body_size 2m;", "limits"),
    ] {
        assert!(SHOP.contains(old), "{old}");
        let text = SHOP.replacen(old, new, 1);
        let (status, found) = diff(directory.path(), SHOP, &text);
        let entries = found["differences"].as_array().unwrap();
        let classes: Vec<&str> = entries.iter().map(|entry| entry["class"].as_str().unwrap()).collect();
        assert_eq!((status, classes.as_slice()), (1, &[class][..]), "{old} -> {new}: {found:#}");
        // The same edit the other way round is one entry too.
        let (status, found) = diff(directory.path(), &text, SHOP);
        let entries = found["differences"].as_array().unwrap().len();
        assert_eq!((status, entries), (1, 1), "{new} -> {old}: {found:#}");
    }
}

#[test]
fn entries_of_geo_and_map_are_asked_about_or_noted() {
    let directory = tempfile::tempdir().unwrap();
    let with = |block: &str, rest: &str| {
        format!("events {{}} http {{ {block} server {{ listen 80; {rest} return 200 in; }} }}")
    };
    for (old, new) in [
        ("10.0.0.0/24 1;", "10.0.0.0/8 1;"),
        ("10.0.0.0/24 1;", "10.0.0.0/25 1;"),
        ("ranges; 10.0.0.0-10.0.0.255 1;", "ranges; 10.0.0.0-10.0.0.254 1;"),
    ] {
        let side =
            |entry: &str| with(&format!("geo $ok {{ {entry} default 0; }}"), "if ($ok = 0) { return 403; }");
        let (status, found) = diff(directory.path(), &side(old), &side(new));
        assert_eq!(
            (status, found["differences"].as_array().map(Vec::len)),
            (1, Some(1)),
            "{old} {new}: {found}"
        );
    }
    let side = |source: &str, key: &str| {
        with(&format!("map \"{source}\" $v {{ default 0; \"{key}\" 1; }}"), "if ($v) { return 403; }")
    };
    let of_two = |key: &str| side("$request_method:$uri", key);
    let (_, found) = diff(directory.path(), &of_two("~^POST:/adm"), &of_two("~^POST:/admin"));
    let shown = &found["differences"][0]["requests"][0];
    assert_eq!((&shown["method"], &shown["url"]), (&"POST".into(), &"http://0.0.0.0/adm".into()), "{found}");
    // A numbered group depends on the match before, so the edit is noted.
    let of_group = |key: &str| side("$1$uri", key);
    let (_, found) = diff(directory.path(), &of_group("~^x/adm"), &of_group("~^x/admin"));
    assert!(found.to_string().contains("no request was found"), "{found}");
}

#[test]
fn what_changes_nothing_is_silent() {
    let directory = tempfile::tempdir().unwrap();
    for (old, new) in [
        ("events {}", "# a comment\nevents {\n}"),
        ("proxy_read_timeout 30s;", "proxy_read_timeout 30;"),
        ("proxy_read_timeout 30s;", "proxy_read_timeout \"30s\";"),
        ("root /srv;", "root '/srv';"),
        ("upstream idle { server 10.0.0.3:8080; }", "upstream idle { server 10.0.0.4:8080; }"),
        ("upstream idle { server 10.0.0.3:8080; }", ""),
        ("    log_format main", "    map $host $unused { default 1; }\n    log_format main"),
        ("location /old {", "location @never { return 204; }\n        location /old {"),
    ] {
        let text = SHOP.replacen(old, new, 1);
        assert_ne!(text, SHOP, "{old}");
        let (status, found) = diff(directory.path(), SHOP, &text);
        assert_eq!(
            (status, found["differences"].as_array().unwrap().len()),
            (0, 0),
            "{old} -> {new}: {found:#}"
        );
    }
    // A setting that moves outwards and holds in the same places.
    let moved = SHOP
        .replace("        proxy_read_timeout 30s;\n", "")
        .replace("    map $http_user_agent", "    proxy_read_timeout 30s;\n    map $http_user_agent");
    let narrow = moved.replace("server_name other.test;", "server_name other.test; proxy_read_timeout 60s;");
    let (status, found) = diff(
        directory.path(),
        &SHOP.replace("server_name other.test;", "server_name other.test; proxy_read_timeout 60s;"),
        &narrow,
    );
    assert_eq!(status, 0, "{found:#}");
}

#[test]
fn witnesses_and_classes_decide_what_fails() {
    let directory = tempfile::tempdir().unwrap();
    let new = SHOP.replacen("deny all;", "allow all;", 1);
    let (_, found) = diff(directory.path(), SHOP, &new);
    let entry = &found["differences"][0];
    assert_eq!(entry["what"], "`allow` in place of `deny`: something becomes reachable", "{found:#}");
    let request = &entry["requests"][0];
    assert_eq!(request["url"], "http://www.test/admin/");
    assert_eq!(request["old"]["answer"], "403: `deny` holds for the client");
    assert_eq!(request["old"]["place"], "old.conf:16");
    assert!(request["new"]["answer"].as_str().unwrap().contains("proxy_pass http://app"));
    let ask =
        |class: &str| ngxc(directory.path(), &["diff", "old.conf", "new.conf", "--fail-on-class", class]).0;
    assert_eq!((ask("access"), ask("routing,tls"), ask("tls,access")), (1, 0, 1));
    let (_, page) = ngxc(directory.path(), &["diff", "old.conf", "new.conf", "--format", "markdown"]);
    assert!(page.starts_with("**Differences in behaviour**: 1 access\n"), "{page}");
}

#[test]
fn revisions_of_git_are_compared() {
    let directory = tempfile::tempdir().unwrap();
    let git = |args: &[&str]| {
        let done = Command::new("git").arg("-C").arg(directory.path()).args(args).output();
        done.is_ok_and(|output| output.status.success())
    };
    if !git(&["init", "-q"]) {
        return eprintln!("SKIPPED: no git");
    }
    fs::create_dir(directory.path().join("conf.d")).unwrap();
    let main = "events {}\nhttp { include conf.d/*.conf; }\n";
    fs::write(directory.path().join("nginx.conf"), main).unwrap();
    fs::write(directory.path().join("conf.d/a.conf"), "server { listen 80; location / { return 200 a; } }\n")
        .unwrap();
    assert!(git(&["add", "-A"]));
    assert!(git(&["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "one"]));
    let (status, out) = ngxc(directory.path(), &["diff", "nginx.conf", "--git", "HEAD"]);
    assert_eq!((status, out.as_str()), (0, "no difference in behaviour\n"));
    fs::write(directory.path().join("conf.d/a.conf"), "server { listen 80; location / { return 200 b; } }\n")
        .unwrap();
    let (status, out) = ngxc(directory.path(), &["diff", "nginx.conf", "--git", "HEAD"]);
    assert_eq!(status, 1, "{out}");
    assert!(out.contains("- return 200 a  ") && out.contains("+ return 200 b  "), "{out}");
}

/// Includes that lead upwards, patterns in directories, and links to directories: as on the disk.
#[test]
fn a_revision_has_the_includes_of_its_tree() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let git = |args: &[&str]| {
        let done = Command::new("git").arg("-C").arg(root).args(args).output();
        done.is_ok_and(|output| output.status.success())
    };
    if !git(&["init", "-q"]) {
        return eprintln!("SKIPPED: no git");
    }
    for name in ["prod", "sites/one", "sites/two", "shared/real"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    let write = |name: &str, text: &str| fs::write(root.join(name), text).unwrap();
    write(
        "prod/nginx.conf",
        "events {}\nhttp { include ../shared/../shared/maps.conf; include ../sites/*/www.conf; include enabled/*.conf; }\n",
    );
    write("shared/maps.conf", "map $arg_a $kind { default none; x some; }\n");
    write("sites/one/www.conf", "server { listen 80; server_name one; return 200 \"one $kind\"; }\n");
    write("sites/two/www.conf", "server { listen 80; server_name two; return 200 two; }\n");
    write("shared/real/three.conf", "server { listen 80; server_name three; return 200 three; }\n");
    std::os::unix::fs::symlink("../shared/real", root.join("prod/enabled")).unwrap();
    assert!(git(&["add", "-A"]));
    assert!(git(&["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "one"]));
    let diff = |from: &str, file: &str| ngxc(&root.join(from), &["diff", file, "--git", "HEAD"]);
    for (from, file) in [("", "prod/nginx.conf"), ("prod", "nginx.conf"), ("sites", "../prod/nginx.conf")] {
        let (status, out) = diff(from, file);
        assert_eq!((status, out.as_str()), (0, "no difference in behaviour\n"), "{from} {file}");
    }
    for (name, old, new) in [
        ("sites/two/www.conf", "200 two", "200 zwei"),
        ("shared/real/three.conf", "200 three", "200 drei"),
        ("shared/maps.conf", "x some", "x all"),
    ] {
        let text = fs::read_to_string(root.join(name)).unwrap();
        write(name, &text.replace(old, new));
        let (status, out) = diff("prod", "nginx.conf");
        assert!(status == 1 && out.ends_with("\n1 difference: 1 routing\n"), "{name}: {out}");
        write(name, &text);
    }
    // A file that is gone now is still in the revision.
    fs::remove_file(root.join("sites/two/www.conf")).unwrap();
    let (status, out) = diff("", "prod/nginx.conf");
    assert!(status == 1 && out.contains("- server") && out.contains("two"), "{out}");
}

#[test]
fn an_upgrade_says_what_changes() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("nginx.conf"), SHOP).unwrap();
    let (status, out) = ngxc(directory.path(), &["diff", "nginx.conf", "--versions", "1.28,1.31.5"]);
    assert_eq!(status, 1, "{out}");
    assert!(out.starts_with("nginx 1.28.") && out.contains("proxy_http_version: 1.0, then 1.1"), "{out}");
    let (status, out) = ngxc(directory.path(), &["diff", "nginx.conf", "--versions", "1.31.5,1.31.5"]);
    assert_eq!(status, 0, "{out}");
}
