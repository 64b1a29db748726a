// The live page in a real browser, over a real daemon.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { figure, launch, open } from "./browser.mjs";
import { Daemon, until } from "./daemon.mjs";

const STEADY = `
[sources.shop]
type = "demo"
rate = 5000
burst = { factor = 1 }
[pipelines.interests]
key = "user_id"
stages = [{ type = "filter", field = "type", in = ["click", "purchase"] }]
[sinks.out]
type = "blackhole"
[dead_letters]
path = "{folder}/letters"
[admin]
listen = "{admin}"
`;

const FED = `
[sources.feed]
type = "tcp"
listen = "{input}"
[pipelines.clicks]
stages = [{ type = "fail", when = { field = "bad", equals = true }, message = "marked as bad" }]
[sinks.out]
type = "blackhole"
[dead_letters]
path = "{folder}/letters"
[admin]
listen = "{admin}"
`;

let browser;
let daemon;
let shown;

before(async () => { browser = await launch(); });
after(() => browser.close());
afterEach(async () => {
  await shown?.close();
  await daemon?.end();
  shown = daemon = undefined;
});

/// Runs a daemon, opens its page.
async function show(config, options) {
  daemon = await Daemon.start(config);
  await until("rates", 20, async () => (await daemon.json("/api/v1/overview")).interval_seconds !== null);
  shown = await open(browser, daemon.url, options);
  return shown.page;
}

function nothingWrong() {
  assert.deepEqual(shown.wrong, []);
}

test("the page is there within a second", async () => {
  await show(STEADY);
  const loads = [shown.loaded];
  for (let again = 0; again < 4; again += 1) {
    const one = await open(browser, daemon.url);
    loads.push(one.loaded);
    assert.deepEqual(one.wrong, []);
    await one.close();
  }
  // The first load of a browser is its own warming up, and a machine may stumble once.
  loads.sort((one, other) => one - other);
  assert.ok(loads[2] < 1000, `${loads} ms`);
  nothingWrong();
});

test("its rates are those of the metrics", async () => {
  const page = await show(STEADY);
  const seconds = 8;
  const name = "millpond_events_received_total";
  const [first, began] = [await daemon.metric(name), performance.now()];
  const seen = [];
  while (seen.length < seconds) {
    const uptime = await page.textContent("#uptime");
    await until("another second", 5, async () => (await page.textContent("#uptime")) !== uptime);
    seen.push(await figure(page, "#in-rate"));
  }
  const passed = (performance.now() - began) / 1000;
  const rate = (await daemon.metric(name) - first) / passed;
  const told = seen.reduce((sum, one) => sum + one, 0) / seen.length;
  assert.ok(Math.abs(told - rate) <= 0.05 * rate, `the page says ${told}, the metrics ${rate}`);
  const arrow = await page.textContent("#arrows text");
  assert.match(arrow, /^[\d,]+\/s$/);
  nothingWrong();
});

test("a burst is seen within two seconds", async () => {
  const page = await show(FED);
  const events = Array.from({ length: 20_000 }, (_, number) => ({ number }));
  const sent = daemon.send(events);
  await until("the burst", 2, async () => (await figure(page, "#in-rate")) > 1_000);
  await sent;
  await until("the calm", 5, async () => (await figure(page, "#in-rate")) === 0);
  assert.equal(await page.textContent("#unaccounted"), "0");
  nothingWrong();
});

test("it waits for a daemon that goes away, and goes on with the next", async () => {
  const page = await show(STEADY);
  await daemon.stop();
  await until("word of it", 10, async () => (await page.textContent("#link")).includes("lost"));
  await daemon.run();
  await until("the next daemon", 15, async () => (await page.textContent("#link")) === "live");
  await until("its figures", 15, async () => (await figure(page, "#in-rate")) > 1_000);
  nothingWrong();
});

test("a pipeline that is paused is shown with its reason", async () => {
  const crashing = FED.replace("stages = [", "stages = [{ type = \"chaos\", when = { field = \"harm\", equals = true }, does = \"panic\" }, ");
  const page = await show(crashing);
  await daemon.send(Array.from({ length: 200 }, () => ({ harm: true })));
  await until("word of it", 10, async () => (await page.textContent("#health")) === "not ready");
  assert.match(await page.textContent("#notices"), /clicks.*paused/);
  assert.match(await page.textContent("#mailboxes"), /paused: /);
  nothingWrong();
});

test("a dead letter is replayed once that is confirmed, and only then", async () => {
  const page = await show(FED);
  await daemon.send([{ bad: true, name: "<img src=x onerror=alert(1)>" }, { bad: false }]);
  const button = page.getByRole("button", { name: "Replay letters of clicks, fail, refused" });
  await button.click({ timeout: 10_000 });
  const dialog = page.getByRole("dialog");
  assert.match(await dialog.textContent(), /Replay 1 letter\?/);
  await dialog.getByRole("button", { name: "Cancel" }).click();
  assert.equal((await daemon.json("/api/v1/dlq")).order.number, 0, "nothing was ordered");

  await button.click();
  await dialog.getByLabel("Token").fill("not the token");
  await dialog.getByRole("button", { name: "Replay" }).click();
  await until("the refusal", 5, async () => (await dialog.textContent()).includes("not the token of this daemon"));
  assert.equal((await daemon.json("/api/v1/dlq")).order.number, 0, "nothing was ordered");

  await dialog.getByLabel("Token").fill(daemon.token);
  await page.keyboard.press("Enter");
  await until("the order", 10, async () => /Order 1: 1 letters? replayed/.test(await page.textContent("#order")));
  assert.equal(await dialog.isVisible(), false);

  await page.getByRole("button", { name: "Show what they say" }).click();
  const said = page.locator("#latest code").first();
  await until("the event", 5, async () => (await said.textContent()).includes("<img src=x"));
  assert.equal(await page.locator("#latest img").count(), 0, "an event is text, never markup");
  nothingWrong();
});

/// Text whose contrast with what lies behind it is less than 4.5 to 1.
function faint() {
  const parse = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => {
    const part = (value) => (value / 255 <= 0.03928 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const behind = (node) => {
    for (let at = node; at !== null; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === Node.TEXT_NODE && child.textContent.trim() !== "");
    if (!own || !node.checkVisibility()) continue;
    const style = getComputedStyle(node);
    const colour = parse(node instanceof SVGElement ? style.fill : style.color);
    const [one, other] = [light(colour), light(behind(node))].sort((a, b) => b - a);
    const contrast = (one + 0.05) / (other + 0.05);
    if (contrast < 4.5) found.push(`${node.tagName} "${node.textContent.trim().slice(0, 30)}": ${contrast.toFixed(2)}`);
  }
  return found;
}

for (const scheme of ["light", "dark"]) {
  test(`it can be read in the ${scheme}, on a narrow screen and on a wide one`, async () => {
    // Long names, so that tables are wider than a narrow screen.
    const config = FED.replace("blackhole\"", "tcp\"\naddress = \"127.0.0.1:1\"").replace("clicks", "clicks_of_all_the_shops");
    await show(config, { scheme });
    await daemon.send(Array.from({ length: 50 }, (_, number) => ({ bad: number % 2 === 0 })));
    const { page } = shown;
    await until("a sink in trouble", 15, async () => /retrying|breaker/.test(await page.textContent("#sinks")));
    for (const width of [400, 1600]) {
      await page.setViewportSize({ width, height: 900 });
      await page.waitForTimeout(300);
      assert.deepEqual(await page.evaluate(faint), [], `at ${width}`);
      const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(beyond <= 0, `${beyond} px beyond ${width}`);
    }
    nothingWrong();
  });
}

test("it can be used with a keyboard and heard", async () => {
  const page = await show(FED);
  await daemon.send([{ bad: true }]);
  await page.getByRole("button", { name: /^Replay letters/ }).waitFor({ timeout: 10_000 });
  const reached = new Set();
  for (let step = 0; step < 60; step += 1) {
    await page.keyboard.press("Tab");
    reached.add(await page.evaluate(() => {
      const node = document.activeElement;
      return node.getAttribute("aria-label") ?? node.textContent.trim();
    }));
  }
  const all = [...reached].join("\n");
  for (const name of ["Skip to the figures", "Throughput: in", "Replay letters of clicks, fail, refused", "Show what they say"]) {
    assert.ok(all.includes(name), `${name} is not among\n${all}`);
  }
  const chart = page.locator("#charts svg").first();
  await until("a past", 10, async () => (await page.locator("#charts path.series").first().getAttribute("d"))?.includes("L"));
  await chart.focus();
  await page.keyboard.press("Home");
  assert.match(await chart.getAttribute("aria-label"), / at \d\d:\d\d:\d\d/);
  const nameless = await page.evaluate(() => [...document.querySelectorAll("button, input, canvas, [role=img], [role=region]")]
    .filter((node) => node.checkVisibility())
    .filter((node) => !(node.getAttribute("aria-label") || node.getAttribute("aria-labelledby") || node.labels?.length || node.textContent.trim()))
    .map((node) => node.outerHTML.slice(0, 80)));
  assert.deepEqual(nameless, []);
  nothingWrong();
});

test("one pipeline of one shard and twelve of 256 are shown", async () => {
  const names = Array.from({ length: 12 }, (_, number) => `line_${number}`);
  const pipelines = names.map((name) => `[pipelines.${name}]\nkey = "user_id"\nto = ["out"]\n`).join("");
  const many = `${STEADY.replace(/\[pipelines[^[]*\[\{[^\]]*\]\s*\}\]\n/, pipelines)}\n[runtime]\nshards = 256\n`;
  const page = await show(many);
  await until("all of them", 10, async () => (await page.locator("#mailboxes > li").count()) === 12);
  assert.equal(await page.locator("#heats canvas").count(), 12);
  assert.match(await page.locator("#heats canvas").first().getAttribute("aria-label"), /256 shards; most at shard/);
  nothingWrong();
  await shown.close();
  await daemon.end();
  const single = await show(`${STEADY}\n[runtime]\nshards = 1\n`);
  await until("the shard", 10, async () => /1 shard/.test(await single.textContent("#heats")));
  nothingWrong();
});
