#!/usr/bin/env bash
# A run that two processes compute together has the bits of one that computes the batch in the same parts; only rank 0 writes; a rank
# that is killed ends the other with one sentence and a state that goes on, with any number of ranks; signals leave a complete run.
. "$(dirname "$0")/lib.sh" "$@"
run=(--config "$avatars/small.cfg" --target "a zombie" --batch 2 --samples-every 0 --threads 1)
export MASTER_ADDR=127.0.0.1 NADA_RANK_TIMEOUT=60
MASTER_PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export MASTER_PORT

start_ranks() {  # PROGRAM ARGS...: two ranks, each in a folder of its own, so that what rank 1 writes is found
  local rank
  pids=()
  mkdir -p rank1
  for rank in 0 1; do
    (
      [ $rank = 1 ] && cd rank1
      exec env WORLD_SIZE=2 RANK=$rank "$programs/$1" "${@:2}" > "$work/out$rank.txt" 2> "$work/err$rank.txt"
    ) &
    pids+=($!)
  done
}
end_ranks() {  # waits for both and leaves their exit codes in `codes`
  wait "${pids[0]}"
  codes=$?
  wait "${pids[1]}"
  codes="$codes $?"
}
expect_codes() { check "exit codes $1 of $2, found $codes: $(tail -n 2 err0.txt err1.txt)" test "$codes" = "$1"; }
errors() { cat err0.txt err1.txt | grep -c '^error: '; }
wait_for() { for _ in $(seq 1200); do [ -e "$1" ] && return; kill -0 "${pids[0]}" 2> /dev/null || break; sleep 0.05; done; fail "$1 never came"; }
same_run() { python3 "$sources/tests/programs/ranks.py" "$@" 0; }

# The numbers of one process.
succeed adapt "${run[@]}" --steps 20 --out alone
start_ranks adapt "${run[@]}" --steps 20 --out "$work/shared"
end_ranks
expect_codes "0 0" "two ranks"
check "two ranks compute what one does" same_run shared alone
check "rank 1 writes nothing" test -z "$(ls -A rank1)$(cat out1.txt err1.txt)"
check "the folder is whole" python3 "$sources/tests/programs/whole.py" shared
check "the same files" cmp <(cd alone && find . -type f | sort) <(cd shared && find . -type f | sort)
check "the report tells of both" grep -q ranks shared/report.html

# kill -9 of either rank, in mid-run. The run goes on with one rank or two.
for dead in 1 0; do
  other=$((1 - dead))
  start_ranks adapt "${run[@]}" --steps 20 --state-every 4 --out "$work/killed$dead"
  wait_for "killed$dead/state.safetensors"
  kill -9 "${pids[$dead]}"
  begin=$SECONDS
  end_ranks
  check "the other ends soon" test $((SECONDS - begin)) -le 20
  check "the other ends with 1, found $codes" test "$(echo "$codes" | cut -d' ' -f$((other + 1)))" = 1
  check "with one sentence, found $(cat "err$other.txt")" grep -q \
    "^error: another of the 2 ranks has ended without a word; continue with --resume $work/killed$dead$" "err$other.txt"
  check "and no other" test "$(errors)" = 1
  check "no trace of a crash" sh -c "! grep -Eq 'frame #|terminate called|what\(\)' err$other.txt"
done
succeed adapt --resume killed1 --steps 20
start_ranks adapt --resume "$work/killed0" --steps 20
end_ranks
expect_codes "0 0" "two ranks that go on"
for dead in 0 1; do
  check "the numbers of a run that was not killed" same_run "killed$dead" alone
  check "whole" python3 "$sources/tests/programs/whole.py" "killed$dead"
done

# SIGTERM to both, as torchrun and Slurm do; one alone stops both, too.
for which in "0 1" "1"; do
  rm -rf stopped
  start_ranks adapt "${run[@]}" --steps 5000 --state-every 1 --out "$work/stopped"
  wait_for stopped/state.safetensors
  for rank in $which; do kill -TERM "${pids[$rank]}"; done
  end_ranks
  expect_codes "0 0" "SIGTERM to $which"
  check "the stop is told" grep -q '^stopped after [0-9]* of 5000 steps; continue with --resume' out0.txt
  check "the run is whole" python3 "$sources/tests/programs/whole.py" stopped
  check "the run is complete" test -s stopped/report.html
done

# Errors are told once, whoever has them.
start_ranks adapt "${run[@]}" --batch 1 --micro-batch 0 --out "$work/small"
end_ranks
expect_codes "1 1" "a batch that is too small"
check "told once" test "$(errors)" = 1
check "in its words" grep -q '^error: the batch is 1, expected at least 2: one sample for each rank$' err0.txt err1.txt
start_ranks adapt "${run[@]}" --micro-batch 0 --term within=1 --out "$work/within"
end_ranks
expect_codes "1 1" "a term that is no mean"
check "the term is named" grep -q '^error: the batch cannot be shared by 2 ranks: the term within is no mean over samples$' err0.txt err1.txt
start_ranks adapt "${run[@]}" --steps 20 --out "$work/alone"  # an error of rank 0 alone
end_ranks
expect_codes "1 1" "a folder that is not empty"
check "told once" test "$(errors)" = 1

# What does not share, and what is no launcher.
for program in pretrain_encoder pretrain_generator sweep ablate_layers; do
  WORLD_SIZE=2 RANK=0 expect_error "$program computes in one process, but 2 were started" $program
done
WORLD_SIZE=2 expect_error "the environment variable RANK is not set" adapt "${run[@]}"
env -u MASTER_ADDR SLURM_PROCID=0 SLURM_NTASKS=2 SLURM_LOCALID=0 SLURM_JOB_ID=1 SLURM_STEP_NUM_TASKS=2 \
  "$programs/adapt" "${run[@]}" --steps 2 --out slurm > out.txt 2> err.txt || fail "a task of srun by itself: $(cat err.txt)"
SLURM_PROCID=0 SLURM_NTASKS=2 SLURM_LOCALID=0 SLURM_JOB_ID=1 \
  "$programs/adapt" "${run[@]}" --steps 2 --out batch > out.txt 2> err.txt || fail "a batch script without srun: $(cat err.txt)"
no_temporaries .
finish
