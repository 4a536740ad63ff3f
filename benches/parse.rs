//! Speed of the parser, errors included.

mod generate;

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ngxc::source::SourceMap;
use ngxc::syntax::{self, Directive};

fn parse(c: &mut Criterion) {
    let text: Arc<[u8]> = generate::generate(2000).into_bytes().into();
    let file = SourceMap::default().add("nginx.conf", text.clone());
    let mut group = c.benchmark_group("parse");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("2000 servers", |b| {
        b.iter(|| {
            let (tree, errors) = syntax::parse(file, black_box(text.clone()));
            assert!(errors.is_empty());
            tree
        });
    });
    let (tree, _) = syntax::parse(file, text);
    group.bench_function("walk all values", |b| {
        b.iter(|| tree.directives().flat_map(Directive::words).map(|w| w.value().len()).sum::<usize>());
    });
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
