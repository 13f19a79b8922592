# Debian's slurmctld, slurmd and munge, and jobs of both users. Sourced by lab.bash.
before=$failed

install -D -m 755 "$shipped/slurm/prolog" /etc/slurm/prolog.d/poolcert
install -D -m 755 "$shipped/slurm/epilog" /etc/slurm/epilog.d/poolcert
install -D -m 755 "$shipped/slurm/task-prolog" /etc/slurm/task-prolog
{
  cat <<C
ClusterName=lab
SlurmctldHost=node1(127.0.0.1)
SlurmUser=root
SlurmctldPort=26817
SlurmdPort=26818
StateSaveLocation=/var/spool/slurmctld
SlurmdSpoolDir=/var/spool/slurmd
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmctldLogFile=/var/log/slurm/slurmctld
SlurmdLogFile=/var/log/slurm/slurmd
ProctrackType=proctrack/$([ -d /sys/fs/cgroup/freezer ] && echo cgroup || echo linuxproc)
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_min_interval=10000,batch_sched_delay=0
ReturnToService=2
MinJobAge=2
NodeName=node1 NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES MaxTime=5 State=UP OverSubscribe=FORCE:8
C
  cat "$shipped/slurm/slurm.conf"
} >/etc/slurm/slurm.conf
printf 'CgroupPlugin=cgroup/v1\nCgroupMountpoint=/sys/fs/cgroup\n' >/etc/slurm/cgroup.conf
mkdir -p /var/spool/slurmctld /var/spool/slurmd /var/log/slurm /run/munge

mkdir -p /etc/munge
head -c 64 /dev/urandom >/etc/munge/munge.key
chown -R munge: /etc/munge /run/munge
chmod 400 /etc/munge/munge.key
setpriv --reuid munge --regid munge --init-groups munged --foreground >munge.log 2>&1 &
until_true test -S /run/munge/munge.socket.2
slurmctld -D >/dev/null 2>&1 &
slurmd -D -N node1 >/dev/null 2>&1 &
until_true sh -c 'sinfo -h -o %T | grep -qx idle'

submit() { # submit USER NAME LINE...: prints the job's number
  local user=$1 name=$2
  shift 2
  printf '%s\n' '#!/bin/bash' "$@" >"$dir/$user/$name"
  as "$user" sbatch --parsable --chdir "$dir/$user" -o "$dir/$user/$name.out" "$dir/$user/$name"
}
state_is() { scontrol -o show job "$1" | grep -qE "JobState=($2)\b"; } # state_is JOB STATE
# job submits, waits for the end, and fails as the job does. Its output is in USER/NAME.out.
job() {
  local id
  id=$(submit "$@") || return
  until_true state_is "$id" 'COMPLETED|FAILED|CANCELLED|TIMEOUT' && state_is "$id" COMPLETED
}
no_folders() { [ -z "$(ls /run/poolcert/tasks 2>/dev/null)" ]; }
mine=/run/poolcert/tasks/'$SLURM_JOB_ID'/certs

# What a job of a user in the group can do.
printf '#!/bin/sh\nprintf %%s "$DB_PASSWORD"\n' >member/report # which the example runs
chmod 755 member/report
export DB_PASSWORD=$sealed UNSEALED=in-the-clear-$RANDOM$RANDOM
example=$(as member sbatch --parsable --chdir "$dir/member" -o "$dir/member/example.out" "$shipped/slurm/job.sh")
check 'a job' job member job \
  "poolcert decrypt $dir/secret.cms >socket" \
  'curl -sS --unix-socket /run/poolcert/agent.sock http://node/v1/whoami >whoami' \
  'echo "$SLURM_JOB_ID" >id' \
  "echo \$AZ_BATCH_CERTIFICATES_DIR $mine >folders" \
  'stat -c "%U %a" "$AZ_BATCH_CERTIFICATES_DIR" "$AZ_BATCH_CERTIFICATES_DIR"/* >owners' \
  "pfx=\$AZ_BATCH_CERTIFICATES_DIR/sha1-$thumbprint.pfx" \
  "openssl cms -decrypt -inform DER -in $dir/secret.cms -inkey <(openssl pkcs12 -in \$pfx -passin file:\$pfx.pw -nocerts -noenc) >files" \
  "srun sh -c 'cat \$AZ_BATCH_CERTIFICATES_DIR/*.pw' >step"
check 'opens a secret through the socket' same "$secret" "$(cat member/socket)"
check 'and is known by its user' says "\"uid\":$(id -u member)," member/whoami
check 'by its group' says '"rule":"group poolcert-task"' member/whoami
if grep -q '^ProctrackType=.*cgroup' /etc/slurm/slurm.conf; then
  check 'and by its number' says "\"job\":\"$(cat member/id)\"" member/whoami
fi
check 'the variable names a folder of the job' same "$(cut -d ' ' -f 2 member/folders)" "$(cut -d ' ' -f 1 member/folders)"
check "that is the user's alone" same $'member 700\nmember 600\nmember 600\nmember 600' "$(cat member/owners)"
check 'openssl opens the secret with it' same "$secret" "$(cat member/files)"
check 'a step has it, too' same "$(cat report.pw)" "$(cat member/step)"
check 'the example for authors' until_true state_is "$example" COMPLETED
check 'has the secret in its program' same "$secret" "$(cat member/example.out)"

# Two jobs on one node: while one runs, the other ends. What Slurm keeps of a job
# has no plaintext.
running=$(submit member waits 'ls $AZ_BATCH_CERTIFICATES_DIR' "until [ -e $dir/go ]; do sleep 0.1; done" 'ls $AZ_BATCH_CERTIFICATES_DIR')
until_true test -s member/waits.out
check 'while another job ends' job member short 'test -d "$AZ_BATCH_CERTIFICATES_DIR"'
check 'one keeps its files' test -s "/run/poolcert/tasks/$running/certs/sha1-$thumbprint.pfx"
check 'a stranger does not read them' not as stranger ls "/run/poolcert/tasks/$running/certs"
check 'Slurm stores variables' grep -rqF "$UNSEALED" /var/spool/slurmctld /var/spool/slurmd
check 'and no plaintext' not grep -rqF "$secret" /var/spool/slurmctld /var/spool/slurmd /var/log/slurm
touch go
until_true state_is "$running" COMPLETED
check 'to its end' same "$(ls /run/poolcert/certs/current/task)" "$(tail -n 3 member/waits.out)"
unset DB_PASSWORD UNSEALED

running=$(submit member cancelled 'ls $AZ_BATCH_CERTIFICATES_DIR' "exec sleep 60")
until_true test -s member/cancelled.out
as member scancel "$running"
check 'a cancelled job ends' until_true state_is "$running" CANCELLED
check 'after all jobs, no files are left' until_true no_folders

# A user who is not in the group.
check 'the job of a stranger is refused' not job stranger decrypt "poolcert decrypt $dir/secret.cms"
check 'with the reason' says 'poolcert-task' stranger/decrypt.out
check 'and a hint' says "hint: a task's user must be in the group" stranger/decrypt.out
check 'it has no files' job stranger files 'test -z "$AZ_BATCH_CERTIFICATES_DIR"' "test ! -e $mine"

# Control groups instead of Unix groups: all jobs, and nobody outside of them.
if grep -q '^ProctrackType=.*cgroup' /etc/slurm/slurm.conf; then
  printf '[access.task]\ngroups = []\ncgroups = ["/slurm_node1/uid_*/job_*"]\n' >>/etc/poolcert/agent.toml
  kill -HUP "$agent"
  stranger_is_in() { job stranger cgroup "poolcert decrypt $dir/secret.cms"; }
  check 'with access by control group, the job of a stranger opens' until_true stranger_is_in
  check 'and a member outside of a job does not' not as member poolcert decrypt "$dir/secret.cms"
  sed -i '/^\[access.task\]/,$d' /etc/poolcert/agent.toml
  kill -HUP "$agent"
  until_true as member poolcert decrypt "$dir/secret.cms"
fi

# A node without certificates: the agent has left the pool, or never joined.
kill "$agent"
wait "$agent" || true
mv /run/poolcert/certs /run/poolcert/away
printf '#!/bin/sh\necho "$*" >>%s/syslog\n' "$dir" >/usr/local/bin/logger
chmod 755 /usr/local/bin/logger
held=$(submit member held 'test -d "$AZ_BATCH_CERTIFICATES_DIR"')
check 'a node without certificates is drained' until_true sh -c 'sinfo -h -o "%T %E" | grep -q "drain.*Prolog error"'
check 'the log says why' says 'no certificates are installed there' syslog
check 'as does that of slurmd' grep -q 'prolog failed.*no certificates are installed there' /var/log/slurm/slurmd
check 'and what to do' says 'does poolcert-agent run on this node' syslog
check 'the job is held, not failed' until_true state_is "$held" PENDING
mv /run/poolcert/away /run/poolcert/certs
start_agent
{ # starttime: else Slurm waits two minutes
  scontrol update nodename=node1 state=resume &&
    scontrol release "$held" &&
    scontrol update jobid="$held" starttime=now
} || true
check 'which runs when all is well again' until_true state_is "$held" COMPLETED

# The controller looks up the groups of a job's user, and keeps them for a while.
usermod --append --groups poolcert-task stranger
scontrol reconfigure
stranger_is_in() { job stranger later "poolcert decrypt $dir/secret.cms"; }
check 'whom the group took in opens a secret' until_true stranger_is_in
gpasswd --delete stranger poolcert-task >/dev/null

if [ $failed -gt $before ]; then
  tail -n 20 /var/log/slurm/slurmctld /var/log/slurm/slurmd agent.log
fi
