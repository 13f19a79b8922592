package store

import (
	"path"

	"poolcert/batch"
)

// A node is a folder or a file of a generation as it must be.
type node struct {
	path   string // relative to the generation
	rights rights
	data   []byte // of a file
}

func (n node) isDir() bool { return n.rights.mode.IsDir() }

// layout returns the folders of the visibilities that have an owner, then the
// files of the set.
func (s *set) layout() []node {
	var nodes []node
	for _, v := range batch.Visibilities() {
		if owner, ok := s.owners[v]; ok {
			nodes = append(nodes, node{path: string(v), rights: owner.folder()})
		}
	}
	for _, e := range s.entries {
		for _, v := range e.Reference.Visibility {
			list, _ := s.files(e, v) // an entry without them is not in a set
			for _, f := range list {
				nodes = append(nodes, node{path.Join(string(v), f.name), s.owners[v].file(), f.data})
			}
		}
	}
	return nodes
}
