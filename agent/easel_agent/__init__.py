"""The queue agent: takes tasks from a queue, has the runtime beside it make them, stores them."""
