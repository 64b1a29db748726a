//! Which cores a thread runs on, and so what it starts.

/// The cores that this process may use; none where the system does not tell.
#[cfg(target_os = "linux")]
pub(super) fn allowed() -> Vec<usize> {
    let Ok(set) = nix::sched::sched_getaffinity(THIS_THREAD) else {
        return Vec::new();
    };
    let cores = 0..nix::sched::CpuSet::count();
    cores
        .filter(|core| set.is_set(*core).unwrap_or(false))
        .collect()
}

/// Binds the calling thread, and what it starts from now on, to `cores`; to none means to leave it as it is.
#[cfg(target_os = "linux")]
pub(super) fn bind(cores: &[usize]) -> anyhow::Result<()> {
    use anyhow::Context;
    let mut set = nix::sched::CpuSet::new();
    for core in cores {
        set.set(*core)
            .with_context(|| format!("there is no core {core}"))?;
    }
    if cores.is_empty() {
        return Ok(());
    }
    nix::sched::sched_setaffinity(THIS_THREAD, &set)
        .with_context(|| format!("cannot bind a thread to the cores {cores:?}"))
}

#[cfg(target_os = "linux")]
const THIS_THREAD: nix::unistd::Pid = nix::unistd::Pid::from_raw(0);

#[cfg(not(target_os = "linux"))]
pub(super) fn allowed() -> Vec<usize> {
    Vec::new()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn bind(_: &[usize]) -> anyhow::Result<()> {
    Ok(())
}

/// Runs `start` on a thread that is bound to `cores`, which whatever it starts takes over.
pub(super) fn on<T: Send>(cores: &[usize], start: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
    std::thread::scope(|scope| {
        let starter = scope.spawn(|| bind(cores).map(|()| start()));
        starter
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Where the two sides of a comparison run. An empty list is the system's choice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cores {
    pub(super) sender: Vec<usize>,
    /// What a subject with one thread gets: all but the sender's. It would lose time if the two shared a core, while a
    /// subject with several threads spreads over what the sender leaves; so that one gets all of them.
    pub(super) single: Vec<usize>,
}

impl Cores {
    /// The sender on the first of `allowed`. With one core there is nothing to choose.
    pub(super) fn apart(allowed: &[usize]) -> Self {
        match allowed {
            [sender, rest @ ..] if !rest.is_empty() => Self {
                sender: vec![*sender],
                single: rest.to_vec(),
            },
            _ => Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_with_one_thread_never_shares_the_sender_s_core() {
        let cores = Cores::apart(&[2, 3, 5]);
        assert_eq!((cores.sender, cores.single), (vec![2], vec![3, 5]));
        assert_eq!(Cores::apart(&[0]), Cores::default());
        assert_eq!(Cores::apart(&[]), Cores::default());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_bound_thread_hands_its_cores_on() {
        let first = allowed()[..1].to_vec();
        let bound = first.clone();
        let seen = std::thread::spawn(move || {
            bind(&bound).unwrap();
            std::thread::spawn(allowed).join().unwrap()
        });
        assert_eq!(seen.join().unwrap(), first);
        assert!(bind(&[100_000]).is_err());
    }
}
