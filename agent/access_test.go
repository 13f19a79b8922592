//go:build unix

package agent

import (
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"poolcert/batch"
	"poolcert/decrypt/cms"
	"poolcert/decrypt/local"
	"poolcert/internal/localsock"
	"poolcert/internal/pfx"
	"poolcert/internal/testcert"
	"poolcert/store"
)

func TestAccess(t *testing.T) {
	c := DefaultConfig()
	c.Owners.Task.Group = "100"
	c.Owners.StartTask.Group = "200"
	c.Owners.RemoteUser.Group = "300"
	c.Access.StartTask.Users = []string{"1000"}
	c.Access.RemoteUser = AccessConfig{Groups: []string{"400", "poolcert-no-such-group"}}
	a, err := c.resolveAccess()
	if err == nil || !strings.Contains(err.Error(), "access.remoteuser: ") || !strings.Contains(err.Error(), "poolcert-no-such-group") {
		t.Errorf("resolveAccess: error %v, want one about the unknown group", err)
	}
	for name, test := range map[string]struct {
		caller localsock.Caller
		want   []batch.Visibility
	}{
		"root":                {localsock.Caller{}, batch.Visibilities()},
		"nobody":              {localsock.Caller{UID: 65534, GID: 65534}, nil},
		"first group":         {localsock.Caller{UID: 1, GID: 100}, []batch.Visibility{batch.Task}},
		"supplementary group": {localsock.Caller{UID: 1, GID: 1, Groups: []uint32{7, 100}}, []batch.Visibility{batch.Task}},
		"user, and group":     {localsock.Caller{UID: 1000, GID: 100}, []batch.Visibility{batch.StartTask, batch.Task}},
		"owner's group, but other access configured": {localsock.Caller{UID: 1, GID: 300}, nil},
		"configured group":                           {localsock.Caller{UID: 1, GID: 400}, []batch.Visibility{batch.RemoteUser}},
		"uid as another gid":                         {localsock.Caller{UID: 100, GID: 1000}, nil},
	} {
		if got := a.visible(test.caller); !slices.Equal(got, test.want) {
			t.Errorf("%s: visible = %v, want %v", name, got, test.want)
		}
	}
}

// In a container a user without a group of its own has the group root, which the
// files of start tasks belong to. Only an operator's word makes that a permission.
func TestGroupRootIsNotImplied(t *testing.T) {
	c := DefaultConfig()
	caller := localsock.Caller{UID: 12345, GID: 0}
	allowed := func() bool {
		a, _ := c.resolveAccess() // other groups need not exist here
		return slices.Contains(a.visible(caller), batch.StartTask)
	}
	if allowed() {
		t.Error("the group root may use start tasks' certificates by default")
	}
	c.Access.StartTask.Groups = []string{"root"}
	if !allowed() {
		t.Error("the group root may not, though it is configured")
	}
}

func TestOwners(t *testing.T) {
	c := DefaultConfig()
	c.Owners.Task = OwnerConfig{User: "12", Group: "34"}
	c.Owners.StartTask = OwnerConfig{Group: "poolcert-no-such-group"}
	c.Owners.RemoteUser = OwnerConfig{User: "root", Group: "root"}
	owners, err := c.resolveOwners()
	if err == nil || !strings.Contains(err.Error(), "owners.starttask: ") {
		t.Errorf("resolveOwners: error %v, want one about starttask", err)
	}
	if _, ok := owners[batch.StartTask]; ok || owners[batch.Task] != (store.Owner{UID: 12, GID: 34}) || owners[batch.RemoteUser] != (store.Owner{}) {
		t.Errorf("owners %v", owners)
	}
}

func TestGateGrantsByVisibility(t *testing.T) {
	m := store.NewMemory()
	entry := func(name string, v batch.Visibility) store.Entry {
		pair := testcert.RSA(t, testcert.Name(name))
		return store.Entry{
			Reference: refTo(pair.Thumbprint(), v).WithDefaults(), Format: batch.FormatPFX,
			Data: pair.PFX("pw"), Password: "pw", Bundle: &pfx.Bundle{Leaf: pair.Cert, Key: pair.Key},
		}
	}
	forTasks, forRemote := entry("task", batch.Task), entry("remote", batch.RemoteUser)
	if failed, err := m.Replace(t.Context(), []store.Entry{forTasks, forRemote}); err != nil || len(failed) > 0 {
		t.Fatal(failed, err)
	}
	c := DefaultConfig()
	for i, v := range batch.Visibilities() {
		c.Owners.For(v).Group = []string{"100", "200", "300"}[i] // starttask, task, remoteuser
	}
	g := &gate{&accessList{config: c}, m, newRecord()}

	task := localsock.Caller{UID: 1, GID: 200}
	if _, err := g.authorize(t.Context(), task); !errors.Is(err, local.ErrNotReady) {
		t.Errorf("before the first set: %v, want ErrNotReady", err)
	}
	g.record.update(&want{}, outcome{})

	var refused *local.RefusedError
	_, err := g.authorize(t.Context(), localsock.Caller{UID: 7, GID: 7})
	if !errors.As(err, &refused) || !strings.Contains(refused.Reason, "uid 7 ") || !strings.Contains(refused.Reason, "group 200") {
		t.Errorf("a stranger: %v, want a RefusedError that says who may", err)
	}

	granted, err := g.authorize(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	if list := granted.Certificates(); len(list) != 1 || list[0].Thumbprint != forTasks.Reference.Thumbprint {
		t.Errorf("Certificates = %+v, want the one for tasks", list)
	}
	match := func(e store.Entry) func(*x509.Certificate) bool {
		return func(c *x509.Certificate) bool { return batch.ThumbprintOf(c) == e.Reference.Thumbprint }
	}
	if _, key, err := granted.PrivateKey(t.Context(), match(forTasks)); err != nil || key == nil {
		t.Errorf("PrivateKey = %v", err)
	}
	if _, _, err := granted.PrivateKey(t.Context(), match(forRemote)); !errors.Is(err, cms.ErrNoRecipient) {
		t.Errorf("PrivateKey of another visibility = %v, want ErrNoRecipient", err)
	}
	root, err := g.authorize(t.Context(), localsock.Caller{})
	if err != nil || len(root.Certificates()) != 2 {
		t.Errorf("root may use %v, %v; want both", root, err)
	}
}

// A group that is made while the agent runs is found, and none that is missing is
// looked up for each request.
func TestAccessLooksMissingNamesUpAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := DefaultConfig()
		c.Owners.Task.Group = "poolcert-no-such-group"
		l := &accessList{config: c}
		caller := localsock.Caller{UID: 1, GID: 200}
		if got := l.get().visible(caller); len(got) > 0 {
			t.Errorf("visible = %v, want none", got)
		}
		c.Owners.Task.Group = "200"
		if got := l.get().visible(caller); len(got) > 0 {
			t.Errorf("at once: visible = %v, want none yet", got)
		}
		time.Sleep(lookAgain)
		if got := l.get().visible(caller); !slices.Equal(got, []batch.Visibility{batch.Task}) {
			t.Errorf("visible = %v, want task", got)
		}
	})
}
