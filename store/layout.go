package store

import (
	"io/fs"
	"path"

	"poolcert/batch"
)

// A node is a folder, a file or a link of a generation as it must be.
type node struct {
	path   string // relative to the generation
	rights rights // of a link, only the kind
	made   rights // the same as they are given when it is made
	data   []byte // of a file
	target string // of a link
}

func (n node) isDir() bool { return n.rights.mode.IsDir() }

// isLink: who may use a link, the folder that it is in decides, and what it leads to.
func (n node) isLink() bool { return n.target != "" }

// layout returns the folders of the visibilities that have an owner, then the
// files of the set, each folder of links before its links.
func (s *set) layout() []node {
	var nodes []node
	for _, v := range batch.Visibilities() {
		if owner, ok := s.owners[v]; ok {
			nodes = append(nodes, node{path: string(v), rights: owner.folder()})
		}
	}
	linked := make(map[batch.Visibility]bool)
	for _, e := range s.entries {
		for _, v := range e.Reference.Visibility {
			list, _ := s.files(e, v) // an entry without them is not in a set
			for _, f := range list {
				nodes = append(nodes, node{path: path.Join(string(v), f.name), rights: s.owners[v].file(), data: f.data})
			}
			if !s.isNamed(e) {
				continue
			}
			names := path.Join(string(v), namesFolder)
			if !linked[v] {
				linked[v] = true
				nodes = append(nodes, node{path: names, rights: s.owners[v].folder()})
			}
			for _, f := range list {
				link := path.Join(names, linkName(e.Reference.Name, e.Reference.Thumbprint, f.name))
				nodes = append(nodes, node{path: link, rights: rights{mode: fs.ModeSymlink}, target: linkTo(f.name)})
			}
		}
	}
	for i, n := range nodes {
		nodes[i].made = n.rights
		if acl, ok := s.acls[n.path]; ok {
			nodes[i].rights.acl = acl
		}
	}
	return nodes
}
