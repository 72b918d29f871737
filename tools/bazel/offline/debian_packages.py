"""Debian packages of a lock file, fetched by the machine's own apt-get into a private folder.

Enters: lock lines `NAME=VERSION sha256:HEX`. Leaves: a folder with the packages' files, unpacked. apt-get is run with
`-c CONF`, which is read after the machine's settings: its proxies, keys and policies hold, its lists, its status and
its installed packages are neither read nor touched.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from setup_error import SetupError, run, say

# The suites that carry Bazel 7; the first one that still has a pinned version is asked for it.
SUITES = ("sid", "forky")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
NO_NETWORK = "apt-get cannot read Debian's package lists; is the network (or its proxy) reachable?"


@dataclass(frozen=True)
class Pin:
    name: str
    version: str
    sha256: str


def read_lock(path: Path) -> list[Pin]:
    pins = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            package, digest = line.split()
            name, version = package.split("=", 1)
            kind, value = digest.split(":")
        except ValueError as error:
            raise SetupError(f"{path}:{number}: expected NAME=VERSION sha256:HEX, got {line!r}") from error
        if kind != "sha256" or len(value) != 64:
            raise SetupError(f"{path}:{number}: expected a sha256 of 64 digits, got {digest!r}")
        pins.append(Pin(name, version, value))
    return pins


def mirror() -> str:
    """The Debian mirror that this machine's apt-get is set up for (AOTI_DEBIAN_MIRROR overrides it)."""
    named = os.environ.get("AOTI_DEBIAN_MIRROR")
    if named:
        return named
    listed: str = run(
        ["apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI)"],
        why="apt-get cannot list its sources",
    )
    for line in listed.splitlines():
        origin, _, uri = line.partition(" ")
        if origin == "Debian" and "security" not in uri:
            return uri.strip()
    raise SetupError(
        "apt-get knows no Debian mirror yet: run 'apt-get update' once, or set AOTI_DEBIAN_MIRROR"
    )


def write_apt_settings(folder: Path) -> Path:
    for name in ("empty", "lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    (folder / "status").touch()
    (folder / "preferences").touch()
    uri = mirror()
    sources = "".join(f"deb [signed-by={KEYRING}] {uri} {suite} main\n" for suite in SUITES)
    (folder / "sources.list").write_text(sources)
    settings = folder / "apt.conf"
    settings.write_text(
        f"""APT::Architecture "amd64";
Dir::Etc::sourcelist "{folder}/sources.list"; Dir::Etc::sourceparts "{folder}/empty";
Dir::Etc::preferences "{folder}/preferences"; Dir::Etc::preferencesparts "{folder}/empty";
Dir::State::lists "{folder}/lists"; Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache"; APT::Sandbox::User "root"; Acquire::Languages "none";
Acquire::Retries "3";
#clear APT::Update::Post-Invoke-Success;
#clear APT::Update::Post-Invoke;
#clear DPkg::Post-Invoke;
"""
    )
    return settings


def choose_versions(pins: list[Pin], listing: str) -> list[str]:
    """`name=version` to download for each pin, given `apt-cache madison`'s listing; says where Debian has moved on."""
    offered: dict[str, list[str]] = {}
    for line in listing.splitlines():
        columns = [column.strip() for column in line.split("|")]
        if len(columns) == 3:
            offered.setdefault(columns[0], []).append(columns[1])
    gone = [pin.name for pin in pins if pin.name not in offered]
    if len(gone) == len(pins):
        raise SetupError(NO_NETWORK)
    if gone:
        raise SetupError(
            f"Debian no longer has {', '.join(gone)}; the lock (tools/bazel/offline) needs renewing, or install bazelisk"
        )
    drift = [pin for pin in pins if pin.version not in offered[pin.name]]
    if drift:
        moved = "; ".join(f"{pin.name} {pin.version} -> {offered[pin.name][0]}" for pin in drift)
        if os.environ.get("AOTI_BAZEL_STRICT") == "1":
            raise SetupError(f"Debian has moved on from the lock: {moved}")
        say(f"Debian has moved on from the lock, taking what apt vouches for but no hash here pins: {moved}")
    return [f"{pin.name}={pin.version if pin not in drift else offered[pin.name][0]}" for pin in pins]


def download(apt: list[str], wanted: list[str], env: dict[str, str], folder: Path) -> None:
    """Downloads `wanted` into `folder` and shows how far it is."""
    listed = run(
        ["apt-get", *apt, "-q", "download", "--print-uris", *wanted],
        env=env,
        why="apt-get cannot find the packages",
    )
    total = sum(int(line.split()[2]) for line in listed.splitlines() if line.startswith("'"))
    say(f"[2/5] fetching {len(wanted)} Debian packages, {total / 1e6:.0f} MB")
    command = ["apt-get", *apt, "-q", "download", *wanted]
    tail: list[str] = []
    done = 0
    with subprocess.Popen(
        command, env=env, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            tail = [*tail[-11:], line.rstrip()]
            if line.startswith("Get:"):
                done += 1
                if sys.stderr.isatty():
                    print(
                        f"\rbazelw:   {done}/{len(wanted)} ",
                        end="\n" if done == len(wanted) else "",
                        file=sys.stderr,
                        flush=True,
                    )
                elif done % 20 == 0:
                    say(f"  {done}/{len(wanted)}")
    if process.returncode:
        raise SetupError("apt-get could not fetch the packages\n  " + "\n  ".join(tail))


def check_and_unpack(pins: list[Pin], wanted: list[str], folder: Path, unpacked: Path) -> None:
    """Unpacks every archive; one of a pinned version must have that pin's digest."""
    digests = {f"{pin.name}={pin.version}": pin.sha256 for pin in pins}
    archives = {archive.name.split("_")[0]: archive for archive in folder.iterdir()}
    for package in wanted:
        archive = archives.get(package.split("=")[0])
        if archive is None:
            raise SetupError(f"apt-get fetched no archive of {package}")
        digest = digests.get(package)
        if digest and hashlib.sha256(archive.read_bytes()).hexdigest() != digest:
            raise SetupError(f"sha256 of {archive.name} is not the lock's; refusing to use it")
        run(
            ["dpkg-deb", "-x", str(archive), str(unpacked)],
            why=f"{archive.name} cannot be unpacked (is the disk full?)",
        )


def fetch(lock: Path, scratch: Path) -> Path:
    """Fetches the packages of `lock` and returns the folder in which their files lie."""
    pins = read_lock(lock)
    settings = write_apt_settings(scratch / "apt")
    env, apt = dict(os.environ, LC_ALL="C"), ["-c", str(settings)]
    say("[1/5] reading Debian's package lists (20 MB)")
    run(["apt-get", *apt, "-q", "update"], env=env, why=NO_NETWORK)
    listing = run(
        ["apt-cache", *apt, "madison", *[pin.name for pin in pins]],
        env=env,
        why="apt-cache cannot list versions",
    )
    wanted = choose_versions(pins, listing)
    archives, unpacked = scratch / "archives", scratch / "unpacked"
    archives.mkdir()
    unpacked.mkdir()
    download(apt, wanted, env, archives)
    check_and_unpack(pins, wanted, archives, unpacked)
    return unpacked
