# SPDX-License-Identifier: LGPL-2.1-or-later
# Which Debian packages ipmid needs, and how to install them.  Sourced by
# quickstart and runtests.

packages_build="gcc make autoconf automake libtool pkg-config libc6-dev
  libglib2.0-dev libsqlite3-dev libopenipmi-dev libjansson-dev libmicrohttpd-dev
  libcurl4-openssl-dev libssl-dev libseccomp-dev
  libsystemd-dev"
packages_demo="openipmi ipmitool python3 libssl3"
packages_test="python3-pytest python3-pytest-xdist clang libclang-rt-14-dev valgrind
  curl faketime freeipmi-tools mandoc e2fsprogs mount util-linux procps xz-utils
  logrotate snmp systemd openssl prometheus-alertmanager rsyslog rsyslog-openssl"

# Debian installs one mail server only: a machine that has another keeps it.
mail_servers=$(dpkg-query -W -f '${db:Status-Status} ${Package} ${Provides}\n' 2>/dev/null |
  sed -n 's/^installed \([^ ]*\) .*mail-transport-agent.*/\1/p')
case "$mail_servers" in
  "" | *exim4*) packages_test="$packages_test exim4-daemon-light" ;;
esac

say () { printf '\n== %s\n' "$*"; }

die () { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

as_root () {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "installing packages needs root: run this as root, or install sudo"
  fi
}

# Installs what is missing, and says what that is.
install_packages () {
  missing=""
  for package in "$@"; do
    case "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" in
      installed) ;;
      *) missing="$missing $package" ;;
    esac
  done
  [ -n "$missing" ] || { echo "all packages are there"; return 0; }
  echo "installing:$missing"
  log=$(mktemp)
  # The tests start their own servers: none of a package is to run (systemctl(1), invoke-rc.d(8)).
  # shellcheck disable=SC2086  # a list of words
  if { as_root apt-get update && as_root env DEBIAN_FRONTEND=noninteractive SYSTEMD_OFFLINE=1 RUNLEVEL=1 \
         apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
    rm -f "$log"
  else
    tail -n 20 "$log" >&2
    die "apt-get could not install these packages; its whole output is in $log"
  fi
}

# build DIRECTORY [CONFIGURE OPTION ...]: configures and builds out of tree;
# what is up to date is left alone.
build () {
  directory=$1; shift
  umask 022  # ipmid loads no plugin that others can write to
  mkdir -p "$directory"
  [ -x "$top/configure" ] && [ "$top/configure" -nt "$top/configure.ac" ] ||
    "$top/bootstrap" >"$directory/bootstrap.log" 2>&1 ||
    { tail -n 20 "$directory/bootstrap.log" >&2; die "./bootstrap failed"; }
  wanted="$top/configure $*"
  if [ "$(cat "$directory/configured" 2>/dev/null)" != "$wanted" ] || [ ! -f "$directory/Makefile" ]; then
    (cd "$directory" && "$top/configure" --quiet "$@") || die "configure failed in $directory"
    printf '%s\n' "$wanted" >"$directory/configured"
  fi
  make -C "$directory" --no-print-directory -j"$(nproc)" -s
}
