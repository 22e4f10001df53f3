//! Single operations on one thread, redlet beside `DashMap`.
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use redlet::{Commands, Redis};
use redlet_benches::engines::{Dash, Engine};
use redlet_benches::{Order, VALUE, key};

const KEYS: usize = 100_000;

fn strings(criterion: &mut Criterion) {
    let engines: [Box<dyn Engine>; 2] = [Box::new(Redis::memory()), Box::new(Dash::default())];
    for (what, bound) in [("GET hot", 1000), ("GET uniform", KEYS), ("SET uniform", KEYS)] {
        let mut group = criterion.benchmark_group(what);
        for engine in &engines {
            (0..KEYS).for_each(|number| engine.set(&key(number), &VALUE));
            let mut order = Order::new(1);
            group.bench_function(engine.name(), |bencher| {
                bencher.iter(|| {
                    let key = key(order.below(bound));
                    if what.starts_with("SET") {
                        engine.set(&key, &VALUE);
                    } else {
                        black_box(engine.get(&key));
                    }
                });
            });
        }
        group.finish();
    }
}

fn collections(criterion: &mut Criterion) {
    let redis = Redis::memory();
    let mut order = Order::new(1);
    let mut group = criterion.benchmark_group("redlet");
    group.bench_function("INCR", |bencher| bencher.iter(|| redis.incr("counter").unwrap()));
    group.bench_function("HSET", |bencher| {
        bencher.iter(|| redis.hset("hash", order.below(1000), "value").unwrap());
    });
    group.bench_function("ZADD", |bencher| {
        bencher.iter(|| redis.zadd("zset", [(order.below(1000), order.below(1000) as f64)]).unwrap());
    });
    group.bench_function("LPUSH, RPOP", |bencher| {
        bencher.iter(|| (redis.lpush("list", ["element"]).unwrap(), redis.rpop("list").unwrap()));
    });
    group.finish();
}

criterion_group!(benches, strings, collections);
criterion_main!(benches);
