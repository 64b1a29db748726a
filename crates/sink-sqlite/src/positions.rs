//! How far each lane has come, in a table beside the rows.

use millpond_delivery::Lane;
use millpond_event::Position;
use millpond_sinks::{Marks, Place, Reached};
use rusqlite::{Connection, Result, Row, params};

/// Its name.
pub(crate) const TABLE: &str = "millpond_positions";

/// Sequence, ordinal and output of a place.
type At = (u64, u32, u32);

/// Makes the table if it is not there. A lane has every row before its place, but for those in the
/// gaps, which are a JSON array of pairs of places. Numbers of 64 bits are stored as signed ones.
pub(crate) fn create(database: &Connection) -> Result<()> {
    database.execute_batch(&format!(
        "CREATE TABLE IF NOT EXISTS {TABLE} (journal INTEGER NOT NULL, pipeline TEXT NOT NULL, \
         shard INTEGER NOT NULL, sequence INTEGER NOT NULL, ordinal INTEGER NOT NULL, \
         output INTEGER NOT NULL, gaps TEXT NOT NULL, PRIMARY KEY (journal, pipeline, shard)) WITHOUT ROWID"
    ))
}

/// What the database has of a journal.
pub(crate) fn load(database: &Connection, journal: u64) -> Result<Marks> {
    let mut select = database.prepare(&format!(
        "SELECT pipeline, shard, sequence, ordinal, output, gaps FROM {TABLE} WHERE journal = ?1"
    ))?;
    let lanes = select.query_map([journal.cast_signed()], read)?;
    Ok(Marks::found(lanes.collect::<Result<Vec<_>>>()?))
}

fn read(row: &Row<'_>) -> Result<(Lane, Reached)> {
    let lane = Lane {
        pipeline: row.get::<_, String>(0)?.into(),
        shard: row.get(1)?,
    };
    let until = (
        row.get::<_, i64>(2)?.cast_unsigned(),
        row.get(3)?,
        row.get(4)?,
    );
    let gaps: Vec<(At, At)> = serde_json::from_str(&row.get::<_, String>(5)?).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(5, rusqlite::types::Type::Text, error.into())
    })?;
    let gaps = gaps.into_iter();
    let reached = Reached {
        until: place(until),
        gaps: gaps
            .map(|(from, until)| (place(from), place(until)))
            .collect(),
    };
    Ok((lane, reached))
}

/// Stores the lanes that have moved.
pub(crate) fn store(database: &Connection, journal: u64, marks: &Marks) -> Result<()> {
    let mut insert = database.prepare(&format!(
        "INSERT OR REPLACE INTO {TABLE} VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
    ))?;
    for (lane, reached) in marks.moved() {
        let (sequence, ordinal, output) = at(reached.until);
        let gaps = reached.gaps.iter();
        let gaps: Vec<(At, At)> = gaps.map(|&(from, until)| (at(from), at(until))).collect();
        let gaps = serde_json::to_string(&gaps)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        insert.execute(params![
            journal.cast_signed(),
            &*lane.pipeline,
            lane.shard,
            sequence.cast_signed(),
            ordinal,
            output,
            gaps
        ])?;
    }
    Ok(())
}

fn at(place: Place) -> At {
    let Place { position, output } = place;
    (position.sequence, position.ordinal, output)
}

fn place((sequence, ordinal, output): At) -> Place {
    Place {
        position: Position { sequence, ordinal },
        output,
    }
}
