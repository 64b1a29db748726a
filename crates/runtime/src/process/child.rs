//! The child: carries out what it is asked, one request after another, until its parent is gone.

mod line;
mod watch;

pub(super) use watch::period;

use std::io::{self, IoSlice, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use millpond_engine::{Blueprint, Timestamp};

use super::reply::{self, Kind, ROWS_MAX, Reply};
use super::request::{BATCH, Call, Head};
use super::wire::Wire;
use crate::codec::Codec;
use line::{Line, Work};
use watch::Watch;

/// What a child needs to run a pipeline.
pub struct Hand<C: Codec> {
    /// The plan of its line.
    pub blueprint: Blueprint<C::Item>,
    /// Makes a shard's codec.
    pub codec: Box<dyn Fn() -> C>,
}

/// What a child has built.
pub struct Built<C: Codec> {
    /// By pipeline.
    pub hands: Vec<Hand<C>>,
    /// Something for the parent's log; empty if there is nothing to say.
    pub notice: String,
}

/// Carries out the requests that come through `stream`, until it is closed. `build` makes the pipelines out
/// of the text that the parent was given for it; what it says of a text that it cannot use is for people.
///
/// # Errors
/// The stream fails, or an event became more rows than a reply may have.
pub fn serve<C: Wire>(
    stream: UnixStream,
    build: impl FnOnce(&[u8]) -> Result<Built<C>, String>,
) -> io::Result<()> {
    let mut from = stream.try_clone()?;
    let hello = Head::read(&mut from)?;
    let mut text = vec![0; hello.bytes as usize];
    from.read_exact(&mut text)?;
    let (kind, said, hands) = match build(&text) {
        Ok(built) => (Kind::Ready, built.notice, built.hands),
        Err(why) => (Kind::Refused, why, Vec::new()),
    };
    drop(text);
    let watch = Watch::start(stream, Duration::from_nanos(hello.now))?;
    watch.answer(kind, said.as_bytes(), &[])?;
    if kind == Kind::Refused {
        return Ok(());
    }
    let mut server = Server {
        pipelines: hands.into_iter().map(Pipeline::new).collect(),
        output_bytes: u64::from(hello.events),
        reply: Reply::default(),
        ends: Vec::new(),
        scratch: Vec::new(),
    };
    loop {
        match Head::read(&mut from) {
            Ok(head) => server.carry_out(head, &mut from, &watch)?,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

struct Server<C: Wire> {
    pipelines: Vec<Pipeline<C>>,
    /// A request is answered early once a sink has this many bytes.
    output_bytes: u64,
    reply: Reply,
    ends: Vec<u32>,
    scratch: Vec<u8>,
}

struct Pipeline<C: Wire> {
    hand: Hand<C>,
    /// By shard, as they come.
    lines: Vec<Option<Line<C>>>,
    outputs: Vec<C::Output>,
}

impl<C: Wire> Pipeline<C> {
    fn new(hand: Hand<C>) -> Self {
        let exits = hand.blueprint.exits().len();
        Pipeline {
            lines: Vec::new(),
            outputs: (0..exits).map(|_| C::Output::default()).collect(),
            hand,
        }
    }
}

impl<C: Wire> Server<C> {
    fn carry_out(&mut self, head: Head, from: &mut UnixStream, watch: &Watch) -> io::Result<()> {
        let Some(pipeline) = self.pipelines.get_mut(head.pipeline as usize) else {
            return Err(io::Error::other(format!("no pipeline {}", head.pipeline)));
        };
        let Pipeline {
            hand,
            lines,
            outputs,
        } = pipeline;
        let shard = head.shard as usize;
        if lines.len() <= shard {
            lines.resize_with(shard + 1, || None);
        }
        let line = lines[shard].get_or_insert_with(|| Line::new(hand));
        let reply = &mut self.reply;
        reply.clear();
        match head.call {
            Call::Hello => return Err(io::Error::other("a second hello")),
            Call::Run => {
                let batches = head.batches as usize * BATCH;
                self.scratch.resize(batches + head.events as usize * 4, 0);
                from.read_exact(&mut self.scratch)?;
                let (batches, ends) = self.scratch.split_at(batches);
                self.ends.clear();
                self.ends
                    .extend(ends.chunks_exact(4).map(|end| reply::u32_at(end, 0)));
                let mut work = Work {
                    hand,
                    outputs,
                    reply,
                    output_bytes: self.output_bytes,
                    watch,
                };
                let mut fill = |bytes: &mut [u8]| from.read_exact(bytes);
                line.run(&mut work, &self.ends, head.utf8, batches, &mut fill)?;
            }
            Call::Tick | Call::Finish => {
                watch.begin();
                let now = Timestamp(head.now);
                line.without_input(hand, outputs, reply, now, head.call == Call::Finish);
            }
        }
        line.publish();
        self.answer(head.pipeline as usize, watch)
    }

    fn answer(&mut self, pipeline: usize, watch: &Watch) -> io::Result<()> {
        let Pipeline { hand, outputs, .. } = &mut self.pipelines[pipeline];
        let codec = (hand.codec)();
        let reply = &mut self.reply;
        let stats = hand.blueprint.stats();
        let stages = hand.blueprint.stage_names().len();
        reply.stages.extend((0..stages).map(|id| stats.take(id)));
        reply.exits.resize_with(outputs.len(), Default::default);
        for (column, output) in reply.exits.iter_mut().zip(&*outputs) {
            for row in 0..codec.rows(output) {
                column.inputs.push(codec.input(output, row));
                let end = u32::try_from(codec.row_end(output, row));
                column.ends.push(end.unwrap_or(u32::MAX));
            }
        }
        if reply.rows_bytes() > ROWS_MAX {
            let message = format!("one event became more than {ROWS_MAX} bytes of rows");
            return Err(io::Error::other(message));
        }
        self.scratch.clear();
        reply.put(&mut self.scratch);
        let rows: Vec<&[u8]> = outputs
            .iter()
            .map(|output| codec.row_bytes(output))
            .collect();
        watch.answer(Kind::Ran, &self.scratch, &rows)?;
        outputs.iter_mut().for_each(|output| codec.clear(output));
        Ok(())
    }
}

/// Writes all of some pieces with as few calls as the system needs.
pub(super) fn write_all(mut to: impl Write, pieces: &[&[u8]]) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
    let mut rest = &mut slices[..];
    IoSlice::advance_slices(&mut rest, 0);
    while !rest.is_empty() {
        match to.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut rest, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
