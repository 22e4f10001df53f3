//! `redlet://` URLs: which store, and how.
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use redlet_persist::Fsync;

use crate::{Error, Result};

/// What a URL names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// `redlet://`: memory of its own.
    Private,
    /// `redlet://name`: memory that everybody in the process has who names it.
    Shared(String),
    /// `redlet:///path`: a store on disk.
    Path(PathBuf),
}

/// A URL that was understood.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) target: Target,
    pub(crate) db: usize,
    pub(crate) databases: Option<usize>,
    pub(crate) fsync: Option<Fsync>,
}

pub(crate) fn parse(url: &str) -> Result<Parsed> {
    let refuse = |why: String| Error::Url { url: url.to_owned(), why };
    let rest = url.strip_prefix("redlet://").ok_or_else(|| {
        refuse("it must begin with redlet:// (redlet://, redlet://name or redlet:///path/of/store)".into())
    })?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let decoded = percent_decode_str(place)
        .decode_utf8()
        .map_err(|_| refuse("its path is not UTF-8 after decoding".into()))?;
    let target = if decoded.is_empty() {
        Target::Private
    } else if let Some(path) = decoded.strip_prefix('/') {
        if path.is_empty() {
            return Err(refuse("after redlet:/// comes the path of a store".into()));
        }
        // A drive letter makes the path absolute by itself.
        let has_drive = cfg!(windows) && path.as_bytes().get(1) == Some(&b':');
        Target::Path(if has_drive { path.into() } else { format!("/{path}").into() })
    } else if decoded.contains('/') {
        return Err(refuse("a name has no slash; a path has three before it: redlet:///path".into()));
    } else {
        Target::Shared(decoded.into_owned())
    };
    let mut parsed = Parsed { target, db: 0, databases: None, fsync: None };
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "db" => {
                parsed.db =
                    value.parse().map_err(|_| refuse(format!("db={value} is no number of a database")))?;
            }
            "databases" => {
                let databases =
                    value.parse().map_err(|_| refuse(format!("databases={value} is no number")))?;
                parsed.databases = Some(databases);
            }
            "appendfsync" => {
                parsed.fsync = Some(match &*value {
                    "always" => Fsync::Always,
                    "everysec" => Fsync::EverySec,
                    "no" => Fsync::No,
                    _ => return Err(refuse(format!("appendfsync={value} is not always, everysec or no"))),
                });
            }
            _ => {
                return Err(refuse(format!(
                    "it has no parameter {name:?}; there are db, databases and appendfsync"
                )));
            }
        }
    }
    if parsed.fsync.is_some() && !matches!(parsed.target, Target::Path(_)) {
        return Err(refuse("appendfsync is for a store on disk: redlet:///path".into()));
    }
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_are_told_apart() {
        assert_eq!(parse("redlet://").unwrap().target, Target::Private);
        assert_eq!(parse("redlet://jobs?db=2").unwrap().target, Target::Shared("jobs".into()));
        let parsed = parse("redlet:///var/lib/my%20app?appendfsync=always&db=1&databases=20").unwrap();
        assert_eq!(parsed.target, Target::Path("/var/lib/my app".into()));
        assert_eq!((parsed.db, parsed.databases, parsed.fsync), (1, Some(20), Some(Fsync::Always)));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (url, why) in [
            ("redis://localhost", "must begin with redlet://"),
            ("redlet:///", "comes the path"),
            ("redlet://a/b", "three before it"),
            ("redlet://?appendfsync=always", "for a store on disk"),
            ("redlet:///x?appendfsync=sometimes", "not always, everysec or no"),
            ("redlet://?db=x", "no number"),
            ("redlet://?databases=many", "no number"),
            ("redlet://?speed=9", "no parameter"),
        ] {
            let said = parse(url).unwrap_err().to_string();
            assert!(said.contains(why), "{url}: {said}");
        }
    }
}
