# The server, as a user that exists only while it runs.

# stays_down UNIT waits for longer than RestartSec.
stays_down() {
  sleep 6
  equal "$(property "$1" SubState), $(property "$1" NRestarts) restarts" 'failed, 0 restarts'
}
check 'the server refuses to start without data' refuse in_box systemctl start poolcert-server
check 'and says so to systemd' equal "$(property poolcert-server ExecMainStatus)" 6
check 'which does not try again' stays_down poolcert-server
in_box poolcert-server init --host localhost >/dev/null
check 'the server starts' in_box systemctl enable --now poolcert-server
uid=$(in_box stat -Lc %u /var/lib/poolcert-server)
check 'its user is a dynamic one' test "$uid" -ge 61184 -a "$uid" -le 65519
check 'its data is its own' equal "$(in_box stat -c '%a %u' /var/lib/private/poolcert-server/ /var/lib/private/poolcert-server/poolcert.db | tr '\n' ' ')" "700 $uid 600 $uid "
check 'its process has no capabilities' in_box sh -c 'grep -qx "CapBnd:	0000000000000000" /proc/$(systemctl show -P MainPID poolcert-server)/status'
# Most commands act as the owner of the data.
check "root's commands reach the data" in_box sh -c 'umask 077; poolcert-server account create demo --json >/root/account.json'
check 'the submitter logs in' in_box sh -euc '
  sed -n "s/.*\"primaryKey\": *\"\([^\"]*\)\".*/\1/p" /root/account.json |
    poolcert login --endpoint https://localhost:8443 --account demo --ca /var/lib/poolcert-server/ca.pem --key-file -
  rm /root/account.json'

pid=$(property poolcert-server MainPID)
in_box kill -KILL "$pid"
check 'kill -9 of the server is healed' within 15 in_box poolcert pool list
check 'by a new process' refuse equal "$(property poolcert-server MainPID)" "$pid"

# The audit log, where only root may pass: root's commands write to it, too.
in_box sh -c 'printf "\n[audit]\nfile = \"/var/log/poolcert-server/audit.log\"\nrequired = true\n" >>/var/lib/poolcert-server/server.toml; systemctl restart poolcert-server'
check 'with an audit log, root makes an account' in_box poolcert-server account create audited
check 'and all that root does is there' in_box sh -euc '
  poolcert-server account rotate-key audited primary; poolcert-server key rotate; poolcert-server check
  for done in account.create account.rotate-key master-key.rotate; do grep "\"$done\",\"result\":\"ok\"" /var/log/poolcert-server/audit.log; done'
check 'the log is the service'"'"'s' equal "$(in_box stat -c '%a %u' /var/log/poolcert-server/audit.log)" "600 $uid"

# A copy of the database is the service'"'"'s, too.
as_copy() {
  in_box sh -euc '
    cd /var/lib/poolcert-server; systemctl stop poolcert-server
    poolcert-server migrate --to /var/lib/poolcert-server/copy.db
    cp -p server.toml server.toml.before; sed -i "1i database = \"copy.db\"" server.toml
    systemctl start poolcert-server; poolcert-server account list
    systemctl stop poolcert-server; cp -p server.toml.before server.toml; rm copy.db server.toml.before; systemctl start poolcert-server'
}
check 'the server runs on a copy that root made' as_copy

# TLS files of root'"'"'s.
in_box sh -euc '
  mkdir -p /etc/batch-tls; cd /etc/batch-tls; umask 077
  openssl req -x509 -newkey rsa:2048 -noenc -days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key -out crt 2>/dev/null
  cd /var/lib/poolcert-server
  cp /etc/batch-tls/crt tls.pem; cp /etc/batch-tls/key tls.key
  chown --reference=ca.key tls.pem tls.key; cp -p server.toml server.toml.before
  sed -i "1i tls_cert = \"tls.pem\"\ntls_key = \"tls.key\"" server.toml'
check 'the server starts with TLS files of its own' in_box systemctl restart poolcert-server
check 'and shows them' in_box curl -sS --cacert /etc/batch-tls/crt -o /dev/null https://localhost:8443/
in_box sh -euc 'cd /var/lib/poolcert-server; cp -p server.toml.before server.toml; rm server.toml.before tls.pem tls.key; systemctl restart poolcert-server'

# The master key leaves the directory for a credential, sealed to this machine.
in_box sh -euc '
  mkdir -p /etc/poolcert /etc/systemd/system/poolcert-server.service.d
  systemd-creds encrypt --with-key=host --name=poolcert-master-key /var/lib/private/poolcert-server/master.key /etc/poolcert/master-key.cred
  printf "[Service]\nLoadCredentialEncrypted=poolcert-master-key:/etc/poolcert/master-key.cred\n" >/etc/systemd/system/poolcert-server.service.d/master-key.conf
  printf "\n[master_key]\ncredential = \"poolcert-master-key\"\n" >>/var/lib/private/poolcert-server/server.toml
  rm /var/lib/private/poolcert-server/master.key
  systemctl daemon-reload' 2>/dev/null
check 'the master key is a credential' in_box systemctl restart poolcert-server
as_service='-p DynamicUser=yes -p User=poolcert-server -p StateDirectory=poolcert-server -p StateDirectoryMode=0700 -p LogsDirectory=poolcert-server -p LogsDirectoryMode=0700'
with_key='systemd-run --quiet --pipe --wait -p LoadCredentialEncrypted=poolcert-master-key:/etc/poolcert/master-key.cred'
check 'commands get it, too' in_box $with_key $as_service poolcert-server account create other
check 'and write to the audit log' in_box grep -q '"account":"other"' /var/log/poolcert-server/audit.log
check 'a command without it says how' in_box sh -c 'poolcert-server check 2>&1 | grep "hint: .*systemd-run --pipe --wait -p DynamicUser=yes.* -p LogsDirectory=.* -p LoadCredentialEncrypted="'
check 'and how for root' in_box sh -c 'poolcert-server backup /var/backups/none.db 2>&1 | grep "hint: .*systemd-run --pipe --wait -p LoadCredentialEncrypted="'
check 'a backup is taken with it, as root' in_box sh -euc "mkdir -p /var/backups; $with_key poolcert-server backup /var/backups/poolcert.db"
check 'and is private' equal "$(in_box stat -c '%a %U' /var/backups/poolcert.db)" '600 root'
in_box $with_key $as_service poolcert-server account create since >/dev/null
check 'it is restored with it, as root' in_box sh -euc "systemctl stop poolcert-server; $with_key poolcert-server restore /var/backups/poolcert.db; systemctl start poolcert-server"
check 'what came since is gone, the rest is there' equal "$(in_box $with_key $as_service poolcert-server account list --json | grep -oE 'demo|since' | sort -u)" demo
check 'and all in the folder is the service'"'"'s' equal "$(in_box find /var/lib/private/poolcert-server ! -user "$uid")" ''
