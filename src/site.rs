//! Compiled file: one checked configuration with its sources, versioned and checksummed.
//!
//! | bytes | |
//! |---|---|
//! | 8 | [`MAGIC`] |
//! | 4 | format, little endian: [`FORMAT`] |
//! | 20 | version of the ngxc that wrote the file, padded with zeros |
//! | 8 | length of the part that follows the head, little endian |
//! | 32 | SHA-256 of all of the file but these bytes |
//! | | sources and model, as postcard writes them |
//!
//! The head is the same in every format, so that a newer format is distinguished from a damaged file.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::{self, Config};
use crate::source::SourceMap;

/// First bytes of a compiled file; no text begins like this.
pub const MAGIC: [u8; 8] = *b"\x7fNGXC\r\n\x1a";
/// Format that is written, and the only one that is read.
pub const FORMAT: u32 = 1;

const HEAD: usize = 72;
const CHECKSUM: std::ops::Range<usize> = 40..HEAD;
/// Number of the model that this program was built with: files of another model have other bytes.
const MODEL: &str = env!("NGXC_MODEL");
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Content of a compiled file.
#[derive(Debug)]
pub struct Site {
    /// The model.
    pub config: Config,
    /// Files that the model was compiled from, for messages.
    pub sources: SourceMap,
}

/// Reason why a file is not executed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// The file does not begin with [`MAGIC`].
    NotCompiled,
    /// The file is too short or too long: expected and real length.
    Length(u64, u64),
    /// The checksum does not match the bytes.
    Damaged,
    /// The format is unknown; holds the format, and the version that wrote the file.
    Format(u32, String),
    /// The format is known, but the model was another one; holds the version that wrote the file.
    Model(String),
    /// The file can be read, but its parts do not fit together: no ngxc wrote such a file.
    Broken(model::ModelFault),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::NotCompiled => f.write_str("not a compiled configuration"),
            Refused::Length(expected, got) if got < expected => {
                write!(f, "truncated: {got} of {expected} bytes are there")
            }
            Refused::Length(expected, got) => {
                write!(f, "damaged: {got} bytes where {expected} were written")
            }
            Refused::Damaged => f.write_str("damaged: the checksum is wrong"),
            Refused::Format(format, by) => write!(
                f,
                "of format {format}, written by ngxc {by}; this is ngxc {VERSION}, which reads format {FORMAT}"
            ),
            Refused::Model(by) => {
                write!(f, "written by another build of ngxc ({by}); this is ngxc {VERSION}")
            }
            Refused::Broken(what) => write!(f, "forged or damaged: {what}"),
        }
    }
}

impl std::error::Error for Refused {}

impl Refused {
    /// Remedy, as text for the user.
    pub fn help(&self) -> &'static str {
        match self {
            Refused::Format(format, _) if *format > FORMAT => "run it with that ngxc or a newer one",
            _ => "compile it again with `ngxc compile nginx.conf -o site.ngxc`",
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Origin<'a> {
    model: &'a str,
}

#[derive(Serialize, Deserialize)]
struct Content<'a> {
    #[serde(borrow)]
    files: Vec<(&'a [u8], &'a [u8])>,
}

fn bytes(path: &Path) -> &[u8] {
    std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str())
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes))
}

/// Reason why bytes are not a model.
fn unreadable(error: &postcard::Error) -> &'static str {
    match error {
        postcard::Error::DeserializeUnexpectedEnd => "it ends within the model",
        _ => "what should be the model is something else",
    }
}

/// True if a file is meant to be a compiled one: it begins with [`MAGIC`].
pub fn is_site(file: &[u8]) -> bool {
    file.starts_with(&MAGIC)
}

/// Bytes of the compiled file for a configuration without errors. The same configuration always gives the same bytes.
///
/// # Errors
/// If the model cannot be stored, which no configuration can cause.
pub fn store(config: &Config, sources: &SourceMap) -> Result<Vec<u8>, String> {
    let mut file = Vec::with_capacity(HEAD);
    file.extend(MAGIC);
    file.extend(FORMAT.to_le_bytes());
    let mut by = [0; 20];
    by.iter_mut().zip(VERSION.bytes()).for_each(|(to, from)| *to = from);
    file.extend(by);
    file.resize(HEAD, 0);
    let content = Content { files: sources.files().map(|(_, f)| (bytes(&f.path), &*f.text)).collect() };
    let failed = |e: postcard::Error| e.to_string();
    let file = postcard::to_extend(&Origin { model: MODEL }, file).map_err(failed)?;
    let file = postcard::to_extend(&content, file).map_err(failed)?;
    let mut file = model::store(|| postcard::to_extend(config, file)).map_err(failed)?;
    let length = (file.len() - HEAD) as u64;
    file[32..40].copy_from_slice(&length.to_le_bytes());
    let checksum = checksum(&file);
    file[CHECKSUM].copy_from_slice(&checksum);
    Ok(file)
}

/// Checksum of the whole file except the checksum's own bytes.
fn checksum(file: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(&file[..CHECKSUM.start]).chain_update(&file[CHECKSUM.end..]).finalize().into()
}

/// Reads a file that [`store`] made. The checksum detects damage, not forgery: an attacker who can write the file can
/// make the program do anything that a configuration can, but no more than that.
///
/// # Errors
/// If the bytes are not a compiled file, are damaged, or have another format than this program's.
pub fn load(file: &[u8]) -> Result<Site, Refused> {
    if !is_site(file) {
        return Err(Refused::NotCompiled);
    }
    let number = |at: usize| file.get(at..at + 8).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes);
    let length = number(32).filter(|_| file.len() >= HEAD);
    let Some(length) = length else { return Err(Refused::Length(HEAD as u64, file.len() as u64)) };
    if checksum(file) != file[CHECKSUM] {
        let (expected, got) = (length.saturating_add(HEAD as u64), file.len() as u64);
        // A length that is itself damaged would only confuse.
        return Err(if got < expected && expected < 1 << 32 {
            Refused::Length(expected, got)
        } else {
            Refused::Damaged
        });
    }
    let by = String::from_utf8_lossy(file[12..32].split(|b| *b == 0).next().unwrap_or_default()).into_owned();
    let format = u32::from_le_bytes([file[8], file[9], file[10], file[11]]);
    if format != FORMAT {
        return Err(Refused::Format(format, by));
    }
    let (origin, rest) =
        postcard::take_from_bytes::<Origin<'_>>(&file[HEAD..]).map_err(|_| Refused::Model(by.clone()))?;
    if origin.model != MODEL {
        return Err(Refused::Model(by));
    }
    let (content, rest) =
        postcard::take_from_bytes::<Content<'_>>(rest).map_err(|_| Refused::Model(by.clone()))?;
    let config = model::load(|| postcard::take_from_bytes::<Config>(rest));
    let (config, after) =
        config.map_err(|e| Refused::Broken(model::ModelFault(unreadable(&e).to_owned())))?;
    if !after.is_empty() {
        return Err(Refused::Broken(model::ModelFault("more follows the model".to_owned())));
    }
    let lengths: Vec<u64> = content.files.iter().map(|(_, text)| text.len() as u64).collect();
    model::check(&config, &lengths).map_err(Refused::Broken)?;
    let mut sources = SourceMap::default();
    for (name, text) in content.files {
        sources.add(path(name), text);
    }
    Ok(Site { config, sources })
}
