use std::ops::Range;
use std::sync::Arc;
use std::task::Waker;
use std::time::{SystemTime, UNIX_EPOCH};

use millpond_delivery::{Fate, Outbound, SinkLedger};
use millpond_event::Records;
use millpond_queue::{Budget, Parcel, RoomSender, TrySendError, Weight, monotonic_nanos};
use millpond_store::{Class, Letter};

use super::hand::Taken;
use super::refused::Refused;
use crate::Rows;

/// The way to the store of dead letters, for sinks whose destination refuses rows.
#[derive(Clone)]
pub struct Letters {
    /// The store's room.
    pub room: RoomSender<Outbound<Records>>,
    /// The store's ledger.
    pub ledger: Arc<SinkLedger>,
    /// Charged, without waiting, for the letters on their way.
    pub budget: Budget,
}

/// Hands over what tells of refused rows; at most one parcel waits for space.
#[derive(Default)]
pub(crate) struct Desk {
    waiting: Option<Parcel<Outbound<Records>>>,
}

impl Desk {
    /// Sets rows of `taken` aside; called with the same ones until it says what became of them. None
    /// while the store's room is full: `waker` is woken when it has space.
    ///
    /// The rows' input waits for the letters as it waited for the rows, so it ends only once the
    /// letters are written.
    pub(crate) fn set_aside(
        &mut self,
        sink: &str,
        letters: Option<&Letters>,
        taken: &Taken,
        refused: &[(Range<usize>, Refused)],
        waker: &Waker,
    ) -> Option<Fate> {
        let Some(letters) = letters else {
            let fate = Fate::Dropped("rejected");
            self.waiting
                .take()
                .into_iter()
                .for_each(|parcel| end(parcel, fate));
            return Some(fate);
        };
        let parcel = match self.waiting.take() {
            Some(parcel) => parcel,
            None => write(sink, taken, refused, letters),
        };
        let parcel = match letters.room.try_send(parcel) {
            Err(TrySendError::Full(parcel)) => {
                // Space may come between the refusal and the registration: so look again afterwards.
                letters.room.on_space(waker);
                letters.room.try_send(parcel)
            }
            sent => sent,
        };
        match parcel {
            Ok(()) => Some(Fate::DeadLettered),
            Err(TrySendError::Full(parcel)) => {
                self.waiting = Some(parcel);
                None
            }
            Err(TrySendError::Closed(parcel)) => {
                let fate = Fate::Abandoned("sink_closed");
                end(parcel, fate);
                Some(fate)
            }
        }
    }
}

/// Answers for letters that nobody will write.
fn end(parcel: Parcel<Outbound<Records>>, fate: Fate) {
    let Outbound {
        output, receipt, ..
    } = parcel.open().0;
    let inputs = (0..output.len()).map(|row| (output.input(row), fate));
    receipt.settle(monotonic_nanos(), inputs);
}

fn write(
    sink: &str,
    taken: &Taken,
    refused: &[(Range<usize>, Refused)],
    letters: &Letters,
) -> Parcel<Outbound<Records>> {
    let rows = Rows::of(&taken.records, &taken.lane);
    let mut output = Records::default();
    for (run, why) in refused {
        for row in run.clone() {
            let bytes = rows.row(row);
            let letter = Letter {
                class: Class::Accepted,
                time_micros: why.time_micros,
                pipeline: &taken.lane.pipeline,
                source: "",
                partition: 0,
                sequence: 0,
                offset: 0,
                stage: sink,
                reason: why.reason,
                detail: &why.detail,
                attempts: why.attempts,
                event: bytes.strip_suffix(b"\n").unwrap_or(bytes),
                truncated: None,
            };
            let (input, position) = (taken.records.input(row), taken.records.position(row));
            output.push_at(input, position, |out| letter.write_record(out));
        }
    }
    let (events, bytes) = (output.len() as u64, output.capacity());
    let outbound = Outbound {
        receipt: taken.receipt.refer(&letters.ledger, events),
        lane: taken.lane.clone(),
        output,
    };
    let weight = Weight {
        events,
        bytes: bytes as u64,
    };
    Parcel::new(outbound, weight).with_permit(letters.budget.charge(bytes))
}

/// The time, for letters.
pub(crate) fn unix_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |time| {
        u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
    })
}
