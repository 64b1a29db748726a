//! Counts words with two stages over a type of its own: `cargo run -p millpond-engine --example count_words`.
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;

use millpond_engine::{
    Blueprint, BlueprintError, Exits, Flow, Output, Stage, StageError, Timestamp, factory,
    stateless,
};

#[derive(Debug, PartialEq)]
enum Item {
    Text(&'static str),
    Count(String, u64),
}

#[derive(Default)]
struct CountWords(BTreeMap<String, u64>);

impl Stage<Item> for CountWords {
    fn process(&mut self, item: &mut Item, _: &mut Output<Item>) -> Result<Flow, StageError> {
        let Item::Text(word) = item else {
            return Ok(Flow::Pass);
        };
        *self.0.entry(word.to_lowercase()).or_default() += 1;
        Ok(Flow::Absorb)
    }

    fn finish(&mut self, out: &mut Output<Item>) -> Result<(), StageError> {
        for (word, count) in std::mem::take(&mut self.0) {
            out.emit(Item::Count(word, count));
        }
        Ok(())
    }
}

fn split(item: &mut Item, out: &mut Output<Item>) -> Result<Flow, StageError> {
    let Item::Text(line) = item else {
        return Ok(Flow::Pass);
    };
    line.split_whitespace()
        .for_each(|word| out.emit(Item::Text(word)));
    Ok(Flow::Consume)
}

#[derive(Default)]
struct Collect(Vec<(String, u64)>);

impl Exits<Item> for Collect {
    fn exit(&mut self, _exit: usize, item: &mut Item) {
        if let Item::Count(word, count) = item {
            println!("{count} {word}");
            self.0.push((std::mem::take(word), *count));
        }
    }
    fn failed(&mut self, stage: usize, error: StageError, item: &mut Item) {
        println!("stage {stage} failed on {item:?}: {error}");
    }
    fn tick_failed(&mut self, stage: usize, error: StageError) {
        println!("stage {stage}: {error}");
    }
}

fn main() -> Result<(), BlueprintError> {
    let blueprint = Blueprint::builder()
        .stage("split", stateless(split))
        .stage("count", factory(CountWords::default))
        .exit("counts")
        .build()?;
    let mut line = blueprint.line();
    let mut counts = Collect::default();
    for text in ["the pond takes the flood", "The mill runs"] {
        line.process(&mut Item::Text(text), Timestamp(0), &mut counts);
    }
    line.finish(Timestamp(0), &mut counts);
    assert_eq!(counts.0.last(), Some(&("the".to_owned(), 3)));
    Ok(())
}
