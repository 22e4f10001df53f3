//! `redis.conf` on disk: read when the store is opened, written by CONFIG REWRITE.
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redlet_core::config::file::{self, ConfigFile, Directive};
use redlet_persist::Vfs;

use crate::{Error, Result};

/// So many files may include each other.
const DEEPEST: usize = 16;

/// A file of parameters.
#[derive(Clone, Debug)]
pub(crate) struct OnDisk {
    vfs: Arc<dyn Vfs>,
    path: PathBuf,
}

/// What a file says.
pub(crate) struct Loaded {
    pairs: Vec<(&'static str, Vec<u8>)>,
}

impl OnDisk {
    pub(crate) fn new(vfs: Arc<dyn Vfs>, path: PathBuf) -> Self {
        Self { vfs, path }
    }

    /// Reads the file and those that it includes.
    pub(crate) fn load(&self) -> Result<Loaded> {
        let refuse = |why: String| Error::Config { path: self.path.clone(), why };
        let mut directives = Vec::new();
        self.read_into(&self.path, &mut directives, DEEPEST).map_err(refuse)?;
        let pairs = file::pairs(&directives).map_err(|error| refuse(error.to_string()))?;
        Ok(Loaded { pairs })
    }

    fn read_into(&self, path: &Path, directives: &mut Vec<Directive>, deepest: usize) -> Result<(), String> {
        let text = self.text_of(path)?;
        for directive in file::parse(&text).map_err(|error| error.to_string())? {
            match directive.name.as_str() {
                "include" => {
                    let deepest = deepest.checked_sub(1).ok_or("files include each other in a circle")?;
                    for word in &directive.words {
                        let included = path.with_file_name(&*String::from_utf8_lossy(word));
                        self.read_into(&included, directives, deepest)?;
                    }
                }
                "loadmodule" | "rename-command" | "user" => {
                    return Err(format!(
                        "line {}: {} is not supported here; remove the line",
                        directive.line, directive.name
                    ));
                }
                _ => directives.push(directive),
            }
        }
        Ok(())
    }

    fn text_of(&self, path: &Path) -> Result<String, String> {
        let mapped = self.vfs.map(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let text = (*mapped).as_ref().to_vec();
        String::from_utf8(text).map_err(|_| format!("{} is not UTF-8", path.display()))
    }
}

impl Loaded {
    /// The number of databases, which has to be known before there is an engine.
    pub(crate) fn databases(&self) -> Option<usize> {
        let (_, value) = self.pairs.iter().find(|(name, _)| *name == "databases")?;
        std::str::from_utf8(value).ok()?.parse().ok()
    }

    /// What is set once there is an engine. Where the store is and whether it has a log is said when it is opened.
    pub(crate) fn pairs(&self) -> Vec<(&str, &[u8])> {
        let is_said = |name: &str| matches!(name, "databases" | "dir" | "appendonly");
        self.pairs
            .iter()
            .filter(|(name, _)| !is_said(name))
            .map(|(name, value)| (*name, value.as_slice()))
            .collect()
    }
}

impl ConfigFile for OnDisk {
    fn path(&self) -> String {
        self.path.display().to_string()
    }

    fn read(&self) -> Result<String, String> {
        self.text_of(&self.path)
    }

    fn write(&self, text: &str) -> Result<(), String> {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let beside = self.path.with_file_name(name);
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let replace = || {
            let file = self.vfs.create(&beside)?;
            file.append(text.as_bytes())?;
            file.sync()?;
            self.vfs.rename(&beside, &self.path)?;
            self.vfs.sync_dir(folder.unwrap_or(Path::new(".")))
        };
        replace().map_err(|error: std::io::Error| format!("{}: {error}", self.path.display()))
    }
}
