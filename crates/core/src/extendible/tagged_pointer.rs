//! A pointer with sixteen bits beside it, in the place of one pointer where addresses leave room for them.
use std::ptr::NonNull;

/// Where the highest 16 of 64 address bits are 0: on every system but Android, which marks pointers in them.
#[cfg(all(target_pointer_width = "64", not(target_os = "android")))]
#[expect(unsafe_code, reason = "eight bytes a key in the table instead of sixteen")]
mod packed {
    use super::NonNull;

    /// Processes get addresses of 47 bits on today's systems unless they ask for more, which allocators do not.
    const ADDRESS_BITS: u32 = 48;
    const ADDRESS_MASK: usize = (1 << ADDRESS_BITS) - 1;

    /// The tag is in the bits above the address.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct TaggedPointer(NonNull<u8>);

    impl TaggedPointer {
        /// Ends the process if the address has more bits than there is room for: the memory behind it could not be found
        /// again.
        #[inline]
        pub(crate) fn new(address: NonNull<u8>, tag: u16) -> Self {
            if address.addr().get() > ADDRESS_MASK {
                std::process::abort();
            }
            let tagged = |address: usize| address | usize::from(tag) << ADDRESS_BITS;
            // SAFETY: the address is not 0, and bits are only set.
            Self(unsafe { NonNull::new_unchecked(address.as_ptr().map_addr(tagged)) })
        }

        #[inline]
        pub(crate) fn address(self) -> NonNull<u8> {
            // SAFETY: what `new` was given, which is not 0.
            unsafe { NonNull::new_unchecked(self.0.as_ptr().map_addr(|address| address & ADDRESS_MASK)) }
        }

        /// The tag in the upper half, bits of the address in the lower.
        #[inline]
        pub(crate) fn tag_word(self) -> u32 {
            (self.0.addr().get() >> (ADDRESS_BITS - u16::BITS)) as u32
        }
    }
}

/// The same in two fields, for other systems, and to compare with.
#[cfg(any(test, not(target_pointer_width = "64"), target_os = "android"))]
mod plain {
    use super::NonNull;

    /// A pointer and its tag.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct TaggedPointer {
        address: NonNull<u8>,
        tag: u16,
    }

    impl TaggedPointer {
        pub(crate) fn new(address: NonNull<u8>, tag: u16) -> Self {
            Self { address, tag }
        }

        pub(crate) fn address(self) -> NonNull<u8> {
            self.address
        }

        pub(crate) fn tag_word(self) -> u32 {
            u32::from(self.tag) << 16
        }
    }
}

/// Asks for the cache line of the byte that is `offset` behind an address, of which nothing is read.
#[inline]
#[cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "the standard library has no prefetch"))]
pub(crate) fn prefetch(address: NonNull<u8>, offset: usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing, wherever it points.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.as_ptr().wrapping_add(offset).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (address, offset);
}

#[cfg(all(target_pointer_width = "64", not(target_os = "android")))]
pub(crate) use packed::TaggedPointer;
#[cfg(not(all(target_pointer_width = "64", not(target_os = "android"))))]
pub(crate) use plain::TaggedPointer;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_says_what_two_fields_say() {
        let mut value = 7_u8;
        let address = NonNull::from(&mut value);
        for tag in [0, 1, 0x7fff, 0x8000, u16::MAX] {
            let (one, two) = (TaggedPointer::new(address, tag), plain::TaggedPointer::new(address, tag));
            assert_eq!(one.address(), two.address());
            assert_eq!(one.tag_word() >> 16, two.tag_word() >> 16);
        }
    }
}
