//! A key that is bound to a pipeline sends to that one alone, with a journal and without.

mod common;

use common::Place;
use common::http::Client;

#[test]
fn what_comes_with_it_goes_nowhere_else() {
    for journal in ["", "[journal]\ndir = \"{dir}/journal\"\n"] {
        let place = Place::new(&format!(
            "[sources.web]\ntype = \"http\"\nlisten = \"127.0.0.1:0\"\nack = \"delivered\"\n\
             [[sources.web.auth]]\nname = \"one\"\nfile = \"{{dir}}/one\"\npipelines = [\"a\"]\n\
             [[sources.web.auth]]\nname = \"all\"\nfile = \"{{dir}}/all\"\n\
             [pipelines.a]\nto = [\"a\"]\n[pipelines.b]\nto = [\"b\"]\n\
             [sinks.a]\ntype = \"file\"\npath = \"{{dir}}/a.ndjson\"\n\
             [sinks.b]\ntype = \"file\"\npath = \"{{dir}}/b.ndjson\"\n\
             {journal}[admin]\nlisten = \"127.0.0.1:0\"\n"
        ));
        std::fs::write(place.path("one"), "secret-of-one\n").expect("written");
        std::fs::write(place.path("all"), "secret-of-all\n").expect("written");
        let daemon = place.start().ready();
        // On one connection, in turns.
        let mut client = Client::connect(&daemon, "web");
        for event in 0..20 {
            let key = if event % 2 == 0 { "one" } else { "all" };
            let shown = format!("Bearer secret-of-{key}");
            let line = format!("{{\"key\":\"{key}\",\"event\":{event}}}\n");
            let answer = client
                .post_to("/v1/events", &[("authorization", &shown)], line.as_bytes())
                .expect("an answer");
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
        drop(client);
        assert_eq!(daemon.metric("millpond_events_received_total") as u64, 20);
        daemon.terminate().expect_clean();
        assert_eq!(place.lines("a.ndjson").len(), 20, "{journal}");
        let b = place.lines("b.ndjson");
        assert_eq!(b.len(), 10, "{journal}");
        assert!(b.iter().all(|line| line.starts_with(b"{\"key\":\"all\"")));
    }
}
