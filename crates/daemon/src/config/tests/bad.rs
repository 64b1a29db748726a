use super::*;

#[test]
fn everything_that_is_wrong_is_told_with_file_key_value_and_what_was_expected() {
    /// A text that replaces a part of the good configuration.
    const GALLERY: &[(&str, &str, &str)] = &[
        ("unknown section", "[sinks.features]", "[sink.features]"),
        (
            "unknown key of a pipeline",
            "key = \"user_id\"",
            "kye = \"user_id\"",
        ),
        ("unknown key of a source", "listen = ", "lisen = "),
        ("unknown key of a sink", "path = ", "pth = "),
        ("unknown key of a stage", "into = ", "onto = "),
        ("unknown type of a source", "\"stdin\"", "\"stdn\""),
        (
            "unknown type of a stage",
            "type = \"remove\"",
            "type = \"remov\"",
        ),
        (
            "unknown type of a sink",
            "type = \"file\"",
            "type = \"kafka\"",
        ),
        ("no type", "type = \"file\"\n", ""),
        ("type of a wrong type", "type = \"file\"", "type = 5"),
        ("wrong type", "on_full = \"drop\"", "on_full = 7"),
        (
            "a value that is none of the known",
            "on_full = \"drop\"",
            "on_full = \"buffer\"",
        ),
        (
            "a buffer in the folder of another one",
            "on_full = \"drop\"",
            "on_full = \"buffer\"\nbuffer = { dir = \"data/b\" }\n[sinks.other]\ntype = \"blackhole\"\n\
             on_full = \"buffer\"\nbuffer = { dir = \"data/b\", max = \"1GiB\" }",
        ),
        (
            "a buffer that is too small",
            "on_full = \"drop\"",
            "on_full = \"buffer\"\nbuffer = { dir = \"data/b\", max = \"1MiB\" }",
        ),
        (
            "unknown source",
            "from = [\"web\", \"feed\"]",
            "from = [\"wep\", \"feed\", \"web\"]",
        ),
        (
            "a source twice",
            "from = [\"web\", \"feed\"]",
            "from = [\"web\", \"feed\", \"web\"]",
        ),
        ("unknown sink", "key = \"user_id\"", "to = [\"feature\"]"),
        (
            "a source that nobody reads",
            "from = [\"web\", \"feed\"]",
            "from = [\"web\"]",
        ),
        (
            "a key that does not compile",
            "key = \"user_id\"",
            "key = \"user_id[0]\"",
        ),
        (
            "missing_key without key",
            "key = \"user_id\"",
            "missing_key = \"dead_letter\"",
        ),
        (
            "missing_key of another value",
            "key = \"user_id\"",
            "key = \"user_id\"\nmissing_key = \"drop\"",
        ),
        (
            "a list that is none",
            "from = [\"web\", \"feed\"]",
            "from = \"web\"",
        ),
        (
            "a stage that is none",
            "  { name = \"forget\", type = \"remove\", fields = [\"context.ua\"] },",
            "  \"remove\",",
        ),
        (
            "two stages of one name",
            "name = \"forget\"",
            "name = \"map\"",
        ),
        (
            "a stage with a reserved name",
            "name = \"forget\"",
            "name = \"decode\"",
        ),
        ("two sources of one name", "[sources.feed]", "[sources.web]"),
        (
            "two sinks of one file",
            "[sources.feed]",
            "[sinks.other]\ntype = \"file\"\npath = \"out/features.ndjson\"\n\n[sources.feed]",
        ),
        (
            "two readers of stdin",
            "type = \"tcp\"\nlisten = \"127.0.0.1:0\"",
            "type = \"stdin\"",
        ),
        (
            "a name that is none",
            "[sources.feed]",
            "[sources.\"my feed\"]",
        ),
        (
            "a reserved name",
            "[sinks.features]",
            "[sinks.dead_letters]",
        ),
        ("no TOML", "[sinks.features]", "[sinks.features"),
        ("a bad address", "127.0.0.1:0", "nowhere"),
        (
            "a journal without a folder",
            "[sources.feed]",
            "[journal]\nmax = \"1GiB\"\n\n[sources.feed]",
        ),
        (
            "a journal of one segment",
            "[sources.feed]",
            "[journal]\ndir = \"data\"\nmax = \"100MiB\"\n\n[sources.feed]",
        ),
        (
            "a journal of tiny segments",
            "[sources.feed]",
            "[journal]\ndir = \"data\"\nsegment = \"64KiB\"\n\n[sources.feed]",
        ),
        (
            "a journal among the dead letters",
            "[sources.feed]",
            "[dead_letters]\npath = \"data\"\n\n[journal]\ndir = \"data\"\n\n[sources.feed]",
        ),
        (
            "durable without a journal",
            "[sources.feed]",
            "[sources.door]\ntype = \"http\"\nlisten = \"127.0.0.1:0\"\nack = \"durable\"\n\n[sources.feed]",
        ),
        (
            "a key of a pipeline that does not read its source",
            "[sources.feed]",
            "[[sources.door.auth]]\nname = \"shop\"\ntype = \"bearer\"\nfile = \"secret\"\npipelines = [\"clicks\", \"nobody\"]\n\n\
             [sources.door]\ntype = \"http\"\nlisten = \"127.0.0.1:0\"\n\n\
             [pipelines.more]\nfrom = [\"door\"]\n\n[sources.feed]",
        ),
        (
            "a body that no record holds",
            "[sources.feed]",
            "[journal]\ndir = \"data\"\nsegment = \"4MiB\"\n\n\
             [sources.door]\ntype = \"http\"\nlisten = \"127.0.0.1:0\"\n\n[sources.feed]",
        ),
        (
            "a line that no record holds",
            "[sources.feed]",
            "[journal]\ndir = \"data\"\n\n[sources.feed]\nmax_line = \"20MiB\"",
        ),
        (
            "bounds the wrong way round",
            "[sources.feed]",
            "[runtime]\nworkers = { min = 8, max = 1 }\n\n[sources.feed]",
        ),
        (
            "bounds without an upper one",
            "[sources.feed]",
            "[runtime]\nworkers = { min = 2 }\n\n[sources.feed]",
        ),
        (
            "more workers than there can be",
            "[sources.feed]",
            "[runtime]\nworkers = { max = 2000 }\n\n[sources.feed]",
        ),
        (
            "a target that nothing meets",
            "[sources.feed]",
            "[runtime]\nworkers = { max = 4, target = \"0s\" }\n\n[sources.feed]",
        ),
        (
            "workers in a cell",
            "[sources.feed]",
            "[runtime]\nisolation = \"cell\"\n\n[sources.feed]",
        ),
        (
            "bounds for processes",
            "[sources.feed]",
            "[runtime]\nisolation = \"process\"\nworkers = { min = 2, max = 3 }\n\n[sources.feed]",
        ),
        (
            "a process without room",
            "[sources.feed]",
            "[runtime]\nworker_memory = \"1MiB\"\n\n[sources.feed]",
        ),
        (
            "no time for a stage",
            "[sources.feed]",
            "[runtime]\nstage_timeout = \"1ms\"\n\n[sources.feed]",
        ),
        (
            "no workers",
            "[sources.feed]",
            "[runtime]\nworkers = 0\n\n[sources.feed]",
        ),
        (
            "too little memory",
            "[sources.feed]",
            "[runtime]\nmemory = \"1KiB\"\n\n[sources.feed]",
        ),
        (
            "no size",
            "[sources.feed]",
            "[runtime]\nmemory = \"lots\"\n\n[sources.feed]",
        ),
        (
            "no duration",
            "[sources.feed]",
            "[runtime]\ndrain = \"soon\"\n\n[sources.feed]",
        ),
        (
            "too many shards",
            "[sources.feed]",
            "[runtime]\nshards = 100000\n\n[sources.feed]",
        ),
        (
            "unknown key of the runtime",
            "[sources.feed]",
            "[runtime]\nworker = 2\n\n[sources.feed]",
        ),
        (
            "an open admin",
            "[sources.feed]",
            "[admin]\nlisten = \"0.0.0.0:7080\"\n\n[sources.feed]",
        ),
        (
            "a host that is an address with a port",
            "[sources.feed]",
            "[admin]\nhosts = [\"pond.internal:7080\"]\n\n[sources.feed]",
        ),
        (
            "dead letters of a wrong type",
            "[sources.feed]",
            "[dead_letters]\npath = 5\n\n[sources.feed]",
        ),
        (
            "dead letters without room",
            "[sources.feed]",
            "[dead_letters]\nmax = \"1KiB\"\n\n[sources.feed]",
        ),
        (
            "a drain without end",
            "[sources.feed]",
            "[runtime]\ndrain = \"18446744073709551615s\"\n\n[sources.feed]",
        ),
        (
            "shards of a wrong type",
            "[sources.feed]",
            "[runtime]\nshards = \"many\"\n\n[sources.feed]",
        ),
        (
            "a line larger than the budget",
            "listen = \"127.0.0.1:0\"",
            "listen = \"127.0.0.1:0\"\nmax_line = \"512MiB\"\npartial = \"512MiB\"",
        ),
        (
            "a body larger than the budget",
            "type = \"tcp\"\nlisten = \"127.0.0.1:0\"",
            "type = \"http\"\nlisten = \"127.0.0.1:0\"\nmax_body = \"512MiB\"",
        ),
        (
            "a file that is read and written",
            "type = \"stdin\"",
            "type = \"file\"\npath = [\"a\", \"out/features.ndjson\"]",
        ),
        (
            "a sink that nobody writes to",
            "key = \"user_id\"",
            "to = [\"other\"]\n[sinks.other]\ntype = \"blackhole\"\n[pipelines.more]\nto = [\"other\"]",
        ),
        (
            "tables and numbers of wrong types",
            "on_full = \"drop\"",
            "rotate = \"1h\"\nqueue = 5",
        ),
        ("a number below zero", "key = \"user_id\"", "max_emit = -1"),
        (
            "a hang of no time",
            "on_full = \"drop\"",
            "on_full = \"drop\"\n[runtime]\nhang = \"10ms\"",
        ),
        (
            "files of crashes among those of a buffer",
            "on_full = \"drop\"",
            "on_full = \"buffer\"\nbuffer = { dir = \"data/b\" }\n[runtime]\ncrashes = \"data/b\"",
        ),
        (
            "more poison than there are events",
            "key = \"user_id\"",
            "max_poison = 5",
        ),
        (
            "no number",
            "{ Click = 1, click = 2 }",
            "{ Click = nan, click = 2 }",
        ),
        (
            "a regular expression that does not compile",
            "in = [\"click\", \"purchase\"]",
            "matches = \"(\"",
        ),
        (
            "a section that is no table",
            "[sources.web]",
            "runtime = 5\n[sources.web]",
        ),
        (
            "several at once",
            "[sources.feed]",
            "[runtime]\nworker = 2\nmemory = 1\n[admin]\nlisten = 1\n[sinks.o]\ntype = \"fil\"\n\n[sources.feed]",
        ),
    ];
    let mut told = String::new();
    for (what, from, to) in GALLERY {
        assert!(GOOD.contains(from), "{what}");
        let (directory, paths) = files(&[("bad.toml", &GOOD.replacen(from, to, 1))]);
        tell(
            &mut told,
            what,
            load(&inputs(paths, &[], &[])),
            Some(directory.path()),
        );
    }
    tell(
        &mut told,
        "environment",
        good(
            &[
                ("MILLPOND__RUNTIME__WORKRS", "4"),
                ("MILLPOND__SINKS__FEATURES__ON_FULL", "explode"),
            ],
            &[],
        ),
        None,
    );
    tell(
        &mut told,
        "environment, empty part",
        good(&[("MILLPOND____X", "4")], &[]),
        None,
    );
    tell(
        &mut told,
        "option",
        good(&[], &["runtime.workers=many"]),
        None,
    );
    tell(
        &mut told,
        "option without =",
        good(
            &[],
            &[
                "runtime.workers",
                "=4",
                "a b=4",
                "a..b=4",
                "pipelines.clicks.stages[-1].type=noop",
                "pipelines.clicks.stages[4000000000].type=noop",
            ],
        ),
        None,
    );
    let missing = inputs(vec!["gone.toml".into(), "gone.ini".into()], &[], &[]);
    tell(&mut told, "missing file", load(&missing), None);
    let (directory, paths) = files(&[("long.toml", &"x=[".repeat(5_000))]);
    tell(
        &mut told,
        "a line that is too long to show",
        load(&inputs(paths, &[], &[])),
        Some(directory.path()),
    );
    let (directory, paths) =
        files(&[("big.toml", "[runtime]\nshards = 99_999_999_999_999_999_999")]);
    tell(
        &mut told,
        "a number that is too large",
        load(&inputs(paths, &[], &[])),
        Some(directory.path()),
    );
    let (directory, paths) = files(&[("empty.toml", "")]);
    tell(
        &mut told,
        "empty file",
        load(&inputs(paths, &[], &[])),
        Some(directory.path()),
    );
    let (directory, paths) = files(&[("bad.yaml", "sources: [1\n")]);
    tell(
        &mut told,
        "no YAML",
        load(&inputs(paths, &[], &[])),
        Some(directory.path()),
    );
    // A build with more kinds names more of them.
    let told = told.replace(", sqlite", "");
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("bad_configurations", told);
    });
}

fn tell(
    told: &mut String,
    what: &str,
    result: Result<Config, Problems>,
    directory: Option<&std::path::Path>,
) {
    let problems = result.map(|_| ()).expect_err(what).to_string();
    assert!(!problems.is_empty(), "{what}");
    let problems = match directory {
        Some(directory) => problems.replace(&format!("{}/", directory.display()), ""),
        None => problems
            .lines()
            .map(|line| {
                line.rsplit_once("/good.toml")
                    .map_or(line, |(_, rest)| rest)
            })
            .collect::<Vec<_>>()
            .join("\n"),
    };
    *told += &format!("# {what}\n{problems}\n\n");
}

#[test]
fn no_text_panics() {
    let words = [
        "[", "]", "sources", ".", "=", "\"", "1", "{", "}", "\n", "type", "stages", ",", "é",
        "\u{0}", "-", "null",
    ];
    let mut state = 1_u64;
    for _ in 0..300 {
        let mut text = String::new();
        for _ in 0..12 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            text += words[(state >> 33) as usize % words.len()];
        }
        let (_directory, paths) = files(&[("a.toml", &text), ("b.yaml", &text)]);
        for path in paths {
            let _ = load(&inputs(vec![path], &[("MILLPOND__A", &text)], &[&text]));
        }
    }
}
