//! A snapshot: blocks of bytes in sections, each section from a moment of its own.
//!
//! ```text
//! header     | "redletSN" | version u32 | made at, Unix ms i64 |                                   20 bytes
//! blocks     | bytes of a block | bytes of the next | ...
//! directory  | sections u32 | then for each: unit u64 | blocks u32 | then for each: offset u64, length u64, crc32c u32 |
//! footer     | offset of the directory u64 | crc32c u32 of header, directory and that offset | "redletSF" |   20 bytes
//! ```
//!
//! Numbers are little-endian. In version 2 there were as many sections as shards; in version 3 there may be a multiple of them, by a
//! power of two. The directory is last, so that a section is written as soon as it was copied; a file that was not
//! finished has no footer. A value is never divided between blocks, so a block is as long as its longest value.
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::error::{At, Result, corrupt};
use crate::log::number;
use crate::vfs::{Mapped, Vfs, VfsFile};

const MAGIC: &[u8; 8] = b"redletSN";
const END_MAGIC: &[u8; 8] = b"redletSF";
const VERSION: u32 = 3;
const OLDEST_VERSION: u32 = 2;
const HEADER_BYTES: usize = 20;
const FOOTER_BYTES: usize = 20;

/// What the directory says of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Block {
    offset: u64,
    length: u64,
    crc: u32,
}

impl Block {
    const BYTES: usize = 20;

    fn write(self, directory: &mut Vec<u8>) {
        directory.extend_from_slice(&self.offset.to_le_bytes());
        directory.extend_from_slice(&self.length.to_le_bytes());
        directory.extend_from_slice(&self.crc.to_le_bytes());
    }

    fn read(directory: &[u8], at: usize) -> Option<Self> {
        Some(Self {
            offset: u64::from_le_bytes(number(directory, at)?),
            length: u64::from_le_bytes(number(directory, at + 8)?),
            crc: u32::from_le_bytes(number(directory, at + 16)?),
        })
    }

    /// Its place in memory, if this machine can address it.
    fn range(self) -> Option<Range<usize>> {
        let end = self.offset.checked_add(self.length)?;
        Some(usize::try_from(self.offset).ok()?..usize::try_from(end).ok()?)
    }
}

pub(crate) fn file_name(id: u64) -> String {
    format!("snapshot-{id:020}")
}

fn temporary_name(id: u64) -> String {
    format!("{}.tmp", file_name(id))
}

/// The snapshot that a name belongs to, finished or not.
pub(crate) fn id_of_any(name: &str) -> Option<u64> {
    id_of(name.strip_suffix(".tmp").unwrap_or(name))
}

pub(crate) fn id_of(name: &str) -> Option<u64> {
    name.strip_prefix("snapshot-").filter(|digits| digits.len() == 20)?.parse().ok()
}

fn header(made_at_ms: i64) -> Vec<u8> {
    [&MAGIC[..], &VERSION.to_le_bytes(), &made_at_ms.to_le_bytes()].concat()
}

/// Writes a snapshot under a temporary name, and gives it its own when it is whole.
pub(crate) struct Writer<'v> {
    vfs: &'v dyn Vfs,
    folder: PathBuf,
    temporary: PathBuf,
    id: u64,
    file: Box<dyn VfsFile>,
    header: Vec<u8>,
    offset: u64,
    directory: Vec<u8>,
    sections: u32,
}

impl<'v> Writer<'v> {
    pub(crate) fn create(vfs: &'v dyn Vfs, folder: &Path, id: u64, made_at_ms: i64) -> Result<Self> {
        let temporary = folder.join(temporary_name(id));
        let file = vfs.create(&temporary).at("create", &temporary)?;
        let header = header(made_at_ms);
        file.append(&header).at("write to", &temporary)?;
        let offset = header.len() as u64;
        Ok(Self {
            vfs,
            folder: folder.to_owned(),
            temporary,
            id,
            file,
            header,
            offset,
            directory: Vec::new(),
            sections: 0,
        })
    }

    /// Writes a section: `copy` hands over its blocks and returns the last unit that is in it.
    pub(crate) fn section(&mut self, copy: impl FnOnce(&mut dyn FnMut(&[u8])) -> u64) -> Result<()> {
        let (mut blocks, mut count, mut failure) = (Vec::new(), 0_u32, None);
        let unit = copy(&mut |block| {
            if failure.is_some() {
                return;
            }
            if let Err(error) = self.file.append(block).at("write to", &self.temporary) {
                failure = Some(error);
                return;
            }
            let length = block.len() as u64;
            Block { offset: self.offset, length, crc: crc32c::crc32c(block) }.write(&mut blocks);
            self.offset += length;
            count += 1;
        });
        self.directory.extend_from_slice(&unit.to_le_bytes());
        self.directory.extend_from_slice(&count.to_le_bytes());
        self.directory.extend_from_slice(&blocks);
        self.sections += 1;
        failure.map_or(Ok(()), Err)
    }

    /// Makes the snapshot whole, durable and visible, once it was read back: the log before it is dropped on its word. Returns
    /// its size.
    pub(crate) fn finish(self) -> Result<u64> {
        let directory = [&self.sections.to_le_bytes()[..], &self.directory].concat();
        let offset = self.offset.to_le_bytes();
        let crc = crc32c::crc32c_append(crc32c::crc32c(&self.header), &directory);
        let crc = crc32c::crc32c_append(crc, &offset).to_le_bytes();
        let end = [&directory[..], &offset, &crc, END_MAGIC].concat();
        self.file.append(&end).at("write to", &self.temporary)?;
        self.file.sync().at("sync", &self.temporary)?;
        Reader::open(self.vfs, self.temporary.clone())
            .and_then(|reader| reader.check(self.sections))
            .map_err(|error| Error::NotReadBack { path: self.temporary.clone(), why: error.to_string() })?;
        let path = self.folder.join(file_name(self.id));
        self.vfs.rename(&self.temporary, &path).at("rename", &self.temporary)?;
        self.vfs.sync_dir(&self.folder).at("sync", &self.folder)?;
        Ok(self.offset + end.len() as u64)
    }

    /// Takes away what was written of a snapshot that no manifest names.
    pub(crate) fn abandon(vfs: &dyn Vfs, folder: &Path, id: u64) {
        // A file that stays behind is removed when the store is opened next.
        let _ = vfs.remove(&folder.join(temporary_name(id)));
        let _ = vfs.remove(&folder.join(file_name(id)));
    }
}

/// A snapshot that is whole: its directory was checked, its blocks are when they are read.
pub(crate) struct Reader {
    path: PathBuf,
    bytes: Mapped,
    pub(crate) made_at_ms: i64,
    pub(crate) sections: Vec<Section>,
}

pub(crate) struct Section {
    /// The last unit that is in it.
    pub(crate) unit: u64,
    blocks: Vec<Block>,
}

impl Reader {
    pub(crate) fn open(vfs: &dyn Vfs, path: PathBuf) -> Result<Self> {
        let bytes = vfs.map(&path).at("read", &path)?;
        let (made_at_ms, sections) = parse((*bytes).as_ref(), &path)?;
        Ok(Self { path, bytes, made_at_ms, sections })
    }

    pub(crate) fn len(&self) -> u64 {
        (*self.bytes).as_ref().len() as u64
    }

    /// The blocks of a section.
    pub(crate) fn blocks(&self, section: &Section) -> impl Iterator<Item = Result<&[u8]>> {
        section.blocks.iter().map(|place| {
            let block = place.range().and_then(|range| (*self.bytes).as_ref().get(range));
            block
                .filter(|block| crc32c::crc32c(block) == place.crc)
                .ok_or_else(|| corrupt(&self.path, place.offset as usize, "a block is not what was written"))
        })
    }

    /// Reads everything.
    fn check(&self, sections: u32) -> Result<()> {
        if self.sections.len() != sections as usize {
            return Err(corrupt(&self.path, 0, "sections are missing"));
        }
        self.sections.iter().flat_map(|section| self.blocks(section)).try_for_each(|block| block.map(drop))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn parse(bytes: &[u8], path: &Path) -> Result<(i64, Vec<Section>)> {
    let bad = |offset: usize, why: &str| corrupt(path, offset, why);
    if !bytes.starts_with(MAGIC) || bytes.len() < HEADER_BYTES + FOOTER_BYTES {
        return Err(bad(0, "this is not the beginning of a snapshot"));
    }
    let version = number(bytes, 8).map_or(0, u32::from_le_bytes);
    if !(OLDEST_VERSION..=VERSION).contains(&version) {
        return Err(Error::UnsupportedVersion { path: path.to_owned(), found: version, known: VERSION });
    }
    let footer = bytes.len() - FOOTER_BYTES;
    let offset = number(bytes, footer).map_or(0, u64::from_le_bytes) as usize;
    let stored = number(bytes, footer + 8).map_or(0, u32::from_le_bytes);
    if bytes[footer + 12..] != *END_MAGIC {
        return Err(bad(footer, "the snapshot has no end"));
    }
    let directory = bytes.get(offset..footer).filter(|_| offset >= HEADER_BYTES);
    let directory = directory.ok_or_else(|| bad(footer, "the directory is not where it should be"))?;
    let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[..HEADER_BYTES]), directory);
    if crc32c::crc32c_append(crc, &bytes[footer..footer + 8]) != stored {
        return Err(bad(offset, "the directory is not what was written"));
    }
    sections(directory)
        .map(|sections| (number(bytes, 12).map_or(0, i64::from_le_bytes), sections))
        .ok_or_else(|| bad(offset, "the directory ends too early"))
}

fn sections(directory: &[u8]) -> Option<Vec<Section>> {
    let count = u32::from_le_bytes(number(directory, 0)?);
    let mut at = 4;
    let mut sections = Vec::new();
    for _ in 0..count {
        let unit = u64::from_le_bytes(number(directory, at)?);
        let blocks = u32::from_le_bytes(number(directory, at + 8)?);
        at += 12;
        let mut places = Vec::new();
        for _ in 0..blocks {
            places.push(Block::read(directory, at)?);
            at += Block::BYTES;
        }
        sections.push(Section { unit, blocks: places });
    }
    Some(sections)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SimVfs;

    /// With 32 bits a block of five gibibytes was said to have one, and a snapshot that nobody could read replaced the log.
    #[test]
    fn the_length_of_a_block_above_four_gibibytes_is_kept_whole() {
        let long = Block { offset: 20, length: 5 << 30, crc: 7 };
        let after = Block { offset: 20 + (5 << 30), length: 1, crc: 8 };
        let mut directory = [&1_u32.to_le_bytes()[..], &9_u64.to_le_bytes(), &2_u32.to_le_bytes()].concat();
        long.write(&mut directory);
        after.write(&mut directory);
        let read = sections(&directory).unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!((read[0].unit, &read[0].blocks), (9, &vec![long, after]));
    }

    /// A folder that was written when sections were shards must open.
    #[test]
    fn snapshots_of_this_version_and_the_one_before_are_read_and_no_others() {
        let (vfs, folder) = (SimVfs::default(), Path::new("/store"));
        vfs.create_dir_all(folder).unwrap();
        let mut writer = Writer::create(&vfs, folder, 1, 5).unwrap();
        for unit in [7, 9] {
            writer
                .section(|sink| {
                    sink(b"block");
                    unit
                })
                .unwrap();
        }
        writer.finish().unwrap();
        let path = folder.join(file_name(1));
        let whole = vfs.read(&path).unwrap();
        for version in 0..6_u32 {
            let mut bytes = whole.clone();
            bytes[8..12].copy_from_slice(&version.to_le_bytes());
            let footer = bytes.len() - FOOTER_BYTES;
            let directory = u64::from_le_bytes(number(&bytes, footer).unwrap()) as usize;
            let crc = crc32c::crc32c(&bytes[..HEADER_BYTES]);
            let crc = crc32c::crc32c_append(crc, &bytes[directory..footer + 8]);
            bytes[footer + 8..footer + 12].copy_from_slice(&crc.to_le_bytes());
            vfs.write(&path, &bytes);
            match Reader::open(&vfs, path.clone()) {
                Ok(reader) => {
                    assert!([2, 3].contains(&version), "{version}");
                    let units: Vec<u64> = reader.sections.iter().map(|section| section.unit).collect();
                    assert_eq!((units, reader.made_at_ms), (vec![7, 9], 5));
                    reader.check(2).unwrap();
                }
                Err(Error::UnsupportedVersion { found, .. }) => {
                    assert!(found == version && ![2, 3].contains(&version), "{version}");
                }
                Err(error) => panic!("version {version}: {error}"),
            }
        }
    }

    #[test]
    fn a_block_past_what_can_be_addressed_is_nowhere() {
        assert_eq!(Block { offset: u64::MAX, length: 1, crc: 0 }.range(), None);
    }
}
