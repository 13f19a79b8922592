// Package poolcert_test holds the rules of the repository: who may import whom,
// and that every package says what it is.
package poolcert_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "poolcert"

type goPackage struct {
	Dir, ImportPath, Name string
	Standard              bool
	GoFiles               []string
	Imports, Deps         []string
}

// packages lists what patterns name, for one system.
func packages(t *testing.T, goos string, patterns ...string) []goPackage {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=Dir,ImportPath,Name,Standard,GoFiles,Imports,Deps"}, patterns...)...)
	cmd.Env = append(os.Environ(), "GOOS="+goos)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) == 0 {
		t.Fatalf("go list %v found nothing", patterns)
	}
	return all
}

// within reports whether path is one of the trees or below one.
func within(path string, trees ...string) bool {
	return slices.ContainsFunc(trees, func(tree string) bool {
		return path == tree || strings.HasPrefix(path, tree+"/")
	})
}

func isStandard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".") && first != module
}

func TestImportRules(t *testing.T) {
	for _, goos := range []string{"linux", "windows"} {
		for _, p := range packages(t, goos, "./...") {
			in := func(trees ...string) bool {
				for i := range trees {
					trees[i] = module + "/" + trees[i]
				}
				return within(p.ImportPath, trees...)
			}
			for _, imp := range p.Imports {
				to := func(trees ...string) bool {
					for i := range trees {
						trees[i] = module + "/" + trees[i]
					}
					return within(imp, trees...)
				}
				bad := ""
				switch {
				case in("batch", "decrypt/cms") && !isStandard(imp) && !within(imp, "golang.org/x/crypto"):
					bad = "imports only the standard library and golang.org/x/crypto"
				case in("decrypt") && to("store", "agent", "account"):
					bad = "declares a KeySource and knows no store"
				case in("account") && to("agent", "store", "decrypt"):
					bad = "is the service, which knows nothing of nodes' insides"
				case in("store") && to("agent", "account"):
					bad = "is below the agent"
				case in("agent") && to("account"):
					bad = "talks to the service over the network only"
				case in("agent") && p.ImportPath != module+"/agent" && !in("agent/doctor") && to("agent") && !to("agent/statedir", "agent/pace", "agent/member"):
					bad = "is a part of the agent, and knows no other part but those that all may"
				case to("cmd"):
					bad = "imports a command"
				case within(imp, "software.sslmate.com/src/go-pkcs12") && !in("internal/pfx"),
					within(imp, "github.com/go-jose/go-jose/v4") && !in("decrypt/jwe", "account/oidc"),
					within(imp, "github.com/fsnotify/fsnotify") && !in("agent", "account", "internal/unwrap", "cmd"),
					within(imp, "github.com/google/go-tpm") && !in("internal/tpmkey"),
					within(imp, "github.com/kardianos/service") && !in("internal/svcrun"),
					within(imp, "modernc.org/sqlite", "github.com/jackc/pgx") && !in("account/db"),
					within(imp, "github.com/spf13/cobra") && !in("cmd", "internal/cli"):
					bad = "is not the one importer of this dependency"
				}
				if bad != "" {
					t.Errorf("%s (%s) imports %s, but %s", p.ImportPath, goos, imp, bad)
				}
			}
		}
	}
}

// A task waits for the start of the command: what a package makes then, it makes for all.
func TestCommandStartsWithoutRegexps(t *testing.T) {
	for _, p := range packages(t, "linux", "-deps", "./cmd/poolcert") {
		if !within(p.ImportPath, module) {
			continue
		}
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range valuesOf(file) {
				if call, ok := v.(*ast.CallExpr); ok && types.ExprString(call.Fun) == "regexp.MustCompile" {
					t.Errorf("%s/%s: %s at the start: use sync.OnceValue", p.ImportPath, name, types.ExprString(call.Fun))
				}
			}
		}
	}
}

// valuesOf returns what the variables of a file are made with.
func valuesOf(file *ast.File) (values []ast.Expr) {
	for _, d := range file.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
			for _, spec := range g.Specs {
				values = append(values, spec.(*ast.ValueSpec).Values...)
			}
		}
	}
	return values
}

// The database drivers must not reach what runs on nodes and desks.
func TestServerDependenciesStayInServer(t *testing.T) {
	for _, goos := range []string{"linux", "windows"} {
		for _, p := range packages(t, goos, "./cmd/poolcert", "./cmd/poolcert-agent") {
			for _, dep := range p.Deps {
				if within(dep, "modernc.org/sqlite", "modernc.org/libc", "github.com/jackc/pgx", "database/sql", module+"/account",
					"github.com/prometheus/client_golang") { // 2.5 MB, and 2 ms of each start
					t.Errorf("%s (%s) depends on %s", p.ImportPath, goos, dep)
				}
			}
		}
	}
}

func TestEveryPackageHasOneDoc(t *testing.T) {
	for _, p := range packages(t, "linux", "./...") {
		docs := 0
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if f.Doc != nil {
				docs++
			}
		}
		if docs != 1 && len(p.GoFiles) > 0 {
			t.Errorf("%s has %d package comments, want 1", p.ImportPath, docs)
		}
	}
}

func TestNamesThatSayNothing(t *testing.T) {
	for _, p := range packages(t, "linux", "./...") {
		switch p.Name {
		case "util", "utils", "helper", "helpers", "common", "manager":
			t.Errorf("%s: the name %s says nothing", p.ImportPath, p.Name)
		}
	}
}
