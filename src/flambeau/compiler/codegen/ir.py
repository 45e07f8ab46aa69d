"""LLVM's typed instructions, each written as a line of text when it is asked for.

    b.add(x, y)   ->   %.7 = add i64 %.5, %.6

A value knows its type and what a line calls it, no more: a module is hundreds of
thousands of instructions, and a tree of objects that is printed at the end takes six
times as long. LLVM checks types when it parses the text.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from ctypes import c_float
from functools import cached_property
from typing import Any

__all__ = [
    "UNDEFINED",
    "Block",
    "Builder",
    "DoubleType",
    "FloatType",
    "Function",
    "IntType",
    "Module",
    "Phi",
    "PointerType",
    "StructType",
    "Type",
    "Value",
    "VectorType",
    "VoidType",
    "constant",
]

UNDEFINED = object()
"""What a constant is that may be anything."""

_SIGNS = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}


class Type:
    """A type; those with the same text are equal.

    Attributes:
        text: as LLVM writes it.
        suffix: its abbreviation in the name of an intrinsic.
    """

    def __init__(self, text: str, suffix: str) -> None:
        self.text, self.suffix = text, suffix

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Type) and self.text == other.text)

    def __hash__(self) -> int:
        return hash(self.text)

    def literal(self, number: Any) -> str:
        """Return a number of this type as text."""
        raise TypeError(f"there are no numbers of the type {self.text}")

    @cached_property
    def truth(self) -> Type:
        """The type of a comparison's result."""
        return IntType(1)


class IntType(Type):
    """An integer of some bits; called with a number, it is that constant."""

    def __init__(self, width: int) -> None:
        super().__init__(f"i{width}", f"i{width}")
        self.width = width

    def __call__(self, number: int) -> Value:
        return constant(self, number)

    def literal(self, number: Any) -> str:
        """Return a number of this type as text."""
        return str(int(number))


class DoubleType(Type):
    """A float of 64 bits."""

    def __init__(self) -> None:
        super().__init__("double", "f64")

    def literal(self, number: Any) -> str:
        """Return a number of this type as text: its bits."""
        return f"0x{struct.pack('>d', number).hex()}"


class FloatType(Type):
    """A float of 32 bits."""

    def __init__(self) -> None:
        super().__init__("float", "f32")

    def literal(self, number: Any) -> str:
        """Return a number of this type as text: its bits as a float of 64."""
        return f"0x{struct.pack('>d', c_float(number).value).hex()}"


class VectorType(Type):
    """A vector of some elements."""

    def __init__(self, element: Type, count: int) -> None:
        super().__init__(f"<{count} x {element.text}>", f"v{count}{element.suffix}")
        self.element, self.count = element, count

    def literal(self, number: Any) -> str:
        """Return numbers, one for each lane, as text."""
        lanes = [self.element.literal(each) for each in number]
        if len(set(lanes)) == 1:
            return f"splat ({self.element.text} {lanes[0]})"
        return f"<{', '.join([f'{self.element.text} {each}' for each in lanes])}>"

    @cached_property
    def truth(self) -> Type:
        """The type of a comparison's result."""
        return VectorType(IntType(1), self.count)


class PointerType(Type):
    """An address."""

    def __init__(self) -> None:
        super().__init__("ptr", "p0")


class VoidType(Type):
    """The type of what has no value."""

    def __init__(self) -> None:
        super().__init__("void", "")


class StructType(Type):
    """Values of some types together."""

    def __init__(self, parts: Sequence[Type]) -> None:
        super().__init__(f"{{ {', '.join([each.text for each in parts])} }}", "")
        self.parts = parts


class Value:
    """What an instruction may use.

    Attributes:
        type: its type.
        text: what a line calls it.
        typed: the same after the type's text.
    """

    __slots__ = ("text", "type", "typed")

    def __init__(self, kind: Type, text: str) -> None:
        self.type: Any = kind
        self.text = text
        self.typed = f"{kind.text} {text}"


def constant(kind: Type, number: Any) -> Value:
    """Return a constant.

    Args:
        kind: its type.
        number: the number, or one for each lane; None for zeros, or `UNDEFINED`.
    """
    if number is None:
        return Value(kind, "zeroinitializer")
    return Value(kind, "undef" if number is UNDEFINED else kind.literal(number))


class Block:
    """Instructions that run one after the other.

    Attributes:
        name: its label.
        lines: the instructions but for the last one.
        last: the last one, which says what runs after it.
    """

    __slots__ = ("last", "lines", "name")

    def __init__(self, name: str) -> None:
        self.name, self.last = name, ""
        self.lines: list[str] = []

    def __str__(self) -> str:
        return "\n  ".join([f"{self.name}:", *self.lines, self.last])


class Phi(Value):
    """A value that depends on where control comes from, which is told later."""

    __slots__ = ("_at", "_lines")

    def __init__(self, kind: Type, text: str, lines: list[str]) -> None:
        super().__init__(kind, text)
        self._lines, self._at = lines, len(lines)
        lines.append("")

    def join(self, *incoming: tuple[Value, Block]) -> None:
        """Tell the value for each block that leads here."""
        each = [f"[{value.text}, %{block.name}]" for value, block in incoming]
        self._lines[self._at] = f"{self.text} = phi {self.type.text} {', '.join(each)}"


class Function:
    """A function, which is only declared as long as it has no blocks.

    Attributes:
        args: its arguments.
        called: how a call begins.

    Args:
        name: of the function.
        result: the type of its result.
        kinds: the types of its arguments.
        linkage: a word before its type.
        attributes: words after its arguments.
        apart: whether its pointers lead to different memory.
    """

    def __init__(
        self,
        name: str,
        result: Type,
        kinds: Sequence[Type],
        linkage: str = "",
        attributes: str = "",
        apart: bool = False,
    ) -> None:
        self.result = result
        self.called = f'{result.text} @"{name}"'
        self.args = [Value(kind, f"%.{at}") for at, kind in enumerate(kinds)]
        self.blocks: list[Block] = []
        self._linkage, self._attributes, self._apart = linkage, attributes, apart

    def block(self, name: str) -> Block:
        """Return a new block behind the others."""
        block = Block(f"{name}.{len(self.blocks)}")
        self.blocks.append(block)
        return block

    def __str__(self) -> str:
        if not self.blocks:
            kinds = ", ".join([each.type.text for each in self.args])
            return f"declare {self.called}({kinds})"
        given = ", ".join([self._parameter(each) for each in self.args])
        words = ["define", self._linkage, f"{self.called}({given})", self._attributes]
        head = " ".join([each for each in words if each])
        return "\n".join([f"{head} {{", *map(str, self.blocks), "}"])

    def _parameter(self, value: Value) -> str:
        if self._apart and isinstance(value.type, PointerType):
            return f"{value.type.text} noalias {value.text}"
        return value.typed


class Module:
    """Functions and constants that belong together."""

    def __init__(self) -> None:
        self._constants: dict[str, tuple[Value, str]] = {}
        self._functions: dict[str, Function] = {}

    def function(self, name: str, *arguments: Any, **settings: Any) -> Function:
        """Return a new function."""
        found = self._functions[name] = Function(name, *arguments, **settings)
        return found

    def declared(self, name: str, result: Type, arguments: Sequence[Value]) -> Function:
        """Return the function of a name, declared if there is none."""
        found = self._functions.get(name)
        if found is None:
            found = self.function(name, result, [each.type for each in arguments])
        return found

    def constant(self, name: str, value: Value, align: int) -> Value:
        """Return the address of a constant in memory, of which there is one a name."""
        if name not in self._constants:
            line = f'@"{name}" = private global {value.typed}, align {align}'
            self._constants[name] = Value(PointerType(), f'@"{name}"'), line
        return self._constants[name][0]

    def __str__(self) -> str:
        constants = [line for _, line in self._constants.values()]
        return "\n".join([*constants, *map(str, self._functions.values()), ""])


def _binary(name: str) -> Callable[[Builder, Value, Value], Value]:
    def write(self: Builder, a: Value, b: Value) -> Value:
        """Write this instruction of two values of one type, which the result has."""
        return self.new(a.type, f"{name} {a.typed}, {b.text}")

    return write


def _cast(name: str) -> Callable[[Builder, Value, Type], Value]:
    def write(self: Builder, value: Value, to: Type) -> Value:
        """Write this instruction, which converts to another type."""
        if value.type == to:
            return value
        return self.new(to, f"{name} {value.typed} to {to.text}")

    return write


class Builder:
    """Writes the instructions of a function.

    Attributes:
        block: where they are written.

    Args:
        function: which has no blocks yet. The first one is kept for what happens once.
    """

    def __init__(self, function: Function) -> None:
        self._function, self._count = function, len(function.args)
        self._entry = self.block = function.block("entry")
        self._lines = self.block.lines
        body = function.block("body")
        self.branch(body)
        self.position_at_end(body)

    def new(self, kind: Type, instruction: str) -> Value:
        """Write an instruction; return its value, which has this type."""
        name = f"%.{self._count}"
        self._count += 1
        self._lines.append(f"{name} = {instruction}")
        return Value(kind, name)

    # Blocks

    def position_at_end(self, block: Block) -> None:
        """Write what follows into a block."""
        self.block, self._lines = block, block.lines

    @contextmanager
    def at_entry(self) -> Iterator[None]:
        """Write what the body writes where it happens once."""
        block = self.block
        self.position_at_end(self._entry)
        yield
        self.position_at_end(block)

    def branch(self, to: Block) -> None:
        """Go on with a block."""
        self.block.last = f"br label %{to.name}"

    def cbranch(self, condition: Value, to: Block, other: Block) -> None:
        """Go on with a block if a condition holds, otherwise with another one."""
        self.block.last = f"br {condition.typed}, label %{to.name}, label %{other.name}"

    def ret_void(self) -> None:
        """End the function."""
        self.block.last = "ret void"

    @contextmanager
    def if_then(self, condition: Value) -> Iterator[None]:
        """Do what the body does if a condition holds."""
        then, end = map(self._function.block, ("if", "endif"))
        self.cbranch(condition, then, end)
        with self._inside(then, end):
            yield
        self.position_at_end(end)

    @contextmanager
    def if_else(
        self, condition: Value
    ) -> Iterator[tuple[AbstractContextManager[None], AbstractContextManager[None]]]:
        """Let two bodies do what is done if a condition holds, and if not."""
        then, other, end = map(self._function.block, ("if", "else", "endif"))
        self.cbranch(condition, then, other)
        yield self._inside(then, end), self._inside(other, end)
        self.position_at_end(end)

    @contextmanager
    def _inside(self, block: Block, end: Block) -> Iterator[None]:
        self.position_at_end(block)
        yield
        self.branch(end)

    def phi(self, kind: Type) -> Phi:
        """Return a value that each block before this one tells."""
        self._count += 1
        return Phi(kind, f"%.{self._count - 1}", self._lines)

    # Arithmetic

    add = _binary("add")
    add_nsw = _binary("add nsw")
    sub = _binary("sub")
    mul = _binary("mul")
    sdiv = _binary("sdiv")
    udiv = _binary("udiv")
    srem = _binary("srem")
    urem = _binary("urem")
    shl = _binary("shl")
    ashr = _binary("ashr")
    lshr = _binary("lshr")
    and_ = _binary("and")
    or_ = _binary("or")
    xor = _binary("xor")
    fadd = _binary("fadd")
    fsub = _binary("fsub")
    fmul = _binary("fmul")
    fdiv = _binary("fdiv")

    def neg(self, value: Value) -> Value:
        """Return -x of an integer."""
        return self.sub(constant(value.type, None), value)

    def not_(self, value: Value) -> Value:
        """Return the inverted bits."""
        kind = value.type
        ones = [-1] * kind.count if isinstance(kind, VectorType) else -1
        return self.xor(value, constant(kind, ones))

    def fneg(self, value: Value) -> Value:
        """Return -x of a float."""
        return self.new(value.type, f"fneg {value.typed}")

    # Conversion

    trunc = _cast("trunc")
    zext = _cast("zext")
    sext = _cast("sext")
    fptrunc = _cast("fptrunc")
    fpext = _cast("fpext")
    fptosi = _cast("fptosi")
    sitofp = _cast("sitofp")
    uitofp = _cast("uitofp")
    bitcast = _cast("bitcast")

    # Comparison and selection

    def icmp_signed(self, sign: str, a: Value, b: Value) -> Value:
        """Compare integers: <, <=, >, >=, == or !=."""
        return self._compare("icmp s" if sign[0] in "<>" else "icmp ", sign, a, b)

    def icmp_unsigned(self, sign: str, a: Value, b: Value) -> Value:
        """Compare integers without a sign."""
        return self._compare("icmp u" if sign[0] in "<>" else "icmp ", sign, a, b)

    def fcmp_ordered(self, sign: str, a: Value, b: Value) -> Value:
        """Compare floats: false if one is NaN; "ord" tells that none is."""
        return self._compare("fcmp o" if sign in _SIGNS else "fcmp ", sign, a, b)

    def fcmp_unordered(self, sign: str, a: Value, b: Value) -> Value:
        """Compare floats: true if one is NaN; "uno" tells just that."""
        return self._compare("fcmp u" if sign in _SIGNS else "fcmp ", sign, a, b)

    def _compare(self, name: str, sign: str, a: Value, b: Value) -> Value:
        how = f"{name}{_SIGNS.get(sign, sign)}"
        return self.new(a.type.truth, f"{how} {a.typed}, {b.text}")

    def select(self, condition: Value, a: Value, b: Value) -> Value:
        """Return the first value where a condition holds, else the second one."""
        return self.new(a.type, f"select {condition.typed}, {a.typed}, {b.typed}")

    # Lanes and parts

    def extract_element(self, vector: Value, lane: Value) -> Value:
        """Return a lane of a vector."""
        line = f"extractelement {vector.typed}, {lane.typed}"
        return self.new(vector.type.element, line)

    def insert_element(self, vector: Value, value: Value, lane: Value) -> Value:
        """Return a vector with another value in one lane."""
        line = f"insertelement {vector.typed}, {value.typed}, {lane.typed}"
        return self.new(vector.type, line)

    def shuffle_vector(self, a: Value, b: Value, lanes: Value) -> Value:
        """Collect lanes of two vectors, by a constant vector of their numbers."""
        kind = a.type
        if lanes.type.count != kind.count:
            kind = VectorType(kind.element, lanes.type.count)
        return self.new(kind, f"shufflevector {a.typed}, {b.typed}, {lanes.typed}")

    def extract_value(self, value: Value, part: int) -> Value:
        """Return a part of a structure."""
        kind = value.type.parts[part]
        return self.new(kind, f"extractvalue {value.typed}, {part}")

    # Memory and calls

    def alloca(self, kind: Type) -> Value:
        """Return the address of a place for a value while the function runs."""
        return self.new(PointerType(), f"alloca {kind.text}")

    def gep(self, pointer: Value, offset: Value, kind: Type) -> Value:
        """Return the address so many elements of a type further on."""
        line = f"getelementptr {kind.text}, {pointer.typed}, {offset.typed}"
        return self.new(pointer.type, line)

    def load(self, pointer: Value, kind: Type, align: int = 0) -> Value:
        """Read a value of a type from memory, by default aligned as the type asks."""
        how = f", align {align}" if align else ""
        return self.new(kind, f"load {kind.text}, {pointer.typed}{how}")

    def store(self, value: Value, pointer: Value, align: int = 0) -> None:
        """Write a value to memory, by default aligned as its type asks."""
        how = f", align {align}" if align else ""
        self._lines.append(f"store {value.typed}, {pointer.typed}{how}")

    def fence(self, words: str) -> None:
        """Keep an order of accesses to memory."""
        self._lines.append(f"fence {words}")

    def call(self, function: Function, arguments: Sequence[Value]) -> Value:
        """Call a function."""
        return self._call(function.result, function.called, arguments)

    def asm(
        self,
        result: Type,
        text: str,
        constraints: str,
        arguments: Sequence[Value],
        effects: bool = True,
    ) -> Value:
        """Write assembler, that may have effects beside its result."""
        kind = "asm sideeffect" if effects else "asm"
        how = f'{result.text} {kind} "{text}", "{constraints}"'
        return self._call(result, how, arguments)

    def _call(self, result: Type, called: str, arguments: Sequence[Value]) -> Value:
        line = f"call {called}({', '.join([each.typed for each in arguments])})"
        if not isinstance(result, VoidType):
            return self.new(result, line)
        self._lines.append(line)
        return Value(result, "")
