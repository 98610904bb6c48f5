"""Prints as JSON what pycmx finds in an EDL, with timecodes as frames of the day, counted by timecode.

read_edl.py FILE RATE

RATE is what timecode calls it, such as 29.97: an EDL does not say it.
"""

import json
import sys

import pycmx
from timecode import Timecode


def frame(label, rate):
    drop = ";" in label
    found = Timecode(rate, label, force_non_drop_frame=not drop)
    if rate in ("29.97", "59.94"):
        assert found.drop_frame == drop, label
    return found.frame_number


def event(edit, number, rate):
    channels = edit.channels
    return {
        "number": number,
        "reel": edit.source,
        "video": channels.video,
        "audio": sorted(channels.channels),
        "transition": edit.transition.kind,
        "source": [frame(edit.source_in, rate), frame(edit.source_out, rate)],
        "record": [frame(edit.record_in, rate), frame(edit.record_out, rate)],
        "name": edit.clip_name,
        "file": edit.source_file,
    }


path, rate = sys.argv[1:]
with open(path, encoding="utf-8", newline="") as file:
    found = pycmx.parse_cmx3600(file)
print(
    json.dumps(
        {
            "title": found.title,
            "unrecognized": [each.content for each in found.unrecognized_statements if each.content.strip()],
            "events": [event(edit, each.number, rate) for each in found.events for edit in each.edits],
        }
    )
)
