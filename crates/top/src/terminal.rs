use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::{DefaultTerminal, Frame};

use crate::app::{App, Wish};
use crate::feed::{self, Heard};
use crate::view;

/// A daemon that says nothing for this long is called silent.
const SILENT: Duration = Duration::from_secs(4);

/// How much may wait to be drawn.
const WAITING: usize = 16;

/// The terminal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TopError {
    /// It does not do what it should.
    #[error("the terminal cannot be drawn on: {0}")]
    Terminal(#[from] io::Error),
    /// What hears the daemon, or the keys, panicked.
    #[error("it panicked, and said where")]
    Panicked,
}

#[derive(Debug)]
enum News {
    Heard(Heard),
    Wish(Wish),
    /// The terminal has another size.
    Resized,
    /// There are no keys any more.
    Deaf(io::Error),
    /// A thread that tells news panicked.
    Fell,
}

impl From<Heard> for News {
    fn from(heard: Heard) -> Self {
        News::Heard(heard)
    }
}

/// Ends [`watch`] from elsewhere: when a signal comes, say.
#[derive(Clone, Debug)]
pub struct Remote {
    tell: SyncSender<News>,
}

impl Remote {
    /// Leaves, with the terminal as it was. Does nothing once it has been left.
    pub fn leave(&self) {
        let _ = self.tell.send(News::Wish(Wish::Leave));
    }
}

/// Draws the daemon at `address` on the terminal until somebody leaves, and gives the terminal back as it was, also when
/// something panics. `remote` is handed what ends it from elsewhere. A daemon that is not there, or goes away, is looked
/// for again and again.
///
/// # Errors
/// When the terminal cannot be used.
pub fn watch(address: SocketAddr, remote: impl FnOnce(Remote)) -> Result<(), TopError> {
    let (tell, told) = sync_channel(WAITING);
    let (feeding, typing) = (tell.clone(), tell.clone());
    remote(Remote { tell });
    on_terminal(|screen| {
        teller(feeding, move |tell| feed::listen(address, tell));
        teller(typing, keys);
        show(screen, App::new(address), &told)
    })
}

/// Takes the terminal, and gives it back as it was whatever becomes of what is done with it.
fn on_terminal(act: impl FnOnce(&mut Screen) -> Result<(), TopError>) -> Result<(), TopError> {
    // Puts the terminal back in the hook of panics, too.
    let terminal = ratatui::try_init()?;
    let mut screen = Screen {
        terminal,
        gone: Gone::default(),
    };
    screen.gone.watch_panics();
    let ended = act(&mut screen);
    // The panic has put it back before it said where it was, and a second time would write over that.
    if *screen.gone.lock() {
        return Err(TopError::Panicked);
    }
    ratatui::try_restore()?;
    ended
}

/// The terminal, as long as no panic has given it back.
struct Screen {
    terminal: DefaultTerminal,
    gone: Gone,
}

impl Screen {
    fn draw(&mut self, frame: impl FnOnce(&mut Frame<'_>)) -> Result<(), TopError> {
        let gone = self.gone.lock();
        if *gone {
            return Err(TopError::Panicked);
        }
        self.terminal.draw(frame)?;
        Ok(())
    }
}

/// Whether a panic has given the terminal back. Locked while a frame is drawn, and while a panic does that and says
/// where it was: neither comes into the middle of the other.
#[derive(Clone, Default)]
struct Gone(Arc<Mutex<bool>>);

impl Gone {
    fn lock(&self) -> MutexGuard<'_, bool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hears of panics from now on, before anything else that does.
    fn watch_panics(&self) {
        let (gone, drawing, before) = (self.clone(), thread::current().id(), take_hook());
        set_hook(Box::new(move |info| {
            // Who draws may hold the lock, and draws no more once it panics.
            let elsewhere = thread::current().id() != drawing;
            let mut locked = elsewhere.then(|| gone.lock());
            if let Some(gone) = &mut locked {
                **gone = true;
            }
            before(info);
        }));
    }
}

/// Starts what tells news. When it panics, that has given the terminal back already: nothing may be drawn any more.
fn teller(
    tell: SyncSender<News>,
    act: impl FnOnce(&SyncSender<News>) + Send + 'static,
) -> JoinHandle<()> {
    thread::spawn(move || {
        if catch_unwind(AssertUnwindSafe(|| act(&tell))).is_err() {
            // Wakes whoever draws. What waits in front of it is not drawn any more.
            let _ = tell.send(News::Fell);
        }
    })
}

fn show(screen: &mut Screen, mut app: App, told: &Receiver<News>) -> Result<(), TopError> {
    let mut heard = Instant::now();
    loop {
        screen.draw(|frame| view::draw(&app, frame))?;
        let silent_in = SILENT.saturating_sub(heard.elapsed());
        let news = told.recv_timeout(silent_in.max(Duration::from_millis(250)));
        match news {
            Ok(News::Heard(said)) => {
                heard = Instant::now();
                app.hear(said);
            }
            Ok(News::Wish(wish)) if app.wish(wish) => return Ok(()),
            Ok(News::Wish(_) | News::Resized) => {}
            Ok(News::Fell) => return Err(TopError::Panicked),
            Ok(News::Deaf(error)) => return Err(error.into()),
            Err(RecvTimeoutError::Timeout) => app.miss(),
            // Nobody is left who could end it.
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

/// Hands on what is typed, until nobody takes it.
fn keys(tell: &SyncSender<News>) {
    loop {
        let news = match event::read() {
            Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => wish(key).map(News::Wish),
            Ok(Event::Resize(..)) => Some(News::Resized),
            Ok(_) => None,
            Err(error) => {
                let _ = tell.send(News::Deaf(error));
                return;
            }
        };
        if news.is_some_and(|news| tell.send(news).is_err()) {
            return;
        }
    }
}

fn wish(key: KeyEvent) -> Option<Wish> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c' | 'd') if control => Some(Wish::Leave),
        KeyCode::Char('q' | 'Q') => Some(Wish::Leave),
        KeyCode::Esc => Some(Wish::Back),
        KeyCode::Tab | KeyCode::Right | KeyCode::Char('l') => Some(Wish::Next),
        KeyCode::BackTab | KeyCode::Left | KeyCode::Char('h') => Some(Wish::Before),
        KeyCode::Down | KeyCode::Char('j') => Some(Wish::Down),
        KeyCode::Up | KeyCode::Char('k') => Some(Wish::Up),
        KeyCode::Char('z') => Some(Wish::Zoom),
        KeyCode::Char('?') | KeyCode::F(1) => Some(Wish::Help),
        KeyCode::Char(digit @ '1'..='9') => Some(Wish::To(digit as usize - '1' as usize)),
        _ => None,
    }
}

#[cfg(test)]
#[path = "../../daemon/tests/common/tmux.rs"]
mod tmux;

#[cfg(test)]
mod tests {
    use super::tmux::Tmux;
    use super::*;

    /// Draws, waits for a key, and panics.
    fn panicking(act: impl FnOnce(&mut Screen) -> Result<(), TopError>) {
        let ended = on_terminal(|screen| {
            screen.draw(|frame| frame.render_widget("drawn over all", frame.area()))?;
            event::read()?;
            act(screen)
        });
        assert!(matches!(ended, Err(TopError::Panicked)));
    }

    #[test]
    #[ignore = "takes the terminal: another test runs it in one of its own"]
    fn panics_while_it_draws() {
        panicking(|_| panic!("lost its way"));
    }

    #[test]
    #[ignore = "takes the terminal: another test runs it in one of its own"]
    fn panics_while_it_listens() {
        let (tell, told) = sync_channel(0);
        panicking(|screen| {
            teller(tell, |tell| {
                // Taken once everything is drawn, and nothing is new to draw then.
                tell.send(News::Resized).unwrap();
                panic!("lost its way");
            });
            show(screen, App::new(([127, 0, 0, 1], 1).into()), &told)
        });
    }

    #[test]
    #[ignore = "takes the terminal: another test runs it in one of its own"]
    fn panics_while_much_waits_to_be_drawn() {
        let (tell, told) = sync_channel(WAITING);
        panicking(|screen| {
            let told_all = teller(tell, |tell| {
                (0..3).for_each(|_| tell.send(News::Resized).unwrap());
                tell.send(News::Wish(Wish::Help)).unwrap();
                panic!("lost its way");
            });
            // All of it is told, and the terminal given back, before the first frame.
            told_all.join().unwrap();
            show(screen, App::new(([127, 0, 0, 1], 1).into()), &told)
        });
    }

    #[test]
    fn a_panic_gives_the_terminal_back_and_says_where_it_was() {
        let this = std::env::current_exe().unwrap();
        for (case, last) in [
            ("panics_while_it_draws", "left with 101"),
            ("panics_while_it_listens", "left with 0"),
            ("panics_while_much_waits_to_be_drawn", "left with 0"),
        ] {
            let test = format!("terminal::tests::{case}");
            let run = format!(
                "RUST_BACKTRACE=0 '{}' --ignored --nocapture --exact {test}",
                this.display()
            );
            let Some(tmux) = Tmux::run(&run) else { return };
            tmux.until(&["drawn over all"]);
            tmux.keys(&["x"]);
            let screen = tmux.until(&["lost its way", last, "icanon"]);
            assert!(!screen.contains("drawn over all"), "{screen}");
            assert!(!screen.contains("127.0.0.1:1"), "{screen}");
        }
    }

    #[test]
    fn the_keys_that_the_help_names_do_what_it_says() {
        let plain = |code| wish(KeyEvent::new(code, KeyModifiers::NONE));
        assert_eq!(plain(KeyCode::Char('q')), Some(Wish::Leave));
        assert_eq!(plain(KeyCode::Char('c')), None);
        let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(wish(interrupt), Some(Wish::Leave));
        assert_eq!(plain(KeyCode::Esc), Some(Wish::Back));
        assert_eq!(plain(KeyCode::Tab), Some(Wish::Next));
        assert_eq!(plain(KeyCode::BackTab), Some(Wish::Before));
        assert_eq!(plain(KeyCode::Char('3')), Some(Wish::To(2)));
        assert_eq!(plain(KeyCode::Char('?')), Some(Wish::Help));
    }
}
