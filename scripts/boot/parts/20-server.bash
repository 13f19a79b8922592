# The server, as a user that exists only while it runs.
check 'the server refuses to start without data' refuse in_box systemctl start poolcert-server
in_box systemctl stop poolcert-server
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

# The master key leaves the directory for a credential, sealed to this machine.
in_box sh -euc '
  mkdir -p /etc/poolcert /etc/systemd/system/poolcert-server.service.d
  systemd-creds encrypt --with-key=host --name=poolcert-master-key /var/lib/private/poolcert-server/master.key /etc/poolcert/master-key.cred
  printf "[Service]\nLoadCredentialEncrypted=poolcert-master-key:/etc/poolcert/master-key.cred\n" >/etc/systemd/system/poolcert-server.service.d/master-key.conf
  printf "\n[master_key]\ncredential = \"poolcert-master-key\"\n" >>/var/lib/private/poolcert-server/server.toml
  rm /var/lib/private/poolcert-server/master.key
  systemctl daemon-reload' 2>/dev/null
check 'the master key is a credential' in_box systemctl restart poolcert-server
check 'commands get it, too' in_box systemd-run --quiet --pipe --wait -p DynamicUser=yes -p User=poolcert-server -p StateDirectory=poolcert-server -p StateDirectoryMode=0700 \
  -p LoadCredentialEncrypted=poolcert-master-key:/etc/poolcert/master-key.cred poolcert-server account create other
