"""The kernel builder: loops, vectors and memory on top of llvmlite's typed IR.

Values are LLVM scalars or vectors of one length. Bools are stored as bytes and
computed as single bits. Every load and store has an explicit alignment; addresses are
element offsets from a buffer's pointer, never integers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeAlias

from llvmlite import ir

from ... import dtypes as dt
from ...runtime.target import Target

__all__ = [
    "I1",
    "I64",
    "LINE_BYTES",
    "PTR",
    "Index",
    "KernelBuilder",
    "Variable",
    "storage_type",
    "value_type",
]

LINE_BYTES = 64
"""Bytes of a line of a cache."""

I1, I8, I64 = ir.IntType(1), ir.IntType(8), ir.IntType(64)
PTR, VOID = ir.PointerType(), ir.VoidType()

_TYPES = {
    dt.bool_: I1,
    dt.uint8: I8,
    dt.int8: I8,
    dt.int16: ir.IntType(16),
    dt.int32: ir.IntType(32),
    dt.int64: I64,
    dt.uint16: ir.IntType(16),
    dt.uint32: ir.IntType(32),
    dt.uint64: I64,
    dt.float32: ir.FloatType(),
    dt.float64: ir.DoubleType(),
}

_BITS = {dt.float32: dt.int32, dt.float64: dt.int64}
_PREFETCHES = 4  # in the body of a loop

_HEAD = re.compile(r"^define .*$", re.MULTILINE)

# the builder's method `int` hides the type's name inside its class
Size: TypeAlias = int
Index: TypeAlias = int | ir.Value


@lru_cache
def value_type(kind: dt.dtype, lanes: int = 1) -> ir.Type:
    """Return the LLVM type in which elements are computed."""
    return _vector(_TYPES[kind], lanes)


@lru_cache
def storage_type(kind: dt.dtype, lanes: int = 1) -> ir.Type:
    """Return the LLVM type in which elements lie in memory."""
    return _vector(I8 if kind is dt.bool_ else _TYPES[kind], lanes)


# Types and constants write themselves as text once: the same ones are used again.


@lru_cache
def _undefined(element: ir.Type, lanes: int) -> ir.Constant:
    return ir.Constant(_vector(element, lanes), ir.Undefined)


@lru_cache(maxsize=4096)
def _whole(value: int) -> ir.Constant:
    return ir.Constant(I64, value)


@lru_cache(maxsize=4096)
def _number(kind: dt.dtype, text: str, lanes: int) -> ir.Constant:
    """A number, which its text tells from any other one, in every lane."""
    plain = float.fromhex(text) if kind.is_floating_point else int(text)
    return ir.Constant(value_type(kind, lanes), [plain] * lanes if lanes > 1 else plain)


@lru_cache
def _positions(lanes: tuple[int, ...]) -> ir.Constant:
    return ir.Constant(value_type(dt.int32, len(lanes)), lanes)


def _opened(function: ir.Function) -> ir.IRBuilder:
    """A builder behind the entry block, which is kept for what happens once."""
    entry, body = map(function.append_basic_block, ("entry", "body"))
    ir.IRBuilder(entry).branch(body)
    return ir.IRBuilder(body)


def _vector(element: ir.Type, lanes: int) -> ir.Type:
    return element if lanes == 1 else ir.VectorType(element, lanes)


class Variable:
    """A value that changes inside loops; LLVM keeps it in a register."""

    def __init__(self, builder: KernelBuilder, initial: ir.Value) -> None:
        self._builder = builder
        self._type = initial.type
        with builder.b.goto_entry_block():
            self._slot = builder.b.alloca(initial.type)
        builder.b.store(initial, self._slot)

    def get(self) -> ir.Value:
        """Return the present value."""
        return self._builder.b.load(self._slot, typ=self._type)

    def set(self, value: ir.Value) -> None:
        """Replace the value."""
        self._builder.b.store(value, self._slot)


class KernelBuilder:
    """Builds one kernel.

    Attributes:
        b: llvmlite's builder, for plain instructions.
        begin: the first chunk to do.
        end: the chunk after the last one.
        workspace: the pointer to the thread's own memory.

    Args:
        name: the function's name.
        target: the CPU, for vector widths.
    """

    def __init__(self, name: str, target: Target) -> None:
        self.name, self.target = name, target
        self.module = ir.Module(name)
        signature = ir.FunctionType(VOID, [PTR, I64, I64, PTR])
        self.function = ir.Function(self.module, signature, name)
        table, self.begin, self.end, self.workspace = self.function.args
        table.add_attribute("noalias")
        self.workspace.add_attribute("noalias")
        self._table = table
        self.b = _opened(self.function)
        self._buffers: dict[int, ir.Value] = {}
        self._numbers: dict[tuple[int, int], ir.Value] = {}
        self._hidden: ir.Value | None = None

    def finish(self) -> str:
        """End the function and return the module, with leave to use full vectors."""
        self.b.ret_void()
        # LLVM's default on Intel's CPUs is half of AVX-512's
        bits = self.target.vector_bytes * 8
        names = ("prefer-vector-width", "min-legal-vector-width")
        wide = " ".join(f'"{name}"="{bits}"' for name in names)
        return _HEAD.sub(rf"\g<0> {wide}", str(self.module))

    @contextmanager
    def aside(
        self, name: str, kinds: Sequence[ir.Type]
    ) -> Iterator[tuple[ir.Function, Sequence[ir.Value]]]:
        """Let the body be a function of its own, for what a kernel hardly ever does.

        Args:
            name: of the function.
            kinds: of its arguments.

        Yields:
            The function, which returns nothing, and its arguments.
        """
        function = ir.Function(self.module, ir.FunctionType(VOID, kinds), name)
        function.linkage = "internal"
        for each in ("cold", "noinline"):
            function.attributes.add(each)
        outer = self.function, self.b, self._hidden
        self.function, self.b, self._hidden = function, _opened(function), None
        yield function, function.args
        self.b.ret_void()
        self.function, self.b, self._hidden = outer

    # Integers and control flow

    def int(self, value: Index) -> ir.Value:
        """Return a 64-bit integer constant, or the value that is one already."""
        return _whole(value) if isinstance(value, int) else value

    def add(self, a: Index, b: Index) -> ir.Value:
        """Add two indices, at compile time where both are known or one is 0."""
        if isinstance(a, int) and isinstance(b, int):
            return self.int(a + b)
        if isinstance(a, int) and a == 0:
            return self.int(b)
        if isinstance(b, int) and b == 0:
            return self.int(a)
        return self.b.add(self.int(a), self.int(b))

    def mul(self, a: Index, b: Index) -> ir.Value:
        """Multiply two indices, at compile time where possible."""
        if isinstance(a, int) and isinstance(b, int):
            return self.int(a * b)
        if isinstance(a, int):
            a, b = b, a
        if isinstance(b, int) and b in (0, 1):
            return self.int(0) if b == 0 else self.int(a)
        return self.b.mul(self.int(a), self.int(b))

    def sub(self, a: Index, b: Index) -> ir.Value:
        """Subtract two indices."""
        return self.add(a, -b) if isinstance(b, int) else self.b.sub(self.int(a), b)

    def div(self, a: ir.Value, b: Size) -> ir.Value:
        """Divide an index by a positive constant, rounding toward zero."""
        return a if b == 1 else self.b.sdiv(a, self.int(b))

    def split(self, a: ir.Value, b: Index) -> tuple[ir.Value, ir.Value]:
        """Return quotient and remainder of an index that is not negative."""
        if isinstance(b, int) and b == 1:
            return a, self.int(0)
        return self.b.udiv(a, self.int(b)), self.b.urem(a, self.int(b))

    def minimum(self, a: Index, b: Index) -> ir.Value:
        """Return the smaller of two indices."""
        a, b = self.int(a), self.int(b)
        return self.b.select(self.b.icmp_signed("<", a, b), a, b)

    def maximum(self, a: Index, b: Index) -> ir.Value:
        """Return the larger of two indices."""
        a, b = self.int(a), self.int(b)
        return self.b.select(self.b.icmp_signed("<", a, b), b, a)

    @contextmanager
    def loop(self, start: Index, stop: Index, step: Size = 1) -> Iterator[ir.Value]:
        """Count from `start` below `stop`; without such a number nothing runs."""
        b, function = self.b, self.function
        start, stop = self.int(start), self.int(stop)
        head = function.append_basic_block("loop")
        body = function.append_basic_block("loop.body")
        done = function.append_basic_block("loop.done")
        before = b.block
        b.branch(head)
        b.position_at_end(head)
        index = b.phi(I64)
        index.add_incoming(start, before)
        b.cbranch(b.icmp_signed("<", index, stop), body, done)
        b.position_at_end(body)
        yield index
        following = b.add(index, self.int(step), flags=("nsw",))
        index.add_incoming(following, b.block)
        b.branch(head)
        b.position_at_end(done)

    @contextmanager
    def repeat(self, condition: Callable[[], ir.Value]) -> Iterator[None]:
        """Run the body as long as the condition holds, which is asked before it."""
        b, function = self.b, self.function
        head = function.append_basic_block("repeat")
        body = function.append_basic_block("repeat.body")
        done = function.append_basic_block("repeat.done")
        b.branch(head)
        b.position_at_end(head)
        b.cbranch(condition(), body, done)
        b.position_at_end(body)
        yield
        b.branch(head)
        b.position_at_end(done)

    @contextmanager
    def when(self, condition: ir.Value) -> Iterator[None]:
        """Run the body if the condition holds."""
        with self.b.if_then(condition):
            yield

    def variable(self, initial: ir.Value) -> Variable:
        """Return a variable with a first value."""
        return Variable(self, initial)

    # Values

    def constant(self, number: float, kind: dt.dtype, lanes: Size = 1) -> ir.Value:
        """Return a number as a scalar or in every lane of a vector."""
        is_float = kind.is_floating_point
        text = float(number).hex() if is_float else str(int(number))
        return _number(kind, text, lanes)

    def coefficient(self, number: float, kind: dt.dtype, lanes: Size) -> ir.Value:
        """Return a number of a long formula in every lane.

        LLVM would keep those of a loop in registers before it and spill what changes,
        so where they are few it learns what the number is only when it reads it.
        """
        known = self.constant(number, kind, lanes)
        if lanes == 1 or not (number and self.target.rereads_numbers):
            return known
        name = f"number_{kind.name}_{lanes}_{number}"
        place = self.module.globals.get(name)
        if place is None:
            place = ir.GlobalVariable(self.module, known.type, name)
            place.linkage, place.align = "private", lanes * kind.itemsize
            place.initializer = known
        return self.b.load(place, typ=known.type, align=place.align)

    def size(self, x: ir.Value, kind: dt.dtype) -> ir.Value:
        """Return the absolute value of a float in a long formula."""
        if not self._has_bits(x):
            return self.intrinsic("fabs", x)
        return self._with(x, kind, (1 << (8 * kind.itemsize - 1)) - 1)

    def signed(self, x: ir.Value, like: ir.Value, kind: dt.dtype) -> ir.Value:
        """Return a float in a long formula with the sign of another one."""
        if not self._has_bits(x):
            return self.intrinsic("copysign", x, like)
        bits = value_type(_BITS[kind], x.type.count)
        sign = self._with(like, kind, -1 << (8 * kind.itemsize - 1))
        parts = (self.b.bitcast(each, bits) for each in (self.size(x, kind), sign))
        return self.b.bitcast(self.b.or_(*parts), x.type)

    def _has_bits(self, x: ir.Value) -> bool:
        """Whether masks of a vector's bits are read again wherever they are used."""
        return self.target.rereads_numbers and isinstance(x.type, ir.VectorType)

    def _with(self, x: ir.Value, kind: dt.dtype, bits: Size) -> ir.Value:
        """Return a vector of floats with some of their bits."""
        mask = self.coefficient(bits, _BITS[kind], x.type.count)
        return self.b.bitcast(self.b.and_(self.b.bitcast(x, mask.type), mask), x.type)

    def polynomial(
        self, kind: dt.dtype, x: ir.Value, coefficients: Sequence[float], lanes: Size
    ) -> ir.Value:
        """Return a polynomial by Horner's scheme, the highest power first."""
        x = self.settled(x, kind)
        result = self.coefficient(coefficients[0], kind, lanes)
        for each in coefficients[1:]:
            result = self.fma(result, x, self.coefficient(each, kind, lanes))
            if not self.target.is_x86:  # LLVM would load all numbers first
                result = self.settled(result, kind)
        return result

    def splat(self, value: ir.Value, lanes: Size) -> ir.Value:
        """Return a vector with a scalar in every lane; vectors stay as they are."""
        if lanes == 1 or isinstance(value.type, ir.VectorType):
            return value
        undefined = _undefined(value.type, lanes)
        zero, zeros = (self.constant(0, dt.int32, count) for count in (1, lanes))
        first = self.b.insert_element(undefined, value, zero)
        return self.b.shuffle_vector(first, undefined, zeros)

    def shuffle(self, a: ir.Value, b: ir.Value, lanes: Sequence[Size]) -> ir.Value:
        """Collect lanes of two vectors, those of the second counted after the first."""
        return self.b.shuffle_vector(a, b, _positions(tuple(lanes)))

    def lane(self, value: ir.Value, lane: Index) -> ir.Value:
        """Return one lane of a vector; a scalar is its own lane 0."""
        if not isinstance(value.type, ir.VectorType):
            return value
        return self.b.extract_element(value, self.int(lane))

    def vector(self, lanes: list[ir.Value]) -> ir.Value:
        """Return a vector of scalars; a single one stays a scalar."""
        if len(lanes) == 1:
            return lanes[0]
        kind = ir.VectorType(lanes[0].type, len(lanes))
        found = ir.Constant(kind, ir.Undefined)
        for number, each in enumerate(lanes):
            found = self.b.insert_element(found, each, ir.IntType(32)(number))
        return found

    def any_lane(self, mask: ir.Value) -> ir.Value:
        """Return whether some lane of a mask is set."""
        if not isinstance(mask.type, ir.VectorType):
            return mask
        return self.intrinsic("vector.reduce.or", mask, result=I1)

    def intrinsic(
        self, name: str, *arguments: ir.Value, result: Any = None
    ) -> ir.Value:
        """Call an LLVM intrinsic that is overloaded by its (first) type."""
        kind = result or arguments[0].type
        full = f"llvm.{name}.{_suffix(arguments[0].type)}"
        return self.call(full, kind, *arguments)

    def call(self, name: str, result: ir.Type, *arguments: ir.Value) -> ir.Value:
        """Call a function by name, declaring it on first use."""
        known = self.module.globals.get(name)
        if known is None:
            signature = ir.FunctionType(result, [each.type for each in arguments])
            known = ir.Function(self.module, signature, name)
        return self.b.call(known, arguments)

    def fma(self, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
        """Return a * b + c, rounded once where the CPU does that in one step."""
        return self.intrinsic("fmuladd", a, b, c)

    # Memory

    def buffer(self, slot: Size) -> ir.Value:
        """Return the pointer in a slot of the table, loaded once at the entry."""
        if slot not in self._buffers:
            with self.b.goto_entry_block():
                place = self.b.gep(self._table, [self.int(slot)], source_etype=PTR)
                self._buffers[slot] = self.b.load(place, typ=PTR, align=8)
        return self._buffers[slot]

    def number(self, slot: Size, at: Size) -> ir.Value:
        """Return one of the int64 numbers in a buffer, loaded once at the entry."""
        if (slot, at) not in self._numbers:
            pointer = self.buffer(slot)
            with self.b.goto_entry_block():
                place = self.at(pointer, at, dt.int64)
                self._numbers[slot, at] = self.b.load(place, typ=I64, align=8)
        return self._numbers[slot, at]

    def at(self, pointer: ir.Value, offset: Index, kind: dt.dtype) -> ir.Value:
        """Return the address of an element."""
        return self.b.gep(
            pointer, [self.int(offset)], source_etype=storage_type(kind), inbounds=False
        )

    def load(
        self,
        pointer: ir.Value,
        offset: Index,
        kind: dt.dtype,
        lanes: Size = 1,
        mask: ir.Value | None = None,
        other: ir.Value | None = None,
    ) -> ir.Value:
        """Load an element, or a vector of neighbours.

        Lanes that the mask leaves out are not read: they are `other`, or 0.
        """
        place, held = self.at(pointer, offset, kind), storage_type(kind, lanes)
        if mask is None:
            value = self.b.load(place, typ=held, align=kind.itemsize)
        else:
            absent = ir.Constant(held, None) if other is None else other
            value = self._masked("load", held, kind, place, mask, absent)
        if kind is dt.bool_:
            return self.b.icmp_unsigned("!=", value, ir.Constant(held, None))
        return value

    def store(
        self,
        value: ir.Value,
        pointer: ir.Value,
        offset: Index,
        kind: dt.dtype,
        mask: ir.Value | None = None,
    ) -> None:
        """Store an element, or a vector to neighbours, where the mask allows it."""
        if kind is dt.bool_:
            lanes = value.type.count if isinstance(value.type, ir.VectorType) else 1
            value = self.b.zext(value, storage_type(kind, lanes))
        place = self.at(pointer, offset, kind)
        if mask is None:
            self.b.store(value, place, align=kind.itemsize)
            return
        value, mask = self._as_vector(value), self._as_vector(mask)
        name = f"llvm.masked.store.{_suffix(value.type)}.p0"
        align = ir.IntType(32)(kind.itemsize)
        self.call(name, VOID, value, place, align, mask)

    def stay(self) -> None:
        """Keep what is read after this behind it: LLVM would load it all before."""
        self.b.fence("acquire", "singlethread")

    def settled(self, value: ir.Value, kind: dt.dtype) -> ir.Value:
        """Return a value of a long formula that is there before anything else is read.

        Only floats, and where numbers are read again.
        """
        held = value.type
        if not (kind.is_floating_point and self._has_bits(value)):
            return value
        if held.count * kind.itemsize not in (16, self.target.vector_bytes):
            self.stay()  # no register has this size
            return value
        return self.finished([value])[0]

    def finished(self, values: Sequence[ir.Value]) -> list[ir.Value]:
        """Return vectors that are there before anything else is read.

        LLVM moves arithmetic across a fence. The instruction is none, but LLVM does not
        know that it leaves the values and the memory as they are.
        """
        letter, count = self.target.register_class, len(values)
        if not letter:
            self.stay()
            return list(values)
        kinds = [each.type for each in values]
        result = ir.LiteralStructType(kinds) if count > 1 else kinds[0]
        signature = ir.FunctionType(result, kinds)
        places = [f"={letter}"] * count + [str(at) for at in range(count)]
        text = ",".join([*places, "~{memory}"])
        found = self.b.asm(signature, "", text, values, side_effect=True)
        if count == 1:
            return [found]
        return [self.b.extract_value(found, at) for at in range(count)]

    def prefetch(
        self,
        pointer: ir.Value,
        offset: Index,
        kind: dt.dtype,
        write: bool = False,
        soon: bool = True,
    ) -> None:
        """Ask for the line of an element to be brought near; it may lie outside.

        Args:
            pointer: of the buffer.
            offset: of the element.
            kind: the element type.
            write: whether it will be written.
            soon: whether to bring it to the nearest cache, or to the next one.
        """
        word = ir.IntType(32)
        options = (word(int(write)), word(3 if soon else 2), word(1))
        place = self.at(pointer, offset, kind)
        self.call("llvm.prefetch.p0", VOID, place, *options)

    def prefetch_row(
        self, slot: Size, offset: Index, count: Size, kind: dt.dtype
    ) -> None:
        """Ask for neighbouring elements of a buffer to be brought to the next cache.

        Args:
            slot: of the buffer.
            offset: of the first element; it may lie outside.
            count: how many there are; a few more may come with them.
            kind: the element type.
        """
        lanes = self.target.lanes(kind.itemsize)
        together = min(-(-count // lanes), _PREFETCHES)
        with self.loop(0, count, together * lanes) as at:
            place = self.add(offset, at)
            for vector in range(together):
                there = self.add(place, vector * lanes)
                self.prefetch(self.buffer(slot), there, kind, soon=False)

    def _masked(
        self,
        what: str,
        held: ir.Type,
        kind: dt.dtype,
        place: ir.Value,
        mask: ir.Value,
        other: ir.Value,
    ) -> ir.Value:
        align = ir.IntType(32)(kind.itemsize)
        other, mask = self._as_vector(other), self._as_vector(mask)
        name = f"llvm.masked.{what}.{_suffix(other.type)}.p0"
        found = self.call(name, other.type, place, align, mask, other)
        return found if isinstance(held, ir.VectorType) else self.lane(found, 0)

    def _as_vector(self, value: ir.Value) -> ir.Value:
        """Return a scalar as the vector of one lane that masked accesses take."""
        if isinstance(value.type, ir.VectorType):
            return value
        alone = ir.Constant(ir.VectorType(value.type, 1), ir.Undefined)
        return self.b.insert_element(alone, value, ir.IntType(32)(0))

    def first_lanes(self, count: ir.Value, lanes: Size) -> ir.Value:
        """Return the mask of the first `count` lanes; of a single lane, one bit."""
        count = self.b.add(count, self._zero())
        if lanes == 1:
            return self.b.icmp_signed("<", self.int(0), count)
        few = self.maximum(self.minimum(count, lanes), 0)
        if self.target.has_masks:
            bits = self.b.sub(self.b.shl(self.int(1), few), self.int(1))
            bits = self.b.trunc(bits, ir.IntType(lanes))
            return self.b.bitcast(bits, ir.VectorType(I1, lanes))
        # fewer bits than an index has: a vector of 64-bit ones takes two registers
        narrow = self.b.trunc(few, value_type(dt.int32))
        numbers = _positions(tuple(range(lanes)))
        return self.b.icmp_signed("<", numbers, self.splat(narrow, lanes))

    def _zero(self) -> ir.Value:
        """0, which LLVM does not know: the sign of an argument that counts something.

        LLVM 22 forgets the mask of a store that narrows its value, if the mask is
        known to have one lane.
        """
        if self._hidden is None:
            number = next(each for each in self.function.args if each.type == I64)
            with self.b.goto_entry_block():
                self._hidden = self.b.lshr(number, self.int(63))
        return self._hidden


def _suffix(kind: ir.Type) -> str:
    """LLVM's abbreviation of a type in an intrinsic's name."""
    if isinstance(kind, ir.VectorType):
        return f"v{kind.count}{_suffix(kind.element)}"
    if isinstance(kind, ir.FloatType):
        return "f32"
    return "f64" if isinstance(kind, ir.DoubleType) else f"i{kind.width}"
