//! Bytes an element and what is counted, on jemalloc.

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    redlet_benches::memory::run();
}
