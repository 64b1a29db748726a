//! `millpond dlq purge`: letters deleted for good.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use millpond_store::Letters;

use super::list::{count, overview};
use super::remote::order;
use super::{DlqError, filter, open};
use crate::cli::{ConfigArgs, PurgeArgs, StoreArgs};
use crate::verbs::load;

pub(super) fn purge(args: PurgeArgs) -> Result<ExitCode, DlqError> {
    let filter = filter(&args.wanted)?;
    let StoreArgs { config, set, path } = args.store;
    let (folder, max) = match path {
        Some(path) => (path, None),
        None => {
            let letters = load(ConfigArgs { config, set })?.dead_letters;
            (letters.path, Some(letters.max.as_u64()))
        }
    };
    let counts = count(&Letters::open(&folder)?, &filter)?;
    let mut out = io::stdout().lock();
    write!(out, "{}", overview(&counts))?;
    if counts.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    if !args.yes {
        if !io::stdin().is_terminal() {
            return Err(DlqError::NotAsked("there is nobody to ask, expected --yes"));
        }
        write!(out, "delete them? [y/N] ")?;
        out.flush()?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        if !matches!(answer.trim(), "y" | "Y" | "yes") {
            return Err(DlqError::NotAsked("the answer was not yes"));
        }
    }
    match open(&folder, max)? {
        Ok(store) => writeln!(out, "{} letters deleted", store.purge(&filter)?)?,
        Err(locked) => {
            let said = order(&folder, "purge", &args.wanted, false, locked)?;
            writeln!(out, "{said}")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
