package directory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"poolcert/batch"
	"poolcert/internal/filetrust"
	"poolcert/internal/nodeapi"
	"poolcert/internal/tomlfile"
)

const (
	referencesFile = "references.toml"
	maxReferenceIO = 1 << 20 // bytes of references.toml
)

// A folderEntry is one [[certificate]] of references.toml.
type folderEntry struct {
	Name          batch.CertificateName `toml:"name"`
	File          string                `toml:"file"`
	KeyFile       string                `toml:"key_file"`
	Thumbprint    *batch.Thumbprint     `toml:"thumbprint"`
	Password      *string               `toml:"password"`
	PasswordFile  string                `toml:"password_file"`
	StoreLocation batch.StoreLocation   `toml:"store_location"`
	StoreName     string                `toml:"store_name"`
	Visibility    []batch.Visibility    `toml:"visibility"`
}

// A folder is one reading of a directory source.
type folder struct {
	root *os.Root
	seen map[string]fs.FileInfo // the files that were read
}

// snapshot reads and checks references.toml and all that it names. It returns
// the last snapshot when that is what the files hold still. The error joins all
// that is wrong, each with its file's name.
func (f *folder) snapshot(ctx context.Context, last *snapshot) (*snapshot, error) {
	text, open, err := f.read(referencesFile, maxReferenceIO)
	if err != nil {
		return nil, err
	}
	entries, err := parseReferences(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", referencesFile, err)
	}
	if slices.ContainsFunc(entries, func(e folderEntry) bool { return e.Password != nil }) && open {
		return nil, fmt.Errorf("%s: others can read the passwords in it", referencesFile)
	}
	digest := sha256.New()
	add(digest, text)
	var all []*folderFiles
	var errs []error
	for _, e := range entries {
		files, err := f.load(e)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		add(digest, files.data, files.key, []byte(files.password))
		all = append(all, files)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	revision := hex.EncodeToString(digest.Sum(nil)[:16])
	if last != nil && last.references.Revision == revision {
		return last, nil
	}
	s := &snapshot{&nodeapi.References{Revision: revision}, make(map[batch.Thumbprint]*nodeapi.Certificate)}
	for _, files := range all {
		if err := s.add(ctx, files); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", files.entry.File, err))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return s, nil
}

// add opens the files of one entry.
func (s *snapshot) add(ctx context.Context, files *folderFiles) error {
	thumbprint, c, err := files.certificate(ctx)
	if err != nil {
		return err
	}
	if s.certificates[thumbprint] != nil {
		return fmt.Errorf("another file has the certificate %s, too", thumbprint)
	}
	s.certificates[thumbprint] = c
	e := files.entry
	s.references.References = append(s.references.References, batch.CertificateReference{
		Thumbprint: thumbprint, StoreLocation: e.StoreLocation, StoreName: e.StoreName, Visibility: e.Visibility, Name: e.Name,
	}.WithDefaults())
	return nil
}

// add writes fields to h, each with its length.
func add(h hash.Hash, fields ...[]byte) {
	for _, field := range fields {
		fmt.Fprintf(h, "%d:", len(field))
		h.Write(field)
	}
}

// parseReferences reads references.toml. A file that may be cut is refused: of
// all half-written files, this one would look whole.
func parseReferences(text string) ([]folderEntry, error) {
	var doc struct {
		Certificate []folderEntry `toml:"certificate"`
	}
	meta, err := tomlfile.Decode(text, &doc)
	switch {
	case err != nil:
		return nil, err
	case !meta.IsDefined("certificate"):
		return nil, errors.New("no [[certificate]]; for a node without certificates, write 'certificate = []'")
	case !strings.HasSuffix(text, "\n"):
		return nil, errors.New("the last line does not end: the file may be cut")
	case len(doc.Certificate) > nodeapi.MaxReferences:
		return nil, fmt.Errorf("%d certificates, and a node takes %d at most", len(doc.Certificate), nodeapi.MaxReferences)
	}
	for i, e := range doc.Certificate {
		if e.File == "" {
			return nil, fmt.Errorf("certificate %d has no file", i+1)
		}
		if e.Password != nil && e.PasswordFile != "" {
			return nil, fmt.Errorf("certificate %d (%s) has both password and password_file", i+1, e.File)
		}
		for _, name := range []string{e.File, e.KeyFile, e.PasswordFile} {
			if strings.ContainsAny(name, `/\`) || name == ".." || name == "." {
				return nil, fmt.Errorf("certificate %d: %q is not the name of a file in this folder", i+1, name)
			}
		}
	}
	return doc.Certificate, nil
}

// read returns the content of a file of at most limit bytes that only the agent's
// user or root can have written, and whether others can read it.
func (f *folder) read(name string, limit int64) (data []byte, open bool, err error) {
	file, err := f.root.OpenFile(name, os.O_RDONLY|filetrust.Nonblock, 0)
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", name, filetrust.Reason(err))
	}
	defer file.Close()
	fi, err := file.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err == nil {
		err = filetrust.CheckOwner(file)
	}
	if err == nil {
		f.note(name, fi)
		data, err = io.ReadAll(io.LimitReader(file, limit+1))
	}
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("larger than %d bytes", limit)
	}
	if err != nil {
		return nil, false, fmt.Errorf("%s: %w", name, filetrust.Reason(err))
	}
	return data, filetrust.OthersCanRead(file), nil
}

func (f *folder) note(name string, fi fs.FileInfo) {
	if f.seen == nil {
		f.seen = make(map[string]fs.FileInfo)
	}
	f.seen[name] = fi
}

// changed tells whether a file that was read is another one by now.
func (f *folder) changed() bool {
	for name, was := range f.seen {
		is, err := f.root.Stat(name)
		if err != nil || !os.SameFile(was, is) || was.Size() != is.Size() || !was.ModTime().Equal(is.ModTime()) {
			return true
		}
	}
	return false
}

func checkFolder(root *os.Root) error {
	dir, err := root.Open(".")
	if err != nil {
		return filetrust.Reason(err)
	}
	defer dir.Close()
	if err := filetrust.CheckOwner(dir); err != nil {
		return err
	}
	return filetrust.CheckFolders(root.Name())
}
