"""Calls of every method that redlet mirrors, with all of its options: what `test_methods.py` runs on redlet and on a real server.

The calls of a method run one after the other on the keys of `FIXTURE`. From the first of each method more are derived that pass values of
other types in the place of its first argument, none at all, and a keyword that nobody knows.
"""

from __future__ import annotations

import dataclasses
import datetime
import math
from typing import Any, Callable, Dict, List, Mapping, Tuple

#: What is there before the calls of a method: a key of each type.
FIXTURE: Tuple[Tuple[Any, ...], ...] = (
    ("SET", "string", "hello"),
    ("SET", "int", "10"),
    ("SET", "float", "3.5"),
    ("SET", "latin", b"\xe9"),
    ("SET", "soon", "v", "EXAT", 4102444800),
    ("RPUSH", "list", "a", "b", "c", "b"),
    ("SADD", "set", "a", "b", "c"),
    ("SADD", "other", "b", "c", "d"),
    ("HSET", "hash", "f", "v", "n", "5", "x", "1.5"),
    ("ZADD", "zset", "1", "a", "2", "b", "3.5", "c"),
    ("ZADD", "zother", "10", "b", "20", "d"),
    ("ZADD", "zlex", "0", "a", "0", "b", "0", "c", "0", "d"),
    ("XADD", "stream", "1-1", "f", "v"),
    ("XADD", "stream", "2-1", "g", "w", "h", ""),
    ("XGROUP", "CREATE", "stream", "group", "0"),
    ("PFADD", "hll", "a", "b", "c"),
    ("GEOADD", "geo", "13.361389", "38.115556", "Palermo", "15.087269", "37.502669", "Catania"),
)


def exact(answer: Any) -> Any:
    """Compares all of an answer."""
    return answer


def in_any_order(answer: Any) -> Any:
    """Compares what is in a list, whose order is chance."""
    if isinstance(answer, (list, tuple)):
        return type(answer)(sorted(map(in_any_order, answer), key=repr))
    if isinstance(answer, dict):
        return {key: answer[key] for key in sorted(answer, key=repr)}
    return answer


def kind(answer: Any) -> Any:
    """Compares types only, where the values tell of a clock or of a server."""
    if isinstance(answer, dict):
        return dict
    if isinstance(answer, (list, tuple)):
        return type(answer), [kind(item) for item in answer]
    if isinstance(answer, (set, frozenset)):
        return type(answer), len(answer)
    return type(answer)


def roughly(answer: Any) -> Any:
    """Compares numbers that a clock may have changed meanwhile by their order of magnitude."""
    if isinstance(answer, list):
        return [roughly(item) for item in answer]
    if isinstance(answer, (int, float)) and answer > 0:
        return type(answer), round(math.log10(answer + 2), 1)
    return answer


@dataclasses.dataclass(frozen=True)
class Call:
    """A method and its arguments."""

    method: str
    args: Tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    #: What of the answer is compared.
    look: Callable[[Any], Any] = exact
    #: Redis 8.0.2 does not know it, so redlet's ways are compared with each other.
    is_newer: bool = False
    #: Pipelines do something else, or cannot do it.
    is_alone: bool = False
    #: Why redlet's answer is not Redis's, as COMPATIBILITY.md says.
    differs: str = ""

    def __str__(self) -> str:
        words = [repr(argument) for argument in self.args]
        words += [f"{name}={value!r}" for name, value in self.keywords.items()]
        return f"{self.method}({', '.join(words)})"


class _Caller:
    """``c.get("key")`` is the call ``get("key")``, written down."""

    def __getattr__(self, method: str) -> Callable[..., Call]:
        return lambda *args, **keywords: Call(method, args, keywords)


c: Any = _Caller()


def any_order(call: Call) -> Call:
    return dataclasses.replace(call, look=in_any_order)


def only_kind(call: Call) -> Call:
    return dataclasses.replace(call, look=kind)


def about(call: Call) -> Call:
    return dataclasses.replace(call, look=roughly)


def newer(call: Call) -> Call:
    return dataclasses.replace(call, is_newer=True)


def alone(call: Call) -> Call:
    return dataclasses.replace(call, is_alone=True)


def differs(call: Call, why: str) -> Call:
    return dataclasses.replace(call, differs=why)


def on_disk(call: Call) -> Call:
    """It needs a folder, which these stores have not."""
    return dataclasses.replace(call, is_alone=True, differs="memory has nowhere to be saved to")


def _all(change: Callable[[Call], Call], *calls: Call) -> List[Call]:
    return [change(call) for call in calls]


LATER = 4102444800
LATER_MS = LATER * 1000
LATER_DATE = datetime.datetime(2100, 1, 1, tzinfo=datetime.timezone.utc)
HOUR = datetime.timedelta(hours=1)
ADD = "redis.call('INCRBY', KEYS[1], ARGV[1]); return {redis.call('GET', KEYS[1]), 1, ARGV[1], false, true}"

CASES: Dict[str, List[Call]] = {}

# Strings.
CASES["append"] = [
    c.append("string", " you"), c.append("none", b"new"), c.append("int", 5), c.append("float", 1.5), c.append("list", "x"),
    c.append("string"), c.append("string", None), c.get("string"), c.get("none"), c.get("int"),
]
CASES["get"] = [
    c.get("string"), c.get("none"), c.get("int"), c.get("latin"), c.get("list"), c.get("hash"), c.get("string", "more"),
    c.get(name="int"), c.get("é"), c.get("\ud800"), c.get(""),
]
CASES["set"] = [
    c.set("k", "v"), c.get("k"), c.set("k", 1), c.get("k"), c.set("k", 1.5), c.get("k"), c.set("k", 1e100), c.get("k"),
    c.set("k", 10**30), c.get("k"), c.set("k", "é"), c.get("k"), c.set("k", b"\x00\xff"), c.strlen("k"),
    c.set("k", bytearray(b"ab")), c.set("k", memoryview(b"abc")), c.get("k"), c.set("list", "now a string"), c.type("list"),
    c.set("k", "v", ex=1000), about(c.ttl("k")), c.set("k", "v", px=5000000), about(c.pttl("k")), c.set("k", "v", ex=HOUR),
    about(c.ttl("k")), c.set("k", "v", px=HOUR), about(c.pttl("k")), c.set("k", "v", exat=LATER), c.expiretime("k"),
    c.set("k", "v", exat=LATER_DATE), c.expiretime("k"), c.set("k", "v", pxat=LATER_MS + 1), c.pexpiretime("k"),
    c.set("k", "v", pxat=LATER_DATE), c.pexpiretime("k"), c.set("k", "w", keepttl=True), c.expiretime("k"),
    c.set("k", "x", nx=True), c.set("fresh", "x", nx=True), c.set("missing", "x", xx=True), c.set("k", "y", xx=True),
    c.set("k", "z", get=True), c.set("missing", "z", get=True), c.set("set", "z", get=True), c.set("k", "1", nx=True, get=True),
    c.set("k", "1", nx=True, xx=True), c.set("k", "1", ex=1, px=1), c.set("k", "1", ex=0), c.set("k", "1", ex=-5),
    c.set("k", "1", px=0), c.set("k", "1", ex="10"), c.set("k", "1", ex="ten"), c.set("k", "1", ex=1.5), c.set("k", "1", px=1.5),
    c.set("k", "1", px="5000"), c.set("k", "1", ex=True), c.set("k", "1", ex=b"10"), c.set("k", None), c.set("k", True),
    c.set("k", {"a": 1}), c.set("k", [1]), c.set("k", (1, 2)), c.set("k", object), c.set("k"), c.set("k", "v", 1000),
    c.set("k", "v", None, 1000000), c.set("k", "v", exat=1), c.get("k"), c.set("k", "v", ex=2**62), c.set("k", "v", px=2**63),
    c.set("k", "v", keepttl=True, ex=5), c.set(name="k", value="v", nx=False), newer(c.set("k", "w", ifeq="v")),
    newer(c.set("k", "x", ifne="w")), newer(c.set("k", "y", ifeq="nothing")), newer(c.set("k", "y", ifdeq="0000000000000000")),
    newer(c.set("k", "y", ifdne="0000000000000000")), newer(c.set("k", "y", ifeq="a", ifne="b")),
    newer(c.set("k", "y", ifeq="v", get=True)), c.set("k", "v", nx=True, ifeq="w"),
]
CASES["getset"] = [
    c.getset("string", "new"), c.get("string"), c.getset("none", 1), c.getset("list", "x"), c.getset("string", None),
    c.getset("string"),
]
CASES["getdel"] = [c.getdel("string"), c.getdel("string"), c.getdel("list"), c.exists("string")]
CASES["getex"] = [
    c.getex("string"), c.getex("string", ex=1000), about(c.ttl("string")), c.getex("string", px=1000000),
    c.getex("string", exat=LATER), c.expiretime("string"), c.getex("string", pxat=LATER_MS), c.getex("string", exat=LATER_DATE),
    c.getex("string", pxat=LATER_DATE), c.getex("string", ex=HOUR), c.getex("string", px=HOUR), c.getex("string", persist=True),
    c.ttl("string"), c.getex("none", ex=5), c.getex("list"), c.getex("string", ex=0), c.getex("string", ex=1, px=1),
    c.getex("string", ex="10"), c.getex("string", ex="x"), c.getex("string", ex=1.5), c.getex("string", persist=True, ex=5),
    c.getex("string", ex=-1), c.getex("string", exat=1), c.exists("string"),
]
CASES["getrange"] = [
    c.getrange("string", 0, -1), c.getrange("string", 1, 3), c.getrange("string", -3, -2), c.getrange("string", 3, 1),
    c.getrange("none", 0, -1), c.getrange("list", 0, 1), c.getrange("string", "a", 1), c.getrange("string", 0),
    c.getrange("int", 0, 0),
]
CASES["substr"] = [
    c.substr("string", 1), c.substr("string", 1, 3), c.substr("string", -2, -1), c.substr("none", 0), c.substr("list", 0),
]
CASES["setrange"] = [
    c.setrange("string", 1, "EY"), c.get("string"), c.setrange("string", 8, "x"), c.strlen("string"), c.setrange("none", 2, "x"),
    c.setrange("empty", 0, ""), c.exists("empty"), c.setrange("list", 0, "x"), c.setrange("string", -1, "x"),
    c.setrange("string", 2**40, "x"), c.setrange("string", "x", "x"),
]
CASES["strlen"] = [c.strlen("string"), c.strlen("int"), c.strlen("none"), c.strlen("list")]
CASES["setex"] = [
    c.setex("k", 1000, "v"), about(c.ttl("k")), c.setex("k", HOUR, "v"), about(c.ttl("k")), c.setex("k", 0, "v"),
    c.setex("k", -1, "v"), c.setex("k", 1.5, "v"), c.setex("k", "x", "v"), c.setex("list", 1000, "v"), c.type("list"),
    c.setex("k", 1000), c.setex("k", 1000, None),
]
CASES["psetex"] = [
    c.psetex("k", 1000000, "v"), about(c.pttl("k")), c.psetex("k", HOUR, "v"), about(c.pttl("k")), c.psetex("k", 0, "v"),
    c.psetex("k", -1, "v"), c.psetex("list", 1000000, "v"),
]
CASES["setnx"] = [c.setnx("k", "v"), c.setnx("k", "w"), c.setnx("list", "v"), c.get("k")]
CASES["mget"] = [
    c.mget("string", "int"), c.mget(["string", "none", "list"]), c.mget(["string"], "int"), c.mget("string"), c.mget([]),
    c.mget(()), c.mget({"string", }), c.mget({"string": 1, "int": 2}), c.mget(("string", b"int", 1, 1.5)), c.mget(["string", None]),
    c.mget("string", True), c.mget(1, 2), c.mget(b"string"), c.mget(memoryview(b"string")), c.mget(bytearray(b"string")),
    c.mget("latin"),
]
CASES["mset"] = [
    c.mset({"a": 1, "b": "2", "c": b"3", "d": 1.5}), c.mget("a", "b", "c", "d"), c.mset({}), c.mset({"list": "v"}), c.type("list"),
    c.mset({"a": None}), c.mset({None: 1}), c.mset({1: 2, b"x": 3}), c.mset([("a", 1)]), c.mset("ab"), c.mset(5), c.mset(a=1),
    c.mget("a", 1, "x"),
]
CASES["msetnx"] = [
    c.msetnx({"a": 1, "b": 2}), c.msetnx({"b": 3, "c": 4}), c.mget("a", "b", "c"), c.msetnx({}), c.msetnx({"a": True}),
]
CASES["msetex"] = _all(
    newer, c.msetex({"a": 1, "b": 2}, ex=1000), c.mget("a", "b"), about(c.ttl("a")), c.msetex({"a": 1}, px=100000),
    c.msetex({"a": 2}, exat=LATER), c.expiretime("a"), c.msetex({"a": 3}, pxat=LATER_MS), c.msetex({"a": 4}, keepttl=True),
    c.expiretime("a"), c.msetex({"a": 5}), c.ttl("a"), c.msetex({}), c.msetex({"a": 1}, ex=1, px=1), c.msetex({"a": 1}, ex=0),
    c.msetex({"a": None}), c.msetex({"a": 1}, data_persist_option="NX"),
)
CASES["delex"] = _all(
    newer, c.delex("string", ifeq="no"), c.delex("string", ifeq="hello"), c.exists("string"), c.delex("int", ifne="10"),
    c.delex("int", ifne="11"), c.delex("none"), c.delex("list"), c.delex("set", ifeq="x"), c.delex("float", ifeq="a", ifne="b"),
    c.delex("float", ifdeq="0000000000000000"), c.delex("float", ifdne="0000000000000000"),
)
CASES["digest"] = _all(newer, c.digest("string"), c.digest("none"), c.digest("list"), c.digest("int"))
CASES["digest_local"] = _all(alone, c.digest_local("hello"), c.digest_local(b"hello"))
CASES["incr"] = [
    c.incr("int"), c.incr("int", 5), c.incr("int", amount=-20), c.incr("none"), c.incr("string"), c.incr("list"), c.incr("float"),
    c.incr("int", 2**63), c.incr("int", 2**63 - 1), c.incr("big", 2**63 - 1), c.incr("big", 1), c.incr("int", 1.5),
    c.incr("int", "5"), c.incr("int", "x"), c.incr("int", None), c.incr("int", True), c.incr("int", b"2"), c.get("int"),
]
CASES["incrby"] = [
    c.incrby("int"), c.incrby("int", 5), c.incrby("int", -20), c.incrby("none", 3), c.incrby("string", 1), c.incrby("int", 1.5),
    c.incrby("int", "5"), c.incrby("list", 1),
]
CASES["decr"] = [
    c.decr("int"), c.decr("int", 5), c.decr("int", amount=-20), c.decr("none"), c.decr("string"), c.decr("int", -(2**63)),
    c.decr("int", 2**63), c.decr("int", "3"),
]
CASES["decrby"] = [
    c.decrby("int"), c.decrby("int", 5), c.decrby("none", 3), c.decrby("string", 1), c.decrby("int", 1.0), c.decrby("list"),
]
CASES["incrbyfloat"] = [
    c.incrbyfloat("float"), c.incrbyfloat("float", 0.1), c.incrbyfloat("float", amount=-2), c.incrbyfloat("int", 1),
    c.incrbyfloat("none", 1e10), c.incrbyfloat("string"), c.incrbyfloat("list", 1), c.incrbyfloat("float", "2.5"),
    c.incrbyfloat("float", "x"), c.incrbyfloat("float", float("nan")), c.incrbyfloat("float", float("inf")),
    c.incrbyfloat("float", 5e-300), c.incrbyfloat("float", None), c.get("float"),
]
CASES["increx"] = _all(
    newer, c.increx("int"), c.increx("int", byint=5), c.increx("int", byint=-100, lbound=0),
    c.increx("int", byint=-100, lbound=0, saturate=True), c.increx("int", byint=100, ubound=50, saturate=True),
    c.increx("float", byfloat=0.5), c.increx("float", byfloat=100, ubound=5.5, saturate=True), c.increx("int", ex=1000),
    about(c.ttl("int")), c.increx("int", px=1000000), c.increx("int", exat=LATER), c.expiretime("int"),
    c.increx("int", pxat=LATER_MS), c.increx("int", persist=True), c.ttl("int"), c.increx("fresh", ex=1000, enx=True),
    c.increx("list"), c.increx("string"), c.increx("int", byint=1, byfloat=1.0), c.increx("int", ex=1, px=1),
    c.increx("int", enx=True), c.increx("int", byint="x"),
)
CASES["lcs"] = [
    c.mset({"k1": "ohmytext", "k2": "mynewtext"}), c.lcs("k1", "k2"), c.lcs("k1", "k2", len=True), c.lcs("k1", "k2", idx=True),
    c.lcs("k1", "k2", idx=True, withmatchlen=True), c.lcs("k1", "k2", idx=True, minmatchlen=4),
    c.lcs("k1", "k2", idx=True, minmatchlen=4, withmatchlen=True), c.lcs("k1", "none"), c.lcs("k1", "none", len=True),
    c.lcs("k1", "none", idx=True), c.lcs("k1", "list"), c.lcs("k1", "k2", len=True, idx=True), c.lcs("k1"),
]

# Bits.
CASES["bitcount"] = [
    c.bitcount("string"), c.bitcount("string", 0, 0), c.bitcount("string", -2, -1), c.bitcount("string", 0, 9, "BIT"),
    c.bitcount("string", 0, 1, mode="BYTE"), c.bitcount("string", 0), c.bitcount("string", None, 1), c.bitcount("none"),
    c.bitcount("list"), c.bitcount("string", 0, 1, "NOPE"),
]
CASES["bitfield_ro"] = [
    c.bitfield_ro("string", "u8", 0), c.bitfield_ro("string", "u8", "#1", items=[("i5", 0), ("u4", 4)]),
    c.bitfield_ro("none", "u8", 0), c.bitfield_ro("list", "u8", 0), c.bitfield_ro("string", "u64", 0),
]
CASES["bitop"] = [
    c.bitop("AND", "dest", "string", "int"), c.get("dest"), c.bitop("or", "dest", "string", "int"), c.get("dest"),
    c.bitop("XOR", "dest", "string", "none"), c.bitop("NOT", "dest", "int"), c.strlen("dest"),
    c.bitop("NOT", "dest", "int", "string"), c.bitop("AND", "dest", "none"), c.bitop("AND", "dest", "list"),
    c.bitop("NOPE", "dest", "int"), c.bitop("AND", "dest"), newer(c.bitop("DIFF", "dest", "string", "int")),
    newer(c.bitop("DIFF1", "dest", "string", "int")), newer(c.bitop("ANDOR", "dest", "string", "int")),
    newer(c.bitop("ONE", "dest", "string", "int")),
]
CASES["bitpos"] = [
    c.bitpos("string", 1), c.bitpos("string", 0), c.bitpos("string", 1, 1), c.bitpos("string", 1, 1, 2),
    c.bitpos("string", 0, 2, 20, "BIT"), c.bitpos("string", 1, None, 1), c.bitpos("string", 2), c.bitpos("none", 1),
    c.bitpos("none", 0), c.bitpos("list", 1), c.bitpos("string", 1, 0, 1, "BYTE"),
]
CASES["getbit"] = [
    c.getbit("string", 1), c.getbit("string", 1000), c.getbit("none", 0), c.getbit("list", 0), c.getbit("string", -1),
    c.getbit("string", "x"),
]
CASES["setbit"] = [
    c.setbit("string", 1, 0), c.get("string"), c.setbit("none", 7, 1), c.setbit("none", 7, True), c.setbit("none", 7, False),
    c.setbit("list", 0, 1), c.setbit("string", -1, 1), c.setbit("string", 0, 2), c.setbit("string", 0, "x"),
]

# Keys.
CASES["copy"] = [
    c.copy("string", "to"), c.get("to"), c.copy("string", "to"), c.copy("int", "to", replace=True), c.get("to"),
    c.copy("none", "to"), c.copy("string", "string"), c.copy("list", "there", destination_db=1), c.exists("there"),
    c.copy("list", "there", destination_db=99), c.copy("soon", "soon2"), c.expiretime("soon2"),
]
CASES["delete"] = [
    c.delete("string"), c.delete("string"), c.delete("list", "set", "none"), c.delete(), c.delete(*["int", "hash"]),
    c.delete(["zset"]), c.delete("zset", None), c.exists("zset"),
]
CASES["unlink"] = [c.unlink("string"), c.unlink("string"), c.unlink("list", "set", "none"), c.unlink(), c.unlink(("zset",))]
CASES["exists"] = [c.exists("string"), c.exists("string", "string", "none"), c.exists("none"), c.exists(), c.exists(["string"])]
CASES["touch"] = [c.touch("string"), c.touch("string", "none", "list"), c.touch(), c.touch("none")]
CASES["dump"] = [c.dump("int"), c.dump("none"), c.dump("float")]
CASES["restore"] = [
    alone(c.restore("k", 0, b"\x00\xc0\x01\x0b\x00\x0d\xaf\x7d\x84\x16\x08\x18\x5b")), c.restore("k", 0, "nonsense"),
    c.restore("string", 0, b"x"), c.restore("k", 0, b"", replace=True), c.restore("k", -1, b"", absttl=True),
    c.restore("k", 0, b"", idletime=5), c.restore("k", 0, b"", frequency=5), c.restore("k", 0, b"", idletime="x"),
    c.restore("k", 0, b"", frequency="x"), c.restore("k", 0, b"", frequency=300),
]
CASES["expire"] = [
    c.expire("string", 1000), about(c.ttl("string")), c.expire("string", HOUR), about(c.ttl("string")), c.expire("none", 5),
    c.expire("string", 10, nx=True), c.expire("int", 100, nx=True), c.expire("float", 10, xx=True),
    c.expire("string", 9999999, gt=True), c.expire("string", 10, gt=True), c.expire("string", 1000, lt=True),
    c.expire("string", 10, nx=True, xx=True), c.expire("string", 10, gt=True, lt=True), c.expire("string", "1000"),
    c.expire("string", "x"), c.expire("string", 1.5), c.expire("string", True), c.expire("string", 2**62),
    c.expire("string", 10**30), c.expire("string", None), c.expire("string", -1), c.exists("string"), c.expire("list", 0),
    c.exists("list"), c.expire("string"),
]
CASES["pexpire"] = [
    c.pexpire("string", 1000000), about(c.pttl("string")), c.pexpire("string", HOUR), about(c.pttl("string")), c.pexpire("none", 5),
    c.pexpire("string", 10000000, nx=True), c.pexpire("int", 10000000, nx=True), c.pexpire("float", 10, xx=True),
    c.pexpire("string", 99999999, gt=True), c.pexpire("string", 900000, lt=True), c.pexpire("string", 1.5),
    c.pexpire("string", "x"), c.pexpire("string", -1), c.exists("string"),
]
CASES["expireat"] = [
    c.expireat("string", LATER), c.expiretime("string"), c.expireat("string", LATER_DATE + HOUR), c.expiretime("string"),
    c.expireat("none", LATER), c.expireat("string", LATER, nx=True), c.expireat("int", LATER, nx=True),
    c.expireat("float", LATER, xx=True), c.expireat("string", LATER + 10000, gt=True), c.expireat("string", LATER, lt=True),
    c.expireat("string", 1.5), c.expireat("string", "x"), c.expireat("string", 1), c.exists("string"),
]
CASES["pexpireat"] = [
    c.pexpireat("string", LATER_MS), c.pexpiretime("string"), c.pexpireat("string", LATER_DATE + HOUR), c.pexpiretime("string"),
    c.pexpireat("none", LATER_MS), c.pexpireat("string", LATER_MS, nx=True), c.pexpireat("int", LATER_MS, nx=True),
    c.pexpireat("float", LATER_MS, xx=True), c.pexpireat("string", LATER_MS * 2, gt=True), c.pexpireat("string", LATER_MS, lt=True),
    c.pexpireat("string", "x"), c.pexpireat("string", 1), c.exists("string"),
]
CASES["expiretime"] = [c.expiretime("soon"), c.expiretime("string"), c.expiretime("none")]
CASES["pexpiretime"] = [c.pexpiretime("soon"), c.pexpiretime("string"), c.pexpiretime("none")]
CASES["ttl"] = [about(c.ttl("soon")), c.ttl("string"), c.ttl("none"), c.ttl()]
CASES["pttl"] = [about(c.pttl("soon")), c.pttl("string"), c.pttl("none")]
CASES["persist"] = [c.persist("soon"), c.persist("soon"), c.persist("none"), c.ttl("soon")]
CASES["keys"] = [
    any_order(c.keys()), any_order(c.keys("s*")), c.keys("strin?"), any_order(c.keys("[is]*t*")), c.keys("nothing*"),
    c.keys(b"string"), c.keys(pattern="int"), any_order(c.keys("*\\t")),
]
CASES["randomkey"] = [only_kind(c.randomkey()), c.flushdb(), c.randomkey(), c.set("only", 1), c.randomkey()]
CASES["rename"] = [
    c.rename("string", "renamed"), c.get("renamed"), c.rename("string", "x"), c.rename("renamed", "list"), c.type("list"),
    c.rename("list", "list"), c.rename("list"),
]
CASES["renamenx"] = [
    c.renamenx("string", "renamed"), c.renamenx("renamed", "list"), c.renamenx("none", "x"), c.renamenx("list", "list"),
]
CASES["type"] = [
    c.type("string"), c.type("list"), c.type("set"), c.type("hash"), c.type("zset"), c.type("stream"), c.type("hll"),
    c.type("none"),
]
CASES["move"] = [
    c.move("string", 1), c.exists("string"), c.move("string", 1), c.move("int", 0), c.move("int", 99), c.move("int", "x"),
    c.move("none", 1),
]
CASES["watch"] = _all(alone, c.watch("string"), c.watch())
CASES["unwatch"] = _all(alone, c.unwatch())

# Lists.
CASES["lpush"] = [
    c.lpush("list", "x"), c.lpush("list", 1, 2.5, b"b"), c.lpush("none", "a", "b"), c.lpush("list"), c.lpush("string", "x"),
    c.lpush("list", None), c.lpush("list", ["a"]), c.lpush(1, "x"), c.lrange("list", 0, -1), c.lrange("none", 0, -1),
]
CASES["rpush"] = [
    c.rpush("list", "x"), c.rpush("list", 1, 2.5, b"b"), c.rpush("none", "a", "b"), c.rpush("list"), c.rpush("string", "x"),
    c.rpush("list", True), c.lrange("list", 0, -1),
]
CASES["lpushx"] = [
    c.lpushx("list", "x"), c.lpushx("none", "x"), c.lpushx("list", "a", "b"), c.lpushx("string", "x"), c.lpushx("list"),
    c.lrange("list", 0, -1),
]
CASES["rpushx"] = [
    c.rpushx("list", "x"), c.rpushx("none", "x"), c.rpushx("list", "a", "b"), c.rpushx("string", "x"), c.lrange("list", 0, -1),
]
CASES["lpop"] = [
    c.lpop("list"), c.lpop("list", 2), c.lpop("list", 0), c.lpop("list", count=5), c.lpop("list"), c.lpop("list", 2),
    c.lpop("none"), c.lpop("none", 0), c.lpop("string"), c.lpop("list", -1), c.lpop("list", "x"), c.lpop("list", 1.5),
]
CASES["rpop"] = [
    c.rpop("list"), c.rpop("list", 2), c.rpop("list", 0), c.rpop("list", count=5), c.rpop("list"), c.rpop("none", 3),
    c.rpop("string"), c.rpop("list", -1),
]
CASES["lrange"] = [
    c.lrange("list", 0, -1), c.lrange("list", 1, 2), c.lrange("list", -2, -1), c.lrange("list", 5, 9), c.lrange("none", 0, -1),
    c.lrange("string", 0, -1), c.lrange("list", "0", "-1"), c.lrange("list", "x", 1), c.lrange("list", 0.0, 1), c.lrange("list", 0),
    c.lrange("list", True, 1), c.lrange("list", 0, 2**63 - 1), c.lrange("list", 0, 2**63),
]
CASES["llen"] = [c.llen("list"), c.llen("none"), c.llen("string")]
CASES["lindex"] = [
    c.lindex("list", 0), c.lindex("list", -1), c.lindex("list", 9), c.lindex("none", 0), c.lindex("string", 0),
    c.lindex("list", "1"), c.lindex("list", "x"), c.lindex("list", 1.0), c.lindex("list", None),
]
CASES["linsert"] = [
    c.linsert("list", "before", "b", "x"), c.linsert("list", "AFTER", "c", "y"), c.linsert("list", "before", "none", "x"),
    c.linsert("none", "before", "a", "b"), c.linsert("string", "before", "a", "b"), c.linsert("list", "around", "a", "b"),
    c.lrange("list", 0, -1),
]
CASES["lset"] = [
    c.lset("list", 0, "x"), c.lset("list", -1, 5), c.lset("list", 9, "x"), c.lset("none", 0, "x"), c.lset("string", 0, "x"),
    c.lset("list", "x", "x"), c.lrange("list", 0, -1),
]
CASES["ltrim"] = [
    c.ltrim("list", 1, 2), c.lrange("list", 0, -1), c.ltrim("none", 0, 1), c.ltrim("string", 0, 1), c.ltrim("list", 5, 9),
    c.exists("list"), c.ltrim("list", "x", 1),
]
CASES["lrem"] = [
    c.lrem("list", 1, "b"), c.lrem("list", 0, "b"), c.lrem("list", -1, "c"), c.lrem("list", 0, "nothing"), c.lrem("none", 0, "a"),
    c.lrem("string", 0, "a"), c.lrem("list", "x", "a"), c.lrange("list", 0, -1),
]
CASES["lpos"] = [
    c.lpos("list", "b"), c.lpos("list", "b", rank=2), c.lpos("list", "b", rank=-1), c.lpos("list", "b", count=0),
    c.lpos("list", "b", count=1), c.lpos("list", "b", maxlen=1), c.lpos("list", "b", rank=-1, count=2, maxlen=10),
    c.lpos("list", "none"), c.lpos("list", "none", count=0), c.lpos("none", "a"), c.lpos("none", "a", count=1),
    c.lpos("string", "a"), c.lpos("list", "b", rank=0), c.lpos("list", "b", count=-1),
]
CASES["lmove"] = [
    c.lmove("list", "to"), c.lmove("list", "to", "RIGHT", "LEFT"), c.lmove("list", "list", "LEFT", "RIGHT"), c.lmove("none", "to"),
    c.lmove("list", "string"), c.lmove("string", "to"), c.lmove("list", "to", "UP", "DOWN"), c.lrange("to", 0, -1),
]
CASES["lmovem"] = _all(
    newer, c.lmovem("list", "to"), c.lmovem("list", "to", "RIGHT", "LEFT", count=2),
    c.lmovem("list", "to", count=5, mode="EXACTLY"), c.lmovem("list", "to", count=1, mode="COUNT", ordering="OBO"),
    c.lmovem("none", "to", count=1), c.lmovem("string", "to", count=1), c.lrange("to", 0, -1),
)
CASES["rpoplpush"] = [
    c.rpoplpush("list", "to"), c.rpoplpush("list", "list"), c.rpoplpush("none", "to"), c.rpoplpush("string", "to"),
    c.lrange("to", 0, -1),
]
CASES["lmpop"] = [
    c.lmpop(2, "none", "list", direction="LEFT"), c.lmpop(1, "list", direction="RIGHT", count=2),
    c.lmpop(1, "none", direction="LEFT"), c.lmpop(1, "string", direction="LEFT"), c.lmpop(2, "list", direction="LEFT"),
    c.lmpop(1, "list", direction="UP"), c.lmpop(0, "list", direction="LEFT"), c.lmpop(1, "list"),
]
CASES["blmpop"] = [
    c.blmpop(0.01, 2, "none", "list", direction="LEFT"), c.blmpop(0.01, 1, "list", direction="RIGHT", count=2),
    c.blmpop(0.01, 1, "none", direction="LEFT"), c.blmpop(0.01, 1, "string", direction="LEFT"),
    c.blmpop(-1, 1, "list", direction="LEFT"), c.blmpop("x", 1, "list", direction="LEFT"),
]
CASES["blpop"] = [
    c.blpop("list", 0.01), c.blpop(["none", "list"], 0.01), c.blpop("none", timeout=0.01), c.blpop(("list",), timeout=1),
    c.blpop("string", 0.01), c.blpop("list", -1), c.blpop("list", "x"), c.blpop("list"), c.blpop([], 0.01), c.lrange("list", 0, -1),
]
CASES["brpop"] = [
    c.brpop("list", 0.01), c.brpop(["none", "list"], 0.01), c.brpop("none", timeout=0.01), c.brpop("string", 0.01),
    c.brpop("list", -1), c.brpop("list", None), c.lrange("list", 0, -1),
]
CASES["brpoplpush"] = [
    c.brpoplpush("list", "to", 0.01), c.brpoplpush("list", "to", None), c.brpoplpush("none", "to", 0.01),
    c.brpoplpush("string", "to", 0.01), c.brpoplpush("list", "to", -1), c.lrange("to", 0, -1),
]
CASES["blmove"] = [
    c.blmove("list", "to", 0.01), c.blmove("list", "to", 0.01, "RIGHT", "LEFT"), c.blmove("none", "to", 0.01),
    c.blmove("list", "string", 0.01), c.blmove("list", "to", -1), c.blmove("list", "to", 0.01, "UP"), c.lrange("to", 0, -1),
]
CASES["blmovem"] = _all(
    newer, c.blmovem("list", "to", 0.01), c.blmovem("list", "to", 0.01, "RIGHT", "LEFT", count=2),
    c.blmovem("none", "to", 0.01, count=1), c.blmovem("list", "to", 0.01, count=9, mode="EXACTLY"),
    c.blmovem("list", "to", 0.01, count=1, mode="COUNT", ordering="BULK"), c.lrange("to", 0, -1),
)
CASES["sort"] = [
    c.rpush("nums", 3, 1, 2), c.sort("nums"), c.sort("nums", desc=True), c.sort("nums", start=1, num=1), c.sort("list", alpha=True),
    c.sort("list", alpha=True, desc=True), c.sort("list"), c.mset({"w_1": 30, "w_2": 20, "w_3": 10, "o_1": "one", "o_2": "two"}),
    c.sort("nums", by="w_*"), c.sort("nums", by="nosort"), c.sort("nums", get="o_*"), c.sort("nums", get=["o_*", "#"]),
    c.sort("nums", get=("o_*", "#"), groups=True), c.sort("nums", get=["#"], groups=True), c.sort("nums", groups=True),
    c.sort("nums", store="sorted"), c.lrange("sorted", 0, -1), c.sort("nums", start=1), c.sort("nums", num=1), c.sort("none"),
    c.sort("string"), c.sort("none", store="sorted"), c.sort("set", alpha=True), c.sort("zset", alpha=True, by="nosort"),
    c.sort("nums", by="hash->f", get="hash->*"),
]
CASES["sort_ro"] = [
    c.rpush("nums", 3, 1, 2), c.sort_ro("nums"), c.sort_ro("nums", desc=True), c.sort_ro("nums", start=1, num=1),
    c.sort_ro("list", alpha=True), c.sort_ro("nums", by="nosort", get=["#"]), c.sort_ro("none"), c.sort_ro("string"),
    c.sort_ro("nums", start=1),
]

# Sets.
CASES["sadd"] = [
    c.sadd("set", "x"), c.sadd("set", "x", "y", 1), c.sadd("none", "a"), c.sadd("set"), c.sadd("string", "x"), c.sadd("set", None),
    c.sadd("set", {"a"}), c.sadd("set", 1.5, b"q"), any_order(c.smembers("set")),
]
CASES["srem"] = [
    c.srem("set", "a"), c.srem("set", "a", "b", "z"), c.srem("none", "a"), c.srem("set"), c.srem("string", "x"),
    c.srem("set", None), any_order(c.smembers("set")),
]
CASES["scard"] = [c.scard("set"), c.scard("none"), c.scard("string")]
CASES["sismember"] = [
    c.sismember("set", "a"), c.sismember("set", "z"), c.sismember("none", "a"), c.sismember("string", "a"), c.sismember("set", 1),
    c.sismember("set", None), c.sismember("set"),
]
CASES["smismember"] = [
    c.smismember("set", "a", "z"), c.smismember("set", ["a", "b"]), c.smismember("set", ["a"], "z"), c.smismember("none", "a"),
    c.smismember("string", "a"), c.smismember("set", []), c.smismember("set", None),
]
CASES["smembers"] = [
    any_order(c.smembers("set")), any_order(c.smembers("none")), c.smembers("string"), c.sadd("nums", 1, 2, 3),
    any_order(c.smembers("nums")), c.sadd("bytes", b"\xff"), c.smembers("bytes"),
]
CASES["sdiff"] = [
    c.sdiff("set", "other"), any_order(c.sdiff(["set", "other"])), any_order(c.sdiff("set")), any_order(c.sdiff(["set"], "none")),
    c.sdiff("none", "set"), c.sdiff("set", "string"), c.sdiff([]), any_order(c.sdiff(("set", "none"))),
]
CASES["sinter"] = [
    any_order(c.sinter("set", "other")), any_order(c.sinter(["set", "other"])), any_order(c.sinter("set")), c.sinter("set", "none"),
    c.sinter("set", "string"), c.sinter([]),
]
CASES["sunion"] = [
    any_order(c.sunion("set", "other")), any_order(c.sunion(["set", "other"])), any_order(c.sunion("set")),
    any_order(c.sunion("set", "none")), c.sunion("set", "string"), c.sunion([]), c.sunion("none"),
]
CASES["sdiffstore"] = [
    c.sdiffstore("to", "set", "other"), any_order(c.smembers("to")), c.sdiffstore("to", ["set", "other"]),
    c.sdiffstore("to", "none"), c.exists("to"), c.sdiffstore("to", "string"), c.sdiffstore("string", "set"), c.sdiffstore("to", []),
]
CASES["sinterstore"] = [
    c.sinterstore("to", "set", "other"), any_order(c.smembers("to")), c.sinterstore("to", ["set"], "none"), c.exists("to"),
    c.sinterstore("to", "string"),
]
CASES["sunionstore"] = [
    c.sunionstore("to", "set", "other"), any_order(c.smembers("to")), c.sunionstore("to", ["set"], "none"),
    c.sunionstore("to", "none"), c.exists("to"), c.sunionstore("to", "string"),
]
CASES["sintercard"] = [
    c.sintercard(2, ["set", "other"]), c.sintercard(2, ["set", "other"], 1), c.sintercard(2, ["set", "other"], limit=0),
    c.sintercard(1, ["none"]), c.sintercard(1, ["string"]), c.sintercard(3, ["set", "other"]), c.sintercard(0, []),
    c.sintercard(1, ["set"], limit=-1),
]
CASES["sdiffcard"] = _all(
    newer, c.sdiffcard(2, ["set", "other"]), c.sdiffcard(1, ["set"], 2), c.sdiffcard(1, ["none"]), c.sdiffcard(1, ["string"]),
    c.sdiffcard(3, ["set"]),
)
CASES["sunioncard"] = _all(
    newer, c.sunioncard(2, ["set", "other"]), c.sunioncard(2, ["set", "other"], limit=2),
    c.sunioncard(2, ["set", "other"], approx=True), c.sunioncard(1, ["none"]), c.sunioncard(1, ["string"]),
    c.sunioncard(3, ["set"]),
)
CASES["smove"] = [
    c.smove("set", "other", "a"), c.smove("set", "other", "a"), c.smove("none", "other", "a"), c.smove("string", "other", "a"),
    c.smove("set", "string", "b"), any_order(c.smembers("other")),
]
CASES["spop"] = [
    c.sadd("one", "x", ), c.spop("one"), c.spop("one"), c.spop("set", 0), any_order(c.spop("set", 5)), c.spop("set", 2),
    c.spop("none"), c.spop("none", 1), c.spop("string"), c.spop("other", -1), only_kind(c.spop("other")),
]
CASES["srandmember"] = [
    only_kind(c.srandmember("set")), c.sadd("one", "x"), c.srandmember("one"), c.srandmember("one", 3), c.srandmember("one", -3),
    any_order(c.srandmember("set", 5)), c.srandmember("set", 0), only_kind(c.srandmember("set", -5)),
    only_kind(c.srandmember("set", number=2)), c.srandmember("none"), c.srandmember("none", 2), c.srandmember("string"),
]

# Hashes.
CASES["hset"] = [
    c.hset("hash", "f", "w"), c.hset("hash", "new", 1), c.hset("none", "a", 1.5), c.hset("hash", mapping={"a": 1, "b": b"2"}),
    c.hset("hash", "x", "y", mapping={"z": 1}), c.hset("hash", items=["i", 1, "j", 2]), c.hset("hash", "q", 1, {"r": 2}, ["s", 3]),
    c.hset("hash"), c.hset("hash", mapping={}), c.hset("hash", "only"), c.hset("hash", "k", None), c.hset("hash", None, "v"),
    c.hset("hash", mapping={"a": None}), c.hset("hash", mapping={"a": True}), c.hset("hash", mapping=[("a", 1)]),
    c.hset("hash", items=["odd"]), c.hset("string", "f", "v"), c.hset("hash", 1, 2), c.hset("hash", "", ""),
    c.hset("hash", mapping={1: 2, 1.5: b"x"}), c.hgetall("hash"), c.hset(name="hash", key="f", value="v"),
]
CASES["hget"] = [
    c.hget("hash", "f"), c.hget("hash", "none"), c.hget("none", "f"), c.hget("string", "f"), c.hget("hash", None), c.hget("hash"),
    c.hget("hash", b"f"), c.hget(name="hash", key="n"),
]
CASES["hgetall"] = [c.hgetall("hash"), c.hgetall("none"), c.hgetall("string"), c.hset("bytes", "f", b"\xff"), c.hgetall("bytes")]
CASES["hmget"] = [
    c.hmget("hash", "f", "n"), c.hmget("hash", ["f", "none"]), c.hmget("hash", ["f"], "x"), c.hmget("none", "f"),
    c.hmget("string", "f"), c.hmget("hash", []), c.hmget("hash", None), c.hmget("hash", ("f",)), c.hmget("hash", {"f": 1}),
    c.hmget("hash", 5), c.hmget("hash", b"f"), c.hmget("hash", ["f", None]),
]
CASES["hmset"] = [
    c.hmset("hash", {"a": 1, "b": "2"}), c.hgetall("hash"), c.hmset("hash", {}), c.hmset("string", {"a": 1}),
    c.hmset("hash", {"a": None}),
]
CASES["hdel"] = [
    c.hdel("hash", "f"), c.hdel("hash", "f", "n", "z"), c.hdel("none", "f"), c.hdel("hash"), c.hdel("string", "f"),
    c.hdel("hash", "x"), c.exists("hash"), c.hdel("hash", None),
]
CASES["hexists"] = [
    c.hexists("hash", "f"), c.hexists("hash", "z"), c.hexists("none", "f"), c.hexists("string", "f"), c.hexists("hash", None),
]
CASES["hkeys"] = [c.hkeys("hash"), c.hkeys("none"), c.hkeys("string")]
CASES["hvals"] = [c.hvals("hash"), c.hvals("none"), c.hvals("string")]
CASES["hlen"] = [c.hlen("hash"), c.hlen("none"), c.hlen("string")]
CASES["hstrlen"] = [c.hstrlen("hash", "f"), c.hstrlen("hash", "z"), c.hstrlen("none", "f"), c.hstrlen("string", "f")]
CASES["hincrby"] = [
    c.hincrby("hash", "n"), c.hincrby("hash", "n", 5), c.hincrby("hash", "n", amount=-20), c.hincrby("hash", "new", 1),
    c.hincrby("none", "f", 2), c.hincrby("hash", "f", 1), c.hincrby("string", "f", 1), c.hincrby("hash", "n", 1.5),
    c.hincrby("hash", "n", "2"), c.hincrby("hash", "n", 2**63), c.hincrby("hash", "n", 2**63 - 1), c.hincrby("hash", "n", None),
]
CASES["hincrbyfloat"] = [
    c.hincrbyfloat("hash", "x"), c.hincrbyfloat("hash", "x", 0.1), c.hincrbyfloat("hash", "x", amount=-3),
    c.hincrbyfloat("none", "f", 1.5), c.hincrbyfloat("hash", "f", 1), c.hincrbyfloat("string", "f", 1),
    c.hincrbyfloat("hash", "x", "x"),
]
CASES["hsetnx"] = [
    c.hsetnx("hash", "f", "w"), c.hsetnx("hash", "new", "w"), c.hsetnx("none", "f", 1), c.hsetnx("string", "f", "w"),
    c.hget("hash", "f"),
]
CASES["hrandfield"] = [
    only_kind(c.hrandfield("hash")), c.hset("one", "f", "v"), c.hrandfield("one"), c.hrandfield("one", 3), c.hrandfield("one", -2),
    c.hrandfield("one", 2, True), c.hrandfield("one", -2, withvalues=True), any_order(c.hrandfield("hash", 9)),
    c.hrandfield("none"), c.hrandfield("none", 2), c.hrandfield("none", 2, True), c.hrandfield("string"), c.hrandfield("one", 0),
]
CASES["hexpire"] = [
    c.hexpire("hash", 1000, "f"), about(c.httl("hash", "f", "n", "z")), c.hexpire("hash", HOUR, "f", "n", "z"),
    c.hexpire("none", 5, "f"), c.hexpire("hash", 10, "f", nx=True), c.hexpire("hash", 10, "x", xx=True),
    c.hexpire("hash", 99999, "f", gt=True), c.hexpire("hash", 10000, "f", lt=True), c.hexpire("hash", 10, "f", nx=True, xx=True),
    c.hexpire("hash", 10), c.hexpire("string", 10, "f"), c.hexpire("hash", "x", "f"), c.hexpire("hash", 1.5, "f"),
    c.hexpire("hash", -1, "f"), c.hexpire("hash", 0, "f", "n"), c.hgetall("hash"),
]
CASES["hpexpire"] = [
    c.hpexpire("hash", 1000000, "f"), about(c.hpttl("hash", "f", "n", "z")), c.hpexpire("hash", HOUR, "f", "z"),
    c.hpexpire("none", 5, "f"), c.hpexpire("hash", 10, "f", nx=True), c.hpexpire("hash", 10, "x", xx=True),
    c.hpexpire("hash", 99999999, "f", gt=True), c.hpexpire("hash", 1000000, "f", lt=True), c.hpexpire("string", 10, "f"),
    c.hpexpire("hash", 0, "f"), c.hgetall("hash"),
]
CASES["hexpireat"] = [
    c.hexpireat("hash", LATER, "f"), c.hexpiretime("hash", "f", "n", "z"), c.hexpireat("hash", LATER_DATE, "f"),
    c.hexpireat("hash", LATER, "f", nx=True), c.hexpireat("hash", LATER, "x", xx=True),
    c.hexpireat("hash", LATER + 1000, "f", gt=True), c.hexpireat("hash", LATER, "f", lt=True), c.hexpireat("none", LATER, "f"),
    c.hexpireat("string", LATER, "f"), c.hexpireat("hash", 1, "f"), c.hgetall("hash"),
]
CASES["hpexpireat"] = [
    c.hpexpireat("hash", LATER_MS, "f"), c.hpexpiretime("hash", "f", "n", "z"), c.hpexpireat("hash", LATER_DATE, "f"),
    c.hpexpireat("hash", LATER_MS, "f", nx=True), c.hpexpireat("hash", LATER_MS, "x", xx=True),
    c.hpexpireat("hash", LATER_MS + 1000, "f", gt=True), c.hpexpireat("hash", LATER_MS, "f", lt=True),
    c.hpexpireat("none", LATER_MS, "f"), c.hpexpireat("hash", 1, "f"), c.hgetall("hash"),
]
CASES["hexpiretime"] = [
    c.hexpiretime("hash", "f"), c.hexpireat("hash", LATER, "f"), c.hexpiretime("hash", "f", "z"), c.hexpiretime("none", "f"),
    c.hexpiretime("string", "f"), c.hexpiretime("hash"),
]
CASES["hpexpiretime"] = [
    c.hpexpiretime("hash", "f"), c.hpexpireat("hash", LATER_MS, "f"), c.hpexpiretime("hash", "f", "z"), c.hpexpiretime("none", "f"),
    c.hpexpiretime("string", "f"),
]
CASES["httl"] = [
    c.httl("hash", "f"), c.hexpireat("hash", LATER, "f"), about(c.httl("hash", "f", "z")), c.httl("none", "f"),
    c.httl("string", "f"),
]
CASES["hpttl"] = [
    c.hpttl("hash", "f"), c.hexpireat("hash", LATER, "f"), about(c.hpttl("hash", "f", "z")), c.hpttl("none", "f"),
    c.hpttl("string", "f"),
]
CASES["hpersist"] = [
    c.hpersist("hash", "f"), c.hexpireat("hash", LATER, "f"), c.hpersist("hash", "f", "n", "z"), c.hpersist("none", "f"),
    c.hpersist("string", "f"), c.httl("hash", "f"),
]
CASES["hgetdel"] = [
    c.hgetdel("hash", "f"), c.hgetdel("hash", "f", "n"), c.hgetdel("none", "f"), c.hgetdel("string", "f"), c.hgetdel("hash"),
    c.hgetall("hash"),
]
CASES["hgetex"] = [
    c.hgetex("hash", "f"), c.hgetex("hash", "f", "z", ex=1000), about(c.httl("hash", "f")), c.hgetex("hash", "f", px=1000000),
    c.hgetex("hash", "f", exat=LATER), c.hexpiretime("hash", "f"), c.hgetex("hash", "f", pxat=LATER_MS),
    c.hgetex("hash", "f", exat=LATER_DATE), c.hgetex("hash", "f", ex=HOUR), c.hgetex("hash", "f", persist=True),
    c.httl("hash", "f"), c.hgetex("none", "f"), c.hgetex("string", "f"), c.hgetex("hash"), c.hgetex("hash", "f", ex=1, px=1),
    c.hgetex("hash", "f", ex=0), c.hgetex("hash", "f", ex=-1), c.hgetall("hash"),
]
CASES["hsetex"] = [
    c.hsetex("hash", "f", "w"), c.hsetex("hash", mapping={"a": 1, "b": 2}, ex=1000), about(c.httl("hash", "a", "f")),
    c.hsetex("hash", "f", "x", px=1000000), c.hsetex("hash", "f", "x", exat=LATER), c.hexpiretime("hash", "f"),
    c.hsetex("hash", "f", "y", keepttl=True), c.hexpiretime("hash", "f"), c.hsetex("hash", "f", "x", pxat=LATER_MS),
    c.hsetex("hash", items=["i", 1], ex=HOUR), c.hsetex("hash"), c.hsetex("hash", items=["odd"]),
    c.hsetex("hash", "f", "v", ex=1, px=1), c.hsetex("string", "f", "v"), c.hsetex("hash", "f", "v", ex=0), c.hgetall("hash"),
]

# Sorted sets.
CASES["zadd"] = [
    c.zadd("zset", {"d": 4}), c.zadd("zset", {"a": 10, "e": "5.5"}), c.zadd("none", {"x": 1.5, b"y": 2}),
    c.zadd("zset", {"a": 1, "new": 1}, nx=True), c.zadd("zset", {"a": 2, "new2": 1}, xx=True), c.zadd("zset", {"a": 3}, ch=True),
    c.zadd("zset", {"a": 4}, incr=True), c.zadd("zset", {"a": 1}, incr=True, nx=True),
    c.zadd("zset", {"zz": 1}, incr=True, xx=True), c.zadd("zset", {"a": 100}, gt=True), c.zadd("zset", {"a": 1}, gt=True, ch=True),
    c.zadd("zset", {"a": 1}, lt=True, ch=True), c.zadd("zset", {"a": 1, "b": 2}, incr=True), c.zadd("zset", {}),
    c.zadd("zset", None), c.zadd("zset", {"a": 1}, nx=True, xx=True), c.zadd("zset", {"a": 1}, gt=True, lt=True),
    c.zadd("zset", {"a": 1}, gt=True, nx=True), c.zadd("zset", {"a": "x"}), c.zadd("zset", {"a": None}),
    c.zadd("zset", {"a": True}), c.zadd("zset", {"i": math.inf, "j": -math.inf}), c.zadd("zset", {"n": math.nan}),
    c.zadd("zset", {"i": -math.inf}, incr=True), c.zadd("string", {"a": 1}), c.zadd("zset", [("a", 1)]), c.zadd("zset", "a", 1),
    c.zrange("zset", 0, -1, withscores=True),
]
CASES["zcard"] = [c.zcard("zset"), c.zcard("none"), c.zcard("string")]
CASES["zcount"] = [
    c.zcount("zset", 1, 2), c.zcount("zset", "-inf", "+inf"), c.zcount("zset", "(1", 3.5), c.zcount("none", 0, 1),
    c.zcount("string", 0, 1), c.zcount("zset", "x", 1), c.zcount("zset", -math.inf, math.inf),
]
CASES["zscore"] = [
    c.zscore("zset", "a"), c.zscore("zset", "c"), c.zscore("zset", "z"), c.zscore("none", "a"), c.zscore("string", "a"),
    c.zadd("zset", {"i": math.inf, "j": -math.inf, "k": 1e300, "l": 0.1, "m": 3e-5, "o": 123456789012345680}),
    c.zscore("zset", "i"), c.zscore("zset", "j"), c.zscore("zset", "k"), c.zscore("zset", "l"), c.zscore("zset", "m"),
    c.zscore("zset", "o"), c.zscore("zset", None),
]
CASES["zmscore"] = [
    c.zmscore("zset", ["a", "z", "c"]), c.zmscore("none", ["a"]), c.zmscore("string", ["a"]), c.zmscore("zset", []),
    c.zmscore("zset", "ab"),
]
CASES["zincrby"] = [
    c.zincrby("zset", 1, "a"), c.zincrby("zset", -0.5, "new"), c.zincrby("zset", "2", "a"), c.zincrby("none", 1.5, "x"),
    c.zincrby("string", 1, "a"), c.zincrby("zset", "x", "a"), c.zincrby("zset", math.inf, "a"), c.zincrby("zset", -math.inf, "a"),
    c.zincrby("zset", None, "a"),
]
CASES["zrank"] = [
    c.zrank("zset", "b"), c.zrank("zset", "z"), c.zrank("none", "a"), c.zrank("zset", "b", True),
    c.zrank("zset", "z", withscore=True), c.zrank("string", "a"), c.zrank("zset", "c", withscore=True, score_cast_func=str),
    c.zrank("zset", None),
]
CASES["zrevrank"] = [
    c.zrevrank("zset", "b"), c.zrevrank("zset", "z"), c.zrevrank("none", "a"), c.zrevrank("zset", "b", True),
    c.zrevrank("zset", "z", withscore=True), c.zrevrank("string", "a"),
    c.zrevrank("zset", "c", withscore=True, score_cast_func=str),
]
CASES["zrange"] = [
    c.zrange("zset", 0, -1), c.zrange("zset", 0, -1, withscores=True), c.zrange("zset", 0, 1, desc=True),
    c.zrange("zset", 0, 1, desc=True, withscores=True), c.zrange("zset", 0, -1, withscores=True, score_cast_func=int),
    c.zrange("zset", 0, -1, withscores=True, score_cast_func=str), c.zrange("zset", 1, 3, byscore=True),
    c.zrange("zset", "(1", "+inf", byscore=True, withscores=True), c.zrange("zset", "-inf", "+inf", byscore=True, offset=1, num=1),
    c.zrange("zset", "+inf", "-inf", byscore=True, desc=True),
    c.zrange("zset", 3, 1, byscore=True, desc=True, offset=0, num=1, withscores=True), c.zrange("zlex", "-", "+", bylex=True),
    c.zrange("zlex", "[b", "(d", bylex=True), c.zrange("zlex", "+", "-", bylex=True, desc=True),
    c.zrange("zset", 0, -1, byscore=True, bylex=True), c.zrange("zset", 0, -1, offset=1), c.zrange("zset", 0, -1, offset=1, num=1),
    c.zrange("none", 0, -1), c.zrange("none", 0, -1, withscores=True), c.zrange("string", 0, -1), c.zrange("zset", "x", 1),
    c.zrange("zset", "0", "-1"), c.zrange("zset", 0.0, 1), c.zrange("zset", 0, 2**63),
    c.zrange("zlex", "-", "+", bylex=True, withscores=True), c.zrange("zset", True, 1),
]
CASES["zrevrange"] = [
    c.zrevrange("zset", 0, -1), c.zrevrange("zset", 0, 1, True), c.zrevrange("zset", 0, -1, withscores=True, score_cast_func=int),
    c.zrevrange("none", 0, -1), c.zrevrange("string", 0, -1), c.zrevrange("zset", "x", 1),
]
CASES["zrangebyscore"] = [
    c.zrangebyscore("zset", 1, 2), c.zrangebyscore("zset", "-inf", "+inf", withscores=True),
    c.zrangebyscore("zset", "(1", 5, start=0, num=1),
    c.zrangebyscore("zset", "-inf", "+inf", start=1, num=1, withscores=True, score_cast_func=int),
    c.zrangebyscore("zset", 1, 2, start=1), c.zrangebyscore("none", 1, 2), c.zrangebyscore("string", 1, 2),
    c.zrangebyscore("zset", "x", 2),
]
CASES["zrevrangebyscore"] = [
    c.zrevrangebyscore("zset", 2, 1), c.zrevrangebyscore("zset", "+inf", "-inf", withscores=True),
    c.zrevrangebyscore("zset", 5, "(1", start=0, num=1),
    c.zrevrangebyscore("zset", "+inf", "-inf", start=1, num=1, withscores=True, score_cast_func=int),
    c.zrevrangebyscore("zset", 2, 1, num=1), c.zrevrangebyscore("none", 2, 1), c.zrevrangebyscore("zset", "x", 2),
]
CASES["zrangebylex"] = [
    c.zrangebylex("zlex", "-", "+"), c.zrangebylex("zlex", "[b", "(d"), c.zrangebylex("zlex", "-", "+", start=1, num=2),
    c.zrangebylex("zlex", "-", "+", start=1), c.zrangebylex("none", "-", "+"), c.zrangebylex("zlex", "b", "d"),
    c.zrangebylex("string", "-", "+"),
]
CASES["zrevrangebylex"] = [
    c.zrevrangebylex("zlex", "+", "-"), c.zrevrangebylex("zlex", "(d", "[b"), c.zrevrangebylex("zlex", "+", "-", start=1, num=2),
    c.zrevrangebylex("zlex", "+", "-", num=1), c.zrevrangebylex("none", "+", "-"),
]
CASES["zrangestore"] = [
    c.zrangestore("to", "zset", 0, 1), c.zrange("to", 0, -1, withscores=True), c.zrangestore("to", "zset", 0, 1, desc=True),
    c.zrangestore("to", "zset", 1, 2, byscore=True), c.zrangestore("to", "zlex", "[b", "+", bylex=True),
    c.zrangestore("to", "zset", "-inf", "+inf", byscore=True, offset=1, num=1), c.zrangestore("to", "none", 0, -1), c.exists("to"),
    c.zrangestore("to", "string", 0, 1), c.zrangestore("to", "zset", 0, 1, byscore=True, bylex=True),
]
CASES["zrem"] = [
    c.zrem("zset", "a"), c.zrem("zset", "a", "b", "z"), c.zrem("none", "a"), c.zrem("zset"), c.zrem("string", "a"),
    c.zrem("zset", None),
]
CASES["zremrangebylex"] = [
    c.zremrangebylex("zlex", "[b", "(d"), c.zrange("zlex", 0, -1), c.zremrangebylex("none", "-", "+"),
    c.zremrangebylex("zlex", "x", "y"), c.zremrangebylex("string", "-", "+"),
]
CASES["zremrangebyrank"] = [
    c.zremrangebyrank("zset", 0, 1), c.zrange("zset", 0, -1), c.zremrangebyrank("none", 0, 1), c.zremrangebyrank("zset", "x", 1),
    c.zremrangebyrank("string", 0, 1),
]
CASES["zremrangebyscore"] = [
    c.zremrangebyscore("zset", 1, 2), c.zrange("zset", 0, -1), c.zremrangebyscore("none", 0, 1), c.zremrangebyscore("zset", "x", 1),
    c.zremrangebyscore("string", 0, 1),
]
CASES["zlexcount"] = [
    c.zlexcount("zlex", "-", "+"), c.zlexcount("zlex", "[b", "(d"), c.zlexcount("none", "-", "+"), c.zlexcount("zlex", "x", "y"),
    c.zlexcount("string", "-", "+"),
]
CASES["zpopmin"] = [
    c.zpopmin("zset"), c.zpopmin("zset", 0), c.zpopmin("zset", 5), c.zpopmin("zset"), c.zpopmin("zset", 2), c.zpopmin("none"),
    c.zpopmin("string"), c.zpopmin("zset", -1),
]
CASES["zpopmax"] = [
    c.zpopmax("zset"), c.zpopmax("zset", 0), c.zpopmax("zset", count=5), c.zpopmax("zset"), c.zpopmax("none"), c.zpopmax("string"),
    c.zpopmax("zset", "x"),
]
CASES["bzpopmin"] = [
    c.bzpopmin("zset", 0.01), c.bzpopmin(["none", "zset"], 0.01), c.bzpopmin("none", timeout=0.01), c.bzpopmin("string", 0.01),
    c.bzpopmin("zset", -1), c.bzpopmin("zset"), c.zrange("zset", 0, -1),
]
CASES["bzpopmax"] = [
    c.bzpopmax("zset", 0.01), c.bzpopmax(["none", "zset"], 0.01), c.bzpopmax("none", timeout=0.01), c.bzpopmax("string", 0.01),
    c.bzpopmax("zset", -1), c.bzpopmax("zset", None), c.zrange("zset", 0, -1),
]
CASES["zmpop"] = [
    c.zmpop(2, ["none", "zset"], min=True), c.zmpop(1, ["zset"], max=True, count=2), c.zmpop(1, ["none"], min=True),
    c.zmpop(1, ["string"], min=True), c.zmpop(1, ["zset"]), c.zmpop(1, ["zset"], min=True, max=True),
    c.zmpop(3, ["zset"], min=True),
]
CASES["bzmpop"] = [
    c.bzmpop(0.01, 2, ["none", "zset"], min=True), c.bzmpop(0.01, 1, ["zset"], max=True, count=2),
    c.bzmpop(0.01, 1, ["none"], min=True), c.bzmpop(0.01, 1, ["string"], min=True), c.bzmpop(0.01, 1, ["zset"]),
    c.bzmpop(-1, 1, ["zset"], min=True),
]
CASES["zrandmember"] = [
    only_kind(c.zrandmember("zset")), c.zadd("one", {"x": 1.5}), c.zrandmember("one"), c.zrandmember("one", 3),
    c.zrandmember("one", -2), c.zrandmember("one", 2, True), c.zrandmember("one", -2, withscores=True),
    any_order(c.zrandmember("zset", 9)), c.zrandmember("none"), c.zrandmember("none", 1), c.zrandmember("none", 1, True),
    c.zrandmember("string"), c.zrandmember("one", 0),
]
CASES["zdiff"] = [
    c.zdiff(["zset", "zother"]), c.zdiff(["zset", "zother"], withscores=True), c.zdiff(["none"]), c.zdiff(["none"], True),
    c.zdiff(["zset", "string"]), c.zdiff([]), c.zdiff("zset"),
]
CASES["zdiffstore"] = [
    c.zdiffstore("to", ["zset", "zother"]), c.zrange("to", 0, -1, withscores=True), c.zdiffstore("to", ["none"]), c.exists("to"),
    c.zdiffstore("to", ["string"]), c.zdiffstore("to", []),
]
CASES["zinter"] = [
    c.zinter(["zset", "zother"]), c.zinter(["zset", "zother"], withscores=True),
    c.zinter({"zset": 2, "zother": 0.5}, withscores=True), c.zinter(["zset", "zother"], aggregate="MAX", withscores=True),
    c.zinter(["zset", "zother"], aggregate="min", withscores=True), c.zinter(["zset", "set"], aggregate="SUM", withscores=True),
    c.zinter(["zset", "none"]), c.zinter(["zset", "string"]), c.zinter(["zset"], aggregate="NOPE"), c.zinter([]),
]
CASES["zinterstore"] = [
    c.zinterstore("to", ["zset", "zother"]), c.zrange("to", 0, -1, withscores=True),
    c.zinterstore("to", {"zset": 2, "zother": 0.5}), c.zinterstore("to", ["zset", "zother"], aggregate="MIN"),
    c.zrange("to", 0, -1, withscores=True), c.zinterstore("to", ["none"]), c.exists("to"), c.zinterstore("to", ["string"]),
    c.zinterstore("to", []),
]
CASES["zintercard"] = [
    c.zintercard(2, ["zset", "zother"]), c.zintercard(1, ["zset"], limit=2), c.zintercard(1, ["none"]), c.zintercard(1, ["string"]),
    c.zintercard(3, ["zset"]), c.zintercard(1, ["zset"], -1),
]
CASES["zunion"] = [
    c.zunion(["zset", "zother"]), c.zunion(["zset", "zother"], withscores=True),
    c.zunion({"zset": 2, "zother": 0.5}, withscores=True), c.zunion(["zset", "zother"], aggregate="MAX", withscores=True),
    c.zunion(["zset", "set"], withscores=True, score_cast_func=int), c.zunion(["none"]), c.zunion(["none"], withscores=True),
    c.zunion(["zset", "string"]), c.zunion([]),
]
CASES["zunionstore"] = [
    c.zunionstore("to", ["zset", "zother"]), c.zrange("to", 0, -1, withscores=True),
    c.zunionstore("to", {"zset": 2, "zother": 0.5}), c.zunionstore("to", ["zset", "zother"], aggregate="MIN"),
    c.zrange("to", 0, -1, withscores=True), c.zunionstore("to", ["none"]), c.zunionstore("to", ["string"]), c.zunionstore("to", []),
]

# Scans. Small keys come in one go; the order of the keys is chance.
CASES["scan"] = [
    any_order(c.scan(0, count=1000)), any_order(c.scan(match="s*", count=1000)), any_order(c.scan(count=1000, _type="zset")),
    c.scan(match="string", count=1000), c.scan("x"), c.scan(0, count=0), c.scan(count=1000, _type="NOPE"),
    c.scan(match="nothing", count=1000), any_order(c.scan(cursor=0, count=1000)),
]
CASES["sscan"] = [
    any_order(c.sscan("set")), any_order(c.sscan("set", match="[ab]")), any_order(c.sscan("set", 0, count=5)), c.sscan("none"),
    c.sscan("string"), c.sscan("set", "x"), c.sscan("set", count=0),
]
CASES["hscan"] = [
    c.hscan("hash"), c.hscan("hash", match="[fn]"), c.hscan("hash", 0, count=5), c.hscan("hash", no_values=True), c.hscan("none"),
    c.hscan("none", no_values=True), c.hscan("string"), c.hscan("hash", "x"),
]
CASES["zscan"] = [
    c.zscan("zset"), c.zscan("zset", match="[ab]"), c.zscan("zset", 0, count=5), c.zscan("zset", score_cast_func=int),
    c.zscan("zset", score_cast_func=str), c.zscan("none"), c.zscan("string"), c.zscan("zset", "x"),
]
CASES["scan_iter"] = _all(
    alone, any_order(c.scan_iter()), any_order(c.scan_iter("s*")), any_order(c.scan_iter(match="*", count=2)),
    any_order(c.scan_iter(_type="set")), c.scan_iter("nothing"), c.scan_iter(count=0),
)
CASES["sscan_iter"] = _all(
    alone, any_order(c.sscan_iter("set")), c.sscan_iter("set", match="a"), any_order(c.sscan_iter("set", count=1)),
    c.sscan_iter("none"), c.sscan_iter("string"),
)
CASES["hscan_iter"] = _all(
    alone, any_order(c.hscan_iter("hash")), c.hscan_iter("hash", match="f"), any_order(c.hscan_iter("hash", count=1)),
    any_order(c.hscan_iter("hash", no_values=True)), c.hscan_iter("none"), c.hscan_iter("string"),
)
CASES["zscan_iter"] = _all(
    alone, any_order(c.zscan_iter("zset")), c.zscan_iter("zset", match="a"),
    any_order(c.zscan_iter("zset", count=1, score_cast_func=int)), c.zscan_iter("none"), c.zscan_iter("string"),
)

# HyperLogLogs and places.
CASES["pfadd"] = [
    c.pfadd("hll", "d"), c.pfadd("hll", "a"), c.pfadd("none"), c.pfadd("none"), c.pfadd("string", "x"),
    c.pfadd("new", 1, b"2", 3.5),
]
CASES["pfcount"] = [
    c.pfcount("hll"), c.pfadd("hll2", "c", "d"), c.pfcount("hll", "hll2"), c.pfcount("none"), c.pfcount("string"), c.pfcount(),
    c.pfcount("list"),
]
CASES["pfmerge"] = [
    c.pfadd("hll2", "c", "d"), c.pfmerge("to", "hll", "hll2"), c.pfcount("to"), c.pfmerge("to"), c.pfmerge("to", "none"),
    c.pfmerge("to", "string"), c.pfmerge("list", "hll"),
]
CASES["geoadd"] = [
    c.geoadd("geo", (2.35, 48.85, "Paris")), c.geoadd("geo", [2.35, 48.85, "Paris", 13.4, 52.5, "Berlin"]),
    c.geoadd("geo", (2.36, 48.85, "Paris"), nx=True), c.geoadd("geo", (2.36, 48.85, "Paris"), xx=True, ch=True),
    c.geoadd("geo", (2.36, 48.85, "Paris"), nx=True, xx=True), c.geoadd("geo", (2.35, 48.85)),
    c.geoadd("geo", (200, 48.85, "nowhere")), c.geoadd("geo", ("x", 1, "nowhere")), c.geoadd("string", (1, 1, "x")),
    c.geoadd("none", (1, 1, b"x")), c.geoadd("geo", ()),
]
CASES["geodist"] = [
    c.geodist("geo", "Palermo", "Catania"), c.geodist("geo", "Palermo", "Catania", "km"),
    c.geodist("geo", "Palermo", "Catania", unit="mi"), c.geodist("geo", "Palermo", "Catania", unit="ft"),
    c.geodist("geo", "Palermo", "none"), c.geodist("none", "a", "b"), c.geodist("geo", "Palermo", "Catania", "x"),
    c.geodist("string", "a", "b"),
]
CASES["geohash"] = [
    c.geohash("geo", "Palermo", "Catania", "none"), c.geohash("none", "a"), c.geohash("string", "a"), c.geohash("geo"),
]
CASES["geopos"] = [c.geopos("geo", "Palermo", "none", "Catania"), c.geopos("none", "a"), c.geopos("string", "a"), c.geopos("geo")]
CASES["georadius"] = [
    c.georadius("geo", 15, 37, 200, "km"), c.georadius("geo", 15, 37, 200, unit="km", withdist=True),
    c.georadius("geo", 15, 37, 200, unit="km", withcoord=True), c.georadius("geo", 15, 37, 200, unit="km", withhash=True),
    c.georadius("geo", 15, 37, 200, unit="km", withdist=True, withcoord=True, withhash=True, sort="ASC"),
    c.georadius("geo", 15, 37, 200, unit="km", count=1, sort="DESC"), c.georadius("geo", 15, 37, 200, unit="km", count=1, any=True),
    c.georadius("geo", 15, 37, 200000), c.georadius("geo", 15, 37, 200, unit="km", store="to"),
    c.zrange("to", 0, -1, withscores=True), c.georadius("geo", 15, 37, 200, unit="km", store_dist="to"),
    c.georadius("geo", 15, 37, 200, unit="km", store="to", store_dist="to"), c.georadius("geo", 15, 37, 1, unit="m"),
    c.georadius("none", 15, 37, 200), c.georadius("string", 15, 37, 200), c.georadius("geo", 15, 37, 200, unit="x"),
    c.georadius("geo", 15, 37, 200, any=True), c.georadius("geo", 15, 37, 200, sort="x"),
]
CASES["georadiusbymember"] = [
    c.georadiusbymember("geo", "Palermo", 200, "km"),
    c.georadiusbymember("geo", "Palermo", 200, unit="km", withdist=True, withcoord=True, withhash=True),
    c.georadiusbymember("geo", "Palermo", 200, unit="km", count=1, sort="DESC"),
    c.georadiusbymember("geo", "Palermo", 200, unit="km", count=1, any=True), c.georadiusbymember("geo", "none", 200),
    c.georadiusbymember("geo", "Palermo", 200, unit="km", store="to"),
    c.georadiusbymember("geo", "Palermo", 200, unit="km", store_dist="to"), c.zrange("to", 0, -1),
    c.georadiusbymember("none", "a", 1), c.georadiusbymember("string", "a", 1),
]
CASES["geosearch"] = [
    c.geosearch("geo", member="Palermo", radius=200, unit="km"),
    c.geosearch("geo", longitude=15, latitude=37, radius=200, unit="km", sort="ASC"),
    c.geosearch("geo", longitude=15, latitude=37, width=400, height=400, unit="km", sort="DESC"),
    c.geosearch("geo", member="Palermo", radius=200, unit="km", withdist=True, withcoord=True, withhash=True),
    c.geosearch("geo", member="Palermo", radius=200, unit="km", count=1),
    c.geosearch("geo", member="Palermo", radius=200, unit="km", count=1, any=True),
    c.geosearch("geo", member="Palermo", radius=200, unit="km", withdist=True), c.geosearch("geo", member="none", radius=200),
    c.geosearch("none", member="a", radius=1), c.geosearch("string", member="a", radius=1), c.geosearch("geo"),
    c.geosearch("geo", member="Palermo"), c.geosearch("geo", member="Palermo", longitude=1, latitude=1, radius=1),
    c.geosearch("geo", member="Palermo", radius=1, width=1, height=1), c.geosearch("geo", member="Palermo", radius=1, unit="x"),
    c.geosearch("geo", member="Palermo", radius=1, any=True), c.geosearch("geo", longitude=15, radius=1),
    c.geosearch("geo", member="Palermo", width=1),
]
CASES["geosearchstore"] = [
    c.geosearchstore("to", "geo", member="Palermo", radius=200, unit="km"), c.zrange("to", 0, -1, withscores=True),
    c.geosearchstore("to", "geo", longitude=15, latitude=37, width=400, height=400, unit="km", storedist=True),
    c.zrange("to", 0, -1, withscores=True),
    c.geosearchstore("to", "geo", member="Palermo", radius=200, unit="km", count=1, sort="ASC"),
    c.geosearchstore("to", "none", member="a", radius=1), c.exists("to"), c.geosearchstore("to", "geo"),
    c.geosearchstore("to", "string", member="a", radius=1),
]

# Streams.
CASES["xadd"] = [
    c.xadd("stream", {"a": 1}, id="5-1"), c.xadd("stream", {"a": 1, b"b": 2.5}, "6-*"), only_kind(c.xadd("stream", {"a": 1})),
    c.xadd("stream", {"a": 1}, id="1-1"), c.xadd("stream", {}), c.xadd("stream", None), c.xadd("stream", [("a", 1)]),
    c.xadd("stream", {"a": None}), c.xadd("none", {"a": 1}, nomkstream=True), c.xadd("new", {"a": 1}, id="1-1"),
    c.xadd("new", {"a": 1}, id="2-1", maxlen=1, approximate=False), c.xlen("new"), c.xadd("new", {"a": 1}, id="3-1", maxlen=10),
    c.xadd("new", {"a": 1}, id="4-1", minid="3-1", approximate=False), c.xlen("new"),
    c.xadd("new", {"a": 1}, id="5-1", maxlen=1, limit=1), c.xadd("new", {"a": 1}, id="6-1", maxlen=1, approximate=False, limit=1),
    c.xadd("new", {"a": 1}, maxlen=1, minid="1"), c.xadd("new", {"a": 1}, maxlen=-1), c.xadd("new", {"a": 1}, id="x"),
    c.xadd("string", {"a": 1}), c.xadd("new", {"a": 1}, id="0-0"),
    newer(c.xadd("new", {"a": 1}, id="9-1", maxlen=2, approximate=False, ref_policy="DELREF")),
    newer(c.xadd("new", {"a": 1}, id="9-2", ref_policy="KEEPREF")), c.xadd("new", {"a": 1}, ref_policy="NOPE"),
    newer(only_kind(c.xadd("new", {"a": 1}, idmp=("producer", b"one")))),
    newer(only_kind(c.xadd("new", {"a": 1}, idmpauto="producer"))), c.xadd("new", {"a": 1}, idmp=("p", b"1"), idmpauto="p"),
]
CASES["xlen"] = [c.xlen("stream"), c.xlen("none"), c.xlen("string")]
CASES["xrange"] = [
    c.xrange("stream"), c.xrange("stream", "1-1", "1-1"), c.xrange("stream", min="(1-1", max="+"), c.xrange("stream", count=1),
    c.xrange("stream", count=0), c.xrange("stream", count=-1), c.xrange("none"), c.xrange("string"), c.xrange("stream", "x"),
    c.xrange("stream", 1, 2),
]
CASES["xrevrange"] = [
    c.xrevrange("stream"), c.xrevrange("stream", "1-1", "1-1"), c.xrevrange("stream", count=1), c.xrevrange("none"),
    c.xrevrange("string"), c.xrevrange("stream", "x"),
]
CASES["xdel"] = [
    c.xdel("stream", "1-1"), c.xdel("stream", "1-1", "2-1"), c.xdel("none", "1-1"), c.xdel("stream"), c.xdel("stream", "x"),
    c.xdel("string", "1-1"), c.xlen("stream"),
]
CASES["xdelex"] = _all(
    newer, c.xdelex("stream", "1-1"), c.xdelex("stream", "2-1", "9-9", ref_policy="DELREF"),
    c.xdelex("stream", "1-1", ref_policy="ACKED"), c.xdelex("none", "1-1"), c.xdelex("stream"),
    c.xdelex("stream", "1-1", ref_policy="NOPE"), c.xdelex("string", "1-1"),
)
CASES["xtrim"] = [
    c.xtrim("stream", 1, approximate=False), c.xlen("stream"), c.xtrim("stream", maxlen=0),
    c.xtrim("stream", minid="2-1", approximate=False), c.xtrim("stream", minid="9", approximate=False), c.xlen("stream"),
    c.xtrim("stream"), c.xtrim("stream", maxlen=1, minid="1"), c.xtrim("stream", maxlen=1, limit=1),
    c.xtrim("stream", maxlen=1, approximate=False, limit=1), c.xtrim("none", 1), c.xtrim("string", 1),
    newer(c.xtrim("stream", 1, approximate=False, ref_policy="DELREF")), c.xtrim("stream", 1, ref_policy="NOPE"),
    c.xtrim("stream", -1),
]
CASES["xread"] = [
    c.xread({"stream": 0}), c.xread({"stream": "1-1"}), c.xread({"stream": "0", "none": "0"}, count=1), c.xread({"stream": "$"}),
    c.xread({"stream": "$"}, block=5), c.xread({"stream": "0"}, block=5), c.xread({"stream": "+"}), c.xread({"none": 0}),
    c.xread({"string": 0}), c.xread({}), c.xread(None), c.xread({"stream": "x"}), c.xread({"stream": 0}, count=0),
    c.xread({"stream": 0}, count="x"), c.xread({"stream": 0}, block=-1), c.xread({"stream": 0}, block="x"),
    newer(c.xread({"stream": 0}, max_count=1)), newer(c.xread({"stream": 0}, max_size=1)),
]
CASES["xgroup_create"] = [
    c.xgroup_create("stream", "g2"), c.xgroup_create("stream", "g2"), c.xgroup_create("stream", "g3", id="0"),
    c.xgroup_create("none", "g"), c.xgroup_create("none", "g", mkstream=True), c.xgroup_create("stream", "g4", "0", entries_read=1),
    c.xgroup_create("string", "g"), c.xgroup_create("stream", "g5", "x"), only_kind(c.xinfo_groups("stream")),
    c.xgroup_create("stream", "g6", entries_read=-5),
]
CASES["xgroup_createconsumer"] = [
    c.xgroup_createconsumer("stream", "group", "me"), c.xgroup_createconsumer("stream", "group", "me"),
    c.xgroup_createconsumer("stream", "none", "me"), c.xgroup_createconsumer("none", "group", "me"),
    c.xgroup_createconsumer("string", "group", "me"),
]
CASES["xgroup_delconsumer"] = [
    c.xgroup_createconsumer("stream", "group", "me"), c.xgroup_delconsumer("stream", "group", "me"),
    c.xgroup_delconsumer("stream", "group", "me"), c.xreadgroup("group", "you", {"stream": ">"}),
    c.xgroup_delconsumer("stream", "group", "you"), c.xgroup_delconsumer("stream", "none", "me"),
    c.xgroup_delconsumer("none", "group", "me"),
]
CASES["xgroup_destroy"] = [
    c.xgroup_destroy("stream", "group"), c.xgroup_destroy("stream", "group"), c.xgroup_destroy("none", "group"),
    c.xgroup_destroy("string", "group"),
]
CASES["xgroup_setid"] = [
    c.xgroup_setid("stream", "group", "1-1"), c.xgroup_setid("stream", "group", "$"),
    c.xgroup_setid("stream", "group", "0", entries_read=1), c.xgroup_setid("stream", "none", "0"),
    c.xgroup_setid("none", "group", "0"), c.xgroup_setid("stream", "group", "x"),
]
CASES["xreadgroup"] = [
    c.xreadgroup("group", "me", {"stream": ">"}, count=1), c.xreadgroup("group", "me", {"stream": "0"}),
    c.xreadgroup("group", "me", {"stream": ">"}, noack=True), c.xreadgroup("group", "me", {"stream": ">"}),
    c.xreadgroup("group", "me", {"stream": ">"}, block=5), c.xreadgroup("none", "me", {"stream": ">"}),
    c.xreadgroup("group", "me", {"none": ">"}), c.xreadgroup("group", "me", {"string": ">"}), c.xreadgroup("group", "me", {}),
    c.xreadgroup("group", "me", {"stream": "$"}), c.xreadgroup("group", "me", {"stream": "0"}, count=0),
    c.xreadgroup("group", "me", {"stream": ">"}, block=-1),
    newer(only_kind(c.xreadgroup("group", "me", {"stream": ">"}, claim_min_idle_time=0))),
    newer(c.xreadgroup("group", "me", {"stream": ">"}, max_count=1)),
    newer(c.xreadgroup("group", "me", {"stream": ">"}, max_size=1)), c.xdel("stream", "1-1"),
    c.xreadgroup("group", "me", {"stream": "0"}),
]
CASES["xack"] = [
    c.xreadgroup("group", "me", {"stream": ">"}), c.xack("stream", "group", "1-1"), c.xack("stream", "group", "1-1", "2-1"),
    c.xack("stream", "none", "1-1"), c.xack("none", "group", "1-1"), c.xack("stream", "group"), c.xack("stream", "group", "x"),
    c.xack("string", "group", "1-1"),
]
CASES["xackdel"] = _all(
    newer, c.xreadgroup("group", "me", {"stream": ">"}), c.xackdel("stream", "group", "1-1"),
    c.xackdel("stream", "group", "2-1", "9-9", ref_policy="DELREF"), c.xackdel("stream", "group", "1-1", ref_policy="ACKED"),
    c.xackdel("stream", "group"), c.xackdel("stream", "group", "1-1", ref_policy="NOPE"), c.xackdel("none", "group", "1-1"),
)
CASES["xnack"] = _all(
    newer, c.xreadgroup("group", "me", {"stream": ">"}), c.xnack("stream", "group", "FAIL", "1-1"),
    c.xnack("stream", "group", "SILENT", "2-1", retrycount=3), c.xnack("stream", "group", "FATAL", "9-9", force=True),
    c.xnack("stream", "none", "FAIL", "1-1"), c.xnack("none", "group", "FAIL", "1-1"), c.xnack("stream", "group", "NOPE", "1-1"),
    c.xnack("stream", "group", "FAIL"),
)
CASES["xpending"] = [
    c.xpending("stream", "group"), c.xreadgroup("group", "me", {"stream": ">"}, count=1),
    c.xreadgroup("group", "you", {"stream": ">"}), c.xpending("stream", "group"), c.xpending("stream", "none"),
    c.xpending("none", "group"), c.xpending("string", "group"),
]
CASES["xpending_range"] = [
    c.xpending_range("stream", "group", "-", "+", 10), c.xreadgroup("group", "me", {"stream": ">"}),
    only_kind(c.xpending_range("stream", "group", "-", "+", 10)),
    only_kind(c.xpending_range("stream", "group", min="-", max="+", count=1, consumername="me")),
    c.xpending_range("stream", "group", "-", "+", 10, consumername="you"),
    c.xpending_range("stream", "group", "-", "+", 10, idle=100000), c.xpending_range("stream", "group", "-", "+", None),
    c.xpending_range("stream", "group", None, None, None), c.xpending_range("stream", "group", "-", None, 5),
    c.xpending_range("stream", "group", "-", "+", -1), c.xpending_range("stream", "group", "-", "+", 10, idle=-1),
    c.xpending_range("stream", "group", "-", "+", 10, idle="x"), c.xpending_range("none", "group", "-", "+", 10),
    c.xpending_range("stream", "group", None, None, None, consumername="me"),
]
CASES["xclaim"] = [
    c.xreadgroup("group", "me", {"stream": ">"}), c.xclaim("stream", "group", "you", 0, ["1-1"]),
    c.xclaim("stream", "group", "you", 0, ("1-1", "2-1"), justid=True),
    c.xclaim("stream", "group", "you", min_idle_time=1000000, message_ids=["1-1"]),
    c.xclaim("stream", "group", "you", 0, ["1-1"], idle=5, retrycount=3), c.xclaim("stream", "group", "you", 0, ["1-1"], time=1),
    c.xclaim("stream", "group", "you", 0, ["9-9"], force=True), c.xclaim("stream", "group", "you", 0, []),
    c.xclaim("stream", "group", "you", -1, ["1-1"]), c.xclaim("stream", "group", "you", 0, "1-1"),
    c.xclaim("stream", "group", "you", 0, ["1-1"], idle="x"), c.xclaim("stream", "group", "you", 0, ["1-1"], time="x"),
    c.xclaim("stream", "group", "you", 0, ["1-1"], retrycount="x"), c.xclaim("stream", "group", "you", 0, ["1-1"], force=1),
    c.xclaim("stream", "group", "you", 0, ["1-1"], justid=1), c.xclaim("stream", "none", "you", 0, ["1-1"]),
    c.xclaim("none", "group", "you", 0, ["1-1"]),
]
CASES["xautoclaim"] = [
    c.xautoclaim("stream", "group", "you", 0), c.xreadgroup("group", "me", {"stream": ">"}),
    c.xautoclaim("stream", "group", "you", 0), c.xautoclaim("stream", "group", "you", 0, "0-0", 1),
    c.xautoclaim("stream", "group", "you", 0, justid=True), c.xautoclaim("stream", "group", "you", 1000000),
    c.xdel("stream", "1-1"), c.xautoclaim("stream", "group", "me", 0), c.xautoclaim("stream", "group", "you", -1),
    c.xautoclaim("stream", "group", "you", 0, count=-1), c.xautoclaim("stream", "none", "you", 0),
    c.xautoclaim("none", "group", "you", 0), c.xautoclaim("stream", "group", "you", 0, "x"),
]
CASES["xinfo_stream"] = [
    c.xinfo_stream("stream"), c.xinfo_stream("stream", full=True), c.xreadgroup("group", "me", {"stream": ">"}),
    only_kind(c.xinfo_stream("stream", True)), c.xinfo_stream("none"), c.xinfo_stream("string"),
    c.xgroup_create("empty", "g", mkstream=True), c.xinfo_stream("empty"),
]
CASES["xinfo_groups"] = [
    c.xinfo_groups("stream"), c.xinfo_groups("none"), c.xinfo_groups("string"), c.xadd("bare", {"a": 1}, id="1-1"),
    c.xinfo_groups("bare"),
]
CASES["xinfo_consumers"] = [
    c.xinfo_consumers("stream", "group"), c.xreadgroup("group", "me", {"stream": ">"}),
    only_kind(c.xinfo_consumers("stream", "group")), c.xinfo_consumers("stream", "none"), c.xinfo_consumers("none", "group"),
    c.xinfo_consumers("string", "group"),
]

# Scripts.
CASES["eval"] = [
    c.eval("return 1", 0), c.eval(ADD, 1, "int", 5), c.eval("return {1, 'two', {3}, false, {ok='fine'}}", 0),
    c.eval("return redis.error_reply('ERR my own')", 0), c.eval("return {err='WRONGTYPE mine'}", 0),
    c.eval("return nothing.there", 0), c.eval("syntax error", 0), c.eval("return redis.call('GET', KEYS[1])", 1, "list"),
    c.eval("return redis.pcall('GET', KEYS[1])", 1, "list"), c.eval("return ARGV", 0, "a", 1, b"b", 2.5),
    c.eval("return KEYS", 2, "a", "b"), c.eval("return 1", 5, "a"), c.eval("return 1", "x"), c.eval("return 1", -1),
    c.eval("return 3.99", 0), c.eval("return nil", 0), c.eval("return true", 0),
    c.eval("redis.setresp(3); return redis.call('HGETALL', 'hash')", 0), c.eval("redis.setresp(3); return {double=1.5}", 0),
    c.eval("return redis.call('HGETALL', 'hash')", 0), c.eval("return redis.call('ZRANGE', 'zset', 0, -1, 'WITHSCORES')", 0),
    c.eval("return 1", 0, None),
]
CASES["eval_ro"] = [
    c.eval_ro("return redis.call('GET', KEYS[1])", 1, "string"), c.eval_ro("return redis.call('SET', KEYS[1], 1)", 1, "string"),
    c.eval_ro("return 1", 0),
]
CASES["evalsha"] = [
    c.script_load("return {KEYS[1], ARGV[1]}"), c.evalsha("ea8f0b0ab0f7b5d6bd4e4a9d0d9a9a7a7a7a7a7a", 0), c.script_load("return 7"),
    c.evalsha("57ade87c8731f041ecac85aba56623f8af391fab", 0), c.evalsha("57ADE87C8731F041ECAC85ABA56623F8AF391FAB", 0),
    c.evalsha("nonsense", 0), c.evalsha("57ade87c8731f041ecac85aba56623f8af391fab", 1),
]
CASES["evalsha_ro"] = [
    c.script_load("return 7"), c.evalsha_ro("57ade87c8731f041ecac85aba56623f8af391fab", 0), c.evalsha_ro("nonsense", 0),
]
CASES["script_load"] = [
    c.script_load("return 1"), c.script_load(b"return 1"), c.script_load("syntax error"), c.script_load(""),
    c.script_load("return 'é'"),
]
CASES["script_exists"] = [
    c.script_load("return 1"), c.script_exists("e0e1f9fabfc9d4800c877a703b823ac0578ff8db"),
    c.script_exists("e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "nonsense"), c.script_exists(),
]
CASES["script_flush"] = [
    c.script_load("return 1"), c.script_flush(), c.script_exists("e0e1f9fabfc9d4800c877a703b823ac0578ff8db"),
    c.script_flush("SYNC"), c.script_flush(sync_type="ASYNC"), c.script_flush("NOPE"),
]
CASES["script_kill"] = [c.script_kill()]

# Server and keyspace.
CASES["bgrewriteaof"] = [on_disk(c.bgrewriteaof())]
CASES["bgsave"] = [on_disk(c.bgsave()), on_disk(c.bgsave(schedule=False))]
CASES["save"] = [on_disk(c.save())]
CASES["lastsave"] = [only_kind(c.lastsave())]
CASES["config_get"] = [
    c.config_get("maxmemory"), any_order(c.config_get("hash-max-listpack-*")), any_order(c.config_get("maxmemory", "timeout")),
    c.config_get("nothing"), only_kind(c.config_get()), c.config_get(pattern="databases"), c.config_get("appendfsync"),
]
CASES["config_set"] = [
    c.config_set("hash-max-listpack-entries", 100), c.config_get("hash-max-listpack-entries"),
    c.config_set("hash-max-listpack-entries", 128), c.config_set("nothing", 1), c.config_set("maxmemory", "x"),
    c.config_set("list-max-listpack-size", -2, "set-max-intset-entries", 512),
    differs(c.config_set("maxmemory-policy", "nope"), "there is allkeys-adaptive besides, which the refusal lists"),
    c.config_set("databases", 5), c.config_set("maxmemory"),
]
CASES["dbsize"] = [c.dbsize(), c.flushdb(), c.dbsize()]
CASES["echo"] = [c.echo("hi"), c.echo(b"\x01"), c.echo(5), c.echo(None), c.echo("é"), c.echo()]
CASES["ping"] = [c.ping(), c.ping("hi"), c.ping(nothing=1)]
CASES["time"] = [only_kind(c.time())]
CASES["flushall"] = [c.flushall(), c.dbsize(), c.flushall(asynchronous=True), c.flushall(True)]
CASES["flushdb"] = [c.flushdb(), c.dbsize(), c.flushdb(asynchronous=True), c.flushdb(True)]
CASES["info"] = [
    only_kind(c.info()), only_kind(c.info("server")), only_kind(c.info("keyspace", "memory")), c.info("nothing"),
    only_kind(c.info("keyspace")), only_kind(c.info(section="all")),
]
CASES["memory_usage"] = [
    only_kind(c.memory_usage("string")), only_kind(c.memory_usage("list", samples=0)), c.memory_usage("none"),
    only_kind(c.memory_usage("list", samples="x")), c.memory_usage("list", samples=-1),
]
CASES["object"] = [
    c.object("encoding", "string"), c.object("ENCODING", "int"), c.object("encoding", "list"), c.object("encoding", "none"),
    only_kind(c.object("idletime", "string")), c.object("freq", "string"), c.object("nope", "string"),
    differs(c.object("refcount", "int"), "OBJECT REFCOUNT: every value has one owner here"), c.object("refcount", "string"),
    c.object("encoding"),
]
CASES["swapdb"] = [c.swapdb(0, 1), c.dbsize(), c.swapdb(0, 1), c.dbsize(), c.swapdb(0, 99), c.swapdb("x", 1)]
CASES["waitaof"] = [alone(c.waitaof(0, 0, 0)), alone(c.waitaof(1, 0, 10)), alone(c.waitaof("x", 0, 0))]
CASES["publish"] = [c.publish("channel", "hi"), c.publish(b"channel", 5), c.publish("channel", None), c.publish("channel")]
CASES["pubsub_channels"] = [c.pubsub_channels(), c.pubsub_channels("x*"), c.pubsub_channels(pattern="x")]
CASES["pubsub_numpat"] = [c.pubsub_numpat()]
CASES["pubsub_numsub"] = [c.pubsub_numsub("a", "b"), c.pubsub_numsub()]
CASES["execute_command"] = [
    c.execute_command("GET", "string"), c.execute_command("get", "string"), c.execute_command("CONFIG GET", "maxmemory"),
    c.execute_command("config get", "maxmemory"), c.execute_command("CONFIG", "GET", "maxmemory"),
    c.execute_command("HGETALL", "hash"), c.execute_command("hgetall", "hash"), c.execute_command("ZSCORE", "zset", "a"),
    c.execute_command("NOPE", "x"), c.execute_command("GET"), c.execute_command("SET", "k", 1, "EX", 1000),
    c.execute_command(b"GET", "string"), c.execute_command("OBJECT ENCODING", "string"), c.execute_command("  GET  ", "string"),
    c.execute_command("CLIENT", "GETNAME"), c.execute_command("SMEMBERS", "none"),
    c.execute_command("ZRANGE", "zset", 0, -1, withscores=True), c.execute_command("GET", "string", keys=["string"]),
    c.execute_command("GET", "latin", NEVER_DECODE=True), c.execute_command("SRANDMEMBER", "list", EMPTY_RESPONSE="nothing"),
    c.execute_command("GET", "string", EMPTY_RESPONSE="nothing"), alone(c.execute_command()), c.execute_command("GET", None),
    c.execute_command("XINFO STREAM", "none"), c.execute_command("CONFIG NOPE"), c.execute_command("LPUSH", "string", 1),
    c.execute_command("GET", "string", unknown=1), c.execute_command("INFO", "nothing"), c.execute_command("ECHO", ""),
    c.execute_command("LOLWUT", "VERSION", "x"),
]

#: Methods whose results are objects, or which are about more than one call: `test_methods.py` tells a story of each.
STORIES = frozenset(
    "bitfield close from_pool from_url keyspace_notifications lock pipeline pubsub register_script select transaction".split()
)

#: What else redis-py's client has: commands for whoever runs a server, modules, and what is about the client itself.
NOT_MIRRORED = frozenset(
    """
    graph tfcall tfcall_async tfunction_delete tfunction_list tfunction_load
    acl_cat acl_deluser acl_dryrun acl_genpass acl_getuser acl_help acl_list acl_load acl_log acl_log_reset acl_save acl_setuser acl_users
    acl_whoami arcount ardel ardelrange arget argetrange argrep arinfo arinsert arlastitems arlen armget armset arnext arop arring arscan
    arseek arset auth bf cf client client_getname client_getredir client_id client_info client_kill client_kill_filter client_list
    client_no_evict client_no_touch client_pause client_reply client_setinfo client_setname client_tracking client_tracking_off
    client_tracking_on client_trackinginfo client_unblock client_unpause cluster cms command command_count command_docs command_getkeys
    command_getkeysandflags command_info command_list config_resetstat config_rewrite debug_object debug_segfault failover fcall fcall_ro ft
    function_delete function_dump function_flush function_kill function_list function_load function_restore function_stats get_cache
    get_connection_kwargs get_encoder get_retry hello himport_discard himport_discard_all himport_discard_all_internal
    himport_discard_internal himport_prepare himport_prepare_internal himport_registry himport_set hotkeys_get hotkeys_reset hotkeys_start
    hotkeys_stop json latency_doctor latency_graph latency_histogram latency_history latency_latest latency_reset load_external_module
    lolwut memory_doctor memory_help memory_malloc_stats memory_purge memory_stats migrate module_list module_load module_loadex
    module_unload monitor parse_response psync pubsub_shardchannels pubsub_shardnumsub quit readonly readwrite replicaof reset role
    script_debug sentinel sentinel_ckquorum sentinel_failover sentinel_flushconfig sentinel_get_master_addr_by_name sentinel_master
    sentinel_masters sentinel_monitor sentinel_remove sentinel_reset sentinel_sentinels sentinel_set sentinel_slaves set_response_callback
    set_retry shutdown slaveof slowlog_get slowlog_len slowlog_reset spublish stralgo sync tdigest topk ts vset wait xcfgset
    """.split()
)
