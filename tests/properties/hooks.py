"""What Schemathesis cannot know: which files there are. Without it every request would end at a path that is not
there, and no reply but errors would be seen."""

import os
import pathlib
import zlib

import schemathesis

ROOT = pathlib.Path(os.environ["RUSHES_PROPERTIES_ROOT"])
FILES = sorted(str(path) for path in (ROOT / "footage").iterdir())
# By the name of the field: what may stand there.
REAL = {
    "cache_dir": [str(ROOT / "analysis")],
    "media_paths": FILES,
    "media_path": FILES,
    "image_path": [path for path in FILES if path.endswith(".png")],
    "output_dir": [str(ROOT / "exports")],
    "cluster_job_name": ["cast"],
    "visual_model_key": ["lite-260-fast"],
    # Most texts are no expression that could be read.
    "query": ["a face", "text:\"x\"", "a face NOT a car"],
    "output_path": [str(ROOT / "exports" / f"{number}.xml") for number in range(10_000)],
    "frame_rate": ["25/1", "24000/1001"],
    "start_time": ["00:00:00"],
    "end_time": ["00:00:03"],
}


def real(name, text):
    """A text as it is, or one that names something, by a rule that a seed repeats."""
    choices = REAL.get(name)
    # An empty one may have been made up as one that must be refused.
    if not choices or not isinstance(text, str) or len(text) % 4 == 3 or not text:
        return text
    return choices[zlib.crc32(text.encode(errors="surrogatepass")) % len(choices)]


def with_range(fields):
    """Two numbers that are no range of any medium, in most cases as one that is."""
    begin, end = fields.get("start_seconds"), fields.get("end_seconds")
    if isinstance(begin, (int, float)) and isinstance(end, (int, float)) and int(abs(begin) + abs(end)) % 4 != 3:
        fields.update(start_seconds=abs(begin) % 2, end_seconds=2 + abs(end) % 2)
    return fields


def with_real(value, name=None):
    """A made-up value with real paths in most places where paths stand."""
    if isinstance(value, dict):
        return with_range({key: with_real(item, key) for key, item in value.items()})
    if isinstance(value, list):
        return [with_real(item, name) for item in value]
    return real(name, value)


@schemathesis.hook
def before_call(context, case, kwargs):
    if isinstance(case.body, dict):
        case.body = with_real(case.body)
    if case.query:
        case.query = with_real(dict(case.query))
