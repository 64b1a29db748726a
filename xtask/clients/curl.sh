#!/usr/bin/env bash
# Sends events with curl: FOLDER holds bodies, and what a body is called says how it is sent.
set -euo pipefail
host=$1 folder=$2
send() { curl --silent --show-error --fail-with-body --output /dev/null "$@" "$host/v1/events"; }
for body in "$folder"/*; do
  case $body in
    *.ndjson) send -H 'content-type: application/x-ndjson' --data-binary "@$body" ;;
    *.json) send -H 'content-type: application/json' --data-binary "@$body" ;;
    *.plain) send -H 'content-type: text/plain' --data "@$body" ;;
    *) echo "nobody knows how to send $body" >&2; exit 1 ;;
  esac
done
