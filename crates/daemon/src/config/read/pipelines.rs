use std::collections::{BTreeMap, BTreeSet};

use millpond_runtime::DECODE;
use serde_json::{Map, Value};

use super::{NAME, Reader, is_name};
use crate::config::components::{Family, check_key};
use crate::config::model::{Component, Pipeline, Sink};
use crate::config::problem::{join, nest, unknown};
use crate::config::sections::PipelineSection;

impl Reader<'_> {
    /// The pipelines; sources and sinks that did not build have their names all the same.
    pub(super) fn pipelines(
        &mut self,
        section: Option<Value>,
        sources: &BTreeMap<String, Option<Component>>,
        sinks: &BTreeMap<String, Option<Sink>>,
    ) -> Vec<Pipeline> {
        let mut tables = self.named("pipelines", section);
        if tables.is_empty() {
            // Everything goes from all sources to all sinks as it is.
            tables.push(("main".to_owned(), Value::Object(Map::new())));
        }
        let (mut read, mut written) = (BTreeSet::new(), BTreeSet::new());
        let mut pipelines = Vec::new();
        let mut whole = true;
        for (name, value) in tables {
            let key = join("pipelines", &name);
            let Some(section) = self.section::<PipelineSection>(&key, Some(value)) else {
                whole = false;
                continue;
            };
            let from = self.names(
                &nest(&key, "from"),
                section.from.as_deref(),
                "source",
                sources,
            );
            let to = self.names(&nest(&key, "to"), section.to.as_deref(), "sink", sinks);
            read.extend(from.iter().cloned());
            written.extend(to.iter().cloned());
            self.key(&key, &section);
            let stages = self.stages(&key, section.stages, section.key.is_some());
            pipelines.push(Pipeline {
                at: self.place(&key),
                name,
                from,
                to,
                key: section.key,
                missing_key: section.missing_key.unwrap_or_default(),
                stages,
                max_emit: section.max_emit,
                max_poison: section.max_poison,
            });
        }
        for name in sources.keys().filter(|name| whole && !read.contains(*name)) {
            let message = "no pipeline reads it, expected its name in `from` of one";
            self.problem(&join("sources", name), message);
        }
        for name in sinks
            .keys()
            .filter(|name| whole && !written.contains(*name))
        {
            let message = "no pipeline writes to it, expected its name in `to` of one";
            self.problem(&join("sinks", name), message);
        }
        pipelines
    }

    /// What is bound to pipelines is bound to some that read its source.
    pub(super) fn branches_lead_somewhere(&mut self, pipelines: &[Pipeline]) {
        for (source, branch) in std::mem::take(&mut self.branches) {
            let readers = pipelines.iter().filter(|one| one.from.contains(&source));
            let readers: Vec<_> = readers.map(|one| one.name.as_str()).collect();
            if readers.is_empty() {
                // Which is told already.
                continue;
            }
            for name in &branch.pipelines {
                if !readers.contains(&name.as_str()) {
                    let readers: Vec<_> = readers.iter().map(|one| format!("{one:?}")).collect();
                    let message = format!(
                        "`{}` is bound to pipeline {name:?}, which does not read it: expected {}",
                        branch.name,
                        readers.join(" or ")
                    );
                    self.problem(&join("sources", &source), &message);
                }
            }
        }
    }

    fn key(&mut self, pipeline: &str, section: &PipelineSection) {
        let at = |inner: &str| nest(pipeline, inner);
        match &section.key {
            Some(key) => {
                if let Err(message) = check_key(key) {
                    self.problem(&at("key"), &message);
                }
            }
            None if section.missing_key.is_some() => {
                self.problem(
                    &at("missing_key"),
                    "the pipeline has no key, expected `key` beside it",
                );
            }
            None => {}
        }
        if section.max_emit == 0 {
            self.problem(
                &at("max_emit"),
                "0 lets no stage emit anything, expected at least 1",
            );
        }
    }

    fn stages(&mut self, pipeline: &str, values: Vec<Value>, keyed: bool) -> Vec<Component> {
        let mut stages: Vec<Component> = Vec::with_capacity(values.len());
        for (index, value) in values.into_iter().enumerate() {
            let key = format!("{pipeline}.stages[{index}]");
            let Some(mut table) = self.table(&key, value) else {
                continue;
            };
            let name = match table.remove("name") {
                None => None,
                Some(Value::String(name)) if name == DECODE => {
                    let message = "events that cannot be read are set aside under this name, expected another";
                    self.problem(&nest(&key, "name"), message);
                    None
                }
                Some(Value::String(name)) if is_name(&name) => Some(name),
                Some(other) => {
                    self.problem(
                        &nest(&key, "name"),
                        &format!("{other} is no name, expected {NAME}"),
                    );
                    None
                }
            };
            let stage = self.component(Family::Stage, &key, "", Value::Object(table));
            let Some((mut component, built)) = stage else {
                continue;
            };
            if built.stateful && !keyed {
                let message = format!(
                    "{:?} keeps state, which needs a shard of its own for each key: expected `key` in {pipeline}",
                    component.kind
                );
                self.problem(&nest(&key, "type"), &message);
            }
            let taken = |name: &str| stages.iter().any(|stage| stage.name == name);
            if let Some(name) = name.as_deref().filter(|name| taken(name)) {
                let message =
                    format!("{name:?} is the name of a stage before it, expected another");
                self.problem(&nest(&key, "name"), &message);
                continue;
            }
            component.name = name.unwrap_or_else(|| {
                let numbered = (2..).map(|number| format!("{}_{number}", component.kind));
                let mut names = std::iter::once(component.kind.clone()).chain(numbered);
                names.find(|name| !taken(name)).unwrap_or_default()
            });
            stages.push(component);
        }
        stages
    }

    /// Names that must be known; all there are where none are given.
    fn names<T>(
        &mut self,
        key: &str,
        given: Option<&[String]>,
        what: &str,
        known: &BTreeMap<String, T>,
    ) -> Vec<String> {
        let Some(given) = given else {
            return known.keys().cloned().collect();
        };
        if given.is_empty() {
            self.problem(
                key,
                &format!("the list is empty, expected the name of at least one {what}"),
            );
        }
        for (index, name) in given.iter().enumerate() {
            let at = format!("{key}[{index}]");
            if !known.contains_key(name) {
                self.problem(&at, &unknown(what, name, known.keys().map(String::as_str)));
            } else if given[..index].contains(name) {
                self.problem(
                    &at,
                    &format!("{name:?} is in the list already, expected it once"),
                );
            }
        }
        given.to_vec()
    }
}
