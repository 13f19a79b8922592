# systemd's check of the units: names of settings, values, programs. Sourced by lab.bash.

printf '#!/bin/sh\n' >/usr/local/bin/report
chmod 755 /usr/local/bin/report
mkdir -p /etc/systemd/system
cp "$shipped"/systemd/* "$shipped/../systemd/poolcert-agent.service" /etc/systemd/system/
for unit in "$shipped"/systemd/*; do
  check "unit $(basename "$unit")" systemd-analyze verify --man=no "/etc/systemd/system/$(basename "$unit")"
  check 'without a warning' same '' "$(cat "$dir/err")"
done
