//! The event: a text, its index, its edits.

use std::borrow::Cow;
use std::sync::Arc;

use crate::chunk::Chunk;
use crate::draft::Draft;
use crate::error::{EditError, MAX_DEPTH, ParseError};
use crate::parse::{self, EMPTY, Index};
use crate::path::{Path, Segment};
use crate::raw::{RawJson, check_utf8, on_one_line};
use crate::scalar::Scalar;
use crate::slice::Slice;
use crate::splice::Obstacle;
use crate::value::{Kind, Value};
use crate::view::{Edits, View};

/// A JSON object: the bytes it came in, an index of its top two levels, and the edits made since.
///
/// It is owned and made to be used again: [`read`](Self::read) puts the next event into the same memory.
/// It keeps the chunk it was read from alive; [`detach`](Self::detach) makes it independent.
///
/// Of members with the same name the last one counts: it is read, set and renamed. All are kept on write, and
/// [`remove`](Self::remove) takes away every one.
#[derive(Clone, Debug, Default)]
pub struct Event {
    source: Source,
    /// The text of an event that lies in no chunk; also memory for the next such one.
    own: Vec<u8>,
    index: Index,
    edits: Edits,
}

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    Empty,
    Own,
    Chunk {
        chunk: Arc<Chunk>,
        start: usize,
        end: usize,
    },
}

impl Event {
    /// An event with its own copy of `text`. Line breaks between its tokens become spaces, so that an event
    /// always is one line.
    ///
    /// # Errors
    /// If the text is not UTF-8, not strict JSON, not an object, nested deeper than 64 levels, or has an
    /// escape of half a surrogate pair.
    pub fn parse(text: &[u8]) -> Result<Event, ParseError> {
        let mut event = Event::default();
        event.rebuild(|own| own.extend_from_slice(text))?;
        Ok(event)
    }

    /// Becomes event `i` of `slice`; all edits are gone. Nothing is copied: the slice's chunk is kept alive.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), and if the event was refused before it was complete. The event is empty
    /// then.
    ///
    /// # Panics
    /// If `i` is not below the slice's length.
    pub fn read(&mut self, slice: &Slice, i: usize) -> Result<(), ParseError> {
        let read = self.try_read(slice, i);
        if read.is_err() {
            self.clear();
        }
        read
    }

    #[inline]
    fn try_read(&mut self, slice: &Slice, i: usize) -> Result<(), ParseError> {
        let read_from = slice.chunk();
        let span = slice.span(i);
        let (from, to) = (span.start as usize, span.end as usize);
        let bytes = read_from.bytes();
        let text = &bytes[from..to];
        if let Some(refusal) = read_from.refusal() {
            return Err(ParseError::refused(refusal.reason, text.len()));
        }
        if !read_from.is_utf8() {
            check_utf8(text)?;
        }
        self.edits.clear();
        let read = &bytes[from..bytes.len().min(to + parse::BEHIND)];
        parse::event(read, text.len(), &mut self.index)?;
        match &mut self.source {
            Source::Chunk { chunk, start, end } if Arc::ptr_eq(chunk, read_from) => {
                (*start, *end) = (from, to)
            }
            source => {
                *source = Source::Chunk {
                    chunk: Arc::clone(read_from),
                    start: from,
                    end: to,
                }
            }
        }
        Ok(())
    }

    /// Becomes the event whose text `build` appends to a buffer of the event's own (empty, used again). Made
    /// for events that are written rather than read.
    ///
    /// # Errors
    /// As [`parse`](Self::parse). The event is empty then.
    pub fn rebuild(&mut self, build: impl FnOnce(&mut Vec<u8>)) -> Result<(), ParseError> {
        let mut own = std::mem::take(&mut self.own);
        self.clear();
        own.clear();
        build(&mut own);
        let judged =
            check_utf8(&own).and_then(|()| Ok(parse::event(&own, own.len(), &mut self.index)?));
        // Only now: in text that is not valid, a line break may well be part of a string.
        on_one_line(&mut own);
        self.own = own;
        match judged {
            Ok(()) => self.source = Source::Own,
            Err(_) => self.clear(),
        }
        judged
    }

    /// Becomes `{}` and lets go of its chunk.
    pub fn clear(&mut self) {
        self.source = Source::Empty;
        self.index.clear();
        self.edits.clear();
    }

    /// Copies its text out of its chunk, which it no longer keeps alive. Edits stay.
    pub fn detach(&mut self) {
        if let Source::Chunk { chunk, start, end } = &self.source {
            self.own.clear();
            self.own.extend_from_slice(&chunk.bytes()[*start..*end]);
            self.source = Source::Own;
        }
    }

    /// The text it was read from, without any edit.
    #[inline]
    pub fn original(&self) -> &[u8] {
        match &self.source {
            Source::Chunk { chunk, start, end } => &chunk.bytes()[*start..*end],
            Source::Own => &self.own,
            Source::Empty => EMPTY,
        }
    }

    #[inline]
    fn view(&self) -> View<'_> {
        View {
            text: self.original(),
            index: &self.index,
            edits: &self.edits,
        }
    }

    #[inline]
    fn draft(&mut self) -> Draft<'_> {
        let text = match &self.source {
            Source::Chunk { chunk, start, end } => &chunk.bytes()[*start..*end],
            Source::Own => &self.own,
            Source::Empty => EMPTY,
        };
        Draft {
            text,
            index: &mut self.index,
            edits: &mut self.edits,
        }
    }

    /// The value at `path`. Allocates only for an object that was edited inside.
    #[inline]
    pub fn get(&self, path: &Path) -> Option<Value<'_>> {
        self.view().get(path)
    }

    /// What the string at `path` stands for; `None` if there is none. Borrowed unless it has escapes.
    #[inline]
    pub fn get_str(&self, path: &Path) -> Option<Cow<'_, str>> {
        self.get(path)?.as_str()
    }

    /// The number at `path`, as [`Value::as_f64`] reads it.
    pub fn get_f64(&self, path: &Path) -> Option<f64> {
        self.get(path)?.as_f64()
    }

    /// The integer at `path`, as [`Value::as_i64`] reads it.
    pub fn get_i64(&self, path: &Path) -> Option<i64> {
        self.get(path)?.as_i64()
    }

    /// The integer at `path`, as [`Value::as_u64`] reads it.
    pub fn get_u64(&self, path: &Path) -> Option<u64> {
        self.get(path)?.as_u64()
    }

    /// The boolean at `path`.
    pub fn get_bool(&self, path: &Path) -> Option<bool> {
        self.get(path)?.as_bool()
    }

    /// Whether there is a value at `path`, be it `null`.
    pub fn exists(&self, path: &Path) -> bool {
        self.get(path).is_some()
    }

    /// Sets the value at `path`: in its place if there is one, else as the last member of its parent.
    /// Objects that are missing on the way are made, and so is an array where the path has index 0. In an
    /// array, the index equal to its length appends.
    ///
    /// # Errors
    /// If the path leads through a value that is no object (or no array, for an index), to an index beyond
    /// the array's end, or deeper than 64 levels, or if the value is a float that is not finite. The event
    /// is unchanged then.
    pub fn set<'v>(&mut self, path: &Path, value: impl Into<Scalar<'v>>) -> Result<(), EditError> {
        let value = value.into();
        if let Scalar::Float(float) = value
            && !float.is_finite()
        {
            return Err(EditError::NotFinite {
                path: path.clone(),
                value: float,
            });
        }
        let depth = value.depth() + path.segments().len();
        if depth > MAX_DEPTH {
            return Err(EditError::TooDeep {
                path: path.clone(),
                depth,
            });
        }
        self.draft()
            .set(path, value)
            .map_err(|obstacle| match obstacle {
                Obstacle::Wrong {
                    depth,
                    found,
                    expected,
                } => EditError::WrongContainer {
                    path: path.clone(),
                    at: path.prefix(depth),
                    found,
                    expected,
                },
                Obstacle::Beyond { index, len } => EditError::IndexBeyondEnd {
                    path: path.clone(),
                    index,
                    len,
                },
            })
    }

    /// Sets the value at `path` to any JSON; otherwise as [`set`](Self::set).
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn set_raw(&mut self, path: &Path, json: &RawJson) -> Result<(), EditError> {
        self.set(path, json)
    }

    /// Takes away every value at `path`, those in duplicates of its parents too. Elements behind an array
    /// element that is taken away move up. Returns whether there was any.
    pub fn remove(&mut self, path: &Path) -> bool {
        self.draft().remove(path)
    }

    /// Moves the value at `from` to `to`. If both are names in the same parent and `to` is free, the member
    /// keeps its place; else this is `remove` and `set`. Nothing is left at `from`, in duplicates neither.
    /// Returns whether there was a value.
    ///
    /// # Errors
    /// If the value cannot be set at `to`, as in [`set`](Self::set). The event is unchanged then.
    pub fn rename(&mut self, from: &Path, to: &Path) -> Result<bool, EditError> {
        let Some(value) = self.get(from) else {
            return Ok(false);
        };
        if from == to {
            return Ok(true);
        }
        if let Some(name) = sibling(from, to)
            && !self.exists(to)
        {
            let mut draft = self.draft();
            draft.rename_last(from, name);
            draft.remove(from);
            return Ok(true);
        }
        let moved = RawJson::from(value);
        if overlap(from, to) {
            let before = self.clone();
            self.remove(from);
            if let Err(error) = self.set(to, &moved) {
                *self = before;
                return Err(error);
            }
        } else {
            self.set(to, &moved)?;
            self.remove(from);
        }
        Ok(true)
    }

    /// Appends its text: what was not touched exactly as it came, edits in their places. No newline, and no
    /// whitespace around the object.
    #[inline]
    pub fn write_to(&self, out: &mut Vec<u8>) {
        self.view().write(out);
    }

    /// A tree of it, edits included; see [`Value::to_value`] for what a tree cannot keep.
    pub fn to_value(&self) -> serde_json::Value {
        let mut text = Vec::new();
        self.write_to(&mut text);
        Value::rendered(text).to_value()
    }

    /// An event from a tree.
    ///
    /// # Errors
    /// If the tree is no object, or nested deeper than 64 levels.
    pub fn from_value(value: &serde_json::Value) -> Result<Event, EditError> {
        let text = value.to_string();
        match Kind::of(text.as_bytes()) {
            Kind::Object => Ok(Event::parse(text.as_bytes())?),
            found => Err(EditError::NotAnObject { found }),
        }
    }
}

/// The name `to` gives a member at `from`, if the two differ only in that name.
fn sibling<'a>(from: &Path, to: &'a Path) -> Option<&'a crate::path::Name> {
    match (from.segments().split_last()?, to.segments().split_last()?) {
        ((Segment::Name(_), from_parent), (Segment::Name(name), to_parent))
            if from_parent == to_parent =>
        {
            Some(name)
        }
        _ => None,
    }
}

/// Whether removing `from` changes what `to` means, or the other way round.
fn overlap(from: &Path, to: &Path) -> bool {
    let (from, to) = (from.segments(), to.segments());
    let shifts =
        matches!(from.last(), Some(Segment::Index(_))) && to.starts_with(&from[..from.len() - 1]);
    from.starts_with(to) || to.starts_with(from) || shifts
}
