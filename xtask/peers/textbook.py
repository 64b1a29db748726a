#!/usr/bin/env python3
"""The reference task W1 as the textbook has it: an asyncio reader puts lines on a multiprocessing.Queue, worker
processes take them, and one sentinel for each worker ends them.

  textbook.py --listen 127.0.0.1:PORT --out PATH|- [--workers N]

Says `ready`, takes one connection, works until it ends, and prints what became of the lines as a line of JSON.
Malformed lines go to PATH.rejected; `-` discards both.
"""
import argparse
import asyncio
import json
import multiprocessing
import sys
import uuid

WEIGHTS = {"click": 1, "add_to_cart": 3, "purchase": 10}
LONGEST = 1 << 20  # bytes in a line
WAITING = 10_000  # lines on the queue; a full queue holds the reader up, and so the sender
BATCH = 1_000  # rows of one write


class Codec:
    """JSON that is strict, and keeps fractions as they were spelled: `json` alone writes 1.10 as 1.1."""

    def __init__(self):
        self.mark = uuid.uuid4().hex  # no event can know it
        self.spelled = []
        self.decode = json.JSONDecoder(parse_float=self.number, parse_constant=self.refuse).decode
        self.encode = json.JSONEncoder(separators=(",", ":")).encode

    def number(self, spelling):
        value = float(spelling)
        if repr(value) == spelling:
            return value
        self.spelled.append(spelling)
        return f"{self.mark}:{len(self.spelled) - 1}"

    @staticmethod
    def refuse(word):
        raise ValueError(f"{word} is no JSON")

    def read(self, line):
        self.spelled.clear()
        event = self.decode(line.decode("utf-8"))
        if not isinstance(event, dict):
            raise ValueError("not an object")
        return event

    def write(self, event):
        row = self.encode(event)
        for index, spelling in enumerate(self.spelled):
            row = row.replace(f'"{self.mark}:{index}"', spelling)
        return row.encode("ascii")


class Rows:
    """Appends whole rows, so that those of several processes do not mix."""

    def __init__(self, path):
        self.file = None if path is None else open(path, "ab", buffering=0)
        self.waiting = []

    def add(self, row):
        self.waiting.append(row)
        if len(self.waiting) == BATCH:
            self.flush()

    def flush(self):
        rows = b"".join(row + b"\n" for row in self.waiting)
        self.waiting.clear()
        if self.file is not None and rows and self.file.write(rows) != len(rows):
            raise OSError("the disk took only a part of the rows")


def work(lines, results, out, rejected):
    codec, rows, refused = Codec(), Rows(out), Rows(rejected)
    counts = {"received": 0, "malformed": 0, "filtered": 0, "written": 0}
    while (line := lines.get()) is not None:
        counts["received"] += 1
        try:
            event = codec.read(line)
        except (ValueError, RecursionError):
            counts["malformed"] += 1
            refused.add(line)
            continue
        kind = event.get("type")
        weight = WEIGHTS.get(kind) if isinstance(kind, str) else None
        if weight is None:
            counts["filtered"] += 1
            continue
        event["weight"] = weight
        context = event.get("context")
        if isinstance(context, dict):
            context.pop("ua", None)
        rows.add(codec.write(event))
        counts["written"] += 1
    rows.flush()
    refused.flush()
    results.put(counts)


async def feed(host, port, lines):
    """Puts the lines of one connection on the queue."""
    done = asyncio.get_running_loop().create_future()

    async def connected(reader, writer):
        try:
            while line := await reader.readline():
                line = line.removesuffix(b"\n")
                if line.strip(b" \t\r"):
                    lines.put(line)
            done.set_result(None)
        except Exception as error:
            done.set_exception(error)
        finally:
            writer.close()

    server = await asyncio.start_server(connected, host, port, limit=LONGEST)
    print("listening on", "{}:{}".format(*server.sockets[0].getsockname()), file=sys.stderr, flush=True)
    print("ready", flush=True)
    try:
        await done
    finally:
        server.close()


def address(text):
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no address, expected HOST:PORT")
    return host, int(port)


def count(text):
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of workers, expected 1 or more")
    return int(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listen", type=address, required=True, metavar="ADDRESS")
    parser.add_argument("--out", required=True, metavar="PATH")
    parser.add_argument("--workers", type=count, default=4)
    flags = parser.parse_args()

    out, rejected = (None, None) if flags.out == "-" else (flags.out, flags.out + ".rejected")
    for path in filter(None, (out, rejected)):
        open(path, "wb").close()
    lines = multiprocessing.Queue(WAITING)
    results = multiprocessing.Queue()
    workers = [
        multiprocessing.Process(target=work, args=(lines, results, out, rejected), daemon=True)
        for _ in range(flags.workers)
    ]
    for worker in workers:
        worker.start()
    asyncio.run(feed(*flags.listen, lines))
    for _ in workers:
        lines.put(None)
    for worker in workers:
        worker.join()
        if worker.exitcode != 0:
            sys.exit(f"a worker ended with {worker.exitcode}")
    counts = [results.get() for _ in workers]
    print(json.dumps({name: sum(each[name] for each in counts) for name in counts[0]}), flush=True)


if __name__ == "__main__":
    main()
