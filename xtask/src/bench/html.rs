//! The report: a page that needs nothing but itself.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::record::Record;
use super::table;

/// Writes `report.html` into `folder`.
pub(super) fn write(record: &Record, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let path = folder.join("report.html");
    let text = table::figures(record)
        .replace('&', "&amp;")
        .replace('<', "&lt;");
    let page = format!(
        "<!doctype html>\n<meta charset=\"utf-8\">\n<title>Millpond bench</title>\n<pre>\n{text}</pre>\n"
    );
    fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(vec![path])
}
