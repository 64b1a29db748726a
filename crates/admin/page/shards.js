// The heat of the shards: a hot key shows as one bright cell.

import { at, el, keyed, say, set } from "./dom.js";
import { count, percent, plural, rate } from "./format.js";

const CELL = 16;

function heat(pipeline) {
  const canvas = el("canvas", { role: "img" });
  const title = el("h3", {}, pipeline.name);
  const busiest = el("p", { class: "hint" });
  const parts = { node: el("div", { class: "heat" }, title, canvas, busiest), canvas, busiest, pointed: null };
  canvas.addEventListener("pointermove", (event) => {
    parts.pointed = { x: event.offsetX, y: event.offsetY };
    parts.tell?.();
  });
  canvas.addEventListener("pointerleave", () => {
    parts.pointed = null;
    parts.tell?.();
  });
  return parts;
}

export function showShards(overview) {
  const by = document.querySelector("input[name=heat]:checked").value;
  const style = getComputedStyle(document.documentElement);
  const colours = [style.getPropertyValue("--cold"), style.getPropertyValue("--hot")].map(channels);
  keyed(at("heats"), overview.pipelines, (one) => one.name, heat, (parts, one) => draw(parts, one, by, colours));
}

function draw(parts, pipeline, by, [cold, hot]) {
  const { events, per_second: rates } = pipeline.shards;
  const values = (by === "rate" ? rates : events) ?? events.map(() => 0);
  const { canvas } = parts;
  const width = Math.max(CELL, parts.node.clientWidth - 24);
  const size = Math.max(4, Math.min(28, Math.max(values.length > 512 ? 8 : CELL, Math.floor(width / values.length))));
  const across = Math.max(1, Math.floor(width / size));
  const down = Math.ceil(values.length / across);
  const ratio = devicePixelRatio || 1;
  const [wide, high] = [Math.min(across, values.length) * size, down * size];
  if (canvas.width !== wide * ratio || canvas.height !== high * ratio) {
    canvas.width = wide * ratio;
    canvas.height = high * ratio;
    canvas.style.width = `${wide}px`;
    canvas.style.height = `${high}px`;
  }
  const most = values.reduce((one, other) => Math.max(one, other), 0);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, wide, high);
  values.forEach((value, shard) => {
    const share = most > 0 ? value / most : 0;
    context.fillStyle = mix(cold, hot, share);
    const gap = size > 6 ? 2 : 1;
    context.fillRect((shard % across) * size, Math.floor(shard / across) * size, size - gap, size - gap);
  });
  const all = values.reduce((sum, value) => sum + value, 0);
  const what = by === "rate" ? (value) => rate(value) : (value) => `${count(value)} waiting`;
  const describe = (shard) => `shard ${shard}: ${what(values[shard])}, ${percent(all > 0 ? values[shard] / all : 0)}`;
  const busiest = [...values.keys()].sort((one, other) => values[other] - values[one]).slice(0, 3);
  const summary = all > 0
    ? `${plural(values.length, "shard", "shards")}; most at ${busiest.filter((shard) => values[shard] > 0).map(describe).join("; ")}`
    : `${plural(values.length, "shard", "shards")}, ${by === "rate" ? "nothing comes" : "nothing waits"}`;
  parts.tell = () => {
    const { pointed } = parts;
    const shard = pointed === null ? -1 : Math.floor(pointed.y / size) * across + Math.floor(pointed.x / size);
    say(parts.busiest, shard >= 0 && shard < values.length ? describe(shard) : summary);
  };
  parts.tell();
  set(canvas, { "aria-label": `${pipeline.name}, ${summary}` });
}

/// The numbers in a colour written `#rrggbb`.
function channels(colour) {
  const digits = colour.trim().slice(1);
  return [0, 2, 4].map((place) => parseInt(digits.slice(place, place + 2), 16));
}

function mix(cold, hot, share) {
  const parts = cold.map((from, place) => Math.round(from + (hot[place] - from) * share));
  return `rgb(${parts.join(" ")})`;
}
