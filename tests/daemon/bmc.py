# SPDX-License-Identifier: LGPL-2.1-or-later
"""A simulated BMC: Debian's ipmi_sim with sensors, users and a SEL.

`SimulatedBmc` is the real thing for everything that a well-behaved BMC does;
for one that misbehaves see scripted_bmc.py, which has the same interface.
"""

import abc
import re
import signal
import subprocess
import time
from pathlib import Path

import loopback
import processes
import records
import sdr
from ipmi import ADMIN, CLEAR_SDR, PRIVILEGE_NAMES, LanSession
from waiting import wait_for

IPMI_SIM = "ipmi_sim"
NAME = "bmc"
MC_BMC = "0x20 0 {device_sdrs} 0x23 9 8 0x8f {:#x} {:#x}"
MAKER = (0x1291, 0xF02)        # manufacturer (IANA) and product
# A satellite without the chassis bit: ipmi_sim crashes on Get Chassis Status of
# a controller that has no chassis program, and only the BMC gets one below.
MC_SATELLITE = "{device_sdrs} 0x98 0x10 1 0x29 0x1291 0xf03"

# What Get SEL Info says the SEL can do: delete and reserve.
CAN_DELETE, CAN_RESERVE = 0x08, 0x02

START_ATTEMPTS = 5


class Bmc(abc.ABC):
    """What tests may do with a BMC, whichever kind it is."""

    def __init__(self, population=None, *, user="ipmiusr", password="test", privilege=ADMIN):
        self.population = population or sdr.EVERYTHING
        self.user = user
        self.password = password
        self.privilege = privilege
        self.address = loopback.own_address()
        self.port = loopback.free_port(self.address)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def sensor(self, label):
        """The sensor that the population calls LABEL."""
        return self.population[label]

    def connection(self, *, port=None, user=None, password=None, privilege=None, extra=()):
        """The connection words of an eventd-style command line.

        PORT is for a proxy in front of the BMC.
        """
        privilege = PRIVILEGE_NAMES[privilege or self.privilege]
        return ["lan", "-U", user or self.user, "-P", password or self.password,
                "-p", str(port or self.port), "-L", privilege, *extra, self.address]

    def ipmitool(self, *words, suite=3):
        """A command line of ipmitool for this BMC."""
        return ["ipmitool", "-I", "lanplus", "-C", str(suite), "-H", self.address,
                "-p", str(self.port), "-U", self.user, "-P", self.password,
                "-L", PRIVILEGE_NAMES[self.privilege].upper().replace("ADMIN", "ADMINISTRATOR"),
                *words]

    def add_many(self, new_records):
        """Add records in order; returns their ids."""
        return [self.add(record) for record in new_records]

    def record(self, record_id):
        """The 16 bytes of one record, None when it is not in the SEL."""
        return next((one for one in self.sel() if records.record_id(one) == record_id), None)

    @abc.abstractmethod
    def start(self):
        """Power the BMC on; returns when it answers."""

    @abc.abstractmethod
    def stop(self):
        """Power it off in good order."""

    @abc.abstractmethod
    def kill(self):
        """Power it off at once; its sessions are gone, its SEL stays."""

    @abc.abstractmethod
    def freeze(self):
        """Make it silent; sessions and requests under way stay."""

    @abc.abstractmethod
    def thaw(self):
        """Go on after freeze()."""

    @abc.abstractmethod
    def restart(self, empty_sel=False):
        """Kill it and power it on again at the same address."""

    @abc.abstractmethod
    def add(self, record):
        """Add one 16-byte record to the SEL; returns the id that it got."""

    @abc.abstractmethod
    def sel(self):
        """The records in the SEL now, seen without the code under test."""

    @abc.abstractmethod
    def delete(self, record_id):
        """Delete one record, as another administrator would."""

    @abc.abstractmethod
    def clear(self):
        """Clear the SEL, as another administrator would."""


class SelFile:
    """ipmi_sim's SEL on disk.

    ipmi_sim rewrites it (rename) after each change and before it answers, so
    it is the true state at any moment, and reading it takes no message.  A
    line is `name:d:bytes` or `name:i:number`, with everything unprintable as
    `\\xx`; records stand in it last first.
    """

    def __init__(self, path):
        self.path = path

    def read(self):
        """The records, oldest first."""
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        return [self._decode(line.split(b":", 2)[2])
                for line in reversed(lines) if line.split(b":", 2)[1] == b"d"]

    def write(self, kept, times):
        """Write records and the numbers in TIMES, for a BMC that is off."""
        lines = [b"%s:i:%d" % (key.encode(), value) for key, value in times.items()]
        lines += [b"%d:d:%s" % (records.record_id(record), self._encode(record))
                  for record in reversed(kept)]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(b"\n".join(lines) + b"\n")

    def times(self):
        """The times of the last addition and erasure."""
        try:
            found = re.findall(rb"^(\w+):i:(-?\d+)$", self.path.read_bytes(), re.MULTILINE)
        except FileNotFoundError:
            return {}
        return {key.decode(): int(value) for key, value in found}

    @staticmethod
    def _encode(data):
        return b"".join(b"%c" % byte if 0x20 < byte < 0x7F and byte != 0x5C else b"\\%02x" % byte
                        for byte in data)

    @staticmethod
    def _decode(text):
        return re.sub(rb"\\([0-9a-f]{2})", lambda match: bytes([int(match[1], 16)]), text)


class SimulatedBmc(Bmc):
    """One ipmi_sim in DIRECTORY.

    SEL_SIZE is the number of records that fit (above 4095 the free space in
    Get SEL Info wraps round); SEL_FLAGS what Get SEL Info says of the SEL's
    abilities; SDR_ERASED whether an SDR was ever erased: if not, the
    repository cannot be cached; CHASSIS_CONTROL the program that knows the
    chassis' power; AUTHS the kinds of IPMI 1.5 authentication that it offers
    besides RMCP+.  MD5 must be among them, the tests themselves use it.  MAKER
    is who Get Device ID says made it, and which product it is.  DEVICE_SDRS are
    the labels of the sensors whose records are not in the repository: their
    controllers have them, and a population that may change.
    """

    def __init__(self, directory, population=None, *, sel_size=4000,
                 sel_flags=CAN_DELETE | CAN_RESERVE, sdr_erased=False, chassis_control="true",
                 auths="md5", maker=MAKER, device_sdrs=(), **options):
        super().__init__(population, **options)
        self.directory = Path(directory)
        self.sel_size = sel_size
        self.sel_flags = sel_flags
        self.sdr_erased = sdr_erased
        self.chassis_control = chassis_control
        self.auths = auths
        self.bmc_key = None          # K_g, at most 19 characters, from the next start on
        self.maker = maker
        self.device_sdrs = device_sdrs
        self.process = None
        self._settled = False          # it has been up at its address
        self._session = None
        self._console_mark = 0
        self._sel_file = SelFile(self.directory / "state" / "ipmi_sim" / NAME / "sel.20")
        (self.directory / "state").mkdir(parents=True, exist_ok=True)

    # What ipmi_sim reads at its start.

    def _write_configuration(self):
        (self.directory / "lan.conf").write_text(self._lan_conf(), encoding="ascii")
        (self.directory / "bmc.emu").write_text(self._commands(), encoding="ascii")
        if self.sdr_erased:
            # The records of its last run, to which these would be added.
            (self.directory / "state" / "ipmi_sim" / NAME / "sdr.20.main").unlink(missing_ok=True)

    def _lan_conf(self):
        users = [(self.user, self.password, PRIVILEGE_NAMES[self.privilege]),
                 ("operator", self.password, "operator"), ("user", self.password, "user"),
                 ("bench", "bench", "admin")]
        accounts = "\n".join(f'  user {number} true "{name}" "{password}" {privilege} 60 '
                             "none md2 md5 straight"
                             for number, (name, password, privilege) in enumerate(users, 2))
        auths = "\n".join(f"    allowed_auths_{privilege} {self.auths}"
                          for privilege in ("callback", "user", "operator", "admin"))
        key = f'    bmc_key "{self.bmc_key}"\n' if self.bmc_key else ""
        return f"""\
name "{NAME}"
set_working_mc 0x20
  chassis_control "{self.chassis_control}"
  startlan 1
    addr {self.address} {self.port}
    priv_limit admin
{auths}
{key}    guid a123456789abcdefa123456789abcdef
  endlan
{accounts}
"""

    def _commands(self):
        lines = ["mc_setbmc 0x20", self._add_controller(sdr.BMC_ADDRESS, MC_BMC, *self.maker),
                 f"sel_enable 0x20 {self.sel_size} {self.sel_flags:#x}"]
        for number, address in enumerate(self.population.satellites, 1):
            lines.append(self._add_controller(address, f"{address:#x} {number} {MC_SATELLITE}"))
        for record in self.population.records(without=self.device_sdrs):
            lines.append("main_sdr_add 0x20 " + " ".join(f"{byte:#04x}" for byte in record))
        for sensor in self.population:
            lines += _sensor_commands(sensor)
            if sensor.label in self.device_sdrs:
                lines.append(_device_sdr_command(sensor))
        lines += [f"mc_enable {address:#x}" for address in (*self.population.satellites, 0x20)]
        return "\n".join(lines) + "\n"

    def _add_controller(self, address, words, *more):
        has = any(sensor.owner == address and sensor.label in self.device_sdrs for sensor in self.population)
        return ("mc_add " + words.format(*more, device_sdrs="has-device-sdrs" if has else "no-device-sdrs")
                + (" dynsens" if has else ""))

    # Power.

    def start(self):
        """Power the BMC on; returns when it answers."""
        for attempt in range(1, START_ATTEMPTS + 1):
            self._write_configuration()
            self._launch()
            if self._comes_up():
                # By itself its clock counts from the boot of the host.
                self.set_clock(time.time())
                if self.sdr_erased:
                    self.date_repository()
                self._settled = True
                return
            if self.process.returncode is None or attempt == START_ATTEMPTS:
                break
            # Most likely someone took the port between our look and its bind.
            if not self._settled:
                self.port = loopback.free_port(self.address)
        output = self._console_text()
        self.kill()
        raise RuntimeError(f"ipmi_sim did not come up:\n{output[-2000:]}")

    def date_repository(self):
        """Give the SDR repository a time of erasure, without which it cannot be cached."""
        # The question how far a clear has come; ipmi_sim notes the time, and clears nothing.
        self.session.command(CLEAR_SDR, b"\0\0CLR\xaa")

    def _launch(self):
        # Its console is a pipe: it ends by itself when this process does.
        self._console_mark = 0
        with open(self.directory / "console.log", "wb") as output:
            self.process = processes.spawn(
                [IPMI_SIM, "-c", self.directory / "lan.conf", "-f", self.directory / "bmc.emu",
                 "-s", self.directory / "state"],
                stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT)
        self.process.stdin.write(b"noecho\n")
        self.process.stdin.flush()

    def _comes_up(self):
        """Whether it answers; False when it exits, complains or stays silent."""
        def decided():
            return self.process.poll() is not None or self._complained() or probe.ping()

        with LanSession(self.address, self.port, "", "") as probe:
            try:
                wait_for(decided, 10, "ipmi_sim to answer", poll=0.002)
            except AssertionError:
                return False
        return self.process.poll() is None and not self._complained()

    def _complained(self):
        """Whether a start-up command failed: the rest was skipped, silently."""
        return "**" in self._console_text()

    def stop(self):
        """Power it off in good order."""
        if self.process:
            self.thaw()
            self._drop_session(politely=True)
            processes.stop(self.process)
            self._gone()

    def kill(self):
        """Power it off at once; its sessions are gone, its SEL stays."""
        if self.process:
            self._drop_session()
            processes.kill_group(self.process)
            self._gone()

    def _gone(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process = None

    def freeze(self):
        """Make it silent; sessions and requests under way stay."""
        self.process.send_signal(signal.SIGSTOP)
        wait_for(lambda: processes.state(self.process.pid) == "T", 5, "ipmi_sim to stop")

    def thaw(self):
        """Go on after freeze()."""
        self.process.send_signal(signal.SIGCONT)

    def restart(self, empty_sel=False):
        """Kill it and power it on again; record ids start from 1 where they are free."""
        self.kill()
        if empty_sel:
            self.preload([])
        self.start()

    # The SEL.

    @property
    def session(self):
        """A session of the tests' own, as another administrator's."""
        if not self._session:
            self._session = LanSession(self.address, self.port, "bench", "bench")
        return self._session

    def _drop_session(self, politely=False):
        if self._session:
            if not politely:
                self._session.forget()
            self._session.close()
            self._session = None

    def preload(self, new_records, first_id=1):
        """Replace the SEL of a BMC that is off; ids count up from FIRST_ID.

        Records without a time get the present one.
        """
        assert self.process is None, "the SEL can be replaced only while the BMC is off"
        now = int(time.time())
        stamped = [records.with_id(record, first_id + position,
                                   records.timestamp(record) or now)
                   for position, record in enumerate(new_records)]
        times = self._sel_file.times()
        if stamped:
            times["last_add_time"] = now
        self._sel_file.write(stamped, times)
        return [records.record_id(record) for record in stamped]

    def add(self, record):
        """Add one 16-byte record; ipmi_sim sets its id and time."""
        return self.session.add(record)

    def sel(self):
        """The records in the SEL now, seen without the code under test."""
        return self._sel_file.read()

    def delete(self, record_id):
        """Delete one record, as another administrator would."""
        self.session.delete(record_id)

    def clear(self):
        """Clear the SEL, as another administrator would; ids go on from where they were."""
        self.session.clear()

    def set_clock(self, seconds):
        """Set the clock that stamps the records; it starts with the time of the host."""
        self.session.set_time(int(seconds))

    # The console.

    def _console_text(self):
        return (self.directory / "console.log").read_text(encoding="utf-8", errors="replace")

    def console(self, command):
        """Run a command of ipmi_sim_cmd(5); returns what it printed."""
        mark = len(self._console_text())
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()
        text = wait_for(lambda: self._finished(mark), 5, f"the console to run {command!r}",
                        poll=0.001)
        if "**" in text:
            raise RuntimeError(f"{command}: {text}")
        return text

    def _finished(self, mark):
        text = self._console_text()[mark:]
        return text if text.endswith("> ") else None

    def set_reading(self, label, raw, event=False):
        """Set what a threshold sensor measures; EVENT logs crossings as the BMC would."""
        sensor = self.sensor(label)
        self.console(f"sensor_set_value {sensor.owner:#x} 0 {sensor.number} "
                     f"{raw & 0xFF:#x} {int(event)}")

    def set_state(self, label, bit, on=True, event=False):
        """Set one state of a discrete sensor; EVENT logs it as the BMC would."""
        sensor = self.sensor(label)
        self.console(f"sensor_set_bit {sensor.owner:#x} 0 {sensor.number} "
                     f"{bit} {int(on)} {int(event)}")

    def add_device_sensor(self, sensor):
        """Give a controller that has device SDRs one more sensor."""
        for command in [*_sensor_commands(sensor), _device_sdr_command(sensor)]:
            self.console(command)


def _device_sdr_command(sensor):
    """The ipmi_sim command that has the owner of SENSOR keep its record."""
    return f"device_sdr_add {sensor.owner:#x} 0 " + " ".join(f"{byte:#04x}" for byte in sdr.sensor_record(sensor))


def _sensor_commands(sensor):
    """The ipmi_sim commands that make SENSOR readable and let it log events."""
    key = f"{sensor.owner:#x} 0 {sensor.number}"
    if sensor.sdr_type == sdr.EVENT_ONLY:
        return [f"sensor_add {key} {sensor.sensor_type:#x} {sensor.reading_type:#x} event-only"]
    lines = [f"sensor_add {key} {sensor.sensor_type:#x} {sensor.reading_type:#x}"]
    if sensor.analog:
        limits = " ".join(f"{limit & 0xFF:#x}" for limit in reversed(sensor.thresholds))
        lines += [f"sensor_set_threshold {key} settable 111111 {limits}",
                  f"sensor_set_value {key} {sensor.reading & 0xFF:#x} 0"]
        states = 0x0FFF
    else:
        lines += [f"sensor_set_bit {key} {bit} 1 0"
                  for bit in range(15) if sensor.reading >> bit & 1]
        states = sensor.states
    mask = f"{states:015b}"
    return lines + [f"sensor_set_event_support {key} enable scanning per-state "
                    f"{mask} {mask} {mask} {mask}"]
