// One chart: a few lines over time, what they are now, and what they were where one points.

import { el, figure, say, set, svg } from "./dom.js";
import { clock } from "./format.js";

/// The times that a chart may be of: the shortest that shows all there is.
const SPANS = [120, 300, 900];
const HEIGHT = 120;
const LEFT = 58;
const BOTTOM = 18;
const TOP = 8;
/// Samples further apart than this have a gap between them.
const GAP = 3.5;

export class Chart {
  #plan;
  #figure;
  #plot;
  #legends;
  #paths;
  #marks = [];
  #grid;
  #cross;
  #pointed = null;
  #drawn = null;

  constructor(parent, plan) {
    this.#plan = plan;
    this.#plot = svg("svg", { height: HEIGHT, role: "img", tabindex: "0" });
    this.#grid = svg("g", { class: "grid" });
    this.#cross = svg("path", { class: "cross" });
    this.#paths = plan.series.map((_, place) => svg("path", { class: `series s${place}` }));
    this.#plot.append(this.#grid, ...this.#paths, this.#cross);
    this.#legends = plan.series.map(([name], place) => {
      const value = el("b");
      const node = el("span", { class: `legend s${place}` }, el("i"), `${name} `, value);
      return { node, value };
    });
    const when = el("span", { class: "when" });
    this.#figure = {
      node: el("figure", { class: plan.wide ? "chart wide" : "chart" },
        el("figcaption", {}, el("h3", {}, plan.title), ...this.#legends.map(({ node }) => node), when),
        this.#plot),
      when,
    };
    parent.append(this.#figure.node);
    this.#plot.addEventListener("pointermove", (event) => this.#point(event));
    this.#plot.addEventListener("pointerleave", () => this.#let_go());
    this.#plot.addEventListener("blur", () => this.#let_go());
    this.#plot.addEventListener("keydown", (event) => this.#step(event));
  }

  draw(times, column) {
    const width = Math.max(160, this.#figure.node.clientWidth - 24);
    set(this.#plot, { width, viewBox: `0 0 ${width} ${HEIGHT}` });
    const now = times.at(-1) ?? 0;
    const past = now - (times[0] ?? now);
    const span = SPANS.find((one) => one >= past) ?? SPANS.at(-1);
    const columns = this.#plan.series.map(([, name]) => column(name));
    let most = this.#plan.least ?? 0;
    for (const values of columns) for (const value of values) if (value > most) most = value;
    const top = nice(most, this.#plan.base ?? 10);
    const x = (time) => LEFT + (width - LEFT) * (1 - (now - time) / span);
    const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top);
    columns.forEach((values, place) => set(this.#paths[place], { d: trace(times, values, x, y, now - span) }));
    this.#rule(width, top, y, span);
    this.#drawn = { times, columns, x, width, now, span };
    this.#tell();
  }

  #rule(width, top, y, span) {
    if (this.#marks.length === 0) {
      for (let line = 0; line < 6; line += 1) {
        const mark = { line: svg("path"), label: svg("text") };
        this.#grid.append(mark.line, mark.label);
        this.#marks.push(mark);
      }
    }
    [0, top / 2, top].forEach((value, place) => {
      const { line, label } = this.#marks[place];
      set(line, { d: `M ${LEFT} ${y(value)} H ${width}` });
      set(label, { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" });
      say(label, value === 0 ? "0" : this.#plan.scale(value));
    });
    [1, 2 / 3, 1 / 3].forEach((share, place) => {
      const { label } = this.#marks[3 + place];
      const seconds = span * share;
      const at = LEFT + (width - LEFT) * (1 - share);
      set(label, { x: at, y: HEIGHT - 3, "text-anchor": place === 0 ? "start" : "middle" });
      say(label, `\u2212${seconds < 300 ? `${seconds} s` : `${+(seconds / 60).toFixed(1)} min`}`);
    });
  }

  #point(event) {
    if (this.#drawn === null || this.#drawn.times.length === 0) return;
    const { times, width, now, span } = this.#drawn;
    const { left } = this.#plot.getBoundingClientRect();
    const time = now - span * (1 - (event.clientX - left - LEFT) / (width - LEFT));
    let nearest = 0;
    times.forEach((one, place) => {
      if (Math.abs(one - time) < Math.abs(times[nearest] - time)) nearest = place;
    });
    this.#pointed = times[nearest];
    this.#tell();
  }

  #step(event) {
    const by = { ArrowLeft: -5, ArrowRight: 5, Home: -Infinity, End: Infinity }[event.key];
    if (by === undefined || this.#drawn === null || this.#drawn.times.length === 0) return;
    event.preventDefault();
    const { times } = this.#drawn;
    const from = this.#pointed === null ? times.length - 1 : times.indexOf(this.#pointed);
    const to = Math.min(times.length - 1, Math.max(0, from + by));
    this.#pointed = times[to];
    this.#tell();
  }

  #let_go() {
    this.#pointed = null;
    this.#tell();
  }

  /// Says what was where somebody points, or what is now.
  #tell() {
    if (this.#drawn === null) return;
    const { times, columns, x } = this.#drawn;
    const found = this.#pointed === null ? -1 : times.indexOf(this.#pointed);
    const place = found < 0 ? times.length - 1 : found;
    columns.forEach((values, one) => {
      const value = values[place] ?? null;
      figure(this.#legends[one].value, value, this.#plan.say(value));
    });
    say(this.#figure.when, found < 0 ? "" : clock(times[place]));
    set(this.#cross, { d: found < 0 ? "" : `M ${x(times[place])} ${TOP} V ${HEIGHT - BOTTOM}` });
    const told = this.#plan.series.map(([name], one) => `${name} ${this.#legends[one].value.textContent}`);
    set(this.#plot, { "aria-label": `${this.#plan.title}: ${told.join(", ")}${found < 0 ? "" : ` at ${clock(times[place])}`}. Arrow keys look back.` });
  }
}

/// The path of a line. It is broken where nothing is known.
function trace(times, values, x, y, from) {
  const parts = [];
  let before = null;
  times.forEach((time, place) => {
    const value = values[place];
    if (value === null || value === undefined || time < from) {
      before = null;
      return;
    }
    const join = before !== null && time - before <= GAP ? "L" : "M";
    parts.push(`${join}${x(time).toFixed(1)} ${y(value).toFixed(1)}`);
    before = time;
  });
  return parts.join("");
}

/// A round number that is not less.
function nice(most, base) {
  if (!(most > 0)) return 1;
  if (base === 2) {
    const unit = 1024 ** Math.floor(Math.log2(most) / 10);
    return nice(most / unit, 10) * unit;
  }
  const unit = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 4, 5, 10].find((step) => step * unit >= most * 0.999) * unit;
}
