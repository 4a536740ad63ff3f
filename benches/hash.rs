//! Speed of the hash, the bucket lookup and of previewing whole networks.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ngxc::eval::Program;
use ngxc::eval::hash::murmur2;
use ngxc::model::log::{Escape, LogFormat};
use ngxc::simulate::{Clients, Ports, run_log};
use ngxc::version::Version;

#[allow(unreachable_pub, clippy::unwrap_used, clippy::unused_self, reason = "shared with tests")]
#[path = "../tests/common/config.rs"]
mod config;

fn program(key: &str) -> Program {
    let buckets: Vec<(u32, String)> =
        (0..10).map(|i| (if i < 9 { 1000 } else { 0 }, format!("10.0.0.{}", 210 + i))).collect();
    let mut builder = config::Builder::new(Version::new(1, 31, 5));
    builder.split(key, "split_ip", &buckets);
    Program::new(builder.build()).expect("no regular expressions")
}

fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("split");
    group.throughput(Throughput::Elements(1));
    let key = b"203.0.113.740001";
    group.bench_function("hash of 16 bytes", |b| b.iter(|| murmur2(black_box(key))));
    let program_ = program("$remote_addr");
    let table = program_.split(0);
    let mut hash = 0_u32;
    group.bench_function("bucket of ten", |b| {
        b.iter(|| {
            hash = hash.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            table.find(black_box(hash))
        });
    });
    for (key, network) in [
        ("$remote_addr", "10.0.0.0/8"),
        ("$remote_addr$remote_port", "10.0.0.0/8"),
        ("client $remote_addr", "10.0.0.0/8"),
        ("$binary_remote_addr", "10.0.0.0/10"),
        ("$remote_addr", "2001:db8::/106"),
    ] {
        let program = program(key);
        let clients = vec![network.parse().expect("a network")];
        let clients = Clients::new(clients, Ports::default(), None).expect("few enough");
        group.throughput(Throughput::Elements(clients.taken()));
        group.sample_size(10);
        group.bench_function(format!("{key} of {network}"), |b| b.iter(|| clients.run(&program, 0)));
    }
    logs(&mut group);
    group.finish();
}

/// Lines of an access log with a thousand clients, in memory.
fn logs(group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>) {
    let mut builder = config::Builder::new(Version::new(1, 31, 5));
    builder.split("$remote_addr", "split_ip", &[(1000, "a".to_owned()), (0, "b".to_owned())]);
    let text = "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \"$http_referer\" \"$http_user_agent\"";
    let value = builder.value(text);
    let combined = LogFormat { name: "combined".to_owned(), escape: Escape::Default, value, span: None };
    let program = Program::new(builder.build()).expect("no regular expressions");
    let mut log = Vec::new();
    let mut i = 0_u32;
    while log.len() < 256 << 20 {
        i += 1;
        let (a, b) = (i % 250, i / 250 % 4);
        log.extend(format!("203.0.{b}.{a} - - [22/Nov/2026:17:46:02 +0000] \"GET /articles/{i}?page=2 HTTP/1.1\" 200 6123 \"https://www.example.com/\" \"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\"\n").bytes());
    }
    group.throughput(Throughput::Bytes(log.len() as u64));
    group.bench_function("log in the format combined", |b| {
        b.iter(|| run_log(&program, 0, &combined, Ports::default(), &log[..]));
    });
}

criterion_group!(hash, benches);
criterion_main!(hash);
