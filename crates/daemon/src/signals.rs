//! What the world asks of the process.

use std::io;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// SIGTERM or SIGINT: end.
    Stop,
    /// SIGHUP: the files were moved away.
    Reopen,
}

/// Hands every signal to `on`, on a thread of its own, until the process ends.
///
/// # Errors
/// When the handlers cannot be installed or the thread cannot be started.
pub(crate) fn watch(mut on: impl FnMut(Signal) + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                on(if signal == SIGHUP {
                    Signal::Reopen
                } else {
                    Signal::Stop
                });
            }
        })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_signal_is_told_for_what_it_asks() {
        let (tell, told) = mpsc::channel();
        watch(move |signal| tell.send(signal).unwrap()).unwrap();
        let patience = Duration::from_secs(10);
        for (signal, asked) in [
            (SIGHUP, Signal::Reopen),
            (SIGTERM, Signal::Stop),
            (SIGINT, Signal::Stop),
        ] {
            signal_hook::low_level::raise(signal).unwrap();
            assert_eq!(told.recv_timeout(patience), Ok(asked));
        }
    }
}
