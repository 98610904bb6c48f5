"""Prints as JSON what OpenTimelineIO and its adapters find in a timeline.

read_timeline.py FILE ADAPTER [RATE]

ADAPTER is fcp_xml, fcpx_xml, cmx_3600 or otio_json. An EDL does not say its RATE.
"""

import json
import sys

import opentimelineio as otio


def time(value):
    return value and [value.value, value.rate]


def span(value):
    return value and {"start": time(value.start_time), "duration": time(value.duration)}


def marker(found):
    return {
        "name": found.name,
        "range": span(found.marked_range),
        "comment": getattr(found, "comment", ""),
        "metadata": json.loads(otio.adapters.write_to_string(found, "otio_json")).get("metadata"),
    }


def clip(found, track):
    # A track that was read from an EDL is trimmed by where its record timecode begins, which is no part of it.
    reference = found.media_reference
    return {
        "name": found.name,
        "url": getattr(reference, "target_url", None),
        "available": span(reference.available_range),
        "source": span(found.source_range),
        "record": span(track.range_of_child(found)),
        "markers": [marker(each) for each in found.markers],
    }


def timelines(found):
    """The timelines in what was read: one, or those of a collection."""
    if isinstance(found, otio.schema.Timeline):
        return [found]
    return [each for each in found if isinstance(each, otio.schema.Timeline)]


def described(timeline):
    tracks = [
        {
            "kind": track.kind,
            "clips": [clip(each, track) for each in track if isinstance(each, otio.schema.Clip)],
            "gaps": [span(each.source_range) for each in track if isinstance(each, otio.schema.Gap)],
        }
        for track in timeline.tracks
    ]
    return {"name": timeline.name, "start": time(timeline.global_start_time), "tracks": tracks}


path, adapter, *rate = sys.argv[1:]
options = {"rate": float(rate[0])} if rate else {}
found = otio.adapters.read_from_file(path, adapter_name=adapter, **options)
print(json.dumps([described(each) for each in timelines(found)]))
