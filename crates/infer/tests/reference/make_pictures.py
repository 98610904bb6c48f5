"""Reference vectors of pictures: drawn by formula, prepared by the image processors of `transformers`
with the settings that the models were published with, and projected. Prints JSON.

The formulas use whole numbers only, so that the test draws the very same pixels.
"""

import json
import sys

import numpy as np
import PIL
import transformers
from PIL import Image
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

# preprocessor_config.json of openai/clip-vit-base-patch32 and google/siglip2-base-patch16-256; 2 and 3
# are Pillow's numbers of bilinear and bicubic.
CLIP = CLIPImageProcessorPil(
    size={"shortest_edge": 224},
    crop_size={"height": 224, "width": 224},
    resample=3,
    image_mean=[0.48145466, 0.4578275, 0.40821073],
    image_std=[0.26862954, 0.26130258, 0.27577711],
)
SIGLIP2 = SiglipImageProcessorPil(
    size={"height": 256, "width": 256},
    resample=2,
    image_mean=[0.5, 0.5, 0.5],
    image_std=[0.5, 0.5, 0.5],
)

PICTURES = [
    ("photo", 640, 480),
    ("photo", 1280, 720),
    ("photo", 720, 1280),
    ("photo", 17, 31),
    ("photo", 3001, 211),
    ("photo", 163, 1999),
    ("photo", 224, 224),
    ("photo", 449, 257),
    ("rings", 4000, 3000),
    ("rings", 1023, 577),
    ("edges", 640, 427),
    ("edges", 333, 500),
    ("noise", 801, 599),
    ("grey", 500, 333),
    ("ramp", 853, 480),
]


def hashed(x, y, c):
    """0..255 out of three numbers, without order."""
    with np.errstate(over="ignore"):
        mixed = (
            np.asarray(x, np.uint32) * np.uint32(374761393)
            + np.asarray(y, np.uint32) * np.uint32(668265263)
            + np.asarray(c, np.uint32) * np.uint32(2246822519)
        )
        mixed = (mixed ^ (mixed >> np.uint32(13))) * np.uint32(1274126177)
    return ((mixed ^ (mixed >> np.uint32(16))) & np.uint32(255)).astype(np.int64)


def clouds(x, y, c, cell):
    """Hashed values at the corners of cells, joined linearly."""
    i, j, fx, fy = x // cell, y // cell, x % cell, y % cell
    top = hashed(i, j, c) * (cell - fx) + hashed(i + 1, j, c) * fx
    bottom = hashed(i, j + 1, c) * (cell - fx) + hashed(i + 1, j + 1, c) * fx
    return (top * (cell - fy) + bottom * fy) // (cell * cell)


def photo(x, y, c):
    """Contrast at every scale, less the finer it is, as photographs have it, and one hard edge."""
    value = 8 * clouds(x, y, c, 64) + 4 * clouds(x, y, c + 3, 16) + 2 * clouds(x, y, c + 6, 4)
    value = (value + hashed(x, y, c + 9)) // 15
    return np.where((x * 3 + y * 2) % 400 < 120, value // 2, value)


def draw(kind, width, height):
    y, x, c = np.mgrid[0:height, 0:width, 0:3].astype(np.int64)
    if kind == "photo":
        value = photo(x, y, c)
    elif kind == "rings":
        dx, dy = x - width // 2, y - height // 2
        value = (dx * dx + dy * dy) // (256 + 64 * c) % 256
    elif kind == "edges":
        value = ((x // 7 + y // 5 + c) % 2 * 255) ^ np.where((x + y) % 97 < 3, 255, 0)
    elif kind == "noise":
        value = hashed(x, y, c)
    elif kind == "grey":
        value = np.full_like(x, 119)
    else:
        value = x * 255 // (width - 1)
    return value.astype(np.uint8)


def projected(pixels):
    """48 sums: each of 4 by 4 tiles under three patterns of weights, pattern by pattern."""
    tile = pixels.shape[-1] // 4
    o, c, y, x = np.mgrid[0:3, 0:3, 0:tile, 0:tile].astype(np.int64)
    weights = hashed(x, y, 3 * o + c) / 128.0 - 1.0
    tiles = pixels.astype(np.float64).reshape(3, 4, tile, 4, tile)
    return np.einsum("ocyx,cjyix->oji", weights, tiles).reshape(-1)


def reference(processor, picture):
    raw = processor(picture, do_rescale=False, do_normalize=False, return_tensors="np")
    ready = processor(picture, return_tensors="np")
    bytes_ = np.asarray(raw["pixel_values"][0])
    assert bytes_.shape[0] == 3 and bytes_.min() >= 0 and bytes_.max() <= 255
    return {
        "vector": [float(f"{value:.7g}") for value in projected(ready["pixel_values"][0])],
        "pixels": bytes_[:, ::32, ::32].reshape(-1).astype(int).tolist(),
    }


def main():
    rows = []
    for kind, width, height in PICTURES:
        picture = Image.fromarray(draw(kind, width, height))
        rows.append(
            {
                "kind": kind,
                "width": width,
                "height": height,
                "clip": reference(CLIP, picture),
                "siglip2": reference(SIGLIP2, picture),
            }
        )
    made_with = f"transformers {transformers.__version__}, Pillow {PIL.__version__}, NumPy {np.__version__}"
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    sys.stdout.write(f'{{"made_with":"{made_with}","pictures":[\n{lines}\n]}}\n')


main()
