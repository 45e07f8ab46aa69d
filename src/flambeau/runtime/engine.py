"""From LLVM IR to callable machine code, through LLVM's LLJIT.

The IR is vectorised by hand, so only cheap clean-up passes run: LLVM's full pipeline
takes several times as long and gained nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from itertools import count
from typing import Any
from weakref import WeakValueDictionary

from .cache import ObjectCache, default_folder
from .forking import Lock, hold_while_forking
from .target import Target, host
from .workers import compile_apart

__all__ = ["Code", "Engine", "engine"]

# LLVM is told two things before anything else. Its scheduler would raise the register
# pressure of unrolled FMA tiles until they spill, which halves a convolution's speed.
# Its loop strength reduction takes two fifths of the time of a compilation, which
# grows faster than unrolled bodies do, and gains nothing where `KernelBuilder.walk`
# moves addresses along.
_OPTIONS = ("-misched-regpressure=false", "-disable-lsr")
_VERSION = "1"  # of the way in which IR is turned into code; part of every key


class Code:
    """Linked machine code: it stays in memory as long as this object.

    Attributes:
        addresses: of the functions by name.
    """

    def __init__(self, addresses: Mapping[str, int], tracker: Any) -> None:
        self.addresses = dict(addresses)
        self._tracker = tracker


class Engine:
    """Compiles for one target, and keeps object code in a cache.

    Attributes:
        listeners: told of each function that is linked: its name, address and size.

    Args:
        target: the CPU.
        cache: where object code is kept; None to compile anew.
    """

    def __init__(self, target: Target, cache: ObjectCache | None) -> None:
        import llvmlite.binding as llvm

        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        for option in _OPTIONS:
            llvm.set_option("flambeau", option)
        _guard_forks()
        self.target = target
        self.cache = cache
        self._llvm = llvm
        self._machine = self._new_machine()
        # LLVM's older linker, which Windows needs, gives each section memory of its
        # own: on ARM that may be further away than code can reach
        self._jit = llvm.create_lljit_compiler(
            self._new_machine(), use_jit_link=os.name == "posix"
        )
        self._numbers = count()
        self._linked: WeakValueDictionary[str, Code] = WeakValueDictionary()
        self._lock = Lock()
        self.listeners: list[Callable[[str, int, int], None]] = []

    def _new_machine(self) -> Any:
        return self._llvm.Target.from_triple(self.target.triple).create_target_machine(
            cpu=self.target.cpu,
            features=self.target.features,
            opt=2,
            reloc="pic",
            codemodel="small",
        )

    def key(self, recipe: str) -> str:
        """Return what object code depends on, as the cache's key."""
        version = ".".join(map(str, self._llvm.llvm_version_info))
        own = self.target
        settings = (_VERSION, version, own.triple, own.cpu, own.features, *_OPTIONS)
        return ObjectCache.key(*settings, recipe)

    def compile(self, ir: str) -> bytes:
        """Return the object code of a module, from the cache or compiled.

        Raises:
            RuntimeError: the IR is not valid, which is a defect of code generation.
        """
        known = self._load(ir)
        return self._store(ir, self._object(ir)) if known is None else known

    def compile_kernels(self, kernels: Sequence[Any], cpus: int = 1) -> list[bytes]:
        """Return the object code of kernels, whose IR the cache may spare.

        Args:
            kernels: to compile.
            cpus: how many may be used.
        """
        found = [self._load(each.recipe) for each in kernels]
        new = [at for at, code in enumerate(found) if code is None]
        asked = [kernels[at] for at in new]
        for number, code in compile_apart(
            asked, self.target, cpus, lambda kernel: self._object(kernel.ir)
        ):
            found[new[number]] = self._store(asked[number].recipe, code)
        return [code for code in found if code is not None]

    def _load(self, recipe: str) -> bytes | None:
        return None if self.cache is None else self.cache.load(self.key(recipe))

    def _store(self, recipe: str, code: bytes) -> bytes:
        if self.cache is not None:
            self.cache.store(self.key(recipe), code)
        return code

    def _object(self, ir: str) -> bytes:
        code: bytes = self._machine.emit_object(self._optimized(ir))
        return code

    def assembly(self, ir: str) -> str:
        """Return what a module is compiled to, as text."""
        return self._machine.emit_assembly(self._optimized(ir))

    def _optimized(self, ir: str) -> Any:
        module = self._llvm.parse_assembly(ir)
        module.triple = self.target.triple
        module.data_layout = str(self._machine.target_data)
        module.verify()
        passes = self._llvm.create_new_module_pass_manager()
        passes.add_always_inliner_pass()
        passes.add_sroa_pass()
        passes.add_instruction_combine_pass()
        passes.add_simplify_cfg_pass()
        passes.add_new_gvn_pass()
        passes.add_dead_code_elimination_pass()
        tuning = self._llvm.create_pipeline_tuning_options(speed_level=1)
        tuning.loop_vectorization = tuning.slp_vectorization = False
        tuning.loop_unrolling = False
        passes.run(module, self._llvm.create_pass_builder(self._machine, tuning))
        return module

    def link(self, code: bytes, names: list[str]) -> Code:
        """Load object code and return the addresses of its functions `names`."""
        with self._lock:
            builder = self._llvm.JITLibraryBuilder().add_object_img(code)
            builder.add_current_process()  # for memcpy and memset, which LLVM may call
            for name in names:
                builder.export_symbol(name)
            tracker = builder.link(self._jit, f"flambeau{next(self._numbers)}")
        for each in self.listeners:
            size = self._text_size(code)
            for name in names:
                each(name, tracker[name], size)
        return Code({name: tracker[name] for name in names}, tracker)

    def _text_size(self, code: bytes) -> int:
        """The bytes of machine code in an object file."""
        sections = self._llvm.ObjectFileRef.from_data(code).sections()
        return sum(each.size() for each in sections if each.is_text())

    def function(self, kernel: Any) -> Code:
        """Return the linked code of a kernel; linked once."""
        return self.functions([kernel])[0]

    def functions(self, kernels: Sequence[Any], cpus: int = 1) -> list[Code]:
        """Return the linked code of each kernel, compiled on so many CPUs."""
        linked = {each.recipe: self._linked.get(each.recipe) for each in kernels}
        new = [each for each in kernels if linked[each.recipe] is None]
        for kernel, content in zip(new, self.compile_kernels(new, cpus), strict=True):
            known = self.link(content, [kernel.name])
            linked[kernel.recipe] = self._linked[kernel.recipe] = known
        return [code for each in kernels if (code := linked[each.recipe]) is not None]


@lru_cache(maxsize=1)
def _guard_forks() -> None:
    """Let no process fork while LLVM is at work, whose locks the child would keep."""
    from llvmlite.binding import ffi

    lock = getattr(ffi.lib, "_lock", None)
    if lock is not None:
        hold_while_forking(lock.__enter__, partial(lock.__exit__, None, None, None))


@lru_cache(maxsize=1)
def engine() -> Engine:
    """Return the engine for this machine, with its cache on disk."""
    folder = default_folder()
    return Engine(host(), None if folder is None else ObjectCache(folder))
