# A node in namespaces of its own: users, poolcert-server, poolcert-agent, and a
# sealed secret. Then the parts, which are sourced.
#
#   lab.bash DIRECTORY PART...
set -Eeuo pipefail
trap 'echo "schedulers: failed at ${BASH_SOURCE[0]##*/}:$LINENO: $BASH_COMMAND" >&2' ERR
dir=$1 here=$PWD/scripts/interop/schedulers shipped=$PWD/packaging/schedulers
shift

export LC_ALL=C NO_COLOR=1
unset "${!POOLCERT_@}" "${!SLURM_@}" "${!AZ_BATCH_@}"
umask 022

# Changes of these folders go to a tmpfs, and are gone with it.
mkdir "$dir/layers"
mount -t tmpfs -o mode=755 tmpfs "$dir/layers"
layer() { # layer FOLDER
  local at=$dir/layers/${1//\//_}
  mkdir -p "$at/upper" "$at/work" "$1"
  chmod --reference="$1" "$at/upper"
  mount -t overlay -o "lowerdir=$1,upperdir=$at/upper,workdir=$at/work" overlay "$1"
}
for folder in /etc /usr/bin /usr/local /var/lib /var/log /var/spool; do layer "$folder"; done
mount -t tmpfs -o mode=755 tmpfs /run
rm -rf /etc/poolcert /var/lib/poolcert
cp "$dir"/bin/* /usr/bin/
ip link set lo up
ip address add 192.0.2.1/32 dev lo # Slurm's resolver wants one that is not loopback
hostname node1
echo '127.0.0.1 node1' >>/etc/hosts

# member and report are in the group of tasks, stranger is not.
getent group poolcert-task >/dev/null || groupadd --system poolcert-task
useradd --no-create-home --home-dir / --shell /bin/bash --groups poolcert-task member
useradd --no-create-home --home-dir / --shell /bin/bash stranger
useradd --system --no-create-home --groups poolcert-task report
for user in member stranger; do
  mkdir "$dir/$user"
  chown "$user:" "$dir/$user"
done
as() { # as USER COMMAND...
  local user=$1
  shift
  (cd "$dir/$user" && exec setpriv --reuid "$user" --regid "$user" --init-groups --inh-caps=-all env HOME="$dir/$user" "$@")
}

passed=0 failed=0
check() { # check WHAT COMMAND...
  local what=$1
  shift
  if "$@" >"$dir/out" 2>"$dir/err" </dev/null; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAIL: %s\n' "$what"
    sed 's/^/    /' "$dir/out" "$dir/err"
  fi
}
same() { # same WANT GOT
  [ "$1" = "$2" ] || { printf 'got:\n%s\nwant:\n%s\n' "$2" "$1"; return 1; }
}
says() { # says TEXT FILE
  grep -qF -- "$1" "$2" || { printf 'no "%s" in:\n' "$1"; cat "$2"; return 1; }
}
not() { ! "$@"; }
until_true() { # until_true COMMAND...: for 20 s
  local deadline=$((SECONDS + 20))
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || { echo "not in time: $*" >&2; return 1; }
    sleep 0.05
  done
}

# The account, and the node that joins it.
cd "$dir"
poolcert-server init --dir server --host localhost --host 127.0.0.1 --listen 127.0.0.1:0 --node-listen 127.0.0.1:0 >/dev/null
(umask 077; poolcert-server account create --dir server demo --json >account.json)
poolcert-server run --dir server --ready-file server.ready >server.log 2>&1 &
until_true test -s server.ready
export POOLCERT_CONFIG=$dir/config.toml
sed -n 's/.*"primaryKey": *"\([^"]*\)".*/\1/p' account.json |
  poolcert login --endpoint "$(sed -n 's/.*"url": *"\([^"]*\)".*/\1/p' server.ready)" --account demo --ca server/ca.pem --key-file - >/dev/null 2>&1
openssl req -x509 -newkey rsa:2048 -noenc -days 30 -subj '/CN=report' -keyout report.key -out report.crt 2>/dev/null
(umask 077; echo "$RANDOM$RANDOM" >report.pw)
openssl pkcs12 -export -in report.crt -inkey report.key -passout file:report.pw -out report.pfx
thumbprint=$(poolcert cert add report.pfx --password-file report.pw)
poolcert pool create cluster --cert "$thumbprint,visibility=task" >/dev/null 2>&1
mkdir -p /etc/poolcert
echo 'initial_jitter = "0s"' >/etc/poolcert/agent.toml
(umask 077; poolcert pool token create cluster >token 2>/dev/null)
poolcert-agent join --token-file token >/dev/null
start_agent() {
  poolcert-agent run >>agent.log 2>&1 &
  agent=$!
  until_true test -s "/run/poolcert/certs/current/task/sha1-$thumbprint.pfx"
  until_true curl -fsS --unix-socket /run/poolcert/agent.sock http://node/readyz
}
start_agent

secret="secret-$RANDOM-$RANDOM-$RANDOM"
printf %s "$secret" >secret.txt
poolcert encrypt --to report.crt -o secret.cms secret.txt
sealed="sealed:$(poolcert encrypt --pool cluster --base64 secret.txt)"
rm secret.txt report.key
chmod 644 secret.cms

for part in "$@"; do
  printf '== %s\n' "$part"
  . "$here/$part.bash"
done
echo "schedulers: $passed passed, $failed failed"
[ $failed -eq 0 ]
