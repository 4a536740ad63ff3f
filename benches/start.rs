//! Start of `ngxc run`, from source and from a compiled file: a generated configuration of 2,000
//! servers, and one of three.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ngxc::catalog::NEWEST;
use ngxc::compile::{Options, compile};
use ngxc::site;
use ngxc::source::Memory;
use ngxc::syntax::{LoadOptions, load};

#[path = "generate.rs"]
mod generate;

fn start(criterion: &mut Criterion) {
    let large = generate::generate(2_000);
    let small = include_str!("../examples/shop.conf");
    for (name, text) in [("2000 servers", large.as_str()), ("3 servers", small)] {
        let files = Memory::default().with("nginx.conf", text.as_bytes());
        let read = || load(&files, "nginx.conf".as_ref(), &LoadOptions::default()).expect("it is in memory");
        let options = Options::new(NEWEST);
        let configuration = read();
        let compiled = compile(&configuration, &options);
        let file = site::store(&compiled.config, &configuration.sources).expect("a model can be stored");

        let mut group = criterion.benchmark_group(name);
        group.sample_size(20);
        group.bench_function("from source", |b| b.iter(|| black_box(compile(&read(), &options))));
        group.bench_function("from the compiled file", |b| b.iter(|| black_box(site::load(&file))));
        group.finish();
    }
}

criterion_group!(benches, start);
criterion_main!(benches);
