# The packages, as an operator installs them. The agent's is the one before, with
# another unit and another configuration: its upgrade comes later.
mkdir -p "$box/srv/packages" "$box/srv/job" "$run/previous"
dpkg-deb -R "$debs"/poolcert-agent_*.deb "$run/previous"
sed -i 's/^Version: .*/Version: 0.0.0~before/' "$run/previous/DEBIAN/control"
sed -i 's/^Description=.*/&, before/' "$run/previous/usr/lib/systemd/system/poolcert-agent.service"
echo '# What the one before said.' >>"$run/previous/etc/poolcert/agent.toml"
dpkg-deb -b --root-owner-group "$run/previous" "$box/srv/packages/previous.deb" >/dev/null
cp "$debs"/*.deb "$box/srv/packages/"

check 'systemd comes up' sdbox boot
check 'the packages install' in_box sh -c 'cd /srv/packages && dpkg -i previous.deb poolcert_*.deb poolcert-server_*.deb'
check 'nothing starts by itself' refuse in_box systemctl is-active poolcert-agent.service poolcert-agent.socket poolcert-server.service
units='/usr/lib/systemd/system/poolcert-agent.service /usr/lib/systemd/system/poolcert-agent.socket /usr/lib/systemd/system/poolcert-server.service'
silent() { local output; output=$("$@" 2>&1) && equal "$output" ''; }
check 'systemd-analyze verify has nothing to say' silent in_box systemd-analyze verify --man=no $units
check 'exposure of the agent is at most 3.5' in_box systemd-analyze security --offline=true --threshold=35 poolcert-agent.service
check 'exposure of the server is at most 1.5' in_box systemd-analyze security --offline=true --threshold=15 poolcert-server.service
