"""An instrument for networks of one's own: what the engine measures, in any PyTorch training loop.

`watch` holds the hooks, `parts` says what there is to measure in a module, `outputs` measures what
flows through it, `unrolled` takes recurrent layers apart by time step, `record` keeps what was
measured and shows it, `expected` puts theory beneath it; `profile` measures once.
"""
