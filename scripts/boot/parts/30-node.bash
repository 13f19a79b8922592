# A node: join, enable, and a task decrypts. Then what a restart and a crash do.
in_box sh -euc '
  useradd --create-home --groups poolcert-task alice
  mkdir -p /root/submit && cd /root/submit && umask 077
  openssl rand -hex 16 >one.pw
  for name in one two; do
    openssl req -x509 -newkey rsa:2048 -noenc -days 365 -subj "/CN=$name" -keyout $name.key -out $name.crt 2>/dev/null
    openssl pkcs12 -export -in $name.crt -inkey $name.key -passout file:one.pw -out $name.pfx
    poolcert cert add $name.pfx --password-file one.pw >$name.thumbprint
  done
  poolcert pool create render --cert "$(cat one.thumbprint),visibility=task" >/dev/null 2>&1
  poolcert pool token create render >token 2>/dev/null
  printf "the secret of the job" | openssl cms -encrypt -binary -aes-256-cbc -outform DER -out /srv/job/secret.cms one.crt
  chmod 755 /srv/job; chmod 644 /srv/job/secret.cms'
one=$(cat "$box/root/submit/one.thumbprint") two=$(cat "$box/root/submit/two.thumbprint")

# An image has the unit enabled, and the node joins later.
check 'before it joins, the agent does not start' refuse in_box systemctl enable --now poolcert-agent
check 'and says so to systemd' equal "$(property poolcert-agent ExecMainStatus)" 6
check 'which does not try again' stays_down poolcert-agent
check 'a task is told' refuse as_task 'poolcert decrypt /srv/job/secret.cms'
check 'the node joins, and the agent starts' in_box sh -c 'poolcert-agent join --token-file /root/submit/token | tee /dev/stderr | grep "^the agent starts"'
check 'in a moment' within 20 in_box systemctl is-active poolcert-agent
check 'with its socket' in_box systemctl is-active poolcert-agent.socket
check 'a task decrypts' decrypts
check 'the agent finds nothing wrong' in_box poolcert-agent status
check 'nor does the doctor' in_box poolcert-agent doctor

check 'a restart refuses nobody' under_load in_box systemctl restart poolcert-agent
check 'three restarts refuse nobody' under_load in_box sh -euc 'for i in 1 2 3; do systemctl restart poolcert-agent; done'
check 'a reload refuses nobody' under_load in_box systemctl reload poolcert-agent

pid=$(property poolcert-agent MainPID)
in_box kill -KILL "$pid"
check 'kill -9: the next task waits, and is served' decrypts
check 'by a new agent' refuse equal "$(property poolcert-agent MainPID)" "$pid"
in_box systemctl stop poolcert-agent 2>/dev/null
check 'a task starts an agent that was stopped' decrypts
in_box systemctl stop poolcert-agent.socket poolcert-agent.service
check 'with its socket, it stays stopped' refuse in_box curl -sS --unix-socket /run/poolcert/agent.sock http://node/healthz
in_box systemctl start poolcert-agent

# Somebody takes the socket away.
in_box rm /run/poolcert/agent.sock
check 'a removed socket is made again' within 5 decrypts
in_box sh -c 'systemctl stop poolcert-agent.socket; systemctl restart poolcert-agent' 2>/dev/null
check 'and is given back to systemd' equal "$(in_box sh -c 'ss -lxpH src /run/poolcert/agent.sock | grep -c systemd')" 1
in_box rm -r /run/poolcert
check 'a removed folder is made again' within 5 decrypts
in_box sh -c 'systemctl stop poolcert-agent.socket; systemctl restart poolcert-agent' 2>/dev/null

# A path that is not the unit's.
in_box sh -c 'echo "socket = \"/run/poolcert/other.sock\"" >>/etc/poolcert/agent.toml; systemctl reload poolcert-agent'
check 'a reload with another path changes nothing' decrypts
check 'and says why' in_box sh -c 'poolcert-agent --socket /run/poolcert/agent.sock status 2>&1 | grep "listens elsewhere"'
in_box sh -c 'sed -i "/other.sock/d" /etc/poolcert/agent.toml; systemctl reload poolcert-agent'
check 'the path of the unit again' within 10 in_box poolcert-agent status

# An agent that cannot start.
in_box sh -c 'echo "no such key = 1" >>/etc/poolcert/agent.toml; systemctl kill --signal=KILL poolcert-agent'
sleep 1
told() { local began=$SECONDS; refuse as_task 'poolcert decrypt /srv/job/secret.cms' && at_most $((SECONDS - began)) 15; }
check 'a task is told, and not left waiting' told
check 'the socket is still there' in_box systemctl is-active poolcert-agent.socket
in_box sed -i '/no such key/d' /etc/poolcert/agent.toml
check 'and the agent comes back by itself' within 10 decrypts

# A stall: the process is there, and does nothing.
in_box sh -euc 'mkdir -p /run/systemd/system/poolcert-agent.service.d
  printf "[Service]\nWatchdogSec=2s\nTimeoutAbortSec=1s\n" >/run/systemd/system/poolcert-agent.service.d/watchdog.conf
  systemctl daemon-reload; systemctl restart poolcert-agent'
pid=$(property poolcert-agent MainPID)
in_box kill -STOP "$pid"
check 'a stalled agent is replaced by the watchdog' decrypts
check 'and not before' refuse equal "$(property poolcert-agent MainPID)" "$pid"
in_box sh -c 'rm /run/systemd/system/poolcert-agent.service.d/watchdog.conf; systemctl daemon-reload; systemctl restart poolcert-agent'
