"""easel on one machine: the AWS emulator, simulated runtimes and `make up`."""
