"""Methods × seeds × tasks under one protocol: what is compared, the units of work, and workers that share them."""
