package main

import (
	"bytes"
	"debug/buildinfo"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// listModules writes what each program is made of (its SBOM), in CycloneDX's form, from
// what Go's linker has put into it.
func (r *release) listModules(s system) error {
	for _, program := range s.programs() {
		info, err := buildinfo.ReadFile(filepath.Join(r.bin(s), s.file(program)))
		if err != nil {
			return err
		}
		var b bytes.Buffer
		encoder := cdx.NewBOMEncoder(&b, cdx.BOMFileFormatJSON).SetPretty(true)
		if err := encoder.EncodeVersion(r.modules(program, s, info), cdx.SpecVersion1_6); err != nil {
			return fmt.Errorf("list the modules of %s: %w", program, err)
		}
		name := program + "_" + strings.TrimPrefix(r.version, "v") + "_" + s.String() + ".cdx.json"
		if err := writeFile(filepath.Join(r.out, name), b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

func (r *release) modules(program string, s system, info *buildinfo.BuildInfo) *cdx.BOM {
	main := cdx.Component{BOMRef: program, Type: cdx.ComponentTypeApplication, Name: program, Version: r.version,
		Licenses: &cdx.Licenses{{License: &cdx.License{ID: "Apache-2.0"}}}}
	properties := []cdx.Property{{Name: "commit", Value: r.commit}, {Name: "GOOS", Value: s.os}, {Name: "GOARCH", Value: s.arch}}
	for _, setting := range info.Settings {
		if setting.Key == "GOEXPERIMENT" {
			properties = append(properties, cdx.Property{Name: setting.Key, Value: setting.Value})
		}
	}
	main.Properties = &properties

	goVersion, _, _ := strings.Cut(strings.TrimPrefix(info.GoVersion, "go"), " ") // an experiment follows
	components := []cdx.Component{moduleComponent("std", goVersion, "")}
	for _, dep := range info.Deps {
		components = append(components, moduleComponent(dep.Path, dep.Version, dep.Sum))
	}
	var refs []string
	for _, c := range components {
		refs = append(refs, c.BOMRef)
	}
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{Timestamp: r.time.Format(time.RFC3339), Component: &main}
	bom.Components = &components
	bom.Dependencies = &[]cdx.Dependency{{Ref: program, Dependencies: &refs}}
	return bom
}

// moduleComponent is one Go module; sum is that of go.sum.
func moduleComponent(path, version, sum string) cdx.Component {
	purl := "pkg:golang/" + path + "@" + url.PathEscape(version)
	c := cdx.Component{BOMRef: purl, Type: cdx.ComponentTypeLibrary, Name: path, Version: version, PackageURL: purl}
	if sum != "" {
		c.Properties = &[]cdx.Property{{Name: "go.sum", Value: sum}}
	}
	return c
}
