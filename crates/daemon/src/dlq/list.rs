//! `millpond dlq ls`: how many letters there are of which kind.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

use millpond_store::{Class, Count, Filter, Group, Letters};

use super::{DlqError, damages, filter, folder, table};
use crate::cli::StoreArgs;

/// Counts by class and group.
pub(super) type Counts = BTreeMap<(Class, Group), Count>;

pub(super) fn list(store: StoreArgs, wanted: &[String]) -> Result<ExitCode, DlqError> {
    let filter = filter(wanted)?;
    let letters = Letters::open(folder(store)?)?;
    let counts = count(&letters, &filter)?;
    write!(io::stdout().lock(), "{}", overview(&counts))?;
    damages(&letters)
}

pub(super) fn count(letters: &Letters, filter: &Filter) -> Result<Counts, DlqError> {
    let mut counts = Counts::new();
    letters.each(filter, |found| {
        let letter = &found.letter;
        let one = Count {
            letters: 1,
            replayed: u64::from(found.replayed),
            oldest_micros: letter.time_micros,
            newest_micros: letter.time_micros,
        };
        let group = Group {
            pipeline: letter.pipeline.to_owned(),
            stage: letter.stage.to_owned(),
            reason: letter.reason.to_owned(),
        };
        counts
            .entry((found.id.class, group))
            .or_default()
            .merge(&one);
        Ok::<_, DlqError>(true)
    })?;
    Ok(counts)
}

/// The counts as a table, the largest first.
pub(super) fn overview(counts: &Counts) -> String {
    let mut all = Count::default();
    counts.values().for_each(|count| all.merge(count));
    if all.letters == 0 {
        return "no dead letters\n".to_owned();
    }
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(count.letters));
    let head = [
        "REASON", "STAGE", "PIPELINE", "CLASS", "LETTERS", "REPLAYED", "OLDEST", "NEWEST",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    for ((class, group), count) in sorted {
        rows.push([
            group.reason.clone(),
            group.stage.clone(),
            group.pipeline.clone(),
            class.to_string(),
            count.letters.to_string(),
            count.replayed.to_string(),
            moment(count.oldest_micros),
            moment(count.newest_micros),
        ]);
    }
    format!("{}{} letters\n", table(&rows), all.letters)
}

fn moment(micros: u64) -> String {
    // The end of the calendar, for a time that nobody can have meant.
    let seconds = (micros / 1_000_000).min(253_402_300_799);
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string()
}
