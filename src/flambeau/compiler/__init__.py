"""From graphs to native kernels: passes that plan, and families that emit LLVM IR."""
