use super::{MESSAGE_MAX, Note, Reply, What, reasons};

/// What a reason is called whose name fits no metric.
const UNNAMED: &str = "failed";

impl Reply {
    /// Empties it for the next request; the memory stays.
    pub fn clear(&mut self) {
        (self.done, self.passed, self.filtered, self.absorbed) = (0, 0, 0, 0);
        self.consumed.clear();
        self.dropped.clear();
        self.notes.clear();
        for column in &mut self.exits {
            column.inputs.clear();
            column.ends.clear();
        }
        self.stages.clear();
    }

    /// Appends what [`Reply::read`] reads. Messages that are too long are cut.
    pub fn put(&self, into: &mut Vec<u8>) {
        for number in [self.done, self.passed, self.filtered, self.absorbed] {
            put(into, number);
        }
        put_numbers(into, &self.consumed);
        put_length(into, self.dropped.len());
        for (reason, events) in &self.dropped {
            put(into, *events);
            put_name(into, reason);
        }
        put_length(into, self.notes.len());
        for note in &self.notes {
            put_note(into, note);
        }
        for column in &self.exits {
            put_numbers(into, &column.inputs);
            put_numbers(into, &column.ends);
        }
        for counts in &self.stages {
            for count in counts.to_array() {
                into.extend(count.to_le_bytes());
            }
        }
    }
}

fn put_note(into: &mut Vec<u8>, note: &Note) {
    put(into, note.event);
    put(into, note.stage);
    match &note.what {
        What::Failed => put(into, 0),
        What::Panicked(place) => {
            put(into, 1);
            put_bytes(into, cut(place, MESSAGE_MAX).as_bytes());
        }
        What::Derived(bytes) => {
            put(into, 2);
            put_bytes(into, bytes);
        }
        What::Tick => put(into, 3),
    }
    put_name(into, &note.reason);
    put_bytes(into, cut(&note.message, MESSAGE_MAX).as_bytes());
}

/// As much of a text as fits into `most` bytes.
pub(in crate::process) fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev();
    end.into_iter()
        .find_map(|end| text.get(..end))
        .unwrap_or_default()
}

fn put(into: &mut Vec<u8>, number: u32) {
    into.extend(number.to_le_bytes());
}

/// What is longer than can be said is longer than may be said, and is refused when it is read.
fn put_length(into: &mut Vec<u8>, length: usize) {
    put(into, u32::try_from(length).unwrap_or(u32::MAX));
}

fn put_numbers(into: &mut Vec<u8>, numbers: &[u32]) {
    put_length(into, numbers.len());
    into.reserve(numbers.len() * 4);
    for number in numbers {
        into.extend_from_slice(&number.to_le_bytes());
    }
}

fn put_bytes(into: &mut Vec<u8>, bytes: &[u8]) {
    put_length(into, bytes.len());
    into.extend(bytes);
}

fn put_name(into: &mut Vec<u8>, name: &str) {
    let name = if reasons::is_name(name) {
        name
    } else {
        UNNAMED
    };
    put_bytes(into, name.as_bytes());
}
