// What the daemon says, once a second, for as long as there is a daemon.

const LIVE = "/api/v1/live";
const AGAIN_MS = 1500;
const SILENT_MS = 4000;

/// Calls `hear` with each overview, and `link` with "live", "lost" or "silent" as that changes.
export function listen(hear, link) {
  let stream;
  let heard = 0;
  let state = "waiting";
  const become = (next) => {
    if (next !== state) link(state = next);
  };
  const open = () => {
    stream = new EventSource(LIVE);
    heard = performance.now();
    stream.addEventListener("overview", (event) => {
      heard = performance.now();
      become("live");
      hear(JSON.parse(event.data));
    });
    stream.addEventListener("error", () => {
      become("lost");
      // A browser gives up when it is answered with anything but a stream: while the daemon starts, say.
      if (stream.readyState === EventSource.CLOSED) again();
    });
  };
  let pending;
  const again = () => {
    stream.close();
    clearTimeout(pending);
    pending = setTimeout(open, AGAIN_MS);
  };
  setInterval(() => {
    const silence = performance.now() - heard;
    if (silence > SILENT_MS && state === "live") become("silent");
    if (silence > 3 * SILENT_MS) {
      heard = performance.now();
      again();
    }
  }, 1000);
  open();
}

export async function history() {
  const answer = await fetch("/api/v1/history");
  if (!answer.ok) throw new Error(`the history was answered with ${answer.status}`);
  return answer.json();
}
