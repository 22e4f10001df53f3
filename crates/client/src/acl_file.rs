//! A file of users on disk: read when the store is opened and by ACL LOAD, written by ACL SAVE.
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use redlet_core::acl::{AclFile, AclFiles};
use redlet_persist::Vfs;

use crate::whole_file::WholeFile;

/// A file of users.
#[derive(Debug)]
struct FileOfUsers(WholeFile);

impl AclFile for FileOfUsers {
    fn path(&self) -> String {
        self.0.path().display().to_string()
    }

    fn read(&self) -> io::Result<Vec<u8>> {
        self.0.read()
    }

    fn write(&self, text: &[u8]) -> io::Result<()> {
        self.0.replace(text)
    }
}

/// Files of users in a file system.
#[derive(Debug)]
pub(crate) struct InFileSystem(pub(crate) Arc<dyn Vfs>);

impl AclFiles for InFileSystem {
    fn file(&self, path: &[u8]) -> Arc<dyn AclFile> {
        let path = PathBuf::from(String::from_utf8_lossy(path).into_owned());
        Arc::new(FileOfUsers(WholeFile::new(Arc::clone(&self.0), path)))
    }
}
