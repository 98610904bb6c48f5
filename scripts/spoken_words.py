#!/usr/bin/env python3
"""Makes speech in which it is known when each word is said.

    scripts/spoken_words.py CACHE

puts spoken-close.wav, spoken-apart.wav and spoken-noisy.wav into CACHE/media, 16 kHz mono, and beside each
a .tsv of word, start and end in seconds. espeak-ng speaks each word by itself; silences of random but fixed
lengths come between: up to 0.12 s, up to 0.4 s, and up to 0.12 s in a noisy room. What is there is left alone.
"""

import array
import os
import pathlib
import random
import subprocess
import sys
import wave

RATE = 16_000
TEXT = """the quick brown fox jumps over the lazy dog while seven sailors carry heavy boxes along the narrow
river and nobody knows where the old captain went after dinner last summer because every single letter was
lost in the great storm that night""".split()
# Longest silence between words in seconds, and loudness of the room, of 1.
KINDS = {"close": (0.12, 0.0005), "apart": (0.4, 0.0005), "noisy": (0.12, 0.01)}
# After so many words comes a longer silence.
SENTENCE, PAUSE = 12, 0.8
# Samples of a word below this are silence before or after it.
FAINT = 0.02


def spoken(word):
    """A word's samples, without silence around it."""
    speak = subprocess.run(["espeak-ng", "-v", "en-us", "-s", "150", "--stdout", word],
                           capture_output=True, check=True)
    convert = subprocess.run(["ffmpeg", "-v", "error", "-i", "-", "-ar", str(RATE), "-ac", "1", "-f", "f32le", "-"],
                             input=speak.stdout, capture_output=True, check=True)
    samples = array.array("f", convert.stdout)
    loud = [place for place, sample in enumerate(samples) if abs(sample) > FAINT]
    return samples[loud[0]:loud[-1] + 1]


def lay(kind, words):
    """The sound and its words with their times."""
    longest, room = KINDS[kind]
    chance = random.Random(kind)
    sound, times = array.array("f", [0.0] * RATE), []
    for number, word in enumerate(TEXT):
        start = len(sound) / RATE
        sound.extend(words[word])
        times.append(f"{word}\t{start:.4f}\t{len(sound) / RATE:.4f}\n")
        silence = chance.uniform(0, longest) + (PAUSE if number % SENTENCE == SENTENCE - 1 else 0)
        sound.extend([0.0] * int(silence * RATE))
    sound.extend([0.0] * RATE)
    for place, sample in enumerate(sound):
        sound[place] = max(-1.0, min(1.0, sample + chance.gauss(0, room)))
    return sound, times


def main():
    media = pathlib.Path(sys.argv[1]) / "media"
    wanted = [kind for kind in KINDS if not (media / f"spoken-{kind}.tsv").is_file()]
    if not wanted:
        return
    words = {word: spoken(word) for word in set(TEXT)}
    for kind in wanted:
        sound, times = lay(kind, words)
        with wave.open(str(media / f"spoken-{kind}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(array.array("h", [round(sample * 32767) for sample in sound]).tobytes())
        # Last, and by rename: its presence says that both are there.
        part = media / f".part-spoken-{kind}"
        part.write_text("".join(times), encoding="utf-8")
        os.replace(part, media / f"spoken-{kind}.tsv")


if __name__ == "__main__":
    try:
        main()
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"    {error}")
