// The live page: one overview a second, handed to each part of the page.

import { listen, history } from "./feed.js";
import { showStatus, showLink } from "./status.js";
import { showPicture, redraw } from "./picture.js";
import { Past } from "./charts.js";
import { showShards } from "./shards.js";
import { showTables } from "./tables.js";
import { showLetters } from "./letters.js";

const past = new Past();
let latest = null;
let build = null;
let started = null;

function show(overview) {
  const { name, version, target } = overview.build;
  const running = [name, version, target].join(" ");
  if (build !== null && build !== running) {
    // Another release speaks another language: its own page knows it.
    location.reload();
    return;
  }
  build = running;
  if (started !== overview.started) {
    started = overview.started;
    recall();
  }
  latest = overview;
  past.add(overview);
  if (document.visibilityState === "visible") draw();
}

function draw() {
  if (latest === null) return;
  showStatus(latest);
  showPicture(latest);
  past.draw();
  showShards(latest);
  showTables(latest);
  showLetters(latest);
}

/// The past of a daemon that was not watched until now.
async function recall() {
  try {
    past.replace(await history());
    draw();
  } catch {
    // It has just gone again; the next one that is heard is asked anew.
    started = null;
  }
}

listen(show, showLink);
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") draw();
});
new ResizeObserver(() => {
  if (latest !== null) {
    redraw(latest);
    past.draw();
    showShards(latest);
  }
}).observe(document.getElementById("main"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
document.getElementById("heats").closest("section").addEventListener("change", draw);
