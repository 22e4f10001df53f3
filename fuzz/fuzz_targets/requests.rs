//! Any bytes as requests: the same requests and the same error, wherever the bytes were cut.
#![no_main]
use libfuzzer_sys::fuzz_target;
use redlet_server::protocol::{Parsed, Parser, ProtocolError, RequestLimits};

type Found = (Vec<Vec<Vec<u8>>>, Option<ProtocolError>);

fn requests(input: &[u8], piece: usize, limits: RequestLimits) -> Found {
    let (mut parser, mut found) = (Parser::default(), Vec::new());
    let (mut begin, mut end) = (0, 0);
    loop {
        match parser.parse(&input[begin..end], limits) {
            Err(error) => return (found, Some(error)),
            Ok(Parsed::Request(length)) => {
                let words = parser.words(&input[begin..end]);
                assert!(words.iter().all(|word| word.len() <= length), "a word is part of its request");
                found.push(words.iter().map(|word| word.to_vec()).collect());
                begin += length;
            }
            Ok(Parsed::Nothing(length)) => begin += length,
            Ok(Parsed::Part(least)) => {
                assert!(least > end - begin, "more is needed than is there");
                assert!(parser.memory() <= 64 * input.len() + 4096, "memory for what nobody sent");
                if end == input.len() {
                    return (found, None);
                }
                end = (end + piece).min(input.len());
            }
        }
    }
}

fuzz_target!(|input: (&[u8], u8, bool)| {
    let (bytes, piece, is_stranger) = input;
    let limits = RequestLimits { word_bytes: 512 << 20, is_stranger };
    let whole = requests(bytes, bytes.len().max(1), limits);
    assert_eq!(whole, requests(bytes, usize::from(piece).max(1), limits));
});
