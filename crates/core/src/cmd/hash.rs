//! hash commands.
use super::table;

table! {}
