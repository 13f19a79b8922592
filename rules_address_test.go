package poolcert_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// An address that is a number keeps nothing where it is: Go moves and frees the memory
// behind it, but for a call of the system, or of a function marked to keep it, for which
// the address is taken in its arguments. So it is taken nowhere else, also not for those
// functions of golang.org/x/sys/windows that want a number.
func TestAddressesAreTakenInCallsOfTheSystem(t *testing.T) {
	for _, goos := range []string{"linux", "windows"} {
		for _, p := range packages(t, goos, "./...") {
			fset := token.NewFileSet()
			var files []*ast.File
			keepers := []string{"Call", "Syscall", "Syscall6", "SyscallN", "RawSyscall", "RawSyscall6"}
			for _, name := range p.GoFiles {
				f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
				if err != nil {
					t.Fatal(err)
				}
				files = append(files, f)
				for _, d := range f.Decls {
					if d, ok := d.(*ast.FuncDecl); ok && isKeeper(d) {
						keepers = append(keepers, d.Name.Name)
					}
				}
			}
			for _, f := range files {
				for _, at := range looseAddresses(f, keepers) {
					t.Errorf("%v: an address as a number, not for a call of the system", fset.Position(at))
				}
			}
		}
	}
}

func isKeeper(d *ast.FuncDecl) bool {
	return d.Doc != nil && slices.ContainsFunc(d.Doc.List, func(c *ast.Comment) bool { return c.Text == "//go:uintptrescapes" })
}

// looseAddresses returns where uintptr(unsafe.Pointer(x)) is no argument of a keeper.
func looseAddresses(f *ast.File, keepers []string) []token.Pos {
	kept := make(map[ast.Expr]bool)
	var loose []token.Pos
	ast.Inspect(f, func(n ast.Node) bool { // calls come before their arguments
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch name := calledName(call); {
		case slices.Contains(keepers, lastName(name)):
			for _, argument := range call.Args {
				kept[argument] = true
			}
		case name == "uintptr" && len(call.Args) == 1 && !kept[call]:
			if of, ok := call.Args[0].(*ast.CallExpr); ok && calledName(of) == "unsafe.Pointer" {
				loose = append(loose, call.Pos())
			}
		}
		return true
	})
	return loose
}

func calledName(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		if of, ok := f.X.(*ast.Ident); ok {
			return of.Name + "." + f.Sel.Name
		}
		return "." + f.Sel.Name
	}
	return ""
}

func lastName(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

func TestLooseAddresses(t *testing.T) {
	const head = "package p\nfunc f() { "
	for source, want := range map[string]int{
		"proc.Call(1, uintptr(unsafe.Pointer(&x)))":                       0,
		"unix.Syscall(1, uintptr(unsafe.Pointer(unsafe.SliceData(b))))":   0,
		"status(libraries.proc, uintptr(unsafe.Pointer(x)))":              0,
		"windows.SetInformationJobObject(uintptr(unsafe.Pointer(&x)), 1)": 1,
		"p := uintptr(unsafe.Pointer(&x)); proc.Call(p)":                  1,
		"proc.Call(number(uintptr(unsafe.Pointer(&x))))":                  1,
		"proc.Call(uintptr(len(b)))":                                      0,
	} {
		f, err := parser.ParseFile(token.NewFileSet(), "", head+source+" }", 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := looseAddresses(f, []string{"Call", "Syscall", "status"}); len(got) != want {
			t.Errorf("%s: %d loose addresses, want %d", source, len(got), want)
		}
	}
}
