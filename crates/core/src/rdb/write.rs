//! From a whole value to bytes, as Redis 8.0 writes it: what it keeps packed is written packed, in the same order.
use super::form::{self, part};
use super::output::Output;
use super::{hash_deadlines, intset, listpack, stream};
use crate::number::format_f64;
use crate::types::list::Stretch;
use crate::types::{Element, Encoding, Hash, IntBuffer, List, Set, StrRef, ValueRef, ZSet};

/// Writes a value; `None` for one that has no form.
pub(super) fn value(value: ValueRef<'_>, output: &mut Output) -> Option<()> {
    match value {
        ValueRef::String(string) => write_string(string, output),
        ValueRef::List(list) => write_list(list, output),
        ValueRef::Set(set) if set.has_deadlines() => return None,
        ValueRef::Set(set) => write_set(set, output),
        ValueRef::Hash(hash) => write_hash(hash, output),
        ValueRef::ZSet(zset) => write_zset(zset, output),
        ValueRef::Stream(stream) => stream::write(stream, output),
        ValueRef::Array(_) => return None,
        #[cfg(feature = "vector-sets")]
        ValueRef::VectorSet(_) => return None,
    }
    Some(())
}

fn write_string(string: StrRef<'_>, output: &mut Output) {
    output.byte(form::STRING);
    match string {
        StrRef::Int(value) => output.integer(value),
        other => output.string(other.as_slice(&mut IntBuffer::new())),
    }
}

fn write_list(list: &List, output: &mut Output) {
    output.byte(form::LIST_QUICKLIST_2);
    let (count, stretches) = list.stretches();
    output.length(count as u64);
    for stretch in stretches {
        match stretch {
            Stretch::Packed(elements) => {
                output.length(part::PACKED);
                output.string(&listpack::write(elements));
            }
            Stretch::Plain(element) => {
                output.length(part::PLAIN);
                output.string(element);
            }
        }
    }
}

fn write_set(set: &Set, output: &mut Output) {
    if let Some((width, integers)) = set.integers() {
        output.byte(form::SET_INTSET);
        output.string(&intset::write(width, integers));
    } else if matches!(set.encoding(), Encoding::Listpack | Encoding::ListpackEx) {
        output.byte(form::SET_LISTPACK);
        output.string(&listpack::write(set.iter()));
    } else {
        output.byte(form::SET);
        output.length(set.len() as u64);
        set.iter().for_each(|member| write_element(member, output));
    }
}

fn write_hash(hash: &Hash, output: &mut Output) {
    if hash_deadlines::write(hash, output) {
        return;
    }
    if matches!(hash.encoding(), Encoding::Listpack | Encoding::ListpackEx) {
        output.byte(form::HASH_LISTPACK);
        output.string(&listpack::write(hash.iter().flat_map(|(field, value)| [field, value])));
    } else {
        output.byte(form::HASH);
        output.length(hash.len() as u64);
        for (field, value) in hash.iter() {
            write_element(field, output);
            write_element(value, output);
        }
    }
}

fn write_zset(zset: &ZSet, output: &mut Output) {
    if zset.encoding() == Encoding::Listpack {
        let scores: Vec<_> = zset.iter().map(|(_, score)| format_f64(score)).collect();
        let members = zset.iter().map(|(member, _)| member);
        let elements =
            members.zip(&scores).flat_map(|(member, score)| [member, Element::of(score.as_bytes())]);
        output.byte(form::ZSET_LISTPACK);
        output.string(&listpack::write(elements));
    } else {
        output.byte(form::ZSET);
        output.length(zset.len() as u64);
        // From the highest, so that whoever reads it adds each in front of the last one.
        for (member, score) in zset.range_rev(0, usize::MAX) {
            write_element(member, output);
            output.bytes(&score.to_le_bytes());
        }
    }
}

fn write_element(element: Element<'_>, output: &mut Output) {
    element.with(|bytes| output.string(bytes));
}
