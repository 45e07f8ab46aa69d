"""flambeau.debug: what it shows is what was compiled and what ran."""

from operator import attrgetter
from pathlib import Path

import pytest

import flambeau
from benchmarks.tasks import Task, inference_tasks, training_tasks
from flambeau import debug, nn
from flambeau.debug.computation import Computation, compiled
from flambeau.debug.profile import Profile, Row
from flambeau.runtime import plan
from flambeau.runtime.engine import Engine, engine


@pytest.fixture(autouse=True)
def native() -> None:
    flambeau.config.backend = "native"


def expression() -> flambeau.Tensor:
    return (flambeau.rand(1000, 500) * 2 + 1).relu().sum(1)


def names(log: debug.Log) -> list[str]:
    return [each.rpartition("_")[0] for each in log.kernels()]


def test_explain_compiles_and_computes_nothing():
    y = expression()
    log = debug.explain(y)
    assert y.node.value is None
    assert names(log) == ["sum_mul_add_relu"]
    last = log.graph().splitlines()[-1]
    assert last.endswith("axes=(1,), keepdims=False) float32[1000]")
    assert "= sum(" in last
    assert log.profile().rows[0].calls == 0
    assert debug.explain(flambeau.zeros(3)).kernels() == []


def test_every_pass_is_shown():
    text = debug.explain(flambeau.rand(40, 50).softmax(1)).passes()
    for each in ("decompose", "simplify", "arrange", "schedule", "lower", "memory"):
        assert f"\n\n{each}\n" in f"\n\n{text}\n", each
    assert "amax" in text.partition("\n\n")[0]
    assert "[reduce: amax float32[40, 1]]" in text
    assert "run amax" in text
    assert "arena of" in text


def test_code_is_found_by_the_beginning_of_a_name():
    log = debug.explain(expression())
    assert 'define void @"sum_mul_add_relu' in log.ir("sum_mul")
    assert "sum_mul_add_relu" in log.assembly("sum")
    with pytest.raises(KeyError, match="starts with 'conv'; there are: sum_mul"):
        log.ir("conv")


def test_a_log_has_what_ran_in_its_block():
    x = flambeau.rand(1000, 500)
    flambeau.evaluate(x)
    x.exp().tolist()
    with debug.record() as log:
        for _ in range(3):
            (x * x).sum().item()
    x.log().tolist()
    assert [each.rpartition("_")[2] for each in log.kernels()] == ["parts", "join"]
    [computation] = log.computations
    assert computation.runs == 3
    rows = {each.name.rpartition("_")[2]: each for each in log.profile().rows}
    assert rows["parts"].calls == 3
    assert rows["parts"].flops > 0
    assert 0 < rows["parts"].seconds < 10
    assert plan.watchers == []


def test_what_goes_to_numpy_is_told():
    with debug.record() as log:
        assert flambeau.ones(3).add(1).tolist() == [2, 2, 2]
        flambeau.ones(3).add(1).tolist()
    [computation] = log.computations
    assert (computation.program, computation.runs) == (None, 2)
    assert "add" in log.graph()
    assert log.kernels() == log.host_calls() == []


def test_host_calls_are_listed_and_timed():
    x = flambeau.rand(300, 1000)
    with debug.record() as log:
        x.exp().sort(1).values.tolist()
    assert log.host_calls() == ["argsort int64[300, 1000]"]
    assert "numpy: argsort" in [each.name for each in log.profile().rows]


@pytest.mark.parametrize("task", training_tasks(), ids=attrgetter("name"))
def test_a_training_step_makes_no_host_calls(
    task: Task, monkeypatch: pytest.MonkeyPatch
):
    graphs: list[Computation] = []
    net = task.net(nn)
    optimizer = flambeau.optim.SGD(net.parameters(), momentum=0.9, weight_decay=1e-4)
    flambeau.evaluate()  # what other tests have left
    monkeypatch.setattr(
        flambeau.config, "evaluate", lambda roots: graphs.append(compiled(roots))
    )
    images, labels = flambeau.zeros(task.shape), flambeau.from_numpy(task.labels)
    nn.functional.cross_entropy(net(images), labels).backward()
    optimizer.step()
    assert len(graphs) == 1
    assert debug.Log(graphs).host_calls() == []


@pytest.mark.parametrize("task", inference_tasks()[::2], ids=attrgetter("name"))
def test_inference_makes_no_host_calls(task: Task):
    net = task.net(nn).eval()
    with flambeau.no_grad():
        log = debug.explain(net(flambeau.zeros(task.shape)))
    assert log.kernels()
    assert log.host_calls() == []


def test_recording_ends_with_an_error_in_the_block():
    before = flambeau.config.evaluate
    with pytest.raises(ZeroDivisionError), debug.record():
        raise ZeroDivisionError
    assert flambeau.config.evaluate == before
    assert plan.watchers == []


def test_the_table_tells_rates_and_the_nearer_limit(monkeypatch: pytest.MonkeyPatch):
    from flambeau.debug import profile

    monkeypatch.setattr(profile, "peak_flops", lambda threads: 200e9)
    monkeypatch.setattr(profile, "peak_bandwidth", lambda threads: 40e9)
    heavy = Row("conv", 2, 0.5, flops=50_000_000_000, moved=1_000_000_000)
    light = Row("loop", 4, 0.125, flops=1_000_000, moved=2_500_000_000)
    table = str(Profile([heavy, light, Row("numpy: sort", 1, 0.25)]))
    lines = [line.split() for line in table.splitlines()[1:]]
    assert lines == [
        ["conv", "2", "500.000", "57.1%", "100.0", "2.0", "50%", "FMA"],
        ["loop", "4", "125.000", "14.3%", "0.0", "20.0", "50%", "memory"],
        ["numpy:", "sort", "1", "250.000", "28.6%"],
        ["all", "875.000"],
    ]


def test_the_perf_map_has_a_line_per_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from flambeau.debug import perfmap

    own = Engine(engine().target, None)
    monkeypatch.setattr(perfmap, "engine", lambda: own)
    path = debug.write_perf_map(tmp_path)
    assert path.read_text() == ""
    code = own.compile("define i32 @seven() {\n  ret i32 7\n}")
    address = own.link(code, ["seven"]).addresses["seven"]
    start, size, name = path.read_text().split()
    assert (int(start, 16), name) == (address, "seven")
    assert 1 <= int(size, 16) < 64
