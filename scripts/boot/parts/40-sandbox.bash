# What the sandbox leaves: hooks, the credential of the node key, links in homes.
in_box sh -euc '
  mkdir -p /etc/poolcert /usr/local/bin
  cat >/usr/local/bin/make-keystore <<"TXT"
#!/bin/sh
cat >/etc/keystore.told && echo "$POOLCERT_INSTALLED" >/etc/keystore
TXT
  chmod 755 /usr/local/bin/make-keystore
  printf "[Service]\nType=oneshot\nExecStart=/usr/bin/touch /etc/deployed\n" >/etc/systemd/system/deploy.service
  cat >>/etc/poolcert/agent.toml <<"TXT"
[[hook]]
name    = "inside"
command = ["/usr/local/bin/make-keystore"]
[[hook]]
name    = "outside"
command = ["/usr/bin/systemd-run", "--quiet", "--pipe", "--wait", "--collect", "-E", "POOLCERT_INSTALLED", "/usr/local/bin/make-keystore"]
[[hook]]
systemctl = "restart deploy.service"
[remoteuser]
users = ["alice"]
TXT
  systemctl daemon-reload
  systemctl reload poolcert-agent'
check 'a hook by systemd-run writes below /etc' within 10 in_box grep -q "$one" /etc/keystore
check 'and is told on its standard input' in_box grep -q '"hook":"outside"' /etc/keystore.told
check 'a hook that restarts a unit of its own, too' within 5 in_box test -e /etc/deployed
status_says() { { in_box poolcert-agent status || true; } 2>&1 | grep "$1"; }
check 'a hook within the sandbox may not' within 5 status_says 'Read-only file system'
check 'and a link in a home is refused, with its reason' within 5 status_says '/home/alice/certs: read-only file system'
in_box sh -euc '
  mkdir -p /etc/systemd/system/poolcert-agent.service.d
  printf "[Service]\nReadWritePaths=/etc/keystores /home/alice\n" >/etc/systemd/system/poolcert-agent.service.d/paths.conf
  mkdir /etc/keystores; sed -i "s|/etc/keystore|/etc/keystores/k|g" /usr/local/bin/make-keystore
  systemctl daemon-reload; systemctl restart poolcert-agent; poolcert-agent refresh >/dev/null || true'
check 'with a drop-in, the hook writes where that says' within 10 in_box grep -q "$one" /etc/keystores/k
check 'and the home has its link' within 5 in_box test -L /home/alice/certs
check 'all is well then' within 10 in_box poolcert-agent status
writable() { in_box nsenter -t "$(property poolcert-agent MainPID)" -m -- touch "$1"; }
for path in /etc/x /usr/x /var/lib/x /root/x /proc/sys/kernel/hostname; do check "the agent cannot write $path" refuse writable "$path"; done

# The key of what the node remembers, in a credential.
in_box sh -euc '
  head -c 32 /dev/urandom | systemd-creds encrypt --with-key=host --name=poolcert-node-key - /etc/poolcert/node-key.cred
  printf "[Service]\nLoadCredentialEncrypted=poolcert-node-key:/etc/poolcert/node-key.cred\n" >/etc/systemd/system/poolcert-agent.service.d/node-key.conf
  sed -i "1i node_key = \"credential\"" /etc/poolcert/agent.toml
  systemctl daemon-reload; systemctl restart poolcert-agent' 2>/dev/null
check 'the node key is a credential' within 10 refuse in_box test -e /var/lib/poolcert/lastgood.key
check 'and a task decrypts' decrypts
