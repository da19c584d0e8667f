"""Simulated runtimes: HTTP servers that stand in for a GPU.

Each imitates the wire behaviour of one Stable Diffusion runtime as recorded in
``tests/data/captures`` (status codes, shapes, order of events) and draws a picture in place of
generating one. Nothing here knows the queue agent.

``server``, ``control``, ``command_line``, ``jobs``, ``faults``, ``drawing`` and ``pictures`` serve
every runtime; a folder such as ``sdwebui`` holds what is one runtime's own.
"""
