# Debian's cron, and the shipped line, at once instead of at 3 o'clock. Sourced by lab.bash.

printf '#!/bin/sh\nprintf %%s "$DB_PASSWORD" >%s/report.out\n' "$dir/cron" >/usr/local/bin/report
chmod 755 /usr/local/bin/report
mkdir -p "$dir/cron" /etc/report
chown report: "$dir/cron"
install -m 644 secret.cms /etc/report/password.cms
rm -f /etc/cron.d/* /var/spool/cron/crontabs/*
sed 's/^0 3 \* \* \*/@reboot/' "$shipped/cron/report" >/etc/cron.d/report
check 'the line is one of 3 o'"'"'clock' grep -q '^@reboot report ' /etc/cron.d/report
cron -f >cron.log 2>&1 &
check 'cron runs the job' until_true test -s "$dir/cron/report.out"
check 'with the secret' same "$secret" "$(cat "$dir/cron/report.out")"
