"""Emitting LLVM IR: the builder, vector mathematics, a module per kernel family."""
