package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"poolcert/batch"
	"poolcert/internal/cli"
	"poolcert/internal/osuser"
	"poolcert/internal/taskcerts"
)

// certificatesVariable tells tasks where their certificates are, as in Azure Batch.
const certificatesVariable = "AZ_BATCH_CERTIFICATES_DIR"

// taskEnvFlags say which certificates a task gets, and where.
type taskEnvFlags struct {
	dir, user, visibility, installed string
	export, cleanup                  bool
}

func newTaskEnvCommand() *cobra.Command {
	var flags taskEnvFlags
	cmd := &cobra.Command{
		Use:   "task-env",
		Short: "Give a task its certificates as files, and print where they are",
		Long: `Print ` + certificatesVariable + `=FOLDER, for a task's environment.

Without --dir, FOLDER is the one in which the node's agent has the certificates; the
task's user must be in its group. With --dir, it is DIR/certs, as in Azure Batch: a
folder with copies that belongs to the task's user. A scheduler's prolog, which runs
as root, makes it for --user, and its epilog removes it with --cleanup.

DIR belongs to that user, or to root, and then nobody else may be able to write to it,
to the folders above, or to a link on the way; it is made if it is missing. Root gives
certificates also to a user who is not in their group.

With "expose" = "decrypt-only" on the node there are no keys in files, and so none to
copy: tasks use 'poolcert decrypt' and 'poolcert exec'.`,
		Example: `  eval "$(poolcert task-env --export)"
  poolcert task-env --dir "$AZ_BATCH_TASK_DIR"
  poolcert task-env --dir /run/poolcert/tasks/$SLURM_JOB_ID --user $SLURM_JOB_UID    # prolog
  poolcert task-env --dir /run/poolcert/tasks/$SLURM_JOB_ID --cleanup               # epilog`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.check(cmd); err != nil {
				return err
			}
			if flags.cleanup {
				return flags.remove(cmd)
			}
			folder, err := flags.folder()
			if err != nil {
				return explainTaskEnv(err)
			}
			line := certificatesVariable + "=" + cli.ShellWord(folder)
			if flags.export {
				line = "export " + line
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), line)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&flags.dir, "dir", "", "the task's `folder`, in which certs is made")
	f.StringVar(&flags.user, "user", "", "the task's `user`: a name, UID or UID:GID (default: who calls)")
	f.StringVar(&flags.visibility, "visibility", string(batch.Task), "which certificates: task, starttask or remoteuser")
	registerInstalled(cmd, &flags.installed)
	f.BoolVar(&flags.export, "export", false, "print a line for a shell, or for Slurm's TaskProlog")
	f.BoolVar(&flags.cleanup, "cleanup", false, "remove DIR/certs, overwriting keys")
	completeFlags(cmd, map[string]cobra.CompletionFunc{"dir": completeFolder, "visibility": fixed(string(batch.Task), string(batch.StartTask), string(batch.RemoteUser))})
	return cmd
}

// registerInstalled adds the flag for commands that look at the agent's files.
func registerInstalled(cmd *cobra.Command, dir *string) {
	installed := os.Getenv("POOLCERT_CERTIFICATES_DIR")
	if installed == "" {
		installed = defaultCertificatesDir
	}
	cmd.Flags().StringVar(dir, "certificates-dir", installed, "`folder` in which the agent installs, its certificates_dir [$POOLCERT_CERTIFICATES_DIR]")
}

func (f *taskEnvFlags) check(cmd *cobra.Command) error {
	switch given := cmd.Flags().Changed; {
	case given("dir") && f.dir == "":
		return cli.Hint(cli.Usagef("--dir is empty"), "is the variable that it is made of set?")
	case f.dir == "" && (f.user != "" || f.cleanup):
		return cli.Usagef("--user and --cleanup go with --dir")
	case f.cleanup && (f.export || f.user != ""):
		return cli.Usagef("--cleanup goes with --dir alone")
	}
	if v := batch.Visibility(f.visibility); v != batch.Task && v != batch.StartTask && v != batch.RemoteUser {
		return cli.Usagef("--visibility is task, starttask or remoteuser, not %q", cli.Text(f.visibility))
	}
	if strings.ContainsAny(f.dir, "\n\r\x00") {
		return cli.Usagef("--dir has a line break in it")
	}
	return nil
}

// folder returns the task's folder, and makes it where it is the task's own.
func (f *taskEnvFlags) folder() (string, error) {
	from := filepath.Join(f.installed, "current", f.visibility)
	if f.dir == "" {
		if _, err := os.ReadDir(from); err != nil { // so that a task hears of it now
			return "", fmt.Errorf("%w: %w", taskcerts.ErrNoSet, err)
		}
		return from, nil
	}
	who, err := findUser(f.user)
	if err != nil {
		return "", err
	}
	return taskcerts.Make(from, f.dir, who)
}

func (f *taskEnvFlags) remove(cmd *cobra.Command) error {
	kept, err := taskcerts.Remove(f.dir)
	if kept > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "poolcert: %s that task-env did not make in %s stay\n", cli.Count(kept, "file"), cli.Text(filepath.Join(f.dir, taskcerts.Name)))
	}
	return explainTaskEnv(err)
}

// explainTaskEnv gives an error its hint and exit code.
func explainTaskEnv(err error) error {
	at, atPath := errors.AsType[*fs.PathError](err)
	switch {
	case errors.Is(err, taskcerts.ErrNoSet) && errors.Is(err, fs.ErrPermission) && atPath:
		return cli.Exit(cli.Hint(fmt.Errorf("the certificates there are not for this user: %w", at), "the task's user must be in the group of these certificates (poolcert-task by default), or "+superuser+" has to call"), cli.ExitNotAllowed)
	case errors.Is(err, syscall.EPERM) && !atPath:
		return cli.Hint(err, "only "+superuser+" makes a folder for another user")
	case errors.Is(err, taskcerts.ErrNoSet):
		return cli.Hint(err, "does poolcert-agent run on this node, and has it this certificates_dir? 'poolcert-agent status' tells")
	case errors.Is(err, taskcerts.ErrPlace):
		return cli.Hint(err, "give a folder of the task's user, or one in which only root can write, such as /run/poolcert/tasks/JOB")
	case errors.Is(err, taskcerts.ErrForeign):
		return cli.Hint(err, "move these files away, or give another --dir")
	case errors.Is(err, errors.ErrUnsupported):
		return cli.Hint(err, "folders for tasks are made on Linux only; without --dir, the agent's folder is printed")
	}
	return err
}

// findUser finds a user by name, as the node's name services know it, or by number, which
// needs no name.
func findUser(text string) (taskcerts.User, error) {
	if text == "" {
		return taskcerts.Self(), nil
	}
	id, group, grouped := strings.Cut(text, ":")
	uid, notNumber := parseID(id)
	who := taskcerts.User{UID: uid, GID: uid}
	if notNumber != nil || !grouped {
		u, err := osuser.Find(id)
		if err == nil {
			who = taskcerts.User{UID: int(u.UID), GID: int(u.GID)}
		} else if notNumber != nil {
			return taskcerts.User{}, cli.Hint(fmt.Errorf("--user: %w", err), "does 'getent passwd %s' know that user on this node? A number works, too", cli.Text(id))
		}
	}
	if grouped {
		var err error
		if who.GID, err = parseID(group); err != nil {
			return taskcerts.User{}, cli.Usagef("--user %q: want a name, UID or UID:GID", cli.Text(text))
		}
	}
	return who, nil
}

// parseID reads the number of a user or group. The largest one means nobody.
func parseID(text string) (int, error) {
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil || id == math.MaxUint32 {
		return 0, errors.New("not the number of a user or group")
	}
	return int(id), nil
}
