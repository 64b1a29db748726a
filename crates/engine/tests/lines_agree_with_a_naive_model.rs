//! Random lines of scripted stages, run by the engine and by a model that recurses naively: the same
//! events leave in the same order, inputs end the same way, and every stage counts the same.

use millpond_engine::{
    Blueprint, Ended, Exits, Flow, Output, Port, Reason, Stage, StageCounts, StageError,
    StageFactory, Timestamp,
};
use proptest::prelude::*;

/// Value and how it came to be; a stage picks its action by the value.
type Item = u32;

const DROP: Reason = Reason::new("unwanted");
const BRANCHES: usize = 2;
const PORTS: [&str; 3] = ["late", "later", "side"];

#[derive(Clone, Debug)]
struct Action {
    /// What is added to the value in place.
    add: u32,
    /// Emissions: a port (or `None` for the next stage) and what is added to the value.
    emits: Vec<(Option<usize>, u32)>,
    /// `None` is an error.
    flow: Option<Flow>,
}

/// Actions by value modulo their number.
#[derive(Clone, Debug)]
struct Script(Vec<Action>);

/// The main line, then the branches "late" and "later"; a stage may send to "side", and to branches
/// after its own.
type Lines = Vec<Vec<Script>>;

fn action(line: usize) -> impl Strategy<Value = Action> {
    let port = prop_oneof![
        3 => Just(None),
        1 => (line..PORTS.len()).prop_map(Some),
    ];
    let flow = prop_oneof![
        8 => Just(Some(Flow::Pass)),
        1 => Just(Some(Flow::Filter)),
        1 => Just(Some(Flow::Consume)),
        1 => Just(Some(Flow::Absorb)),
        1 => Just(Some(Flow::Drop(DROP))),
        2 => Just(None),
    ];
    (
        0..50u32,
        prop::collection::vec((port, 0..50u32), 0..4),
        flow,
    )
        .prop_map(|(add, emits, flow)| Action { add, emits, flow })
}

fn lines() -> impl Strategy<Value = Lines> {
    let line = |line, most| {
        let script = prop::collection::vec(action(line), 1..5).prop_map(Script);
        prop::collection::vec(script, 0..=most)
    };
    (line(0, 4), line(1, 2), line(2, 2)).prop_map(|(a, b, c)| vec![a, b, c])
}

impl StageFactory<Item> for Script {
    fn build(&self, ports: &[Port]) -> Box<dyn Stage<Item>> {
        Box::new(Scripted(self.clone(), ports.to_vec()))
    }
    fn ports(&self) -> Vec<String> {
        let used = |port: &usize| {
            self.0
                .iter()
                .flat_map(|a| &a.emits)
                .any(|e| e.0 == Some(*port))
        };
        (0..PORTS.len())
            .filter(used)
            .map(|port| PORTS[port].to_owned())
            .collect()
    }
}

struct Scripted(Script, Vec<Port>);

impl Stage<Item> for Scripted {
    fn process(&mut self, item: &mut Item, out: &mut Output<Item>) -> Result<Flow, StageError> {
        let names = self.0.ports();
        let action = &self.0.0[*item as usize % self.0.0.len()];
        for (port, add) in &action.emits {
            match port {
                None => out.emit(*item + add),
                Some(port) => {
                    let at = names
                        .iter()
                        .position(|name| name == PORTS[*port])
                        .expect("a declared port");
                    out.send(self.1[at], *item + add);
                }
            }
        }
        *item += action.add;
        action.flow.ok_or_else(|| StageError::new("scripted", ""))
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Seen {
    Left(&'static str, Item),
    Failed(usize, &'static str, Item),
}

struct Model<'a> {
    lines: &'a Lines,
    max_emit: u32,
    emitted: u32,
    seen: Vec<Seen>,
    counts: Vec<StageCounts>,
}

impl Model<'_> {
    fn id(&self, line: usize, stage: usize) -> usize {
        self.lines[..line].iter().map(Vec::len).sum::<usize>() + stage
    }

    fn run(&mut self, line: usize, stage: usize, item: &mut Item) -> Ended {
        let Some(script) = self.lines[line].get(stage) else {
            for exit in line_exits(line) {
                self.seen.push(Seen::Left(exit, *item));
            }
            return Ended::Passed;
        };
        let action = script.0[*item as usize % script.0.len()].clone();
        let id = self.id(line, stage);
        self.counts[id].entered += 1;
        let before = *item;
        *item += action.add;
        let emits = action.emits.len() as u32;
        let flow = match action.flow {
            None => Err("scripted"),
            Some(_) if self.emitted + emits > self.max_emit => Err("max_emit"),
            Some(flow) => Ok(flow),
        };
        if flow.is_ok() {
            self.counts[id].emitted += u64::from(emits);
            self.emitted += emits;
            for (port, add) in action.emits {
                let mut derived = before + add;
                let (line, stage) = match port {
                    None => (line, stage + 1),
                    Some(port) if port < BRANCHES => (port + 1, 0),
                    Some(port) => {
                        self.seen.push(Seen::Left(PORTS[port], derived));
                        continue;
                    }
                };
                if let Ended::Failed { stage, error } = self.run(line, stage, &mut derived) {
                    self.seen.push(Seen::Failed(stage, error.reason(), derived));
                }
            }
        }
        let counts = &mut self.counts[id];
        let (counter, ended) = match flow {
            Ok(Flow::Pass) => (&mut counts.passed, None),
            Ok(Flow::Filter) => (&mut counts.filtered, Some(Ended::Filtered)),
            Ok(Flow::Consume) => (&mut counts.consumed, Some(Ended::Consumed)),
            Ok(Flow::Absorb) => (&mut counts.absorbed, Some(Ended::Absorbed)),
            Ok(Flow::Drop(reason)) => (&mut counts.dropped, Some(Ended::Dropped(reason))),
            Err(reason) => {
                let error = StageError::new(reason, "");
                (&mut counts.failed, Some(Ended::Failed { stage: id, error }))
            }
        };
        *counter += 1;
        ended.unwrap_or_else(|| self.run(line, stage + 1, item))
    }
}

fn line_exits(line: usize) -> &'static [&'static str] {
    [&["out"][..], &["out", "extra"], &["extra"]][line]
}

struct Record(Vec<String>, Vec<Seen>);

impl Exits<Item> for Record {
    fn exit(&mut self, exit: usize, item: &mut Item) {
        let known = ["out", "extra", "side"]
            .into_iter()
            .find(|name| *name == self.0[exit]);
        self.1
            .push(Seen::Left(known.expect("a declared exit"), *item));
    }
    fn failed(&mut self, stage: usize, error: StageError, item: &mut Item) {
        self.1.push(Seen::Failed(stage, error.reason(), *item));
    }
    fn tick_failed(&mut self, _stage: usize, _error: StageError) {
        unreachable!("no script ticks")
    }
}

/// Messages are for people; the model does not write them.
fn without_message(ended: Ended) -> Ended {
    match ended {
        Ended::Failed { stage, error } => Ended::Failed {
            stage,
            error: StageError::new(error.reason(), ""),
        },
        ended => ended,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_line_does_what_the_naive_model_does(
        lines in lines(),
        max_emit in prop_oneof![0..12u32, Just(10_000)],
        inputs in prop::collection::vec(0..1_000u32, 1..12),
        timed in any::<bool>(),
    ) {
        let mut builder = Blueprint::builder().side_exit("side").exit("out").max_emit(max_emit);
        for (i, script) in lines[0].iter().enumerate() {
            builder = builder.stage(format!("main {i}"), script.clone());
        }
        for line in 1..lines.len() {
            builder = builder.branch(PORTS[line - 1], |mut branch| {
                for (i, script) in lines[line].iter().enumerate() {
                    branch = branch.stage(format!("{} {i}", PORTS[line - 1]), script.clone());
                }
                line_exits(line).iter().fold(branch, |branch, exit| branch.exit(*exit))
            });
        }
        let blueprint = builder.build().unwrap();
        let mut pipeline = blueprint.line();
        let mut record = Record(blueprint.exits().to_vec(), Vec::new());
        let counts = vec![StageCounts::default(); blueprint.stage_names().len()];
        let mut model = Model { lines: &lines, max_emit, emitted: 0, seen: Vec::new(), counts };

        for input in inputs {
            model.emitted = 0;
            let mut expected = input;
            let ended = model.run(0, 0, &mut expected);
            let mut found = input;
            let got = if timed {
                pipeline.process_timed(&mut found, Timestamp(0), &mut record, &mut || 0)
            } else {
                pipeline.process(&mut found, Timestamp(0), &mut record)
            };
            prop_assert_eq!(without_message(got), ended);
            prop_assert_eq!(found, expected);
            prop_assert_eq!(&record.1, &model.seen);
        }
        pipeline.publish();
        for ((name, mut counts), expected) in blueprint.stats().stages().zip(&model.counts) {
            prop_assert_eq!(counts.accounted(), counts.entered);
            prop_assert_eq!(counts.timed_events, if timed { counts.entered } else { 0 });
            counts.timed_events = 0;
            prop_assert_eq!(&counts, expected, "{}", name);
        }
    }
}
