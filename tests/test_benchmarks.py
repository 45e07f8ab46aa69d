"""The benchmarks' own logic, on a tiny network. No test here looks at a time."""

import json
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import flambeau
from benchmarks import __main__ as command
from benchmarks import (
    alternate,
    child,
    families,
    infer,
    machine,
    nets,
    report,
    sequences,
    train,
    winograd,
)
from benchmarks.agreement import Disagreement, check_answers, relative_error
from benchmarks.case import Case, compare
from benchmarks.contender import Contender
from benchmarks.convolutions import DIRECT, Convolution
from benchmarks.results import Figure, Row, Timing, geometric_mean
from benchmarks.settings import Settings
from benchmarks.tasks import Task, inference_tasks, training_tasks
from flambeau.debug import machine as limits
from flambeau.debug.loaded import Loaded

needs_torch = pytest.mark.skipif(
    find_spec("torch") is None, reason="torch is not installed; see docs/benchmarks.md"
)
QUICK = Settings(threads=1, rounds=2, seconds=0.0)


@pytest.fixture(autouse=True)
def restored():
    """The backend and threads that a run of the benchmarks changes."""
    backend, threads = flambeau.config.backend, flambeau.get_num_threads()
    yield
    flambeau.config.backend = backend
    flambeau.set_num_threads(threads)


def tiny_net(nn):
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 4),
    )


TINY = Task("tiny", tiny_net, (2, 3, 8, 8), 4)


def contender(name, calls):
    return Contender(lambda: {"y": np.ones(3)}, lambda: calls.append(name))


def test_relative_errors():
    truth = np.array([3.0, 4.0])
    assert relative_error(truth, truth) == 0
    assert relative_error(truth + [0, 1e-3], truth) == pytest.approx(2e-4)
    assert relative_error(truth[:1], truth) == float("inf")
    assert relative_error(np.array([3.0, np.nan]), truth) == float("inf")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"y": np.array([1.0, 2.1])}, "b: y is off"),
        ({"y": np.array([1.0])}, "b: y is off by inf"),
        ({"y": np.array([1.0, np.nan])}, "b: y is off by inf"),
        ({}, "results .'y'. are not in both"),
    ],
)
def test_wrong_answers_are_found(answer, message):
    truth = {"y": np.array([1.0, 2.0])}
    with pytest.raises(Disagreement, match=message):
        check_answers({"a": truth, "b": answer}, truth, truth)


def test_what_a_peer_errs_is_allowed():
    truth, peer = {"y": np.array([1.0, 2.0])}, {"y": np.array([1.0, 2.01])}
    found = check_answers({"a": {"y": np.array([1.0, 1.99])}}, truth, peer)
    assert found["a"] == pytest.approx(0.01 / 5**0.5)


def test_a_peer_that_is_wrong_itself_allows_nothing():
    truth, peer = {"y": np.array([1.0, 2.0])}, {"y": np.array([9.0, 9.0])}
    with pytest.raises(Disagreement, match="the peer itself is off"):
        check_answers({"a": truth}, truth, peer)
    with pytest.raises(Disagreement, match="other results"):
        check_answers({"a": truth}, truth, {})


def test_a_result_that_is_all_rounding_fails_nobody():
    zero, one = "0.mean", "1.mean"
    truth = {zero: np.array([1e-17, 0.0]), one: np.ones(2), "y": np.ones(2)}
    peer = {**truth, zero: np.array([0.0, 1e-9])}
    own = {**truth, zero: np.array([3e-6, 0.0])}
    assert check_answers({"a": own}, truth, peer)["a"] < 1e-5
    with pytest.raises(Disagreement, match="0.mean is off"):
        check_answers({"a": {**own, zero: np.array([3e-2, 0.0])}}, truth, peer)


def test_contenders_take_turns():
    calls = []
    pair = {name: contender(name, calls) for name in "ab"}
    times = alternate.alternate(pair, QUICK)
    turns = "".join(calls)
    assert turns == "aaabbb" + 2 * "aabb"  # warm-up; in each turn once unmeasured
    assert {name: len(each) for name, each in times.items()} == {"a": 2, "b": 2}


def test_a_share_of_the_peak_is_found_run_by_run():
    calls = []
    pair = [contender(name, calls) for name in "ab"]
    times = alternate.alternate_runs(pair, QUICK)
    assert "".join(calls) == 2 * "abab"  # in each turn once unmeasured
    assert [len(each) for each in times] == [2, 2]
    row = a_row()
    assert (row.share, row.as_json()["share"]) == (0.5, 0.5)
    assert replace(row, shares=(0.7, 0.9, 0.8)).share == 0.8
    assert replace(row, timings={}).share is None


def test_only_some_contenders_run():
    calls = []
    names = ("flambeau", "torch eager")
    pair = {name: partial(contender, name, calls) for name in names}
    truth = contender("", calls).answer()
    only = Settings(rounds=1, seconds=0.0, only=("eager",))
    row = compare("r", 10, pair, truth, truth, only)
    assert [*row.timings] == [*row.errors] == ["torch eager"]
    assert set(calls) == {"torch eager"}


def a_row(own=0.5, peer=1.0):
    timings = {"flambeau": Timing((own,) * 3), "torch eager": Timing((peer,) * 3)}
    return Row("train.a", 100, timings, floor=1.0, peak=400)


def test_ratios_are_over_the_fastest_peer():
    row = a_row()
    row.timings["OpenVINO"] = Timing((0.25, 0.75, 9.0))
    assert row.best(own=False) == "OpenVINO"
    assert row.ratio("flambeau") == 1.5
    assert row.ratio("OpenVINO") is row.ratio("flambeau compile") is None
    assert row.rate("flambeau") == 200
    assert geometric_mean([1.0, 4.0]) == pytest.approx(2)


def test_tables_have_rows_means_and_bounds():
    console = command.new_console()
    figures = [Figure("memory", 2.0, "GB", 1.0, note="torch 3"), Figure("b", 1.0, "s")]
    rows = [a_row(), a_row(2.0)]
    with console.capture() as text:
        report.print_section(console, "train", [*rows, *figures])
    lines = text.get().splitlines()
    assert sum("train.a" in line and "1000.00" in line for line in lines) == 2
    assert any("geometric mean" in line and "1.00" in line for line in lines)
    assert any("500.00" in line and "50%" in line for line in lines)
    assert not any("noisy" in line for line in lines)
    assert any("memory" in line and "≤ 1 GB" in line for line in lines)
    assert [each.is_kept for each in figures] == [False, None]
    assert Figure("c", 2.0, "x", 1.8, at_least=True).is_kept


def test_noise_is_told():
    console, row = command.new_console(), a_row()
    row.timings["torch eager"] = Timing((1.0, 1.0, 1.5, 1.5))
    with console.capture() as text:
        report.print_section(console, "train", [row])
    assert "train.a: noisy, measure it again: torch eager" in text.get()


def test_the_machine_kernels_do_what_they_count():
    memory = np.full(65536, 0.5, np.float32)
    run = Loaded((limits.fma_kernel(turns=10), (memory,)))
    run()
    lanes = limits.engine().target.lanes(4)
    chains = 3 * limits.engine().target.vector_registers // 4
    assert run.flops == 2 * lanes * chains * 10 * run.kernels[0].chunks
    sums = run.kernels[0].chunks * chains * lanes
    found = memory[2 * lanes :][:sums].reshape(-1, chains, lanes)
    expected = np.broadcast_to(np.arange(chains) + 10 * 0.25, found.shape[:2])
    np.testing.assert_array_equal(found[..., 0], expected)


def test_the_machine_streams_move_what_they_count():
    for stream in limits.STREAMS:
        source, sink = np.ones(1 << 12, np.float32), np.zeros(1 << 12, np.float32)
        run = Loaded((stream.kernel(source.nbytes, passes=2), (source, sink)))
        run()
        assert run.moved == 2 * source.nbytes * (stream.reads + stream.writes)
        assert sink[-1] == (stream.reads and stream.writes)
        assert (sink[0] > 0) == (not stream.writes)  # what was read, added up


def test_names_choose_rows():
    names = [each.name for each in command.all_cases()]
    assert len(set(names)) == len(names)
    assert [c.name for c in command.chosen_cases([])] == names
    assert {c.section for c in command.chosen_cases(["train"])} == {"train"}
    assert len(command.chosen_cases(["infer.*_batch1"])) == 3
    with pytest.raises(SystemExit, match="no row is called 'tarin'"):
        command.chosen_cases(["tarin"])


def test_every_network_is_a_task():
    built = {task.net for task in [*training_tasks(), *inference_tasks()]}
    assert built == {getattr(nets, name) for name in nets.__all__}


@pytest.mark.parametrize(
    ("net", "parameters"),
    [  # those of torchvision's models, of Inception v3 without the second classifier
        (families.densenet121, 7_978_856),
        (families.efficientnet_b0, 5_288_548),
        (families.convnext_tiny, 28_589_128),
        (families.shufflenet_v2, 2_278_604),
        (families.inception_v3, 23_834_568),
        (sequences.lstm, 924_170),
        (sequences.vit_small, 22_050_664),  # timm's
    ],
)
def test_networks_have_their_sizes(net, parameters):
    model = net(flambeau.nn)
    assert sum(each.numel() for each in model.parameters()) == parameters


def test_a_run_writes_json_and_tells_failures(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    def fail(settings):
        raise Disagreement("flambeau: loss is off")

    cases = [Case("train.a", lambda _: [a_row()]), Case("infer.b", fail)]
    monkeypatch.setattr(command, "all_cases", lambda: cases)
    monkeypatch.setattr(machine, "measure_machine", lambda _: [])
    path = tmp_path / "new" / "results.json"
    assert command.main(["--json", str(path), "--threads", "1"]) == 1
    assert "infer.b failed: Disagreement: flambeau: loss" in capsys.readouterr().out
    content = json.loads(path.read_text())
    [row] = content["results"]
    assert row["contenders"]["flambeau"]["ratio"] == 2
    assert row["best_peer"] == "torch eager"
    assert [*content["failures"]] == ["infer.b"]
    assert content["settings"]["threads"] == 1


@needs_torch
@pytest.mark.parametrize("measure", [train.measure, infer.measure])
def test_a_network_is_measured_beside_torch(measure):
    flambeau.config.backend = "native"
    settings = Settings(rounds=1, seconds=0.0, only=("flambeau", "eager", "last"))
    [row] = measure(TINY, settings)
    modes = ["flambeau", "flambeau compile", "torch eager", "torch channels-last"]
    assert [*row.timings] == modes
    assert 0 < max(row.errors.values()) < 1e-5
    convolution = 2 * 2 * 8 * 8 * 8 * 27
    linear = 2 * 2 * 8 * 4
    passes = (2, 3) if measure is train.measure else (1, 1)
    assert row.flops == passes[0] * convolution + passes[1] * linear


@needs_torch
def test_the_networks_are_the_same_in_both_libraries():
    import torch

    for task in training_tasks():
        pair = [task.net(each) for each in (torch.nn, flambeau.nn)]
        shapes = [{k: tuple(v.shape) for k, v in m.state_dict().items()} for m in pair]
        assert shapes[0] == shapes[1], task.name


@needs_torch
def test_both_runtimes_give_torchs_outputs():
    torch = pytest.importorskip("benchmarks.peers.torch")
    truth = torch.inference_truth(TINY)
    for name in ("onnxruntime", "openvino"):
        pytest.importorskip(name)
        peer = pytest.importorskip(f"benchmarks.peers.{name}")
        error = check_answers(
            {name: peer.inference(TINY, QUICK).answer()}, truth, truth
        )
        assert error[name] < 1e-5


@needs_torch
@pytest.mark.parametrize(("which", "make"), [*DIRECT.items(), *winograd.PASSES.items()])
def test_the_passes_of_a_convolution_give_torchs_numbers(which, make):
    import torch

    job = Convolution(channels=20, pixels=6, batch=2)
    truth = job.torch(which, torch.float64, False).answer()["out"]
    for found in (
        job.torch(which, torch.float32, True).answer(),
        job.kernels(which, make).answer(),
    ):
        assert relative_error(found["out"], truth) < 1e-5


@pytest.mark.parametrize("what", ["expression", "import_time"])
def test_new_processes_give_numbers(what, tmp_path: Path):
    assert child.in_new_process(what, "flambeau", tmp_path) > 0


def test_a_new_process_that_fails_says_why():
    with pytest.raises(RuntimeError, match="(?s)with nothing failed.*'nothing'"):
        child.in_new_process("import_time", "nothing")
