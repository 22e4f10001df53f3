//! Arguments that no word of Redis's protocol can be, or that only a program would think of.
use std::time::Duration;

use redlet::{Commands, Draw, End, ExpiresAt, GeoQuery, GeoUnit, ManualClock, Redis, Ttl, UnixMs, Weighing};

fn refusal<T: std::fmt::Debug>(result: redlet::Result<T>) -> String {
    result.unwrap_err().to_string()
}

// A server sends as many as it is asked for, one after the other; here they would all have to be in memory.
#[test]
fn a_draw_of_more_than_memory_holds_is_refused() {
    let redis = Redis::memory();
    redis.sadd("s", ["a"]).unwrap();
    redis.hset("h", "f", "v").unwrap();
    redis.zadd("z", [("a", 1.0)]).unwrap();
    for words in [
        &["SRANDMEMBER", "s", "-1000000000000"][..],
        &["SRANDMEMBER", "s", "-9223372036854775807"],
        &["HRANDFIELD", "h", "-9223372036854775807"],
        &["HRANDFIELD", "h", "-4611686018427387903", "WITHVALUES"],
        &["ZRANDMEMBER", "z", "-9223372036854775807"],
    ] {
        let text = refusal(redis.execute(words));
        assert!(text.starts_with("ERR value is out of range"), "{words:?}: {text}");
    }
    let text = refusal(redis.hrandfield_many("h", Draw::Repeating(usize::MAX)));
    assert!(text.starts_with("ERR value is out of range"), "{text}");
}

#[test]
fn one_drawn_as_a_list_is_a_list_of_one() {
    let redis = Redis::memory();
    redis.hset("h", "f", "v").unwrap();
    redis.zadd("z", [("a", 1.0)]).unwrap();
    assert_eq!(redis.hrandfield_many("h", Draw::One).unwrap(), [("f".into(), "v".into())]);
    assert_eq!(redis.zrandmember_many("z", Draw::One).unwrap(), [("a".into(), 1.0)]);
}

#[test]
fn a_rank_or_a_count_of_zero_is_no_panic() {
    let redis = Redis::memory();
    redis.rpush("l", ["a", "b"]).unwrap();
    redis.zadd("z", [("a", 1.0)]).unwrap();
    let text = refusal(redis.lpos_with("l", "a", 0, 0, 0));
    assert!(text.starts_with("ERR RANK can't be zero"), "{text}");
    assert_eq!(redis.lmpop(["l"], End::Left, 0).unwrap(), None);
    assert_eq!(redis.llen("l").unwrap(), 2);
}

#[test]
fn moments_at_the_ends_of_time_are_answered() {
    let redis = Redis::memory();
    redis.set("k", "v").unwrap();
    assert!(redis.expireat("k", UnixMs(i64::MAX)).unwrap());
    assert_eq!(redis.pexpiretime("k").unwrap(), ExpiresAt::At(UnixMs(i64::MAX)));
    for now in [i64::MIN, -1, 0, i64::MAX] {
        let clock = ManualClock::at(UnixMs(0));
        let redis = Redis::builder().clock(clock.clone()).build().unwrap();
        redis.set("k", "v").unwrap();
        redis.expireat("k", UnixMs(i64::MAX)).unwrap();
        clock.set(UnixMs(now));
        assert!(matches!(redis.pttl("k").unwrap(), Ttl::Remaining(_)), "at {now}");
        redis.execute(&["TTL", "k"]).unwrap();
        redis.execute(&["EXPIRETIME", "k"]).unwrap();
        redis.time().unwrap();
        redis.tick(10);
    }
}

#[test]
fn a_sum_beyond_64_bits_is_stored_and_answered_as_infinity() {
    let redis = Redis::memory();
    redis.incrbyfloat("k", f64::MAX).unwrap();
    assert_eq!(redis.incrbyfloat("k", f64::MAX).unwrap(), f64::INFINITY);
    // What Redis 8.0.2 has then.
    assert!(redis.get("k").unwrap().unwrap().starts_with(b"35953862697246314162905484746340871359"));
}

#[test]
fn a_time_to_live_of_nothing_is_refused_in_the_name_of_its_command() {
    let redis = Redis::memory();
    assert_eq!(refusal(redis.setex("k", Duration::ZERO, "v")), "ERR invalid expire time in 'setex' command");
    assert_eq!(refusal(redis.setex("k", Duration::MAX, "v")), "ERR invalid expire time in 'setex' command");
    assert_eq!(
        refusal(redis.psetex("k", Duration::ZERO, "v")),
        "ERR invalid expire time in 'psetex' command"
    );
}

#[test]
fn weights_are_as_many_as_the_keys_and_numbers() {
    let redis = Redis::memory();
    redis.zadd("z", [("a", 1.0)]).unwrap();
    let union = |weights: &[f64]| redis.zunion_with(["z"], Weighing::default().weights(weights));
    assert_eq!(refusal(union(&[1.0, 2.0])), "ERR syntax error");
    assert_eq!(refusal(union(&[f64::NAN])), "ERR weight value is not a float");
    assert_eq!(union(&[2.0]).unwrap(), [("a".into(), 2.0)]);
}

#[test]
fn a_refusal_is_one_line_whatever_it_repeats() {
    let redis = Redis::memory();
    let text = refusal(redis.execute(&["CONFIG", "SET", "a\r\nb", "c"]));
    assert_eq!(text, "ERR Unknown option or number of arguments for CONFIG SET - 'a  b'");
    assert!(!refusal(redis.execute(&["a\nb", "c\nd"])).contains('\n'));
}

// Fifty parts of 100 bytes kept five hundred megabytes of deleted values in memory.
#[test]
fn a_small_part_of_a_long_value_does_not_keep_the_whole_of_it() {
    let redis = Redis::memory();
    redis.set("k", vec![b'x'; 1 << 20]).unwrap();
    let whole = redis.get("k").unwrap().unwrap();
    let part = redis.getrange("k", 0, 99).unwrap();
    assert_eq!(part, [b'x'; 100]);
    assert_ne!(part.as_ptr(), whole.as_ptr());
    let most = redis.getrange("k", 0, -2).unwrap();
    assert_eq!((most.len(), most.as_ptr()), ((1 << 20) - 1, whole.as_ptr()));
}

// Doubled until it reached around the earth, a negative radius never did.
#[test]
fn an_area_of_less_than_nothing_is_refused_as_in_words() {
    let redis = Redis::memory();
    redis.geoadd("g", [((13.36, 38.12), "Palermo")]).unwrap();
    for key in ["g", "nosuch"] {
        for radius in [-1.0, f64::NEG_INFINITY, f64::NAN] {
            let text = refusal(redis.geosearch(key, &GeoQuery::radius((15.0, 37.0), radius, GeoUnit::Miles)));
            assert_eq!(text, "ERR radius cannot be negative");
        }
        for (width, height) in [(-1.0, 1.0), (1.0, -1.0), (f64::NAN, 1.0)] {
            let area = GeoQuery::bounding_box((15.0, 37.0), width, height, GeoUnit::Miles);
            assert_eq!(refusal(redis.geosearch(key, &area)), "ERR height or width cannot be negative");
        }
        assert!(redis.geosearch(key, &GeoQuery::radius((15.0, 97.0), 1.0, GeoUnit::Miles)).is_err());
    }
    let everywhere = GeoQuery::radius((15.0, 37.0), f64::INFINITY, GeoUnit::Miles);
    assert_eq!(redis.geosearch("g", &everywhere).unwrap().len(), 1);
}

#[cfg(feature = "vector-sets")]
#[test]
fn a_vector_without_components_is_none() {
    use redlet::{VAddOptions, VSimOptions, VectorQuery};
    let redis = Redis::memory();
    for reduce in [None, Some(2)] {
        let text = refusal(redis.vadd_with("v", &[], "a", VAddOptions { reduce, ..VAddOptions::default() }));
        assert_eq!(text, "ERR invalid vector specification");
    }
    assert_eq!(redis.exists(["v"]).unwrap(), 0);
    redis.vadd("v", &[1.0, 2.0], "a").unwrap();
    let nothing = VectorQuery::Vector([][..].into());
    assert_eq!(
        refusal(redis.vsim("v", nothing, VSimOptions::default())),
        "ERR Vector dimension mismatch - got 0 but set has 2"
    );
}
