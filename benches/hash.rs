//! Speed of the hash, the bucket lookup and of previewing whole networks.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ngxc::eval::Program;
use ngxc::eval::hash::murmur2;
use ngxc::simulate::{Clients, Ports};
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
        ("$remote_addr", "10.0.0.0/10"),
        ("$remote_addr$remote_port", "10.0.0.0/10"),
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
    group.finish();
}

criterion_group!(hash, benches);
criterion_main!(hash);
