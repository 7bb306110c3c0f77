# SPDX-License-Identifier: LGPL-2.1-or-later
"""The example plugin, built outside of the tree against what `make install` installs."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from daemon import Ipmid
from fake_bmc import FakeBmc, FakeBuild
from waiting import wait_for

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def run(*argv, **options):
    done = subprocess.run([os.fspath(word) for word in argv], capture_output=True, text=True,
                          check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def installed(tmp_path):
    """The header and the pkg-config file, installed; the environment to use them."""
    build = Path(os.environ.get("IPMID_BUILD") or EXAMPLES.parent).resolve()
    prefix = re.search(r"^prefix = (.*)$", (build / "Makefile").read_text(), re.MULTILINE).group(1)
    root = tmp_path / "root"
    run("make", "-C", build, f"DESTDIR={root}", "install-data", env={**os.environ, "MAKEFLAGS": ""})
    pc = next(root.rglob("ipmid.pc"))
    assert os.fspath(root) + prefix in os.fspath(pc)
    # Where DESTDIR has put it; PKG_CONFIG_SYSROOT_DIR would move GLib's as well.
    pc.write_text(pc.read_text().replace(f"prefix={prefix}\n", f"prefix={root}{prefix}\n", 1))
    return {**os.environ, "MAKEFLAGS": "", "PKG_CONFIG_PATH": os.fspath(pc.parent)}


def build_example(directory, env):
    shutil.copytree(EXAMPLES, directory)
    run("make", "-C", directory, "CFLAGS=-O2 -Wall -Wextra -Werror", env=env)
    return directory / "ipmid-example.so"


def test_builds_against_the_installed_header(tmp_path, installed):
    plugin = build_example(tmp_path / "example", installed)
    symbols = run("nm", "-D", "--defined-only", plugin)
    assert [line.split()[-1] for line in symbols.splitlines()] == ["ipmid_plugin"]


def test_runs(tmp_path, installed):
    plugin = build_example(tmp_path / "example", installed)
    bmc = FakeBmc(tmp_path / "bmc")
    ipmid = Ipmid(bmc, tmp_path / "ipmid", build=FakeBuild(bmc.path))
    ipmid.words = ["--handler", plugin.stem, f"path={ipmid.output}"]
    shutil.copy(plugin, ipmid.plugin_dir)
    with ipmid:
        for total in (30, 50):
            bmc.add(total - len(bmc.written))
            wait_for(lambda: f'{{severity="info"}} {total}\n' in ipmid.data().decode(), 10,
                     lambda: f"{total} events; log:\n{ipmid.log()}")
        assert ipmid.terminate() == 0
    assert "the counts are in" in ipmid.log()
