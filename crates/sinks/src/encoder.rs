use millpond_event::{Event, Position, Records};

/// The CPU half of a sink: turns events into rows. Run by workers.
pub trait Encoder: Send {
    /// Appends the event as one row. `input` is the ordinal of the input that it came from, `position`
    /// where a journal keeps that.
    fn encode(&mut self, event: &Event, input: u32, position: Position, rows: &mut Records);
}

/// One JSON text per line: the event as it stands, its untouched bytes as they came.
#[derive(Clone, Copy, Debug, Default)]
pub struct NdJson;

impl Encoder for NdJson {
    fn encode(&mut self, event: &Event, input: u32, position: Position, rows: &mut Records) {
        rows.push_at(input, position, |out| {
            event.write_to(out);
            out.push(b'\n');
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: Position = Position {
        sequence: 70,
        ordinal: 3,
    };

    #[test]
    fn a_row_is_one_line_and_names_its_input() {
        let event = Event::parse(br#"{"a":1.0}"#).expect("valid");
        let mut rows = Records::default();
        NdJson.encode(&event, 7, Position::NONE, &mut rows);
        NdJson.encode(&event, 9, KEPT, &mut rows);
        assert_eq!(rows.bytes(), b"{\"a\":1.0}\n{\"a\":1.0}\n");
        assert_eq!((rows.input(0), rows.input(1)), (7, 9));
        assert_eq!((rows.position(0), rows.position(1)), (Position::NONE, KEPT));
    }
}
