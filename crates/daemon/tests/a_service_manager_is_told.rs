//! A service manager that asks for it is told when the daemon runs, that it lives, and when it ends.

mod common;

use std::os::unix::net::UnixDatagram;

use common::Place;

#[test]
fn it_hears_that_the_daemon_runs_lives_and_ends() {
    let place = Place::new(
        "[sources.in]\ntype = \"tcp\"\nlisten = \"127.0.0.1:0\"\n\
         [sinks.out]\ntype = \"blackhole\"\n[admin]\nlisten = \"127.0.0.1:0\"\n",
    );
    let path = place.path("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket
        .set_read_timeout(Some(common::PATIENCE))
        .expect("set");
    let heard = || {
        let mut bytes = [0; 64];
        let length = socket.recv(&mut bytes).expect("something is told");
        String::from_utf8(bytes[..length].to_vec()).expect("text")
    };
    let given = format!("NOTIFY_SOCKET={}", path.display());
    let daemon = place
        .start_under(&["env", &given, "WATCHDOG_USEC=300000"])
        .ready();
    assert_eq!(heard(), "READY=1");
    for _ in 0..3 {
        assert_eq!(heard(), "WATCHDOG=1");
    }
    daemon.terminate().expect_clean();
    loop {
        match heard().as_str() {
            "WATCHDOG=1" => {}
            other => break assert_eq!(other, "STOPPING=1"),
        }
    }
}
