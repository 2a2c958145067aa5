"""What a Hub holds, in memory, and its answers to the real clients: create, push, list and download."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

USER = "tester"
DATE = "2024-01-01T00:00:00.000Z"
BINARY = (".safetensors", ".parquet", ".png", ".bin")

Files = dict[str, bytes]


class Refusal(Exception):
    """An answer that is an error: status, the Hub's error code and a message."""

    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        super().__init__(message or code)
        self.status, self.code, self.message = status, code, message or code


@dataclass
class Repo:
    """A repository: every commit's files by id, the commit that each branch points to, and what pushes said."""

    kind: str
    name: str
    private: bool
    commits: dict[str, Files] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    def commit(self, ref: str, files: Files) -> str:
        oid = hashlib.sha1(f"{self.name}{len(self.commits)}".encode()).hexdigest()
        self.commits[oid] = files
        self.refs[ref] = oid
        return oid

    def at(self, revision: str) -> tuple[str, Files]:
        oid = self.refs.get(revision, revision)
        if oid not in self.commits:
            raise Refusal(404, "RevisionNotFound")
        return oid, self.commits[oid]


class Hub:
    """The state behind the server: repositories, large objects and a log of requests."""

    def __init__(self) -> None:
        self.url = ""
        self.repos: dict[tuple[str, str], Repo] = {}
        self.objects: dict[str, bytes] = {}
        self.log: list[str] = []

    def repo(self, kind: str, name: str) -> Repo:
        if (kind, name) not in self.repos:
            raise Refusal(404, "RepoNotFound")
        return self.repos[kind, name]

    def whoami(self, _body: bytes, _query: dict[str, str]) -> Any:
        return {"type": "user", "name": USER, "orgs": [], "auth": {"type": "access_token"}}

    def validate_yaml(self, body: bytes, _query: dict[str, str]) -> Any:
        if "license: none-such" in json.loads(body)["content"]:
            raise Refusal(400, "", '"license" must be one of those known')
        return {"errors": [], "warnings": []}

    def create(self, body: bytes, _query: dict[str, str]) -> Any:
        asked = json.loads(body)
        kind = f"{asked.get('type') or 'model'}s"
        name = f"{asked.get('organization') or USER}/{asked['name']}"
        path = name if kind == "models" else f"{kind}/{name}"
        url = f"{self.url}/{path}"
        if (kind, name) in self.repos:
            raise Refusal(409, "", json.dumps({"error": "exists", "url": url}))
        self.repos[kind, name] = repo = Repo(kind, name, _is_private(asked))
        repo.commit("main", {})
        return {"url": url, "name": name, "id": name}

    def branch(self, body: bytes, _query: dict[str, str], kind: str, name: str, branch: str) -> Any:
        repo = self.repo(kind, name)
        if branch in repo.refs:
            raise Refusal(409, "", "exists")
        repo.refs[branch], _ = repo.at(json.loads(body or b"{}").get("startingPoint", "main"))
        return {}

    def preupload(self, body: bytes, _query: dict[str, str], kind: str, name: str, revision: str) -> Any:
        self.repo(kind, name).at(revision)
        files = json.loads(body)["files"]
        modes = {file["path"]: "lfs" if file["path"].endswith(BINARY) else "regular" for file in files}
        return {"files": [{"path": p, "uploadMode": mode, "shouldIgnore": False} for p, mode in modes.items()]}

    def batch(self, body: bytes, _query: dict[str, str], _kind: str | None, _name: str) -> Any:
        answer = []
        for item in json.loads(body)["objects"]:
            entry = {"oid": item["oid"], "size": item["size"]}
            if item["oid"] not in self.objects:
                entry["actions"] = {"upload": {"href": f"{self.url}/lfs/{item['oid']}"}}
            answer.append(entry)
        return {"transfer": "basic", "objects": answer}

    def store(self, body: bytes, _query: dict[str, str], oid: str) -> Any:
        if hashlib.sha256(body).hexdigest() != oid:
            raise Refusal(400, "", "digest")
        self.objects[oid] = body
        return {}

    def commit(self, body: bytes, query: dict[str, str], kind: str, name: str, revision: str) -> Any:
        repo = self.repo(kind, name)
        files = dict(repo.at(revision)[1])
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "header":
                repo.messages.append(value["summary"])
            elif line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.objects[value["oid"]]
            elif line["key"] in ("deletedFile", "deletedFolder"):
                gone = value["path"]
                files = {p: c for p, c in files.items() if p != gone and not p.startswith(gone.rstrip("/") + "/")}
        ref = f"refs/pr/{len(repo.refs)}" if query.get("create_pr") else revision
        oid = repo.commit(ref, files)
        answer = {"success": True, "commitOid": oid, "commitUrl": f"{self.url}/{name}/commit/{oid}"}
        return answer | ({"pullRequestUrl": f"{self.url}/{name}/discussions/1"} if ref != revision else {})

    def info(self, _body: bytes, _query: dict[str, str], kind: str, name: str, revision: str | None = None) -> Any:
        repo = self.repo(kind, name)
        oid, files = repo.at(revision or "main")
        siblings = [{"rfilename": path} for path in sorted(files)]
        dates = {"createdAt": DATE, "lastModified": DATE}
        return {"id": name, "sha": oid, "private": repo.private, "siblings": siblings, "tags": [], **dates}

    def tree(self, _body: bytes, query: dict[str, str], kind: str, name: str, revision: str, under: str = "") -> Any:
        files = self.repo(kind, name).at(revision)[1]
        prefix = under.strip("/") + "/" if under.strip("/") else ""
        inside = {path: content for path, content in files.items() if path.startswith(prefix)}
        folders = {prefix + path[len(prefix) :].rpartition("/")[0] for path in inside if "/" in path[len(prefix) :]}
        if prefix and not inside:
            raise Refusal(404, "EntryNotFound")
        if query.get("recursive", "false").lower() not in ("true", "1"):
            inside = {path: content for path, content in inside.items() if "/" not in path[len(prefix) :]}
        rows = [{"type": "directory", "path": path, "oid": "0" * 40, "size": 0} for path in sorted(folders)]
        return rows + [_entry(path, content) for path, content in sorted(inside.items())]

    def paths(self, body: bytes, _query: dict[str, str], kind: str, name: str, revision: str) -> Any:
        files = self.repo(kind, name).at(revision)[1]
        asked = parse_qs(body.decode())["paths"] if not body.startswith(b"{") else json.loads(body)["paths"]
        return [_entry(path, files[path]) for path in asked if path in files]

    def resolve(
        self, _body: bytes, _query: dict[str, str], kind: str | None, name: str, revision: str, path: str
    ) -> tuple[bytes, dict[str, str]]:
        oid, files = self.repo(kind or "models", name).at(revision)
        if path not in files:
            raise Refusal(404, "EntryNotFound")
        content = files[path]
        return content, {"ETag": f'"{_entry(path, content)["oid"]}"', "X-Repo-Commit": oid}


def _is_private(asked: dict[str, Any]) -> bool:
    return bool(asked.get("private")) or asked.get("visibility") == "private"


def _entry(path: str, content: bytes) -> dict[str, Any]:
    oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    return {"type": "file", "path": path, "oid": oid, "size": len(content)}
