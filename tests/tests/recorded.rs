//! redlet answers what a real server answered when it was recorded. Needs no server.
use redlet_tests::differences::Deliberate;
use redlet_tests::{GROUPS, package_path, read_file, recording};

fn check(group: &str, path: &str) {
    let text = read_file(&package_path(path));
    let sections = recording::parse(&text).unwrap_or_else(|fault| panic!("{path}: {fault}"));
    let deliberate = Deliberate::from_document();
    let count: usize = sections.iter().map(|section| section.cases.len()).sum();
    assert!(count > 0, "{path} has cases");
    let mut found: Vec<_> = sections.iter().flat_map(recording::differences).collect();
    found.retain(|difference| {
        let words = redlet_tests::words::parse(&difference.line).unwrap_or_default();
        !deliberate.covers(&words)
    });
    println!("{group}: {count} cases, {} differences", found.len());
    assert!(found.is_empty(), "{}", recording::report(group, &found));
}

macro_rules! groups {
    ($($test:ident: $group:literal),+ $(,)?) => {
        $(#[test]
        fn $test() {
            check($group, concat!("tables/", $group, ".txt"));
        })+

        #[test]
        fn every_group_has_a_test_here() {
            assert_eq!(GROUPS, [$($group),+]);
        }
    };
}

groups! {
    strings_answer_as_recorded: "string",
    bitmaps_answer_as_recorded: "bitmap",
    hyperloglogs_answer_as_recorded: "hyperloglog",
    hashes_answer_as_recorded: "hash",
    lists_answer_as_recorded: "list",
    sets_answer_as_recorded: "set",
    sorted_sets_answer_as_recorded: "zset",
    streams_answer_as_recorded: "stream",
    places_answer_as_recorded: "geo",
    vector_sets_answer_as_recorded: "vector",
    keys_answer_as_recorded: "keys",
    sorts_answer_as_recorded: "sort",
    dumps_answer_as_recorded: "dump",
    connection_commands_answer_as_recorded: "connection",
    server_commands_answer_as_recorded: "server",
    users_and_their_rules_answer_as_recorded: "acl",
    json_in_scripts_is_as_recorded: "script_cjson",
    message_pack_in_scripts_is_as_recorded: "script_cmsgpack",
    structures_in_scripts_are_as_recorded: "script_struct",
    bits_in_scripts_are_as_recorded: "script_bit",
    what_lua_brings_to_scripts_is_as_recorded: "script_standard",
    scripts_answer_as_recorded: "script",
    what_scripts_call_answers_as_recorded: "script_redis",
    what_scripts_return_and_are_given_is_converted_as_recorded: "script_conversion",
    what_goes_wrong_in_scripts_is_told_as_recorded: "script_errors",
    what_scripts_are_used_for_answers_as_recorded: "script_patterns",
    functions_answer_as_recorded: "function",
}

#[test]
fn commands_newer_than_the_recorded_server_answer_as_documented() {
    check("newer", "cases/newer.txt");
}
