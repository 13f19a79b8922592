package rest

import "testing"

// The audit log and the metrics need a name for each operation.
func TestOperationsHaveNames(t *testing.T) {
	named := make(map[string]string)
	for path, methods := range routes {
		for method, op := range methods {
			where := method + " " + path
			if op.name == "" {
				t.Errorf("%s has no name", where)
			} else if other, ok := named[op.name]; ok && op.name != "pool.show" {
				t.Errorf("%s and %s have the name %s", where, other, op.name)
			}
			named[op.name] = where
		}
	}
}
