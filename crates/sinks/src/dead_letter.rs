//! What becomes of events that are set aside: the sink in front of the store of dead letters.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use millpond_store::{DeadLetters, Error, NotTaken};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::pace::Pace;
use crate::rows::{total_bytes, total_rows};
use crate::{ConfigError, Rows, WriteError, Writer};

/// A full disk or store heals as soon as somebody makes room, which nobody should have to wait long for.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Where dead letters go.
///
/// ```toml
/// [dead_letters]
/// path = "data/dead-letters"
/// max = "1GiB"                # default
/// ```
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeadLetterConfig {
    /// The directory of the store; created if need be. It belongs to one process at a time.
    pub path: PathBuf,
    /// The most bytes it may hold, at least 64 KiB: half for what was no event, whose oldest are then
    /// deleted and counted, half for events that failed later, which then stop the sources.
    #[serde(default = "one_gib")]
    #[schemars(with = "String")]
    pub max: ByteSize,
}

fn one_gib() -> ByteSize {
    ByteSize::gib(1)
}

impl DeadLetterConfig {
    /// A store in `path` with the default size.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        DeadLetterConfig {
            path: path.into(),
            max: one_gib(),
        }
    }

    /// Checks what the types cannot.
    ///
    /// # Errors
    /// [`ConfigError`], naming the key and what was expected.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.path.as_os_str().is_empty() {
            let message = "is empty, expected a directory such as \"data/dead-letters\"";
            return Err(ConfigError::new("path", message));
        }
        if self.max.as_u64() < 64 << 10 {
            let message = format!("{} is too small, expected at least 64KiB", self.max);
            return Err(ConfigError::new("max", message));
        }
        Ok(())
    }
}

/// The sink of dead letters: a [`Writer`] like any other, fed with the records of
/// [`Letter::write_record`](millpond_store::Letter::write_record). They count as delivered once they are synced.
///
/// While the store takes no more accepted events, its rows wait like those of any sink that fails for a while.
pub fn dead_letter_writer(store: DeadLetters) -> Box<dyn Writer> {
    let pace = Pace::default();
    Box::new(DeadLetterWriter { store, pace })
}

struct DeadLetterWriter {
    store: DeadLetters,
    pace: Pace,
}

impl Writer for DeadLetterWriter {
    fn write(&mut self, batches: &[Rows<'_>]) -> Result<(), WriteError> {
        self.pace.wrote(total_rows(batches), total_bytes(batches));
        let rows = batches
            .iter()
            .flat_map(|batch| (0..batch.len()).map(|row| batch.row(row)));
        self.store.append(rows).map_err(|refused| {
            let NotTaken { taken: done, error } = refused;
            match error {
                Error::NotALetter { .. } => WriteError::Fatal {
                    done,
                    message: error.to_string(),
                },
                error => WriteError::Transient {
                    done,
                    error: io::Error::other(error),
                    not_before: None,
                },
            }
        })
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        let synced = self.store.sync();
        synced.map_err(|error| WriteError::transient(io::Error::other(error)))?;
        self.pace.synced(Instant::now());
        Ok(())
    }

    fn gather(&self) -> Duration {
        self.pace.gather(Instant::now())
    }

    fn gathers_after_writes(&self) -> bool {
        true
    }

    fn longest_pause(&self) -> Duration {
        LONGEST_PAUSE
    }
}

#[cfg(test)]
mod tests {
    use millpond_event::Records;
    use millpond_store::{Class, Filter, Letter, Letters};

    use super::*;

    fn rows(class: Class, events: &[&str]) -> Records {
        let mut rows = Records::default();
        for event in events {
            let event = event.as_bytes();
            let letter = Letter {
                class,
                event,
                ..Letter::default()
            };
            rows.push(0, |row| letter.write_record(row));
        }
        rows
    }

    #[test]
    fn a_full_store_says_how_many_rows_it_took_and_takes_the_rest_when_there_is_room() {
        let folder = tempfile::tempdir().expect("a directory");
        let store = DeadLetters::open(folder.path(), 64 << 10).expect("new");
        let mut writer = dead_letter_writer(store.clone());
        let long = "x".repeat(1_000);
        let rows = rows(Class::Accepted, &[&*long; 100]);
        let error = writer.write(&[Rows::whole(&rows)]).expect_err("too many");
        let done = error.done();
        assert!(done > 5 && done < 100, "{done}");
        assert!(error.to_string().contains("replay or purge"), "{error}");

        let mut found = 0;
        let letters = Letters::open(folder.path()).expect("readable");
        let counted = letters.each(&Filter::default(), |_| {
            found += 1;
            Ok::<_, Error>(true)
        });
        counted.expect("readable");
        assert_eq!(
            found, done,
            "what was taken is durable while the rest waits"
        );

        store.purge(&Filter::default()).expect("purged");
        let (_, rest) = Rows::whole(&rows).split_at(100 - done.min(10));
        writer.write(&[rest]).expect("there is room");
        writer.flush().expect("synced");
    }

    #[test]
    fn a_bad_table_names_its_key_and_what_was_expected() {
        for (max, path, key) in [("1KiB", "x", "max"), ("1GiB", "", "path")] {
            let table = serde_json::json!({ "path": path, "max": max });
            let config: DeadLetterConfig = serde_json::from_value(table).expect("well-formed");
            let error = config.validate().expect_err("refused");
            assert_eq!(error.key, key);
            assert!(error.message.contains("expected"), "{error}");
        }
        let config = DeadLetterConfig::new("x");
        assert_eq!(config.max, ByteSize::gib(1));
        config.validate().expect("valid");
    }
}
