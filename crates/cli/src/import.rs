//! `redlet import`: the keys of an RDB file into a store.
use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};
use redlet::ImportProgress;

use crate::Failure;
use crate::arguments::ImportArguments;

/// Adds the keys and says how many there were.
pub(crate) fn run(arguments: &ImportArguments) -> Result<bool, Failure> {
    let file = &arguments.file;
    // Before a store is made for nothing.
    std::fs::metadata(file)
        .map_err(|error| Failure::Input(format!("cannot read {}: {error}", file.display())))?;
    let redis = crate::open(Some(&arguments.store), arguments.databases, None)?;
    let bar = io::stderr().is_terminal().then(bar);
    let report = redis.import_rdb_with(file, |ImportProgress { done, all }| {
        if let Some(bar) = &bar {
            bar.set_length(all);
            bar.set_position(done);
        }
    });
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    let report = report?;
    redis.close()?;
    writeln!(io::stdout(), "{report}")?;
    Ok(true)
}

/// The file is read twice, so its bytes are not what is shown.
fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {percent} %, {eta} left");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
