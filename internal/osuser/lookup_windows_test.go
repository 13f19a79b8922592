package osuser

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/windows"

	"poolcert/internal/sddl"
)

func TestCheckName(t *testing.T) {
	for name, want := range map[string]string{
		"poolcert-task": "", `.\poolcert-task`: "", `DOMAIN\alice`: "", `NT SERVICE\poolcert-agent`: "", "alice@example.org": "", "S-1-5-32-545": "", "Jörg Müller": "",
		"": "no name", "S-1-5": "no SID", "s-1-5-18": "no SID", "S-1-5-18)(A;;GA;;;WD": "no SID",
		`a\b\c`: "no name", `\alice`: "no name", `DOMAIN\`: "no name", " alice": "no name", "a\x00b": "no name", "a*": "no name", "a/b": "no name",
	} {
		if err := CheckName(name); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", name, err, want)
		}
	}
	if !IsID("S-1-5-18") || IsID("1000") {
		t.Error("IsID is wrong")
	}
}

// What the system itself says, which has these two in every language.
func TestLookup(t *testing.T) {
	if id, err := User("S-1-5-21-1-2-3-1001"); err != nil || id != (ID{SID: "S-1-5-21-1-2-3-1001"}) {
		t.Errorf("a SID: %v, error %v", id, err)
	}
	own, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		t.Fatal(err)
	}
	name, domain, _, err := own.User.Sid.LookupAccount("")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{name, domain + `\` + name, `.\` + name} { // of this machine, as CI's is
		if id, err := User(text); err != nil || id != (ID{SID: sddl.SID(own.User.Sid.String())}) {
			t.Errorf("%s: %v, error %v, want %s", text, id, err, own.User.Sid)
		}
		if id, err := Group(text); err == nil {
			t.Errorf("the user %s as a group: %v", text, id)
		}
	}
	for _, lookup := range []func(string) (ID, error){User, Group} {
		for _, name := range []string{"no-such-name-here", `.\no-such-name-here`} {
			if id, err := lookup(name); !errors.Is(err, ErrUnknown) || id != Nobody {
				t.Errorf("%s: %v, error %v, want ErrUnknown", name, id, err)
			}
		}
	}
	if a, err := Find(name); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Find: %v, error %v", a, err)
	}
}

// A directory that is away takes back no answer before a day has passed; one that says
// that there is no such name does.
func TestNamerKeepsAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		said := error(nil)
		n := newNamer(func(string) (found, error) { return found{"S-1-5-21-1-2-3-1001", windows.SidTypeUser}, said })
		if _, err := n.lookup("alice"); err != nil {
			t.Fatal(err)
		}
		said = windows.ERROR_NO_LOGON_SERVERS
		time.Sleep(23 * time.Hour)
		if f, err := n.lookup("alice"); err != nil || f.sid != "S-1-5-21-1-2-3-1001" {
			t.Errorf("a directory that is away: %v, error %v", f, err)
		}
		time.Sleep(2 * time.Hour)
		if f, err := n.lookup("alice"); !errors.Is(err, windows.ERROR_NO_LOGON_SERVERS) {
			t.Errorf("after a day: %v, error %v", f, err)
		}
		said = nil
		n.lookup("alice")
		said = windows.ERROR_NONE_MAPPED
		if f, err := n.lookup("alice"); !errors.Is(err, windows.ERROR_NONE_MAPPED) {
			t.Errorf("no such name: %v, error %v", f, err)
		}
	})
}

// However many names are asked for, a directory that hangs holds up an agent once in
// half a minute, and has one question at a time.
func TestNamerWaitsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		answer := make(chan bool)
		n := newNamer(func(string) (found, error) {
			asked.Add(1)
			<-answer
			return found{"S-1-5-18", windows.SidTypeWellKnownGroup}, nil
		})
		begin := time.Now()
		for _, name := range []string{"one", "two", "three"} {
			if _, err := n.lookup(name); !errors.Is(err, errNoReply) {
				t.Errorf("%s: error %v", name, err)
			}
		}
		if took := time.Since(begin); took != answerTime || asked.Load() != 1 {
			t.Errorf("%d questions in %v, want 1 in %v", asked.Load(), took, answerTime)
		}
		time.Sleep(unknownTime)
		n.lookup("four") // the first question is still open
		if asked.Load() != 1 {
			t.Errorf("%d questions at a time", asked.Load())
		}
		close(answer)
		time.Sleep(unknownTime)
		if f, err := n.lookup("five"); err != nil || f.sid != sddl.System || !f.isOf("user") || !f.isOf("group") {
			t.Errorf("afterwards: %v, error %v", f, err)
		}
	})
}
