//! Which path speaks what.

use http::HeaderMap;

use crate::answer::{Answer, Summary};
use crate::format::{Format, Unsupported};
use crate::{cloudevents, events, segment};

/// What a path speaks. Each is asked with `POST`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// `/v1/events`: JSON, an array of it, or lines.
    Events,
    /// `/v1/cloudevents`: CloudEvents 1.0 in any of the three modes.
    CloudEvents,
    /// `/v1/track` and its like: one call of the Segment tracking API.
    Segment(segment::Call),
    /// `/v1/batch`: many calls of it.
    SegmentBatch,
}

/// The paths, as they are told to whoever asks for another.
const PATHS: &[(&str, Route)] = &[
    ("/v1/events", Route::Events),
    ("/v1/cloudevents", Route::CloudEvents),
    ("/v1/batch", Route::SegmentBatch),
    ("/v1/track", Route::Segment(segment::Call::Track)),
    ("/v1/identify", Route::Segment(segment::Call::Identify)),
    ("/v1/page", Route::Segment(segment::Call::Page)),
    ("/v1/screen", Route::Segment(segment::Call::Screen)),
    ("/v1/group", Route::Segment(segment::Call::Group)),
    ("/v1/alias", Route::Segment(segment::Call::Alias)),
    // What SDKs call as well: older ones of servers, and those of browsers and phones.
    ("/v1/import", Route::SegmentBatch),
    ("/v1/b", Route::SegmentBatch),
    ("/v1/t", Route::Segment(segment::Call::Track)),
    ("/v1/i", Route::Segment(segment::Call::Identify)),
    ("/v1/p", Route::Segment(segment::Call::Page)),
    ("/v1/s", Route::Segment(segment::Call::Screen)),
    ("/v1/g", Route::Segment(segment::Call::Group)),
    ("/v1/a", Route::Segment(segment::Call::Alias)),
];

impl Route {
    /// What `path` speaks, if it is served.
    pub fn find(path: &str) -> Option<Route> {
        let served = PATHS.iter().find(|(served, _)| *served == path);
        served.map(|(_, route)| *route)
    }

    /// All paths, the usual ones first.
    pub fn paths() -> impl Iterator<Item = &'static str> {
        PATHS.iter().map(|(path, _)| *path)
    }

    /// How a body with these headers is to be read.
    ///
    /// # Errors
    /// If it is in no format that the path takes.
    pub fn format(self, headers: &HeaderMap) -> Result<Format, Unsupported> {
        match self {
            Route::Events => events::format(headers),
            Route::CloudEvents => cloudevents::format(headers),
            Route::Segment(call) => segment::format(headers).map(|()| Format::Segment(call)),
            Route::SegmentBatch => segment::format(headers).map(|()| Format::SegmentBatch),
        }
    }

    /// What a client is told about a body of which `summary` came; `ack` is what is true of its events by then.
    pub fn answer(self, summary: &Summary<'_>, ack: &str) -> Answer {
        match self {
            Route::Events | Route::CloudEvents => Answer::counted(summary, ack),
            Route::Segment(_) | Route::SegmentBatch => Answer::segment(summary),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_served_as_it_is_spelled_and_no_other() {
        for path in Route::paths() {
            assert!(Route::find(path).is_some(), "{path}");
            for other in [
                path.to_uppercase(),
                format!("{path}/"),
                path[1..].to_owned(),
                format!("/{path}"),
                format!("{path}x"),
            ] {
                assert_eq!(Route::find(&other), None, "{other}");
            }
        }
    }
}
