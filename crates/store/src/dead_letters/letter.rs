use std::fmt;
use std::str::FromStr;

/// Which journal a letter is kept in, and so what happens when there are too many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Anybody can send what is no event: the oldest make room.
    Rejects,
    /// It was taken in and failed later: nothing is deleted, and a full store takes no more.
    #[default]
    Accepted,
}

impl Class {
    /// Every class.
    pub const ALL: [Class; 2] = [Class::Rejects, Class::Accepted];

    /// Its name, which is also that of its folder.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Rejects => "rejects",
            Class::Accepted => "accepted",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An event that was set aside, with where it came from and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Letter<'a> {
    /// Which journal it belongs to.
    pub class: Class,
    /// When it was set aside, in microseconds since the Unix epoch.
    pub time_micros: u64,
    /// The pipeline it was in.
    pub pipeline: &'a str,
    /// The source it came from.
    pub source: &'a str,
    /// The source's partition.
    pub partition: u64,
    /// Its number in the partition.
    pub sequence: u64,
    /// Where its first byte is in the partition.
    pub offset: u64,
    /// Where it failed: `decode`, or the name of a stage or a sink.
    pub stage: &'a str,
    /// Why, in a word for machines.
    pub reason: &'a str,
    /// Why, for people.
    pub detail: &'a str,
    /// How often that was tried.
    pub attempts: u32,
    /// The bytes it came in; for one that was too long, how they begin.
    pub event: &'a [u8],
    /// What is known of the original when `event` is only its beginning.
    pub truncated: Option<Truncated>,
}

/// An original that was too long to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncated {
    /// Its length in bytes.
    pub length: u64,
    /// The xxh3-64 of all of it.
    pub hash: u64,
}

/// Where a letter is kept: written `rejects-17` or `accepted-4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// Its journal.
    pub class: Class,
    /// Its sequence there.
    pub sequence: u64,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.class, self.sequence)
    }
}

impl FromStr for Id {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (class, sequence) = text.split_once('-').ok_or(())?;
        let class = Class::ALL.into_iter().find(|known| known.as_str() == class);
        Ok(Id {
            class: class.ok_or(())?,
            sequence: sequence.parse().map_err(|_| ())?,
        })
    }
}

/// A letter in the store.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// Where it is kept.
    pub id: Id,
    /// What was set aside.
    pub letter: Letter<'a>,
    /// Whether it has been replayed.
    pub replayed: bool,
}
