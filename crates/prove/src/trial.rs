//! A trial from its beginning to its verdict.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::arrivals::Arrivals;
use crate::client::Client;
use crate::daemon::{Daemon, Troubles};
use crate::door::Door;
use crate::error::Error;
use crate::issued::Issued;
use crate::options::Options;
use crate::pause::pause;
use crate::place::Place;
use crate::receiver::Receiver;
use crate::rest::Books;
use crate::table::HEAD;
use crate::tail::Tail;
use crate::verdict::{Evidence, Tally, Verdict};

/// How long a daemon may take to start, with a backlog of whatever size.
const STARTING: Duration = Duration::from_secs(30);
/// How often a daemon on its way to rest is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// A daemon whose books have not changed for so long has stopped.
const STALLED: Duration = Duration::from_secs(10);
/// The same, where only another start can go on.
const HELD: Duration = Duration::from_secs(1);
/// How often a daemon is started again for what it could not do.
const STARTS: u32 = 10;

/// Runs the proof, writes a table and a verdict, and says whether the promises held.
///
/// # Errors
/// When it cannot be run to its verdict.
pub fn prove(options: &Options, out: &mut dyn Write) -> Result<bool, Error> {
    let place = Place::new(options)?;
    let options = &place.adapt(options);
    let issued = Arc::new(Issued::new(options.clients));
    let arrivals = || Arrivals::new(options.seed, options.clients);
    let receiver = Receiver::start(arrivals(), issued.clone())?;
    place.configure(options, receiver.address)?;
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        let registered = signal_hook::flag::register(signal, interrupted.clone());
        registered.map_err(Error::io("watch the signals of", &options.binary))?;
    }
    let mut trial = Trial {
        options,
        tail: Tail::new(place.rows()),
        rows: arrivals(),
        place: &place,
        door: Arc::default(),
        issued,
        receiver,
        daemon: None,
        troubles: Troubles::default(),
        random: Rng::with_seed(options.seed),
        recovery: None,
        tally: Tally::default(),
        complaints: Vec::new(),
        interrupted,
    };
    let verdict = trial.run(out)?;
    place.settle()?;
    write!(out, "\n{verdict}").map_err(Error::Output)?;
    Ok(verdict.is_proved())
}

/// Everything that takes part.
pub(crate) struct Trial<'a> {
    pub(crate) options: &'a Options,
    pub(crate) place: &'a Place,
    pub(crate) door: Arc<Door>,
    pub(crate) issued: Arc<Issued>,
    pub(crate) receiver: Receiver,
    pub(crate) random: Rng,
    /// The longest of this round.
    pub(crate) recovery: Option<Duration>,
    pub(crate) tally: Tally,
    daemon: Option<Daemon>,
    troubles: Troubles,
    /// What the file sink has written so far: for the table, not for the verdict.
    tail: Tail,
    rows: Arrivals,
    complaints: Vec<String>,
    interrupted: Arc<AtomicBool>,
}

/// How far the sinks are.
pub(crate) struct Progress {
    pub(crate) delivered: u64,
    pub(crate) duplicates: u64,
}

impl Trial<'_> {
    fn run(&mut self, out: &mut dyn Write) -> Result<Verdict, Error> {
        let write =
            |out: &mut dyn Write, line: &str| writeln!(out, "{line}").map_err(Error::Output);
        write(out, &self.place.describe(self.options))?;
        write(out, HEAD)?;
        let clients = 0..self.options.clients;
        let seed = self.options.seed;
        let mut clients: Vec<_> = clients.map(|number| Client::new(number, seed)).collect();
        self.start()?;
        self.wait_until_ready();
        for round in 1..=self.options.rounds {
            if self.has_failed() {
                break;
            }
            let row = self.round(round, &mut clients)?;
            if self.is_interrupted() {
                return Err(Error::Interrupted);
            }
            write(out, &row.to_string())?;
        }
        let books = self.rest()?;
        let code = self.stop();
        self.receiver.finish();
        self.tally.partings = self.receiver.partings();
        let mut file = Arrivals::new(seed, self.options.clients);
        let mut tail = Tail::new(self.place.rows());
        tail.read(&mut file, &self.issued)?;
        tail.finish(&mut file);
        Ok(Verdict::new(&Evidence {
            options: self.options,
            issued: self.issued.counts(),
            file: file.judge(&self.issued),
            tcp: self.receiver.arrivals().judge(&self.issued),
            books,
            code,
            tally: self.tally,
            complaints: std::mem::take(&mut self.complaints),
            troubles: self.troubles.lines(),
        }))
    }

    /// Starts the daemon.
    pub(crate) fn start(&mut self) -> Result<(), Error> {
        let daemon = Daemon::start(&self.options.binary, self.place, &self.troubles)?;
        self.daemon = Some(daemon);
        self.tally.starts += 1;
        Ok(())
    }

    /// Waits until it runs, and opens the door.
    pub(crate) fn wait_until_ready(&mut self) {
        let Some(daemon) = &mut self.daemon else {
            return;
        };
        if daemon.ready(STARTING) {
            self.door.open(daemon.sources.clone());
        } else if !self.is_gone() {
            self.complain(format!("the daemon was not ready within {STARTING:?}"));
        }
    }

    /// Kills the daemon.
    pub(crate) fn crash(&mut self) {
        if self.is_gone() {
            return;
        }
        self.daemon = None;
        self.door.shut();
        self.tally.crashes += 1;
    }

    /// Whether the daemon has ended by itself, which it must not.
    pub(crate) fn is_gone(&mut self) -> bool {
        let Some(daemon) = &mut self.daemon else {
            return true;
        };
        let Some(status) = daemon.ended() else {
            return false;
        };
        self.daemon = None;
        self.complain(format!("the daemon ended by itself: {status}"));
        true
    }

    pub(crate) fn complain(&mut self, complaint: String) {
        self.complaints.push(complaint);
    }

    pub(crate) fn has_failed(&self) -> bool {
        !self.complaints.is_empty()
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// What the daemon of the moment says of itself.
    pub(crate) fn books(&self) -> Option<Books> {
        let admin = self.daemon.as_ref()?.admin()?;
        Books::read(admin).ok()
    }

    pub(crate) fn progress(&mut self) -> Result<Progress, Error> {
        self.tail.read(&mut self.rows, &self.issued)?;
        let file = self.rows.judge(&self.issued);
        let tcp = self.receiver.arrivals().judge(&self.issued);
        Ok(Progress {
            delivered: file.distinct.min(tcp.distinct),
            duplicates: file.duplicates + tcp.duplicates,
        })
    }

    /// Waits until everything is delivered; what the daemon says then. What it could not do it does again after
    /// another start.
    fn rest(&mut self) -> Result<Option<Books>, Error> {
        let mut last = None;
        let mut since = Instant::now();
        let mut starts = 0;
        while !self.is_gone() {
            if self.is_interrupted() {
                return Err(Error::Interrupted);
            }
            let books = self.books();
            if books.as_ref().is_some_and(Books::is_at_rest) {
                return Ok(books);
            }
            if books != last {
                since = Instant::now();
                last = books;
            }
            let held = last.as_ref().is_some_and(|books| books.held() > 0);
            if held && since.elapsed() > HELD && starts < STARTS {
                starts += 1;
                self.tally.returns += 1;
                let code = self.stop();
                if code != Some(0) {
                    self.complain(format!(
                        "SIGTERM ended the daemon with {code:?}, expected code 0"
                    ));
                }
                self.start()?;
                self.wait_until_ready();
                since = Instant::now();
            } else if since.elapsed() > STALLED {
                break;
            }
            pause(LOOK);
        }
        Ok(last)
    }

    /// Ends the daemon with SIGTERM; with which code it ended.
    fn stop(&mut self) -> Option<i32> {
        self.door.shut();
        if self.is_gone() {
            return None;
        }
        let patience = self.options.settings.drain + STARTING;
        self.daemon.take()?.terminate(patience)
    }
}
