package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"poolcert/agent/statedir"
	"poolcert/store"
)

// oldFolders are the certificates directories of configurations that are not in
// force any more. They are emptied, or keys would stay there that no agent looks
// after. It is not for concurrent use.
type oldFolders struct {
	state   *statedir.Dir
	current string   // the one in force
	old     []string // that may hold certificates
}

// openOldFolders writes down that certificates are in current from now on. The
// result is good for use, whatever the error.
func openOldFolders(state *statedir.Dir, current string) (*oldFolders, error) {
	all, err := loadFolders(state)
	o := &oldFolders{state, current, slices.DeleteFunc(slices.Clone(all), func(dir string) bool { return dir == current })}
	if err == nil && len(all) > 0 && all[0] == current {
		return o, nil
	}
	return o, errors.Join(err, o.save())
}

// clear empties the old ones. What fails stays for another try.
func (o *oldFolders) clear(ctx context.Context) error {
	if o == nil || len(o.old) == 0 {
		return nil
	}
	var left []string
	var errs []error
	for _, dir := range o.old {
		// Another agent that keeps its certificates there looks after them.
		if err := clearStore(ctx, dir); err != nil && !errors.Is(err, store.ErrInUse) {
			left = append(left, dir)
			errs = append(errs, fmt.Errorf("the former certificates_dir %s: %w", dir, err))
		}
	}
	if len(left) < len(o.old) {
		o.old = left
		errs = append(errs, o.save())
	}
	return errors.Join(errs...)
}

func (o *oldFolders) save() error {
	data, err := json.Marshal(append([]string{o.current}, o.old...))
	if err == nil {
		err = o.state.Write(statedir.FoldersFile, data)
	}
	if err != nil {
		return fmt.Errorf("write down where certificates are: %w", err)
	}
	return nil
}

// loadFolders returns the certificates directories that were written down, the last one first.
func loadFolders(s *statedir.Dir) (all []string, err error) {
	data, err := s.Read(statedir.FoldersFile, 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.File(statedir.FoldersFile), err)
	}
	return all, nil
}

// clearStores removes all certificates from dir, from former ones, and, on Windows, from
// the certificate stores.
func clearStores(ctx context.Context, s *statedir.Dir, dir string) error {
	o, err := openOldFolders(s, dir)
	return errors.Join(err, clearStore(ctx, dir), o.clear(ctx), clearAnySystem(ctx, s.Path()))
}
