//! What has to be true of whatever comes of a body.

use http::HeaderMap;
use millpond_event::{Buffer, Chunk, Judge, Origin, on_one_line};
use millpond_event::Value;
use millpond_ingress_formats::{Check, Context, Decoded, Format, Lines, REASONS};

/// Decodes `body` and checks that each event is a line or refused, once; that what the format judges are events; that
/// ids go with lines. The decoded body and its lines.
pub fn decode(format: Format, headers: &HeaderMap, body: &[u8], context: &Context) -> (Decoded, Vec<Vec<u8>>) {
    let mut text = body.to_vec();
    let decoded = format.decode(headers, &mut text, context);
    let text = match &decoded.lines {
        Lines::InBody => &text,
        Lines::Built(lines) => lines,
    };
    let lines = frame(text);
    let judges_for_itself = !matches!(format, Format::Lines | Format::Json { .. });
    let mut judge = Judge::default();
    let is_event = |judge: &mut Judge, line: &[u8]| line.len() <= context.max_event && judge.event(line).is_ok();
    let bad = lines.iter().filter(|line| !is_event(&mut judge, line)).count();
    assert_eq!(decoded.events, (lines.len() + decoded.refused.len()) as u64);
    if judges_for_itself {
        assert_eq!(bad, 0, "a line that is no event");
        assert_eq!(decoded.ids.len(), lines.len());
        assert_eq!(decoded.rejects.count(), decoded.refused.len() as u64);
    } else {
        assert!(decoded.ids.is_empty());
        let told = decoded.rejects.count() - decoded.refused.len() as u64;
        match context.check {
            Check::Strict => assert_eq!(told, bad as u64),
            Check::Shape => assert!(told <= bad as u64, "what is an event was rejected"),
        }
    }
    for refused in &decoded.refused {
        assert!(REASONS.contains(&refused.reason));
    }
    for reject in decoded.rejects.listed() {
        assert!(reject.index < decoded.events);
    }
    (decoded, lines)
}

/// The elements of a body that is an array of events, one a line each, if it is one.
#[allow(dead_code, reason = "only one of the targets reads arrays of any events")]
pub fn events_of(body: &[u8]) -> Option<Vec<Vec<u8>>> {
    let value = Value::parse(body).ok()?;
    if value.raw().first() != Some(&b'[') {
        return None;
    }
    let mut judge = Judge::default();
    let events: Vec<_> = value
        .elements()
        .map(|element| {
            let mut line = element.raw().to_vec();
            on_one_line(&mut line);
            line
        })
        .collect();
    events.iter().all(|event| judge.event(event).is_ok()).then_some(events)
}

fn frame(text: &[u8]) -> Vec<Vec<u8>> {
    let origin = Origin { source: "fuzz".into(), partition: 0, first_sequence: 0, offset: 0, received_micros: 0 };
    let chunk = Chunk::new(Buffer::from_vec(text.to_vec()), text.len(), origin);
    let mut spans = Vec::new();
    chunk.frame(&mut spans);
    spans.iter().map(|span| text[span.start as usize..span.end as usize].to_vec()).collect()
}
