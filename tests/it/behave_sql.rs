//! `--emit-sql`: what `ClickHouse` and `DuckDB` count with the SQL is what ngxc counts on the same log. The engines are
//! modules of Python (chdb, duckdb); the variable `NGXC_SQL_PYTHON` names a Python that has them, else it is `python3`.
#![allow(
    clippy::unwrap_used,
    clippy::format_collect,
    clippy::format_push_string,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, and one that is left out says so"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use ngxc::eval::hash::murmur2;
use serde_json::Value;

const ENGINES: [&str; 2] = ["clickhouse", "duckdb"];

fn ngxc(directory: &Path, args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_ngxc"))
        .args(args)
        .current_dir(directory)
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() != Some(2), "{args:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// Rows of the last query over `logs.tsv`; `None`, aloud, if the engine is not installed.
fn rows(directory: &Path, engine: &str, sql: &str) -> Option<Vec<Vec<String>>> {
    fs::write(directory.join("query.sql"), sql).unwrap();
    let python = std::env::var("NGXC_SQL_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/common/sql.py");
    let output = Command::new(&python)
        .arg(script)
        .arg(engine)
        .arg(directory.join("logs.tsv"))
        .arg(directory.join("query.sql"))
        .output();
    let output = match output {
        Ok(output) if output.status.code() != Some(9) => output,
        _ => {
            eprintln!(
                "SKIPPED: {engine} is not in `{python}`; install chdb and duckdb, and name the Python with NGXC_SQL_PYTHON"
            );
            return None;
        }
    };
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{engine}: {error}\n{sql}");
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
}

/// Numbers in an order of chance.
fn numbers(count: usize) -> impl Iterator<Item = u64> {
    let mut state = 11_u64;
    (0..count).map(move |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 16
    })
}

const CONFIG: &str = r#"events {}
http {
    log_format full '$remote_addr $remote_port [$msec] "$request" "$upstream_addr" $upstream_response_time';
    access_log /tmp/a.log full;
    split_clients "$remote_addr$remote_port" $split { 33.3% one; 0.5% two; 20% "three's \\ \"name\""; * rest; }
    split_clients "salt$remote_addr" $some { 12.34% a; 50% b; }
    upstream app { server 10.0.0.1:80; server 10.0.0.2:80; }
    server { listen 80; location / { proxy_pass http://app; proxy_bind $split; add_header X-Some $some; } }
}
"#;

/// The log as lines of the `log_format`, and as a table.
fn log(directory: &Path, count: usize) {
    let (mut lines, mut table) =
        (String::new(), "remote_addr\tremote_port\tmsec\tupstream_addr\tupstream_response_time\n".to_owned());
    for (at, number) in numbers(count).enumerate() {
        let (client, port) =
            (format!("10.{}.{}.{}", number % 7, number / 7 % 251, number / 2000 % 13), 1024 + number % 60000);
        let time = format!("{}.{:03}", 1_700_000_000 + at / 20, number % 1000);
        let (peer, took) = match number % 11 {
            0 => ("-".to_owned(), "-".to_owned()),
            // Tried again at the other peer, and after an internal redirect.
            1 => ("10.0.0.1:80, 10.0.0.2:80".to_owned(), format!("0.{:03}, 1.250", number / 11 % 900)),
            2 => ("10.0.0.2:80, 10.0.0.1:80 : 10.0.0.2:80".to_owned(), "0.001, -, 0.750".to_owned()),
            other => (format!("10.0.0.{}:80", 1 + other % 2), format!("0.{:03}", number / 11 % 900)),
        };
        lines += &format!("{client} {port} [{time}] \"GET / HTTP/1.1\" \"{peer}\" {took}\n");
        table += &format!("{client}\t{port}\t{time}\t{peer}\t{took}\n");
    }
    fs::write(directory.join("access.log"), lines).unwrap();
    fs::write(directory.join("logs.tsv"), table).unwrap();
    fs::write(directory.join("nginx.conf"), CONFIG).unwrap();
}

#[test]
fn engines_hash_as_nginx_does() {
    let directory = tempfile::tempdir().unwrap();
    let mut keys: Vec<String> = (0..40).map(|length| "abcdefghij".repeat(4)[..length].to_owned()).collect();
    keys.extend(["ä", "日本語", "10.0.0.1é", "'quoted' \\ key"].map(str::to_owned));
    keys.extend(numbers(20_000).map(|number| format!("{:x}-{}", number, number % 1000)));
    // The first key is empty: a table of one column would have no line for it.
    let table = keys
        .iter()
        .fold("number\tkey\n".to_owned(), |all, key| all + "1\t" + &key.replace('\\', "\\\\") + "\n");
    for engine in ENGINES {
        // DuckDB reads the bytes as they are.
        let text = if engine == "duckdb" { table.replace("\\\\", "\\") } else { table.clone() };
        fs::write(directory.path().join("logs.tsv"), text).unwrap();
        fs::write(directory.path().join("nginx.conf"), CONFIG).unwrap();
        let sql =
            ngxc(directory.path(), &["split", "nginx.conf", "--variable", "some", "--emit-sql", engine]);
        let prelude = sql.split("-- ").next().unwrap();
        let hash = if engine == "duckdb" { "ngx_hash" } else { "murmurHash2_32" };
        let query =
            format!("{prelude}SELECT {hash}(coalesce(key, '')) AS hash, count(*) FROM logs GROUP BY hash");
        let Some(rows) = rows(directory.path(), engine, &query) else { continue };
        let found: BTreeMap<u32, usize> =
            rows.iter().map(|row| (row[0].parse().unwrap(), row[1].parse().unwrap())).collect();
        let mut expected: BTreeMap<u32, usize> = BTreeMap::new();
        for key in &keys {
            *expected.entry(murmur2(key.as_bytes())).or_default() += 1;
        }
        assert_eq!(found, expected, "{engine}");
        println!("{engine}: {} keys", keys.len());
    }
}

#[test]
fn engines_count_what_ngxc_counts() {
    let directory = tempfile::tempdir().unwrap();
    log(directory.path(), 20_000);
    for (variable, engine) in
        ["split", "some"].iter().flat_map(|variable| ENGINES.map(|engine| (*variable, engine)))
    {
        let sql =
            ngxc(directory.path(), &["split", "nginx.conf", "--variable", variable, "--emit-sql", engine]);
        let Some(rows) = rows(directory.path(), engine, &sql) else { continue };
        let found: BTreeMap<String, u64> =
            rows.iter().map(|row| (row[0].clone(), row[1].parse().unwrap())).collect();
        let text = ngxc(
            directory.path(),
            &["split", "nginx.conf", "--variable", variable, "--log", "access.log", "--format", "json"],
        );
        let own: Value = serde_json::from_str(&text).unwrap();
        let expected = buckets(&own);
        let unescaped = |text: &String| {
            if engine == "clickhouse" { text.replace("\\'", "'").replace("\\\\", "\\") } else { text.clone() }
        };
        let found: BTreeMap<String, u64> =
            found.iter().map(|(name, count)| (unescaped(name), *count)).collect();
        assert_eq!(found, expected, "{engine} {variable}: {text}");
    }
}

/// Requests of each value in the JSON of `ngxc split`.
fn buckets(own: &Value) -> BTreeMap<String, u64> {
    let buckets = own["splits"][0]["buckets"].as_array().unwrap().iter();
    let counted = buckets
        .map(|bucket| (bucket["value"].as_str().unwrap().to_owned(), bucket["observed"].as_u64().unwrap()));
    let without = own["splits"][0]["population"]["without_bucket"].as_u64().unwrap();
    let counted = counted.chain([(String::new(), without)]);
    counted.filter(|(_, count)| *count > 0).collect()
}

#[test]
fn engines_find_the_same_peaks() {
    let directory = tempfile::tempdir().unwrap();
    log(directory.path(), 20_000);
    // A connection takes a port from its begin to the end of TIME_WAIT; a port that is released at a time is free then.
    let table = fs::read_to_string(directory.path().join("logs.tsv")).unwrap();
    let thousandths = |text: &str| text.replace('.', "").parse::<i64>().unwrap();
    let mut events: BTreeMap<&str, Vec<(i64, i64)>> = BTreeMap::new();
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        // Attempts follow one another, and the last one ends with the request.
        let mut end = thousandths(fields[2]);
        let peers = fields[3].split(", ").flat_map(|peer| peer.split(" : "));
        let times = fields[4].split(", ").flat_map(|time| time.split(" : "));
        let attempts: Vec<(&str, &str)> = peers.zip(times).filter(|(peer, _)| *peer != "-").collect();
        for (peer, time) in attempts.into_iter().rev() {
            let took = if time == "-" { 0 } else { thousandths(time) };
            events.entry(peer).or_default().extend([(end - took, 1), (end + 61_000, -1)]);
            end -= took;
        }
    }
    let peaks: BTreeMap<String, i64> = events
        .into_iter()
        .map(|(destination, mut events)| {
            events.sort_unstable();
            let mut now = 0;
            let peak = events.iter().map(|(_, change)| {
                now += change;
                now
            });
            (destination.to_owned(), peak.max().unwrap())
        })
        .collect();
    for engine in ENGINES {
        let sql = ngxc(directory.path(), &["ports", "nginx.conf", "--emit-sql", engine]);
        assert!(sql.contains("TIME_WAIT lasts 61 s."), "{sql}");
        let Some(rows) = rows(directory.path(), engine, &sql) else { continue };
        let found: BTreeMap<String, i64> =
            rows.iter().map(|row| (row[0].clone(), row[1].parse::<f64>().unwrap() as i64)).collect();
        assert_eq!(found, peaks, "{engine}");
    }
}
