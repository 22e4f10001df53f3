//! Bytes an element and what is counted, on the system's allocator.

fn main() {
    redlet_benches::memory::run();
}
