#!/usr/bin/env bash
# End the SLURM that start.sh has started, and no other.
set -u
lab=${SLURM_LAB:-/tmp/natriface-slurm}
for name in slurmd slurmctld munged; do
    file=$lab/run/$name.pid
    [ -f "$file" ] || continue
    process=$(cat "$file")
    [ "$(ps -o comm= -p "$process")" = "$name" ] && kill "$process" && echo "stopped $name"
    rm -f "$file"
done
exit 0
