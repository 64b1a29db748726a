use std::sync::Arc;

use crate::{Flow, Output, Port, Stage, StageError};

/// Makes one instance of a stage for each line.
///
/// Whatever is costly to prepare (a regular expression, a table) is prepared once, in the factory,
/// and shared by its instances.
pub trait StageFactory<E>: Send + Sync {
    /// A new instance. `ports` holds one port for each name in [`ports`](StageFactory::ports), in
    /// that order, so nothing is looked up per event.
    fn build(&self, ports: &[Port]) -> Box<dyn Stage<E>>;

    /// The names of the exits and branches that the stage sends to.
    fn ports(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether the stage keeps state from one event to the next. Only such stages are asked to save
    /// and load, and only a keyed pipeline can hold them meaningfully.
    fn is_stateful(&self) -> bool {
        false
    }
}

impl<E, F: StageFactory<E> + ?Sized> StageFactory<E> for Box<F> {
    fn build(&self, ports: &[Port]) -> Box<dyn Stage<E>> {
        (**self).build(ports)
    }

    fn ports(&self) -> Vec<String> {
        (**self).ports()
    }

    fn is_stateful(&self) -> bool {
        (**self).is_stateful()
    }
}

impl<E, F: StageFactory<E> + ?Sized> StageFactory<E> for Arc<F> {
    fn build(&self, ports: &[Port]) -> Box<dyn Stage<E>> {
        (**self).build(ports)
    }

    fn ports(&self) -> Vec<String> {
        (**self).ports()
    }

    fn is_stateful(&self) -> bool {
        (**self).is_stateful()
    }
}

/// A factory that calls `make` for each instance.
///
/// For a stage that sends to ports or has state to save, write a [`StageFactory`] instead.
pub fn factory<E, S, F>(make: F) -> impl StageFactory<E>
where
    S: Stage<E> + 'static,
    F: Fn() -> S + Send + Sync,
{
    Make(make)
}

/// A stage from a closure, which may own what it needs.
pub fn stage_fn<E, F>(process: F) -> impl Stage<E>
where
    F: FnMut(&mut E, &mut Output<E>) -> Result<Flow, StageError> + Send,
{
    Closure(process)
}

/// A factory whose instances all call the one closure, which therefore keeps no state.
pub fn stateless<E, F>(process: F) -> impl StageFactory<E>
where
    F: Fn(&mut E, &mut Output<E>) -> Result<Flow, StageError> + Send + Sync + 'static,
{
    Shared(Arc::new(process))
}

/// A stage that lets pass what the test holds for, and filters the rest.
pub fn filter<E, F>(test: F) -> impl StageFactory<E>
where
    F: Fn(&E) -> bool + Send + Sync + 'static,
{
    stateless(move |event: &mut E, _| {
        Ok(if test(event) {
            Flow::Pass
        } else {
            Flow::Filter
        })
    })
}

/// A stage that changes each event in place.
pub fn map<E, F>(change: F) -> impl StageFactory<E>
where
    F: Fn(&mut E) + Send + Sync + 'static,
{
    stateless(move |event: &mut E, _| {
        change(event);
        Ok(Flow::Pass)
    })
}

struct Make<F>(F);

impl<E, S, F> StageFactory<E> for Make<F>
where
    S: Stage<E> + 'static,
    F: Fn() -> S + Send + Sync,
{
    fn build(&self, _ports: &[Port]) -> Box<dyn Stage<E>> {
        Box::new((self.0)())
    }
}

struct Closure<F>(F);

impl<E, F> Stage<E> for Closure<F>
where
    F: FnMut(&mut E, &mut Output<E>) -> Result<Flow, StageError> + Send,
{
    fn process(&mut self, event: &mut E, out: &mut Output<E>) -> Result<Flow, StageError> {
        (self.0)(event, out)
    }
}

struct Shared<F>(Arc<F>);

impl<E, F> StageFactory<E> for Shared<F>
where
    F: Fn(&mut E, &mut Output<E>) -> Result<Flow, StageError> + Send + Sync + 'static,
{
    fn build(&self, _ports: &[Port]) -> Box<dyn Stage<E>> {
        Box::new(Shared(Arc::clone(&self.0)))
    }
}

impl<E, F> Stage<E> for Shared<F>
where
    F: Fn(&mut E, &mut Output<E>) -> Result<Flow, StageError> + Send + Sync,
{
    fn process(&mut self, event: &mut E, out: &mut Output<E>) -> Result<Flow, StageError> {
        (self.0)(event, out)
    }
}
