package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"poolcert/account/oidc/oidctest"
)

// issuerOf is where a script keeps its issuer.
type issuerOf struct{ *oidctest.Issuer }

type issuerKey struct{}

// startIssuer is the command "issuer DIR": it starts an issuer, and writes rules
// for it into a server's configuration, for the groups readers and admins.
func startIssuer(t *testing.T) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		issuer := oidctest.NewIssuer(t)
		ts.Value(issuerKey{}).(*issuerOf).Issuer = issuer
		f, err := os.OpenFile(ts.MkAbs(filepath.Join(args[0], "server.toml")), os.O_APPEND|os.O_WRONLY, 0)
		ts.Check(err)
		defer f.Close()
		_, err = fmt.Fprintf(f, "\n[oidc]\nissuer = %q\naudience = %q\n", issuer.URL(), oidctest.ClientID)
		ts.Check(err)
		for group, role := range map[string]string{"readers": "reader", "admins": "contributor"} {
			_, err = fmt.Fprintf(f, "[[oidc.rule]]\nclaim = \"groups\"\nvalue = %q\nrole = %q\naccount = \"acct\"\n", group, role)
			ts.Check(err)
		}
	}
}

// person is the command "person VERB [GROUP [EXPIRY]]": signs-in as a member of a
// group, with a first token that ends after EXPIRY; has-token GROUP FILE; ages GROUP
// CONFIG, where its token is about to end; refuses; is-revoked.
func person(ts *testscript.TestScript, neg bool, args []string) {
	issuer := ts.Value(issuerKey{}).(*issuerOf)
	switch args[0] {
	case "signs-in":
		claims := map[string]any{"groups": []string{args[1]}}
		if len(args) > 2 {
			end, err := time.ParseDuration(args[2])
			ts.Check(err)
			claims["exp"] = time.Now().Add(end).Unix()
		}
		issuer.Device(claims)
	case "has-token":
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(issuer.Token(map[string]any{"groups": args[1]})), 0o600))
	case "ages":
		config := ts.ReadFile(args[2])
		token := issuer.Token(map[string]any{"groups": args[1], "exp": time.Now().Add(40 * time.Second).Unix()})
		config = regexp.MustCompile(`(?m)^( *token = ).*$`).ReplaceAllString(config, "${1}\""+token+"\"")
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(config), 0o600))
	case "refuses":
		issuer.Refuse()
	case "is-revoked":
		issuer.Revoke()
	default:
		ts.Fatalf("nobody %s", args[0])
	}
}
