"""Python in a process of its own with the tests' Hub, as huggingface_hub reads its environment at import."""

import os
import subprocess
import sys
from pathlib import Path

from .hub_server import TOKEN


def client(url: str, home: Path, *command: str, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
    """Run Python with `url` as its Hub, away from the user's own settings and proxies."""
    env = {key: value for key, value in os.environ.items() if "proxy" not in key.lower() and not key.startswith("HF_")}
    env |= {"HF_ENDPOINT": url, "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": token, "HF_HOME": str(home)}
    env |= {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    root = Path(__file__).parent.parent
    return subprocess.run(
        [sys.executable, *command], env=env, cwd=root, capture_output=True, text=True, timeout=300, check=False
    )


def push_elsewhere(url: str, folder: Path, options: str = "", token: str = TOKEN, said: str = "") -> str:
    """Push from a process of its own; return the one line it was refused with, or the commit where `said` is "url"."""
    code = "from hf_fairtune.hub import push, FairTuneError\n"
    call = f"push({str(folder)!r}, 'tester/lesions', {options})"
    code += (
        f"try:\n    done = {call}\n    {'print(done.url)' if said else ''}\nexcept FairTuneError as e:\n    print(e)"
    )
    done = client(url, folder.parent / "home", "-c", code, token=token)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    return done.stdout
