"""Where a compiled definition runs: the simulator, Step Functions Local, an emulator, AWS."""
