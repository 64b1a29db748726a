// How it stands, in a line: header, notices and headline figures.

import { at, el, figure, keyed, say } from "./dom.js";
import { age, bytes, count, percent, rate, span } from "./format.js";

const LINKS = {
  live: ["good", "live"],
  lost: ["bad", "connection lost, trying again"],
  silent: ["warn", "no news"],
};

export function showLink(state) {
  const [colour, text] = LINKS[state];
  pill(at("link"), colour, text);
  document.body.classList.toggle("stale", state !== "live");
}

function pill(node, state, text) {
  node.dataset.state = state;
  say(node, text);
}

export function showStatus(overview) {
  const { build, totals, workers, health } = overview;
  say(at("version"), build.version);
  say(at("uptime"), `up ${age(overview.uptime_seconds)}`);
  document.title = `${health.ready ? "" : "\u25cf "}millpond \u2013 ${rate(totals.in_per_second)}`;

  if (health.ready) pill(at("health"), "good", "ready");
  else pill(at("health"), health.live ? "warn" : "bad", health.live ? "not ready" : "not alive");
  const missing = totals.unaccounted;
  if (missing === 0) pill(at("accounts"), "good", "every event accounted for");
  else pill(at("accounts"), "bad", `${count(missing)} unaccounted`);

  figure(at("in-rate"), totals.in_per_second, rate(totals.in_per_second));
  figure(at("out-rate"), totals.out_per_second, rate(totals.out_per_second));
  figure(at("queued"), totals.queued_events, count(totals.queued_events));
  figure(at("oldest"), totals.oldest_age_seconds, span(totals.oldest_age_seconds));
  figure(at("p50"), totals.p50_seconds, span(totals.p50_seconds));
  figure(at("p99"), totals.p99_seconds, span(totals.p99_seconds));
  const most = workers.max > workers.running ? ` of ${workers.max}` : "";
  figure(at("workers"), workers.running, `${workers.running}${most}, ${percent(workers.busy)}`);
  figure(at("unaccounted"), missing, count(missing));
  at("unaccounted").dataset.state = missing === 0 ? "good" : "bad";

  notices(overview);
}

function notices({ health, dead_letters: letters, process, journal }) {
  const all = health.reasons.map((reason) => ({ kind: health.live ? "warn" : "bad", text: reason }));
  if (letters.full && !health.reasons.some((reason) => reason.includes("dead letters"))) {
    all.push({ kind: "warn", text: "The store of dead letters is full." });
  }
  if (journal?.failed) all.push({ kind: "bad", text: journal.failed });
  const seen = new Set();
  const distinct = all.filter(({ text }) => !seen.has(text) && seen.add(text));
  keyed(
    at("notices"), distinct, (notice) => notice.text,
    (notice) => ({ node: el("p", { class: `notice ${notice.kind}` }, notice.text) }),
    () => {},
  );
  at("uptime").title = process.resident_bytes === null ? "" : `${bytes(process.resident_bytes)} resident`;
}
