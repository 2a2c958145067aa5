"""Statistics of scored rows: resampling, intervals, bands, permutations and tests."""
