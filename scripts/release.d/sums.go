package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// sumsName is the list of all files, in the form of sha256sum.
const sumsName = "SHA256SUMS"

// sum writes the list.
func (r *release) sum() error {
	entries, err := os.ReadDir(r.out) // sorted
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(r.out, entry.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(data), entry.Name())
	}
	return writeFile(filepath.Join(r.out, sumsName), []byte(b.String()))
}

// tellWhatIsLeft says what a person does, who has the keys.
func (r *release) tellWhatIsLeft() {
	fmt.Printf("%s is in %s. What is left to a person:\n", r.version, r.out)
	steps := []string{
		"build it once more elsewhere, and compare " + sumsName + " (docs/release.md)",
		"sign the .rpm files, and sum again:  rpmsign --addsign *.rpm && sha256sum $(ls | grep -v " + sumsName + ") >" + sumsName,
		"sign the list:  gpg --armor --detach-sign " + sumsName,
		"tag and push:  git tag --sign " + r.version + " " + r.commit[:12] + " && git push origin " + r.version,
		"publish all files of the folder, with the section of CHANGELOG.md",
	}
	if !r.signed {
		steps = append([]string{"sign for Windows:  run again with POOLCERT_SIGN_PFX and POOLCERT_SIGN_PASSWORD_FILE"}, steps...)
	}
	for i, step := range steps {
		fmt.Printf("  %d. %s\n", i+1, step)
	}
}
