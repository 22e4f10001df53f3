//! redlet and a real server answer the same, side by side. Skipped, with a line that says so, where no server is.
use redlet_tests::differences::Deliberate;
use redlet_tests::lasting::lasting;
use redlet_tests::oracle::Oracle;
use redlet_tests::{GROUPS, cases, package_path, read_file, recording};

#[test]
fn every_case_is_answered_as_the_server_answers_it() {
    let Some(mut oracle) = Oracle::find() else { return };
    let deliberate = Deliberate::from_document();
    let mut failures = String::new();
    for group in GROUPS {
        let source = read_file(&package_path(&format!("cases/{group}.txt")));
        let sections = cases::parse(&source).unwrap_or_else(|fault| panic!("cases/{group}.txt: {fault}"));
        let mut found = Vec::new();
        for section in sections {
            let commands: Vec<_> = section.cases.iter().map(|case| case.words.clone()).collect();
            let differences = lasting(|| {
                let answers = oracle.answers(&commands).expect("the server answers");
                let mut differences = recording::differences(&recording::record(section.clone(), answers));
                differences.retain(|difference| {
                    let words = redlet_tests::words::parse(&difference.line).unwrap_or_default();
                    !deliberate.covers(&words)
                });
                (!differences.is_empty()).then_some(differences)
            });
            found.extend(differences.into_iter().flatten());
        }
        if !found.is_empty() {
            failures.push_str(&recording::report(group, &found));
        }
    }
    assert!(failures.is_empty(), "against Redis {}: {failures}", oracle.version());
}

#[test]
fn the_recordings_hold_every_case_in_its_order() {
    for group in GROUPS {
        let source = read_file(&package_path(&format!("cases/{group}.txt")));
        let cases = cases::parse(&source).unwrap_or_else(|fault| panic!("cases/{group}.txt: {fault}"));
        let table = read_file(&package_path(&format!("tables/{group}.txt")));
        let recorded = recording::parse(&table).unwrap_or_else(|fault| panic!("tables/{group}.txt: {fault}"));
        let wanted: Vec<_> = cases.into_iter().flat_map(|section| section.cases).collect();
        let present: Vec<_> =
            recorded.into_iter().flat_map(|section| section.cases).map(|(case, _)| case).collect();
        assert!(
            wanted == present,
            "cases/{group}.txt changed: renew the recordings with `cargo xtask record`"
        );
    }
}
