# SPDX-License-Identifier: LGPL-2.1-or-later
"""One configuration file for several BMCs: what it says is what happens."""

import os
import re
import shutil
import socket
import stat
import subprocess
from pathlib import Path

import pytest

import records
import sdr
from configured import ConfiguredIpmid
from daemon import Build
from waiting import scaled, wait_for

SOURCE = Path(__file__).resolve().parents[2]
EX_DATAERR = 65
CANARY = "Kanarienvogel-7"

THREE = """\
[daemon]
state-dir = {state}
[defaults]
user = ipmiusr
password-file = {password}
sel-interval = 100ms
sensor-interval = 0s
[bmc one]
address = {0}
[bmc two]
address = {1}
[bmc three]
address = {2}
[handler log]
plugin = file
path = {output}
format = json
"""

ONE = THREE.replace("[bmc two]\naddress = {1}\n[bmc three]\naddress = {2}\n", "")


def overheat(bmc):
    bmc.add(records.threshold(bmc.sensor("CPU1 Temp"), sdr.UPPER_CRITICAL, reading=0x61, limit=0x5A))


# ------------------------------------------------------------------------ --check

BAD = """\
[daemon]
stat-dir = /x
settle-time = soon
[default]
user = x
[defaults]
user = abcdefghijklmnopq
password = Kanarienvogel-7
[bmc a[1-3]]
address = 10.0.0.[1-4]
[bmc b]
address = 10.0.0.9
labels = rack
[bmc c]
address = 10.0.0.9
adress2 = 10.0.0.10
[handler m]
plugin = file
pth = /x
format = yaml
[handler n]
plugin = fil
"""

COMPLAINTS = [
    (2, 'did you mean "state-dir"?'), (3, "'soon' is no duration"), (4, "did you mean [defaults]?"),
    (7, "IPMI has room for 16 bytes only"), (8, "chmod 0600"), (10, "address stands for 4 values"),
    (13, "'rack' is not of the form KEY=VALUE"), (16, 'did you mean "address2"?'), (17, '"path" is missing'),
    (19, 'did you mean "path"?'), (20, "one of eventd, json"), (22, 'did you mean "file"?'),
]


def test_check_tells_everything_at_once(make_configured):
    ipmid = make_configured(BAD, start=False)
    ipmid.config.chmod(0o644)
    status, printed, said = ipmid.check()
    assert status == os.EX_CONFIG and printed == ""
    assert len(said) == len(COMPLAINTS), said
    for line, (number, words) in zip(said, COMPLAINTS):
        assert line.startswith(f"{ipmid.config}:{number}: ") and words in line, (line, words)
        assert CANARY not in line


def test_start_tells_the_same(make_configured):
    """What --check finds is what keeps ipmid from starting."""
    ipmid = make_configured(BAD, start=False)
    ipmid.config.chmod(0o644)
    _, _, said = ipmid.check()
    status, log = ipmid.run()
    assert status == os.EX_CONFIG
    assert log.splitlines() == [f"ipmid: {line}" for line in said]
    assert not ipmid.state_dir.exists()


ISSUE = """\
[daemon]
state-dir = /var/lib/ipmid
[defaults]
user = monitor
password-file = /etc/ipmid/password
sel-interval = 2s
sensor-interval = 10s
[bmc node[001-200]]
address = 10.1.2.[1-200]
labels = site=north rack=r1
[handler log]
plugin = file
path = /var/log/ipmid/events.json
format = json
"""


def test_the_example_is_good(make_configured, tmp_path):
    """The public example, literally but for its paths."""
    password = tmp_path / "password"
    password.write_text("secret\n", encoding="ascii")
    password.chmod(0o600)
    text = ISSUE.replace("/etc/ipmid/password", os.fspath(password))
    ipmid = make_configured(text.replace("/var/lib/ipmid", "{state}").replace("/var/log/ipmid/events.json", "{output}"),
                            start=False)
    status, printed, said = ipmid.check()
    assert status == 0 and said == [], said
    assert "200 BMCs, 1 handler" in printed and len(printed.splitlines()) == 1
    assert not ipmid.state_dir.exists() and not ipmid.output.exists()


def give_secrets(conf):
    """The files in /etc/ipmid that the samples name, beside them instead."""
    for path in conf.glob("conf.d/*.conf"):
        text = path.read_text(encoding="utf-8").replace("/etc/ipmid/", f"{conf}/")
        path.write_text(text, encoding="utf-8")
        for name in re.findall(r"^(?:password|secret|signing-key|url)-file = (.*)$", text, re.MULTILINE):
            Path(name).touch(mode=0o600)
            Path(name).write_text("https://example.org/secret\n", encoding="utf-8")


def test_the_samples_are_good(tmp_path):
    """Every sample, as it is installed, with the secrets that it wants."""
    build = Build()
    shutil.copytree(SOURCE / "conf", tmp_path / "conf")
    give_secrets(tmp_path / "conf")
    plugins = build.gather_plugins(tmp_path / "plugins")
    done = subprocess.run([build.core, "-c", tmp_path / "conf" / "ipmid.conf", *build.options(plugins), "--check"],
                          capture_output=True, text=True, timeout=scaled(10), check=False)
    assert done.returncode == 0 and "44 BMCs" not in done.stderr, done.stderr
    handlers = sum(path.read_text(encoding="utf-8").count("\n[handler ") for path in (tmp_path / "conf").rglob("*.conf"))
    assert f"42 BMCs, {handlers} handlers" in done.stdout


def test_commented_out_keys_of_the_samples_are_good(tmp_path):
    """What the sample only suggests works, too."""
    text = (SOURCE / "conf" / "ipmid.conf").read_text(encoding="utf-8")
    text = re.sub(r"^#(?=\[|[a-z0-9-]+ = )", "", text, flags=re.MULTILINE)
    for name in ("password", "credentials", "storage"):
        (tmp_path / name).write_text("" if name == "credentials" else "secret\n", encoding="ascii")
        (tmp_path / name).chmod(0o600)
    config = tmp_path / "ipmid.conf"
    config.write_text(text.replace("/etc/ipmid", os.fspath(tmp_path)), encoding="utf-8")
    build = Build()
    done = subprocess.run([build.core, "-c", config, *build.options(build.gather_plugins(tmp_path / "plugins")), "--check"],
                          capture_output=True, text=True, timeout=scaled(10), check=False,
                          env={**os.environ, "CREDENTIALS_DIRECTORY": os.fspath(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert "203 BMCs" in done.stdout


def test_manual_has_every_key():
    """ipmid.conf(5) names every key of the tables, in its section."""
    build = Build().directory
    keys = subprocess.run([build / "tools" / "config-doc", "--keys"], capture_output=True, text=True, check=True).stdout
    page = (build / "man" / "ipmid.conf.5").read_text(encoding="utf-8")
    sections = re.split(r"^\.Sh THE GROUPS? ", page, flags=re.MULTILINE)[1:]
    title = {"DAEMON": "[daemon]", "BMC": "[bmc NAME] AND [defaults]", "CREDENTIALS": "[credentials NAME]",
             "HANDLER": "[handler NAME]"}
    assert len(keys.splitlines()) > 40
    for line in keys.splitlines():
        group, key = line.split()
        section = next(one for one in sections if one.startswith(title[group]))
        assert f"\n.It Cm {key} No = " in section, line


# ---------------------------------------------------------------- the command line

@pytest.mark.parametrize("words, said", [
    (["-f", "events"], "--outfile does not go with -c"), (["-e"], "--delete-events does not go with -c"),
    (["--sel-interval", "1s"], "it is a key of [defaults]"), (["--handler", "file"], "--handler does not go with -c"),
    (["mybmc"], "'mybmc' is one word too many"), (["--check", "--status"], "one at a time"),
    (["--import", "list"], "--config does not go with --import"),
])
def test_what_does_not_go_with_a_file(make_configured, words, said):
    ipmid = make_configured("[daemon]\n", start=False)
    done = subprocess.run([ipmid.build.core, "-c", ipmid.config, *words], capture_output=True, text=True, check=False,
                          timeout=scaled(10))
    assert done.returncode == os.EX_USAGE and said in done.stderr, done.stderr


@pytest.mark.parametrize("words", [["--check"], ["mybmc", "--check", "lan", "host", "cat"], ["--credentials-file", "x"]])
def test_what_needs_a_file(words):
    done = subprocess.run([Build().core, *words], capture_output=True, text=True, check=False, timeout=scaled(10))
    assert done.returncode == os.EX_USAGE


def test_a_service_manager_keeps_the_process(make_configured, bmc):
    """Without -b it goes into the background, but not where somebody waits to be notified."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0ipmid-test-" + str(os.getpid()))
        ipmid = make_configured(ONE, [bmc], start=False)
        ipmid.environment = {"NOTIFY_SOCKET": "@ipmid-test-" + str(os.getpid())}
        command = [word for word in ipmid.command() if word != "-b"]
        ipmid.command = lambda: command
        ipmid.start()
        assert ipmid.process.poll() is None
        assert ipmid.pid_file.read_text(encoding="ascii").strip() == str(ipmid.process.pid)


def test_in_the_background(make_configured, bmc):
    ipmid = make_configured(ONE, [bmc], daemonize=True)
    overheat(bmc)
    assert ipmid.wait_for_json(1)[0]["bmc"] == "one"
    assert "one" in ipmid.status()


# --------------------------------------------------------------------------- events

def test_three_bmcs_one_file(make_configured, make_bmc):
    """Events of all of them, each with its BMC's name, in order."""
    bmcs = [make_bmc() for _ in range(3)]
    ipmid = make_configured(THREE, bmcs)
    for _ in range(3):
        for bmc in bmcs:
            overheat(bmc)
    events = [event for event in ipmid.wait_for_json(9) if event["kind"] == "threshold"]
    for name in ("one", "two", "three"):
        of_this = [event for event in events if event["bmc"] == name]
        assert [event["record_id"] for event in of_this] == [1, 2, 3]
        assert len({event["id"] for event in of_this}) == 3
    assert "watching 3 BMCs" in ipmid.log()


def test_ranges_reach_their_bmcs(make_configured, make_bmc):
    """A range of ports: each name has its own BMC."""
    bmcs = [make_bmc() for _ in range(2)]
    ports = ",".join(str(bmc.port) for bmc in bmcs)
    text = re.sub(r"\[bmc one\].*?(?=\[handler)",
                  f"[bmc node[01-02]]\naddress = {bmcs[0].address}:[{ports}]\n", THREE, flags=re.DOTALL)
    ipmid = make_configured(text, bmcs)
    overheat(bmcs[1])
    assert ipmid.wait_for_json(1)[0]["bmc"] == "node02"


@pytest.mark.parametrize("address, written", [("::1", "[::1]:{port}"), ("127.0.0.1", "localhost:{port}")])
def test_ipv6_and_names(make_configured, make_bmc, make_proxy, address, written):
    bmc = make_bmc()
    proxy = make_proxy(bmc, address=address)
    text = ONE.replace("address = {0}", "address = " + written.format(port=proxy.port))
    ipmid = make_configured(text + "[bmc off]\naddress = 127.0.0.1:9\nenabled = no\n", [bmc])
    overheat(bmc)
    assert ipmid.wait_for_json(1)[0]["bmc"] == "one"
    assert proxy.passed > 0 and "off" not in ipmid.status()


def test_deleting_takes_operator(make_configured, make_bmc):
    """Nothing is said of privileges, and yet a record can be deleted."""
    bmc = make_bmc()
    ipmid = make_configured(ONE + "[handler delete]\nplugin = sel-delete\n", [bmc])
    overheat(bmc)
    ipmid.wait_for_json(1)
    wait_for(lambda: bmc.sel() == [], 20, lambda: f"the SEL to be empty:\n{ipmid.log()}")


def test_settings_of_the_daemon_are_its_command_lines_too(make_configured, bmc, tmp_path):
    """What the command line says goes before the file."""
    other = tmp_path / "other-state"
    ipmid = make_configured(ONE, [bmc], options=["--state-dir", os.fspath(other)], wait=False)
    wait_for(lambda: (other / "journal.db").exists(), 10, "the journal")
    assert not ipmid.state_dir.exists()


# -------------------------------------------------------------------------- secrets

@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_exposed_password_is_refused(make_configured, bmc, mode):
    ipmid = make_configured(ONE, [bmc], start=False)
    ipmid.password_file.chmod(mode)
    status, said = ipmid.run()
    assert status == os.EX_CONFIG
    assert f"chmod 0600 {ipmid.password_file}" in said and bmc.password not in said.replace(str(ipmid.directory), "")
    ipmid.password_file.chmod(0o600)
    ipmid.start()


def assert_nowhere(ipmid, secret):
    """Not where others could see it while it runs."""
    secret = secret.encode()
    for pid in (ipmid.pid, *ipmid.collectors()):
        for name in ("cmdline", "environ"):
            assert secret not in Path(f"/proc/{pid}/{name}").read_bytes()
    assert secret not in ipmid.status().encode()


@pytest.mark.parametrize("where", ["password-file", "password", "credential"])
def test_canary(make_configured, make_bmc, where):
    """The password is in no log, process list, environment or state directory, whatever happens."""
    bmc = make_bmc(password=CANARY)
    lines = {"password-file": "password-file = {password}", "password": f"password = {CANARY}",
             "credential": "credentials = c\n[credentials c]\ncredential = password"}
    ipmid = make_configured(ONE.replace("password-file = {password}\n", "")
                            .replace("address = {0}", "address = {0}\n" + lines[where]), [bmc], start=False,
                            options=["-d"])
    ipmid.config.chmod(0o600)
    ipmid.environment = {"CREDENTIALS_DIRECTORY": os.fspath(ipmid.directory)}
    ipmid.start()
    overheat(bmc)
    ipmid.wait_for_json(1)
    assert_nowhere(ipmid, CANARY)
    bmc.password = "another"
    bmc.restart()                             # now it is wrong, which is worth some lines of log
    ipmid.wait_log(r"refused|password|credential", deadline=40)
    assert_nowhere(ipmid, CANARY)
    ipmid.terminate()
    assert CANARY not in ipmid.log()
    for path in (*ipmid.state_dir.rglob("*"), ipmid.output):
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes()


def test_warning_of_a_weak_session(make_configured, bmc):
    ipmid = make_configured(ONE.replace("address = {0}", "address = {0}\nauthtype = md5"), [bmc])
    assert re.search(r"ipmid.conf:10: warning: \[bmc one\]: IPMI 1.5 has no encryption", ipmid.log())


# --------------------------------------------------------------------------- import

def test_import_passes_check_and_works(make_bmc, tmp_path):
    bmc = make_bmc(population=sdr.ORDINARY)
    source = tmp_path / "servers.ini"
    source.write_text(f"[server-01]\nbmc_ip = {bmc.address}:{bmc.port}\nserver_ip = 192.168.1.10\nenabled = true\n"
                      f"ipmi_user = {bmc.user}\nipmi_pass = {bmc.password}\nssh_user = root\n"
                      "[servers]\n127.0.0.1 = spare # nvidia\nwhat is this\n", encoding="ascii")
    core = Build().core
    done = subprocess.run([core, "--import", source], capture_output=True, text=True, check=False, timeout=scaled(10))
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if "line " in line] == [
        f'{source}: line 7: "ssh_user" means nothing to ipmid',
        f"{source}: line 10: this is neither a [server], nor key = value, nor address = name"]
    secrets = Path(f"{source}.credentials")
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600 and f"password = {bmc.password}\n" in secrets.read_text("ascii")
    assert "password = " not in done.stdout and os.fspath(secrets) in done.stdout
    text = done.stdout.replace("{", "{{").replace("}", "}}") + (
        "[handler log]\nplugin = file\npath = {output}\nformat = json\n")
    text = text.replace("[daemon]\n", "[daemon]\nstate-dir = {state}\n")
    with ConfiguredIpmid(tmp_path / "imported", text, [bmc]) as ipmid:
        status, _, said = ipmid.check()
        assert status == 0 and said == []
        overheat(bmc)
        assert ipmid.wait_for_json(1)[0]["bmc"] == "server-01"


def test_import_of_nothing(tmp_path):
    source = tmp_path / "list"
    source.write_text("nothing\n", encoding="ascii")
    done = subprocess.run([Build().core, "--import", source], capture_output=True, text=True, check=False,
                          timeout=scaled(10))
    assert done.returncode == EX_DATAERR and done.stdout == "" and "line 1" in done.stderr
