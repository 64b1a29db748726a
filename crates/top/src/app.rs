use std::net::SocketAddr;

use crate::feed::Heard;
use crate::overview::Overview;
use crate::past::Past;

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    Line,
    Pipelines,
    Shards,
    Sinks,
    Letters,
    Ledger,
}

impl View {
    pub(crate) const ALL: [View; 6] = [
        View::Line,
        View::Pipelines,
        View::Shards,
        View::Sinks,
        View::Letters,
        View::Ledger,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            View::Line => "Line",
            View::Pipelines => "Pipelines",
            View::Shards => "Shards",
            View::Sinks => "Sinks",
            View::Letters => "Dead letters",
            View::Ledger => "Ledger",
        }
    }
}

/// How the daemon is heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// Not yet.
    Waiting,
    Live,
    /// It says nothing.
    Silent,
    /// It is not there; why.
    Lost(String),
}

/// What somebody at the keys wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Next,
    Before,
    To(usize),
    Down,
    Up,
    /// The charts over 15 minutes, or over as many seconds as there are columns.
    Zoom,
    Help,
    /// Out of the help, or out of here.
    Back,
    Leave,
}

/// Everything that is drawn.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) address: SocketAddr,
    pub(crate) view: View,
    pub(crate) link: Link,
    pub(crate) now: Option<Overview>,
    pub(crate) past: Past,
    /// The row that is chosen, or from which on rows are shown.
    pub(crate) at: usize,
    pub(crate) whole_past: bool,
    pub(crate) help: bool,
}

impl App {
    pub(crate) fn new(address: SocketAddr) -> Self {
        App {
            address,
            view: View::Line,
            link: Link::Waiting,
            now: None,
            past: Past::default(),
            at: 0,
            whole_past: false,
            help: false,
        }
    }

    pub(crate) fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Past(past) => self.past = past,
            Heard::Lost(why) => self.link = Link::Lost(why),
            Heard::Now(now) => {
                self.link = Link::Live;
                self.past.add(&now);
                self.now = Some(*now);
                self.at = self.at.min(self.rows().saturating_sub(1));
            }
        }
    }

    /// Nothing has been heard for a while.
    pub(crate) fn miss(&mut self) {
        if self.link == Link::Live {
            self.link = Link::Silent;
        }
    }

    /// Does as wished; whether that is to leave.
    pub(crate) fn wish(&mut self, wish: Wish) -> bool {
        let views = View::ALL.len();
        let view = View::ALL.iter().position(|&view| view == self.view);
        let view = view.unwrap_or(0);
        match wish {
            Wish::Leave => return true,
            Wish::Back if self.help => self.help = false,
            Wish::Back => return true,
            Wish::Help => self.help = !self.help,
            Wish::Next => self.show(view + 1),
            Wish::Before => self.show(view + views - 1),
            Wish::To(place) if place < views => self.show(place),
            Wish::To(_) => {}
            Wish::Down => self.at = (self.at + 1).min(self.rows().saturating_sub(1)),
            Wish::Up => self.at = self.at.saturating_sub(1),
            Wish::Zoom => self.whole_past = !self.whole_past,
        }
        false
    }

    fn show(&mut self, place: usize) {
        let choosing = |view| matches!(view, View::Pipelines | View::Shards);
        let before = self.view;
        self.view = View::ALL[place % View::ALL.len()];
        self.help = false;
        // The same pipeline, seen otherwise.
        if !(choosing(before) && choosing(self.view)) {
            self.at = 0;
        }
    }

    /// How many rows there are to go through.
    fn rows(&self) -> usize {
        let Some(now) = &self.now else { return 0 };
        match self.view {
            View::Line => now.sources.len() + now.pipelines.len() + now.sinks.len() + 3,
            View::Pipelines | View::Shards => now.pipelines.len(),
            View::Sinks => now.sinks.len(),
            View::Letters => now
                .dead_letters
                .groups
                .len()
                .max(now.dead_letters.latest.len()),
            View::Ledger => now.pipelines.len() + now.sinks.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::examples;

    fn app() -> App {
        let mut app = App::new(examples::ADDRESS.parse().unwrap());
        app.hear(Heard::Now(Box::new(examples::overview(12, 16))));
        app
    }

    #[test]
    fn the_views_are_a_ring_and_the_pipeline_stays_chosen_between_two_of_them() {
        let mut app = app();
        assert!(!app.wish(Wish::Next));
        assert_eq!(app.view, View::Pipelines);
        app.wish(Wish::Down);
        app.wish(Wish::Next);
        assert_eq!((app.view, app.at), (View::Shards, 1));
        app.wish(Wish::Next);
        assert_eq!((app.view, app.at), (View::Sinks, 0));
        app.wish(Wish::To(0));
        app.wish(Wish::Before);
        assert_eq!(app.view, View::Ledger);
        app.wish(Wish::To(6));
        assert_eq!(app.view, View::Ledger);
    }

    #[test]
    fn rows_end_where_they_end_also_when_there_are_fewer_of_them_later() {
        let mut app = app();
        app.wish(Wish::To(1));
        (0..40).for_each(|_| assert!(!app.wish(Wish::Down)));
        assert_eq!(app.at, 11);
        app.hear(Heard::Now(Box::new(examples::overview(1, 16))));
        assert_eq!(app.at, 0);
        app.wish(Wish::Up);
        assert_eq!(app.at, 0);
    }

    #[test]
    fn escape_leaves_the_help_first() {
        let mut app = app();
        app.wish(Wish::Help);
        assert!(!app.wish(Wish::Back));
        assert!(app.wish(Wish::Back));
        app.wish(Wish::Help);
        assert!(app.wish(Wish::Leave));
    }

    #[test]
    fn what_was_seen_stays_while_the_daemon_is_away() {
        let mut app = app();
        app.miss();
        assert_eq!(app.link, Link::Silent);
        app.hear(Heard::Lost("gone".to_owned()));
        app.miss();
        assert_eq!(app.link, Link::Lost("gone".to_owned()));
        assert!(app.now.is_some());
    }
}
