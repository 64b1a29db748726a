// The last 15 minutes: what is kept here, and which charts it makes.

import { at } from "./dom.js";
import { Chart } from "./chart.js";
import { bytes, count, rate, short, span } from "./format.js";

const KEPT = 900;

const CHARTS = [
  { title: "Throughput", wide: true, say: rate, scale: short, series: [["in", "in_per_second"], ["out", "out_per_second"]] },
  { title: "Waiting", say: (value) => `${count(value)} events`, scale: short, series: [["in queues", "queued_events"]] },
  { title: "Oldest that waits", say: span, scale: span, series: [["age", "oldest_age_seconds"]] },
  { title: "Latency", say: span, scale: span, series: [["half", "p50_seconds"], ["99 %", "p99_seconds"]] },
  { title: "Workers", say: (value) => value?.toFixed(1) ?? "\u2013", scale: short, least: 1, series: [["running", "workers"], ["busy", "workers_at_work"]] },
  { title: "Processor", say: (value) => `${value?.toFixed(2) ?? "\u2013"} cores`, scale: short, least: 0.1, series: [["used", "cpu_cores"]] },
  { title: "Memory", say: bytes, scale: bytes, base: 2, series: [["resident", "resident_bytes"], ["budget in use", "budget_bytes"]] },
];

/// Samples of the last 15 minutes, in columns.
export class Past {
  #columns = new Map([["time", []]]);
  #charts = null;

  /// Takes over what the daemon remembers.
  replace({ fields }) {
    this.#columns = new Map(Object.entries(fields));
    const busy = this.#columns.get("workers_busy");
    const running = this.#columns.get("workers");
    this.#columns.set("workers_at_work", busy.map((share, place) => share * running[place]));
  }

  add(overview) {
    const { totals, workers, process, budget } = overview;
    if (overview.interval_seconds === null || overview.time <= this.#last()) return;
    const sample = {
      time: overview.time,
      in_per_second: totals.in_per_second,
      out_per_second: totals.out_per_second,
      queued_events: totals.queued_events,
      oldest_age_seconds: totals.oldest_age_seconds,
      p50_seconds: totals.p50_seconds,
      p99_seconds: totals.p99_seconds,
      workers: workers.running,
      workers_at_work: workers.busy * workers.running,
      cpu_cores: process.cpu_cores,
      resident_bytes: process.resident_bytes,
      budget_bytes: budget.used_bytes,
    };
    for (const [name, value] of Object.entries(sample)) {
      const column = this.#columns.get(name) ?? [];
      column.push(value);
      if (column.length > KEPT) column.shift();
      this.#columns.set(name, column);
    }
  }

  #last() {
    return this.#columns.get("time").at(-1) ?? 0;
  }

  draw() {
    this.#charts ??= CHARTS.map((plan) => new Chart(at("charts"), plan));
    const times = this.#columns.get("time");
    for (const chart of this.#charts) {
      chart.draw(times, (name) => this.#columns.get(name) ?? []);
    }
  }
}
