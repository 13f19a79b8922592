package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"poolcert/agent"
	"poolcert/agent/homelink"
	"poolcert/agent/hook"
	"poolcert/agent/lastgood"
	"poolcert/agent/statedir"
	"poolcert/batch"
	"poolcert/internal/filetrust"
	"poolcert/internal/localsock"
	"poolcert/internal/tpmkey"
	"poolcert/internal/wincrypt"
)

// Check looks at what a configuration names: users, groups, folders and programs.
// It changes nothing and needs no agent.
func Check(c *agent.Config) []Finding {
	var f findings
	f.owners(c)
	f.access(c)
	f.folders(c)
	f.nodeKey(c)
	f.remoteUsers(c)
	f.hooks(c)
	return f
}

// owners looks the users and groups of each visibility up.
func (f *findings) owners(c *agent.Config) {
	for _, v := range batch.Visibilities() {
		check := "owners." + string(v)
		o := c.Owners.For(v)
		_, err := o.Resolve()
		switch {
		case err != nil && o.Group != "":
			// Fine as long as no certificate has this visibility.
			f.warn(check, fmt.Sprintf("make it, such as with '"+makeGroup+"', or name another one; without, certificates with visibility %q fail", strings.TrimPrefix(o.Group, `.\`), v), "%s", oneLine(err))
		case err != nil:
			f.warn(check, fmt.Sprintf("make it, or name another one; without, certificates with visibility %q fail", v), "%s", oneLine(err))
		default:
			user := o.User
			if user == "" {
				user = "the agent's own user"
			}
			f.ok(check, "user %s, group %s", user, o.Group)
		}
	}
}

func (f *findings) access(c *agent.Config) {
	names, err := c.AccessNames()
	if err != nil {
		f.warn("access", "make them, or take them out of [access]; a name that does not exist allows nobody", "%s", oneLine(err))
		return
	}
	f.ok("access", "%s may use keys through the socket", names)
}

// folders looks at the agent's own folders.
func (f *findings) folders(c *agent.Config) {
	switch err := statedir.Check(c.StateDir); {
	case errors.Is(err, fs.ErrNotExist):
		f.parent("state_dir", c.StateDir)
	case errors.Is(err, fs.ErrPermission):
		f.fail("state_dir", asAgent, err)
	case err != nil:
		f.fail("state_dir", closeState, err)
	default:
		f.ok("state_dir", "%s", c.StateDir)
	}
	f.install(c)
	if localsock.IsFile {
		f.parent("socket", c.Socket)
	}
	f.audit(c)
	f.log(c)
	if c.Source == agent.SourceDirectory {
		if _, err := os.Stat(c.Directory.Path); err != nil {
			f.fail("directory", "make the folder, with references.toml and the files that it names, or set directory.path", err)
		} else if err := filetrust.CheckOwnerOf(c.Directory.Path); err != nil {
			f.fail("directory", "whoever can write there decides on the node's certificates: "+takeBack, fmt.Errorf("%s: %w", c.Directory.Path, err))
		} else {
			f.ok("directory", "%s", c.Directory.Path)
		}
	}
	if c.JoinTokenFile != "" {
		if _, err := os.Stat(c.JoinTokenFile); err != nil {
			f.warn("join_token_file", "make a token with 'poolcert pool token create POOL', and write it there", "%s", oneLine(err))
		} else {
			f.ok("join_token_file", "%s", c.JoinTokenFile)
		}
	}
}

// audit looks at the audit file, whose folder the agent does not make.
func (f *findings) audit(c *agent.Config) { f.lines("audit.file", c.Audit.File) }

// log looks at the log file, whose folder the agent makes.
func (f *findings) log(c *agent.Config) {
	if _, err := os.Lstat(c.Log.File); c.Log.File != "" && errors.Is(err, fs.ErrNotExist) {
		f.parent("log.file", c.Log.File)
		return
	}
	f.lines("log.file", c.Log.File)
}

// lines looks at a file of lines, if there is to be one.
func (f *findings) lines(check, path string) {
	if path == "" {
		return
	}
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		_, err = os.Stat(filepath.Dir(path))
	}
	switch {
	case err != nil:
		f.fail(check, "make its folder, or set another path", err)
	case info != nil && !info.Mode().IsRegular():
		f.wrong(check, "set another path", "%s is not a regular file", path)
	default:
		f.ok(check, "%s", path)
	}
}

// parent looks at the nearest folder above a path that need not exist yet.
func (f *findings) parent(check, path string) {
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		fi, err := os.Stat(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir):
			continue
		case err != nil:
			f.fail(check, "set another path, or "+asAgent, err)
		case !fi.IsDir():
			f.wrong(check, "set another path", "%s is not a folder", dir)
		case filetrust.CheckAbove(dir) != nil:
			f.wrong(check, "set a path in a folder that only "+rootName+" can write", "%s: %v", dir, filetrust.CheckAbove(dir))
		default:
			f.ok(check, "%s", path)
		}
		return
	}
}

// nodeKey looks for a TPM that is to keep the node's key. A credential is there for
// the service only.
func (f *findings) nodeKey(c *agent.Config) {
	if c.NodeKey != lastgood.KeyInTPM {
		return
	}
	tpm, err := tpmkey.Open()
	if err != nil {
		f.fail("node_key", "turn the TPM 2.0 on in the firmware, or set another node_key; without, the node remembers nothing over a reboot", err)
		return
	}
	tpm.Close()
	f.ok("node_key", "this node has a TPM 2.0")
}

// remoteUsers looks the users up who get a link.
func (f *findings) remoteUsers(c *agent.Config) {
	for _, name := range c.RemoteUser.Users {
		if link, err := homelink.Lookup(name); err != nil {
			f.warn("remoteuser", "make the user, or take the name out of remoteuser.users", "%s", oneLine(err))
		} else {
			f.ok("remoteuser", "%s gets the link %s", name, link.Path())
		}
	}
}

// hooks looks at the programs and users of hooks.
func (f *findings) hooks(c *agent.Config) {
	for i := range c.Hooks {
		h := &c.Hooks[i]
		check := fmt.Sprintf("hook %d", i+1)
		program := h.Argv()[0]
		if _, err := hook.LookUp(h.User); err != nil {
			f.fail(check, "make the user, or name another one", err)
			continue
		}
		fi, err := os.Stat(program)
		switch {
		case err != nil:
			f.fail(check, "install the program, or correct its path", err)
		case !fi.Mode().IsRegular() || hasModes && fi.Mode().Perm()&0o111 == 0:
			f.wrong(check, makeRunnable, "%s is not a program", program)
		case filetrust.CheckOwnerOf(program) != nil && h.User == "":
			f.wrong(check, "whoever can change it becomes the agent's user: "+takeBack+", or set user", "%s: %v", program, filetrust.CheckOwnerOf(program))
		default:
			f.ok(check, "%s: %s", h.Label(), strings.Join(h.Argv(), " "))
		}
	}
}

// certificatesDir looks at the folder of certificates.
func (f *findings) certificatesDir(c *agent.Config) {
	if fi, err := os.Stat(c.CertificatesDir); errors.Is(err, fs.ErrNotExist) {
		f.parent("certificates_dir", c.CertificatesDir)
	} else if err != nil {
		f.fail("certificates_dir", asAgent, err)
	} else if !fi.IsDir() {
		f.wrong("certificates_dir", "remove it, or set another certificates_dir", "%s is not a folder", c.CertificatesDir)
	} else {
		f.ok("certificates_dir", "%s", c.CertificatesDir)
	}
}

// install looks at the places where certificates go.
func (f *findings) install(c *agent.Config) {
	if c.Installs(agent.InstallStores) {
		f.stores()
	}
	if c.Installs(agent.InstallDirectory) {
		f.certificatesDir(c)
	}
}

// stores looks whether this user can change the stores of the computer.
func (f *findings) stores() {
	calls, err := wincrypt.System()
	if err != nil {
		f.fail("install", "only Windows has certificate stores", err)
		return
	}
	my, err := calls.OpenStore(wincrypt.LocalMachine, batch.DefaultStoreName, wincrypt.ToChange)
	switch {
	case errors.Is(err, wincrypt.ErrAccess):
		f.warn("install", "have the agent run as the system, or as an administrator; run this as one, too", "certificates for localmachine cannot be installed: %s", oneLine(err))
	case err != nil && !errors.Is(err, wincrypt.ErrNotFound):
		f.fail("install", "see the event log of Windows", err)
	default:
		if err == nil {
			my.Close()
		}
		f.ok("install", "certificate stores of Windows")
	}
}
