use std::collections::HashSet;
use std::sync::Arc;

use crate::output::At;
use crate::plan::Plan;
use crate::{Blueprint, BlueprintError, LineStats, Port, StageFactory};

const DEFAULT_MAX_EMIT: u32 = 10_000;

/// Collects the stages, branches and exits of a [`Blueprint`].
#[must_use]
pub struct Builder<E> {
    main: LinePlan<E>,
    branches: Vec<(String, LinePlan<E>)>,
    side_exits: Vec<String>,
    max_emit: u32,
    clean: Option<fn(&mut E)>,
    before: Option<Arc<LineStats>>,
}

/// Collects the stages and exits of one branch.
#[must_use]
pub struct Branch<E>(LinePlan<E>);

struct LinePlan<E> {
    stages: Vec<(String, Box<dyn StageFactory<E>>)>,
    exits: Vec<String>,
}

impl<E> Builder<E> {
    pub(crate) fn new() -> Self {
        Self {
            main: LinePlan::new(),
            branches: Vec::new(),
            side_exits: Vec::new(),
            max_emit: DEFAULT_MAX_EMIT,
            clean: None,
            before: None,
        }
    }

    /// Adds a stage at the end of the main line.
    pub fn stage(
        mut self,
        name: impl Into<String>,
        factory: impl StageFactory<E> + 'static,
    ) -> Self {
        self.main.stages.push((name.into(), Box::new(factory)));
        self
    }

    /// Adds a branch: a line of its own, which only gets what a stage sends to its name.
    pub fn branch(
        mut self,
        name: impl Into<String>,
        plan: impl FnOnce(Branch<E>) -> Branch<E>,
    ) -> Self {
        let branch = plan(Branch(LinePlan::new()));
        self.branches.push((name.into(), branch.0));
        self
    }

    /// Lets what passes the last stage leave here. With several exits, it leaves through each in
    /// turn.
    pub fn exit(mut self, name: impl Into<String>) -> Self {
        self.main.exits.push(name.into());
        self
    }

    /// Adds an exit that is reached only by what stages send to it.
    pub fn side_exit(mut self, name: impl Into<String>) -> Self {
        self.side_exits.push(name.into());
        self
    }

    /// How many events may be derived from one input, all stages together (default 10,000). A stage
    /// that emits more fails with the reason `max_emit`.
    pub fn max_emit(mut self, events: u32) -> Self {
        self.max_emit = events;
        self
    }

    /// Called on every object that becomes a spare, to let go of what it should not hold on to.
    pub fn clean_spares(mut self, clean: fn(&mut E)) -> Self {
        self.clean = Some(clean);
        self
    }

    /// Counts on where the stages of an earlier plan are, by name: for a plan that takes its place.
    pub fn counts_on(mut self, before: Arc<LineStats>) -> Self {
        self.before = Some(before);
        self
    }

    /// Checks the plan.
    ///
    /// # Errors
    ///
    /// When a name is empty or taken, a line has no exit, a stage sends to an unknown name, or
    /// branches send in a circle.
    pub fn build(self) -> Result<Blueprint<E>, BlueprintError> {
        let exits = self.check_names()?;
        let branch_names: Vec<String> =
            self.branches.iter().map(|(name, _)| name.clone()).collect();
        let exit_index = |name: &String| exits.iter().position(|exit| exit == name);
        let mut lines = vec![self.main];
        lines.extend(self.branches.into_iter().map(|(_, line)| line));

        // Leaves: the end of line i is at i, exit j by itself behind all of those.
        let ends = lines
            .iter()
            .map(|line| line.exits.iter().filter_map(exit_index).collect());
        let leaves = ends
            .chain((0..exits.len()).map(|exit| vec![exit]))
            .collect();
        let starts: Vec<usize> = lines
            .iter()
            .scan(0, |first, line| {
                let start = *first;
                *first += line.stages.len();
                Some(start)
            })
            .collect();
        let entry = |line: usize| match lines[line].stages.len() {
            0 => At::Leave(line),
            _ => At::Stage(starts[line]),
        };

        let mut sends = vec![Vec::new(); lines.len()];
        let mut ports = Vec::new();
        for (line, plan) in lines.iter().enumerate() {
            for (stage, factory) in &plan.stages {
                let resolve = |port: String| {
                    if let Some(branch) = branch_names.iter().position(|name| *name == port) {
                        sends[line].push(branch + 1);
                        Ok(Port(entry(branch + 1)))
                    } else if let Some(exit) = exit_index(&port) {
                        Ok(Port(At::Leave(lines.len() + exit)))
                    } else {
                        Err(BlueprintError::UnknownPort {
                            stage: stage.clone(),
                            port,
                            known: branch_names.iter().chain(&exits).cloned().collect(),
                        })
                    }
                };
                let resolved: Result<Vec<Port>, _> =
                    factory.ports().into_iter().map(resolve).collect();
                ports.push(resolved?);
            }
        }

        let mut next = Vec::new();
        for (line, plan) in lines.iter().enumerate() {
            next.extend((1..plan.stages.len()).map(|i| At::Stage(starts[line] + i)));
            next.extend((!plan.stages.is_empty()).then_some(At::Leave(line)));
        }
        let order = line_order(&sends, &branch_names)?
            .into_iter()
            .flat_map(|line| starts[line]..starts[line] + lines[line].stages.len())
            .collect();
        let entry = entry(0);
        let (names, factories): (Vec<String>, Vec<_>) =
            lines.into_iter().flat_map(|line| line.stages).unzip();
        let stats = Arc::new(LineStats::new(&names, self.before.as_deref()));
        let plan = Plan {
            names,
            stateful: factories.iter().map(|f| f.is_stateful()).collect(),
            next,
            entry,
            leaves,
            order,
            stats,
        };
        Ok(Blueprint {
            plan: Arc::new(plan),
            exits,
            factories: factories.into_iter().zip(ports).collect(),
            max_emit: self.max_emit,
            clean: self.clean,
        })
    }

    /// The names of all exits, in the order in which they are first named.
    fn check_names(&self) -> Result<Vec<String>, BlueprintError> {
        let lines = || {
            let branches = self.branches.iter().map(|(name, line)| (Some(name), line));
            std::iter::once((None, &self.main)).chain(branches)
        };
        let mut exits: Vec<String> = Vec::new();
        let mut stages = HashSet::new();
        for (branch, line) in lines() {
            if line.exits.is_empty() {
                let branch = branch.cloned();
                return Err(BlueprintError::NoExit { branch });
            }
            for (i, exit) in line.exits.iter().enumerate() {
                if line.exits[..i].contains(exit) {
                    let exit = exit.clone();
                    return Err(BlueprintError::DuplicateExit { exit });
                }
            }
            for (name, _) in &line.stages {
                if name.is_empty() {
                    return Err(BlueprintError::EmptyName { what: "stage" });
                }
                if !stages.insert(name) {
                    let name = name.clone();
                    return Err(BlueprintError::DuplicateStage { name });
                }
            }
        }
        for exit in lines()
            .flat_map(|(_, line)| &line.exits)
            .chain(&self.side_exits)
        {
            if exit.is_empty() {
                return Err(BlueprintError::EmptyName { what: "exit" });
            }
            if !exits.contains(exit) {
                exits.push(exit.clone());
            }
        }
        let mut taken: HashSet<&String> = exits.iter().collect();
        for (name, _) in &self.branches {
            if name.is_empty() {
                return Err(BlueprintError::EmptyName { what: "branch" });
            }
            if !taken.insert(name) {
                let name = name.clone();
                return Err(BlueprintError::DuplicateBranch { name });
            }
        }
        Ok(exits)
    }
}

impl<E> Branch<E> {
    /// Adds a stage at the end of the branch.
    pub fn stage(
        mut self,
        name: impl Into<String>,
        factory: impl StageFactory<E> + 'static,
    ) -> Self {
        self.0.stages.push((name.into(), Box::new(factory)));
        self
    }

    /// Lets what passes the last stage of the branch leave here; may be called more than once.
    pub fn exit(mut self, name: impl Into<String>) -> Self {
        self.0.exits.push(name.into());
        self
    }
}

impl<E> LinePlan<E> {
    fn new() -> Self {
        Self {
            stages: Vec::new(),
            exits: Vec::new(),
        }
    }
}

/// The lines (0 is the main line, the branches follow) such that each comes before all that it sends
/// to; `sends[line]` lists those.
fn line_order(sends: &[Vec<usize>], branches: &[String]) -> Result<Vec<usize>, BlueprintError> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; sends.len()];
    let mut done = Vec::new();
    for root in 0..sends.len() {
        if marks[root] != Mark::New {
            continue;
        }
        marks[root] = Mark::Open;
        // The way from the root, with how many targets of each line were looked at.
        let mut way = vec![(root, 0)];
        while let Some((line, seen)) = way.last_mut() {
            let Some(&target) = sends[*line].get(*seen) else {
                marks[*line] = Mark::Done;
                done.push(*line);
                way.pop();
                continue;
            };
            *seen += 1;
            match marks[target] {
                Mark::Done => {}
                Mark::New => {
                    marks[target] = Mark::Open;
                    way.push((target, 0));
                }
                Mark::Open => {
                    let circle = way.iter().map(|(line, _)| *line);
                    let circle = circle.skip_while(|line| *line != target).chain([target]);
                    // The main line has no name to send to, so it is on no circle.
                    let path = circle.map(|line| branches[line - 1].clone()).collect();
                    return Err(BlueprintError::BranchCycle { path });
                }
            }
        }
    }
    done.reverse();
    Ok(done)
}
