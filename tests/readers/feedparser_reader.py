"""Reads a feed as feedparser's manual says: the tag and the date of the last answer go into the next request."""

import calendar
import json
import pathlib
import sys

import feedparser

url, state = sys.argv[1], pathlib.Path(sys.argv[2])
known = json.loads(state.read_text()) if state.exists() else {}
feed = feedparser.parse(url, etag=known.get("etag"), modified=known.get("modified"))
if feed.status == 304:
    items = known["items"]
    # Each validator has to do alone, too.
    for alone in [{"etag": known["etag"]}, {"modified": known["modified"]}]:
        status = feedparser.parse(url, **alone).status
        if status != 304:
            sys.exit(f"{alone} alone: {status} instead of 304")
else:
    if feed.bozo:
        sys.exit(f"it calls the feed broken: {feed.bozo_exception}")
    items = [
        {"id": entry.id, "title": entry.title, "date": calendar.timegm(entry.published_parsed)}
        for entry in feed.entries
    ]
    state.write_text(json.dumps({"etag": feed.etag, "modified": feed.modified, "items": items}))
print(json.dumps(items))
