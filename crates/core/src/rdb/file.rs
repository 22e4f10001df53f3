//! RDB files: the keys of all databases, one after the other, as `SAVE` of a server writes them.
//!
//! ```text
//! file      REDIS | version: 4 digits | item ... | 0xff | checksum of all before: 8
//! item      form | key | value
//!           0xfe | database                      what follows is in it
//!           0xfd | seconds: 4                    the deadline of the next key
//!           0xfc | milliseconds: 8               the same
//!           0xfb | keys | deadlines              how many the database has
//!           0xfa | name | text                   something about the file
//!           0xf9 | frequency: 1                  how often the next key was used
//!           0xf8 | seconds                       since when it was not
//!           0xf7 | module | part ... | 0         what a module keeps besides keys
//!           0xf5 | code                          a library of functions
//!           0xf4 | slot | keys | deadlines       how many a slot of a cluster has
//! part      1 or 2 | number,  3 | number: 4,  4 | number: 8,  5 | text
//! ```
//!
//! What has no size here is a length, names, keys and texts are strings; numbers with a size are little-endian. There is no checksum before version 5, and a
//! server that makes none writes zeros. Valkey 9 begins with `VALKEY` and three digits.
//!
//! A file is read in windows, so that it takes little memory whatever its size; only a value that is longer than a window is there as a whole.
use std::borrow::Cow;
use std::io::{self, Read};

use crc::{Digest, Table};

use super::form;
use super::hash_deadlines::read_of_valkey;
use super::input::Input;
use super::{CHECKSUM, Corrupt, LIBRARY, LIBRARY_OF_PREVIEW, VERSION, read};
use crate::UnixMs;
use crate::effect::Image;
use crate::keyspace::PastUse;

/// What no form of a value has as its number.
mod opcode {
    pub(super) const SLOT_INFO: u8 = 244;
    pub(super) const MODULE_AUX: u8 = 247;
    pub(super) const IDLE: u8 = 248;
    pub(super) const FREQUENCY: u8 = 249;
    pub(super) const AUX: u8 = 250;
    pub(super) const RESIZE_DB: u8 = 251;
    pub(super) const EXPIRE_MS: u8 = 252;
    pub(super) const EXPIRE_SECONDS: u8 = 253;
    pub(super) const SELECT: u8 = 254;
    pub(super) const END: u8 = 255;
}

/// The version of Valkey 9.
const VALKEY_VERSION: u32 = 80;
/// The first version with a checksum.
const CHECKED_VERSION: u32 = 5;

const TITLE_BYTES: usize = 9;
const CHECKSUM_BYTES: usize = 8;
/// A window has at least so many bytes.
const WINDOW_BYTES: usize = 256 << 10;
/// So many keys at most are handed over at a time, because whoever takes them keeps others waiting.
const BATCH_KEYS: usize = 1024;

/// Why a file cannot be imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The operating system does not let it be read.
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    /// It is something else.
    #[error("it is no RDB file: those begin with REDIS or VALKEY and a version")]
    OtherKind,
    /// A later server wrote it.
    #[error(
        "it is in version {0} of the format, and versions 1 to {VERSION} are read, and 80 of Valkey; start the server that wrote it and copy \
         its keys from there, with DUMP and RESTORE"
    )]
    Version(u32),
    /// Bytes are not what was written.
    #[error("it is damaged at byte {offset}: {why}; take another copy of it")]
    Damaged {
        /// Where in the file what is wrong begins.
        offset: u64,
        /// What is wrong.
        why: String,
    },
    /// It ends before its end.
    #[error("it was cut off: what begins at byte {offset} goes on behind its end; take another copy of it")]
    CutOff {
        /// Where what is not whole begins.
        offset: u64,
    },
    /// Something follows its end.
    #[error(
        "more follows its end at byte {offset}, as in an append-only file that begins like an RDB file; let its server write an RDB file \
         with BGSAVE"
    )]
    MoreBehind {
        /// Where it ends.
        offset: u64,
    },
    /// There is no such database here.
    #[error(
        "it has keys in database {db}, and this store has {databases}; open the store with more databases"
    )]
    Database {
        /// The database's number.
        db: u64,
        /// How many there are.
        databases: usize,
    },
    /// A value that only a module can read.
    #[error(
        "the key {key:?} in database {db} holds a value of the module {module}, which cannot be read here; delete the key on its server, \
         and let the server save the file again"
    )]
    Module {
        /// The key.
        key: String,
        /// Its database.
        db: usize,
        /// The module's name for the type.
        module: String,
    },
    /// A library of functions that cannot be loaded.
    #[error(
        "a library of functions cannot be loaded: {0}; delete it on its server, and let the server save the file again"
    )]
    Library(String),
    /// The store takes it not.
    #[error("the store does not take it: {0}")]
    Refused(#[from] crate::Error),
}

/// A key with all that belongs to it.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) db: usize,
    pub(crate) key: Cow<'a, [u8]>,
    pub(crate) image: Image<'a>,
    pub(crate) expire_at: Option<UnixMs>,
    pub(crate) past_use: Option<PastUse>,
}

impl Entry<'_> {
    pub(crate) fn damaged(&self, offset: u64, why: &str) -> ImportError {
        let key = shown(&self.key);
        ImportError::Damaged { offset, why: format!("the value of the key {key:?} {why}") }
    }
}

/// What is handed over at a time.
#[derive(Debug, Default)]
pub(crate) struct Batch<'a> {
    pub(crate) entries: Vec<Entry<'a>>,
    pub(crate) libraries: Vec<Cow<'a, [u8]>>,
    /// What wrote the file, as far as it says so here.
    pub(crate) server: Option<String>,
    /// Where in the file it begins, and the first byte after it.
    pub(crate) offset: u64,
    pub(crate) end: u64,
}

/// What stands before a key and is about it, or about all that follow.
#[derive(Clone, Copy, Default)]
struct Place {
    db: usize,
    expire_at: Option<UnixMs>,
    past_use: Option<PastUse>,
}

#[derive(Clone, Copy)]
struct Format {
    version: u32,
    is_valkey: bool,
}

impl Format {
    fn of(title: [u8; TITLE_BYTES]) -> Result<Self, ImportError> {
        let (is_valkey, digits) = match &title {
            [b'R', b'E', b'D', b'I', b'S', digits @ ..] => (false, &digits[..]),
            [b'V', b'A', b'L', b'K', b'E', b'Y', digits @ ..] => (true, &digits[..]),
            _ => return Err(ImportError::OtherKind),
        };
        let mut version = 0;
        for digit in digits {
            let digit = char::from(*digit).to_digit(10).ok_or(ImportError::OtherKind)?;
            version = version * 10 + digit;
        }
        let is_known =
            if is_valkey { version == VALKEY_VERSION } else { (1..=VERSION.into()).contains(&version) };
        if is_known { Ok(Self { version, is_valkey }) } else { Err(ImportError::Version(version)) }
    }
}

/// Whether a file that begins so is an RDB file, of whatever version.
pub fn begins_as_rdb(bytes: &[u8]) -> bool {
    bytes.starts_with(b"REDIS0") || bytes.starts_with(b"VALKEY")
}

/// Why an item was not read.
enum Stop {
    /// Its bytes are none, or not all there yet.
    Corrupt,
    Fault(ImportError),
}

impl From<Corrupt> for Stop {
    fn from(_: Corrupt) -> Self {
        Stop::Corrupt
    }
}

/// What ended the reading of a window.
enum Pause {
    /// The batch is as big as it may be.
    Full,
    /// So many bytes more are needed at least.
    Missing(usize),
    /// The file's end has come.
    End,
}

/// Reads a file of `length` bytes and hands over what is in it, in order.
pub(crate) fn read<E: From<ImportError>>(
    source: impl Read,
    length: u64,
    databases: usize,
    mut take: impl FnMut(&Batch<'_>) -> Result<(), E>,
) -> Result<(), E> {
    if length < TITLE_BYTES as u64 {
        return Err(ImportError::OtherKind.into());
    }
    let mut windows = Windows::new(source, length);
    windows.need(TITLE_BYTES)?;
    let title = windows.bytes().first_chunk().copied().expect("so many bytes are there");
    let format = Format::of(title)?;
    windows.advance(TITLE_BYTES);
    let mut place = Place::default();
    loop {
        let offset = windows.offset;
        let mut batch = Batch { offset, ..Batch::default() };
        let mut input = Input::new(windows.bytes());
        let all = input.len();
        let (pause, consumed) = loop {
            let consumed = all - input.len();
            if batch.entries.len() >= BATCH_KEYS {
                break (Pause::Full, consumed);
            }
            let at = offset + consumed as u64;
            let before = place;
            match item(&mut input, format, databases, &mut place, &mut batch) {
                Ok(true) => {}
                Ok(false) => break (Pause::End, all - input.len()),
                Err(Stop::Fault(fault)) => return Err(fault.into()),
                Err(Stop::Corrupt) if input.missing() > 0 => {
                    place = before;
                    break (Pause::Missing(all - consumed + input.missing()), consumed);
                }
                Err(Stop::Corrupt) => {
                    let why = "what begins there is not what a server writes".to_owned();
                    return Err(ImportError::Damaged { offset: at, why }.into());
                }
            }
        };
        batch.end = offset + consumed as u64;
        take(&batch)?;
        drop(batch);
        windows.advance(consumed);
        match pause {
            Pause::Full => {}
            Pause::Missing(bytes) => windows.need(bytes)?,
            Pause::End => return Ok(windows.finish(format)?),
        }
    }
}

/// Reads an item; false if it is the end.
fn item<'a>(
    input: &mut Input<'a>,
    format: Format,
    databases: usize,
    place: &mut Place,
    batch: &mut Batch<'a>,
) -> Result<bool, Stop> {
    match input.byte()? {
        opcode::END => return Ok(false),
        opcode::SELECT => {
            let db = input.length()?;
            let known = usize::try_from(db).ok().filter(|known| *known < databases);
            place.db = known.ok_or(Stop::Fault(ImportError::Database { db, databases }))?;
        }
        opcode::EXPIRE_SECONDS => {
            let seconds = i32::from_le_bytes(input.array()?);
            place.expire_at = Some(UnixMs(i64::from(seconds) * 1000));
        }
        opcode::EXPIRE_MS => place.expire_at = Some(UnixMs(i64::from_le_bytes(input.array()?))),
        opcode::IDLE => {
            let seconds = input.length()?;
            place.past_use = Some(PastUse::Idle(std::time::Duration::from_secs(seconds)));
        }
        opcode::FREQUENCY => place.past_use = Some(PastUse::Frequency(input.byte()?)),
        opcode::RESIZE_DB => skip_lengths(input, 2)?,
        opcode::SLOT_INFO => skip_lengths(input, 3)?,
        opcode::AUX => {
            let (name, text) = (input.string()?, input.string()?);
            let server = match &*name {
                b"redis-ver" => "Redis",
                b"valkey-ver" => "Valkey",
                _ => return Ok(true),
            };
            batch.server = Some(format!("{server} {}", shown(&text)));
        }
        opcode::MODULE_AUX => {
            input.length()?;
            skip_parts(input)?;
        }
        LIBRARY => batch.libraries.push(input.string()?),
        LIBRARY_OF_PREVIEW => {
            let why = "it was written by a preview of Redis 7".to_owned();
            return Err(Stop::Fault(ImportError::Library(why)));
        }
        form => {
            let key = input.string()?;
            if matches!(form, form::MODULE | form::MODULE_EARLY) {
                let module = module_name(input.length()?);
                let key = shown(&key);
                return Err(Stop::Fault(ImportError::Module { key, db: place.db, module }));
            }
            let image = if format.is_valkey && form == form::HASH_TIMED_OF_VALKEY {
                Image::TimedHash(read_of_valkey(input)?)
            } else {
                read::value_of(form, input)?
            };
            let Place { db, expire_at, past_use } = *place;
            *place = Place { db, ..Place::default() };
            batch.entries.push(Entry { db, key, image, expire_at, past_use });
        }
    }
    Ok(true)
}

fn skip_lengths(input: &mut Input<'_>, count: usize) -> Result<(), Corrupt> {
    (0..count).try_for_each(|_| input.length().map(drop))
}

/// What a module wrote, part by part.
fn skip_parts(input: &mut Input<'_>) -> Result<(), Corrupt> {
    loop {
        match input.length()? {
            0 => return Ok(()),
            1 | 2 => drop(input.length()?),
            3 => drop(input.take(4)?),
            4 => drop(input.take(8)?),
            5 => drop(input.string()?),
            _ => return Err(Corrupt),
        }
    }
}

/// Nine letters of six bits each, and ten bits of a version.
fn module_name(id: u64) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (0..9).map(|place| char::from(LETTERS[(id >> (58 - 6 * place)) as usize & 63])).collect()
}

/// The beginning of a key as text, for a message.
fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(100)]).into_owned()
}

/// A file, of which a part is in memory.
struct Windows<R> {
    source: R,
    /// How many bytes the source still has, as was said.
    left: u64,
    window: Vec<u8>,
    /// What was read of the window.
    at: usize,
    /// Where in the file that is.
    offset: u64,
    digest: Digest<'static, u64, Table<16>>,
}

impl<R: Read> Windows<R> {
    fn new(source: R, length: u64) -> Self {
        Self { source, left: length, window: Vec::new(), at: 0, offset: 0, digest: CHECKSUM.digest() }
    }

    fn bytes(&self) -> &[u8] {
        &self.window[self.at..]
    }

    /// Goes on behind so many bytes.
    fn advance(&mut self, count: usize) {
        self.digest.update(&self.window[self.at..self.at + count]);
        self.at += count;
        self.offset += count as u64;
    }

    /// Sees to it that so many bytes at least are there.
    fn need(&mut self, bytes: usize) -> Result<(), ImportError> {
        let missing = bytes.saturating_sub(self.bytes().len());
        // No room is made for what is only claimed.
        if missing as u64 > self.left {
            return Err(ImportError::CutOff { offset: self.offset });
        }
        self.window.drain(..self.at);
        self.at = 0;
        // A value that is longer than a window is begun anew each time: twice as much is there then.
        let more = missing.max(WINDOW_BYTES).max(self.window.len()) as u64;
        let more = more.min(self.left);
        self.window.reserve(more as usize);
        let read = self.source.by_ref().take(more).read_to_end(&mut self.window)?;
        self.left -= read as u64;
        if self.window.len() < bytes {
            return Err(ImportError::CutOff { offset: self.offset });
        }
        Ok(())
    }

    /// Looks at the checksum, and that nothing follows.
    fn finish(mut self, format: Format) -> Result<(), ImportError> {
        if format.version >= CHECKED_VERSION {
            let found = self.digest.clone().finalize();
            if self.bytes().len() < CHECKSUM_BYTES {
                self.need(CHECKSUM_BYTES)?;
            }
            let checksum = self.bytes().first_chunk().copied().map_or(0, u64::from_le_bytes);
            if checksum != 0 && checksum != found {
                let why = "its checksum is not that of what is before it".to_owned();
                return Err(ImportError::Damaged { offset: self.offset, why });
            }
            self.advance(CHECKSUM_BYTES);
        }
        if self.bytes().is_empty() && self.source.read(&mut [0])? == 0 {
            Ok(())
        } else {
            Err(ImportError::MoreBehind { offset: self.offset })
        }
    }
}
