//! The admin listener of a Millpond daemon: health, metrics and views of the queues and the ledger.
//!
//! It reads, and hands on what somebody with the token orders ([`Control`]). Whoever runs pipelines describes them in an [`Observed`], [`bind`]s a loopback
//! address and lets [`Admin::serve`] run; every number is read when somebody asks, so that being
//! observed costs the data path nothing.
//!
//! # Endpoints
//!
//! `/` is the live page, which shows all that follows in a browser. The others answer `GET` and `HEAD`, but for
//! those that change something.
//!
//! | path | answer |
//! |---|---|
//! | `/livez` | 200 `ok`, or 503 and why the process should be restarted |
//! | `/readyz` | 200 `ok`, or 503 and why it should get no traffic |
//! | `/metrics` | OpenMetrics text |
//! | `/version` | JSON: name, version, target |
//! | `/api/v1/openapi.json` | JSON: these, as OpenAPI describes them |
//! | `/api/v1/overview` | JSON: all that the live page shows, with rates |
//! | `/api/v1/live` | the overview, pushed once a second as server-sent events |
//! | `/api/v1/history` | JSON: the last 15 minutes, second by second |
//! | `/api/v1/queues` | JSON: every queue with depth, capacity, age, shards; the budget |
//! | `/api/v1/ledger` | JSON: the terms of both equations, and what they cannot account for |
//! | `/api/v1/workers` | JSON: how many workers there are and may be, and the last decisions about that with their reasons |
//! | `/api/v1/pipelines` | JSON: which pipelines run, which are paused and why, how often each has crashed |
//! | `/api/v1/service` | JSON: what it takes to run the pipelines, in numbers that grow |
//! | `/api/v1/dlq` | JSON: what is in the store of dead letters, by pipeline, stage and reason; how the last order does |
//! | `/api/v1/dlq/latest` | with the token: JSON: the letters that came last, with how their events begin |
//! | `/api/v1/tap` | with the token: events that pass a place, sampled, as server-sent events; `?source=web&where=type=click&limit=10&rate=5` |
//! | `POST /api/v1/dlq/replay` | with the token: 202 and the number of an order to run letters again, `{"where":["reason=refused"],"again":false}` |
//! | `POST /api/v1/dlq/purge` | the same, to delete them |
//! | `POST /api/v1/workers` | with the token: sets how many workers there are, `{"workers":4}` |
//! | `POST /api/v1/pipelines/pause` | with the token: 200 once a pipeline is paused, `{"pipeline":"clicks"}` |
//! | `POST /api/v1/reload` | with the token: 200 with the keys that changed once they are taken over, 409 or 422 if nothing is |
//! | `POST /api/v1/pipelines/resume` | with the token: 200 once a paused pipeline goes on, `{"pipeline":"clicks"}` |
//!
//! Anything else is answered with an `application/problem+json` body. The listener refuses to bind
//! beyond loopback, and requests whose `Host` is neither a loopback name nor one that it was told of
//! ([`Admin::known_as`]): a page in a browser that had its own name resolve to this machine. Silent and slow
//! clients are closed, and when all places are taken the oldest connection gives way.
//!
//! Once a second everything is looked at, for the rates and the past; what is seen is written down as a
//! document only while somebody listens, once for all of them.
//!
//! # Metrics
//!
//! Counters end in `_total`; times are in seconds. No label comes from event data.
//!
//! | name | labels | |
//! |---|---|---|
//! | `millpond_events_received_total` | source | events taken in, refused ones included |
//! | `millpond_bytes_received_total` | source | bytes read |
//! | `millpond_connections` | source | open connections or files |
//! | `millpond_connections_opened_total` | source | ever opened |
//! | `millpond_connections_closed_total` | source, reason | closed or refused by the source itself |
//! | `millpond_requests_total` | source | requests that were acknowledged |
//! | `millpond_requests_refused_total` | source, reason | requests that were refused |
//! | `millpond_duplicates_total` | source | events that were taken in before, and so not again |
//! | `millpond_backpressure_seconds_total` | source | time spent waiting for the budget, summed over connections |
//! | `millpond_pipeline_events_received_total` | pipeline | inputs; equals the sum of the next six and `millpond_live_events` |
//! | `millpond_pipeline_events_delivered_total` | pipeline | confirmed by every required sink |
//! | `millpond_events_filtered_total` | pipeline | refused by a stage |
//! | `millpond_events_consumed_total` | pipeline | became other events |
//! | `millpond_events_absorbed_total` | pipeline | went into a stage's state |
//! | `millpond_pipeline_events_dead_lettered_total` | pipeline | inputs set aside |
//! | `millpond_events_dropped_total` | pipeline, reason | inputs given up |
//! | `millpond_live_events` | pipeline | inputs on their way |
//! | `millpond_unaccounted_events` | pipeline | 0, unless events leaked |
//! | `millpond_events_dead_lettered_total` | pipeline, stage, reason | letters written, those of derived events included |
//! | `millpond_pipeline_paused` | pipeline | 1 while it is paused because it crashed too often |
//! | `millpond_pipeline_behind_events` | pipeline | what the journal keeps for it since it was paused, until it has caught up |
//! | `millpond_pipeline_crashes_total` | pipeline, explained | crashes of its lines; explained: an event was quarantined for it |
//! | `millpond_state_lost_total` | pipeline | lines rebuilt without the state that their stages had |
//! | `millpond_stage_events_total` | pipeline, stage, outcome | outcome: passed, filtered, consumed, absorbed, dropped, failed, emitted |
//! | `millpond_stage_duration_seconds` | pipeline, stage | time per event, of a sample of the events |
//! | `millpond_queue_wait_seconds` | pipeline | from a batch's way into its mailbox until a worker began it |
//! | `millpond_batch_duration_seconds` | pipeline | how long a worker took for a batch |
//! | `millpond_events_delivered_total` | sink | rows confirmed by the sink |
//! | `millpond_sink_rows_routed_total` | sink | rows meant for it; equals delivered + dead-lettered + dropped + live |
//! | `millpond_sink_rows_dead_lettered_total` | sink | rows it refused for good |
//! | `millpond_sink_rows_dropped_total` | sink, reason | rows given up |
//! | `millpond_sink_live_rows` | sink | rows on their way |
//! | `millpond_sink_bytes_total` | sink | bytes delivered |
//! | `millpond_sink_retries_total` | sink | attempts that failed and were made again |
//! | `millpond_sink_up` | sink | 1 while it takes rows, 0 while it retries or has ended |
//! | `millpond_sink_state` | sink, state | 1 for what the sink is doing, 0 for the others: running, retrying, open, half_open, held, closed, ended |
//! | `millpond_sink_buffer_events` | sink | rows in its disk buffer that are not delivered |
//! | `millpond_sink_buffer_bytes` | sink | what these take up |
//! | `millpond_end_to_end_latency_seconds` | sink | from read to confirmed |
//! | `millpond_dead_letters_deleted_total` | | dead letters deleted to make room for others |
//! | `millpond_dead_letters_bytes` | | bytes in the store of dead letters |
//! | `millpond_journal_events_kept_total` | | events made durable |
//! | `millpond_journal_bytes_kept_total` | | bytes of them |
//! | `millpond_journal_events_passed_total` | | events handed to the pipelines; kept + restored = passed + waiting |
//! | `millpond_journal_events_replayed_total` | | those of them that were read from disk |
//! | `millpond_journal_events_restored_total` | | those of them that were there before the start |
//! | `millpond_journal_events_refused_total` | | could not be made durable; their sources were told |
//! | `millpond_journal_waiting_events` | | made durable since the start and not handed on yet |
//! | `millpond_journal_backlog_records` | | records that are durable and not committed |
//! | `millpond_journal_held_records` | | records that wait to be done again at the next start |
//! | `millpond_journal_full` | | 1 while the journal or its disk is full: sources wait |
//! | `millpond_journal_problems` | | records, or ranges of them, that could not be read or handed on |
//! | `millpond_journal_sync_seconds` | | how long it took to make a group durable |
//! | `millpond_queue_depth_events` | queue | events that wait |
//! | `millpond_queue_depth_bytes` | queue | bytes that they pin |
//! | `millpond_queue_capacity_events` | queue | the bound on the former, where there is one |
//! | `millpond_queue_capacity_bytes` | queue | the bound on the latter |
//! | `millpond_queue_oldest_age_seconds` | queue | how long the oldest has waited |
//! | `millpond_budget_used_bytes` | | bytes out on permits; above the capacity in an overdraft |
//! | `millpond_budget_capacity_bytes` | | the memory budget |
//! | `millpond_budget_waiting` | | readers that wait for it |
//! | `millpond_workers` | | workers that run |
//! | `millpond_workers_wanted` | | workers that there should be now |
//! | `millpond_workers_min` | | the fewest there may be |
//! | `millpond_workers_max` | | the most there may be |
//! | `millpond_worker_busy_seconds_total` | | time spent on shards, summed over workers |
//! | `millpond_worker_on_core_seconds_total` | | time that workers were on a core or waited for one, where that is counted |
//! | `millpond_worker_restarts_total` | | lines rebuilt after a panic |
//! | `millpond_worker_processes_replaced_total` | reason | processes of workers that were replaced; reason: signal, exit, deadline, protocol; only with `isolation = "process"`, as the next |
//! | `millpond_worker_events_set_aside_total` | | events that were set aside because processes of workers ended over them |
//! | `millpond_spans_total` | outcome | spans of chunks that were followed, where they are sent to a collector; outcome: sent, failed, dropped |
//! | `millpond_build_info` | version, target | 1 |

mod api;
mod control;
mod error;
mod exposition;
mod families;
mod history;
mod host;
mod journal;
mod letters;
mod live;
mod moment;
mod observed;
mod orders;
mod overview;
mod pace;
mod page;
mod pipelines;
mod query;
mod recorder;
mod reply;
mod router;
mod seen;
mod server;
mod service;
mod tap_stream;
mod taps;
mod workers;

pub use control::{Control, NotReloaded, Order, OrderKind, Wanted};
pub use error::AdminError;
pub use journal::JournalObserved;
pub use letters::LatestLetter;
pub use observed::{
    BufferStore, BuildInfo, Circuit, Health, KeptLetters, LetterCount, LetterStore, Observed,
    PipelineObserved, Read, SinkObserved, SinkState, SpanCounts, StageCounts, WorkerCounts,
    WorkerDecision, WorkerProcesses,
};
pub use pipelines::{PausedPipeline, Supervision};
pub use server::{Admin, bind};
pub use service::service;
pub use taps::{ShowSample, TapAt, TapRefusal, TapWanted, Tapped, Taps};
