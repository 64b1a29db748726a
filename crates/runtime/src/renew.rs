use crate::codec::Codec;
use crate::events::wall_clock;
use crate::shard::Shard;

/// How a shard goes over to another plan of its line.
impl<C: Codec> Shard<C> {
    /// Goes over to the present plan, if that is another than its line was built from. What the stages hold goes
    /// out first; a line in a process of its own, `apart`, cannot be asked for that any more: its state is lost.
    /// True if it did.
    #[inline]
    pub(crate) fn renew(&mut self, apart: bool) -> bool {
        let is_past = self.shared.design.is_past(&self.edition);
        if is_past {
            self.go_over(apart);
        }
        is_past
    }

    /// Apart from the code that runs events, which is smaller and faster without this.
    #[cold]
    #[inline(never)]
    fn go_over(&mut self, apart: bool) {
        if !apart {
            // A stage that panics here is none of the line that takes its place.
            self.without_input(|line, collector| line.finish(wall_clock(), collector));
        }
        self.line.publish();
        self.build();
    }

    /// Puts a new line of the present plan in the place of its own.
    pub(crate) fn build(&mut self) {
        self.edition = self.shared.design.edition();
        self.stages = self.edition.blueprint.stage_names().into();
        self.watch.stages(self.stages.clone());
        let cursor = self.watch.cursor.clone();
        self.line = self.edition.blueprint.line_with(cursor);
        // It may be slower than the one before.
        self.stride = 1;
    }
}
