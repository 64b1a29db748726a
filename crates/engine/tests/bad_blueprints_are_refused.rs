//! A plan that can't work is refused when it is built, with the names that are at fault.

use millpond_engine::{
    Blueprint, Builder, Flow, Output, Port, Stage, StageFactory, stage_fn, stateless,
};

struct Sends(&'static [&'static str]);

impl StageFactory<u8> for Sends {
    fn build(&self, ports: &[Port]) -> Box<dyn Stage<u8>> {
        let ports = ports.to_vec();
        Box::new(stage_fn(move |n: &mut u8, out: &mut Output<u8>| {
            ports.iter().for_each(|port| out.send(*port, *n));
            Ok(Flow::Pass)
        }))
    }
    fn ports(&self) -> Vec<String> {
        self.0.iter().map(|&port| port.to_owned()).collect()
    }
}

fn pass() -> impl StageFactory<u8> {
    stateless(|_: &mut u8, _| Ok(Flow::Pass))
}

fn plan() -> Builder<u8> {
    Blueprint::builder()
}

#[test]
fn a_plan_that_cannot_work_is_refused_with_the_name_at_fault() {
    let cases: [(Builder<u8>, &str); 11] = [
        (plan(), "the main line has no exit, expected at least one"),
        (
            plan().exit("a").branch("b", |b| b.stage("s", pass())),
            "branch \"b\" has no exit, expected at least one",
        ),
        (
            plan().stage("s", pass()).stage("s", pass()).exit("a"),
            "two stages are named \"s\", expected each name once",
        ),
        (
            plan()
                .stage("s", pass())
                .exit("a")
                .branch("b", |b| b.stage("s", pass()).exit("a")),
            "two stages are named \"s\", expected each name once",
        ),
        (
            plan().stage("", pass()).exit("a"),
            "stage with an empty name",
        ),
        (plan().exit(""), "exit with an empty name"),
        (
            plan().exit("a").exit("a"),
            "the exit \"a\" is named twice in one line",
        ),
        (
            plan().exit("a").branch("a", |b| b.exit("c")),
            "the name \"a\" is taken by another branch or exit",
        ),
        (
            plan()
                .stage("s", Sends(&["nowhere"]))
                .exit("a")
                .branch("b", |b| b.exit("c")),
            "stage \"s\" sends to \"nowhere\", expected one of: b, a, c",
        ),
        (
            plan()
                .exit("a")
                .branch("b", |b| b.stage("s", Sends(&["b"])).exit("a")),
            "branches send in a circle: b -> b",
        ),
        (
            plan()
                .stage("s", Sends(&["x"]))
                .exit("a")
                .branch("x", |b| b.stage("t", Sends(&["y"])).exit("a"))
                .branch("y", |b| b.stage("u", Sends(&["a", "z"])).exit("a"))
                .branch("z", |b| b.stage("v", Sends(&["y"])).exit("a")),
            "branches send in a circle: y -> z -> y",
        ),
    ];
    for (plan, message) in cases {
        assert_eq!(plan.build().unwrap_err().to_string(), message);
    }
}

#[test]
fn ids_follow_the_order_of_the_plan() {
    let blueprint = plan()
        .stage("one", pass())
        .branch("b", |b| b.stage("three", pass()).exit("z").exit("y"))
        .stage("two", Sends(&["b", "side"]))
        .exit("y")
        .side_exit("side")
        .build()
        .unwrap();
    assert_eq!(blueprint.stage_names(), ["one", "two", "three"]);
    assert_eq!(blueprint.exits(), ["y", "z", "side"]);
    assert!(!blueprint.is_stateful());
}
