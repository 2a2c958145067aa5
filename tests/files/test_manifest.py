"""What is handed over is named with its hash, flushed before it is renamed, and checked before it is relied on."""

import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from transformers import ViTImageProcessorPil

from hf_fairtune import handover
from hf_fairtune.cli.main import main
from hf_fairtune.document.document import Document
from hf_fairtune.document.run import Base, Run
from hf_fairtune.errors import FairTuneError
from hf_fairtune.files import manifest
from hf_fairtune.files.folder import claim
from hf_fairtune.files.lock import hold
from hf_fairtune.hub import push
from hf_fairtune.loading import load_classifier
from hf_fairtune.show.files import write_audit
from tests.conftest import KilledError, tiny_vit
from tests.document_samples import document
from tests.other_process import Forked

CARD = "---\nlicense: mit\n---\n# Lesions\n"


def write_card(made: Document, folder: Path, license: str | None = None) -> None:
    contact = made.run.contact if made.run else None
    (folder / "README.md").write_text(f"{CARD}{contact or ''}\n")
    (folder / "figures").mkdir(exist_ok=True)
    (folder / "figures" / "gap.png").write_text("drawn")


def hand_over(folder: Path, seed: int = 1) -> None:
    made = document({("F",): (6, 30), ("M",): (40, 50)})
    processor = ViTImageProcessorPil(size={"height": 16, "width": 16})
    handover.write(
        folder, tiny_vit(), processor, replace(made, job="train", run=Run(seed, Base("tiny", "vit", 16, 5)))
    )


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a finished run."""
    monkeypatch.setattr(handover, "write_card", write_card)
    claim(tmp_path / "out", {})
    hand_over(tmp_path / "out")
    return tmp_path / "out"


def sent(folder: Path) -> list[str]:
    return [name for name, _ in push(folder, "me/x", dry_run=True).files]


def test_it_names_every_file_and_a_push_sends_just_these(out: Path) -> None:
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert {*manifest.load(out)} == files - {"manifest.json", "run.json"}
    manifest.check(out)
    shared = sorted(name.removeprefix("share/") for name in files if name.startswith("share/"))
    # The card does not show the figure.
    assert sent(out) == [name for name in shared if name != "figures/gap.png"]
    for name in ("model-00001-of-00002.safetensors", "adapter/mask.json", "figures/eye.png"):
        (out / "share" / name).parent.mkdir(exist_ok=True)
        (out / "share" / name).write_text("patient 17")
    assert sent(out) == [name for name in shared if name != "figures/gap.png"]


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def linked(path: Path) -> None:
    path.unlink()
    path.symlink_to(shutil.copy(path.parent / "config.json", path.parent / "patients.csv"))


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (Path.unlink, "is missing"),
    "empty": (emptied, r"has 0 bytes, not the [\d,]+ that were handed over"),
    "flipped bit": (flipped, "has other content than was handed over"),
    "link": (linked, "is a link, not the file that was handed over"),
}
AGAIN = "restore it, or delete `fairtune.json` there and give the run's command again, which goes on from the last"


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", ["model.safetensors", "share/model.safetensors", "fairtune.json", "README.md"])
def test_damage_is_one_line(out: Path, name: str, damage: str) -> None:
    # The one in share/ and the one beside it are one file on the disk.
    shutil.copy(out / name, out / "own")
    (out / "own").replace(out / name)
    change, said = DAMAGE[damage]
    change(out / name)
    do = AGAIN if "model" in name else "restore it, or delete it and give" if "fair" in name else "`fairtune report"
    line = rf"out/{name}` {said}; {do}"
    with pytest.raises(FairTuneError, match=line):
        manifest.check(out)
    if name == "model.safetensors" and damage != "missing":
        with pytest.raises(FairTuneError, match=line):
            load_classifier(str(out))
    if name == "fairtune.json":
        line += "|holds a run that is not finished"
    if name == "README.md" and damage in ("flipped bit", "link"):
        # It may have been edited, and is not what is sent.
        assert sent(out)
    else:
        with pytest.raises(FairTuneError, match=line):
            sent(out)


def test_an_edited_card_is_sent_only_where_one_says_so(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not what else was changed, nor a picture that only the edit shows."""
    card = out / "share" / "README.md"
    card.write_text(card.read_text() + "Edited.\n")
    manifest.check(out, manifest.CARDS)
    command = ["push", str(out), "--repo", "me/x", "--dry_run"]
    assert main(command) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        f"fairtune: `{card}` was edited since it was handed over; add --edited_card to send it as it is, or "
        f"`fairtune report {out}` writes it again."
    )
    assert main([*command, "--edited_card"]) == 0
    assert f"{card.stat().st_size:,}  README.md" in capsys.readouterr().out
    (out / "share" / "figures" / "eye.png").write_text("patient 17")
    card.write_text(card.read_text() + "![Eye](figures/eye.png)\n")
    assert main([*command, "--edited_card"]) == 2
    assert "share` lacks `figures/eye.png`" in capsys.readouterr().err
    card.write_text(card.read_text().replace("![Eye](figures/eye.png)", "/home/ann/data"))
    assert main([*command, "--edited_card"]) == 2
    assert "names a home directory" in capsys.readouterr().err
    flipped(out / "share" / "model.safetensors")
    assert main([*command, "--edited_card"]) == 2
    assert "has other content than was handed over" in capsys.readouterr().err


def test_a_report_is_followed(out: Path) -> None:
    (out / "share" / "README.md").write_text("edited")
    assert main(["report", str(out), "--contact", "Jane"]) == 0
    manifest.check(out)
    assert "Jane" in (out / "share" / "README.md").read_text()
    assert "README.md" in sent(out)
    (out / "share" / "figures" / "gap.png").unlink()
    assert main(["report", str(out)]) == 0
    manifest.check(out)


def test_a_damaged_document_is_no_source_of_a_report(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = (out / "fairtune.json").read_text()
    (out / "fairtune.json").write_text(document.replace('"seed": 1', '"seed": 2'))
    assert main(["report", str(out)]) == 2
    assert "fairtune.json` has other content than was handed over; restore it, or" in capsys.readouterr().err


@pytest.mark.parametrize("manifest_is", ["{", "[]", '{"files": {"a": 1}}', None])
def test_a_folder_without_one_says_what_to_do(out: Path, manifest_is: str | None) -> None:
    path = out / "manifest.json"
    before = json.loads(path.read_text())
    path.unlink() if manifest_is is None else path.write_text(manifest_is)
    said = "cannot be read" if manifest_is else "has no `manifest.json`, which tells that its files are whole"
    with pytest.raises(FairTuneError, match=rf"{said}.*; .*`fairtune report .*out` names them as they are"):
        sent(out)
    path.unlink(missing_ok=True)
    assert main(["report", str(out)]) == 0
    # The card of this test shows no figure.
    named = {name: entry for name, entry in before["files"].items() if "figures" not in name}
    assert json.loads(path.read_text())["files"] == named
    assert sent(out)


def test_a_kill_at_any_rename_leaves_no_half_finished_run(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the document is, everything is; the next hand-over ends it."""
    move, moved = os.replace, 0

    def limited(source: str, target: str) -> None:
        nonlocal moved
        if ".writing-" not in str(source):
            if moved == die_at:
                raise KilledError
            moved += 1
        move(source, target)

    die_at, names = 0, len(manifest.load(out)) + 1
    seen = set()
    monkeypatch.setattr(os, "replace", limited)
    for at in {*range(0, names, 5), names - 2, names - 1}:
        die_at, moved = at, 0
        with pytest.raises(KilledError):
            hand_over(out, seed=2)
        seen.add((out / "fairtune.json").exists())
        with pytest.raises(FairTuneError, match="holds a run that is not finished"):
            push(out, "me/x", dry_run=True)
        die_at, moved = -1, 0
        hand_over(out, seed=at)
        manifest.check(out)
    assert seen == {False}


def test_everything_is_on_the_disk_before_it_is_called_finished(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed, events = os.fsync, list[tuple[str, Path]]()

    def flush(handle: int) -> None:
        events.append(("flush", Path(os.readlink(f"/proc/self/fd/{handle}"))))
        flushed(handle)

    move = os.replace
    monkeypatch.setattr(os, "fsync", flush)
    monkeypatch.setattr(os, "replace", lambda a, b: (events.append(("move", Path(a))), move(a, b))[1])
    hand_over(out)
    moves = [at for at, (what, path) in enumerate(events) if what == "move" and ".handover-" in str(path)]
    moves = [at for at in moves if ".writing-" not in str(events[at][1])]
    assert len(moves) == len(manifest.load(out)) + 1
    for at in moves:
        assert ("flush", events[at][1]) in events[:at]
    last = moves[-1]
    assert events[last][1].name == "fairtune.json"
    folders = {out, out / "share", out / "figures", out / "share" / "figures"}
    assert folders <= {path for what, path in events[moves[-2] : last] if what == "flush"}
    assert events[last + 1 :] == [("flush", out)]


@pytest.fixture(params=[0o077, 0o022, 0o027])
def mask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.usefixtures("undrawn")
def test_the_umask_says_who_may_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mask: int) -> None:
    monkeypatch.setattr(handover, "write_card", write_card)
    with hold(tmp_path / "out"):
        claim(tmp_path / "out", {}, {})
        hand_over(tmp_path / "out")
    write_audit(document({("F",): (60, 30), ("M",): (40, 50)}), tmp_path / "audit")
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "run.lock"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o666 & ~mask}
    assert stat.S_IMODE((tmp_path / "out" / "run.lock").stat().st_mode) == 0o644 & ~mask


def test_a_folder_that_is_written_to_is_not_read(out: Path) -> None:
    with Forked(lambda: hold(out)):
        for read in (lambda: sent(out), lambda: handover.renew(out)):
            with pytest.raises(FairTuneError, match="another process is at work in"):
                read()
    (out / "fairtune.json").unlink()
    for read in (lambda: sent(out), lambda: handover.renew(out), lambda: load_classifier(str(out))):
        with pytest.raises(FairTuneError, match="out` holds a run that is not finished; wait for it, or give its"):
            read()


@pytest.mark.usefixtures("undrawn")
def test_an_audit_names_its_files(tmp_path: Path) -> None:
    write_audit(document({("F",): (60, 30), ("M",): (40, 50)}), tmp_path)
    manifest.check(tmp_path)
    assert {*manifest.load(tmp_path)} == {
        path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()
    } - {"manifest.json"}
    emptied(tmp_path / "share" / "groups.csv")
    with pytest.raises(FairTuneError, match=r"groups.csv` has 0 bytes, .*; restore it, or audit again"):
        sent(tmp_path)
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(FairTuneError, match=r"has no `manifest.json`, .*; audit again"):
        sent(tmp_path)
