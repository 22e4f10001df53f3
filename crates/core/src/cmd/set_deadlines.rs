//! Members of sets with deadlines of their own: SEXPIRE, STTL, SPERSIST and their kin, of Redis 8.12.
use super::element_deadlines::{Names, Naming, condition, deadline_commands};
use super::keys::ExpireWhen;
use super::set::SET;
use super::{Args, Command, table};
use crate::types::Set;
use crate::{Error, Result};

table! {
    write SExpire, write SExpireAt, read SExpireTime, write SPersist, write SPExpire, write SPExpireAt,
    read SPExpireTime, read SPTtl, read STtl,
}

const MEMBERS: Naming = Naming {
    word: "MEMBERS",
    misplaced: "ERR Mandatory argument MEMBERS is missing or not at the right position",
    no_count: "ERR Number of members must be a positive integer",
    miscounted: "ERR The `nummembers` parameter must match the number of arguments",
};

/// `[NX | XX | GT | LT] MEMBERS nummembers member [member ...]`, in any order, as Redis has it since 8.12.
fn conditional_members<'a>(args: &mut Args<'a>) -> (ExpireWhen, Names<'a>) {
    let mut when = None;
    let members = members_among_conditions(args, &mut when);
    (when.unwrap_or_default(), members)
}

fn members_among_conditions<'a>(args: &mut Args<'a>, when: &mut Option<ExpireWhen>) -> Names<'a> {
    let (mut members, mut are_many) = (None, false);
    while let Some(word) = args.peek() {
        if let Some(condition) = condition(args) {
            are_many |= when.replace(condition).is_some_and(|before| before != condition);
        } else if !args.take(MEMBERS.word) {
            let text = format!("ERR unknown argument: {}", String::from_utf8_lossy(word));
            return Err(Error::Refused(text.into()));
        } else if members.is_some() {
            return Err(Error::refused("ERR MEMBERS keyword specified multiple times"));
        } else {
            members = Some(counted_members(args)?);
        }
    }
    let members = members.ok_or(Error::refused("ERR missing MEMBERS argument"))?;
    if are_many {
        return Err(Error::refused("ERR Multiple condition flags specified"));
    }
    Ok(members.into())
}

/// `nummembers member [member ...]`, and no word that comes after.
fn counted_members<'a>(args: &mut Args<'a>) -> Result<&'a [&'a [u8]]> {
    let too_few = || Error::refused("ERR wrong number of arguments");
    if args.is_empty() {
        return Err(too_few());
    }
    let count = args.int_where(|count| count > 0, "ERR Parameter `numMembers` should be greater than 0")?;
    let count = usize::try_from(count).ok().filter(|count| *count <= args.remaining());
    args.many(count.ok_or_else(too_few)?)
}

deadline_commands! {
    Set, SET, "8.12.0", members "members of a set", "MEMBERS nummembers member [member ...]", MEMBERS, conditional_members,
    SExpire "SEXPIRE" "sexpire", SPExpire "SPEXPIRE" "spexpire",
    SExpireAt "SEXPIREAT" "sexpireat", SPExpireAt "SPEXPIREAT" "spexpireat",
    STtl "STTL", SPTtl "SPTTL", SExpireTime "SEXPIRETIME", SPExpireTime "SPEXPIRETIME",
    SPersist "SPERSIST",
}
