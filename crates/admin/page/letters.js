// Dead letters: what failed and why, and the one thing on this page that changes something.

import { at, el, keyed, row, say } from "./dom.js";
import { bytes, clock, count, plural } from "./format.js";

const TOKEN = "millpond-token";

/// What the latest letters say, by id, for whoever has shown the token.
let events = null;
let letters = null;

at("show-events").addEventListener("click", async () => {
  if (events !== null) {
    events = null;
    showLatest();
    return;
  }
  const shown = await ask({
    title: "Show what dead letters say?",
    text: "They hold events as they came, which is not for everybody who may look at this page.",
    action: "Show",
    always: false,
    act: async (token) => {
      const answer = await fetch("/api/v1/dlq/latest", { headers: { authorization: `Bearer ${token}` } });
      if (!answer.ok) return problem(answer);
      const { letters: all } = await answer.json();
      events = new Map(all.map((letter) => [letter.id, letter]));
      return null;
    },
  });
  if (shown) showLatest();
});

export function showLetters(overview) {
  letters = overview.dead_letters;
  const { groups, latest, bytes: size, deleted, full } = letters;
  const all = groups.reduce((sum, group) => sum + group.letters, 0);
  const gone = deleted > 0 ? `; ${plural(deleted, "was", "were")} deleted to make room` : "";
  say(at("store"), all === 0 ? "None." : `${plural(all, "letter", "letters")}, ${bytes(size)}${full ? ", and no room for more" : ""}${gone}.`);
  showOrder(letters.order);
  at("show-events").hidden = letters.order === null || latest.length === 0;
  const key = (one) => [one.pipeline, one.stage, one.reason, one.class].join("\n");
  // By name: an order that changed by the second could not be read.
  const sorted = [...groups].sort((one, other) => key(one).localeCompare(key(other)));
  keyed(at("groups"), sorted, key, groupRow, (parts, one) => {
    say(parts.where, `${one.pipeline}, ${one.stage}`);
    say(parts.reason, one.reason.replaceAll("_", " "));
    say(parts.letters, count(one.letters));
    say(parts.last, clock(one.newest_micros / 1e6));
    parts.group = one;
    parts.button.hidden = letters.order === null;
    parts.button.disabled = letters.order?.running === true;
  });
  showLatest();
}

function showOrder(order) {
  if (order === null || order.number === 0) return say(at("order"), "");
  const done = order.said === null ? "" : order.said.trim().replaceAll("\n", "; ");
  return say(at("order"), order.running ? `Order ${order.number} is under way.` : `Order ${order.number}: ${done}.`);
}

function groupRow(group) {
  const parts = row("where", "reason", "n:letters", "last", "replay");
  parts.button = el("button", { type: "button" }, "Replay\u2026");
  parts.button.setAttribute("aria-label", `Replay letters of ${group.pipeline}, ${group.stage}, ${group.reason}`);
  parts.button.addEventListener("click", () => replay(parts.group));
  parts.replay.append(parts.button);
  return parts;
}

function replay({ pipeline, stage, reason, letters: number }) {
  const where = [`pipeline=${pipeline}`, `stage=${stage}`, `reason=${reason}`];
  return ask({
    title: `Replay ${plural(number, "letter", "letters")}?`,
    text: `Those of ${pipeline}, ${stage}, for ${reason.replaceAll("_", " ")}, that were not replayed before run through their pipeline again. What fails again is set aside again.`,
    action: "Replay",
    always: true,
    act: async (token) => {
      const answer = await fetch("/api/v1/dlq/replay", {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ where }),
      });
      return answer.ok ? null : problem(answer);
    },
  });
}

async function problem(answer) {
  if (answer.status === 401) {
    sessionStorage.removeItem(TOKEN);
    return "That is not the token of this daemon.";
  }
  const said = await answer.json().catch(() => ({}));
  return said.detail ?? `It answered ${answer.status}.`;
}

/// Asks, and does what was asked for; true once it is done. The token is kept for as long as the tab is.
function ask({ title, text, action, always, act }) {
  const [dialog, token, yes, no, wrong] = ["ask", "token", "ask-yes", "ask-no", "ask-problem"].map(at);
  const known = () => sessionStorage.getItem(TOKEN);
  say(at("ask-title"), title);
  say(at("ask-text"), text);
  say(yes, action);
  say(wrong, "");
  token.value = "";
  at("ask-token").hidden = known() !== null;
  const file = letters?.token_file;
  say(at("token-hint"), file ? `The last word in ${file}.` : "");
  return new Promise((resolve) => {
    const done = new AbortController();
    const end = (result) => {
      done.abort();
      dialog.close();
      resolve(result);
    };
    const go = async () => {
      const given = known() ?? token.value.trim();
      if (given === "") {
        say(wrong, "It takes the token.");
        token.focus();
        return;
      }
      yes.disabled = true;
      const failed = await act(given).catch(() => "The daemon did not answer.");
      yes.disabled = false;
      if (failed === null) {
        sessionStorage.setItem(TOKEN, given);
        end(true);
        return;
      }
      say(wrong, failed);
      at("ask-token").hidden = known() !== null;
    };
    const on = (node, event, handle) => node.addEventListener(event, handle, { signal: done.signal });
    on(yes, "click", go);
    on(no, "click", () => end(false));
    on(dialog, "cancel", () => end(false));
    on(at("ask-token"), "submit", (event) => {
      event.preventDefault();
      go();
    });
    if (!always && known() !== null) go();
    else dialog.showModal();
  });
}

function showLatest() {
  if (letters === null) return;
  say(at("show-events"), events === null ? "Show what they say" : "Hide what they say");
  const make = () => {
    const parts = row("when", "id", "where", "reason", "n:size");
    parts.event = el("code");
    parts.reason.append(el("span"), parts.event);
    return parts;
  };
  keyed(at("latest"), letters.latest.slice(0, 12), (one) => one.id, make, (parts, one) => {
    say(parts.when, clock(one.time));
    say(parts.id, one.id);
    say(parts.where, `${one.pipeline}, ${one.stage}`);
    const whole = events?.get(one.id);
    const detail = whole?.detail ? `: ${whole.detail}` : "";
    say(parts.reason.firstChild, `${one.reason.replaceAll("_", " ")}${one.replayed ? ", replayed" : ""}${detail}`);
    parts.event.hidden = whole === undefined;
    say(parts.event, whole === undefined ? "" : `${whole.event}${whole.cut ? "\u2026" : ""}`);
    say(parts.size, bytes(one.bytes));
  });
}
