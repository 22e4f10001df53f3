//! Bytes an element and what is counted, on mimalloc.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    redlet_benches::memory::run();
}
