use std::time::Duration;

use millpond_sinks::{Fresh, Marks, Rows, SinkError, WriteError, Writer};
use rusqlite::{Connection, Result, TransactionBehavior};

use crate::config::SqliteConfig;
use crate::database::{self, Columns};
use crate::error::{Verdict, failed, verdict};
use crate::positions;

/// Inserts rows, as many in a transaction as come together.
pub(crate) struct SqliteWriter {
    database: Connection,
    columns: Columns,
    journal: Option<u64>,
    marks: Marks,
}

/// A transaction that came to its end: it holds the first `rows` rows, and the one behind them was refused
/// if there is a reason.
struct Held {
    rows: usize,
    refused: Option<String>,
}

impl SqliteWriter {
    pub(crate) fn open(
        name: &str,
        config: SqliteConfig,
        journal: Option<u64>,
    ) -> std::result::Result<Self, SinkError> {
        let (database, columns) = database::open(name, &config)?;
        let marks = journal.map(|journal| positions::load(&database, journal));
        let marks = marks.transpose().map_err(|error| SinkError::Unusable {
            destination: config.path.display().to_string(),
            message: format!("its positions cannot be read: {error}"),
        })?;
        Ok(SqliteWriter {
            database,
            columns,
            journal,
            marks: marks.unwrap_or_default(),
        })
    }

    /// One transaction with the rows up to the first that is refused, `most` at most, and the positions.
    fn commit(&mut self, rows: &[Rows<'_>], most: usize) -> Result<Held> {
        let transaction = self
            .database
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut held = Held {
            rows: 0,
            refused: None,
        };
        let mut insert = self.columns.prepare(&transaction)?;
        'all: for batch in rows {
            for index in 0..batch.len() {
                if held.rows == most {
                    break 'all;
                }
                let Some(values) = self.columns.values(batch.row(index)) else {
                    held.refused = Some("the row is no event".to_owned());
                    break 'all;
                };
                match Columns::insert(&mut insert, values) {
                    Ok(()) => held.rows += 1,
                    Err(error) if verdict(&error) == Verdict::Refused => {
                        held.refused = Some(error.to_string());
                        break 'all;
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        drop(insert);
        self.marks.wrote(&split(rows, held.rows).0);
        if let Some(journal) = self.journal {
            positions::store(&transaction, journal, &self.marks)?;
        }
        transaction.commit()?;
        Ok(held)
    }

    fn write_fresh(&mut self, fresh: &Fresh<'_>) -> std::result::Result<(), WriteError> {
        let all: usize = fresh.rows.iter().map(Rows::len).sum();
        let (mut done, mut most) = (0, usize::MAX);
        let mut rest = fresh.rows.clone();
        while done < all {
            match self.commit(&rest, most) {
                Ok(held) => {
                    self.marks.store();
                    done += held.rows;
                    if let Some(detail) = held.refused {
                        return Err(WriteError::Rejected {
                            done,
                            reason: "rejected",
                            detail,
                        });
                    }
                    rest = split(&rest, held.rows).1;
                }
                Err(error) => {
                    self.marks.undo();
                    // A constraint that is only looked at when the transaction ends: which row is it?
                    if verdict(&error) == Verdict::Refused && most > 1 && all - done > 1 {
                        most = 1;
                        continue;
                    }
                    return Err(failed(&error, done));
                }
            }
        }
        Ok(())
    }
}

/// The first `rows` rows, and those behind them.
fn split<'a>(batches: &[Rows<'a>], mut rows: usize) -> (Vec<Rows<'a>>, Vec<Rows<'a>>) {
    let (mut first, mut others) = (Vec::new(), Vec::new());
    for batch in batches {
        let (before, behind) = batch.split_at(rows);
        rows -= before.len();
        first.extend(Some(before).filter(|rows| !rows.is_empty()));
        others.extend(Some(behind).filter(|rows| !rows.is_empty()));
    }
    (first, others)
}

impl Writer for SqliteWriter {
    fn write(&mut self, batches: &[Rows<'_>]) -> std::result::Result<(), WriteError> {
        let fresh = self.marks.fresh(batches);
        self.write_fresh(&fresh).map_err(|error| {
            let written = error.done();
            error.after(fresh.skipped.done(written) - written)
        })
    }

    fn set_aside(&mut self, rows: &[Rows<'_>]) {
        self.marks.set_aside(rows);
    }

    fn longest_pause(&self) -> Duration {
        // The disk, or a reader who holds a lock: to ask costs nobody anything.
        Duration::from_secs(2)
    }
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
