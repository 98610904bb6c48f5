"""What dlib and OpenCV make of the pictures of faces.json: `make_faces.py MEDIA MODELS > faces.json`.

MEDIA is the folder of set-up's sample footage, MODELS the one that models lie in.
"""

import json
import subprocess
import sys

import cv2
import dlib
import numpy as np

MEDIA, MODELS = sys.argv[1:]
SIDE = 150
CLIP = "carphone_pristine.mp4"
SECONDS = (0, 1, 2, 3)


def drawn(kind):
    """Pictures by formula, in whole numbers; faces.rs draws the same."""
    y, x, c = np.meshgrid(np.arange(SIDE), np.arange(SIDE), np.arange(3), indexing="ij")
    if kind == "slope":
        value = x + y * (c + 1) // 2
    elif kind == "noise":
        value = (x * 7919 + y * 104729 + c * 1299709) % 65521 * 31 % 251
    else:
        far = (x - 75) ** 2 + (y - 70) ** 2
        eyes = np.minimum((x - 48) ** 2, (x - 100) ** 2) + (y - 47) ** 2
        mouth = (x - 74) ** 2 // 6 + (y - 103) ** 2
        value = np.where(far < 4000, 190 - 20 * c, 60 + 30 * c)
        value = np.where((eyes < 60) | (mouth < 40), 40 + 10 * c, value)
    return (value % 256).astype(np.uint8)


def frame(second):
    """A frame in RGB, as the tests take it."""
    sides = "stream=width,height"
    probe = ["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", sides, "-of", "csv=p=0"]
    width, height = map(int, subprocess.check_output([*probe, f"{MEDIA}/{CLIP}"], text=True).split(","))
    take = ["ffmpeg", "-nostdin", "-v", "error", "-ss", str(second), "-i", f"{MEDIA}/{CLIP}", "-frames:v", "1"]
    raw = subprocess.check_output([*take, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"])
    return np.frombuffer(raw, np.uint8).reshape(height, width, 3)


def faces(picture):
    """Boxes, points and scores."""
    yunet = f"{MODELS}/yunet/face_detection_yunet_2023mar.onnx"
    size = (picture.shape[1], picture.shape[0])
    detector = cv2.FaceDetectorYN.create(yunet, "", size, 0.6, 0.3, 5000)
    _, found = detector.detect(np.ascontiguousarray(picture[:, :, ::-1]))
    return [[round(float(value), 4) for value in face] for face in found]


def main():
    net = dlib.face_recognition_model_v1(
        f"{MODELS}/dlib-resnet-v1/dlib_face_recognition_resnet_model_v1.dat"
    )

    def vector(chip):
        return [round(value, 7) for value in net.compute_face_descriptor(np.ascontiguousarray(chip))]

    frames = {second: frame(second) for second in SECONDS}
    crops = {}
    for second, picture in frames.items():
        # The clip is small: every pixel becomes four.
        large = picture.repeat(2, axis=0).repeat(2, axis=1)
        left, top = (int(2 * edge - 25) for edge in faces(picture)[0][:2])
        crops[second] = {
            "left": left,
            "top": top,
            "vector": vector(large[top : top + SIDE, left : left + SIDE]),
        }
    print(
        json.dumps(
            {
                "drawn": {kind: vector(drawn(kind)) for kind in ("slope", "noise", "mask")},
                "crops": crops,
                "faces": {second: faces(picture) for second, picture in frames.items()},
            }
        )
    )


main()
