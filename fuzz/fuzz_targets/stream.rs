//! Any bytes as the packed entries of a stream: a stream that is one in every respect, or none.
#![no_main]
use libfuzzer_sys::fuzz_target;
use redlet_core::effect::Blob;
use redlet_core::types::stream::{BlockImage, StreamImage};
use redlet_core::types::{Stream, StreamId};

fuzz_target!(|data: (u64, u64, Vec<Vec<u8>>)| {
    let (first, step, runs) = data;
    let mut base = StreamId::new(first, 0);
    let mut blocks = Vec::new();
    for bytes in &runs {
        let last = StreamId::new(base.ms.saturating_add(step), u64::MAX);
        let bytes = Blob::from(&**bytes);
        blocks.push(BlockImage { base, last, deleted: 0, redis_bytes: 0, bytes });
        base = StreamId::new(last.ms.saturating_add(1), 0);
    }
    let image = StreamImage { blocks, last_id: StreamId::MAX, ..StreamImage::default() };
    let Some(stream) = Stream::from_image(&image) else { return };
    let ids: Vec<_> = stream.iter().map(|entry| entry.id).collect();
    assert_eq!(ids.len(), stream.len());
    assert!(ids.is_sorted_by(|one, other| one < other));
    assert!(stream.iter().all(|entry| entry.fields.len() == entry.fields.count()));
    assert!(ids.iter().all(|id| stream.get(*id).is_some_and(|entry| entry.id == *id)));
    assert_eq!(Stream::from_image(&stream.image()).as_ref(), Some(&stream));
});
