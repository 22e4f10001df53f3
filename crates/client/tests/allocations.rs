//! What is given out without the heap, and what is given back to it: counted by the allocator of this test program.
#![expect(unsafe_code, reason = "an allocator is unsafe by its trait; this one only counts and passes on")]
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use redlet::{Commands, Key, Native, Redis};

struct Counting;

thread_local! {
    /// How often this thread asked for memory.
    static ASKED: Cell<usize> = const { Cell::new(0) };
    /// How many bytes it got and did not give back.
    static HELD: Cell<isize> = const { Cell::new(0) };
}

fn count() {
    // A thread that ends may free and ask when its locals are gone.
    let _ = ASKED.try_with(|asked| asked.set(asked.get() + 1));
}

fn hold(bytes: isize) {
    let _ = HELD.try_with(|held| held.set(held.get() + bytes));
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        hold(layout.size() as isize);
        // SAFETY: the caller's promise about the layout is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        hold(-(layout.size() as isize));
        // SAFETY: the pointer came from `System` with this layout, as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        hold(size as isize - layout.size() as isize);
        // SAFETY: the pointer came from `System` with this layout, as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many allocations this thread makes in `work`, its first time left out.
fn allocations(mut work: impl FnMut()) -> usize {
    work();
    let before = ASKED.get();
    work();
    ASKED.get() - before
}

fn store() -> Redis {
    let redis = Redis::memory();
    redis.set("short", "x".repeat(64)).unwrap();
    redis.set("long", "x".repeat(65)).unwrap();
    redis.set("shared", "x".repeat(100_000)).unwrap();
    redis.set("number", 1000).unwrap();
    redis.hset("hash", "field", "value").unwrap();
    redis.sadd("set", ["member"]).unwrap();
    redis.zadd("zset", [("member", 1.0)]).unwrap();
    redis
}

#[test]
fn a_command_by_words_allocates_nothing_but_its_reply() {
    let redis = store();
    let by_words = |words: &[&str]| {
        allocations(|| {
            black_box(redis.execute(words).unwrap());
        })
    };
    for words in [
        &["GET", "short"][..],
        &["get", "shared"],
        &["GET", "nosuch"],
        &["STRLEN", "long"],
        &["SET", "short", "of the same length as before, so that it is written over in place"],
        &["EXISTS", "short"],
        &["HGET", "hash", "field"],
        &["SISMEMBER", "set", "member"],
        &["ZSCORE", "zset", "member"],
        &["ZRANK", "zset", "member"],
        &["PING"],
    ] {
        assert_eq!(by_words(words), 0, "{words:?}");
    }
    assert_eq!(by_words(&["GET", "long"]), 1, "a reply of more than 64 bytes is one copy");
}

#[test]
fn a_method_allocates_nothing_but_its_reply() {
    let redis = store();
    assert_eq!(allocations(|| drop(black_box(redis.get("short").unwrap()))), 0);
    assert_eq!(allocations(|| drop(black_box(redis.get("shared").unwrap()))), 0);
    assert_eq!(allocations(|| drop(black_box(redis.get("long").unwrap()))), 1);
    assert_eq!(allocations(|| _ = black_box(redis.get_with("long", <[u8]>::len).unwrap())), 0);
    assert_eq!(allocations(|| redis.set("short", "y".as_bytes()).unwrap()), 0);
    assert_eq!(allocations(|| drop(black_box(redis.hget("hash", "field").unwrap()))), 0);
}

#[test]
fn stores_with_commands_of_the_program_leave_nothing_behind() {
    let open = |stores: usize| {
        for _ in 0..stores {
            let redis = Redis::builder().shards(1).housekeeping(false).build().unwrap();
            redis.typed_command("ADD", |t, (key, by): (Key, i64)| t.incrby(&key, by)).unwrap();
            let look = Native::new("LOOK").keys(1, 1, 1).readonly().summary("Looks.").syntax("key");
            redis.command(look, |t, args| t.get(args[0])).unwrap();
            redis.execute(&["ADD", "k", "5"]).unwrap();
            redis.execute(&["LOOK", "k"]).unwrap();
        }
    };
    open(2);
    let before = HELD.get();
    open(100_000);
    assert_eq!(HELD.get() - before, 0, "bytes");
}
