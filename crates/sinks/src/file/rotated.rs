use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The names of files that were moved away, made from the name of the file they were.
pub(crate) struct Rotated {
    directory: PathBuf,
    stem: String,
    /// With its dot, or empty.
    extension: String,
}

/// When a file was moved away (`20260131T235959Z`), and a number for those of one second: in this
/// order they were moved.
type Stamp = (String, u32);

impl Rotated {
    pub(crate) fn of(path: &Path) -> Self {
        let text = |part: Option<&OsStr>| {
            part.map_or_else(String::new, |part| part.to_string_lossy().into_owned())
        };
        let extension = match text(path.extension()) {
            none if none.is_empty() => none,
            some => format!(".{some}"),
        };
        Rotated {
            directory: match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
                _ => PathBuf::from("."),
            },
            stem: text(path.file_stem()),
            extension,
        }
    }

    /// Moves `path` to a name that was free; returns it.
    pub(crate) fn take(&self, path: &Path, now: SystemTime) -> io::Result<PathBuf> {
        let mut stamp = self.next(now)?;
        loop {
            let name = self.directory.join(self.name(&stamp));
            // An empty file holds the name, so that the move cannot overwrite anybody's.
            match OpenOptions::new().write(true).create_new(true).open(&name) {
                Ok(_) => {
                    return match fs::rename(path, &name) {
                        Ok(()) => Ok(name),
                        Err(error) => {
                            fs::remove_file(&name)?;
                            Err(error)
                        }
                    };
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => stamp.1 += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Deletes the oldest but for `keep`.
    pub(crate) fn prune(&self, keep: usize) -> io::Result<()> {
        let mut stamps = self.stamps()?;
        stamps.sort();
        let surplus = stamps.len().saturating_sub(keep);
        for stamp in &stamps[..surplus] {
            fs::remove_file(self.directory.join(self.name(stamp)))?;
        }
        Ok(())
    }

    /// The stamp after all there are, also when the clock was set back.
    fn next(&self, now: SystemTime) -> io::Result<Stamp> {
        let now = humantime::format_rfc3339_seconds(now)
            .to_string()
            .replace(['-', ':'], "");
        Ok(match self.stamps()?.into_iter().max() {
            Some((latest, number)) if latest >= now => (latest, number + 1),
            _ => (now, 0),
        })
    }

    fn name(&self, (time, number): &Stamp) -> String {
        let Rotated {
            stem, extension, ..
        } = self;
        match number {
            0 => format!("{stem}.{time}{extension}"),
            _ => format!("{stem}.{time}.{number}{extension}"),
        }
    }

    fn stamps(&self) -> io::Result<Vec<Stamp>> {
        let mut stamps = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            stamps.extend(
                entry?
                    .file_name()
                    .to_str()
                    .and_then(|name| self.stamp(name)),
            );
        }
        Ok(stamps)
    }

    /// The stamp in a name that [`Rotated::name`] made; none in any other name.
    fn stamp(&self, name: &str) -> Option<Stamp> {
        let middle = name
            .strip_prefix(&self.stem)?
            .strip_suffix(&self.extension)?
            .strip_prefix('.')?;
        let (time, number) = match middle.split_once('.') {
            Some((time, number)) => (time, number.parse().ok()?),
            None => (middle, 0),
        };
        let pattern = b"00000000T000000Z";
        let fits = time.len() == pattern.len()
            && time
                .bytes()
                .zip(pattern)
                .all(|(found, &wanted)| match wanted {
                    b'0' => found.is_ascii_digit(),
                    letter => found == letter,
                });
        let stamp = fits.then(|| (time.to_owned(), number))?;
        (self.name(&stamp) == name).then_some(stamp)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn only_names_of_our_own_making_are_ours() {
        let rotated = Rotated::of(Path::new("dir/out.ndjson"));
        let stamp = |number| Some(("20260131T235959Z".to_owned(), number));
        for (name, expected) in [
            ("out.20260131T235959Z.ndjson", stamp(0)),
            ("out.20260131T235959Z.12.ndjson", stamp(12)),
            ("out.20260131T235959Z.0.ndjson", None),
            ("out.20260131T235959Z.012.ndjson", None),
            ("out.20260131T235959Z.x.ndjson", None),
            ("out.20260131T235959.ndjson", None),
            ("out.20260131T235959Z.ndjson.gz", None),
            ("out.ndjson", None),
            ("other.20260131T235959Z.ndjson", None),
        ] {
            assert_eq!(rotated.stamp(name), expected, "{name}");
        }
        let bare = Rotated::of(Path::new("log"));
        assert_eq!(bare.stamp("log.20260131T235959Z"), stamp(0));
    }

    #[test]
    fn a_clock_set_back_neither_overwrites_nor_reorders() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("out.ndjson");
        let rotated = Rotated::of(&path);
        let at = |seconds: u64| UNIX_EPOCH + Duration::from_secs(1_767_225_600 + seconds);
        let mut names = Vec::new();
        for seconds in [5, 5, 3, 6] {
            fs::write(&path, format!("{}", names.len())).expect("written");
            let name = rotated.take(&path, at(seconds)).expect("moved");
            names.push(
                name.file_name()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned(),
            );
        }
        assert_eq!(
            names,
            [
                "out.20260101T000005Z.ndjson",
                "out.20260101T000005Z.1.ndjson",
                "out.20260101T000005Z.2.ndjson",
                "out.20260101T000006Z.ndjson",
            ]
        );
        for (number, name) in names.iter().enumerate() {
            let text = fs::read_to_string(dir.path().join(name)).expect("readable");
            assert_eq!(text, number.to_string());
        }
        rotated.prune(2).expect("pruned");
        let left = fs::read_dir(dir.path()).expect("readable").count();
        assert_eq!(left, 2);
        assert!(dir.path().join(&names[2]).exists() && dir.path().join(&names[3]).exists());
    }
}
