"""Running native code: the LLVM engine and its cache, memory, threads, plans.

llvmlite is imported when the first kernel is compiled, not with this package.
"""
