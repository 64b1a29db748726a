use millpond_ingest::Feed;

use crate::source::Door;

/// The partitions of a connection: its own, and one for each branch that a key led to.
pub(crate) struct Feeds {
    own: Feed,
    branches: Vec<(String, Feed)>,
}

impl Feeds {
    pub(crate) fn new(door: &Door) -> Self {
        Feeds {
            own: Feed::new(door.inlet.clone(), door.limits.max_line),
            branches: Vec::new(),
        }
    }

    /// The one that leads to this branch; none if there is no such branch.
    pub(crate) fn of(&mut self, door: &Door, branch: Option<&str>) -> Option<&mut Feed> {
        let Some(branch) = branch else {
            return Some(&mut self.own);
        };
        let known = self.branches.iter().position(|(name, _)| name == branch);
        let at = match known {
            Some(at) => at,
            None => {
                let inlet = door.inlet.branch(branch)?.clone();
                let feed = Feed::new(inlet, door.limits.max_line);
                self.branches.push((branch.to_owned(), feed));
                self.branches.len() - 1
            }
        };
        Some(&mut self.branches[at].1)
    }
}
