"""Rules learnt on frozen experts: how K opinions become one."""
