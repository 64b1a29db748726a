use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use millpond_event::Path;
use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::model::MissingKey;
use super::workers::{Workers, WorkersSchema};

/// The smallest memory budget: a few of the largest events and the buffers around them.
const MEMORY_MIN: ByteSize = ByteSize::mib(4);

/// Less may be a machine that is busy.
const HANG_MIN: Duration = Duration::from_secs(1);

/// The longest drain: whoever waits for longer has no deadline.
const DRAIN_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// What the process of a worker needs to start, and some room for events.
const WORKER_MEMORY_MIN: ByteSize = ByteSize::mib(128);

/// A slice takes half of the least; with more than the most, the daemon itself would seem to hang.
const STAGE_TIMEOUT_MIN: Duration = Duration::from_millis(10);
const STAGE_TIMEOUT_MAX: Duration = Duration::from_secs(50);

/// `[pipelines.NAME]` as it is written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PipelineSection {
    /// The sources it reads; all of them by default.
    pub(crate) from: Option<Vec<String>>,
    /// The sinks it writes to; all of them by default.
    pub(crate) to: Option<Vec<String>>,
    /// The path of the field whose events stay in order; without one, order is not kept.
    pub(crate) key: Option<String>,
    /// What happens to events without a readable key: "any" shard takes them, or they go to the
    /// dead letters ("dead_letter").
    pub(crate) missing_key: Option<MissingKey>,
    /// The stages, in order; each a table with its type, an optional name and its settings.
    pub(crate) stages: Vec<Value>,
    /// How many events the stages may make of one input, at least 1.
    pub(crate) max_emit: u32,
    /// The share of events that may crash the stages before the pipeline is paused, 0 to 1; 1: any.
    #[serde(deserialize_with = "share")]
    #[schemars(range(min = 0, max = 1))]
    pub(crate) max_poison: f64,
}

impl Default for PipelineSection {
    fn default() -> Self {
        PipelineSection {
            from: None,
            to: None,
            key: None,
            missing_key: None,
            stages: Vec::new(),
            max_emit: 10_000,
            max_poison: 0.05,
        }
    }
}

/// `[runtime]` as it is written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RuntimeSection {
    /// Worker threads: "auto" (from one to as many as there are cores), a number, or bounds.
    #[schemars(with = "WorkersSchema")]
    pub(crate) workers: Workers,
    /// Where workers run their stages: in a "thread" of the daemon, or each in a "process" of its own, which
    /// may crash.
    #[schemars(with = "String", extend("enum" = ["thread", "process"]))]
    pub(crate) isolation: Isolation,
    /// The address space that the process of a worker may have, such as "512MiB"; at least 128 MiB.
    #[serde(deserialize_with = "worker_memory")]
    #[schemars(with = "String")]
    pub(crate) worker_memory: ByteSize,
    /// How long the process of a worker may take for what it was given, such as "10s"; 10 ms to 50 s.
    #[serde(
        deserialize_with = "stage_timeout",
        serialize_with = "humantime_serde::serialize"
    )]
    #[schemars(with = "String")]
    pub(crate) stage_timeout: Duration,
    /// Shards per pipeline: the unit of order.
    #[serde(deserialize_with = "shards")]
    #[schemars(range(min = 1, max = 4096))]
    pub(crate) shards: usize,
    /// The byte budget for everything on its way, such as "256MiB"; at least 4 MiB.
    #[serde(deserialize_with = "memory")]
    #[schemars(with = "String")]
    pub(crate) memory: ByteSize,
    /// How long a drain may take, such as "10s"; at most a day.
    #[serde(
        deserialize_with = "drain",
        serialize_with = "humantime_serde::serialize"
    )]
    #[schemars(with = "String")]
    pub(crate) drain: Duration,
    /// How long a stage may take for one event before `/livez` fails, such as "1m"; from a second to a day.
    #[serde(
        deserialize_with = "hang",
        serialize_with = "humantime_serde::serialize"
    )]
    #[schemars(with = "String")]
    pub(crate) hang: Duration,
    /// The folder for files that reproduce crashes; by default `crashes` in that of the dead letters.
    pub(crate) crashes: Option<PathBuf>,
}

impl Default for RuntimeSection {
    fn default() -> Self {
        RuntimeSection {
            workers: Workers::auto(),
            isolation: Isolation::Thread,
            worker_memory: ByteSize::mib(512),
            stage_timeout: Duration::from_secs(10),
            shards: 64,
            memory: ByteSize::mib(256),
            drain: Duration::from_secs(10),
            hang: Duration::from_secs(60),
            crashes: None,
        }
    }
}

/// Where workers run their stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isolation {
    Thread,
    Process,
}

impl<'de> Deserialize<'de> for Isolation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "thread" => Ok(Isolation::Thread),
            "process" if cfg!(target_os = "linux") => Ok(Isolation::Process),
            "process" => Err(D::Error::custom(
                "\"process\" needs Linux, expected \"thread\"",
            )),
            other => Err(D::Error::custom(format!(
                "{other:?} is no kind of isolation, expected \"thread\" or \"process\""
            ))),
        }
    }
}

fn worker_memory<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ByteSize, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let memory = serde_json::from_value::<ByteSize>(value.clone()).ok();
    memory
        .filter(|memory| *memory >= WORKER_MEMORY_MIN)
        .ok_or_else(|| {
            D::Error::custom(format!(
                "{value} is too little or no size, expected one such as \"512MiB\", at least {WORKER_MEMORY_MIN}"
            ))
        })
}

fn stage_timeout<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let timeout: Duration = humantime_serde::deserialize(deserializer)?;
    if !(STAGE_TIMEOUT_MIN..=STAGE_TIMEOUT_MAX).contains(&timeout) {
        return Err(D::Error::custom(format!(
            "{} is no time for a stage, expected \"10ms\" to \"50s\"",
            humantime::format_duration(timeout)
        )));
    }
    Ok(timeout)
}

fn share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    match value.as_f64() {
        Some(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err(D::Error::custom(format!(
            "{value} is no share of the events, expected a number from 0 to 1 such as 0.05"
        ))),
    }
}

fn shards<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let value = Value::deserialize(deserializer)?;
    match value.as_u64() {
        Some(shards @ 1..=4096) => Ok(shards as usize),
        _ => Err(D::Error::custom(format!(
            "{value} is no number of shards, expected 1 to 4096"
        ))),
    }
}

fn drain<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let drain: Duration = humantime_serde::deserialize(deserializer)?;
    if drain > DRAIN_MAX {
        return Err(D::Error::custom(format!(
            "{} is too long for a drain, expected at most \"1day\"",
            humantime::format_duration(drain)
        )));
    }
    Ok(drain)
}

fn hang<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let hang: Duration = humantime_serde::deserialize(deserializer)?;
    if !(HANG_MIN..=DRAIN_MAX).contains(&hang) {
        return Err(D::Error::custom(format!(
            "{} is no time after which an event hangs, expected \"1s\" to \"1day\"",
            humantime::format_duration(hang)
        )));
    }
    Ok(hang)
}

fn memory<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ByteSize, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let memory = match &value {
        Value::String(text) => text.parse().ok(),
        number => number.as_u64().map(ByteSize),
    };
    let fits =
        |memory: &ByteSize| *memory >= MEMORY_MIN && usize::try_from(memory.as_u64()).is_ok();
    memory.filter(fits).ok_or_else(|| {
        D::Error::custom(format!(
            "{value} is no memory budget, expected a size such as \"256MiB\", at least {MEMORY_MIN}"
        ))
    })
}

/// `[journal]` as it is written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JournalSection {
    /// The folder to keep it in; made if it is not there. One daemon has it at a time.
    pub(crate) dir: PathBuf,
    /// What it may take up on disk, such as "10GiB"; at least two segments. When it is full, sources wait.
    #[serde(default = "journal_max")]
    #[schemars(with = "String")]
    pub(crate) max: ByteSize,
    /// The length of the files it consists of: 4 MiB to 1 GiB.
    #[serde(default = "journal_segment", deserialize_with = "segment")]
    #[schemars(with = "String")]
    pub(crate) segment: ByteSize,
}

fn journal_max() -> ByteSize {
    ByteSize::gib(10)
}

fn journal_segment() -> ByteSize {
    ByteSize::mib(64)
}

fn segment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ByteSize, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let size = serde_json::from_value::<ByteSize>(value.clone()).ok();
    let fits = |size: &ByteSize| (4 << 20..=1 << 30).contains(&size.as_u64());
    // Frames begin at multiples of 8.
    let size = size.filter(fits).map(|size| ByteSize(size.as_u64() & !7));
    size.ok_or_else(|| {
        D::Error::custom(format!(
            "{value} is no length of a segment, expected a size such as \"64MiB\", from 4 MiB to 1 GiB"
        ))
    })
}

/// `[admin]` as it is written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AdminSection {
    /// Whether there is an admin listener.
    pub(crate) enabled: bool,
    /// Its address, on loopback; port 0 takes a free one.
    #[serde(deserialize_with = "loopback")]
    #[schemars(with = "String")]
    pub(crate) listen: SocketAddr,
    /// Names, without a port, that requests may be addressed to, beside those of loopback: what a proxy in
    /// front of it is called, say. Others are refused.
    #[serde(deserialize_with = "hosts")]
    pub(crate) hosts: Vec<String>,
    /// Paths of fields whose values are not shown to anybody who looks at events: by `millpond tap`, or at the
    /// latest dead letters. What is no JSON is then not shown at all.
    #[schemars(with = "Vec<String>")]
    pub(crate) redact: Vec<Path>,
}

impl Default for AdminSection {
    fn default() -> Self {
        AdminSection {
            enabled: true,
            listen: SocketAddr::from(([127, 0, 0, 1], 7080)),
            hosts: Vec::new(),
            redact: Vec::new(),
        }
    }
}

fn loopback<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    let numeric = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.clone(),
    };
    match numeric.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => Ok(address),
        Ok(_) => Err(D::Error::custom(format!(
            "{text:?} can be reached from other machines, and the admin listener has no \
             authentication: expected 127.0.0.1:PORT or [::1]:PORT"
        ))),
        Err(_) => Err(D::Error::custom(format!(
            "{text:?} is no address, expected ADDRESS:PORT such as \"127.0.0.1:7080\""
        ))),
    }
}

fn hosts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let hosts = Vec::<String>::deserialize(deserializer)?;
    let is_name = |host: &String| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        !host.is_empty() && host.len() <= 253 && host.bytes().all(known)
    };
    match hosts.iter().find(|host| !is_name(host)) {
        None => Ok(hosts),
        Some(host) => Err(D::Error::custom(format!(
            "{host:?} is no name of a host, expected one such as \"pond.internal\", without a port"
        ))),
    }
}

/// Where dead letters go when the configuration does not say: the first state directory that the
/// service manager gives (`$STATE_DIRECTORY`), or else `millpond-data` in the working directory.
pub(crate) fn default_dead_letters() -> PathBuf {
    let given = std::env::var_os("STATE_DIRECTORY");
    let first = given
        .as_ref()
        .and_then(|paths| std::env::split_paths(paths).find(|path| path.is_absolute()));
    first
        .unwrap_or_else(|| PathBuf::from("millpond-data"))
        .join("dead-letters")
}
