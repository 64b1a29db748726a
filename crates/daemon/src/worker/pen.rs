//! What the process of a worker may not do.

use landlock::{
    ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetError, RulesetStatus, Scope,
};
use rustix::process::{
    Pid, Resource, Rlimit, Signal, getppid, set_parent_process_death_signal, setrlimit,
};

use super::orders::Orders;

/// The most it may write into a file, which is its standard error.
const SAID: u64 = 1 << 20;

/// It ends with the daemon, and has no more memory than it may. A stage that crashes leaves no core: it will
/// crash again before it is set aside, and each would take longer to write than a process to start.
pub(super) fn limit(orders: &Orders) -> Result<(), String> {
    let failed = |what: &str, error| format!("{what}: {error}");
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| failed("it cannot be made to end with the daemon", error))?;
    let parent = getppid().map(Pid::as_raw_nonzero);
    if parent.and_then(|id| u32::try_from(id.get()).ok()) != Some(orders.parent) {
        return Err("the daemon is gone".to_owned());
    }
    for (resource, most) in [
        (Resource::As, orders.memory),
        (Resource::Fsize, SAID),
        (Resource::Core, 0),
    ] {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        setrlimit(resource, limit)
            .map_err(|error| failed(&format!("its limit {resource:?} cannot be set"), error))?;
    }
    Ok(())
}

/// From here on it opens no file, no connection, and sends no signal to others, as far as the kernel can see to
/// that. What it cannot is said.
pub(super) fn close() -> String {
    match restrict() {
        Ok(RulesetStatus::FullyEnforced) => String::new(),
        Ok(RulesetStatus::PartiallyEnforced) => {
            "this kernel's Landlock is older than what closes all ways out of the processes of workers: some stay open"
                .to_owned()
        }
        Ok(RulesetStatus::NotEnforced) => {
            "this kernel has no Landlock: the processes of workers may open files and connections like the daemon"
                .to_owned()
        }
        Err(error) => format!("the processes of workers may open files and connections like the daemon: {error}"),
    }
}

fn restrict() -> Result<RulesetStatus, RulesetError> {
    let all = ABI::V6;
    let restricted = Ruleset::default()
        .handle_access(AccessFs::from_all(all))?
        .handle_access(AccessNet::from_all(all))?
        .scope(Scope::from_all(all))?
        .create()?
        .restrict_self()?;
    Ok(restricted.ruleset)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{self, ErrorKind, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn refused<T>(tried: io::Result<T>) -> bool {
        tried.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
    }

    #[test]
    fn behind_it_no_file_is_opened_and_no_connection_made() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("secret");
        std::fs::write(&file, "secret").expect("written");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (inside, new) = (file.clone(), folder.path().join("new"));
        // It holds for the thread that asked for it, and for what that starts.
        let tries = std::thread::spawn(move || {
            let open = close();
            let files = [
                refused(File::open(&inside)),
                refused(File::create(&new)),
                refused(std::fs::remove_file(&inside)),
                refused(std::fs::read_dir("/")),
            ];
            let net = [
                refused(TcpStream::connect(address)),
                refused(TcpListener::bind("127.0.0.1:0")),
            ];
            (open, files, net)
        });
        let (open, files, net) = tries.join().expect("it tries");
        if open.contains("like the daemon") {
            let _ = writeln!(io::stderr(), "skipped: {open}");
            return;
        }
        assert_eq!(files, [true; 4], "{open}");
        match &*open {
            "" => assert_eq!(net, [true; 2]),
            // The network came later than the files.
            partly => drop(writeln!(io::stderr(), "skipped in part: {partly}")),
        }
        // Everybody else can.
        assert!(File::open(&file).is_ok() && TcpStream::connect(address).is_ok());
    }
}
