#!/usr/bin/env bash
# The batch files of configs/slurm under a Slurm of its own on this machine: cells of an ablation as a job array of which one is
# killed and queued again, the tables behind it, a run that is queued again in its middle, and one that two tasks compute. As root; Debian's slurm-wlm and munge.
. "$(dirname "$0")/lib.sh" "$@"
for tool in munged slurmctld slurmd sbatch; do
  if ! command -v $tool > /dev/null || [ "$(id -u)" != 0 ]; then
    echo "SKIPPED: needs root and $tool"
    exit 77
  fi
done
host=$(hostname -s)
mkdir -p slurm/state slurm/spool slurm/munge
dd if=/dev/urandom of=slurm/munge.key bs=1024 count=1 status=none
chmod 700 slurm/munge . && chmod 400 slurm/munge.key
socket=$work/slurm/munge/socket
cat > slurm/slurm.conf <<CONF
ClusterName=nada
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$socket
CryptoType=crypto/munge
StateSaveLocation=$work/slurm/state
SlurmdSpoolDir=$work/slurm/spool
SlurmctldPidFile=$work/slurm/ctld.pid
SlurmdPidFile=$work/slurm/d.pid
SlurmctldLogFile=$work/slurm/ctld.log
SlurmdLogFile=$work/slurm/d.log
SlurmctldPort=16817
SlurmdPort=16818
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=2,batch_sched_delay=1,requeue_delay=1
MpiDefault=none
ReturnToService=2
KillWait=5
MinJobAge=600
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES State=UP
CONF
export SLURM_CONF=$work/slurm/slurm.conf
munged --force --foreground --key-file "$work/slurm/munge.key" --socket "$socket" --pid-file "$work/slurm/munge.pid" \
  --log-file "$work/slurm/munge.log" --seed-file "$work/slurm/munge.seed" --num-threads 2 > /dev/null 2>&1 &
munge=$!
sleep 1
slurmctld -D > /dev/null 2>&1 &
ctld=$!
sleep 1
slurmd -D -N "$host" > /dev/null 2>&1 &
slurmd=$!
trap 'scancel -u root 2> /dev/null; kill $slurmd $ctld $munge 2> /dev/null; wait 2> /dev/null; rm -rf "$work"' EXIT
for _ in $(seq 60); do
  sinfo -h -o %t 2> /dev/null | grep -q idle && break
  sleep 1
done
check "the node is ready" sh -c 'sinfo -h -o %t | grep -q idle'

state_of() { scontrol show job "$1" 2> /dev/null | sed -n 's/.*JobState=\([A-Z_]*\).*/\1/p' | sort | uniq | tr '\n' ' '; }
wait_for() {  # JOB SECONDS: until none of its tasks waits or runs
  for _ in $(seq "$2"); do
    state_of "$1" | grep -Eq 'PENDING|RUNNING|COMPLETING|CONFIGURING' || return 0
    sleep 1
  done
  fail "job $1 did not end: $(scontrol show job "$1")"
}
batch=$sources/configs/slurm
small="--time=10 --mem=0"
cells=("$programs/ablate_layers" --quick --generator "$avatars/generator_64.safetensors" --only top-6,random-6 --steps 60)
"${cells[@]}" --out unbroken > /dev/null 2> err.txt || fail "an unbroken ablation: $(cat err.txt)"
number=$(find unbroken/cells -name '*.json' | wc -l)
# shellcheck disable=SC2086
job=$(sbatch --parsable $small --array="0-$((number - 1))" "$batch/cells.sbatch" "${cells[@]}" --out array)
# shellcheck disable=SC2086
tables=$(sbatch --parsable $small --dependency="afterok:$job" "$batch/tables.sbatch" "${cells[@]}" --out array)
for _ in $(seq 60); do
  pgrep -f -- "--out array --cell 0" > /dev/null && break
  sleep 0.2
done
sleep 1
scontrol requeue "${job}_0" || fail "task 0 was not running"
wait_for "$job" 300
wait_for "$tables" 200
check "all tasks ended well, found $(state_of "$job")" test "$(state_of "$job")" = "COMPLETED "
check "task 0 began twice" sh -c "scontrol show job ${job}_0 | grep -q 'Restarts=1'"
check "the tables are there" test -s array/table.md
check "with the numbers of an unbroken ablation" cmp <(grep -o '"text_score[^,]*' unbroken/cells/*.json | sed 's/.*cells.//' | sort) \
  <(grep -o '"text_score[^,]*' array/cells/*.json | sed 's/.*cells.//' | sort)
no_temporaries array

run=("$programs/adapt" --config "$avatars/small.cfg" --target "a zombie" --steps 60 --batch 2 --samples-every 0 --state-every 5)
"${run[@]}" --threads 1 --out whole > /dev/null 2> err.txt || fail "an unbroken run: $(cat err.txt)"
# shellcheck disable=SC2086
job=$(sbatch --parsable $small --cpus-per-task=1 "$batch/run.sbatch" again "${run[@]}")
for _ in $(seq 300); do
  [ -s again/state.safetensors ] && break
  sleep 0.1
done
scancel --signal=USR1 --batch "$job"  # as Slurm does before the time is up
for _ in $(seq 100); do
  scontrol show job "$job" | grep -q 'Restarts=1' && break
  sleep 0.2
done
check "the run queued itself again" sh -c "scontrol show job $job | grep -q 'Restarts=1'"
wait_for "$job" 300
check "it ended well, found $(state_of "$job")" test "$(state_of "$job")" = "COMPLETED "
check "and gave what an unbroken run gives" same_data whole/adapted.safetensors again/adapted.safetensors
no_temporaries again

# Two tasks compute a run together; told to stop, they queue themselves again.
# shellcheck disable=SC2086
job=$(sbatch --parsable $small --ntasks=2 --cpus-per-task=1 "$batch/ranks.sbatch" "$work/ranks" "${run[@]}")
for _ in $(seq 600); do
  [ -s ranks/state.safetensors ] && break
  sleep 0.1
done
scancel --signal=USR1 --batch "$job"
for _ in $(seq 100); do
  scontrol show job "$job" | grep -q 'Restarts=1' && break
  sleep 0.2
done
check "two ranks queued themselves again" sh -c "scontrol show job $job | grep -q 'Restarts=1'"
wait_for "$job" 300
check "they ended well, found $(state_of "$job")" test "$(state_of "$job")" = "COMPLETED "
check "there were two" grep -q ranks ranks/report.html
"${run[@]}" --threads 1 --out parts > /dev/null 2> err.txt || fail "an unbroken run in parts: $(cat err.txt)"
check "with the numbers of one process" python3 "$sources/tests/programs/ranks.py" ranks parts 0
no_temporaries ranks
finish
