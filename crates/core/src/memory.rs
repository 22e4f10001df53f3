//! What memory takes: the bytes that an allocator spends on a block.

/// What an allocator takes for a block of `size` bytes: eight of its own, in steps of sixteen, at least 32, as glibc does on
/// 64-bit systems. jemalloc and mimalloc have classes instead; for the sizes here they differ from it by a few percent, up
/// and down.
pub const fn block_bytes(size: usize) -> usize {
    const OWN: usize = 8;
    const STEP: usize = 16;
    const LEAST: usize = 32;
    if size == 0 {
        return 0;
    }
    let rounded = (size + OWN).next_multiple_of(STEP);
    if rounded < LEAST { LEAST } else { rounded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_take_what_glibc_takes_for_them() {
        // The differences of addresses of neighbours from glibc 2.36's malloc.
        for (size, taken) in
            [(0, 0), (1, 32), (24, 32), (25, 48), (40, 48), (41, 64), (100, 112), (4096, 4112)]
        {
            assert_eq!(block_bytes(size), taken, "{size}");
        }
    }
}
