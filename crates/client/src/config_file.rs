//! `redis.conf` on disk: read when the store is opened, written by CONFIG REWRITE.
use std::path::Path;

use redlet_core::acl::Acl;
use redlet_core::config::file::{self, ConfigFile, Directive};

use crate::whole_file::WholeFile;
use crate::{Error, Result};

/// So many files may include each other.
const DEEPEST: usize = 16;

/// A file of parameters.
#[derive(Clone, Debug)]
pub(crate) struct OnDisk(WholeFile);

/// What a file says.
pub(crate) struct Loaded {
    pairs: Vec<(&'static str, Vec<u8>)>,
    users: Vec<Directive>,
}

impl OnDisk {
    pub(crate) fn new(file: WholeFile) -> Self {
        Self(file)
    }

    /// Reads the file and those that it includes.
    pub(crate) fn load(&self) -> Result<Loaded> {
        let mut directives = Vec::new();
        self.read_into(self.0.path(), &mut directives, DEEPEST).map_err(|why| self.refusal(why))?;
        let (users, directives): (Vec<_>, Vec<_>) =
            directives.into_iter().partition(|directive| directive.name == "user");
        let pairs = file::pairs(&directives).map_err(|error| self.refusal(error.to_string()))?;
        Ok(Loaded { pairs, users })
    }

    /// Makes the users that the file describes.
    pub(crate) fn make_users(&self, loaded: &Loaded, acl: &Acl) -> Result<()> {
        acl.configure(&loaded.users).map_err(|error| self.refusal(error.to_string()))
    }

    fn refusal(&self, why: String) -> Error {
        Error::Config { path: self.0.path().to_owned(), why }
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
                "loadmodule" | "rename-command" => {
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
        let text = self.0.beside(path).read().map_err(|error| format!("{}: {error}", path.display()))?;
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
        self.0.path().display().to_string()
    }

    fn read(&self) -> Result<String, String> {
        self.text_of(self.0.path())
    }

    fn write(&self, text: &str) -> Result<(), String> {
        self.0.replace(text.as_bytes()).map_err(|error| format!("{}: {error}", self.0.path().display()))
    }
}
