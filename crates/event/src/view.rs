//! An event as it stands: its text seen through its index and its edits.

use crate::parse::{INNER, Index, Node, REMOVED, RENAMED, REPLACED};
use crate::path::{Name, Path, Segment};
use crate::tag;
use crate::value::{self, Value};

/// The parent of the top-level members.
pub(crate) const ROOT: u32 = u32::MAX;

/// A run of bytes in [`Edits::arena`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stored {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// What an edit gave an indexed member; which of the two counts is in the node's flags.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Patch {
    pub(crate) key: Stored,
    pub(crate) value: Stored,
}

/// A member that an edit added to the event (`parent` is [`ROOT`]) or to the value of a top-level member.
/// Names are stored with a `:` behind them: a value that begins one byte behind its name needs no other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Added {
    pub(crate) parent: u32,
    pub(crate) key: Stored,
    pub(crate) value: Stored,
    pub(crate) removed: bool,
}

/// All edits of an event. Names in the arena come from paths, which spell a name always the same way, so
/// they are compared as spelled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edits {
    /// Whether there is any.
    pub(crate) touched: bool,
    pub(crate) arena: Vec<u8>,
    pub(crate) patches: Vec<Patch>,
    pub(crate) added: Vec<Added>,
    /// A buffer that edits work with, kept to be used again.
    pub(crate) spliced: Vec<u8>,
}

impl Edits {
    #[inline]
    pub(crate) fn clear(&mut self) {
        if self.touched {
            self.touched = false;
            self.arena.clear();
            self.patches.clear();
            self.added.clear();
        }
    }

    #[inline]
    fn stored(&self, stored: Stored) -> &[u8] {
        &self.arena[stored.start..stored.end]
    }
}

/// Where a member is found.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Top(usize),
    Sub(usize),
    Added(usize),
}

#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) index: &'a Index,
    pub(crate) edits: &'a Edits,
}

impl<'a> View<'a> {
    /// The value at `path`. Allocates only for an object that was edited inside.
    #[inline]
    pub(crate) fn get(&self, path: &Path) -> Option<Value<'a>> {
        let (first, rest) = path.split();
        if let ([], Some(found)) = (rest, self.recall(first)) {
            return Some(Value::borrowed(found));
        }
        self.look_up(first, rest)
    }

    /// The text of the top-level member of that name, if nothing was edited and it is known where it stands.
    #[inline(always)]
    fn recall(&self, name: &Name) -> Option<&'a [u8]> {
        if self.edits.touched || !self.index.is_mapped {
            return None;
        }
        let i = self.index.memo().recall(ROOT, name)??;
        let node = self.index.top.get(i)?;
        self.text
            .get(node.value_start as usize..node.value_end as usize)
    }

    #[inline(never)]
    fn look_up(&self, first: &Name, rest: &[Segment]) -> Option<Value<'a>> {
        let place = self.find(ROOT, first)?;
        let Some((next, deeper)) = rest.split_first() else {
            return Some(self.value(place));
        };
        let found = match (self.indexed(place), next) {
            (Some(parent), Segment::Name(second)) => {
                value::find(self.text_of(self.find(parent, second)?), deeper)?
            }
            (Some(_), Segment::Index(_)) => return None,
            (None, _) => value::find(self.text_of(place), rest)?,
        };
        Some(Value::borrowed(found))
    }

    fn value(&self, place: Place) -> Value<'a> {
        if let Place::Top(i) = place {
            let node = &self.index.top[i];
            if node.flags & (INNER | REPLACED) == INNER {
                let mut text = Vec::new();
                self.write_inner(i, &mut text);
                return Value::rendered(text);
            }
        }
        Value::borrowed(self.text_of(place))
    }

    /// The text of the value there, edits inside it not counted.
    #[inline]
    pub(crate) fn text_of(&self, place: Place) -> &'a [u8] {
        let node = match place {
            Place::Added(i) => return self.edits.stored(self.edits.added[i].value),
            Place::Top(i) => &self.index.top[i],
            Place::Sub(i) => &self.index.sub[i],
        };
        if node.flags & REPLACED != 0 {
            return self
                .edits
                .stored(self.edits.patches[node.patch as usize].value);
        }
        &self.text[node.value_start as usize..node.value_end as usize]
    }

    /// The parent to look for members in, if the value there is an object whose members are indexed.
    #[inline]
    pub(crate) fn indexed(&self, place: Place) -> Option<u32> {
        let Place::Top(i) = place else { return None };
        let node = &self.index.top[i];
        let is_indexed =
            node.flags & REPLACED == 0 && self.text.get(node.value_start as usize) == Some(&b'{');
        is_indexed.then_some(i as u32)
    }

    /// The indexed members of a parent, and the number of the first.
    #[inline]
    pub(crate) fn nodes(&self, parent: u32) -> (&'a [Node], usize) {
        if parent == ROOT {
            return (&self.index.top, 0);
        }
        let node = &self.index.top[parent as usize];
        let first = node.child_start as usize;
        (&self.index.sub[first..node.child_end as usize], first)
    }

    #[inline(always)]
    pub(crate) fn is_named(&self, node: &Node, name: &Name) -> bool {
        if node.tag == name.tag {
            let (start, end) = (node.key_start(), node.key_end());
            node.flags & REMOVED == 0 && self.text[start..end] == *name.text.as_bytes()
        } else {
            node.tag == tag::ASK && node.flags & REMOVED == 0 && self.is_named_otherwise(node, name)
        }
    }

    #[cold]
    fn is_named_otherwise(&self, node: &Node, name: &Name) -> bool {
        if node.flags & RENAMED != 0 {
            return *self
                .edits
                .stored(self.edits.patches[node.patch as usize].key)
                == *name.json();
        }
        crate::escape::equals(
            &self.text[node.key_start()..node.key_end()],
            name.text.as_bytes(),
        )
    }

    #[inline]
    pub(crate) fn is_added(&self, i: usize, parent: u32, name: &Name) -> bool {
        let added = &self.edits.added[i];
        added.parent == parent && !added.removed && *self.edits.stored(added.key) == *name.json()
    }

    /// The last member of that name: the one that counts. What was added stands behind what was there.
    #[inline]
    pub(crate) fn find(&self, parent: u32, name: &Name) -> Option<Place> {
        if let Some(i) = (0..self.edits.added.len())
            .rev()
            .find(|i| self.is_added(*i, parent, name))
        {
            return Some(Place::Added(i));
        }
        if self.index.is_mapped {
            return self.find_mapped(parent, name);
        }
        let (nodes, first) = self.nodes(parent);
        let i = first + nodes.iter().rposition(|node| self.is_named(node, name))?;
        Some(if parent == ROOT {
            Place::Top(i)
        } else {
            Place::Sub(i)
        })
    }

    /// The one indexed member of that name, where the shape's memo counts.
    #[inline]
    fn find_mapped(&self, parent: u32, name: &Name) -> Option<Place> {
        let noted = self.index.memo().recall(parent, name);
        let i = noted.unwrap_or_else(|| self.note_indexed(parent, name))?;
        let (nodes, place) = if parent == ROOT {
            (&self.index.top, Place::Top(i))
        } else {
            (&self.index.sub, Place::Sub(i))
        };
        (nodes.get(i)?.flags & REMOVED == 0).then_some(place)
    }

    /// Looks whether there is such a member, removed or not, and notes it.
    #[cold]
    fn note_indexed(&self, parent: u32, name: &Name) -> Option<usize> {
        let (nodes, first) = self.nodes(parent);
        let is_named =
            |node: &Node| self.text[node.key_start()..node.key_end()] == *name.text.as_bytes();
        let found = nodes.iter().position(is_named).map(|i| first + i);
        self.index.memo().note(parent, name, found);
        found
    }

    /// The first member of that name in slot `from` or later, where `from` is 0 or behind the last one found: the
    /// indexed members of a parent have a slot each, what was added to the event has the slots after them. Also the
    /// slot after the one found, if there may be another.
    #[inline]
    pub(crate) fn find_from(
        &self,
        from: usize,
        parent: u32,
        name: &Name,
    ) -> Option<(Place, Option<usize>)> {
        let (nodes, first) = self.nodes(parent);
        if self.index.is_mapped {
            // No other has that name, and none was added while this one was there.
            if from == 0
                && let Some(place) = self.find_mapped(parent, name)
            {
                return Some((place, None));
            }
        } else if let Some(i) = nodes
            .get(from..)
            .and_then(|nodes| nodes.iter().position(|node| self.is_named(node, name)))
        {
            let slot = from + i;
            let place = if parent == ROOT {
                Place::Top(slot)
            } else {
                Place::Sub(first + slot)
            };
            return Some((place, Some(slot + 1)));
        }
        let added = from.saturating_sub(nodes.len())..self.edits.added.len();
        let i = { added }.find(|i| self.is_added(*i, parent, name))?;
        Some((Place::Added(i), Some(nodes.len() + i + 1)))
    }

    /// Appends the event's text: what was not touched as it came, in runs as long as they are.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let (start, end) = (self.index.start as usize, self.index.end as usize);
        let from = if self.edits.touched {
            self.write_object(start, end, ROOT, out)
        } else {
            start
        };
        out.extend_from_slice(&self.text[from..end]);
    }

    fn write_inner(&self, top: usize, out: &mut Vec<u8>) {
        let node = &self.index.top[top];
        let (start, end) = (node.value_start as usize, node.value_end as usize);
        let from = self.write_object(start, end, top as u32, out);
        out.extend_from_slice(&self.text[from..end]);
    }

    /// Appends the text up to `from`'s next position: what lies before the answer is written, and all from there to `end`,
    /// where the object ends whose members are those of `parent`, stays as it is. With a member that is gone goes one comma:
    /// the one before it, or the one after it while nothing before it stays.
    fn write_object(&self, mut from: usize, end: usize, parent: u32, out: &mut Vec<u8>) -> usize {
        let (nodes, first) = self.nodes(parent);
        let mut any = false;
        for (i, node) in nodes.iter().enumerate() {
            if node.flags & (REMOVED | RENAMED | REPLACED | INNER) == 0 {
                any = true;
            } else if node.flags & REMOVED == 0 {
                any = true;
                from = self.write_edited(node, first + i, from, out);
            } else if any {
                out.extend_from_slice(&self.text[from..nodes[i - 1].value_end as usize]);
                from = node.value_end as usize;
            } else {
                out.extend_from_slice(&self.text[from..node.key_start() - 1]);
                from = nodes
                    .get(i + 1)
                    .map_or(node.value_end as usize, |next| next.key_start() - 1);
            }
        }
        let mut added = self
            .edits
            .added
            .iter()
            .filter(|added| added.parent == parent && !added.removed)
            .peekable();
        if added.peek().is_some() {
            let last = nodes.last().map_or(end - 1, |node| node.value_end as usize);
            out.extend_from_slice(&self.text[from..last]);
            from = last;
        }
        for added in added {
            if any {
                out.push(b',');
            }
            any = true;
            if added.value.start == added.key.end + 1 {
                out.extend_from_slice(&self.edits.arena[added.key.start..added.value.end]);
            } else {
                out.extend_from_slice(self.edits.stored(added.key));
                out.push(b':');
                out.extend_from_slice(self.edits.stored(added.value));
            }
        }
        from
    }

    /// The same for an edited member (number `i` of its level).
    fn write_edited(&self, node: &Node, i: usize, mut from: usize, out: &mut Vec<u8>) -> usize {
        if node.flags & RENAMED != 0 {
            out.extend_from_slice(&self.text[from..node.key_start() - 1]);
            out.extend_from_slice(
                self.edits
                    .stored(self.edits.patches[node.patch as usize].key),
            );
            from = node.key_end() + 1;
        }
        if node.flags & REPLACED != 0 {
            out.extend_from_slice(&self.text[from..node.value_start as usize]);
            out.extend_from_slice(
                self.edits
                    .stored(self.edits.patches[node.patch as usize].value),
            );
            from = node.value_end as usize;
        } else if node.flags & INNER != 0 {
            from = self.write_object(from, node.value_end as usize, i as u32, out);
        }
        from
    }
}
