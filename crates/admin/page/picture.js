// The line as a picture: sources, shards, workers, sinks, with what flows and what is held up.

import { at, el, figure, keyed, say, set, svg } from "./dom.js";
import { bytes, count, percent, plural, rate, short } from "./format.js";

/// A room this full is about to hold up whoever fills it.
const FULL = 0.9;

function card() {
  const name = el("strong");
  const kind = el("span", { class: "kind" });
  const badge = el("p", { class: "badge" });
  const meter = el("div", { class: "meter", role: "img" }, el("i"));
  const fill = el("p", { class: "fill" });
  const flow = el("p", { class: "flow" });
  const node = el("li", { class: "card" }, el("p", { class: "name" }, name, kind), meter, fill, flow, badge);
  return { node, name, kind, badge, meter, fill, flow };
}

function showCard(parts, { name, kind, share, fill, flow, badge, state, value }) {
  say(parts.name, name);
  say(parts.kind, kind ?? "");
  say(parts.fill, fill ?? "");
  figure(parts.flow, value, flow ?? "");
  say(parts.badge, badge ?? "");
  parts.badge.hidden = !badge;
  parts.meter.hidden = share === undefined;
  if (share !== undefined) {
    const width = Math.min(100, share * 100);
    parts.meter.firstChild.style.width = `${width}%`;
    set(parts.meter, { "aria-label": `${width.toFixed(0)} % full` });
    parts.meter.dataset.full = share >= FULL ? "yes" : "no";
  }
  parts.node.dataset.state = state ?? "calm";
}

/// How full a queue is, by whichever of its bounds is nearer.
function share(queue) {
  const events = queue.capacity_events ? queue.events / queue.capacity_events : 0;
  return Math.max(events, queue.bytes / Math.max(1, queue.capacity_bytes));
}

function holds(queue) {
  const most = queue.capacity_events ? ` of ${short(queue.capacity_events)}` : "";
  return `${short(queue.events)}${most} events, ${bytes(queue.bytes)} of ${bytes(queue.capacity_bytes)}`;
}

export function showPicture(overview) {
  const { pressure } = overview;
  const begins = (place, name) =>
    pressure !== null && pressure.place === place && (pressure.name === name || place === "workers" || place === "journal");
  const here = "pressure begins here";

  keyed(at("sources"), overview.sources, (one) => one.name, card, (parts, one) => {
    const waits = one.waiting >= 0.01;
    showCard(parts, {
      name: one.name,
      kind: plural(one.connections, "connection", "connections"),
      flow: `${rate(one.events_per_second)} out`,
      value: one.events_per_second,
      badge: waits ? `waits ${percent(one.waiting)} of its time` : "",
      state: waits ? "held" : "calm",
    });
  });

  const { journal } = overview;
  at("journal-column").hidden = journal === null;
  at("line").classList.toggle("with-journal", journal !== null);
  keyed(at("journal"), journal === null ? [] : [journal], () => "journal", card, (parts, one) => {
    const problem = one.failed ?? one.full;
    showCard(parts, {
      name: "journal",
      share: share(one.queue),
      fill: `${count(one.waiting_events)} durable and waiting`,
      flow: `${rate(one.in_per_second)} in, ${rate(one.out_per_second)} out`,
      value: one.out_per_second,
      badge: problem ?? (begins("journal") ? here : ""),
      state: problem ? "origin" : "calm",
    });
  });

  keyed(at("mailboxes"), overview.pipelines, (one) => one.name, card, (parts, one) => {
    const origin = begins("shards", one.name);
    const parked = one.parked_shards > 0 ? `${plural(one.parked_shards, "shard waits", "shards wait")} for a sink` : "";
    showCard(parts, {
      name: one.name,
      kind: `${plural(one.shards.events.length, "shard", "shards")}${one.key ? ` by ${one.key}` : ""}`,
      share: share(one.queue),
      fill: holds(one.queue),
      flow: `${rate(one.in_per_second)} in, ${rate(one.begun_per_second)} out`,
      value: one.begun_per_second,
      badge: one.paused ? `paused: ${one.paused.because}` : origin ? here : parked,
      state: origin || one.paused ? "origin" : parked || one.queue.oldest_age_seconds > 1 ? "held" : "calm",
    });
  });

  const { workers, process } = overview;
  keyed(at("pool"), [workers], () => "pool", card, (parts, one) => {
    showCard(parts, {
      name: plural(one.running, "worker", "workers"),
      kind: one.min === one.max ? "" : `${one.min} to ${one.max}`,
      share: one.busy ?? 0,
      fill: `${percent(one.busy)} busy, ${process.cpu_cores?.toFixed(2) ?? "\u2013"} of ${process.cores} cores`,
      flow: one.restarts > 0 ? plural(one.restarts, "restart", "restarts") : "",
      badge: begins("workers") ? here : "",
      state: begins("workers") ? "origin" : "calm",
    });
    // Being busy is what workers are for.
    parts.meter.dataset.full = "no";
  });

  keyed(at("rooms"), overview.sinks, (one) => one.name, card, (parts, one) => {
    const origin = begins("sink", one.name);
    const trouble = one.label !== "running" && one.label !== "ended" ? one.label.replace("_", " ") : "";
    showCard(parts, {
      name: one.name.replace("_", " "),
      kind: one.required ? one.type.replace("_", " ") : `${one.type}, best effort`,
      share: share(one.queue),
      fill: one.buffer ? `${holds(one.queue)}; ${count(one.buffer.rows)} on disk` : holds(one.queue),
      flow: `${rate(one.routed_per_second)} in, ${rate(one.delivered_per_second)} delivered`,
      value: one.delivered_per_second,
      badge: [trouble, origin ? here : ""].filter(Boolean).join(", "),
      state: origin ? "origin" : trouble ? "held" : "calm",
    });
  });

  const where = { sink: `sink ${pressure?.name}`, shards: `the shards of ${pressure?.name}`, workers: "the workers", journal: "the journal" };
  at("pressure").dataset.state = pressure === null ? "calm" : "origin";
  say(at("pressure"), pressure === null
    ? "Nothing is held up."
    : `Pressure begins at ${where[pressure.place]}: ${pressure.because}.`);
  redraw(overview);
}

/// The arrows: they follow where the cards are.
export function redraw(overview) {
  const arrows = at("arrows");
  const line = at("line");
  line.classList.toggle("stacked", getComputedStyle(line).gridTemplateColumns.split(" ").length === 1);
  const frame = line.getBoundingClientRect();
  set(arrows, { width: frame.width, height: frame.height, viewBox: `0 0 ${frame.width} ${frame.height}` });
  const cards = (id) => [...at(id).children].map((node) => node.getBoundingClientRect());
  const [sources, journal, mailboxes, pool, rooms] =
    ["sources", "journal", "mailboxes", "pool", "rooms"].map(cards);
  const flows = [];
  const flow = (key, from, to, value, label, state) => {
    if (from && to) flows.push({ key, from, to, value, label, state });
  };
  overview.sources.forEach((source, place) => {
    const state = source.waiting >= 0.01 ? "held" : "calm";
    const value = source.events_per_second;
    if (journal.length > 0) flow(`s${place}`, sources[place], journal[0], value, "from", state);
    else overview.pipelines.forEach((pipeline, to) => {
      if (pipeline.from.includes(source.name)) {
        flow(`s${place}-${to}`, sources[place], mailboxes[to], value, "from", state);
      }
    });
  });
  overview.pipelines.forEach((pipeline, place) => {
    if (journal.length > 0) flow(`j${place}`, journal[0], mailboxes[place], pipeline.in_per_second, "to", "calm");
    flow(`p${place}`, mailboxes[place], pool[0], pipeline.begun_per_second, "from", pipeline.parked_shards > 0 ? "held" : "calm");
  });
  overview.sinks.forEach((sink, place) => {
    flow(`k${place}`, pool[0], rooms[place], sink.routed_per_second, "to", share(sink.queue) >= FULL ? "held" : "calm");
  });
  const make = () => {
    const node = svg("g");
    const path = svg("path");
    const label = svg("text");
    node.append(path, label);
    return { node, path, label };
  };
  const labelled = new Set();
  keyed(arrows, flows, (one) => one.key, make, (parts, one) => {
    const x1 = one.from.right - frame.left + 2;
    const y1 = (one.from.top + one.from.bottom) / 2 - frame.top;
    const x2 = one.to.left - frame.left - 7;
    const y2 = (one.to.top + one.to.bottom) / 2 - frame.top;
    const bend = (x1 + x2) / 2;
    const tip = `M ${x2 - 5} ${y2 - 4} L ${x2 + 3} ${y2} L ${x2 - 5} ${y2 + 4}`;
    set(parts.path, { d: `M ${x1} ${y1} C ${bend} ${y1} ${bend} ${y2} ${x2} ${y2} ${tip}` });
    parts.path.style.strokeWidth = `${one.value > 0 ? 1.2 + Math.log10(1 + one.value) * 0.45 : 1}px`;
    set(parts.node, { class: one.value > 0 ? one.state : `${one.state} idle` });
    // A source that several pipelines read sends each of them everything: one label says it.
    const owner = one.label === "from" ? `from${x1},${y1}` : `to${x2},${y2}`;
    const first = !labelled.has(owner);
    labelled.add(owner);
    say(parts.label, first ? rate(one.value) : "");
    if (one.label === "from") set(parts.label, { x: x1 + 4, y: y1 - 7, "text-anchor": "start" });
    else set(parts.label, { x: x2 + 2, y: y2 - 8, "text-anchor": "end" });
  });
}
