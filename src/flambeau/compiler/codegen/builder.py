"""The kernel builder: loops, vectors and memory on top of LLVM's instructions.

Values are LLVM scalars or vectors of one length. Bools are stored as bytes and
computed as single bits. Every load and store has an explicit alignment; addresses are
element offsets from a buffer's pointer, never integers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeAlias

from ... import dtypes as dt
from ...runtime.target import Target
from . import ir

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

I1, I8, I32, I64 = (ir.IntType(bits) for bits in (1, 8, 32, 64))
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
def _undefined(element: ir.Type, lanes: int) -> ir.Value:
    return ir.constant(_vector(element, lanes), ir.UNDEFINED)


@lru_cache(maxsize=4096)
def _whole(value: int) -> ir.Value:
    return ir.constant(I64, value)


@lru_cache(maxsize=4096)
def _number(kind: dt.dtype, text: str, lanes: int) -> ir.Value:
    """A number, which its text tells from any other one, in every lane."""
    plain = float.fromhex(text) if kind.is_floating_point else int(text)
    return ir.constant(value_type(kind, lanes), [plain] * lanes if lanes > 1 else plain)


@lru_cache
def _positions(lanes: tuple[int, ...]) -> ir.Value:
    return ir.constant(value_type(dt.int32, len(lanes)), lanes)


def _vector(element: ir.Type, lanes: int) -> ir.Type:
    return element if lanes == 1 else ir.VectorType(element, lanes)


class Variable:
    """A value that changes inside loops; LLVM keeps it in a register."""

    def __init__(self, builder: KernelBuilder, initial: ir.Value) -> None:
        self._builder = builder
        self._type = initial.type
        with builder.b.at_entry():
            self._slot = builder.b.alloca(initial.type)
        builder.b.store(initial, self._slot)

    def get(self) -> ir.Value:
        """Return the present value."""
        return self._builder.b.load(self._slot, self._type)

    def set(self, value: ir.Value) -> None:
        """Replace the value."""
        self._builder.b.store(value, self._slot)


class KernelBuilder:
    """Builds one kernel.

    Attributes:
        b: for plain instructions.
        begin: the first chunk to do.
        end: the chunk after the last one.
        workspace: the pointer to the thread's own memory.

    Args:
        name: the function's name.
        target: the CPU, for vector widths.
    """

    def __init__(self, name: str, target: Target) -> None:
        self.name, self.target = name, target
        # LLVM's default on Intel's CPUs is half of AVX-512's
        bits = target.vector_bytes * 8
        names = ("prefer-vector-width", "min-legal-vector-width")
        self._wide = " ".join(f'"{each}"="{bits}"' for each in names)
        self.module = ir.Module()
        self.function = self.module.function(
            name, VOID, [PTR, I64, I64, PTR], attributes=self._wide, apart=True
        )
        self._table, self.begin, self.end, self.workspace = self.function.args
        self.b = ir.Builder(self.function)
        self._buffers: dict[int, ir.Value] = {}
        self._numbers: dict[tuple[int, int], ir.Value] = {}
        self._hidden: ir.Value | None = None
        self._bits: dict[str, ir.Value] = {}  # of masks

    def finish(self) -> str:
        """End the function and return the module."""
        self.b.ret_void()
        return str(self.module)

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
        words = f"cold noinline {self._wide}"
        function = self.module.function(
            name, VOID, kinds, linkage="internal", attributes=words
        )
        outer = self.function, self.b, self._hidden, self._bits
        self.function, self.b, self._hidden = function, ir.Builder(function), None
        self._bits = {}
        yield function, function.args
        self.b.ret_void()
        self.function, self.b, self._hidden, self._bits = outer

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
        head = function.block("loop")
        body = function.block("loop.body")
        done = function.block("loop.done")
        before = b.block
        b.branch(head)
        b.position_at_end(head)
        index = b.phi(I64)
        b.cbranch(b.icmp_signed("<", index, stop), body, done)
        b.position_at_end(body)
        yield index
        following = b.add_nsw(index, self.int(step))
        index.join((start, before), (following, b.block))
        b.branch(head)
        b.position_at_end(done)

    @contextmanager
    def walk(
        self,
        start: Index,
        stop: Index,
        step: Size,
        kind: dt.dtype,
        paths: Sequence[tuple[ir.Value, Size]],
    ) -> Iterator[tuple[ir.Value, list[ir.Value]]]:
        """Count as `loop` does, with addresses that go along; once without a loop.

        Products in the loop would take slots of its multiply-adds.

        Args:
            start: the first number.
            stop: behind the last one.
            step: between two.
            kind: the element type.
            paths: addresses for the number 0, each with how many elements it moves
                from one number to the next.
        """

        def along(index: Index) -> list[ir.Value]:
            return [self.at(at, self.mul(index, each), kind) for at, each in paths]

        if isinstance(start, int) and isinstance(stop, int) and start + step == stop:
            yield self.int(start), along(start)
        elif not self.target.has_many_registers:  # sums would be spilled beside them
            with self.loop(start, stop, step) as index:
                yield index, along(index)
        else:
            places = [self.variable(each) for each in along(start)]
            with self.loop(start, stop, step) as index:
                yield index, [each.get() for each in places]
                for place, (_, each) in zip(places, paths, strict=True):
                    place.set(self.at(place.get(), step * each, kind))

    @contextmanager
    def repeat(self, condition: Callable[[], ir.Value]) -> Iterator[None]:
        """Run the body as long as the condition holds, which is asked before it."""
        b, function = self.b, self.function
        head = function.block("repeat")
        body = function.block("repeat.body")
        done = function.block("repeat.done")
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
        align = lanes * kind.itemsize
        place = self.module.constant(name, known, align)
        return self.b.load(place, known.type, align)

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
        found = ir.constant(kind, ir.UNDEFINED)
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
        full = f"llvm.{name}.{arguments[0].type.suffix}"
        return self.call(full, kind, *arguments)

    def call(self, name: str, result: ir.Type, *arguments: ir.Value) -> ir.Value:
        """Call a function by name, declaring it on first use."""
        return self.b.call(self.module.declared(name, result, arguments), arguments)

    def fma(self, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
        """Return a * b + c, rounded once where the CPU does that in one step."""
        return self.intrinsic("fmuladd", a, b, c)

    # Memory

    def buffer(self, slot: Size) -> ir.Value:
        """Return the pointer in a slot of the table, loaded once at the entry."""
        if slot not in self._buffers:
            with self.b.at_entry():
                place = self.b.gep(self._table, self.int(slot), PTR)
                self._buffers[slot] = self.b.load(place, PTR, align=8)
        return self._buffers[slot]

    def number(self, slot: Size, at: Size) -> ir.Value:
        """Return one of the int64 numbers in a buffer, loaded once at the entry."""
        if (slot, at) not in self._numbers:
            pointer = self.buffer(slot)
            with self.b.at_entry():
                place = self.at(pointer, at, dt.int64)
                self._numbers[slot, at] = self.b.load(place, I64, align=8)
        return self._numbers[slot, at]

    def at(self, pointer: ir.Value, offset: Index, kind: dt.dtype) -> ir.Value:
        """Return the address of an element."""
        return self.b.gep(pointer, self.int(offset), storage_type(kind))

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
            value = self.b.load(place, held, align=kind.itemsize)
        else:
            absent = self._absent(held, kind) if other is None else other
            value = self._masked("load", held, kind, place, mask, absent)
        if kind is dt.bool_:
            return self.b.icmp_unsigned("!=", value, ir.constant(held, None))
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
        value, mask = self._as_vector(value), self._access_mask(mask)
        name = f"llvm.masked.store.{value.type.suffix}.p0"
        align = I32(kind.itemsize)
        self.call(name, VOID, value, place, align, mask)

    def stay(self) -> None:
        """Keep what is read after this behind it: LLVM would load it all before."""
        self.b.fence('syncscope("singlethread") acquire')

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
        result = ir.StructType(kinds) if count > 1 else kinds[0]
        places = [f"={letter}"] * count + [str(at) for at in range(count)]
        text = ",".join([*places, "~{memory}"])
        found = self.b.asm(result, "", text, values)
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
        align = I32(kind.itemsize)
        other, mask = self._as_vector(other), self._access_mask(mask)
        name = f"llvm.masked.{what}.{other.type.suffix}.p0"
        found = self.call(name, other.type, place, align, mask, other)
        return found if isinstance(held, ir.VectorType) else self.lane(found, 0)

    def _access_mask(self, mask: ir.Value) -> ir.Value:
        """Return a mask for one access, as a vector.

        Where LLVM branches on its lanes, it would make vectors of the bits to keep them
        from one access to the next. So they are hidden, if they are not known.
        """
        if not self.target.branches_on_masks or mask.text not in self._bits:
            return self._as_vector(mask)
        bits = self._bits[mask.text]
        word = self.b.zext(bits, I32)
        known = self.call("llvm.is.constant.i32", I1, word)
        hidden = self.b.asm(I32, "", "=r,0", [word], effects=False)
        word = self.b.select(known, word, hidden)
        return self.b.bitcast(self.b.trunc(word, bits.type), mask.type)

    def _absent(self, held: ir.Type, kind: dt.dtype) -> ir.Value:
        """Return 0 for the lanes that a mask leaves out.

        Where LLVM branches on each lane, one zero for all loads would take a register
        between them.
        """
        zero, letter = ir.constant(held, None), self.target.register_class
        lanes = held.count if isinstance(held, ir.VectorType) else 1
        fills = lanes * kind.itemsize == self.target.vector_bytes
        if not (self.target.branches_on_masks and fills and letter):
            return zero
        return self.b.asm(held, "", f"={letter},0", [zero], effects=False)

    def _as_vector(self, value: ir.Value) -> ir.Value:
        """Return a scalar as the vector of one lane that masked accesses take."""
        if isinstance(value.type, ir.VectorType):
            return value
        alone = ir.constant(ir.VectorType(value.type, 1), ir.UNDEFINED)
        return self.b.insert_element(alone, value, ir.IntType(32)(0))

    def first_lanes(self, count: ir.Value, lanes: Size) -> ir.Value:
        """Return the mask of the first `count` lanes; of a single lane, one bit."""
        count = self.b.add(count, self._zero())
        if lanes == 1:
            return self.b.icmp_signed("<", self.int(0), count)
        few = self.maximum(self.minimum(count, lanes), 0)
        # bits where masks have registers of their own, or LLVM branches on each bit
        if self.target.has_masks or self.target.branches_on_masks:
            bits = self.b.sub(self.b.shl(self.int(1), few), self.int(1))
            bits = self.b.trunc(bits, ir.IntType(lanes))
            mask = self.b.bitcast(bits, ir.VectorType(I1, lanes))
            self._bits[mask.text] = bits
            return mask
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
            with self.b.at_entry():
                self._hidden = self.b.lshr(number, self.int(63))
        return self._hidden
