//! MODULE: there are none.
use super::server::{ADMIN, SERVER};
use super::{Args, Command, Control, Flags, Spec, bare, help_command, table};
use crate::tx::Tx;
use crate::{Error, Reply, Result};

table! {
    container MODULE, control ModuleHelp, control ModuleList, control ModuleLoad, control ModuleLoadEx, control ModuleUnload,
}

const MODULES: Spec = Spec { since: "4.0.0", flags: ADMIN, ..SERVER };

/// `MODULE`
const MODULE: Spec = Spec {
    name: "MODULE",
    arity: -2,
    flags: Flags::NONE,
    summary: "A container for commands about modules.",
    complexity: "Depends on subcommand.",
    ..MODULES
};

bare! {
    /// `MODULE LIST`
    ModuleList -> Reply, Spec {
        name: "MODULE LIST",
        arity: 2,
        tips: &["nondeterministic_output_order"],
        summary: "Lists the modules: none.",
        complexity: "O(N), N being the number of modules",
        ..MODULES
    }
}

impl Control<'_> for ModuleList {
    fn run(&self, _: &mut Tx<'_>) -> Result<Reply> {
        Ok(Reply::Array(Vec::new()))
    }
}

const OFF: &str = "ERR MODULE command not allowed. If the enable-module-command option is set to \"local\", you can run it from a local \
     connection, otherwise you need to set this option in the configuration file, and then restart the server.";

macro_rules! refused {
    ($type:ident, $name:literal, $arity:literal, $since:literal, $syntax:literal) => {
        #[doc = concat!("`", $name, "`")]
        #[derive(Clone, Copy, Debug)]
        pub struct $type;

        impl<'a> Command<'a> for $type {
            const SPEC: Spec = Spec {
                name: $name,
                arity: $arity,
                since: $since,
                flags: ADMIN.and(Flags::NO_ASYNC_LOADING),
                summary: "Refuses: there are no modules.",
                syntax: $syntax,
                ..MODULES
            };
            type Reply = ();

            fn parse(args: &mut Args<'a>) -> Result<Self> {
                args.rest();
                Ok($type)
            }
        }

        impl Control<'_> for $type {
            fn run(&self, db: &mut Tx<'_>) -> Result<()> {
                let is_off =
                    db.engine().config().get("enable-module-command").is_some_and(|scope| scope == b"no");
                Err(Error::refused(if is_off {
                    OFF
                } else {
                    "ERR no module can be loaded here: commands are part of the program"
                }))
            }
        }
    };
}

refused!(ModuleLoad, "MODULE LOAD", -3, "4.0.0", "path [arg [arg ...]]");
refused!(
    ModuleLoadEx,
    "MODULE LOADEX",
    -3,
    "7.0.0",
    "path [CONFIG name value [CONFIG name value ...]] [ARGS args [args ...]]"
);
refused!(ModuleUnload, "MODULE UNLOAD", 3, "4.0.0", "name");

help_command!(ModuleHelp, "MODULE", Spec { since: "5.0.0", ..SERVER });
