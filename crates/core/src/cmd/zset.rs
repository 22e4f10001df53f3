//! zset commands.
use super::table;

table! {}
