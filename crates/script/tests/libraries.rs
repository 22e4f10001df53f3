//! What the libraries do that no table of answers can hold: what they cost, and what is left of one script for the next.
use std::sync::Arc;

use redlet_core::{Engine, EngineOptions, ManualClock, Reply, UnixMs};
use redlet_script::Lua;

const MEBIBYTE: usize = 1 << 20;

fn engine(lua: Lua) -> Engine {
    let clock = Arc::new(ManualClock::at(UnixMs(1_700_000_000_000)));
    let engine = Engine::new(EngineOptions { clock, seed: 7, databases: 1, shards: 1 });
    engine.set_interpreter(Arc::new(lua));
    engine
}

/// The answer, or the error up to the hash of the script.
fn eval(engine: &Engine, script: &str) -> String {
    match engine.execute(0, &[b"EVAL", script.as_bytes(), b"0"]) {
        Ok(Reply::Bulk(text)) => String::from_utf8_lossy(&text).into_owned(),
        Ok(Reply::Integer(number)) => number.to_string(),
        Ok(other) => format!("{other:?}"),
        Err(error) => {
            let error = error.to_string();
            error.split(" script: ").next().unwrap_or_default().to_owned()
        }
    }
}

#[test]
fn what_a_script_sets_of_cjson_is_set_until_it_ends() {
    let engine = engine(Lua::new());
    let set = "cjson.encode_number_precision(3) cjson.decode_max_depth(1) return cjson.encode(1/3)";
    let look = "return cjson.encode(1/3) .. cjson.decode_max_depth()";
    assert_eq!(eval(&engine, set), "0.333");
    assert_eq!(eval(&engine, look), "0.333333333333331000");
    let own =
        "local c = cjson.new() c.encode_max_depth(5) return c.encode_max_depth() .. cjson.encode_max_depth()";
    assert_eq!(eval(&engine, own), "51000");
    let refused = "cjson.encode_sparse_array(true) error('text')";
    assert_eq!(eval(&engine, refused), "ERR user_script:1: text");
    assert_eq!(eval(&engine, "return tostring((cjson.encode_sparse_array()))"), "false");
}

#[test]
fn random_numbers_go_on_from_script_to_script_and_a_seed_is_for_one() {
    let engine = engine(Lua::new());
    let draw = "return string.format('%.14g', math.random())";
    assert_eq!(eval(&engine, draw), "0.39646477363839");
    let seeded = format!("math.randomseed(1) {draw}");
    assert_eq!(eval(&engine, &seeded), "0.041630344484761");
    assert_eq!(eval(&engine, draw), "0.84048536971234");
    assert_eq!(eval(&engine, &seeded), "0.041630344484761");
}

#[test]
fn a_header_that_claims_much_costs_nothing() {
    let engine = engine(Lua::with_memory(MEBIBYTE));
    for header in ["\\221\\255\\255\\255\\255", "\\223\\255\\255\\255\\255", "\\219\\255\\255\\255\\255"] {
        let script = format!("return cmsgpack.unpack('{header}\\1\\2')");
        assert_eq!(eval(&engine, &script), "ERR user_script:1: Missing bytes in input.", "{header}");
    }
    for script in [
        "return struct.unpack('c2147483647', 'abc')",
        "return struct.unpack('lc0', '\\255\\255\\255\\255\\255\\255\\255\\127abc')",
    ] {
        assert!(eval(&engine, script).ends_with("(data string too short)"), "{script}");
    }
}

#[test]
fn what_grows_beyond_the_memory_of_a_script_is_refused() {
    let engine = engine(Lua::with_memory(4 * MEBIBYTE));
    let scripts = [
        "cjson.encode_sparse_array(false, 0) return cjson.encode({[2147483647] = 1})",
        "local t = {1} for i = 1, 60 do t = {t, t} end return cjson.encode(t)",
        "local t = {1} for i = 1, 15 do t = {t, t, t, t, t, t, t, t, t, t} end return cmsgpack.pack(t)",
        "return cjson.decode('[' .. string.rep('[],', 300000) .. '1]')",
        "return cmsgpack.unpack('\\221\\255\\255\\255\\255' .. string.rep('\\144', 300000))",
    ];
    for script in scripts {
        assert_eq!(eval(&engine, script), "ERR not enough memory", "{script}");
        assert_eq!(eval(&engine, "return cjson.encode({1, 2})"), "[1,2]");
    }
}

#[test]
fn bytes_may_go_as_deep_as_they_like() {
    let engine = engine(Lua::new());
    let deep = |script: &str| {
        std::thread::scope(|scope| {
            let small = std::thread::Builder::new().stack_size(256 << 10);
            small.spawn_scoped(scope, || eval(&engine, script)).unwrap().join().unwrap()
        })
    };
    let decode = "local c = cjson.new() c.decode_max_depth(2147483647) c.encode_max_depth(2147483647) \
                  return #c.encode(c.decode(string.rep('[', 7990) .. string.rep(']', 7990)))";
    assert_eq!(deep(decode), "15980");
    assert_eq!(deep("return type(cmsgpack.unpack(string.rep('\\145', 3999) .. '\\1'))"), "table");
    let too_deep = deep("return cmsgpack.unpack(string.rep('\\145', 1000000))");
    assert_eq!(too_deep, "ERR user_script:1: stack overflow (in function mp_decode_to_lua_array)");
}
