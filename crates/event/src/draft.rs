//! Edits being made: marks on the index, and new text in the edits' arena.

use crate::parse::{INNER, Index, REMOVED, RENAMED, REPLACED};
use crate::path::{Name, Path, Segment};
use crate::scalar::Scalar;
use crate::splice::{self, Obstacle};
use crate::tag;
use crate::view::{Added, Edits, Patch, Place, ROOT, Stored, View};

pub(crate) struct Draft<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) index: &'a mut Index,
    pub(crate) edits: &'a mut Edits,
}

impl Draft<'_> {
    #[inline]
    fn view(&self) -> View<'_> {
        View {
            text: self.text,
            index: self.index,
            edits: self.edits,
        }
    }

    /// Sets the value at `path` to `new`. The obstacle's depth counts from the path's beginning.
    pub(crate) fn set(&mut self, path: &Path, new: Scalar<'_>) -> Result<(), Obstacle> {
        let (first, rest) = path.split();
        let Some(place) = self.view().find(ROOT, first) else {
            return self.add(ROOT, first, rest, new);
        };
        let Some((next, deeper)) = rest.split_first() else {
            self.replace(place, new);
            return Ok(());
        };
        let (Some(parent), Segment::Name(second)) = (self.view().indexed(place), next) else {
            return self
                .rewrite(place, |text, out| set_in(text, rest, 1, new, out))
                .map(|_| ());
        };
        match self.view().find(parent, second) {
            None => self.add(parent, second, deeper, new)?,
            Some(inner) if deeper.is_empty() => self.replace(inner, new),
            Some(inner) => {
                self.rewrite(inner, |text, out| set_in(text, deeper, 2, new, out))?;
            }
        }
        self.index.top[parent as usize].flags |= INNER;
        Ok(())
    }

    /// Takes away every value at `path`, in every duplicate of its parents too.
    pub(crate) fn remove(&mut self, path: &Path) -> bool {
        let (first, rest) = path.split();
        let (mut hit, mut from) = (false, Some(0));
        while let Some(slot) = from
            && let Some((place, next)) = self.view().find_from(slot, ROOT, first)
        {
            hit |= self.remove_at(place, rest);
            from = next;
        }
        hit
    }

    fn remove_at(&mut self, place: Place, rest: &[Segment]) -> bool {
        let Some((next, deeper)) = rest.split_first() else {
            self.take_away(place);
            return true;
        };
        match (self.view().indexed(place), next) {
            (Some(parent), Segment::Name(second)) => self.remove_inner(parent, second, deeper),
            _ => self.cut(place, rest),
        }
    }

    fn remove_inner(&mut self, parent: u32, name: &Name, deeper: &[Segment]) -> bool {
        let (mut hit, mut from) = (false, Some(0));
        while let Some(slot) = from
            && let Some((place, next)) = self.view().find_from(slot, parent, name)
        {
            hit |= self.remove_from(place, deeper);
            from = next;
        }
        if hit {
            self.index.top[parent as usize].flags |= INNER;
        }
        hit
    }

    fn remove_from(&mut self, place: Place, deeper: &[Segment]) -> bool {
        if deeper.is_empty() {
            self.take_away(place);
            return true;
        }
        self.cut(place, deeper)
    }

    fn cut(&mut self, place: Place, segments: &[Segment]) -> bool {
        self.rewrite(place, |text, out| Ok(splice::remove(text, segments, out))) == Ok(true)
    }

    /// Gives the last member at `path` another name, in its place.
    pub(crate) fn rename_last(&mut self, path: &Path, to: &Name) -> bool {
        let (first, rest) = path.split();
        let Some(place) = self.view().find(ROOT, first) else {
            return false;
        };
        let Some((next, deeper)) = rest.split_first() else {
            self.give_name(place, to);
            return true;
        };
        let (Some(parent), Segment::Name(second)) = (self.view().indexed(place), next) else {
            return self.rewrite(place, |text, out| Ok(splice::rename(text, rest, to, out)))
                == Ok(true);
        };
        let Some(inner) = self.view().find(parent, second) else {
            return false;
        };
        if deeper.is_empty() {
            self.give_name(inner, to);
        } else if self.rewrite(inner, |text, out| Ok(splice::rename(text, deeper, to, out)))
            != Ok(true)
        {
            return false;
        }
        self.index.top[parent as usize].flags |= INNER;
        true
    }

    #[inline]
    fn store(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Stored {
        let start = self.edits.arena.len();
        write(&mut self.edits.arena);
        self.edits.touched = true;
        Stored {
            start,
            end: self.edits.arena.len(),
        }
    }

    /// Stores a name with the `:` behind it, and tells where the name is.
    fn store_name(&mut self, name: &Name) -> Stored {
        let stored = self.store(|arena| arena.extend_from_slice(&name.json_colon));
        Stored {
            end: stored.end - 1,
            ..stored
        }
    }

    fn add(
        &mut self,
        parent: u32,
        name: &Name,
        rest: &[Segment],
        new: Scalar<'_>,
    ) -> Result<(), Obstacle> {
        splice::check_nest(rest)?;
        let key = self.store_name(name);
        let value = self.store(|arena| splice::nest(rest, new, arena));
        self.edits.added.push(Added {
            parent,
            key,
            value,
            removed: false,
        });
        Ok(())
    }

    fn replace(&mut self, place: Place, new: Scalar<'_>) {
        self.replace_by(place, |arena| new.write(arena));
    }

    #[inline]
    fn replace_by(&mut self, place: Place, write: impl FnOnce(&mut Vec<u8>)) {
        let value = self.store(write);
        match place {
            Place::Added(i) => self.edits.added[i].value = value,
            _ => self.patch(place, REPLACED).value = value,
        }
    }

    fn give_name(&mut self, place: Place, to: &Name) {
        let key = self.store_name(to);
        self.index.is_mapped = false;
        match place {
            Place::Added(i) => self.edits.added[i].key = key,
            _ => self.patch(place, RENAMED).key = key,
        }
    }

    fn take_away(&mut self, place: Place) {
        self.edits.touched = true;
        match place {
            Place::Added(i) => self.edits.added[i].removed = true,
            Place::Top(i) => self.index.top[i].flags |= REMOVED,
            Place::Sub(i) => self.index.sub[i].flags |= REMOVED,
        }
    }

    /// The patch of an indexed member, made if it has none yet; `place` is not an added one.
    fn patch(&mut self, place: Place, flag: u8) -> &mut Patch {
        let node = match place {
            Place::Top(i) => &mut self.index.top[i],
            Place::Sub(i) | Place::Added(i) => &mut self.index.sub[i],
        };
        if node.flags & (REPLACED | RENAMED) == 0 {
            node.patch = self.edits.patches.len() as u32;
            self.edits.patches.push(Patch::default());
        }
        node.flags |= flag;
        if flag == RENAMED {
            node.tag = tag::ASK;
            self.index.is_shaped = false;
        }
        &mut self.edits.patches[node.patch as usize]
    }

    /// Replaces a value's text by what `edit` makes of it, if it makes something.
    fn rewrite(
        &mut self,
        place: Place,
        edit: impl FnOnce(&[u8], &mut Vec<u8>) -> Result<bool, Obstacle>,
    ) -> Result<bool, Obstacle> {
        let mut spliced = std::mem::take(&mut self.edits.spliced);
        spliced.clear();
        let edited = edit(self.view().text_of(place), &mut spliced);
        if edited == Ok(true) {
            self.replace_by(place, |out| out.extend_from_slice(&spliced));
        }
        self.edits.spliced = spliced;
        edited
    }
}

/// [`splice::set`] in a value that `depth` segments have led to.
fn set_in(
    text: &[u8],
    segments: &[Segment],
    depth: usize,
    new: Scalar<'_>,
    out: &mut Vec<u8>,
) -> Result<bool, Obstacle> {
    match splice::set(text, segments, new, out) {
        Ok(()) => Ok(true),
        Err(Obstacle::Wrong {
            depth: inside,
            found,
            expected,
        }) => Err(Obstacle::Wrong {
            depth: depth + inside,
            found,
            expected,
        }),
        Err(beyond) => Err(beyond),
    }
}
