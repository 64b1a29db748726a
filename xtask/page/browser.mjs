// A browser that notes what a page should not do.

import { chromium } from "playwright-core";

const ARGUMENTS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

export function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ARGUMENTS });
}

/// A page of its own, with what went wrong on it: errors, and requests to anywhere but `url`.
export async function open(browser, url, { scheme = "light", width = 1280, height = 900, scale = 1 } = {}) {
  const context = await browser.newContext({
    viewport: { width, height }, colorScheme: scheme, deviceScaleFactor: scale,
  });
  const page = await context.newPage();
  const wrong = [];
  page.on("console", (message) => {
    const { url: where } = message.location();
    // That a daemon which is away does not answer is no mistake of the page's.
    const away = /Failed to load resource|net::ERR_/.test(message.text()) && /\/api\/v1\/(live|history)$/.test(where);
    const refused = /status of 401/.test(message.text()) && where.includes("/api/v1/dlq/");
    if (["error", "warning"].includes(message.type()) && !away && !refused) wrong.push(message.text());
  });
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== url) wrong.push(`a request to ${request.url()}`);
  });
  const began = Date.now();
  await page.goto(`${url}/`);
  await page.waitForSelector("#in-rate[data-value]");
  const loaded = Date.now() - began;
  return { page, wrong, loaded, close: () => context.close() };
}

/// A figure as the page keeps it for programs.
export function figure(page, selector) {
  return page.$eval(selector, (node) => Number(node.dataset.value));
}
