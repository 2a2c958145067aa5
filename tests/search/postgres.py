"""A PostgreSQL server of Debian's package, for as long as a test takes."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PASSWORD = "p@ss/word"
SPELT = "p%40ss%2Fword"


@contextmanager
def server() -> Iterator[str]:
    """Yield the URL of a server in a folder of its own, with a password, on a socket there.

    It runs as `postgres` where this is root, which PostgreSQL refuses to be.
    """
    pytest.importorskip("psycopg", reason="no psycopg: `pip install hf-fairtune[postgres]`")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("no server in /usr/lib/postgresql: `apt-get install postgresql`")
    user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        key = Path(folder) / "key"
        key.write_text(PASSWORD)
        if os.getuid() == 0:
            for path in (folder, key):
                shutil.chown(path, user)

        def run(name: str, *arguments: str) -> None:
            command = [str(found[-1].parent / name), "-D", f"{folder}/data", *arguments]
            subprocess.run(
                command, user=user if os.getuid() == 0 else None, cwd=folder, check=True, capture_output=True
            )

        run("initdb", "-U", "clinic", "-A", "scram-sha-256", "--pwfile", str(key), "--no-sync", "-E", "UTF8")
        run("pg_ctl", "-w", "-l", f"{folder}/log", "-o", f"-k {folder} -c listen_addresses= -c fsync=off", "start")
        try:
            yield f"postgresql://clinic:{SPELT}@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
