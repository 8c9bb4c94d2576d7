"""What this machine has for rsinspect: a checkup, its report, and a process that asks devices."""
