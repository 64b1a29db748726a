//! What stateful stages hold is saved and loaded by name; anything else is refused, never misread.

mod common;

use common::Record;
use millpond_engine::{
    Blueprint, Flow, LoadError, Output, Pipeline, Port, Stage, StageError, StageFactory, Timestamp,
    stateless,
};

/// Adds up what it absorbs, and emits the sum on a tick.
#[derive(Clone, Default)]
struct Sum(u64);

impl Stage<u64> for Sum {
    fn process(&mut self, n: &mut u64, _: &mut Output<u64>) -> Result<Flow, StageError> {
        self.0 += *n;
        Ok(Flow::Absorb)
    }
    fn tick(&mut self, _: Timestamp, out: &mut Output<u64>) -> Result<(), StageError> {
        out.emit(self.0);
        Ok(())
    }
    fn save(&self, into: &mut Vec<u8>) {
        into.extend(self.0.to_le_bytes());
    }
    fn load(&mut self, from: &[u8]) -> Result<(), StageError> {
        let bytes = from
            .try_into()
            .map_err(|_| StageError::new("bad_state", "not 8 bytes"))?;
        self.0 = u64::from_le_bytes(bytes);
        Ok(())
    }
}

impl StageFactory<u64> for Sum {
    fn build(&self, _: &[Port]) -> Box<dyn Stage<u64>> {
        Box::new(self.clone())
    }
    fn is_stateful(&self) -> bool {
        true
    }
}

fn line(names: &[&str]) -> Pipeline<u64> {
    let plan = Blueprint::builder().stage("plain", stateless(|_: &mut u64, _| Ok(Flow::Pass)));
    let plan = names
        .iter()
        .fold(plan, |plan, name| plan.stage(*name, Sum::default()));
    let blueprint = plan.exit("out").build().expect("a plan that works");
    assert!(blueprint.is_stateful());
    blueprint.line()
}

fn saved(names: &[&str]) -> Vec<u8> {
    let mut pipeline = line(names);
    for mut n in [40, 2] {
        pipeline.process(&mut n, Timestamp(0), &mut Record::default());
    }
    let mut bytes = Vec::new();
    pipeline.save(&mut bytes);
    bytes
}

#[test]
fn a_loaded_line_goes_on_where_the_saved_one_stopped() {
    let mut pipeline = line(&["sum"]);
    pipeline.load(&saved(&["sum"])).unwrap();
    let mut record = Record::default();
    pipeline.tick(Timestamp(1), &mut record);
    assert_eq!(record.left, [(0, 42)]);
}

#[test]
fn a_state_of_other_stages_is_refused() {
    for found in [&["total"][..], &["sum", "total"], &[]] {
        let bytes = if found.is_empty() {
            vec![1]
        } else {
            saved(found)
        };
        let expected = LoadError::OtherStages {
            found: found.iter().map(|&name| name.to_owned()).collect(),
            expected: vec!["sum".to_owned()],
        };
        assert_eq!(line(&["sum"]).load(&bytes), Err(expected));
    }
}

#[test]
fn a_state_cut_anywhere_is_refused() {
    let bytes = saved(&["sum", "total"]);
    for end in 0..bytes.len() {
        assert!(
            line(&["sum", "total"]).load(&bytes[..end]).is_err(),
            "cut at {end}"
        );
    }
}

#[test]
fn a_state_with_any_byte_changed_loads_or_is_refused_but_never_panics() {
    let bytes = saved(&["sum"]);
    for at in 0..bytes.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            let _ = line(&["sum"]).load(&bytes);
        }
    }
}

#[test]
fn a_state_that_its_stage_refuses_names_the_stage() {
    let mut bytes = saved(&["sum"]);
    bytes.pop();
    let length = bytes.len() - 8 - 7;
    bytes[length] = 7;
    let error = line(&["sum"]).load(&bytes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "stage \"sum\" refused its saved state: bad_state: not 8 bytes"
    );
}
