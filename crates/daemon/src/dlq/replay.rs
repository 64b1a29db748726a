//! `millpond dlq replay`: letters run through their pipeline as it is configured now.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::mpsc::channel;

use millpond_store::{Filter, Letters};

use super::list::{count, overview};
use super::remote::order;
use super::{DlqError, filter, open};
use crate::cli::ReplayArgs;
use crate::config::Config;
use crate::replay::{Outcome, unfit};
use crate::status::Status;
use crate::verbs::{load, start};
use crate::wire::Input;

pub(super) fn replay(args: ReplayArgs) -> Result<ExitCode, DlqError> {
    let filter = filter(&args.wanted)?;
    let filter = if args.again {
        filter
    } else {
        filter.not_replayed()
    };
    let config = load(args.config)?;
    if args.dry_run {
        return preview(&config, &filter);
    }
    let letters = &config.dead_letters;
    let store = match open(&letters.path, Some(letters.max.as_u64()))? {
        Ok(store) => store,
        Err(locked) => {
            let said = order(&letters.path, "replay", &args.wanted, args.again, locked)?;
            io::stdout().lock().write_all(said.as_bytes())?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let (tell, told) = channel();
    let feed = move |replayer: &crate::replay::Replayer| {
        // Whoever asked has gone only if the process is ending.
        let _ = tell.send(replayer.replay(&filter));
    };
    // What is replayed goes where the configuration says: that, and the log, is all there is to see.
    let config = Config {
        admin: None,
        ..config
    };
    let mut status = Status::new(true, false);
    let input = Input::Letters(store, Box::new(feed));
    let code = start(&config, input, None, &mut status);
    let Ok(outcome) = told.try_recv() else {
        return Ok(code);
    };
    let outcome = outcome?;
    for line in outcome.to_string().lines() {
        tracing::info!("{line}");
    }
    if !outcome.is_whole() {
        let message = outcome.to_string().trim_end().replace('\n', "; ");
        return Err(DlqError::Unfinished(message));
    }
    Ok(code)
}

/// What would be replayed, and what would not.
fn preview(config: &Config, filter: &Filter) -> Result<ExitCode, DlqError> {
    let letters = Letters::open(&config.dead_letters.path)?;
    let mut outcome = Outcome::default();
    letters.each(filter, |found| {
        let name = found.letter.pipeline;
        let known = config.pipelines.iter().any(|known| known.name == name);
        match unfit(found) {
            Some(unfit) => *unfit(&mut outcome) += 1,
            None if known => outcome.replayed += 1,
            None => *outcome.no_pipeline.entry(name.to_owned()).or_default() += 1,
        }
        Ok::<_, DlqError>(true)
    })?;
    let mut out = io::stdout().lock();
    write!(out, "{}", overview(&count(&letters, filter)?))?;
    write!(out, "without --dry-run:\n{outcome}")?;
    super::damages(&letters)
}
