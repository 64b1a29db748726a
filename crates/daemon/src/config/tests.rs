mod bad;
mod docs;

use std::ffi::OsString;
use std::path::PathBuf;

use serde_json::json;

use super::*;

/// A configuration with which nothing is wrong.
const GOOD: &str = r#"
[sources.web]
type = "tcp"
listen = "127.0.0.1:0"

[sources.feed]
type = "stdin"

[pipelines.clicks]
from = ["web", "feed"]
key = "user_id"
stages = [
  { type = "filter", field = "type", in = ["click", "purchase"] },
  { type = "map", field = "type", into = "weight", values = { Click = 1, click = 2 } },
  { type = "filter", field = "weight", exists = true },
  { name = "forget", type = "remove", fields = ["context.ua"] },
]

[sinks.features]
type = "file"
path = "out/features.ndjson"
on_full = "drop"
"#;

/// A directory with files of these names and texts.
fn files(given: &[(&str, &str)]) -> (tempfile::TempDir, Vec<PathBuf>) {
    let directory = tempfile::tempdir().unwrap();
    let paths = given.iter().map(|(name, text)| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    });
    let paths = paths.collect();
    (directory, paths)
}

fn inputs(files: Vec<PathBuf>, environment: &[(&str, &str)], set: &[&str]) -> Inputs {
    Inputs {
        files,
        environment: environment
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)))
            .collect(),
        set: set.iter().map(|setting| (*setting).to_owned()).collect(),
    }
}

fn good(environment: &[(&str, &str)], set: &[&str]) -> Result<Config, Problems> {
    let (_directory, paths) = files(&[("good.toml", GOOD)]);
    load(&inputs(paths, environment, set))
}

#[test]
fn a_good_configuration_says_what_it_says() {
    let config = good(&[], &[]).unwrap();
    let pipeline = &config.pipelines[0];
    assert_eq!(
        config
            .sources
            .iter()
            .map(|source| &*source.name)
            .collect::<Vec<_>>(),
        ["feed", "web"]
    );
    assert_eq!(
        (&pipeline.from[..], &pipeline.to[..]),
        (&["web".into(), "feed".into()][..], &["features".into()][..])
    );
    assert_eq!(pipeline.key.as_deref(), Some("user_id"));
    let names: Vec<&str> = pipeline.stages.iter().map(|stage| &*stage.name).collect();
    assert_eq!(names, ["filter", "map", "filter_2", "forget"]);
    assert_eq!(
        pipeline.stages[0].params,
        json!({ "field": "type", "in": ["click", "purchase"] })
    );
    assert_eq!(
        config.sinks[0].component.params,
        json!({ "path": "out/features.ndjson" })
    );
    assert_eq!(
        config.sinks[0].options.on_full,
        millpond_sinks::OnFull::Drop
    );
    assert_eq!(config.runtime.memory, 256 << 20);
    assert_eq!(
        (config.runtime.shards, config.runtime.drain.as_secs()),
        (64, 10)
    );
    assert_eq!(config.admin, Some("127.0.0.1:7080".parse().unwrap()));
    assert_eq!(config.runtime.workers.min, 1);
    assert_eq!(config.runtime.workers.max, super::workers::cores());
}

#[test]
fn keys_and_values_keep_their_case_in_every_layer() {
    let config = good(
        &[("MILLPOND__SINKS__FEATURES__PATH", "Out/Über.ndjson")],
        &[
            "sources.Shop.type=demo",
            "pipelines.clicks.from=[\"web\", \"feed\", \"Shop\"]",
        ],
    )
    .unwrap();
    assert_eq!(
        config.pipelines[0].stages[1].params["values"],
        json!({ "Click": 1, "click": 2 })
    );
    assert_eq!(config.sinks[0].component.params["path"], "Out/Über.ndjson");
    assert_eq!(config.sources[0].name, "Shop");
    let yaml = "sources: { In: { type: stdin } }\nsinks: { Out: { type: stdout } }\n\
                pipelines: { P: { stages: [{ type: map, field: Type, into: W, values: { Click: 1 } }] } }\n";
    let (_directory, paths) = files(&[("a.yaml", yaml)]);
    let config = load(&inputs(paths, &[], &[])).unwrap();
    assert_eq!(
        config.pipelines[0].stages[0].params["values"],
        json!({ "Click": 1 })
    );
    assert_eq!(config.pipelines[0].from, ["In"]);
}

#[test]
fn later_layers_win_and_tables_merge() {
    let (_directory, paths) = files(&[
        ("a.toml", GOOD),
        (
            "b.yaml",
            "runtime: { workers: 2, memory: 8MiB }\nsources: { web: { listen: '127.0.0.1:1' } }\n",
        ),
    ]);
    let load = |environment: &[(&str, &str)], set: &[&str]| {
        load(&inputs(paths.clone(), environment, set)).unwrap()
    };
    let files_only = load(&[], &[]);
    assert_eq!(
        (files_only.runtime.workers.max, files_only.runtime.memory),
        (2, 8 << 20)
    );
    let web = files_only
        .sources
        .iter()
        .find(|source| source.name == "web")
        .unwrap();
    assert_eq!(
        (&*web.kind, &web.params["listen"]),
        ("tcp", &json!("127.0.0.1:1"))
    );
    let environment = [
        ("MILLPOND__RUNTIME__WORKERS", "3"),
        ("MILLPOND_LOG", "x"),
        ("PATH", "y"),
    ];
    assert_eq!(load(&environment, &[]).runtime.workers.max, 3);
    assert_eq!(
        load(&environment, &["runtime.workers = 4"])
            .runtime
            .workers
            .max,
        4
    );
    assert_eq!(
        load(&environment, &["runtime.workers=4", "runtime.workers=5"])
            .runtime
            .workers
            .max,
        5
    );
    let set = load(
        &[],
        &[
            "pipelines.clicks.stages[3].fields=[\"a\"]",
            "admin.enabled=false",
        ],
    );
    assert_eq!(
        set.pipelines[0].stages[3].params,
        json!({ "fields": ["a"] })
    );
    assert_eq!(set.admin, None);
}

#[test]
fn without_pipelines_everything_goes_from_all_sources_to_all_sinks() {
    let text = "[sources.a]\ntype = 'stdin'\n[sources.b]\ntype = 'demo'\n[sinks.x]\ntype = 'stdout'\n[sinks.y]\ntype = 'blackhole'\n";
    let (_directory, paths) = files(&[("a.toml", text)]);
    let config = load(&inputs(paths, &[], &[])).unwrap();
    let pipeline = &config.pipelines[0];
    assert_eq!((&*pipeline.name, pipeline.stages.len()), ("main", 0));
    assert_eq!(
        (&pipeline.from, &pipeline.to),
        (
            &vec!["a".to_owned(), "b".into()],
            &vec!["x".to_owned(), "y".into()]
        )
    );
}

#[test]
fn workers_are_a_number_or_bounds_or_what_the_cores_say() {
    let bounds = |set: &str| {
        let set = format!("runtime.workers={set}");
        let Workers { min, max, target } = good(&[], &[&set]).unwrap().runtime.workers;
        (min, max, target.as_millis())
    };
    assert_eq!(bounds("3"), (3, 3, 100));
    assert_eq!(bounds("{ max = 8 }"), (1, 8, 100));
    assert_eq!(bounds("{ min = 2, max = 2, target = '1s' }"), (2, 2, 1_000));
    assert_eq!(bounds("auto"), (1, workers::cores(), 100));
}

#[test]
fn the_demo_is_a_good_configuration() {
    let config = demo(&DemoOptions {
        rate: 50_000,
        events: Some(10),
        workers: Some(2),
        bad: 0.001,
        seed: 1,
        output: None,
        admin: "127.0.0.1:0".parse().unwrap(),
        dead_letters: std::path::Path::new("letters"),
    })
    .unwrap();
    assert_eq!((config.runtime.workers.max, config.sources.len()), (2, 1));
}

#[test]
fn the_schema_has_every_kind_and_no_reference_leads_nowhere() {
    let schema = schema();
    let text = schema.to_string();
    for kind in [
        "tcp",
        "stdin",
        "demo",
        "filter",
        "explode",
        "file",
        "blackhole",
    ] {
        assert!(
            text.contains(&format!("{{\"const\":\"{kind}\"}}")),
            "{kind}"
        );
    }
    for target in text
        .split("\"$ref\":\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
    {
        let name = target.strip_prefix("#/$defs/");
        assert!(
            name.is_some_and(|name| !schema["$defs"][name].is_null()),
            "{target}"
        );
    }
    let stages = &schema["properties"]["pipelines"]["additionalProperties"]["properties"]["stages"];
    let filter = stages["items"]["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .find(|stage| stage["title"] == "stage filter");
    assert_eq!(
        filter.unwrap()["properties"]["any"]["items"]["$ref"],
        "#/$defs/stage_filter"
    );
}
