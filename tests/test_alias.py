"""`python -m flambeau SCRIPT`: PyTorch programs find flambeau in torch's place."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flambeau.alias.names import out_of_scope, target_of
from flambeau.alias.run import is_program


def python(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder; returns its output and exit code."""
    command = [sys.executable, *map(str, arguments)]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, env=environment
    )


def told(tmp_path: Path, program: str) -> list[str]:
    """The lines that a program prints under the alias."""
    script = tmp_path / "program.py"
    script.write_text(program, encoding="utf-8")
    done = python("-m", "flambeau", script, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_every_form_of_import_finds_flambeau(tmp_path: Path) -> None:
    program = """
import torch
import torch.nn as nn, torch.nn.functional as F
import torch.optim.lr_scheduler
from torch import Tensor, optim
from torch.nn.modules.batchnorm import BatchNorm2d
from torch.nn.modules.utils import _pair
from torch.utils.data import DataLoader
from torchvision import datasets, transforms
import torchvision.models
from torch import *
import flambeau
print(nn.Linear is flambeau.nn.Linear, F.relu is flambeau.nn.functional.relu)
print(Tensor is flambeau.Tensor, BatchNorm2d is flambeau.nn.BatchNorm2d, _pair(2))
print(DataLoader is flambeau.utils.data.DataLoader, optim.SGD is flambeau.optim.SGD)
print(transforms.Resize is flambeau.vision.transforms.Resize, arange(3))
print(torchvision.models.resnet18.__name__, torch.__version__.partition("+")[0])
torch.backends.cudnn.benchmark = True
print(flambeau.backends.cudnn.benchmark, torch.ones(2).requires_grad_())
print(torch.compiler.is_compiling(), torch.compile(nn.ReLU())(torch.ones(1)))
"""
    assert told(tmp_path, program) == [
        "True True",
        "True True (2, 2)",
        "True True",
        "True tensor([0, 1, 2])",
        "resnet18 2.13.0",
        "True tensor([1., 1.], requires_grad=True)",
        "False tensor([1.])",
    ]


def test_what_is_missing_is_named_at_its_use(tmp_path: Path) -> None:
    program = """
def attempt(line):
    try:
        exec(line, {"torch": torch})
    except Exception as error:
        print(type(error).__name__, error)
import torch
attempt("torch.no_such")
attempt("torch.nn.no_such")
attempt("from torch.nn import no_such")
attempt("import torch.no_such")
attempt("torch.graph")
import torch.ao.quantization as quantization
attempt("torch.ao.quantization.QuantStub")
attempt("torch.ops.load_library('x.so')")
attempt("torch.ops.torchvision.nms")
attempt("torch.jit.load('x.pt')")
attempt("torch.fx.Tracer()")
attempt("torch.sparse_coo_tensor([[0]], [1.0])")
attempt("torch.distributed.init_process_group('gloo')")
print(hasattr(torch, "no_such"))
"""
    page = ": docs/coverage.md tells what there is"
    assert told(tmp_path, program) == [
        f"AttributeError flambeau has no torch.no_such{page}",
        f"AttributeError flambeau has no torch.nn.no_such{page}",
        f"ModuleNotFoundError flambeau has no torch.nn.no_such{page}",
        f"ModuleNotFoundError flambeau has no torch.no_such{page}",
        f"AttributeError flambeau has no torch.graph{page}",
        f"AttributeError flambeau has no torch.ao.quantization.QuantStub{page} "
        "(quantization is out of scope)",
        "OSError x.so is compiled for torch and cannot be used by flambeau",
        "AttributeError '_OpNamespace' 'torchvision' object has no attribute 'nms': "
        "compiled operators of other packages cannot be called",
        "NotImplementedError torch.jit.load: TorchScript is out of scope; load a "
        "state_dict with torch.load",
        "NotImplementedError torch.fx.Tracer: symbolic tracing is out of scope; "
        "forward hooks give a module's inner results, flambeau.debug the graph",
        f"AttributeError flambeau has no torch.sparse_coo_tensor{page} (out of scope: "
        "sparse tensors; leave the conversion out, and compute with dense ones)",
        f"AttributeError flambeau has no torch.distributed.init_process_group{page} "
        "(out of scope: several processes; `distributed.is_available()` is False)",
        "False",
    ]


def test_what_training_programs_import_first_is_there(tmp_path: Path) -> None:
    program = """
import torch.backends.cudnn as cudnn, torch.multiprocessing as mp
import torch.distributed as dist, torch.masked, torch.signal
from torch.autograd import Variable
from torch.nn.common_types import _size_2_t
from torch.nn.parallel import DistributedDataParallel as DDP
from torch.utils.data.distributed import DistributedSampler
from torch.utils.data._utils.collate import default_collate
from torch.utils.hooks import RemovableHandle
import torch
found = torch.accelerator, torch.xpu, torch.mps, torch.backends.mps, torch.cuda, dist
print([each.is_available() for each in found], torch.version.__version__)
print(torch.accelerator.current_accelerator(), mp.get_start_method() is not None)
with cudnn.flags(enabled=False):
    print(Variable(torch.ones(1)), list(DistributedSampler([1, 2], 2, 0, False)))
handle = torch.nn.Linear(1, 1).register_forward_hook(print)
print(isinstance(handle, RemovableHandle), torch.signal.windows.hann(3))
"""
    assert told(tmp_path, program) == [
        "[False, False, False, False, False, False] 2.13.0+flambeau",
        "None True",
        "tensor([1.]) [0]",
        "True tensor([0., 1., 0.])",
    ]


PROGRAM = """import sys, os
print(sys.argv, __name__, __file__, __spec__ is None, __package__, __doc__)
print(sys.path[0], sys.modules["__main__"].__dict__ is globals())
print(sorted({*globals()} - {"__annotations__", "__cached__"}))
def fail():
    return 1 / 0
if sys.argv[1] == "fail":
    fail()
if sys.argv[1] == "chain":
    try:
        fail()
    except ZeroDivisionError as error:
        raise KeyError("a") from error
sys.exit(int(sys.argv[1]))
"""


@pytest.mark.parametrize("argument", ["0", "3", "fail", "chain"])
def test_a_script_runs_as_python_runs_it(tmp_path: Path, argument: str) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "script.py").write_text(PROGRAM, encoding="utf-8")
    plain = python("inner/script.py", argument, "--flag", cwd=tmp_path)
    ours = python("-m", "flambeau", "inner/script.py", argument, "--flag", cwd=tmp_path)
    assert ours.returncode == plain.returncode
    assert ours.stdout == plain.stdout
    assert ours.stderr == plain.stderr


def test_what_cannot_be_run_is_said_as_python_says_it(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text("x = = 1\n", encoding="utf-8")
    for arguments in [("wrong.py",), ("absent.py",), ("-m", "absent_module")]:
        plain = python(*arguments, cwd=tmp_path)
        ours = python("-m", "flambeau", *arguments, cwd=tmp_path)
        assert ours.returncode == plain.returncode != 0
        assert ours.stderr == plain.stderr


@pytest.mark.parametrize("name", ["tool", "package", "package.inner"])
def test_a_module_runs_as_python_runs_it(tmp_path: Path, name: str) -> None:
    program = (
        "import sys\nprint(sys.argv, __name__, __file__, __spec__.name, __package__)\n"
        "print(sys.path[0])\n"
    )
    (tmp_path / "package").mkdir()
    for path in ("tool", "package/__main__", "package/__init__", "package/inner"):
        (tmp_path / f"{path}.py").write_text(program, encoding="utf-8")
    plain = python("-m", name, "a", "-b", cwd=tmp_path)
    ours = python("-m", "flambeau", "-m", name, "a", "-b", cwd=tmp_path)
    assert (ours.stdout, ours.returncode) == (plain.stdout, plain.returncode)
    assert ours.stderr == plain.stderr


def test_a_folder_runs_by_its_main_module(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    program = "import sys, torch\nprint(sys.argv[1:], __name__, torch.ones(1))\n"
    (tmp_path / "app" / "__main__.py").write_text(program, encoding="utf-8")
    done = python("-m", "flambeau", "app", "x", cwd=tmp_path)
    assert done.stdout.splitlines() == ["['x'] __main__ tensor([1.])"]


def test_the_command_is_still_there(tmp_path: Path) -> None:
    done = python("-m", "flambeau", "summary", "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "List a model's layers" in done.stdout


def test_nothing_is_active_unless_asked(tmp_path: Path) -> None:
    program = (
        "import sys, flambeau.alias; print([f for f in sys.meta_path "
        "if type(f).__module__.startswith('flambeau')], 'torch' in sys.modules)"
    )
    assert python("-c", program, cwd=tmp_path).stdout.strip() == "[] False"


def test_imported_torch_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("", encoding="utf-8")
    program = (
        "import torch\nfrom flambeau import alias\ntry:\n    alias.install()\n"
        "except RuntimeError as error:\n    print(error)"
    )
    done = python("-c", program, cwd=tmp_path)
    assert "torch has been imported already" in done.stdout


def test_the_alias_can_be_taken_back(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("mine = True", encoding="utf-8")
    program = (
        "from flambeau import alias; alias.install(); alias.install()\n"
        "import torch; print(torch.ones(1)); alias.uninstall()\n"
        "import torch; print(torch.mine)"
    )
    done = python("-c", program, cwd=tmp_path)
    assert done.stdout.splitlines() == ["tensor([1.])", "True"]


def test_names_lead_where_they_should() -> None:
    assert target_of("torch") == "flambeau"
    assert target_of("torch.nn.modules.conv") == "flambeau.nn.conv"
    assert target_of("torch.compiler") == "flambeau.replay.control"
    assert target_of("torchvision.models") == "flambeau.vision.models"
    assert target_of("torch.cuda.amp") == "flambeau.amp.cuda"
    assert target_of("torch.ops") is None
    assert out_of_scope("torch._dynamo.utils") is None
    assert out_of_scope("torch._dynamo.config") is not None


def test_programs_are_told_from_commands(tmp_path: Path) -> None:
    assert is_program(["x.py"])
    assert is_program([__file__])
    assert not is_program([])
    assert not is_program(["--help"])
    assert not is_program([str(tmp_path)])
