// Stages, sinks and the ledger.

import { at, figure, keyed, row, say } from "./dom.js";
import { bytes, count, percent, plural, rate, span } from "./format.js";

export function showTables(overview) {
  stages(overview);
  sinks(overview);
  ledger(overview);
}

function stages({ pipelines }) {
  const all = pipelines.flatMap((pipeline) =>
    pipeline.stages.map((stage) => ({ ...stage, pipeline: pipeline.name })));
  const make = () => row("pipeline", "name", "n:events", "n:passed", "n:time", "n:failed");
  keyed(at("stages"), all, (one) => `${one.pipeline}\n${one.name}`, make, (parts, one) => {
    say(parts.pipeline, one.pipeline);
    say(parts.name, one.name);
    say(parts.events, rate(one.events_per_second));
    const share = one.events_per_second > 0 ? one.passed_per_second / one.events_per_second : null;
    say(parts.passed, percent(share));
    say(parts.time, span(one.seconds_per_event));
    const now = one.failed_per_second > 0 ? `, ${rate(one.failed_per_second)}` : "";
    figure(parts.failed, one.failed, `${count(one.failed)}${now}`);
    parts.failed.dataset.state = one.failed_per_second > 0 ? "warn" : "calm";
  });
}

function sinks(overview) {
  const make = () => row("name", "state", "n:rows", "n:bytes", "n:p99", "n:waiting", "n:retries");
  keyed(at("sinks"), overview.sinks, (one) => one.name, make, (parts, one) => {
    say(parts.name, one.name.replace("_", " "));
    say(parts.state, doing(one));
    parts.state.dataset.state = { running: "good", ended: "calm" }[one.label] ?? "warn";
    say(parts.rows, rate(one.delivered_per_second));
    say(parts.bytes, one.bytes_per_second === null ? "\u2013" : `${bytes(one.bytes_per_second)}/s`);
    say(parts.p99, span(one.p99_seconds));
    const disk = one.buffer ? `, ${count(one.buffer.rows)} on disk` : "";
    say(parts.waiting, `${count(one.queue.events)}${disk}`);
    say(parts.retries, count(one.retries));
  });
}

function doing({ status, label }) {
  const held = status.seconds === undefined ? "" : ` for ${span(status.seconds)}`;
  switch (label) {
    case "retrying":
      return `retrying${held}: ${status.error}`;
    case "open":
      return `breaker open${held}, ${plural(status.failures, "failure", "failures")}: ${status.error}`;
    case "half_open":
      return `breaker half open, tries a few rows: ${status.error}`;
    case "held":
      return `waits${held} for room among the dead letters`;
    case "closed":
      return "its destination went away";
    default:
      return label;
  }
}

const ENDS = ["delivered", "filtered", "consumed", "absorbed", "dead_lettered", "dropped", "live"];
const SINK_ENDS = ["delivered", "dead_lettered", "dropped", "live"];

function ledger({ pipelines, sinks: all }) {
  account(at("ledger"), pipelines, ["received", ...ENDS]);
  account(at("sink-ledger"), all, ["routed", ...SINK_ENDS]);
}

function account(body, all, terms) {
  const make = () => row("name", ...terms.map((term) => `n:${term}`), "n:unaccounted");
  keyed(body, all, (one) => one.name, make, (parts, one) => {
    say(parts.name, one.name.replace("_", " "));
    for (const term of terms) figure(parts[term], one.ledger[term], count(one.ledger[term]));
    const missing = one.ledger.unaccounted;
    figure(parts.unaccounted, missing, count(missing));
    parts.unaccounted.dataset.state = missing === 0 ? "good" : "bad";
  });
}
