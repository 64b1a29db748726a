"""Sends events with the SDK of Segment; see ../README.md."""

import sys

from segment.analytics.client import Client


def content(n):
    """What event `n` says: what has to survive the way through an SDK, HTTP and the daemon."""
    return {
        "n": n,
        "text": f'\u00e4 "quoted" \\ \n\t \U0001f600 {n}',
        "price": n / 4,
        "nested": {"list": [n, None, True, {}], "empty": ""},
    }


def main(host, count, compressed):
    failed = []
    client = Client(
        "write-key",
        host=host,
        max_queue_size=2 * count,
        upload_size=100,
        gzip=compressed,
        on_error=lambda error, items: failed.append((error, len(items))),
    )
    calls = [
        lambda n: client.track(f"u{n % 100}", "Bought", content(n)),
        lambda n: client.identify(f"u{n % 100}", content(n)),
        lambda n: client.page(f"u{n % 100}", "shop", "cart", content(n)),
        lambda n: client.screen(f"u{n % 100}", "shop", "cart", content(n)),
        lambda n: client.group(f"u{n % 100}", "g", content(n)),
    ]
    for n in range(count):
        queued, _ = calls[n % len(calls)](n)
        if not queued:
            sys.exit(f"event {n} found no room in the queue of the SDK")
    client.flush()
    client.shutdown()
    if failed:
        sys.exit(f"events were given up: {failed[0]}")


main(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "gzip")
