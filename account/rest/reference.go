package rest

import (
	"encoding/json"
	"fmt"
	"strings"

	"poolcert/batch"
)

// references reads certificateReferences (reference section 5.1): nil when
// absent, empty when the list is.
func (o object) references() ([]batch.CertificateReference, error) {
	const name = "certificateReferences"
	values, err := o.list(name)
	if err != nil || values == nil {
		return nil, err
	}
	refs := make([]batch.CertificateReference, len(values))
	for i, value := range values {
		element := object{path: fmt.Sprintf("%s%s[%d].", o.path, name, i)}
		if json.Unmarshal(value, &element.members) != nil || element.members == nil {
			return nil, o.invalid(name, "", fmt.Sprintf("element %d is not an object", i))
		}
		if refs[i], err = element.reference(); err != nil {
			return nil, err
		}
	}
	return refs, nil
}

func (o object) reference() (r batch.CertificateReference, err error) {
	if err := o.only("thumbprint", "thumbprintAlgorithm", "storeLocation", "storeName", "visibility", "poolcert:name"); err != nil {
		return r, err
	}
	if err := o.parse("poolcert:name", &r.Name); err != nil {
		return r, err
	}
	// What a name stands for is for the account to say.
	if r.Name == "" {
		if r.Thumbprint, err = o.thumbprint(); err != nil {
			return r, err
		}
	}
	if err := o.parse("storeLocation", &r.StoreLocation); err != nil {
		return r, err
	}
	if r.StoreName, err = o.text("storeName"); err != nil {
		return r, err
	}
	if r.Visibility, err = o.visibility(); err != nil {
		return r, err
	}
	return r.WithDefaults(), nil
}

// beforeVisibilityLists tells whether visibility is one text, separated by commas,
// in that version of the API, and remoteuser is called rdp.
func beforeVisibilityLists(version string) bool { return version < "2016-02-01.3.0" }

const oldRemoteUser = "rdp"

// joinVisibilities makes one text of each list, where an element has references.
func joinVisibilities(element map[string]json.RawMessage) error {
	const name = "certificateReferences"
	if element[name] == nil {
		return nil
	}
	var refs []batch.CertificateReference
	if err := json.Unmarshal(element[name], &refs); err != nil {
		return err
	}
	type oldReference struct {
		batch.CertificateReference
		Visibility string `json:"visibility,omitempty"`
	}
	old := make([]oldReference, len(refs))
	for i, r := range refs {
		names := make([]string, len(r.Visibility))
		for j, v := range r.Visibility {
			names[j] = string(v)
			if v == batch.RemoteUser {
				names[j] = oldRemoteUser
			}
		}
		old[i] = oldReference{r, strings.Join(names, ",")}
	}
	var err error
	element[name], err = encode(old)
	return err
}

// visibility reads an array, or the text of old versions, whatever the version.
func (o object) visibility() ([]batch.Visibility, error) {
	const name = "visibility"
	if !o.has(name) {
		return nil, nil
	}
	var names []string
	var old string
	if json.Unmarshal(o.members[name], &old) == nil {
		names = strings.Split(strings.ReplaceAll(strings.ToLower(old), oldRemoteUser, string(batch.RemoteUser)), ",")
	} else if json.Unmarshal(o.members[name], &names) != nil {
		return nil, o.invalid(name, "", "it is not an array of strings")
	}
	var list []batch.Visibility
	for _, text := range names {
		var v batch.Visibility
		if err := v.UnmarshalText([]byte(strings.TrimSpace(text))); err != nil || v == "" {
			return nil, o.invalid(name, text, "want starttask, task, remoteuser")
		}
		list = append(list, v)
	}
	return list, nil
}
