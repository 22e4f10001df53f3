//! set commands.
use super::table;

table! {}
