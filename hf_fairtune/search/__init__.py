"""The space, the sampler, the pruner and the study of a mask search."""
