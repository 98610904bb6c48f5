"""Prints what readers of captions find in a file: a JSON list of [start, end, text, voice], in milliseconds.

    read_captions.py FILE
"""

import json
import sys

import pysubs2
import webvtt


def by_pysubs2(path):
    captions = pysubs2.load(path, encoding="utf-8", keep_html_tags=True, keep_unknown_html_tags=True)
    return [[one.start, one.end, one.text.replace("\\N", "\n"), None] for one in captions]


def by_webvtt(path):
    def milliseconds(stamp):
        clock, fraction = stamp.split(".")
        hours, minutes, seconds = clock.split(":")
        return ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int(fraction)

    return [[milliseconds(one.start), milliseconds(one.end), one.text, one.voice] for one in webvtt.read(path)]


def main():
    path = sys.argv[1]
    found = {"pysubs2": by_pysubs2(path)}
    if path.endswith(".vtt"):
        found["webvtt"] = by_webvtt(path)
    json.dump(found, sys.stdout)


main()
