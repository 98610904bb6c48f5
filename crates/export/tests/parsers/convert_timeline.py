"""Prints as a JSON string what OpenTimelineIO turns an OTIO file into.

convert_timeline.py FILE ADAPTER
"""

import json
import sys

import opentimelineio as otio

path, adapter = sys.argv[1:]
found = otio.adapters.read_from_file(path, adapter_name="otio_json")
print(json.dumps(otio.adapters.write_to_string(found, adapter_name=adapter)))
