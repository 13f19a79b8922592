# The packages that we ship, over the one before. agent.toml was changed, and theirs is
# another: dpkg asks what to do where it may.
of_agent() { property poolcert-agent "$1"; }
upgrade() { in_box sh -c 'dpkg --force-confdef --force-confold -i /srv/packages/poolcert-agent_*.deb'; }
downgrade() { in_box dpkg --force-confdef --force-confold -i /srv/packages/previous.deb; }
check 'it was another unit' grep -q 'before' <<<"$(of_agent Description)"

# A mistake in agent.toml that was never loaded.
before=$(of_agent MainPID)
in_box sh -c 'echo "no such key = 1" >>/etc/poolcert/agent.toml'
warned() { upgrade >"$run/upgrade" 2>&1 && grep -F 'warning: the old program runs on' "$run/upgrade" && grep -F 'read configuration /etc/poolcert/agent.toml' "$run/upgrade"; }
check 'an upgrade over a mistake in agent.toml warns' warned
check 'a task decrypts' decrypts
check 'by the agent from before' equal "$(of_agent MainPID)" "$before"
in_box sed -i '/no such key/d' /etc/poolcert/agent.toml
check 'the one before is installed again' downgrade

# And while tasks call.
before=$(of_agent MainPID)
check 'an upgrade refuses nobody' under_load upgrade
check 'and the agent is a new one' refuse equal "$(of_agent MainPID)" "$before"
check 'the version is the new one' refuse in_box sh -c 'dpkg-query -W -f "\${Version}" poolcert-agent | grep before'
check 'so is the unit' refuse grep 'before' <<<"$(of_agent Description)"
check 'the configuration stayed' in_box grep -q '^node_key = "credential"' /etc/poolcert/agent.toml
check 'and the new one lies beside it' in_box sh -c '! grep "What the one before said" /etc/poolcert/agent.toml.dpkg-dist'
check 'the server upgrades' in_box sh -c 'dpkg -i /srv/packages/poolcert-server_*.deb && systemctl is-active poolcert-server'
