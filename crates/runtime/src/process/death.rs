use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// How a child came to be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// A signal ended it.
    Signal,
    /// It exited.
    Exit,
    /// It took longer than it may, and was killed.
    Deadline,
    /// What it said did not fit, and it was killed.
    Protocol,
}

impl How {
    /// All of them, in the order of their numbers.
    pub const ALL: [How; 4] = [How::Signal, How::Exit, How::Deadline, How::Protocol];

    /// One word: a metric label, and the reason of a dead letter behind `worker_`.
    pub fn name(self) -> &'static str {
        match self {
            How::Signal => "signal",
            How::Exit => "exit",
            How::Deadline => "deadline",
            How::Protocol => "protocol",
        }
    }

    /// The reason under which an event is set aside that did this.
    pub fn reason(self) -> &'static str {
        match self {
            How::Signal => "worker_signal",
            How::Exit => "worker_exit",
            How::Deadline => "worker_deadline",
            How::Protocol => "worker_protocol",
        }
    }
}

/// The end of a child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// How it came.
    pub how: How,
    /// The same for people: which signal, which exit code, what did not fit.
    pub detail: String,
    /// The last that it wrote to its standard error.
    pub said: String,
    /// Which event of its request it was at, if it could still tell.
    pub(crate) hint: Option<u32>,
    /// A signal ended it that no stage raises by mistake.
    pub(super) outside: bool,
}

impl Death {
    /// Of a child that ended by itself.
    pub(super) fn ended(status: Option<ExitStatus>, said: String) -> Self {
        // The kernel sends it where memory runs out, and people do.
        let outside = status.is_some_and(|status| status.signal() == Some(9));
        let (how, detail) = match status {
            Some(status) => match (status.signal(), status.code()) {
                (Some(signal), _) => (How::Signal, format!("ended by {}", name(signal))),
                (None, code) => (How::Exit, format!("exited with {}", code.unwrap_or(-1))),
            },
            None => (How::Exit, "ended".to_owned()),
        };
        Death {
            how,
            detail,
            said,
            hint: None,
            outside,
        }
    }

    /// Of a child that was killed by us.
    pub(super) fn killed(how: How, detail: impl Into<String>, said: String) -> Self {
        Death {
            how,
            detail: detail.into(),
            said,
            hint: None,
            outside: false,
        }
    }

    /// Whether somebody else ended it, which says nothing of its stages.
    pub fn is_from_outside(&self) -> bool {
        self.outside
    }
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)?;
        if !self.said.is_empty() {
            write!(f, "; it said: {}", self.said)?;
        }
        Ok(())
    }
}

fn name(signal: i32) -> String {
    let name = match signal {
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}
