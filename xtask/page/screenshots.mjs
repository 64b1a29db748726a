// Pictures of the live page for the documentation: node screenshots.mjs FOLDER

import { join } from "node:path";
import { launch, open } from "./browser.mjs";
import { Daemon, until } from "./daemon.mjs";

const PICTURES = [
  { name: "page-light.png", scheme: "light", width: 1600, height: 1000 },
  { name: "page-dark.png", scheme: "dark", width: 1600, height: 1000 },
  { name: "page-narrow.png", scheme: "light", width: 400, height: 860 },
];

const [folder] = process.argv.slice(2);
const daemon = await Daemon.start(null, ["demo", "--admin", "{admin}"]);
const browser = await launch();
try {
  const pages = [];
  for (const { name, ...look } of PICTURES) pages.push({ name, ...(await open(browser, daemon.url, look)) });
  // Long enough for a burst or two and for the time in which a sink is away to have begun: the page says why.
  const [{ page: first }] = pages;
  await until("a sink is away", 120, async () => (await first.textContent("#pressure")).includes("away, as"));
  await first.waitForTimeout(1200);
  for (const { name, page, wrong, close } of pages) {
    await page.screenshot({ path: join(folder, name) });
    if (wrong.length > 0) throw new Error(wrong.join("\n"));
    await close();
  }
} finally {
  await browser.close();
  await daemon.end();
}
