# What the parts of scripts/boot/test have in common.

sdbox() { "$here/sdbox" "$1" "$box" "${@:2}"; }
# in_box COMMAND... runs a command in the booted system, as root.
in_box() { timeout 60 "$here/sdbox" exec "$box" "$@"; }
# as_task LINE runs a line of shell as the user alice, whom tasks run as.
as_task() { in_box runuser -u alice -- env -i PATH=/usr/bin:/bin HOME=/home/alice sh -euc "cd; $1"; }

# check NAME COMMAND... runs a command, and counts it. A failure shows its output and
# the log.
check() {
  local name=$1 output
  shift
  if output=$("$@" 2>&1); then
    passed=$((passed + 1))
    echo "ok - $name"
    return
  fi
  failed=$((failed + 1))
  echo "not ok - $name"
  {
    head -n 20 <<<"$output"
    echo '-- the log:'
    in_box journalctl --no-pager -n 12 -o short-iso -u 'poolcert-*' 2>/dev/null || tail -n 12 "$box.run/console"
  } | cut -c -300 | sed 's/^/    /'
}
# refuse COMMAND... is for what must fail.
refuse() { if "$@"; then echo "it did not fail: $*"; return 1; fi; }
# within SECONDS COMMAND... waits until a command succeeds.
within() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || { echo "not in time: $*"; "$@"; return 1; }
    sleep 0.1
  done
}
property() { in_box systemctl show -P "$2" "$1"; }
# equal GOT WANT
equal() { [ "$1" = "$2" ] || { echo "got '$1', want '$2'"; return 1; }; }
at_most() { [ "$1" -le "$2" ] || { echo "got $1, want at most $2"; return 1; }; }
decrypts() { equal "$(as_task 'poolcert decrypt /srv/job/secret.cms')" 'the secret of the job'; }

# under_load COMMAND... runs a command while tasks call, each by a connection of its own
# that is tried once. No call may fail.
under_load() {
  cat >"$box/srv/job/load" <<'TXT'
while [ ! -e /srv/job/stop ]; do
  curl -sS --max-time 30 --unix-socket /run/poolcert/agent.sock -H 'Content-Type: application/cms' \
    --data-binary @/srv/job/secret.cms http://node/v1/decrypt 2>&1 | grep -qx 'the secret of the job' && echo ok || echo refused
done
TXT
  rm -f "$box/srv/job/stop"
  local pids=() i status=0 good bad
  for i in 1 2 3; do
    as_task 'sh /srv/job/load' >"$run/load.$i" &
    pids+=($!)
  done
  within 20 grep -q ok "$run/load.3" || status=1
  "$@" || status=1
  sleep 0.3 # so that calls come after it, too
  touch "$box/srv/job/stop"
  wait "${pids[@]}" || status=1
  good=$(cat "$run"/load.? | grep -c ok) bad=$(cat "$run"/load.? | grep -vc ok) || true
  echo "# $good calls while: $*" >&3
  [ "$status" -eq 0 ] && equal "$bad" 0
}
exec 3>&1
