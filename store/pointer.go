package store

import (
	"context"
	"path"
	"strings"
)

// A pointer is how current, the path by which tasks come, leads to a generation.
type pointer interface {
	// generation returns the name of the generation, or "" for none.
	generation(t *tree) (string, error)

	// set has current lead to a generation, of which nodes are all that is in it, in
	// one step. What else is at current goes.
	set(ctx context.Context, t *tree, generation string, nodes []node) error

	// difference returns how current differs from what set made.
	difference(t *tree, generation string, nodes []node) []Drift

	// copies returns other folders that hold files of the generation.
	copies() []string
}

// driftOf returns the cause as the only drift of current, or none if it is "".
func driftOf(cause string) []Drift {
	if cause == "" {
		return nil
	}
	return []Drift{{currentLink, cause}}
}

// pathOf returns the path of a generation below the root.
func pathOf(generation string) string { return path.Join(generations, generation) }

// generationAt is the inverse of pathOf; "" for other paths.
func generationAt(target string) string {
	name, ok := strings.CutPrefix(target, generations+"/")
	if !ok || number(name) == 0 {
		return ""
	}
	return name
}
