package store

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"

	"poolcert/batch"
)

// Modes of what tasks meet on their way to a file.
const (
	treeMode   fs.FileMode = 0o755 // the root, generations, and each generation: names, no secrets
	folderMode fs.FileMode = 0o750
	passMode   fs.FileMode = 0o751 // so that a user of no group reaches its files, by name
	fileMode   fs.FileMode = 0o440
)

// A node is a folder or a file of a generation as it must be.
type node struct {
	path  string // relative to the generation
	owner Owner
	dir   bool
	pass  bool // of a folder: others may pass through
	data  []byte
}

func (n node) mode() fs.FileMode {
	switch {
	case n.dir && n.pass:
		return fs.ModeDir | passMode
	case n.dir:
		return fs.ModeDir | folderMode
	}
	return fileMode
}

// folderOf returns the folder, still without a path, for files of an owner. It is
// always ours: a user who has a folder could put links and pipes there, and
// exchange them while we, who may do more, work on them.
func folderOf(files Owner) node {
	us := os.Geteuid()
	return node{owner: Owner{UID: us, GID: files.GID}, dir: true, pass: files.UID != us}
}

// layout returns the folders of the visibilities that have an owner, then the
// files of the set.
func (s *set) layout() []node {
	var nodes []node
	for _, v := range batch.Visibilities() {
		if owner, ok := s.owners[v]; ok {
			folder := folderOf(owner)
			folder.path = string(v)
			nodes = append(nodes, folder)
		}
	}
	for _, e := range s.entries {
		for _, v := range e.Reference.Visibility {
			for _, f := range files(e) {
				if slices.Contains(s.keyless, v) && !isPublic(f.name) {
					continue
				}
				nodes = append(nodes, node{path: path.Join(string(v), f.name), owner: s.owners[v], data: f.data})
			}
		}
	}
	return nodes
}

type file struct {
	name string
	data []byte
}

// baseName is what the names of a certificate's files begin with, before a dot.
func baseName(t batch.Thumbprint) string { return batch.SHA1 + "-" + t.String() }

// files returns the files of an entry in each of its folders.
func files(e Entry) []file {
	base := baseName(e.Reference.Thumbprint)
	list := []file{{base + ".cer", e.Bundle.Leaf.Raw}}
	if !e.isCER() {
		list = append(list,
			file{base + ".pfx", e.Data},
			file{base + ".pfx.pw", []byte(e.Password)})
	}
	return list
}

// difference says in words how a file or folder differs from n, or "".
func (n node) difference(info fs.FileInfo) string {
	if info.Mode().Type() != n.mode().Type() {
		return "another kind of file"
	}
	if got := ownerOf(info); got != n.owner {
		return fmt.Sprintf("owner %d:%d, want %d:%d", got.UID, got.GID, n.owner.UID, n.owner.GID)
	}
	if info.Mode() != n.mode() {
		return modeCause(info, n.mode())
	}
	if !n.dir && info.Size() != int64(len(n.data)) {
		return "content changed"
	}
	return ""
}

func modeCause(info fs.FileInfo, want fs.FileMode) string {
	return fmt.Sprintf("mode %v, want %v", info.Mode(), want|want.Type()|info.Mode().Type())
}
