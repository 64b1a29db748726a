use serde_json::{Value, json};

/// A dead letter as it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LatestLetter {
    /// What it is called, such as `accepted-4`.
    pub id: String,
    /// When it was set aside, in microseconds since the Unix epoch.
    pub time_micros: u64,
    /// The pipeline it was in.
    pub pipeline: String,
    /// The source it came from.
    pub source: String,
    /// Where it failed.
    pub stage: String,
    /// Why, in a word for machines.
    pub reason: String,
    /// Why, for people.
    pub detail: String,
    /// How its event begins.
    pub event: Vec<u8>,
    /// Whether there is more of it.
    pub cut: bool,
    /// How long all of the event is, in bytes.
    pub bytes: u64,
    /// Whether it has been replayed.
    pub replayed: bool,
}

impl LatestLetter {
    /// What anybody may know who may look at all.
    pub(crate) fn public(&self) -> Value {
        json!({
            "id": self.id,
            "time": self.time_micros as f64 / 1e6,
            "pipeline": self.pipeline,
            "source": self.source,
            "stage": self.stage,
            "reason": self.reason,
            "bytes": self.bytes,
            "replayed": self.replayed,
        })
    }

    /// With what the event says.
    pub(crate) fn whole(&self) -> Value {
        let mut whole = self.public();
        whole["detail"] = json!(self.detail);
        whole["event"] = json!(String::from_utf8_lossy(&self.event));
        whole["cut"] = json!(self.cut);
        whole
    }
}
