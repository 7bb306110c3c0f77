#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# fuzz.sh CORPUS SECONDS TARGET...: runs each target so long, two at a time,
# from its corpus; ends with status 1 if one found something.
set -eu
corpus=$1; seconds=$2; shift 2
# In memory if possible: the journal's target would wait for the disk.
work=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"

run () {
  name=${1##*/}
  seeds=$corpus/$name
  mkdir -p "$work/$name"
  [ -d "$seeds" ] || seeds=
  if "$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=65536 -print_final_stats=1 \
       -artifact_prefix="$PWD/$name-" "$work/$name" $seeds >"$work/$name.log" 2>&1; then
    printf '%-16s %s inputs, nothing found\n' "$name" \
      "$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$name.log")"
  else
    tail -n 60 "$work/$name.log"
    echo "$name found something; the input is in $PWD/$name-*"
    touch "$work/failed"
  fi
}

for target in "$@"; do
  run "$target" &
  pids="${pids-} $!"
  set -- $pids
  if [ $# -ge 2 ]; then wait "$1"; shift; pids=$*; fi
done
wait
[ ! -e "$work/failed" ]
