"""Ready-made compositions of nodes, one a file: each takes typed nodes and is a typed node."""
