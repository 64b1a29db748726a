// A daemon to look at: configured, started, fed, stopped.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "node:events";

const BINARY = process.env.MILLPOND ?? "target/debug/millpond";

/// Asks until the answer is not false, for at most `seconds`.
export async function until(what, seconds, ask) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s`);
    await new Promise((go) => setTimeout(go, 50));
  }
}

/// A port that is free now.
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

export class Daemon {
  /// Runs `config`, a TOML text with the places {folder}, {admin} and {input} in it.
  static async start(config, verb = null) {
    const folder = mkdtempSync(join(tmpdir(), "millpond-page-"));
    const [admin, input] = [await freePort(), await freePort()];
    const file = join(folder, "pond.toml");
    const places = { folder, admin: `127.0.0.1:${admin}`, input: `127.0.0.1:${input}` };
    writeFileSync(file, (config ?? "").replace(/\{(folder|admin|input)\}/g, (_, name) => places[name]));
    const daemon = new Daemon(folder, admin, input, verb ?? ["run", "-c", file]);
    await daemon.run();
    return daemon;
  }

  constructor(folder, admin, input, call) {
    Object.assign(this, { folder, admin, input, call, url: `http://127.0.0.1:${admin}` });
  }

  async run() {
    const call = this.call.map((word) => word.replace("{admin}", `127.0.0.1:${this.admin}`));
    this.said = "";
    this.child = spawn(BINARY, call, { stdio: ["ignore", "ignore", "pipe"] });
    this.child.stderr.on("data", (text) => { this.said += text; });
    this.ended = once(this.child, "exit");
    await until("the daemon answers", 30, async () => {
      if (this.child.exitCode !== null) throw new Error(`the daemon ended: ${this.said}`);
      return this.ask("/livez").then((answer) => answer.ok, () => false);
    });
  }

  async stop() {
    this.child.kill("SIGTERM");
    await this.ended;
  }

  async end() {
    if (this.child.exitCode === null) await this.stop();
    rmSync(this.folder, { recursive: true });
  }

  ask(path, options) {
    return fetch(this.url + path, options);
  }

  async json(path) {
    return (await this.ask(path)).json();
  }

  get token() {
    const file = join(this.folder, "letters", "admin.token");
    return readFileSync(file, "utf8").trim().split(" ").at(-1);
  }

  /// The sum of all samples of a metric.
  async metric(name) {
    const text = await (await this.ask("/metrics")).text();
    const samples = text.split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
    return samples.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  }

  /// Sends lines over one connection to the source that listens on {input}.
  async send(lines) {
    const socket = connect(this.input, "127.0.0.1");
    await once(socket, "connect");
    socket.end(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    await once(socket, "close");
  }
}
