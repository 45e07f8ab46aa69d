"""How groups of nodes become kernels on buffers: a module for each family."""
