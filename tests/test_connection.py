"""A Hub that does not answer is called that, in one line and soon; what is cached is used without it."""

import errno
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from datasets import config
from huggingface_hub import close_session, constants
from transformers import AutoConfig

from hf_fairtune import connection, hub
from hf_fairtune.cli.main import main
from hf_fairtune.data.source import load_source
from hf_fairtune.errors import FairTuneError
from hf_fairtune.loading import load_classifier, load_processor
from tests.conftest import tiny_vit
from tests.hub_server import Handler, serve
from tests.hub_state import Refusal

ASKED = "team/none"
SOON = 5.0  # seconds, where the Hub is given one


@pytest.fixture(autouse=True)
def online(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the Hub be asked, away from proxies, and forget what it said."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(connection, "PATIENCE", 1.0)
    close_session()
    connection.known_silence.cache_clear()
    connection.note.cache_clear()
    yield
    close_session()
    connection.known_silence.cache_clear()


@pytest.fixture(params=["silent", "closed"])
def endpoint(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A port that takes connections and never answers, or one that takes none."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        if request.param == "silent":
            taken.listen()
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setattr(constants, "ENDPOINT", url)
        yield url


def test_what_loads_by_a_hub_id_says_so_in_one_line(endpoint: str) -> None:
    start = time.monotonic()
    for load in (load_processor, load_classifier, load_source):
        with pytest.raises(FairTuneError) as refused:
            load(ASKED)
        line = str(refused.value)
        assert line.startswith(f"the Hub ({endpoint}) cannot be reached (")
        assert f"), and the cache does not hold all of `{ASKED}`; check the network" in line
        assert "\n" not in line
    assert time.monotonic() - start < SOON
    assert not constants.HF_HUB_OFFLINE
    assert not config.HF_HUB_OFFLINE


def test_a_command_says_so_in_one_line(endpoint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start, folder = time.monotonic(), tmp_path / "o"
    flags = ["--dataset", "x.csv", "--label", "y", "--group", "sex", "--model", ASKED, "--output_dir", str(folder)]
    assert main(["search", *flags]) == 2
    assert time.monotonic() - start < SOON
    (line,) = capsys.readouterr().err.splitlines()
    assert f"the Hub ({endpoint}) cannot be reached" in line
    assert not folder.exists()


def test_a_push_says_so_before_it_begins(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "check", lambda _: None)
    monkeypatch.setattr(hub, "check_whole", lambda *_: None)
    monkeypatch.setattr(hub, "publishable", lambda _: [])
    start = time.monotonic()
    with pytest.raises(FairTuneError, match=rf"the Hub \({endpoint}\) cannot be reached \(.*\); check the network"):
        hub.push(tmp_path, "team/lesions")
    assert time.monotonic() - start < SOON


def test_the_wait_ends_whatever_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server, which no timeout of a connection covers."""

    def slow(*_: object, **__: object) -> None:
        time.sleep(2)
        raise socket.gaierror

    monkeypatch.setattr(connection, "PATIENCE", 0.2)
    monkeypatch.setattr(socket, "getaddrinfo", slow)
    monkeypatch.setattr(constants, "ENDPOINT", "http://hub.invalid")
    start = time.monotonic()
    assert connection.silence() == "no answer in 0.2 s"
    assert time.monotonic() - start < 1.5


def test_any_answer_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        assert connection.silence() is None


def test_what_answers_and_gives_no_file_is_no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy has an answer to everything, which names no error of the Hub."""

    def no_hub(*_: object) -> None:
        raise Refusal(404)

    monkeypatch.setattr(Handler, "_answer", no_hub)
    with serve() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        # What is made of it when the libraries are imported.
        monkeypatch.setattr(config, "HF_ENDPOINT", hub.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        for load in (load_classifier, load_source):
            hub.log.clear()
            with pytest.raises(FairTuneError, match=r"^the Hub \(.*\) cannot be reached \(it gives no file\), and"):
                load(ASKED)
            assert any(ASKED in line for line in hub.log)


def test_what_is_cached_is_used_and_said(
    endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The model lies in the cache as a download leaves it."""
    commit = "0" * 40
    place = tmp_path / "models--team--cached"
    tiny_vit(1).save_pretrained(place / "snapshots" / commit)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(commit)
    with connection.hub_or_cache("team/cached"):
        assert AutoConfig.from_pretrained("team/cached", cache_dir=tmp_path).model_type == "vit"
    (said,) = caplog.messages
    assert said.startswith(f"the Hub ({endpoint}) cannot be reached")


def test_a_folder_asks_nobody(endpoint: str, tmp_path: Path) -> None:
    tiny_vit(1).save_pretrained(tmp_path)
    assert load_classifier(str(tmp_path)).config.model_type == "vit"
    with pytest.raises(FairTuneError, match="`./nowhere` does not exist"):
        load_classifier("./nowhere")
    assert connection.known_silence.cache_info().misses == 0


def test_offline_by_choice_asks_nobody(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(FairTuneError, match=r"cannot be reached \(HF_HUB_OFFLINE is set\)"):
        load_processor(ASKED)


def test_what_the_cache_has_and_is_wrong_is_told_as_that(endpoint: str, tmp_path: Path) -> None:
    with pytest.raises(FairTuneError, match="is wrong"), connection.hub_or_cache(ASKED):
        raise FairTuneError("it is wrong")


@pytest.mark.parametrize(("number", "missing"), [(None, True), (errno.ENOENT, True), (errno.ENOSPC, False)])
def test_a_full_disk_is_no_missing_file(number: int | None, missing: bool) -> None:
    error = OSError("words") if number is None else OSError(number, "words")
    assert connection.is_missing(error) == missing
