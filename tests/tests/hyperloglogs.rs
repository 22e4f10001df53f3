//! HyperLogLogs of many elements: the same bytes and the same estimates as a real server's, sparse and dense, merged and counted.
//!
//! `REDLET_SEED` sets which elements.
use redlet_tests::generate::Draw;
use redlet_tests::oracle::Oracle;
use redlet_tests::subject::Subject;
use redlet_tests::{setting, words};

const KEYS: [&str; 4] = ["a", "b", "c", "d"];

/// Elements in runs of very different lengths, and now and then a look at what has come of them.
fn commands(draw: &mut Draw) -> Vec<Vec<Vec<u8>>> {
    let line = |line: &str| line.split(' ').map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>();
    let mut commands = vec![line("FLUSHALL")];
    for _ in 0..300 {
        let key = draw.one_of(&KEYS);
        match draw.below(10) {
            0 => commands.push(line(&format!("PFMERGE {key} {}", draw.one_of(&KEYS)))),
            1 => commands.push(line(&format!("PFCOUNT {key} {} {}", draw.one_of(&KEYS), draw.one_of(&KEYS)))),
            2 => commands.push(line(&format!("PFDEBUG ENCODING {key}"))),
            _ => {
                let count = 1 << draw.below(10);
                let elements =
                    (0..count).map(|_| draw.below(1 << 40).to_le_bytes()[..draw.below(9)].to_vec());
                let words = [b"PFADD".to_vec(), key.as_bytes().to_vec()].into_iter().chain(elements);
                commands.push(words.collect());
            }
        }
        commands.push(line(&format!("GET {key}")));
        commands.push(line(&format!("PFCOUNT {key}")));
        commands.push(line(&format!("GET {key}")));
    }
    commands
}

#[test]
fn hyperloglogs_of_many_elements_are_the_servers_byte_for_byte() {
    let Some(mut oracle) = Oracle::find() else { return };
    let seed = setting("REDLET_SEED", 1);
    let mut draw = Draw::new(seed);
    for _ in 0..10 {
        let (commands, mut subject) = (commands(&mut draw), Subject::default());
        let expected = oracle.answers(&commands).expect("the server answers");
        for (command, expected) in commands.iter().zip(expected) {
            let got = subject.execute(command);
            assert_eq!(got, expected, "REDLET_SEED={seed}: {:.200}", words::line(command));
        }
    }
}
