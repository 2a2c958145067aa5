"""Which parts move: spaces of bits, presets, and the PEFT config that carries them."""
