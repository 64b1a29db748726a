//! `cargo xtask instructions`: how many instructions the hot path takes an event, against the stored figures.
//!
//! The program in `benches/instructions` does fixed work in rounds. Each case is run twice under callgrind, with few and
//! with many rounds; the difference, by event, is its figure. Instructions repeat where seconds do not,
//! so a figure that has grown is a reason to fail. See `docs/INSTRUCTIONS.md`.

mod callgrind;
mod cases;
mod figures;
mod verdict;

use std::fs;
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, ensure};
use indicatif::{ProgressBar, ProgressStyle};

use crate::flags::InstructionsFlags;
use crate::workspace::Workspace;
use callgrind::Callgrind;
use cases::Case;
use figures::{Counts, Figures};
use verdict::Comparison;

/// The stored figures, from the root of the workspace.
const STORED: &str = "benches/instructions.json";

/// Counts every case (or those that `flags` selects), prints the table, and fails if one has grown.
pub(crate) fn run(flags: &InstructionsFlags) -> anyhow::Result<()> {
    let workspace = Workspace::load()?;
    let stored = Figures::read(&workspace.root.join(STORED))?;
    let here = Figures::of_this_machine(&workspace.root)?;
    if let (Some(stored), false) = (&stored, flags.update) {
        stored.check_target(&here)?;
    }
    let folder = workspace.target.join("instructions");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let callgrind = Callgrind::new(cases::build(&workspace)?, folder.clone());
    let cases = cases::list(&callgrind.program)?;
    let chosen = chosen(&cases, flags.only.as_deref())?;
    let totals = count(&callgrind, &cases::with_bases(&cases, &chosen)?)?;
    let counted = chosen
        .iter()
        .map(|case| Ok((case.name.clone(), case.figure(&totals)?)))
        .collect::<anyhow::Result<Counts>>()?;

    let before = stored.as_ref().map(|stored| &stored.instructions_per_event);
    let comparison = Comparison::new(&chosen, &counted, before, flags.only.is_some());
    print!("{}", comparison.table());
    println!(
        "\nprofiles: callgrind_annotate {}/CASE.out",
        workspace.relative(&folder)
    );
    if let Some(note) = stored
        .as_ref()
        .and_then(|stored| stored.differs_from(&here))
    {
        println!("note: {note}");
    }
    if flags.update {
        let figures = Figures {
            instructions_per_event: counted,
            ..here
        };
        figures.write(&workspace.root.join(STORED))?;
        println!("stored in {STORED}");
        return Ok(());
    }
    comparison.verdict()
}

fn chosen<'a>(cases: &'a [Case], only: Option<&str>) -> anyhow::Result<Vec<&'a Case>> {
    let wanted = |case: &&Case| only.is_none_or(|only| case.name.contains(only));
    let chosen: Vec<&Case> = cases.iter().filter(wanted).collect();
    let names = || cases.iter().map(|case| &case.name).collect::<Vec<_>>();
    ensure!(
        !chosen.is_empty(),
        "no case is named {:?}, expected part of one of {:?}",
        only.unwrap_or_default(),
        names()
    );
    Ok(chosen)
}

/// The instructions of each case by event, the work of its base included. Counts do not mind company: there are as
/// many runs at a time as there are cores.
fn count(callgrind: &Callgrind, cases: &[&Case]) -> anyhow::Result<Counts> {
    let progress = ProgressBar::new(cases.len() as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos} of {len} cases  {msg}") {
        progress.set_style(style);
    }
    let queue = Mutex::new(cases.iter());
    let worker = || {
        let mut counted = Counts::new();
        loop {
            let next = queue.lock().ok().and_then(|mut queue| queue.next());
            let Some(case) = next else {
                return Ok(counted);
            };
            progress.set_message(case.name.clone());
            counted.insert(case.name.clone(), callgrind.count(&case.name)?);
            progress.inc(1);
        }
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let counted = thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        let mut all = Counts::new();
        for thread in threads {
            let counted: anyhow::Result<Counts> = thread
                .join()
                .map_err(|_| anyhow::anyhow!("a counting thread panicked"))?;
            all.extend(counted?);
        }
        Ok(all)
    });
    progress.finish_and_clear();
    counted
}
