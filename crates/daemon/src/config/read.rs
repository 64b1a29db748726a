mod bounds;
mod folders;
mod pipelines;

use std::collections::BTreeMap;
use std::path::PathBuf;

use millpond_ingest::Branch;
use millpond_sinks::{DeadLetterConfig, SinkOptions};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use folders::crashes;

use super::components::{Built, Family};
use super::layers::Origins;
use super::model::{Component, Config, DEAD_LETTERS, Place, Runtime, Sink};
use super::problem::{Problem, Problems, in_plain_words, join, nest, unknown};
use super::sections::{AdminSection, RuntimeSection, default_dead_letters};
use super::tracing::TracingSection;

/// The sections there are, and what they are for.
const SECTIONS: [&str; 8] = [
    "sources",
    "pipelines",
    "sinks",
    "dead_letters",
    "journal",
    "runtime",
    "admin",
    "tracing",
];

/// The longest name of a source, pipeline or sink, in bytes.
const NAME_MAX: usize = 64;

/// Makes a configuration of a tree, and reports everything in it that is wrong.
pub(crate) fn config(tree: Value, origins: &Origins) -> Result<Config, Problems> {
    let mut reader = Reader {
        origins,
        problems: Vec::new(),
        inputs: BTreeMap::new(),
        durable: Vec::new(),
        branches: Vec::new(),
    };
    let config = reader.config(tree);
    match config {
        Some(config) if reader.problems.is_empty() => Ok(config),
        _ => Err(Problems(reader.problems)),
    }
}

struct Reader<'a> {
    origins: &'a Origins,
    problems: Vec<Problem>,
    /// The files that sources read, and which of them does.
    inputs: BTreeMap<PathBuf, String>,
    /// Sources that ask for what only a journal can give.
    durable: Vec<String>,
    /// Branches of sources, each with the name of its source.
    branches: Vec<(String, Branch)>,
}

impl Reader<'_> {
    fn config(&mut self, tree: Value) -> Option<Config> {
        let read = tree.clone();
        let mut tree = self.table("", tree)?;
        for name in tree
            .keys()
            .filter(|name| !SECTIONS.contains(&name.as_str()))
        {
            let message = unknown("section", name, SECTIONS);
            self.problems.push(self.at(&join("", name), message));
        }
        let mut take = |section: &str| tree.remove(section);
        let (sources, pipelines, sinks) = (take("sources"), take("pipelines"), take("sinks"));
        let (dead_letters, runtime, admin) = (take("dead_letters"), take("runtime"), take("admin"));
        let (journal, tracing) = (take("journal"), take("tracing"));

        let sources = self.sources(sources);
        let sinks = self.sinks(sinks);
        let pipelines = self.pipelines(pipelines, &sources, &sinks);
        self.branches_lead_somewhere(&pipelines);
        let runtime: Option<RuntimeSection> = self.section("runtime", runtime);
        let admin: Option<AdminSection> = self.section("admin", admin);
        let tracing: Option<TracingSection> = self.section("tracing", tracing);
        if let Some(why) = tracing.as_ref().and_then(TracingSection::unbuilt) {
            self.problem("tracing.otlp", why);
        }
        let dead_letters = self.dead_letters(dead_letters);
        let journal = journal.map(|section| self.journal(section));
        let journal_at = journal.as_ref();
        self.own_folders(dead_letters.as_ref(), journal_at, runtime.as_ref(), &sinks);
        let runtime = runtime?;
        let (workers, apart) = self.apart(&runtime)?;
        self.fits(
            &sources,
            runtime.memory,
            "the whole budget `runtime.memory`",
            false,
        );
        match &journal {
            None => self.nothing_is_durable(),
            Some(None) => {}
            Some(Some(journal)) => self.beside_journal(journal, &sources),
        }
        let admin = admin?;
        let dead_letters = dead_letters?;
        Some(Config {
            tree: read,
            sources: present(sources)?,
            pipelines,
            sinks: present(sinks)?,
            runtime: Runtime {
                workers,
                apart,
                shards: runtime.shards,
                memory: usize::try_from(runtime.memory.as_u64()).ok()?,
                drain: runtime.drain,
                hang: runtime.hang,
                crashes: crashes(runtime.crashes, &dead_letters),
            },
            dead_letters,
            dead_letters_at: self.place("dead_letters"),
            journal: match journal {
                Some(journal) => Some(journal?),
                None => None,
            },
            admin: admin.enabled.then_some(admin.listen),
            admin_at: self.place("admin.listen"),
            admin_hosts: admin.hosts,
            redact: admin.redact,
            tracing: tracing?,
        })
    }

    /// A source that does not build still has its name, so that pipelines can name it.
    fn sources(&mut self, section: Option<Value>) -> BTreeMap<String, Option<Component>> {
        let sources: BTreeMap<_, _> = self
            .named("sources", section)
            .into_iter()
            .map(|(name, value)| {
                let key = join("sources", &name);
                let component = self.component(Family::Source, &key, &name, value);
                let component = component.map(|(component, built)| {
                    let inputs = built.reads.into_iter();
                    self.inputs.extend(inputs.map(|path| (path, name.clone())));
                    let branches = built.branches.into_iter();
                    self.branches
                        .extend(branches.map(|branch| (name.clone(), branch)));
                    self.durable
                        .extend(built.needs_journal.then(|| name.clone()));
                    component
                });
                (name, component)
            })
            .collect();
        let mut stdin = sources
            .iter()
            .filter(|(_, source)| is(source.as_ref(), "stdin"));
        if let (Some((first, _)), Some((second, _))) = (stdin.next(), stdin.next()) {
            let key = nest(&join("sources", second), "type");
            self.problem(
                &key,
                &format!("\"stdin\" is read by source {first:?} already, expected one reader"),
            );
        }
        if sources.is_empty() {
            self.problem(
                "sources",
                "there is none, expected at least one table [sources.NAME]",
            );
        }
        sources
    }

    fn sinks(&mut self, section: Option<Value>) -> BTreeMap<String, Option<Sink>> {
        let mut sinks = BTreeMap::new();
        let mut paths = BTreeMap::new();
        let mut stdout: Option<String> = None;
        for (name, value) in self.named("sinks", section) {
            let key = join("sinks", &name);
            if name == DEAD_LETTERS {
                self.problem(
                    &key,
                    "the store of dead letters has this name, expected another",
                );
            }
            let sink = self.sink(&key, &name, value);
            if let Some((sink, built)) = &sink {
                if let Some((path, source)) = built
                    .writes
                    .as_ref()
                    .and_then(|path| self.inputs.get_key_value(path))
                {
                    let message = format!(
                        "{path:?} is read by source {source:?}, which would read what is written for ever: \
                         expected another file"
                    );
                    self.problem(&nest(&key, "path"), &message);
                }
                let taken = match &built.writes {
                    Some(path) => paths.insert(path.clone(), name.clone()),
                    None if sink.component.kind == "stdout" => stdout.replace(name.clone()),
                    None => None,
                };
                if let Some(other) = taken {
                    let what = match &built.writes {
                        Some(path) => format!(
                            "{path:?} is written by sink {other:?} already, expected a file of its own"
                        ),
                        None => format!(
                            "\"stdout\" is written by sink {other:?} already, expected one writer"
                        ),
                    };
                    let inner = if built.writes.is_some() {
                        "path"
                    } else {
                        "type"
                    };
                    self.problem(&nest(&key, inner), &what);
                }
            }
            sinks.insert(name, sink.map(|(sink, _)| sink));
        }
        if sinks.is_empty() {
            self.problem(
                "sinks",
                "there is none, expected at least one table [sinks.NAME]",
            );
        }
        sinks
    }

    fn sink(&mut self, key: &str, name: &str, value: Value) -> Option<(Sink, Built)> {
        let mut table = self.table(key, value)?;
        let mut own = table.clone();
        let options = SinkOptions::take(&mut own);
        if let Err(error) = &options {
            self.problem(&nest(key, &error.key), &error.message);
            // Judged already: what is left is the sink's own.
            table = own;
        }
        let (mut component, built) =
            self.component(Family::Sink, key, name, Value::Object(table))?;
        if let Value::Object(params) = &mut component.params {
            SinkOptions::take(params).ok()?;
        }
        Some((
            Sink {
                component,
                options: options.ok()?,
            },
            built,
        ))
    }

    fn dead_letters(&mut self, section: Option<Value>) -> Option<DeadLetterConfig> {
        let value = section.unwrap_or_else(|| Value::Object(Map::new()));
        let mut table = self.table("dead_letters", value)?;
        table.entry("path").or_insert_with(|| {
            Value::String(default_dead_letters().to_string_lossy().into_owned())
        });
        let config: DeadLetterConfig = self.section("dead_letters", Some(Value::Object(table)))?;
        match config.validate() {
            Ok(()) => Some(config),
            Err(error) => {
                self.problem(&nest("dead_letters", &error.key), &error.message);
                None
            }
        }
    }

    /// A component's table: `type` and the rest, built once to see whether it is right.
    fn component(
        &mut self,
        family: Family,
        key: &str,
        name: &str,
        value: Value,
    ) -> Option<(Component, Built)> {
        let mut table = self.table(key, value)?;
        let expected = || format!("expected one of {}", family.kinds().join(", "));
        let kind = match table.remove("type") {
            Some(Value::String(kind)) => kind,
            Some(other) => {
                self.problem(
                    &nest(key, "type"),
                    &format!("{other} is no type, {}", expected()),
                );
                return None;
            }
            None => {
                self.problem(key, &format!("`type` is missing, {}", expected()));
                return None;
            }
        };
        let params = Value::Object(table);
        match family.check(&kind, params.clone()) {
            Ok(built) => {
                let at = self.place(key);
                Some((
                    Component {
                        name: name.to_owned(),
                        kind,
                        params,
                        at,
                    },
                    built,
                ))
            }
            Err((inside, message)) => {
                self.problem(&nest(key, &inside), &message);
                None
            }
        }
    }

    /// The entries of a section whose keys are names.
    fn named(&mut self, section: &str, value: Option<Value>) -> Vec<(String, Value)> {
        let Some(table) = value.and_then(|value| self.table(section, value)) else {
            return Vec::new();
        };
        for name in table.keys().filter(|name| !is_name(name)) {
            let problem = self.at(
                &join(section, name),
                format!("{name:?} is no name, expected {NAME}"),
            );
            self.problems.push(problem);
        }
        table.into_iter().collect()
    }

    /// A table with fixed keys. Unknown keys are reported each, and do not hide what else is wrong.
    fn section<T: DeserializeOwned + JsonSchema>(
        &mut self,
        key: &str,
        value: Option<Value>,
    ) -> Option<T> {
        let mut table = match value {
            Some(value) => self.table(key, value)?,
            None => Map::new(),
        };
        let schema = schemars::schema_for!(T);
        let properties = schema.get("properties").and_then(Value::as_object);
        let known: Vec<&str> = properties
            .into_iter()
            .flat_map(Map::keys)
            .map(String::as_str)
            .collect();
        let strangers: Vec<String> = table
            .keys()
            .filter(|name| !known.contains(&name.as_str()))
            .cloned()
            .collect();
        for name in strangers {
            table.remove(&name);
            self.problem(
                &join(key, &name),
                &unknown("key", &name, known.iter().copied()),
            );
        }
        match serde_path_to_error::deserialize(Value::Object(table)) {
            Ok(section) => Some(section),
            Err(error) => {
                let path = error.path().to_string();
                let inside = if path == "." { "" } else { &path };
                self.problem(&nest(key, inside), &error.inner().to_string());
                None
            }
        }
    }

    fn table(&mut self, key: &str, value: Value) -> Option<Map<String, Value>> {
        match value {
            Value::Object(table) => Some(table),
            other => {
                self.problem(key, &format!("found {other}, expected a table"));
                None
            }
        }
    }

    fn problem(&mut self, key: &str, message: &str) {
        let problem = self.at(key, message.to_owned());
        self.problems.push(problem);
    }

    fn at(&self, key: &str, message: String) -> Problem {
        Problem {
            at: self.place(key),
            message: in_plain_words(&message),
        }
    }

    fn place(&self, key: &str) -> Place {
        Place {
            origin: self.origins.of(key).to_owned(),
            key: key.to_owned(),
        }
    }
}

/// What names are made of.
const NAME: &str = "letters, digits, _ and -, at most 64 of them";

fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(fits)
}

fn is(component: Option<&Component>, kind: &str) -> bool {
    component.is_some_and(|component| component.kind == kind)
}

/// Everything, if nothing is missing.
fn present<T>(all: BTreeMap<String, Option<T>>) -> Option<Vec<T>> {
    all.into_values().collect()
}
