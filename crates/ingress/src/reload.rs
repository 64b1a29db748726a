use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How often files are looked at, at most: as often as anybody asks for what is in them.
const EVERY: Duration = Duration::from_secs(1);

/// What files say, read anew when they change: nobody has to be told, and nothing is restarted.
pub(crate) struct Reloaded<T> {
    files: Vec<PathBuf>,
    load: Box<dyn Fn() -> Result<T, String> + Send + Sync>,
    state: Mutex<State<T>>,
    /// Whose files they are.
    source: OnceLock<Arc<str>>,
}

struct State<T> {
    value: Arc<T>,
    stamps: Vec<Option<Stamp>>,
    looked: Instant,
}

/// What changes with a file.
type Stamp = (SystemTime, u64);

impl<T> Reloaded<T> {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// What `load` says.
    pub(crate) fn new(
        files: Vec<PathBuf>,
        load: impl Fn() -> Result<T, String> + Send + Sync + 'static,
    ) -> Result<Self, String> {
        let stamps = stamps(&files);
        let state = State {
            value: Arc::new(load()?),
            stamps,
            looked: Instant::now(),
        };
        Ok(Reloaded {
            files,
            load: Box::new(load),
            source: OnceLock::new(),
            state: Mutex::new(state),
        })
    }

    /// They are files of this source, which the log says.
    pub(crate) fn belongs_to(&self, source: &Arc<str>) {
        // A source runs once.
        let _ = self.source.set(source.clone());
    }

    /// What the files say now, or said when they could be read the last time.
    pub(crate) fn current(&self) -> Arc<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.elapsed() >= EVERY {
            state.looked = Instant::now();
            self.look(&mut state);
        }
        state.value.clone()
    }

    fn look(&self, state: &mut State<T>) {
        let stamps = stamps(&self.files);
        if stamps == state.stamps {
            return;
        }
        // Also where that fails: it is told once for each change.
        state.stamps = stamps;
        let source = self.source.get().map(|source| &**source);
        match (self.load)() {
            Ok(value) => {
                state.value = Arc::new(value);
                tracing::info!(source, files = ?self.files, "read again");
            }
            Err(error) => {
                tracing::warn!(
                    source,
                    error,
                    "changed files are not used; what they said before is"
                );
            }
        }
    }
}

fn stamps(files: &[PathBuf]) -> Vec<Option<Stamp>> {
    let stamp = |file: &PathBuf| {
        let metadata = fs::metadata(file).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    files.iter().map(stamp).collect()
}

/// A whole file of secrets or certificates, which is small.
pub(crate) fn read(file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| format!("cannot read `{}`: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_again_when_it_changes_and_a_bad_one_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("value");
        fs::write(&file, "1").unwrap();
        let load = {
            let file = file.clone();
            move || {
                let text = String::from_utf8(read(&file)?).map_err(|error| error.to_string())?;
                text.parse::<u32>().map_err(|error| error.to_string())
            }
        };
        let value = Reloaded::new(vec![file.clone()], load).unwrap();
        assert_eq!(*value.current(), 1);
        for (text, expected) in [("22", 22), ("none", 22), ("4444", 4444)] {
            fs::write(&file, text).unwrap();
            value.state.lock().unwrap().looked -= EVERY;
            assert_eq!(*value.current(), expected, "{text}");
        }
        fs::remove_file(&file).unwrap();
        value.state.lock().unwrap().looked -= EVERY;
        assert_eq!(*value.current(), 4444);
    }
}
