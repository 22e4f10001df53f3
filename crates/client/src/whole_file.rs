//! Files that are read and replaced as a whole.
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redlet_persist::Vfs;

/// A file that has one text or another, and never a part of one.
#[derive(Clone, Debug)]
pub(crate) struct WholeFile {
    vfs: Arc<dyn Vfs>,
    path: PathBuf,
}

impl WholeFile {
    pub(crate) fn new(vfs: Arc<dyn Vfs>, path: PathBuf) -> Self {
        Self { vfs, path }
    }

    /// Another file in the same file system.
    pub(crate) fn beside(&self, path: &Path) -> Self {
        Self::new(Arc::clone(&self.vfs), path.to_owned())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn read(&self) -> io::Result<Vec<u8>> {
        Ok((*self.vfs.map(&self.path)?).as_ref().to_vec())
    }

    /// What is in it from now on, also after a power cut.
    pub(crate) fn replace(&self, text: &[u8]) -> io::Result<()> {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let beside = self.path.with_file_name(name);
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let file = self.vfs.create(&beside)?;
        file.append(text)?;
        file.sync()?;
        self.vfs.rename(&beside, &self.path)?;
        self.vfs.sync_dir(folder.unwrap_or(Path::new(".")))
    }
}
