//! `millpond check`: what a configuration describes.

use std::fmt::Write;

use crate::config::{Config, MissingKey, Pipeline, Workers};
use crate::error::StartError;
use crate::wire;

/// Builds what can be built without opening anything, and says what there is.
///
/// # Errors
/// What cannot be built.
pub(crate) fn check(config: &Config) -> Result<String, StartError> {
    for pipeline in &config.pipelines {
        wire::blueprint(pipeline, None)?;
        wire::key(pipeline)?;
    }
    let mut out = String::from("the configuration is right\n");
    let mut say = |what: &str, name: &str, is: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "  {what:<9} {name:<16} {is}");
    };
    for source in &config.sources {
        say("source", &source.name, &source.kind);
    }
    for pipeline in &config.pipelines {
        say("pipeline", &pipeline.name, &describe(pipeline));
    }
    for sink in &config.sinks {
        let required = if sink.options.required {
            ""
        } else {
            ", best effort"
        };
        let buffer = sink
            .options
            .buffer
            .as_ref()
            .map_or(String::new(), |buffer| {
                format!(
                    ", buffer in {}, at most {}",
                    buffer.dir.display(),
                    buffer.max
                )
            });
        say(
            "sink",
            &sink.component.name,
            &format!("{}{required}{buffer}", sink.component.kind),
        );
    }
    say(
        "letters",
        "dead_letters",
        &config.dead_letters.path.display().to_string(),
    );
    if let Some(journal) = &config.journal {
        let (dir, max) = (journal.dir.display(), bytesize::ByteSize(journal.max));
        say("journal", "", &format!("{dir}, at most {max}"));
    }
    let runtime = &config.runtime;
    let Workers { min, max, target } = runtime.workers;
    let workers = match (min, max) {
        (1, 1) => "1 worker".to_owned(),
        (min, max) if min == max => format!("{max} workers"),
        _ => format!(
            "{min} to {max} workers, so that nothing waits for more than {}",
            humantime::format_duration(target)
        ),
    };
    say(
        "runtime",
        "",
        &format!(
            "{}, {} shards, {}, drains within {}",
            workers,
            runtime.shards,
            bytesize::ByteSize(runtime.memory as u64),
            humantime::format_duration(runtime.drain)
        ),
    );
    say(
        "admin",
        "",
        &config
            .admin
            .map_or("off".to_owned(), |address| address.to_string()),
    );
    Ok(out)
}

fn describe(pipeline: &Pipeline) -> String {
    let stages: Vec<&str> = pipeline
        .stages
        .iter()
        .map(|stage| stage.name.as_str())
        .collect();
    let stages = if stages.is_empty() {
        String::new()
    } else {
        format!(" -> {}", stages.join(" -> "))
    };
    let key = match (&pipeline.key, pipeline.missing_key) {
        (None, _) => String::new(),
        (Some(key), MissingKey::Any) => format!(", in order by {key}"),
        (Some(key), MissingKey::DeadLetter) => format!(", in order by {key}, which must be there"),
    };
    format!(
        "{}{stages} -> {}{key}",
        pipeline.from.join(", "),
        pipeline.to.join(", ")
    )
}
