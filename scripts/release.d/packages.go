package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm"
)

// What all packages say of who made them.
const (
	maintainer = "poolcert maintainers <maintainers@poolcert.example>"
	homepage   = "https://poolcert.example/"
)

// trial is a version that nobody publishes: without a tag, and in tests.
var trial = regexp.MustCompile(`^v0\.0\.`)

// checkNames refuses to release under names that are no one's.
func (r *release) checkNames() error {
	if !trial.MatchString(r.version) && strings.Contains(maintainer+homepage, ".example") {
		return fmt.Errorf("%s would name %s and %s: set maintainer and homepage in scripts/release.d/packages.go (versions v0.0.N are for tests)",
			r.version, maintainer, homepage)
	}
	return nil
}

// pack makes the packages of a Linux system in each of the formats.
func (r *release) pack(s system, formats ...string) error {
	if err := r.fillStage(s); err != nil {
		return err
	}
	for _, program := range s.programs() {
		for _, format := range formats {
			if err := r.makePackage(s, program, format); err != nil {
				return fmt.Errorf("package %s.%s: %w", program, format, err)
			}
		}
	}
	return nil
}

// fillStage gives a system's folder what all systems have.
func (r *release) fillStage(s system) error {
	for name, target := range map[string]string{
		"source": r.source, "manual": filepath.Join(r.work, "manual"), "completions": filepath.Join(r.work, "completions"),
		"licences": filepath.Dir(r.licence(s, "")), "changelog.yaml": filepath.Join(r.work, "changelog.yaml"),
	} {
		if err := os.Symlink(target, filepath.Join(r.stage(s), name)); err != nil {
			return err
		}
	}
	return nil
}

func (r *release) makePackage(s system, name, format string) error {
	if err := os.Chdir(r.stage(s)); err != nil { // nfpm knows no folder but this
		return err
	}
	config, err := nfpm.ParseFile(filepath.Join("source/packaging/packages", name+".yaml"))
	if err != nil {
		return err
	}
	info, err := config.Get(format)
	if err != nil {
		return err
	}
	r.complete(info, s, format)
	if format == "rpm" {
		if err := markDocs(info); err != nil {
			return err
		}
	}
	if info = nfpm.WithDefaults(info); info.Name != name {
		return fmt.Errorf("%s.yaml is of %q", name, info.Name)
	}
	packager, err := nfpm.Get(format)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(r.out, packager.ConventionalFileName(info)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	err = packager.Package(info, f)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// complete adds what all packages have in common.
func (r *release) complete(info *nfpm.Info, s system, format string) {
	info.Arch, info.Platform = s.arch, s.os
	info.Version, info.Release = r.version, "1"
	info.Prerelease, info.VersionMetadata = "", "" // of the version that nfpm takes when there is none
	info.Section, info.Priority = "admin", "optional"
	info.Maintainer, info.Homepage, info.Vendor = maintainer, homepage, "poolcert"
	info.License = "Apache-2.0"
	info.MTime = r.time
	info.Changelog = "changelog.yaml"
	doc := "/usr/share/doc/" + info.Name + "/"
	add := func(source, destination, kind string) {
		info.Contents = append(info.Contents, &files.Content{Source: source, Destination: destination, Type: kind, FileInfo: &files.ContentFileInfo{Mode: 0o644}})
	}
	switch format {
	case "deb":
		add("source/packaging/deb/copyright", doc+"copyright", "")
		add("source/packaging/deb/"+info.Name+".lintian-overrides", "/usr/share/lintian/overrides/"+info.Name, "")
	case "rpm":
		add("source/LICENSE", "/usr/share/licenses/"+info.Name+"/LICENSE", files.TypeRPMLicense)
		info.RPM.Summary, info.Description, _ = strings.Cut(strings.TrimSpace(info.Description), "\n")
		info.RPM.Summary = strings.ToUpper(info.RPM.Summary[:1]) + info.RPM.Summary[1:]
		info.RPM.Group = "System Environment/Daemons"
		info.RPM.BuildHost = "poolcert.example"
		info.RPM.Packager = maintainer
	}
	for _, c := range info.Contents {
		c.FileInfo.MTime = r.time
	}
}

// markDocs tells rpm what is documentation. nfpm takes no patterns for it.
func markDocs(info *nfpm.Info) error {
	var contents files.Contents
	for _, c := range info.Contents {
		if !strings.HasPrefix(c.Destination, "/usr/share/man/") && !strings.HasPrefix(c.Destination, "/usr/share/doc/") {
			contents = append(contents, c)
			continue
		}
		sources, err := filepath.Glob(c.Source)
		if err != nil || len(sources) == 0 {
			return fmt.Errorf("%s: no such file: %v", c.Source, err)
		}
		for _, source := range sources {
			doc := *c
			doc.Type, doc.Source = files.TypeRPMDoc, source
			if strings.HasSuffix(c.Destination, "/") {
				doc.Destination += filepath.Base(source)
			}
			contents = append(contents, &doc)
		}
	}
	info.Contents = contents
	return nil
}
