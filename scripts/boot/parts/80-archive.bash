# Without a package, the program installs itself: the service alone, and no socket unit.
dpkg-deb --fsys-tarfile "$debs"/poolcert-agent_*.deb | tar -xO ./usr/bin/poolcert-agent >"$box/usr/local/bin/poolcert-agent"
in_box sh -euc '
  chmod 755 /usr/local/bin/poolcert-agent
  rm -rf /etc/systemd/system/poolcert-agent.service.d
  systemctl daemon-reload
  mkdir -p -m 700 /etc/poolcert/certs.d
  echo "certificate = []" >/etc/poolcert/certs.d/references.toml
  echo "source = \"directory\"" >/etc/poolcert/agent.toml'
check 'the program installs itself' in_box poolcert-agent install
check 'and starts' in_box poolcert-agent start
check 'it makes its socket itself' equal "$(in_box sh -c 'ss -lxpH src /run/poolcert/agent.sock | grep -o systemd || echo agent')" agent
check 'it is well' in_box poolcert-agent status
check 'and goes' in_box poolcert-agent uninstall
check 'with its socket' refuse in_box test -e /run/poolcert/agent.sock
