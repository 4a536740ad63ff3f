//! `split_clients` previewed and compared with a real nginx; choice of locations likewise.
#![allow(
    clippy::format_push_string,
    clippy::format_collect,
    clippy::items_after_statements,
    clippy::too_many_lines,
    clippy::type_complexity,
    clippy::unwrap_used,
    reason = "tests"
)]

use ngxc::cli::split::{SplitArgs, SplitFormat, Style, run};
use ngxc::eval::hash::murmur2;
use ngxc::eval::select::ServerId;
use ngxc::eval::split_clients::Table;
use ngxc::eval::{Program, Router};
use ngxc::model::log::{Escape, LogFormat};
use ngxc::simulate::report::Distinct;
use ngxc::simulate::{Clients, Error, Ports, run_keys, run_log};
use ngxc::version::Version;

use crate::common::Builder;
use crate::common::nginx::Nginx;

const NEW: Version = Version::new(1, 31, 5);
const OLD: Version = Version::new(1, 31, 1);

/// The ten buckets of the article.
fn article(last: u32) -> Vec<(u32, String)> {
    (0..10).map(|i| (if i < 9 { 1000 } else { last }, format!("10.0.0.{}", 210 + i))).collect()
}

fn program(key: &str, buckets: &[(u32, String)], version: Version) -> Program {
    let mut builder = Builder::new(version);
    builder.split(key, "split_ip", buckets);
    with_combined(builder)
}

/// With the log format that every configuration has.
fn with_combined(mut builder: Builder) -> Program {
    let text = "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \"$http_referer\" \"$http_user_agent\"";
    let value = builder.value(text);
    let combined = LogFormat { name: "combined".to_owned(), escape: Escape::Default, value, span: None };
    builder.config.http.log_formats = vec![combined];
    Program::new(builder.build()).unwrap()
}

fn combined(program: &Program) -> LogFormat {
    program.config().http.log_formats[0].clone()
}

fn table(buckets: &[(u32, String)], version: Version) -> Table {
    program("$arg_k", buckets, version).split(0).clone()
}

/// Keys made for hashes at the borders of buckets.
const AT_BORDERS: [&str; 16] = [
    "aafzVfou", "aabfCXE0", "aahlY3MS", "aae9T3Ss", "aau7Z5rC", "aaa7Runw", "aaaeb1PC", "aahi5B0k",
    "aaueizX5", "aak6iB4W", "aaqttImM", "aafi3oV2", "aafch0wO", "aae3m7fs", "aaetL4jk", "aaooZfyK",
];

/// Its hash is 4294967290 or above: ten times 10 % leave it without a bucket before 1.31.2.
const AT_THE_TOP: &str = "kipnmb21";

#[test]
fn real_nginx_takes_the_same_buckets() {
    let cases: [(&str, Vec<(u32, String)>); 5] = [
        ("star", article(0)),
        ("hundred", article(1000)),
        ("half", vec![(5000, "a".into())]),
        ("odd", vec![(1, "a".into()), (3333, "b".into()), (1250, "c".into()), (0, "d".into())]),
        ("whole", vec![(10_000, "a".into()), (0, "never".into())]),
    ];
    let mut http = String::new();
    for (name, buckets) in &cases {
        http += &format!("split_clients $arg_k ${name} {{\n");
        for (percent, value) in buckets {
            http += &match percent {
                0 => format!("* {value};\n"),
                p => format!("{}.{:02}% {value};\n", p / 100, p % 100),
            };
        }
        http += "}\n";
    }
    http += "server { listen PORT; location / { return 200 \"$star|$hundred|$half|$odd|$whole\"; } }";
    let Some(nginx) = Nginx::start(&http) else { return };
    let mut keys: Vec<String> =
        (0..300_u32).map(|i| format!("203.0.113.{}{}", i % 256, 32768 + i * 97)).collect();
    keys.extend(["", AT_THE_TOP].iter().chain(&AT_BORDERS).map(|k| (*k).to_owned()));
    let uris: Vec<String> = keys.iter().map(|k| format!("/?k={k}")).collect();
    let tables: Vec<Table> = cases.iter().map(|(_, buckets)| table(buckets, nginx.version)).collect();
    let mut seen = std::collections::HashSet::new();
    for (key, (status, body)) in keys.iter().zip(nginx.get(&uris, "x")) {
        let hash = murmur2(key.as_bytes());
        let value = |(table, (_, buckets)): (&Table, &(&str, Vec<(u32, String)>))| {
            table.find(hash).map_or(String::new(), |i| buckets[i].1.clone())
        };
        let expected: Vec<String> = tables.iter().zip(&cases).map(value).collect();
        assert_eq!(
            (status, String::from_utf8(body).unwrap()),
            (200, expected.join("|")),
            "{key} {}",
            nginx.version
        );
        seen.insert(expected);
    }
    assert!(seen.len() >= 12, "only {} different answers", seen.len());
    let top = table(&article(1000), nginx.version).find(murmur2(AT_THE_TOP.as_bytes()));
    assert_eq!(top, (nginx.version >= Version::new(1, 31, 2)).then_some(9));
    println!("compared {} keys with nginx {}", keys.len(), nginx.version);
}

#[test]
fn real_nginx_takes_the_same_locations() {
    /// Written for nginx, and for the builder: modifier and URI, then what is inside.
    struct Place(&'static str, &'static [Place]);
    const PLACES: &[Place] = &[
        Place("/", &[]),
        Place("= /", &[]),
        Place("/a", &[Place("/ab", &[Place("~ \\.deep$", &[])]), Place("~ \\.inner$", &[])]),
        Place("^~ /static/", &[Place("~ \\.png$", &[])]),
        Place("~ \\.(png|gif)$", &[Place("~ ^/a/", &[])]),
        Place("~* \\.JPG$", &[]),
        Place("= /exact", &[]),
        Place("/exactly", &[]),
        Place("/dir/ pass", &[]),
        Place("/dir-x", &[]),
        Place("/user", &[Place("/user/ pass", &[])]),
        Place("/both/ pass", &[]),
        Place("= /both", &[]),
        Place("~ ^/both", &[]),
    ];
    /// Answers with the number of the location, outer before inner.
    fn nginx_text(places: &[Place], number: &mut u32, out: &mut String) {
        for Place(written, inner) in places {
            let plain = written.trim_end_matches(" pass");
            out.push_str(&format!("location {plain} {{\n"));
            match written.strip_suffix(" pass") {
                Some(_) => out.push_str("proxy_pass http://127.0.0.1:1;\n"),
                None => out.push_str(&format!("return 200 {number};\n")),
            }
            *number += 1;
            nginx_text(inner, number, out);
            out.push_str("}\n");
        }
    }
    fn built(builder: &Builder, places: &[Place]) -> Vec<ngxc::model::Location> {
        places.iter().map(|Place(written, inner)| builder.location(written, built(builder, inner))).collect()
    }
    fn names(places: &[Place], path: &mut Vec<&'static str>) {
        for Place(written, inner) in places {
            path.push(written);
            names(inner, path);
        }
    }
    let mut locations = String::new();
    nginx_text(PLACES, &mut 0, &mut locations);
    let Some(nginx) = Nginx::start(&format!("server {{ listen PORT; {locations} }}")) else { return };
    let mut builder = Builder::new(nginx.version);
    let built = built(&builder, PLACES);
    builder.server(&["127.0.0.1:80"], &[""], built);
    let router = Router::new(builder.build()).unwrap();
    let mut by_id = Vec::new();
    names(PLACES, &mut by_id);
    let uris: Vec<String> = [
        "/",
        "/x",
        "/a",
        "/abc",
        "/abc.deep",
        "/abc.inner",
        "/abc.png",
        "/a/b.gif",
        "/ab/b.gif",
        "/static/x.png",
        "/static/x.gif",
        "/static",
        "/x.jpg",
        "/x.png",
        "/exact",
        "/exact2",
        "/exactly",
        "/exactly2",
        "/exac",
        "/dir",
        "/dir-",
        "/dir-xy",
        "/dir/",
        "/dir/x",
        "/di",
        "/user",
        "/user/",
        "/users",
        "/user/x.png",
        "/both",
        "/both/",
        "/both/x",
        "/bot",
    ]
    .map(str::to_owned)
    .to_vec();
    for (uri, (status, body)) in uris.iter().zip(nginx.get(&uris, "x")) {
        let choice = router.location(ServerId(0), uri.as_bytes()).unwrap();
        let id = choice.location.unwrap();
        let name = by_id[id.0 as usize];
        let expected = match (choice.redirect, name.ends_with(" pass")) {
            (true, _) => (301, None),
            (false, true) => (502, None),
            (false, false) => (200, Some(id.0.to_string())),
        };
        let got = (status, (status == 200).then(|| String::from_utf8(body).unwrap()));
        assert_eq!(got, expected, "{uri}");
    }
    println!("compared {} URIs with nginx {}", uris.len(), nginx.version);
}

#[test]
fn all_clients_of_a_network() {
    let program = program("$remote_addr$remote_port", &article(0), NEW);
    let clients = |networks: &[&str], ports, sample| {
        let networks = networks.iter().map(|n| n.parse().unwrap()).collect();
        Clients::new(networks, ports, sample)
    };
    let ten = Ports { per_client: 10, ..Ports::default() };
    let cases: &[(&[&str], Ports, Option<u64>, u64)] = &[
        (&["203.0.113.0/24"], Ports::default(), None, 256),
        (&["203.0.113.0/24"], ten, None, 2560),
        (&["203.0.113.7/32", "10.0.0.0/30"], Ports::default(), None, 5),
        (&["10.0.0.0/8"], Ports::default(), Some(1000), 1000),
        (&["2001:db8::/120"], Ports::default(), None, 256),
        (&["::/0"], Ports::default(), Some(77), 77),
        (&["0.0.0.0/0", "10.0.0.0/8"], Ports::default(), Some(500), 500),
    ];
    for (networks, ports, sample, keys) in cases {
        let report = clients(networks, *ports, *sample).unwrap().run(&program, 0).unwrap();
        assert_eq!(report.total(), *keys, "{networks:?}");
        assert_eq!(report.distinct(), Distinct::Exactly(*keys), "{networks:?}");
        assert_eq!(report.assumed_ports, Some(*ports));
    }
    // The same keys written out give the same buckets.
    let by_address = self::program("$remote_addr", &article(0), NEW);
    let report = clients(&["203.0.113.0/24"], Ports::default(), None).unwrap().run(&by_address, 0).unwrap();
    let list: String = (0..256).map(|i| format!("203.0.113.{i}\n")).collect();
    assert_eq!(report.observed, run_keys(&by_address, 0, list.as_bytes()).unwrap().observed);
    assert_eq!(report.assumed_ports, None);

    let all_ports = Ports { first: 1, last: 100, per_client: 100 };
    let report = clients(&["10.0.0.1/32"], all_ports, None).unwrap().run(&program, 0).unwrap();
    assert_eq!(report.distinct(), Distinct::Exactly(100));
    for (networks, ports, sample) in [
        (["2001:db8::/64"], Ports::default(), None),
        (["0.0.0.0/0"], ten, None),
        (["0.0.0.0/0"], Ports::default(), Some(u64::MAX)),
    ]
    .map(|(n, p, s)| (n, p, s))
    {
        let result = clients(&networks, ports, sample);
        if sample.is_some() {
            assert_eq!(result.unwrap().taken(), 1 << 32);
        } else {
            let error = result.unwrap_err();
            assert!(matches!(error, Error::TooMany { .. }), "{error}");
            assert!(error.help().unwrap().contains("--sample"));
        }
    }
    let error = clients(&["10.0.0.0/24"], Ports { first: 5, last: 4, per_client: 1 }, None).unwrap_err();
    assert!(matches!(error, Error::Ports(_)), "{error}");
}

#[test]
fn lists_and_logs() {
    let program = program("$remote_addr$remote_port", &article(1000), OLD);
    let keys = format!("a\r\nb\n\n{AT_THE_TOP}\na\n{}\nlast", "x".repeat(100_000));
    let report = run_keys(&program, 0, keys.as_bytes()).unwrap();
    assert_eq!((report.total(), report.none, report.malformed), (6, 1, 1));
    assert_eq!(report.distinct(), Distinct::Exactly(5));
    assert_eq!(report.malformed_first[0].0, 6);

    let log = "203.0.113.7 - - [t] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\"\nnonsense\n\
               203.0.113.8 - - [t] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\"\n";
    let report = run_log(&program, 0, &combined(&program), Ports::default(), log.as_bytes()).unwrap();
    assert_eq!((report.total(), report.malformed), (2, 1));
    assert_eq!(report.malformed_first, [(2, "expected ` - ` after byte 0".to_owned())]);
    assert!(report.assumed_ports.is_some());
}

#[test]
fn what_a_population_cannot_know_is_an_error() {
    let cases = [
        ("$http_cookie", false, "`$http_cookie`"),
        ("$http_user_agent", false, "`$http_user_agent`"),
        ("$http_cookie", true, "`$http_cookie`"),
        ("$remote_addr$request_id", true, "`$request_id`"),
    ];
    for (key, from_log, name) in cases {
        let program = program(key, &article(0), NEW);
        let error = if from_log {
            run_log(&program, 0, &combined(&program), Ports::default(), &b""[..]).unwrap_err()
        } else {
            let networks = vec!["10.0.0.0/30".parse().unwrap()];
            Clients::new(networks, Ports::default(), None).unwrap().run(&program, 0).unwrap_err()
        };
        assert!(error.to_string().contains(name), "{error}");
        assert!(error.help().unwrap().contains("--keys"));
    }
    // Through a map too.
    let mut builder = Builder::new(NEW);
    builder.map("$remote_addr", "m", false, &[("~^(\\d+)\\.", "$1"), ("default", "$cookie_id")]);
    builder.split("$m", "s", &article(0));
    let program = with_combined(builder);
    let error = run_log(&program, 0, &combined(&program), Ports::default(), &b""[..]).unwrap_err();
    assert!(error.to_string().contains("`$cookie_id`"), "{error}");
}

#[test]
fn what_a_person_sees() {
    let mut builder = Builder::new(NEW);
    builder.split("$remote_addr$remote_port", "split_ip", &article(0));
    let sources = std::mem::take(&mut builder.sources);
    let config = builder.build();
    let mut args = SplitArgs {
        clients: vec!["203.0.113.0/24".parse().unwrap()],
        ports: 4,
        port_range: (32768, 60999),
        hash: vec![150_000_000, 1_500_000_000],
        ..SplitArgs::default()
    };
    let show = |args: &SplitArgs, style| {
        let mut out = Vec::new();
        run(args, &config, None, &sources, style, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let plain = show(&args, Style::default());
    println!("{plain}");
    for line in [
        "$split_ip  split_clients \"$remote_addr$remote_port\"  nginx.conf:3, nginx 1.31.5",
        "     10%           0   429496728   10.000%",
        "1024 keys, 1024 different, 0 without a bucket",
        "Assumed: 4 ports per client, from 32768-60999.",
        "hash 150000000, bucket 1, value 10.0.0.210",
        "hash 1500000000, bucket 4, value 10.0.0.213",
    ] {
        assert!(plain.lines().any(|l| l.starts_with(line)), "{line}");
    }
    assert!(!plain.contains('\x1b') && plain.is_ascii());
    let fancy = show(&args, Style { color: true, unicode: true, width: 80 });
    assert!(fancy.contains('\x1b') && fancy.contains('\u{2588}'));
    args.format = SplitFormat::Json;
    let json: serde_json::Value = serde_json::from_str(&show(&args, Style::default())).unwrap();
    let split = &json["splits"][0];
    assert_eq!(split["variable"], "$split_ip");
    assert_eq!(split["buckets"].as_array().unwrap().len(), 10);
    assert_eq!(split["buckets"][9]["hashes"], 429_496_735_u32);
    assert_eq!(split["lookups"][1]["bucket"], 3);
    assert_eq!(split["population"]["keys"], 1024);
    args.variable = Some("$other".to_owned());
    let error = run(&args, &config, None, &sources, Style::default(), &mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "no `split_clients` defines `$other`, expected `$split_ip`");
}

#[test]
fn real_nginx_takes_the_same_servers() {
    let servers: [&[&str]; 10] = [
        &["first.example"],
        &["example.com"],
        &["*.example.com", "*.com"],
        &["www.*"],
        &["~^(?<sub>[a-z]+)\\.re\\.net$"],
        &["~^A.*$"],
        &[".example.org", "example.com"],
        &["", "*.a.example.org"],
        &["~^.*\\.re\\.net$", "www.example.*"],
        &["x.example.org", ".first.example", "[::1]"],
    ];
    let mut http = String::new();
    let mut builder = Builder::new(NEW);
    for (i, names) in servers.iter().enumerate() {
        let written: Vec<String> = names.iter().map(|n| format!("\"{n}\"")).collect();
        http += &format!("server {{ listen PORT; server_name {}; return 200 {i}; }}\n", written.join(" "));
        builder.server(&["127.0.0.1:80"], names, vec![]);
    }
    let Some(nginx) = Nginx::start(&http) else { return };
    let router = Router::new(builder.build()).unwrap();
    let address = router.address(0, || None);
    let hosts = [
        "first.example",
        "FIRST.example.:80",
        "x.first.example",
        "example.com",
        "a.b.example.com",
        "www.example.com",
        "other.com",
        "com",
        "www.elsewhere",
        "www.example.net",
        "www",
        "www.",
        "x.re.net",
        "1.re.net",
        "abc",
        "example.org",
        "a.example.org",
        "b.a.example.org",
        "x.example.org",
        ".example.org",
        ".com",
        "unknown",
        "[::1]:80",
        "a..b",
        "x:70000",
        "x/y",
        "[::1",
        "x:",
        "",
    ];
    for host in hosts {
        // Before 1.29.4 nginx refused fewer of them.
        if nginx.version < Version::new(1, 29, 4) && ["x:70000", "[::1"].contains(&host) {
            continue;
        }
        let mut name = Vec::new();
        let expected = match ngxc::eval::select::host::normalize(host.as_bytes(), &mut name) {
            // An empty Host header is one that nginx refuses too.
            Err(_) => (400, None),
            Ok(_) => (200, Some(router.server(address, &name).unwrap().0.0.to_string())),
        };
        let (status, body) = nginx.get(&["/".to_owned()], host).remove(0);
        let got = (status, (status == 200).then(|| String::from_utf8(body).unwrap()));
        assert_eq!(got, expected, "{host:?} with nginx {}", nginx.version);
    }
    println!("compared {} hosts with nginx {}", hosts.len(), nginx.version);
}
