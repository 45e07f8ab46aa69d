"""The tests beside live torch: skipped, module by module, where torch is absent."""

import importlib.util
from pathlib import Path

import pytest

REASON = "torch is not installed; `python dev.py parity` installs and runs this"


class ModuleWithoutTorch(pytest.Module):
    """A module of this folder whose tests cannot even be imported."""

    def collect(self) -> list[pytest.Item | pytest.Collector]:
        pytest.skip(REASON, allow_module_level=True)


if importlib.util.find_spec("torch") is None:

    def pytest_pycollect_makemodule(
        module_path: Path, parent: pytest.Collector
    ) -> pytest.Module:
        return ModuleWithoutTorch.from_parent(parent, path=module_path)

else:

    @pytest.fixture(autouse=True)
    def seeded_torch(seeded: None) -> None:
        """Start torch, too, from the seed that every test starts from."""
        import torch

        torch.manual_seed(0)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many samples of torch's own tables were compared."""
    reports = [
        each
        for outcome in ("passed", "failed")
        for each in terminalreporter.getreports(outcome)
    ]
    for table in ("module_db", "op_db"):
        counts = [
            value
            for each in reports
            for name, value in each.user_properties
            if name == table
        ]
        if counts:
            passed, failed, left_out = map(sum, zip(*counts))
            terminalreporter.write_line(
                f"{table}: {passed} samples passed, {failed} failed, "
                f"{left_out} left out"
            )
