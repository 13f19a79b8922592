package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
)

// source has the structs of packages, by "package.Type".
type source map[string]*ast.StructType

func parseStructs(root string, packages ...string) (source, error) {
	s := make(source)
	for _, dir := range packages {
		files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil {
			return nil, err
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
			if err != nil {
				return nil, err
			}
			for _, decl := range f.Decls {
				gen, ok := decl.(*ast.GenDecl)
				if !ok {
					continue
				}
				for _, spec := range gen.Specs {
					if t, ok := spec.(*ast.TypeSpec); ok {
						if st, ok := t.Type.(*ast.StructType); ok {
							s[f.Name.Name+"."+t.Name.Name] = st
						}
					}
				}
			}
		}
	}
	if len(s) == 0 {
		return nil, fmt.Errorf("no structs in %v", packages)
	}
	return s, nil
}

func tomlKey(f *ast.Field) string {
	if f.Tag == nil {
		return ""
	}
	k, _, _ := strings.Cut(reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("toml"), ",")
	return k
}

// exprName names a type: "string", "[]string", "agent.LogConfig", or
// "agent.PerVisibility:agent.OwnerConfig".
func exprName(pkg string, e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		if ast.IsExported(e.Name) {
			return pkg + "." + e.Name
		}
		return e.Name
	case *ast.SelectorExpr:
		return fmt.Sprint(e.X) + "." + e.Sel.Name
	case *ast.ArrayType:
		return "[]" + exprName(pkg, e.Elt)
	case *ast.StarExpr:
		return exprName(pkg, e.X)
	case *ast.IndexExpr:
		return exprName(pkg, e.X) + ":" + exprName(pkg, e.Index)
	}
	return fmt.Sprintf("%T", e)
}
