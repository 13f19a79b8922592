# The packages that we ship, over the one before, while tasks call.
before=$(property poolcert-agent MainPID)
upgrade() { in_box sh -c 'dpkg -i /srv/packages/poolcert-agent_*.deb'; }
check 'an upgrade refuses nobody' under_load upgrade
check 'and the agent is a new one' refuse equal "$(property poolcert-agent MainPID)" "$before"
check 'the version is the new one' refuse in_box sh -c 'dpkg-query -W -f "\${Version}" poolcert-agent | grep before'
check 'the configuration stayed' in_box grep -q '^node_key = "credential"' /etc/poolcert/agent.toml
check 'the server upgrades' in_box sh -c 'dpkg -i /srv/packages/poolcert-server_*.deb && systemctl is-active poolcert-server'
