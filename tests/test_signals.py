"""Ctrl-C outside of trainings is a KeyboardInterrupt, also where Python would forget it."""

import os
import signal
import time

import pytest

from hf_fairtune.signals import Stopped, listening


class Interrupted:
    """Gets a signal while it is destroyed."""

    def __init__(self, kind: signal.Signals) -> None:
        self.kind = kind

    def __del__(self) -> None:
        os.kill(os.getpid(), self.kind)
        time.sleep(0.01)


@pytest.mark.parametrize(("kind", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Stopped)])
def test_a_signal_in_a_destructor_comes_again(kind: signal.Signals, error: type[BaseException]) -> None:
    def destroy() -> None:
        with listening():
            one = Interrupted(kind)
            del one
            time.sleep(5)

    with pytest.raises(error):
        destroy()
