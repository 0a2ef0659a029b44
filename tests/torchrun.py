"""The launcher of two processes on the CPU, for tests of what they do together."""

import sys

# --standalone: on a free port, so that tests can run side by side
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
