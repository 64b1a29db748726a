use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const EXPECTED: Expected = Expected {
    events: 40,
    exits: 2,
    stages: 3,
};

/// A reply that fits: an outcome for each event, rows of some of them.
fn reply() -> impl Strategy<Value = Reply> {
    let event = (0_u8..8, 0_usize..3, any::<bool>(), "[a-z]{1,8}", 0_u32..3);
    (vec(event, 1..40), vec(0_u64..1 << 40, 3 * StageCounts::LEN)).prop_map(|(events, counts)| {
        let mut reply = Reply {
            done: events.len() as u32,
            exits: vec![Column::default(); 2],
            ..Reply::default()
        };
        for (at, (end, rows, derived, text, stage)) in events.into_iter().enumerate() {
            let event = at as u32;
            let note = |what| Note {
                event,
                stage,
                what,
                reason: text.clone(),
                message: text.to_uppercase(),
            };
            if derived {
                let bytes = text.clone().into_bytes();
                reply.notes.push(note(What::Derived(bytes)));
            }
            match end {
                0 | 1 => reply.passed += 1,
                2 => reply.filtered += 1,
                3 => reply.absorbed += 1,
                4 => reply.consumed.push(event),
                5 => reply.dropped.push((text.clone(), 1)),
                6 => reply.notes.push(note(What::Failed)),
                _ => reply.notes.push(note(What::Panicked(text.to_uppercase()))),
            }
            for column in &mut reply.exits {
                for row in 0..rows {
                    column.inputs.push(event);
                    column.ends.push(column.bytes() + row as u32);
                }
            }
        }
        let mut counts = counts.chunks_exact(StageCounts::LEN);
        reply.stages = std::iter::from_fn(|| counts.next())
            .map(|counts| StageCounts::from_array(counts.try_into().expect("as many")))
            .collect();
        reply
    })
}

proptest! {
    #[test]
    fn what_was_written_is_read(reply in reply()) {
        let (mut said, mut read) = (Vec::new(), Reply::default());
        reply.put(&mut said);
        prop_assert_eq!(read.read(&said, &EXPECTED), Ok(()));
        prop_assert_eq!(&read, &reply);
        // Into a used one, too.
        prop_assert_eq!(read.read(&said, &EXPECTED), Ok(()));
        prop_assert_eq!(&read, &reply);
        prop_assert_eq!(read.rows_bytes(), reply.rows_bytes());
    }

    #[test]
    fn what_is_cut_or_has_more_is_refused(reply in reply(), at: proptest::sample::Index) {
        let (mut said, mut read) = (Vec::new(), Reply::default());
        reply.put(&mut said);
        prop_assert!(read.read(&said[..at.index(said.len())], &EXPECTED).is_err());
        said.push(0);
        prop_assert!(read.read(&said, &EXPECTED).is_err());
    }

    #[test]
    fn what_fits_is_consistent_whatever_the_bytes_are(
        reply in reply(),
        flips in vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let (mut said, mut read) = (Vec::new(), Reply::default());
        reply.put(&mut said);
        for (at, byte) in flips {
            let at = at.index(said.len());
            said[at] = byte;
        }
        if read.read(&said, &EXPECTED).is_ok() {
            let failed = read.notes.iter().filter(|note| note.is_outcome()).count() as u32;
            let dropped: u32 = read.dropped.iter().map(|(_, events)| events).sum();
            let ended = read.passed + read.filtered + read.absorbed + read.consumed.len() as u32;
            prop_assert_eq!(ended + dropped + failed, read.done);
            prop_assert!(read.done <= EXPECTED.events);
            for column in &read.exits {
                prop_assert_eq!(column.inputs.len(), column.ends.len());
                prop_assert!(column.inputs.iter().all(|input| *input < read.done));
            }
        }
    }
}

#[test]
fn an_event_that_ends_twice_or_not_at_all_is_refused() {
    let good = Reply {
        done: 2,
        passed: 1,
        consumed: vec![1],
        exits: vec![Column::default(); 2],
        stages: vec![StageCounts::default(); 3],
        ..Reply::default()
    };
    let refused = |change: fn(&mut Reply), why: &str| {
        let (mut reply, mut said) = (good.clone(), Vec::new());
        change(&mut reply);
        reply.put(&mut said);
        let error = Reply::default()
            .read(&said, &EXPECTED)
            .expect_err(why)
            .to_string();
        assert!(error.contains(why), "{error}");
    };
    let note = || Note {
        event: 1,
        reason: "bad".to_owned(),
        ..Note::default()
    };
    refused(|reply| reply.passed = 0, "1 outcomes of 2 events");
    refused(|reply| reply.passed = 2, "3 outcomes of 2 events");
    refused(|reply| reply.passed = u32::MAX, "outcomes of 2 events");
    refused(|reply| reply.done = 41, "41 events of 40 were run");
    refused(|reply| reply.done = 0, "0 events of 40 were run");
    refused(|reply| reply.consumed = vec![2], "out of turn");
    refused(|reply| reply.exits[1].inputs.push(0), "0 rows of 1 events");
    let mut twice = good.clone();
    (twice.passed, twice.notes) = (0, vec![note()]);
    let mut said = Vec::new();
    twice.put(&mut said);
    let error = Reply::default().read(&said, &EXPECTED).expect_err("twice");
    assert_eq!(
        error.to_string(),
        "its reply is broken: event 1 ended twice"
    );
}

#[test]
fn a_head_that_asks_for_too_much_memory_is_refused() {
    let head = Head {
        kind: Kind::Ran,
        said: 7,
        rows: ROWS_MAX,
    };
    assert_eq!(Head::read(&head.put()), Ok(head));
    let more = Head {
        rows: ROWS_MAX + 1,
        ..head
    };
    assert!(Head::read(&more.put()).is_err());
    let more = Head {
        said: u32::MAX,
        ..head
    };
    assert!(Head::read(&more.put()).is_err());
    assert!(Head::read(&[0; HEAD]).is_err());
}

#[test]
fn a_text_is_cut_between_letters() {
    assert_eq!(cut("añb", 2), "a");
    assert_eq!(cut("añb", 3), "añ");
    assert_eq!(cut("añb", 9), "añb");
}
