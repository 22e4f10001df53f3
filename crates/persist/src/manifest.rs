//! `MANIFEST`: which snapshot counts, from where to where the log after it goes, and what the engine wants to know before anything
//! else.
//!
//! Lines of text, the last one a checksum of those before it. It is replaced as a whole: written beside, synced, renamed. A file
//! is on the disk before it is named here, and no longer named here when it is removed: what is named and not there was lost.
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::Error;
use crate::error::{At, Result, corrupt};
use crate::vfs::{Kind, Vfs};

pub(crate) const NAME: &str = "MANIFEST";
pub(crate) const TEMPORARY: &str = "MANIFEST.tmp";
const TITLE: &str = "redlet store\n";
const VERSION: u32 = 2;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// What the engine was made with; opaque here.
    pub(crate) engine: String,
    pub(crate) snapshot: Option<u64>,
    /// The first unit that may be missing from the snapshot. A segment begins with it.
    pub(crate) first_unit: u64,
    /// The first unit of a segment that is there; later ones may be.
    pub(crate) last_segment: u64,
    /// How big the snapshot is: what the log is compared with when the next one is due.
    pub(crate) snapshot_bytes: u64,
}

impl Manifest {
    fn to_text(&self) -> String {
        let Self { engine, snapshot, first_unit, last_segment, snapshot_bytes } = self;
        let snapshot = snapshot.map_or_else(|| "none".to_owned(), |id| id.to_string());
        let mut text = format!(
            "{TITLE}version {VERSION}\nengine {engine}\nsnapshot {snapshot}\nsnapshot-bytes {snapshot_bytes}\n\
             first-unit {first_unit}\nlast-segment {last_segment}\n"
        );
        let crc = crc32c::crc32c(text.as_bytes());
        let _ = writeln!(text, "crc32c {crc:08x}");
        text
    }

    pub(crate) fn read(vfs: &dyn Vfs, folder: &Path) -> Result<Self> {
        let path = folder.join(NAME);
        let foreign = |why| Err(Error::NotAStore { path: folder.to_owned(), why });
        if vfs.kind(&path).at("look at", &path)? == Some(Kind::Folder) {
            return foreign("its MANIFEST is a folder");
        }
        let bytes = vfs.map(&path).at("read", &path)?;
        let bytes = (*bytes).as_ref();
        if !bytes.starts_with(TITLE.as_bytes()) {
            return foreign("its MANIFEST is another program's");
        }
        let text = std::str::from_utf8(bytes).map_err(|_| corrupt(&path, 0, "it is not text"))?;
        let version = text.lines().nth(1).and_then(|line| line.strip_prefix("version ")?.parse().ok());
        if let Some(found) = version
            && found != VERSION
        {
            return Err(Error::UnsupportedVersion { path, found, known: VERSION });
        }
        Self::parse(text).ok_or_else(|| corrupt(&path, 0, "it is not what was written"))
    }

    fn parse(text: &str) -> Option<Self> {
        let checked = text.rfind("crc32c ")?;
        let crc =
            u32::from_str_radix(text[checked..].strip_prefix("crc32c ")?.strip_suffix('\n')?, 16).ok()?;
        if crc32c::crc32c(&text.as_bytes()[..checked]) != crc {
            return None;
        }
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Some(Self {
            engine: field("engine")?.to_owned(),
            snapshot: match field("snapshot")? {
                "none" => None,
                id => Some(id.parse().ok()?),
            },
            first_unit: field("first-unit")?.parse().ok()?,
            last_segment: field("last-segment")?.parse().ok()?,
            snapshot_bytes: field("snapshot-bytes")?.parse().ok()?,
        })
    }

    pub(crate) fn write(&self, vfs: &dyn Vfs, folder: &Path) -> Result<()> {
        let (temporary, path) = (folder.join(TEMPORARY), folder.join(NAME));
        let file = vfs.create(&temporary).at("create", &temporary)?;
        file.append(self.to_text().as_bytes()).at("write to", &temporary)?;
        file.sync().at("sync", &temporary)?;
        vfs.rename(&temporary, &path).at("rename", &temporary)?;
        vfs.sync_dir(folder).at("sync", folder)
    }
}

/// The manifest of an open store. Its lock comes after that of the log's file.
#[derive(Debug)]
pub(crate) struct ManifestFile {
    vfs: Arc<dyn Vfs>,
    folder: PathBuf,
    content: Mutex<Manifest>,
}

impl ManifestFile {
    pub(crate) fn new(vfs: Arc<dyn Vfs>, folder: &Path, content: Manifest) -> Self {
        Self { vfs, folder: folder.to_owned(), content: Mutex::new(content) }
    }

    pub(crate) fn content(&self) -> Manifest {
        self.content.lock().clone()
    }

    /// Makes a snapshot, and the log from a segment on, what counts.
    pub(crate) fn name_snapshot(&self, id: u64, snapshot_bytes: u64, first_unit: u64) -> Result<()> {
        let mut content = self.content.lock();
        let new = Manifest { snapshot: Some(id), snapshot_bytes, first_unit, ..content.clone() };
        new.write(&*self.vfs, &self.folder)?;
        *content = new;
        Ok(())
    }

    /// Says of a segment that it is there.
    pub(crate) fn name_segment(&self, first_unit: u64) {
        let mut content = self.content.lock();
        if content.last_segment != first_unit {
            content.last_segment = first_unit;
            // A segment that is not named is read like the others; only its loss would not be noticed. The next writing names it.
            let _ = content.write(&*self.vfs, &self.folder);
        }
    }
}
