//! list commands.
use super::table;

table! {}
