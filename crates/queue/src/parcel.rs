use std::sync::Arc;

use crate::{Permit, monotonic_nanos};

/// What a parcel weighs in its room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// Events (or rows) in the parcel.
    pub events: u64,
    /// Bytes that it pins: capacity, not length.
    pub bytes: u64,
}

/// An item on its way through a room: its weight, the time it was packed and the permit for the
/// memory it holds.
#[derive(Debug)]
pub struct Parcel<T> {
    /// What is carried.
    pub item: T,
    /// What it weighs.
    pub weight: Weight,
    /// When it was packed, in [`monotonic_nanos`].
    pub packed_at: u64,
    permit: Option<Arc<Permit>>,
}

impl<T> Parcel<T> {
    /// Packs an item; its age counts from now.
    pub fn new(item: T, weight: Weight) -> Self {
        Self::packed(item, weight, monotonic_nanos())
    }

    /// Packs an item whose age counts from `packed_at` in [`monotonic_nanos`]: for those who pack many at a time, or
    /// have just looked at the clock.
    pub fn packed(item: T, weight: Weight, packed_at: u64) -> Self {
        Parcel {
            item,
            weight,
            packed_at,
            permit: None,
        }
    }

    /// Lets the parcel carry a permit, which returns to its budget with the parcel's end.
    #[must_use]
    pub fn with_permit(self, permit: Permit) -> Self {
        self.with_shared_permit(Arc::new(permit))
    }

    /// Lets the parcel share a permit with the other parts of the same chunk: it returns to its
    /// budget with the last of them.
    #[must_use]
    pub fn with_shared_permit(mut self, permit: Arc<Permit>) -> Self {
        self.permit = Some(permit);
        self
    }

    /// Splits the item from its permit, for a consumer that lets go of the memory later than of
    /// the parcel.
    pub fn open(self) -> (T, Option<Arc<Permit>>) {
        (self.item, self.permit)
    }
}

/// Why a parcel was not taken. The parcel comes back: nothing is lost by a refused hand-off.
#[derive(Debug)]
pub enum TrySendError<T> {
    /// The room has no space for it now.
    Full(Parcel<T>),
    /// The consumer is gone for good.
    Closed(Parcel<T>),
}

impl<T> TrySendError<T> {
    /// The parcel that was not taken.
    pub fn into_parcel(self) -> Parcel<T> {
        match self {
            TrySendError::Full(parcel) | TrySendError::Closed(parcel) => parcel,
        }
    }
}
