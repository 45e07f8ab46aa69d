"""The order in which an epilogue's expressions are computed where registers are few."""

from flambeau.compiler.codegen.loops import Apply, Given, Load, Number, Store
from flambeau.compiler.codegen.ordering import Formula
from flambeau.dtypes import float32

STEPS = (8, 1)


def operand(slot: int) -> Load:
    return Load(slot, float32, 0, STEPS)


def result(expression: int, slot: int) -> Store:
    return Store(expression, slot, float32, 0, STEPS)


def apply(op: str, *arguments: int) -> Apply:
    return Apply(op, float32, arguments)


# moved = before * a + given; weight - moved * b
UPDATE = (
    Given(float32),
    operand(0),
    operand(1),
    Number(2, float32),
    Number(3, float32),
    apply("mul", 1, 3),
    apply("add", 5, 0),
    apply("mul", 6, 4),
    apply("sub", 2, 7),
)


def formula(*stored: int, kept: tuple[int, ...] = (), size: int = 1) -> Formula:
    stores = tuple(result(at, 10 + at) for at in stored)
    return Formula(UPDATE, stores, kept, (size,) * len(UPDATE))


def test_all_operands_at_once_take_a_register_each() -> None:
    assert formula(6, 8).freely(()) == 5


def test_what_other_vectors_share_stays() -> None:
    alone, numbers = formula(6, 8), (3, 4)
    steps = alone.frugal
    assert alone.registers(steps, numbers) > alone.registers(steps)


def test_operands_are_read_when_they_are_needed() -> None:
    assert formula(8).registers(formula(8).frugal) == 3
    assert formula(6, 8).registers(formula(6, 8).frugal) == 3
    assert formula(0, 6, 8).registers(formula(0, 6, 8).frugal) == 4


def test_what_is_needed_afterwards_keeps_its_register() -> None:
    kept = formula(8, kept=(0, 6))
    assert kept.registers(kept.frugal) == 4  # these, their product and the weight


def test_wide_expressions_take_more_registers() -> None:
    wide = formula(6, 8, size=2)
    assert wide.freely(()) == 10


def test_each_step_follows_what_it_uses() -> None:
    steps = formula(0, 6, 8).frugal
    assert sorted(step for step in steps if isinstance(step, int)) == list(range(9))
    for number, step in enumerate(steps):
        used = () if isinstance(step, Store) else getattr(UPDATE[step], "arguments", ())
        used = (step.expression,) if isinstance(step, Store) else used
        assert set(used) <= set(steps[:number])


def test_results_may_lie_where_operands_do() -> None:
    steps = formula(0, 6, 8).frugal
    first = min(at for at, step in enumerate(steps) if isinstance(step, Store))
    assert {1, 2} <= set(steps[:first])
