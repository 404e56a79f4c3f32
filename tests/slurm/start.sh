#!/usr/bin/env bash
# A SLURM of one node on this machine, for the tests: munged, slurmctld and slurmd as root, without
# systemd. Prints what it does; stop.sh ends it. The programs are Debian's: slurm-wlm and munge,
# which are installed in continuous integration (CI=true) and nowhere else.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
lab=${SLURM_LAB:-/tmp/natriface-slurm}

[ "$(id -u)" = 0 ] || { echo "no SLURM: starting one needs root"; exit 0; }
if ! command -v slurmctld slurmd munged sbatch >/dev/null; then
    if [ "${CI:-}" != true ] || ! command -v apt-get >/dev/null; then
        echo "no SLURM: apt-get install slurm-wlm munge, or set CI=true to have it installed"; exit 0
    fi
    echo "installing slurm-wlm and munge"
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update && apt-get install --yes --no-install-recommends slurm-wlm munge; } \
        >/tmp/natriface-slurm-apt.log 2>&1 \
        || { tail -3 /tmp/natriface-slurm-apt.log; echo "no SLURM: it cannot be installed"; exit 0; }
fi
if [ -s /etc/slurm/slurm.conf ] && ! grep -q natriface /etc/slurm/slurm.conf; then
    echo "no SLURM for tests: /etc/slurm/slurm.conf is of another one"; exit 0
fi
if sinfo --noheader --format %T 2>/dev/null | grep -qE 'idle|mix|alloc'; then
    echo "SLURM runs already"; exit 0
fi

mkdir -p "$lab"/{run,state,spool,log,munge} /run/munge /etc/slurm
chmod 700 "$lab/munge"; chmod 755 /run/munge
memory=$(awk '/MemTotal/ {print int($2 / 2048)}' /proc/meminfo)
sed "s#@HOST@#$(hostname -s)#g; s#@LAB@#$lab#g; s#@CPUS@#4#g; s#@MEMORY@#$memory#g" \
    "$here/slurm.conf" > /etc/slurm/slurm.conf
cp "$here/cgroup.conf" /etc/slurm/cgroup.conf
if [ ! -f "$lab/munge/munge.key" ]; then
    (umask 077; dd if=/dev/urandom of="$lab/munge/munge.key" bs=1024 count=1 status=none)
fi
# --force: this laboratory's folders are root's, which munged thinks unusual
munged --force --key-file="$lab/munge/munge.key" --socket=/run/munge/munge.socket.2 \
    --pid-file="$lab/run/munged.pid" --log-file="$lab/log/munged.log" --seed-file="$lab/munge/seed"
slurmctld -c
slurmd
for _ in $(seq 300); do
    state=$(sinfo --noheader --format %T 2>/dev/null || true)
    [ "$state" = idle ] && { echo "SLURM runs; its logs are in $lab/log"; exit 0; }
    sleep 0.1
done
echo "no SLURM: its node is ${state:-not known}; see $lab/log"
"$here/stop.sh"
