"""The queue agent: takes tasks from a queue, runs each on its runtime, stores the results."""
