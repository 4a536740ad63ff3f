//! Check and lint of a generated configuration of 2,000 servers: compile alone, all rules alone, and the whole way
//! from text to findings.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ngxc::catalog::NEWEST;
use ngxc::compile::{Options, compile};
use ngxc::lint::{BEFORE_DEFAULT_KEEPALIVE, RULES, lint};
use ngxc::source::Memory;
use ngxc::syntax::{LoadOptions, load};

#[path = "generate.rs"]
mod generate;

fn check(criterion: &mut Criterion) {
    let text = generate::generate(2_000);
    let files = Memory::default().with("nginx.conf", text.as_bytes());
    let read = || load(&files, "nginx.conf".as_ref(), &LoadOptions::default()).expect("it is in memory");
    let options = Options::new(NEWEST);
    let configuration = read();
    let before = compile(&configuration, &Options::new(BEFORE_DEFAULT_KEEPALIVE));

    let mut group = criterion.benchmark_group("2000 servers");
    group.throughput(Throughput::Bytes(text.len() as u64)).sample_size(20);
    group.bench_function("compile", |b| b.iter(|| black_box(compile(&configuration, &options))));
    group.bench_function("lint", |b| b.iter(|| black_box(lint(&configuration, &before.config, RULES))));
    group.bench_function("check", |b| b.iter(|| black_box(compile(&read(), &options))));
    group.finish();
}

criterion_group!(benches, check);
criterion_main!(benches);
