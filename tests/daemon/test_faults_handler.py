# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the programs and files do that events are handed to: fail, hang, die, lie, fill up."""

import os
import re
import signal

import pytest

import processes
import records
import sdr
from disks import SmallDisk
from eventd_text import parse_stream
from faults import IN_FLIGHT, burst, check, deleted_early, numbered, wait_sel_empty
from ledger import Ledger
from waiting import stays, wait_for

RETRIES = ["--attempts", "0"]


@pytest.fixture
def make_program(tmp_path):
    """Make a program from a shell script; $DIR in it is the test's directory."""
    def make(text, name="program"):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\nDIR='{tmp_path}'\n{text}", encoding="ascii")
        path.chmod(0o755)
        return path
    return make


@pytest.fixture
def taken(tmp_path):
    """The payloads of what make_program's programs wrote to $DIR/taken, in eventd's text."""
    def read():
        path = tmp_path / "taken"
        return [event.payload for event in parse_stream(path.read_bytes())] if path.exists() else []
    return read


def wait_taken(ledger, taken, ipmid, deadline=20.0):
    wait_for(lambda: ledger.all_delivered(taken()), deadline,
             lambda: f"all events: {ledger.compare(taken())}; log:\n{ipmid.log()[-2000:]}")


def dead_letters(ipmid, count, deadline=15.0):
    """Wait for so many dead letters, and return the list of them as text."""
    wait_for(lambda: len(re.findall(r"test/\d+/\d+", ipmid.dead_letters())) >= count, deadline,
             lambda: f"{count} dead letters, they are:\n{ipmid.dead_letters()}\n{ipmid.log()}")
    return ipmid.dead_letters()


# -------------------------------------------------------- a program for each event

@pytest.mark.parametrize("mode", ["arguments", "stdin"])
def test_program_vanishes_and_comes_back(bmc, make_ipmid, make_recorder, mode):
    ledger = Ledger(bmc)
    recorder = make_recorder(mode)
    words = [*(["-i"] if mode == "stdin" else []), "-e", *RETRIES, *recorder.command]
    ipmid = make_ipmid(bmc, words)
    away = recorder.program.rename(recorder.program.with_suffix(".away"))
    burst(ledger, 3)
    ipmid.wait_log("not handled, will be tried again")
    assert len(bmc.sel()) == 3
    away.rename(recorder.program)
    wait_sel_empty(bmc, 20)
    check(ledger, [event.payload for event in recorder.events()])


@pytest.mark.parametrize("end", ["exit 1", "exit 75", "kill -9 $$", "kill -SEGV $$"])
def test_program_fails_for_a_while(bmc, make_ipmid, make_program, taken, end):
    """Nothing is lost or deleted, and the order stays."""
    ledger = Ledger(bmc)
    program = make_program(f"[ -e $DIR/good ] || {{ : > $DIR/failed; {end}; }}\n"
                           "exec cat >> $DIR/taken\n")
    ipmid = make_ipmid(bmc, ["-i", "-e", *RETRIES, program])
    burst(ledger, 3)
    wait_for((program.parent / "failed").exists, 10, "a failure")
    assert len(bmc.sel()) == 3 and taken() == []
    (program.parent / "good").touch()
    wait_taken(ledger, taken, ipmid)
    wait_sel_empty(bmc)
    check(ledger, taken())


def test_poison_among_good_ones(bmc, make_ipmid, make_program, taken):
    """One event that the program never takes: after its attempts it is set aside."""
    ledger = Ledger(bmc)
    program = make_program("cat > $DIR/event\n"
                           "if grep -q 'upper_non_recoverable' $DIR/event; then exit 1; fi\n"
                           "cat $DIR/event >> $DIR/taken\n")
    ipmid = make_ipmid(bmc, ["-i", "-e", program])
    burst(ledger, 3)
    poison = records.threshold(bmc.sensor("CPU1 Temp"), sdr.UPPER_NON_RECOVERABLE, reading=101,
                               limit=100)
    bmc.add(poison)
    burst(ledger, 3)
    wait_taken(ledger, taken, ipmid)
    check(ledger, taken())
    assert "program" in dead_letters(ipmid, 1)
    wait_for(lambda: len(bmc.sel()) == 1, 10, "the good ones to be deleted")
    assert records.payload(bmc.sel()[0]) == records.payload(poison)


def test_rejected_at_once(bmc, make_ipmid, make_program, taken):
    ledger = Ledger(bmc)
    program = make_program("cat > $DIR/event\n"
                           "echo run >> $DIR/runs\n"
                           "grep -q 'raw 0x02' $DIR/event && exit 65\n"
                           "cat $DIR/event >> $DIR/taken\n")
    ipmid = make_ipmid(bmc, ["-i", "-e", program])
    burst(ledger, 5)
    dead_letters(ipmid, 1)
    wait_for(lambda: len(bmc.sel()) == 1, 10, "the others to be deleted")
    assert len(taken()) == 4
    assert (program.parent / "runs").read_text(encoding="ascii").count("run") == 5


def test_dead_letters_survive_a_restart(bmc, make_ipmid, make_program):
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc, ["-e", make_program("exit 65\n")])
    burst(ledger, 2)
    before = dead_letters(ipmid, 2)
    ipmid.restart()
    assert ipmid.dead_letters() == before
    assert len(bmc.sel()) == 2


@pytest.mark.parametrize("mode", ["arguments", "stdin"])
def test_program_hangs(bmc, make_ipmid, make_program, mode):
    """Its time is limited; its whole group is ended."""
    ledger = Ledger(bmc)
    program = make_program("echo $$ >> $DIR/pids\nsleep 600 &\necho $! >> $DIR/pids\nwait\n")
    ipmid = make_ipmid(bmc, [*(["-i"] if mode == "stdin" else []), "-e", "--timeout", "300ms",
                             program])
    burst(ledger, 1)
    dead_letters(ipmid, 1, 20)
    pids = (program.parent / "pids").read_text(encoding="ascii").split()
    assert len(pids) == 6, "three attempts"
    wait_for(lambda: not any(processes.alive(int(pid)) for pid in pids), 5, "all to be dead")
    assert len(bmc.sel()) == 1


def test_program_stopped(bmc, make_ipmid, make_program, taken):
    """SIGSTOP is like hanging: it is killed after its time, and the event comes again."""
    ledger = Ledger(bmc)
    program = make_program("[ -e $DIR/seen ] || { : > $DIR/seen; kill -STOP $$; }\n"
                           "exec cat >> $DIR/taken\n")
    ipmid = make_ipmid(bmc, ["-i", "-e", "--timeout", "500ms", program])
    burst(ledger, 3)
    wait_taken(ledger, taken, ipmid)
    wait_sel_empty(bmc)
    check(ledger, taken())


def test_program_does_not_read(bmc, make_ipmid, make_program):
    """With -i what counts is its status."""
    ledger = Ledger(bmc)
    program = make_program("echo run >> $DIR/runs\nexit 0\n")
    make_ipmid(bmc, ["-i", "-e", program])
    burst(ledger, 20)
    wait_sel_empty(bmc)
    assert (program.parent / "runs").read_text(encoding="ascii").count("run") == 20


@pytest.mark.parametrize("mode", ["arguments", "stdin"])
def test_grandchild_keeps_the_pipe(bmc, make_ipmid, make_program, mode):
    """A program that leaves something behind holds up nothing."""
    ledger = Ledger(bmc)
    program = make_program("sleep 600 &\necho run >> $DIR/runs\nexit 0\n")
    ipmid = make_ipmid(bmc, [*(["-i"] if mode == "stdin" else []), "-e", program])
    burst(ledger, 5)
    wait_sel_empty(bmc)
    assert ipmid.terminate() == 0
    for pid in processes.children_named(os.getpid(), "sleep"):
        os.kill(pid, signal.SIGKILL)


def test_programs_inherit_nothing(bmc, make_ipmid, make_program):
    ledger = Ledger(bmc)
    program = make_program("env > $DIR/env\nls -l /proc/$$/fd > $DIR/fds\n")
    ipmid = make_ipmid(bmc, ["-e", program], environment={"SECRET_OF_IPMID": "s3cret"})
    burst(ledger, 1)
    wait_sel_empty(bmc)
    names = re.findall(r"(\d+) -> ", (program.parent / "fds").read_text(encoding="utf-8"))
    # From 10 on they are the shell's own.
    assert {int(name) for name in names if int(name) < 10} == {0, 1, 2}
    environment = (program.parent / "env").read_text(encoding="utf-8")
    assert "s3cret" not in environment and "IPMID_ID=test/" in environment
    assert ipmid.running


# ---------------------------------------------------------------- programs that stay

def kept(words, *more):
    return ["-k", "--on-exit", "restart", *more, *words]


def test_kept_program_killed(bmc, make_ipmid, make_recorder):
    """It is started again; what it had not read comes again."""
    ledger = Ledger(bmc)
    recorder = make_recorder("persistent")
    ipmid = make_ipmid(bmc, kept(recorder.command))

    def delivered():
        return [event.payload for event in recorder.events()]
    for number in range(3):
        burst(ledger, 5)
        wait_for(lambda: ledger.all_delivered(delivered()), 15, "the events")
        (program,) = processes.children_named(ipmid.pid, "cat")
        os.kill(program, signal.SIGKILL)
        ipmid.wait_log("it is started again", times=number + 1)
    burst(ledger, 5)
    wait_for(lambda: ledger.all_delivered(delivered()), 15, "the last events")
    check(ledger, delivered(), 3)


def test_kept_program_stopped_and_reading_again(bmc, make_ipmid, make_recorder):
    """While it does not read, nothing is deleted; then everything goes on."""
    ledger = Ledger(bmc)
    recorder = make_recorder("persistent")
    ipmid = make_ipmid(bmc, ["-k", "-e", *recorder.command])
    (program,) = processes.children_named(ipmid.pid, "cat")
    os.kill(program, signal.SIGSTOP)
    burst(ledger, 5)
    wait_for(lambda: "records read: 5" in ipmid.status(), 10, "the events to be read")
    stays(lambda: len(bmc.sel()) == 5, 0.5, "the SEL")
    os.kill(program, signal.SIGCONT)
    wait_sel_empty(bmc)
    check(ledger, [event.payload for event in recorder.events()])


def test_kept_program_that_hangs_is_replaced(bmc, make_ipmid, make_program, taken):
    ledger = Ledger(bmc)
    program = make_program("[ -e $DIR/seen ] || { : > $DIR/seen; exec sleep 600; }\n"
                           "exec cat >> $DIR/taken\n")
    ipmid = make_ipmid(bmc, kept([program], "--timeout", "500ms", "-e"))
    burst(ledger, 5)
    wait_taken(ledger, taken, ipmid)
    wait_sel_empty(bmc)
    check(ledger, taken())


def test_kept_program_missing_at_start(bmc, make_ipmid, tmp_path):
    """As with eventd: an end at once, and a word."""
    ipmid = make_ipmid(bmc, ["-k", tmp_path / "missing"], start=False)
    status, said = ipmid.run()
    assert status == os.EX_UNAVAILABLE and "missing" in said


def test_kept_program_ends_with_eventd_style(bmc, make_ipmid, make_program):
    ipmid = make_ipmid(bmc, ["-k", make_program("read line; exit 7\n")], wait=False)
    bmc.add(numbered(bmc, 1)[0])
    wait_for(lambda: not ipmid.running or bmc.add(numbered(bmc, 1, 1)[0]) is None, 15,
             "ipmid to end")
    assert ipmid.process.returncode == 1


# ----------------------------------------------------------- with acknowledgement

ACKNOWLEDGES = """
while IFS= read -r line; do
  id=$(printf '%s' "$line" | sed 's/.*"id": *"\\([^"]*\\)".*/\\1/')
  printf '%s\\n' "$line" >> $DIR/lines
  ANSWER
done
"""


@pytest.fixture
def acknowledged(tmp_path):
    """The payloads in the JSON lines that an acknowledging program got."""
    def read():
        path = tmp_path / "lines"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        return [records.payload(bytes.fromhex(raw))
                for raw in re.findall(r'"raw": *"([0-9a-f]{32})"', text)]
    return read


@pytest.mark.parametrize("nonsense", [
    "echo nonsense", "echo OK test/1/1", 'echo "OK $id"; echo "OK $id"', "printf '\\000\\377\\n'",
    "head -c 1048576 /dev/zero | tr '\\0' x; echo", "exec sleep 600", "exec 1>&-", "exit 0",
    'echo "OK  $id"', 'printf "OK $id"; kill -9 $$'],
    ids=["words", "foreign id", "twice", "bytes", "a long line", "silence", "closed", "end",
         "another id", "a torn line"])
def test_nonsense_for_an_answer(bmc, make_ipmid, make_program, acknowledged, nonsense):
    """Once; from then on it answers well.  Nothing is lost, and nothing deleted early."""
    ledger = Ledger(bmc)
    program = make_program(ACKNOWLEDGES.replace(
        "ANSWER", f'if [ ! -e $DIR/once ]; then : > $DIR/once; {nonsense}; '
                  'else echo "OK $id"; fi'))
    ipmid = make_ipmid(bmc, ["-k", "--acknowledge", "--timeout", "1s", "-e", program])
    burst(ledger, 5)
    wait_sel_empty(bmc, 25)
    check(ledger, acknowledged(), IN_FLIGHT)
    assert ipmid.running


@pytest.mark.parametrize("mode", ["persistent", "acknowledge"])
def test_grandchild_keeps_a_kept_programs_pipes(bmc, make_ipmid, make_program, taken, acknowledged, mode):
    """The program ends, what it left holds both pipes: its group is ended, and the event comes again."""
    ledger = Ledger(bmc)
    serve = "exec cat >> $DIR/taken\n" if mode == "persistent" else ACKNOWLEDGES.replace("ANSWER", 'echo "OK $id"')
    program = make_program("exec 3<&0\n"
                           "[ -e $DIR/left ] || { sleep 600 <&3 & echo $! > $DIR/left; exit 3; }\n" + serve)
    make_ipmid(bmc, kept([program], *(["--acknowledge"] if mode == "acknowledge" else []), "-e"))
    burst(ledger, 5)
    wait_sel_empty(bmc, 25)
    check(ledger, taken() if mode == "persistent" else acknowledged(), IN_FLIGHT)
    left = int((program.parent / "left").read_text(encoding="ascii"))
    wait_for(lambda: not processes.alive(left), 10, "what it left to be ended")


def test_retry_and_reject(bmc, make_ipmid, make_program, acknowledged):
    ledger = Ledger(bmc)
    program = make_program(ACKNOWLEDGES.replace(
        "ANSWER",
        'case $line in\n'
        '*\'"value":2,\'*) echo "REJECT $id not mine";;\n'
        '*) if [ -e $DIR/once ]; then echo "OK $id"; '
        'else : > $DIR/once; echo "RETRY $id later"; fi;; esac'))
    ipmid = make_ipmid(bmc, ["-k", "--acknowledge", "-e", program])
    burst(ledger, 5)
    assert "not mine" in dead_letters(ipmid, 1)
    wait_for(lambda: len(bmc.sel()) == 1, 20, "the others to be deleted")
    assert not ledger.compare(acknowledged()).missing


# -------------------------------------------------------------------------- files

def test_output_disk_full(bmc, make_ipmid, tmp_path):
    """A small file system: it fills, nothing is deleted; room, and all of it arrives."""
    small = SmallDisk(tmp_path / "small", "64k")
    try:
        ledger = Ledger(bmc)
        filler = small.path / "filler"
        filler.write_bytes(b"x" * 56 * 1024)
        ipmid = make_ipmid(bmc, ["-f", small.path / "events", "-e", *RETRIES])
        ipmid.output = small.path / "events"
        burst(ledger, 100)
        ipmid.wait_log("No space left on device")
        assert not deleted_early(ledger, ipmid.payloads)
        small.make_room()
        ipmid.wait_for_ledger(ledger, 30)
        wait_sel_empty(bmc, 30)
        check(ledger, ipmid.payloads())
        ipmid.terminate()
    finally:
        small.unmount()


def test_dev_full(bmc, make_ipmid):
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc, ["-f", "/dev/full", "-e"])
    burst(ledger, 3)
    dead_letters(ipmid, 3, 20)
    assert len(bmc.sel()) == 3
    assert "No space left" in ipmid.log()


def test_output_moved_away(bmc, make_ipmid):
    """By logrotate, with and without SIGHUP."""
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc)
    parts = []
    for number, hang_up in enumerate((True, False)):
        burst(ledger, 5)
        ipmid.wait_for_events(5)
        parts.append(ipmid.output.rename(ipmid.output.with_suffix(f".{number}")))
        if hang_up:
            ipmid.signal_core(signal.SIGHUP)
    burst(ledger, 5)
    ipmid.wait_for_events(5)
    everything = b"".join(part.read_bytes() for part in parts) + ipmid.data()
    check(ledger, [event.payload for event in parse_stream(everything)])


def test_torn_last_line(bmc, make_ipmid):
    """What a crash of the machine left behind is no part of the next event."""
    ledger = Ledger(bmc)
    ipmid = make_ipmid(bmc)
    burst(ledger, 3)
    ipmid.wait_for_ledger(ledger)
    ipmid.wait_settled()
    ipmid.kill_all()
    with open(ipmid.output, "ab") as file:
        file.write(b"threshold\nseverity upper_cri")
    ipmid.start()
    burst(ledger, 3)
    ipmid.wait_for_ledger(ledger)
    check(ledger, ipmid.payloads())
    assert len(ipmid.events()) == 6 and b"upper_cri\n" not in ipmid.data()


def test_a_foreign_file_is_not_touched(bmc, make_ipmid, tmp_path):
    """Its last line has no end, and is none of ours: it is ended and kept."""
    ledger = Ledger(bmc)
    output = tmp_path / "precious"
    output.write_text('{"precious": 1}', encoding="ascii")
    ipmid = make_ipmid(bmc, ["-f", output], options=["--format", "json"])
    burst(ledger, 1)
    wait_for(lambda: output.read_bytes().count(b"\n") == 2, 10, lambda: f"an event; log:\n{ipmid.log()}")
    assert output.read_text(encoding="utf-8").splitlines()[0] == '{"precious": 1}'
